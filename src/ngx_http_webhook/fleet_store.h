// The memory of events of a fleet: a zone of this node, and a Redis that all nodes share.
//
// The zone is asked first, so that what this node knows costs no round trip, and one process of the
// node at a time asks Redis for an event. A claim, its end and its renewal are one atomic script
// each (redis/scripts.h). Redis holds a claim for `lease`, which is renewed while the request
// lives; what a dead sibling held is released by the others.
//
// While Redis does not answer, `on_error` decides: the zone alone, or nothing is accepted. What was
// delivered meanwhile is pushed when Redis is back.
//
// It belongs to a configuration. A worker uses it from serve() to leave().

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <array>
#include <cstdint>
#include <ctime>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/redis_client.h"
#include "store/counter_table.h"
#include "store/event_store.h"

namespace webhook::ngx {

// What decides while Redis is away: the zone, or that nothing is accepted.
enum class OnError : std::uint8_t { local, reject };

// What a `webhook_dedup_zone` says of its fleet.
struct FleetDirective {
    DedupZone* zone;
    // Of a `webhook_redis`.
    std::string redis;
    Milliseconds lease;
    OnError on_error;
    ConfigPosition place;
};

class FleetStore final : public EventStore {
  public:
    FleetStore(DedupZone& zone, const RedisServer& server, Milliseconds lease, OnError on_error);
    ~FleetStore();
    FleetStore(const FleetStore&) = delete;
    FleetStore& operator=(const FleetStore&) = delete;

    const DedupZone& zone() const { return zone_; }
    const RedisServer& server() const { return server_; }
    Milliseconds lease() const { return lease_; }

    // The client lives until leave().
    void serve(RedisClient& client, ngx_log_t* log);
    // The worker is about to exit.
    void leave() noexcept;

    std::optional<ClaimToken> new_token() override { return zone_.new_token(); }
    void prefetch(std::span<const EventKey> keys) const noexcept override { zone_.prefetch(keys); }
    std::optional<ClaimResult> claim(std::span<const EventKey> keys, const ClaimToken& token,
                                     Waiter& waiter) override;
    bool commit(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                Milliseconds remembered_for, Waiter* waiter) noexcept override;
    void release(std::span<const EventKey> keys, const ClaimToken& token) noexcept override;
    void forget(const Waiter& waiter) noexcept override;

  private:
    class Claim;
    class Push;
    // By the numbers of their tokens: several deliveries of one request share a token.
    using Claims = std::unordered_multimap<std::uint64_t, std::unique_ptr<Claim>>;

    // The end of a claim, which Redis has yet to be told of.
    struct Ending {
        std::array<EventKey, kMostKeys> keys;
        std::size_t key_count;
        ClaimToken token;
        // Of the response to the event; 0: it was not delivered, and is free.
        std::uint16_t status;
        // When there is nothing to tell any more.
        std::time_t expires;

        bool is_delivered() const { return status != 0; }
    };

    static void on_tick(ngx_event_t* timer) noexcept;
    void tick();
    void renew_claims();
    void release_orphans();
    void push(const Ending& ending) noexcept;
    void push_later(const Ending& ending) noexcept;
    void push_some() noexcept;
    void release_in_redis(std::span<const EventKey> keys, const ClaimToken& token) noexcept;
    Claim* find(std::span<const EventKey> keys, const ClaimToken& token) const;
    void erase(const Claim& claim) noexcept;

    bool is_available() const { return client_ != nullptr && client_->is_available(); }
    redis::ZoneKeys in_zone(std::span<const EventKey> keys) const { return {zone_.name, keys}; }
    std::string text_of(const ClaimToken& token) const { return redis::token_text(node_, token); }
    void count(CounterTable::Cell cell, std::uint64_t amount = 1) const noexcept;

    DedupZone& zone_;
    const RedisServer& server_;
    const Milliseconds lease_;
    const OnError on_error_;
    RedisClient* client_ = nullptr;
    ngx_log_t* log_ = nullptr;
    redis::NodeId node_ = 0;
    Claims claims_;
    // Endings that wait, and those that are on the way.
    std::deque<Ending> unpushed_;
    std::list<Push> pushes_;
    ngx_event_t timer_{};
};

}  // namespace webhook::ngx
