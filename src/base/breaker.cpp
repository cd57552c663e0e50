#include "base/breaker.h"

#include <algorithm>

namespace webhook {

void Breaker::succeeded() {
    is_closed_ = true;
    is_probing_ = false;
    failures_ = 0;
}

void Breaker::failed(Milliseconds now, std::uint32_t random) {
    if (is_closed_ && ++failures_ < policy_.failures) return;
    broke(now, random);
}

void Breaker::broke(Milliseconds now, std::uint32_t random) {
    if (is_closed_ || is_probing_) open(now, random);
}

void Breaker::gave_up_probe() {
    is_probing_ = false;
}

std::optional<Milliseconds> Breaker::next_probe() const {
    if (is_closed_ || is_probing_) return std::nullopt;
    return probe_at_;
}

bool Breaker::allows_probe(Milliseconds now) {
    if (is_probing_ || now < probe_at_) return false;
    is_probing_ = true;
    return true;
}

void Breaker::open(Milliseconds now, std::uint32_t random) {
    if (is_closed_) {
        const bool flaps = now - probe_at_ < 2 * policy_.longest;
        back_off_ = flaps ? std::min(back_off_, policy_.longest / 10) : policy_.shortest;
    }
    const std::int64_t nominal = back_off_.count();
    const std::int64_t jittered = nominal / 2 + static_cast<std::int64_t>(random) % (nominal + 1);
    probe_at_ = now + Milliseconds(jittered);
    back_off_ = std::min(2 * back_off_, policy_.longest);
    is_closed_ = false;
    is_probing_ = false;
}

}  // namespace webhook
