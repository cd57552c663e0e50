// The memory of events in nginx's shared memory: zones, and the claims of requests on them.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scheme/scheme.h"
#include "store/counter_table.h"
#include "store/dedup_memory.h"
#include "store/dedup_table.h"
#include "store/event_store.h"
#include "store/state_file.h"
#include "store/succession.h"

namespace webhook::ngx {

// One `webhook_dedup_zone`. It belongs to a configuration; its memory outlives it, across reloads.
//
// nginx knows only an anchor: a few pages of shared memory that record the files of the zone's
// memory for the next configuration. So a reload finds them even if the zone's size or the module
// has changed. Memory that a reload replaces is closed: its events are carried over, and claims
// that its old workers have in flight are respected until they end.
class DedupZone final : public EventStore, public Succession::Observer {
  public:
    std::string name;
    std::size_t size = 0;
    Milliseconds ttl{};
    WhenFull when_full = WhenFull::evict;
    // The file that keeps the memory. Empty: none.
    std::string state;
    ConfigPosition place;
    // Where it is counted what it does.
    CounterTable::Row row = CounterTable::kOther;

    DedupZone() = default;
    ~DedupZone();
    DedupZone(const DedupZone&) = delete;
    DedupZone& operator=(const DedupZone&) = delete;

    // Asks nginx for the anchor. Throws ConfigError.
    void request_memory(ngx_conf_t* cf);
    // Takes over the events of the previous configuration, as this one is now in force.
    void adopt_predecessors() noexcept;
    // Takes over events that workers of earlier configurations delivered since.
    void drain() noexcept;
    // Without the lock of the memory.
    DedupStats stats() const { return memories_->memory().stats(); }
    std::uint64_t early_untold() const { return memories_->memory().early_untold(); }
    // Tells that this process serves requests from now on. Calls drain() periodically while old
    // workers may deliver.
    void serve();
    // The process is about to exit.
    void leave() noexcept;

    // -- The events. If the memory's lock is not available, a claim finds no room. The end of a
    // claim is postponed until the lock is available, and meanwhile the event is in flight.
    std::optional<ClaimToken> new_token() override;
    void prefetch(std::span<const EventKey> keys) const noexcept override {
        memories_->memory().prefetch(keys);
    }
    std::optional<ClaimResult> claim(std::span<const EventKey> keys, const ClaimToken& token,
                                     Waiter& waiter) override;
    bool commit(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                Milliseconds remembered_for, Waiter* waiter) noexcept override;
    void release(std::span<const EventKey> keys, const ClaimToken& token) noexcept override;
    void forget(const Waiter& waiter) noexcept override;

    // -- For a fleet's store, which knows more than this node.

    // Ends a claim, since `delivered`, one of its keys, was delivered elsewhere.
    void learn(std::span<const EventKey> keys, const ClaimToken& token, std::size_t delivered,
               std::uint16_t status, Milliseconds remembered_for) noexcept;
    // Gives up some of what dead processes hold, and returns it; the next call goes on there.
    std::vector<OrphanedKey> give_up_orphans();
    // Random; another one after a restart, or with another size.
    std::uint64_t identity() const { return memories_->memory().table().identity(); }

  private:
    struct Anchor;
    // A zone of the configuration in force, and the files of its memory: the one in use first.
    struct Earlier {
        std::string name;
        std::vector<Descriptor> files;
    };

    // The end of a claim.
    struct Ending {
        std::array<EventKey, kMostKeys> keys;
        std::size_t key_count;
        // So many of them are delivered, and the others free.
        std::size_t delivered_count;
        ClaimToken token;
        std::uint16_t status;
        std::uint32_t expires;
        // Null if nothing waits for it.
        Waiter* waiter;
    };

    static void on_timer(ngx_event_t* timer) noexcept;
    static void on_ending_timer(ngx_event_t* timer) noexcept;
    static ngx_int_t on_anchor(ngx_shm_zone_t* anchor, void* earlier) noexcept;
    Anchor& anchor() const;
    static Anchor* anchor_in(const ngx_shm_t& shared);
    static std::vector<Earlier> earlier_zones();
    void require_other_files(const Earlier& zone) const;
    void check() const;
    void take_memory();
    State take_state(const Descriptor* current);
    void publish() noexcept;
    void record_files();
    void on_carried_over(std::uint64_t events, std::uint64_t forgotten) noexcept override;
    void on_forgotten_early(std::uint64_t events) noexcept override;
    void on_repaired() noexcept override;
    void on_busy(const MemoryBusy& busy) noexcept override;
    void report_successor();
    void enroll();
    void poll_predecessors();
    Ending& add_ending(std::span<const EventKey> keys, const ClaimToken& token) noexcept;
    void remember(Ending& ending, std::size_t delivered_count, std::uint16_t status,
                  Milliseconds remembered_for) const noexcept;
    bool try_endings() noexcept;
    void clear_endings() noexcept;
    void put_off() noexcept;
    void report_free() noexcept;

    ngx_shm_zone_t* anchor_ = nullptr;
    ngx_log_t* log_ = nullptr;
    // From take_memory() on.
    std::optional<Succession> memories_;
    ngx_event_t timer_{};
    std::unique_ptr<PendingFile> draft_;
    std::optional<Owner> self_;
    std::uint64_t claims_made_ = 0;
    // Claims not ended yet. `endings_` has room for all, so that ending one cannot fail.
    std::size_t claims_held_ = 0;
    std::vector<Ending> endings_;
    ngx_event_t ending_timer_{};
    std::uint32_t orphan_place_ = 0;
    // Whether the lock was not available, and when that was last logged.
    bool busy_ = false;
    std::time_t reported_busy_ = 0;
    bool reported_crowd_ = false;
    bool reported_successor_ = false;
};

// A request's claim: released when it is destroyed, unless it was committed.
class ClaimHolder {
  public:
    ClaimHolder() = default;
    ~ClaimHolder() {
        forget();
        release();
    }
    ClaimHolder(const ClaimHolder&) = delete;
    ClaimHolder& operator=(const ClaimHolder&) = delete;

    // The keys to claim, and the token: all claims of one request on a store share it.
    void prepare(EventStore& store, std::span<const EventKey> keys, const ClaimToken& token,
                 EventStore::Waiter& waiter);

    // Null before prepare().
    const EventStore* store() const { return store_; }
    const ClaimToken& token() const { return token_; }

    // Returns nullopt if the store notifies the waiter later, which must then call take().
    std::optional<ClaimResult> try_claim();
    void take(const ClaimResult& result);
    bool held() const { return state_ == State::held; }
    void commit(ngx_uint_t status, Milliseconds remembered_for) noexcept;
    // Whether the store has yet to tell the waiter of the commit, who then calls end_commit().
    bool is_committing() const { return state_ == State::committing; }
    void end_commit() noexcept { state_ = State::none; }
    void release() noexcept;
    // The waiter no longer waits for the store.
    void forget() noexcept;

  private:
    std::span<const EventKey> keys() const { return {keys_.data(), key_count_}; }

    // Asked for; had; its commit is under way. Otherwise nothing of it is left here.
    enum class State : std::uint8_t { none, asked, held, committing };

    EventStore* store_ = nullptr;
    EventStore::Waiter* waiter_ = nullptr;
    std::array<EventKey, kMostKeys> keys_;
    std::size_t key_count_ = 0;
    ClaimToken token_{};
    State state_ = State::none;
};

}  // namespace webhook::ngx
