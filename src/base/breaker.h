// Spares a peer that is away (a server, a broker, a target), and those who would wait for it.
//
//     closed --failures in a row--> open --back-off--> one probe --success--> closed
//                                     ^-----------------failure, longer------'
//
// It reads no clock and draws no random numbers: both are handed in. The times must come from one
// clock that does not go backwards. One thread uses it; it does not allocate or throw.

#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace webhook {

class Breaker {
  public:
    struct Policy {
        // Of failures in a row, 1 or more.
        std::uint32_t failures;
        // The first back-off, above 0. Each failed probe doubles it, and so does, up to a tenth of
        // the longest, each opening soon after the last one: as of a peer that flaps.
        Milliseconds shortest = Milliseconds(50);
        Milliseconds longest = Milliseconds(5000);
    };

    explicit Breaker(const Policy& policy) : policy_(policy), back_off_(policy.shortest) {}

    // Whether the peer may be asked now. After a back-off, who is told so is the probe: it has to
    // report its end, and until then nobody else may ask.
    bool allows(Milliseconds now) { return is_closed_ || allows_probe(now); }

    // The peer has answered. Closes the breaker.
    void succeeded();
    // One failure of several that are needed, as a time-out is. Nothing new for a breaker that is
    // open. `random` is any number; the back-off is between half and one and a half of its nominal
    // length.
    void failed(Milliseconds now, std::uint32_t random);
    // A failure that is enough by itself, as a refused connection is.
    void broke(Milliseconds now, std::uint32_t random);
    // The probe ended without a result: another one may follow at once.
    void gave_up_probe();

    bool is_closed() const { return is_closed_; }
    // When the next probe is allowed; nullopt if the breaker is closed or a probe is under way.
    std::optional<Milliseconds> next_probe() const;

  private:
    bool allows_probe(Milliseconds now);
    void open(Milliseconds now, std::uint32_t random);

    Policy policy_;
    bool is_closed_ = true;
    bool is_probing_ = false;
    std::uint32_t failures_ = 0;
    // The nominal length of the next one.
    Milliseconds back_off_;
    Milliseconds probe_at_{};
};

}  // namespace webhook
