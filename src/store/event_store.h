// The memory of events as a request uses it: the request claims an event and ends the claim.
//
// A store answers at once, or later through the given Waiter, from its own turn of the event loop,
// never from within the call. It bounds the time that takes. Callers do not know whether the store
// lies in this process's memory or elsewhere.
//
// For use by one thread. Only new_token() and claim() throw, if memory is short.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "store/dedup_table.h"

namespace webhook {

class EventStore {
  public:
    // Receives answers that were not known at once. It must not call the store from within.
    class Waiter {
      public:
        virtual void on_claimed(const ClaimResult& result) noexcept = 0;
        virtual void on_committed() noexcept = 0;

      protected:
        ~Waiter() = default;
    };

    // Returns the token of a new claim of this process, or nullopt if claims are not possible now.
    virtual std::optional<ClaimToken> new_token() = 0;

    // Announces that a claim on these keys may follow.
    virtual void prefetch(std::span<const EventKey> keys) const noexcept = 0;

    // Returns nullopt if `waiter` gets the result later.
    virtual std::optional<ClaimResult> claim(std::span<const EventKey> keys,
                                             const ClaimToken& token, Waiter& waiter) = 0;

    // Each granted claim is ended by one of these, in the order of the calls: several of one token
    // may share keys. commit() remembers the event, with the status of its response, for the given
    // time. It returns false if that is done later; `waiter`, unless null, is then told.
    virtual bool commit(std::span<const EventKey> keys, const ClaimToken& token,
                        std::uint16_t status, Milliseconds remembered_for,
                        Waiter* waiter) noexcept = 0;
    virtual void release(std::span<const EventKey> keys, const ClaimToken& token) noexcept = 0;

    // Forgets `waiter`, which is about to be destroyed. A claim that it waits for is released.
    virtual void forget(const Waiter& waiter) noexcept = 0;

  protected:
    ~EventStore() = default;
};

}  // namespace webhook
