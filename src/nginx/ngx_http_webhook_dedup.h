// The memory of events in nginx's shared memory: zones, and the claims of requests on them.

#pragma once

#include "nginx/ngx_http_webhook_ngx.h"
#include "nginx/ngx_http_webhook_workers.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "webhook/dedup_table.h"

namespace webhook::ngx {

// One `webhook_dedup_zone`. It belongs to a configuration; the memory outlives it, across reloads.
class DedupZone {
  public:
    std::string name;
    Milliseconds ttl{};
    WhenFull when_full = WhenFull::evict;

    // Asks nginx for the shared memory. Throws ConfigError.
    void request_memory(ngx_conf_t* cf, std::size_t size);

    // Names a new claim of this process. Nothing where too many processes share the zone.
    std::optional<ClaimToken> new_token();

    void prefetch(std::span<const EventKey> keys) const { table_->prefetch(keys); }
    ClaimResult claim(std::span<const EventKey> keys, const ClaimToken& token);
    void commit(std::span<const EventKey> keys, const ClaimToken& token, ngx_uint_t status,
                Milliseconds remembered_for);
    void release(std::span<const EventKey> keys, const ClaimToken& token);

  private:
    struct Shared;
    class Lock;

    static ngx_int_t on_memory(ngx_shm_zone_t* zone, void* earlier) noexcept;
    void take_memory(const DedupZone* earlier);
    void make_tables();
    void attach_tables();
    void warn_if_forgotten() const;
    void join();

    ngx_shm_zone_t* memory_ = nullptr;
    ngx_log_t* log_ = nullptr;
    Shared* shared_ = nullptr;
    std::optional<DedupTable> table_;
    std::optional<Workers> workers_;
    std::optional<Owner> self_;
    std::uint64_t claims_made_ = 0;
    bool told_of_crowd_ = false;
};

// A request's claim: released when it is destroyed, unless it was committed.
class ClaimHolder {
  public:
    ClaimHolder() = default;
    ~ClaimHolder() { release(); }
    ClaimHolder(const ClaimHolder&) = delete;
    ClaimHolder& operator=(const ClaimHolder&) = delete;

    // The keys to claim, and for whom: all claims of one request on a zone share a token.
    void prepare(DedupZone& zone, std::span<const EventKey> keys, const ClaimToken& token);

    // Null before prepare().
    const DedupZone* zone() const { return zone_; }
    const ClaimToken& token() const { return token_; }

    ClaimResult try_claim();
    bool held() const { return held_; }
    void commit(ngx_uint_t status, Milliseconds remembered_for);
    void release();

  private:
    std::span<const EventKey> keys() const { return {keys_.data(), key_count_}; }

    DedupZone* zone_ = nullptr;
    std::array<EventKey, kMostKeys> keys_;
    std::size_t key_count_ = 0;
    ClaimToken token_{};
    bool held_ = false;
};

}  // namespace webhook::ngx
