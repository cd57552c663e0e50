#include "ngx_http_webhook/fleet_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "ngx_http_webhook/shared_counters.h"
#include "report/cells.h"

namespace webhook::ngx {
namespace {

// The interval at which leases, dead siblings and postponed commits are looked after.
constexpr ngx_msec_t kTick = 200;
// For what no request waits for.
constexpr ngx_msec_t kPushLimit = 1000;
// Of the ends of claims: so many may wait, and so many be on the way before others of these are.
constexpr std::size_t kMostUnpushed = 4096;
constexpr std::size_t kPushedAtOnce = 16;

std::time_t in_seconds(Milliseconds time) {
    return static_cast<std::time_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

}  // namespace

// A claim of this process: in the zone, and maybe in Redis.
class FleetStore::Claim final : public RedisClient::Caller, public EventStore::Waiter {
  public:
    enum class State : std::uint8_t { asking, held, committing };

    Claim(FleetStore& store, std::span<const EventKey> keys, const ClaimToken& token)
        : store_(store), event_{{}, keys.size(), token, 0, 0} {
        std::ranges::copy(keys, event_.keys.begin());
    }
    ~Claim() {
        if (store_.client_ == nullptr) return;
        store_.client_->forget(*this);
        store_.client_->forget(renewal_);
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    std::span<const EventKey> keys() const { return {event_.keys.data(), event_.key_count}; }
    const ClaimToken& token() const { return event_.token; }
    State state() const { return state_; }
    bool waits_for(const EventStore::Waiter& waiter) const { return waiter_ == &waiter; }
    void forget_waiter() noexcept { waiter_ = nullptr; }

    // Asks Redis. `waiter` gets the result.
    void ask(EventStore::Waiter& waiter);
    // Without Redis. If it is not granted, it is gone.
    ClaimResult decide_alone() noexcept;
    // Returns whether all is done, and it is gone.
    bool commit(std::uint16_t status, Milliseconds remembered_for,
                EventStore::Waiter* waiter) noexcept;
    // In both memories. It is gone.
    void release() noexcept;
    // Keeps Redis from forgetting it, and tells Redis of it if Redis does not know it.
    void renew() noexcept;

    void on_reply(const redis::Reply* reply) noexcept override;
    // What the zone tells.
    void on_claimed(const ClaimResult& /*result*/) noexcept override {}
    void on_committed() noexcept override;

  private:
    struct Renewal final : RedisClient::Caller {
        explicit Renewal(Claim& renewed) : claim(renewed) {}
        void on_reply(const redis::Reply* reply) noexcept override { claim.on_renewed(reply); }

        Claim& claim;
    };
    enum class RenewalStep : std::uint8_t { none, renews, claims };

    void send_claim(RedisClient::Caller& caller);
    bool ask_again(const redis::ClaimAnswer& answer) noexcept;
    ClaimResult take(const redis::ClaimAnswer& answer) noexcept;
    bool send_commit(Milliseconds remembered_for) noexcept;
    void commit_late() noexcept;
    void on_commit_reply(const redis::Reply* reply) noexcept;
    void send_renewal();
    void on_renewed(const redis::Reply* reply) noexcept;
    void end_if_done() noexcept;

    FleetStore& store_;
    Ending event_;
    State state_ = State::asking;
    EventStore::Waiter* waiter_ = nullptr;
    // Whether Redis may hold it, and whether it said so.
    bool may_be_in_redis_ = false;
    bool was_granted_ = false;
    bool has_asked_again_ = false;
    Renewal renewal_{*this};
    RenewalStep renewal_step_ = RenewalStep::none;
    ngx_msec_t renewed_at_ = ngx_current_msec;
    // Somebody else has it in Redis by now.
    bool is_lost_ = false;
    bool zone_is_done_ = false;
    bool redis_is_done_ = false;
};

// The end of a claim, on its way to Redis. No request waits for it.
class FleetStore::Push final : public RedisClient::Caller {
  public:
    Push(FleetStore& store, const Ending& ending) : store_(store), ending_(ending) {}
    ~Push() {
        if (store_.client_ != nullptr) store_.client_->forget(*this);
    }
    Push(const Push&) = delete;
    Push& operator=(const Push&) = delete;

    void send();
    void on_reply(const redis::Reply* reply) noexcept override;
    bool is_delivered() const { return ending_.is_delivered(); }

  private:
    redis::Call call() const;

