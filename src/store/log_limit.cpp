#include "store/log_limit.h"

#include <algorithm>

namespace webhook {
namespace {

// Ages from here on are of seconds to come.
constexpr std::uint16_t kFuture = 0x8000;
// A count that nobody has taken for so long is of a process that was killed.
constexpr std::uint16_t kForgottenAfter = 10;

// What a place holds. Half of a kind's hash chooses the place, the other half stands in it.
struct Content {
    std::uint32_t kind = 0;
    // Modulo 2^16.
    std::uint16_t second = 0;
    std::uint16_t left_out = 0;

    static Content of(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint16_t>(word >> 16),
                static_cast<std::uint16_t>(word)};
    }
    std::uint64_t word() const {
        return std::uint64_t{kind} << 32 | std::uint64_t{second} << 16 | left_out;
    }
};

// An exiting process tells in advance, as in the second to come.
bool is_current(std::int64_t second, const Content& content) {
    const auto age =
        static_cast<std::uint16_t>(static_cast<std::uint16_t>(second) - content.second);
    return age == 0 || age >= kFuture;
}

}  // namespace

std::size_t LogLimit::size() {
    return kMostKinds * sizeof(Place);
}

LogLimit::LogLimit(std::span<std::byte> block)
    : places_(reinterpret_cast<Place*>(block.data()), kMostKinds) {}

LogLimit::Place& LogLimit::place_of(std::uint64_t kind) const {
    return places_[kind % kMostKinds];
}

std::optional<std::uint32_t> LogLimit::ask(std::uint64_t kind, std::int64_t second) {
    Place& place = place_of(kind);
    const auto mark = static_cast<std::uint32_t>(kind >> 32);
    const auto now = static_cast<std::uint16_t>(second);
    std::uint64_t word = place.load(std::memory_order_relaxed);
    while (true) {
        const Content known = Content::of(word);
        const auto age = static_cast<std::uint16_t>(now - known.second);
        const bool is_same = known.kind == mark && word != 0;
        const bool is_its_second = is_current(second, known);
        const bool is_active = is_its_second || (age < kForgottenAfter && known.left_out > 0);
        // Another kind has the place, and perhaps lines to tell.
        if (!is_same && word != 0 && is_active) return 0;
        const bool may_write = !is_same || !is_its_second;
        Content next{mark, may_write ? now : known.second, 0};
        if (!may_write) {
            next.left_out = static_cast<std::uint16_t>(std::min(known.left_out + 1, 0xffff));
        }
        if (!place.compare_exchange_weak(word, next.word(), std::memory_order_relaxed)) continue;
        if (!may_write) return std::nullopt;
        return is_same ? known.left_out : 0;
    }
}

std::optional<std::uint32_t> LogLimit::take(std::uint64_t kind, std::int64_t second) {
    Place& place = place_of(kind);
    std::uint64_t word = place.load(std::memory_order_relaxed);
    while (true) {
        const Content known = Content::of(word);
        const bool is_its = known.kind == static_cast<std::uint32_t>(kind >> 32);
        if (!is_its || known.left_out == 0) return 0;
        if (is_current(second, known)) return std::nullopt;
        // This tells of the kind, in this second.
        const Content next{known.kind, static_cast<std::uint16_t>(second), 0};
        if (place.compare_exchange_weak(word, next.word(), std::memory_order_relaxed)) {
            return known.left_out;
        }
    }
}

}  // namespace webhook
