// The memory of events as a request uses it: it claims an event, and ends the claim.
//
// A store answers at once, or later, by the Waiter that was named: then from a turn of the event
// loop of its own, never from within the call. It bounds the time that takes. Whether it lies in
// this process's memory or elsewhere, only its own code knows.
//
// One thread uses it. Nothing here throws but new_token() and claim(), for lack of memory.

#pragma once

#include <optional>
#include <span>

#include "base/time.h"
#include "store/dedup_table.h"

namespace webhook {

class EventStore {
  public:
    // Hears what was not known at once. It must not call the store from within.
    class Waiter {
      public:
        virtual void on_claimed(const ClaimResult& result) noexcept = 0;
        virtual void on_committed() noexcept = 0;

      protected:
        ~Waiter() = default;
    };

    // Names a new claim of this process. Nothing where nobody may claim for now.
    virtual std::optional<ClaimToken> new_token() = 0;

    // A claim on these keys may follow.
    virtual void prefetch(std::span<const EventKey> keys) const noexcept = 0;

    // Nothing: `waiter` hears it.
    virtual std::optional<ClaimResult> claim(std::span<const EventKey> keys,
                                             const ClaimToken& token, Waiter& waiter) = 0;

    // Each claim that was had is ended by one of these, in the order of the calls: several of one
    // token may share keys. The first remembers the event, with the status that its sender is
    // answered with, for so long; it returns whether that is done. If not, it will be, and `waiter`
    // hears of it, where there is one.
    virtual bool commit(std::span<const EventKey> keys, const ClaimToken& token,
                        std::uint16_t status, Milliseconds remembered_for,
                        Waiter* waiter) noexcept = 0;
    virtual void release(std::span<const EventKey> keys, const ClaimToken& token) noexcept = 0;

    // `waiter` is about to go. A claim that it would have been told of is released.
    virtual void forget(const Waiter& waiter) noexcept = 0;

  protected:
    ~EventStore() = default;
};

}  // namespace webhook