    FleetStore& store_;
    const Ending ending_;
};

// -- a claim

void FleetStore::Claim::send_claim(RedisClient::Caller& caller) {
    may_be_in_redis_ = true;
    renewed_at_ = ngx_current_msec;
    store_.client_->call(
        redis::claim_call(store_.in_zone(keys()), store_.text_of(token()), store_.lease_), caller,
        store_.server_.timeout);
}

void FleetStore::Claim::ask(EventStore::Waiter& waiter) {
    waiter_ = &waiter;
    send_claim(*this);
}

ClaimResult FleetStore::Claim::decide_alone() noexcept {
    if (store_.on_error_ == OnError::reject) {
        release();
        return {ClaimOutcome::away, 0};
    }
    store_.count(cells::kDecidedAlone);
    state_ = State::held;
    return {ClaimOutcome::claimed, 0};
}

void FleetStore::Claim::on_reply(const redis::Reply* reply) noexcept {
    if (state_ == State::committing) return on_commit_reply(reply);
    const auto answer =
        reply == nullptr ? std::nullopt : redis::parse_claim(*reply, event_.key_count);
    if (answer && ask_again(*answer)) return;
    EventStore::Waiter* const waiter = std::exchange(waiter_, nullptr);
    waiter->on_claimed(answer ? take(*answer) : decide_alone());
}

// In the zone, this process has the event, and no other of this node can. So a claim of this node
// in Redis is a dead process's, or its release is on the way.
bool FleetStore::Claim::ask_again(const redis::ClaimAnswer& answer) noexcept try {
    if (answer.outcome != ClaimOutcome::in_flight) return false;
    const auto stale = redis::own_token(store_.node_, answer.holder);
    if (!stale || std::exchange(has_asked_again_, true)) return false;
    store_.release_in_redis(keys(), *stale);
    send_claim(*this);
    return true;
} catch (const std::exception&) {
    return false;
}

// If it is not granted, it is gone.
ClaimResult FleetStore::Claim::take(const redis::ClaimAnswer& answer) noexcept {
    if (answer.outcome == ClaimOutcome::claimed) {
        state_ = State::held;
        was_granted_ = true;
        return {ClaimOutcome::claimed, 0};
    }
    // A claim that was sent again may hold those of its keys that nobody else has.
    if (event_.key_count > 1) {
        store_.release_in_redis(keys(), token());
    }
    if (answer.outcome == ClaimOutcome::duplicate) {
        store_.count(cells::kLearned);
        store_.zone_.learn(keys(), token(), answer.key, answer.status,
                           answer.left.value_or(store_.zone_.ttl));
    } else {
        store_.zone_.release(keys(), token());
    }
    const ClaimResult result{answer.outcome, answer.status};
    store_.erase(*this);
    return result;
}

bool FleetStore::Claim::commit(std::uint16_t status, Milliseconds remembered_for,
                               EventStore::Waiter* waiter) noexcept {
    state_ = State::committing;
    waiter_ = waiter;
    event_.status = status;
    event_.expires = ngx_time() + in_seconds(remembered_for);
    zone_is_done_ = store_.zone_.commit(keys(), token(), status, remembered_for, this);
    redis_is_done_ = !send_commit(remembered_for);
    if (redis_is_done_) commit_late();
    if (!zone_is_done_ || !redis_is_done_) return false;
    store_.erase(*this);
    return true;
}

bool FleetStore::Claim::send_commit(Milliseconds remembered_for) noexcept try {
    if (!store_.is_available()) return false;
    store_.client_->call(redis::commit_call(store_.in_zone(keys()), store_.text_of(token()),
                                            event_.status, remembered_for),
                         *this, store_.server_.timeout);
    return true;
} catch (const std::exception&) {
    return false;
}

void FleetStore::Claim::commit_late() noexcept {
    store_.count(cells::kCommitsLate);
    // A worker that is about to exit has no later.
    ngx_exiting != 0 ? store_.push(event_) : store_.push_later(event_);
}

void FleetStore::Claim::on_commit_reply(const redis::Reply* reply) noexcept {
    const auto lost =
        reply == nullptr ? std::nullopt : redis::parse_count(*reply, event_.key_count);
    if (!lost) {
        commit_late();
    } else if (*lost > 0 && was_granted_) {
        store_.count(cells::kLeasesLost);
    }
    redis_is_done_ = true;
    end_if_done();
}

void FleetStore::Claim::on_committed() noexcept {
    zone_is_done_ = true;
    end_if_done();
}

void FleetStore::Claim::end_if_done() noexcept {
    if (!zone_is_done_ || !redis_is_done_) return;
    EventStore::Waiter* const waiter = waiter_;
    store_.erase(*this);
    if (waiter != nullptr) waiter->on_committed();
}

void FleetStore::Claim::release() noexcept {
    store_.zone_.release(keys(), token());
    if (may_be_in_redis_) store_.release_in_redis(keys(), token());
    store_.erase(*this);
}

void FleetStore::Claim::renew() noexcept try {
    const auto pause = static_cast<ngx_msec_t>(store_.lease_.count()) / 3;
    if (may_be_in_redis_ && ngx_current_msec - renewed_at_ < pause) return;
    if (state_ != State::held || renewal_step_ != RenewalStep::none || is_lost_) return;
    send_renewal();
} catch (const std::exception&) {
    renewal_step_ = RenewalStep::none;
}

void FleetStore::Claim::send_renewal() {
    renewal_step_ = may_be_in_redis_ ? RenewalStep::renews : RenewalStep::claims;
    if (renewal_step_ == RenewalStep::claims) return send_claim(renewal_);
    renewed_at_ = ngx_current_msec;
    store_.client_->call(
        redis::renew_call(store_.in_zone(keys()), store_.text_of(token()), store_.lease_), renewal_,
        store_.server_.timeout);
}

void FleetStore::Claim::on_renewed(const redis::Reply* reply) noexcept try {
    const RenewalStep step = std::exchange(renewal_step_, RenewalStep::none);
    if (reply == nullptr) return;
    if (step == RenewalStep::claims) {
        const auto answer = redis::parse_claim(*reply, event_.key_count);
        was_granted_ |= answer && answer->outcome == ClaimOutcome::claimed;
        is_lost_ = answer && answer->outcome != ClaimOutcome::claimed;
        return;
    }
    const auto kept = redis::parse_count(*reply, event_.key_count);
    if (!kept || *kept == event_.key_count) return;
    // Its lease had ended, or Redis has forgotten it.
    if (std::exchange(was_granted_, false)) store_.count(cells::kLeasesLost);
    may_be_in_redis_ = false;
    send_renewal();
} catch (const std::exception&) {
    renewal_step_ = RenewalStep::none;
}

// -- the ends of claims that no request waits for

redis::Call FleetStore::Push::call() const {
    const std::span<const EventKey> keys(ending_.keys.data(), ending_.key_count);
    const std::string token = store_.text_of(ending_.token);
    if (!is_delivered()) return redis::release_call(store_.in_zone(keys), token);
    const std::chrono::seconds left(ending_.expires - ngx_time());
    return redis::commit_call(store_.in_zone(keys), token, ending_.status, left);
}

void FleetStore::Push::send() {
    store_.client_->call(call(), *this, kPushLimit);
}

void FleetStore::Push::on_reply(const redis::Reply* reply) noexcept {
    FleetStore& store = store_;
    const bool is_done =
        reply != nullptr && redis::parse_count(*reply, ending_.key_count).has_value();
    if (is_done) {
        if (is_delivered()) store.count(cells::kPushedLater);
    } else if (ngx_exiting == 0) {
        store.push_later(ending_);
    } else if (is_delivered()) {
        // It does not try for ever.
        store.count(cells::kPushesDropped);
    }
    store.pushes_.remove_if([this](const Push& each) { return &each == this; });
    if (is_done) store.push_some();
}

void FleetStore::push(const Ending& ending) noexcept {
    if (!is_available()) return push_later(ending);
    const std::size_t before = pushes_.size();
    try {
        pushes_.emplace_back(*this, ending).send();
    } catch (const std::exception&) {
        if (pushes_.size() > before) pushes_.pop_back();
        push_later(ending);
    }
}

void FleetStore::push_later(const Ending& ending) noexcept {
    if (ending.expires <= ngx_time()) return;
    try {
        if (unpushed_.size() < kMostUnpushed) return unpushed_.push_back(ending);
    } catch (const std::bad_alloc&) {
        // As if there were too many.
    }
    if (ending.is_delivered()) count(cells::kPushesDropped);
}

void FleetStore::push_some() noexcept {
    while (is_available() && !unpushed_.empty() && pushes_.size() < kPushedAtOnce) {
        const Ending ending = unpushed_.front();
        unpushed_.pop_front();
        if (ending.expires > ngx_time()) push(ending);
    }
}

void FleetStore::release_in_redis(std::span<const EventKey> keys,
                                  const ClaimToken& token) noexcept {
    Ending ending{{}, keys.size(), token, 0, ngx_time() + in_seconds(lease_)};
    std::ranges::copy(keys, ending.keys.begin());
    push(ending);
}

// -- the store

FleetStore::FleetStore(DedupZone& zone, const RedisServer& server, Milliseconds lease,
                       OnError on_error)
    : zone_(zone), server_(server), lease_(lease), on_error_(on_error) {}

FleetStore::~FleetStore() {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
}

void FleetStore::serve(RedisClient& client, ngx_log_t* log) {
    client_ = &client;
    log_ = log;
    node_ = zone_.identity();
    timer_.handler = on_tick;
    timer_.data = this;
    timer_.log = log;
    timer_.cancelable = 1;
    ngx_add_timer(&timer_, kTick);
}

void FleetStore::leave() noexcept {
    client_ = nullptr;
    const auto untold =
        static_cast<std::size_t>(std::ranges::count_if(unpushed_, &Ending::is_delivered) +
                                 std::ranges::count_if(pushes_, &Push::is_delivered));
    if (untold == 0) return;
    count(cells::kPushesDropped, untold);
    ngx_log_error(NGX_LOG_WARN, log_, 0,
                  "webhook_redis \"%s\": a worker ends without having told it of %uz event%s",
                  server_.name.c_str(), untold, untold == 1 ? "" : "s");
}

std::optional<ClaimResult> FleetStore::claim(std::span<const EventKey> keys,
                                             const ClaimToken& token, Waiter& waiter) {
    const auto result = zone_.claim(keys, token, waiter);
    if (!result || result->outcome != ClaimOutcome::claimed) return result;
    Claim* added = nullptr;
    try {
        added = claims_.emplace(token.sequence, std::make_unique<Claim>(*this, keys, token))
                    ->second.get();
        if (!is_available()) return added->decide_alone();
        added->ask(waiter);
        return std::nullopt;
    } catch (...) {
        if (added != nullptr) erase(*added);
        zone_.release(keys, token);
        throw;
    }
}

bool FleetStore::commit(std::span<const EventKey> keys, const ClaimToken& token,
                        std::uint16_t status, Milliseconds remembered_for,
                        Waiter* waiter) noexcept {
    Claim* const held = find(keys, token);
    if (held != nullptr) return held->commit(status, remembered_for, waiter);
    return zone_.commit(keys, token, status, remembered_for, waiter);
}

void FleetStore::release(std::span<const EventKey> keys, const ClaimToken& token) noexcept {
    Claim* const held = find(keys, token);
    held != nullptr ? held->release() : zone_.release(keys, token);
}

void FleetStore::forget(const Waiter& waiter) noexcept {
    for (auto each = claims_.begin(); each != claims_.end();) {
        Claim& claim = *(each++)->second;
        if (!claim.waits_for(waiter)) continue;
        claim.forget_waiter();
        if (claim.state() == Claim::State::asking) claim.release();
    }
}

// The claims of one request that are still to be ended.
FleetStore::Claim* FleetStore::find(std::span<const EventKey> keys, const ClaimToken& token) const {
    auto [each, end] = claims_.equal_range(token.sequence);
    for (; each != end; ++each) {
        Claim& claim = *each->second;
        if (claim.state() == Claim::State::held && claim.token() == token &&
            std::ranges::equal(claim.keys(), keys)) {
            return &claim;
        }
    }
    return nullptr;
}

void FleetStore::erase(const Claim& claim) noexcept {
    auto [each, end] = claims_.equal_range(claim.token().sequence);
    for (; each != end; ++each) {
        if (each->second.get() != &claim) continue;
        claims_.erase(each);
        return;
    }
}

void FleetStore::on_tick(ngx_event_t* timer) noexcept {
    auto& store = *static_cast<FleetStore*>(timer->data);
    try {
        store.tick();
    } catch (const std::exception& error) {
        ngx_log_error(NGX_LOG_CRIT, store.log_, 0, "webhook_redis \"%s\": %s",
                      store.server_.name.c_str(), error.what());
    }
    ngx_add_timer(timer, kTick);
}

void FleetStore::tick() {
    const bool is_connected = client_ != nullptr && client_->state().is_connected;
    see_redis(server_.row, !is_available() ? Sight::away
                           : is_connected  ? Sight::connected
                                           : Sight::none);
    if (!is_available()) return;
    renew_claims();
    release_orphans();
    push_some();
}

void FleetStore::renew_claims() {
    for (const auto& [sequence, claim] : claims_) claim->renew();
}

// The zone frees them as well, but on its own it would not tell Redis.
void FleetStore::release_orphans() {
    for (const OrphanedKey& each : zone_.give_up_orphans()) {
        count(cells::kReleasedForDead);
        release_in_redis(std::span(&each.key, 1), each.token);
    }
}

void FleetStore::count(CounterTable::Cell cell, std::uint64_t amount) const noexcept {
    count_in_redis(server_.row, cell, amount);
}

}  // namespace webhook::ngx
