// Death inside a call of the table: what each of its writes would leave behind, were it the last.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dedup_fixture.h"
#include "store/fault_point.h"

namespace webhook::testing {

// Has a function called after each write to a block for as long as it lives.
class OnWrite {
  public:
    explicit OnWrite(Call call) : call_(std::move(call)) {
        current_ = this;
        fault_point = [] { current_->call_(); };
    }
    ~OnWrite() { fault_point = nullptr; }
    OnWrite(const OnWrite&) = delete;
    OnWrite& operator=(const OnWrite&) = delete;

  private:
    static inline OnWrite* current_ = nullptr;

    Call call_;
};

// What some memory held at one moment.
class Picture {
  public:
    explicit Picture(const Memory& memory) {
        for (std::span<std::byte> part : memory) parts_.emplace_back(part);
    }
    Block& part(std::size_t index = 0) { return parts_[index]; }
    std::size_t parts() const { return parts_.size(); }
    void put_back(const Memory& memory) const {
        for (std::size_t i = 0; i < memory.size(); ++i) {
            std::ranges::copy(parts_[i].bytes(), memory[i].begin());
        }
    }

  private:
    std::vector<Block> parts_;
};

// What the memory holds after each write that `call` makes.
inline std::vector<Picture> pictures_of(const Memory& memory, const Call& call) {
    std::vector<Picture> pictures;
    const OnWrite take([&] { pictures.emplace_back(memory); });
    call();
    return pictures;
}

// Four bytes of a picture.
struct Unit {
    static constexpr std::size_t kSize = 4;
    std::size_t part;
    std::size_t offset;

    std::span<std::byte> in(Picture& picture) const {
        return picture.part(part).bytes().subspan(offset, kSize);
    }
};

inline std::vector<Unit> units_that_differ(Picture& before, Picture& after) {
    std::vector<Unit> units;
    for (std::size_t part = 0; part < before.parts(); ++part) {
        const std::size_t size = before.part(part).bytes().size();
        for (std::size_t offset = 0; offset + Unit::kSize <= size; offset += Unit::kSize) {
            const Unit unit{part, offset};
            if (!std::ranges::equal(unit.in(before), unit.in(after))) units.push_back(unit);
        }
    }
    return units;
}

// Adds the states between two pictures: one write may be several instructions, in any order. Of
// many units, all are taken from the front and all from the back.
inline void add_torn(std::vector<Picture>& states, Picture& before, Picture& after) {
    constexpr std::size_t kAllOrders = 5;
    const std::vector<Unit> units = units_that_differ(before, after);
    const auto add = [&](auto is_written) {
        Picture state = before;
        for (std::size_t i = 0; i < units.size(); ++i) {
            if (is_written(i)) std::ranges::copy(units[i].in(after), units[i].in(state).begin());
        }
        states.push_back(std::move(state));
    };
    if (units.size() <= kAllOrders) {
        for (std::uint32_t set = 1; set + 1 < 1U << units.size(); ++set) {
            add([set](std::size_t i) { return (set >> i & 1) != 0; });
        }
        return;
    }
    const std::size_t step = units.size() / 8 + 1;
    for (std::size_t count = 1; count < units.size(); count += step) {
        add([count](std::size_t i) { return i < count; });
        add([count](std::size_t i) { return i >= count; });
    }
}

// All that a process can leave behind that dies in `call`, from the first write to the last.
inline std::vector<Picture> deaths_in(const Memory& memory, const Call& call) {
    std::vector<Picture> states{Picture(memory)};
    for (Picture& picture : pictures_of(memory, call)) {
        Picture before = states.back();
        add_torn(states, before, picture);
        states.push_back(std::move(picture));
    }
    return states;
}

// Dies at one write of the call that `choose` chooses, or at its last.
template <typename Choose>
CutOff cut_off_at_random(Choose choose) {
    return [choose](const Memory& memory, const Call& call) mutable {
        const std::uint32_t deadly = 1 + choose(1U << choose(9));
        std::uint32_t written = 0;
        std::vector<Picture> left;
        {
            const OnWrite count([&] {
                if (++written == deadly) left.emplace_back(memory);
            });
            call();
        }
        if (!left.empty()) left.front().put_back(memory);
        return written > 0;
    };
}

}  // namespace webhook::testing
