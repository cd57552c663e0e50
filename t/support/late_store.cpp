// A store that answers later, as one elsewhere would, for the module that tests load.
//
// Where the environment names a directory by WEBHOOK_LATE_STORE when nginx.conf is read, no call is
// answered at once; no claim while there is a file "claims" in it, and no end of one while there is
// "ends". Calls are answered in the order in which they were made.

#include "ngx_http_webhook/ngx.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "store/event_store.h"
#include "store/fault_point.h"

namespace webhook {
namespace {

constexpr ngx_msec_t kTick = 10;

class LateStore final : public EventStore {
  public:
    LateStore(EventStore& store, const std::string& directory)
        : store_(store), holds_claims_(directory + "/claims"), holds_ends_(directory + "/ends") {}

    std::optional<ClaimToken> new_token() override { return store_.new_token(); }
    void prefetch(std::span<const EventKey> keys) const noexcept override { store_.prefetch(keys); }

    std::optional<ClaimResult> claim(std::span<const EventKey> keys, const ClaimToken& token,
                                     Waiter& waiter) override {
        const auto result = store_.claim(keys, token, waiter);
        add(keys, token, &waiter, holds_claims_).answer = [this, result](Call& done) {
            if (done.waiter != nullptr) return done.waiter->on_claimed(*result);
            if (result->outcome == ClaimOutcome::claimed) store_.release(done.all(), done.token);
        };
        return std::nullopt;
    }

    bool commit(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                Milliseconds remembered_for, Waiter* waiter) noexcept override {
        add(keys, token, waiter, holds_ends_).answer = [this, status, remembered_for](Call& done) {
            store_.commit(done.all(), done.token, status, remembered_for, nullptr);
            if (done.waiter != nullptr) done.waiter->on_committed();
        };
        return false;
    }

    void release(std::span<const EventKey> keys, const ClaimToken& token) noexcept override {
        add(keys, token, nullptr, holds_ends_).answer = [this](Call& done) {
            store_.release(done.all(), done.token);
        };
    }

    void forget(const Waiter& waiter) noexcept override {
        for (Call& call : calls_) {
            if (call.waiter == &waiter) call.waiter = nullptr;
        }
    }

  private:
    struct Call {
        std::array<EventKey, kMostKeys> keys;
        std::size_t key_count;
        ClaimToken token;
        Waiter* waiter;
        const std::string* held_by;
        ngx_msec_t made_at;
        std::function<void(Call&)> answer;

        std::span<const EventKey> all() const { return {keys.data(), key_count}; }
    };

    Call& add(std::span<const EventKey> keys, const ClaimToken& token, Waiter* waiter,
              const std::string& held_by) {
        Call& call = calls_.emplace_back();
        std::ranges::copy(keys, call.keys.begin());
        call.key_count = keys.size();
        call.token = token;
        call.waiter = waiter;
        call.held_by = &held_by;
        call.made_at = ngx_current_msec;
        arm();
        return call;
    }

    void arm() {
        if (timer_.timer_set) return;
        timer_.handler = on_tick;
        timer_.data = this;
        timer_.log = ngx_cycle->log;
        ngx_add_timer(&timer_, kTick);
    }

    static void on_tick(ngx_event_t* timer) noexcept {
        static_cast<LateStore*>(timer->data)->answer_calls();
    }

    void answer_calls() {
        while (!calls_.empty() && ngx_current_msec - calls_.front().made_at >= kTick &&
               access(calls_.front().held_by->c_str(), F_OK) != 0) {
            Call call = std::move(calls_.front());
            calls_.pop_front();
            call.answer(call);
        }
        if (!calls_.empty()) arm();
    }

    EventStore& store_;
    const std::string holds_claims_;
    const std::string holds_ends_;
    std::deque<Call> calls_;
    ngx_event_t timer_{};
};

}  // namespace

EventStore& late_store(EventStore& store) {
    static std::map<EventStore*, std::unique_ptr<LateStore>> made;
    const char* directory = std::getenv("WEBHOOK_LATE_STORE");
    if (directory == nullptr) return store;
    auto& late = made[&store];
    if (late == nullptr) late = std::make_unique<LateStore>(store, directory);
    return *late;
}

}  // namespace webhook
