// What one validation may cost, so that no schema and payload together hold a worker up.
//
// A step is about what visiting one value costs: 20 to 40 ns. Work that grows with a length is
// charged by it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace webhook {

// The bytes that are read within one step.
inline constexpr std::size_t kBytesOfStep = 64;

class Steps {
  public:
    explicit Steps(std::uint32_t budget) : left_(budget) {}

    // False if so many are not left. None is left then.
    bool take(std::uint32_t count) {
        if (count <= left_) {
            left_ -= count;
            return true;
        }
        left_ = 0;
        exhausted_ = true;
        return false;
    }

    // For work over so many bytes, of which some 64 are read within a step.
    bool take_for(std::size_t bytes) {
        const std::size_t count = 1 + bytes / kBytesOfStep;
        return take(static_cast<std::uint32_t>(count < std::numeric_limits<std::uint32_t>::max()
                                                   ? count
                                                   : std::numeric_limits<std::uint32_t>::max()));
    }

    bool exhausted() const { return exhausted_; }
    std::uint32_t left() const { return left_; }

  private:
    std::uint32_t left_;
    bool exhausted_ = false;
};

}  // namespace webhook
