#include "nginx/ngx_http_webhook_dedup.h"

#include <algorithm>

#include "webhook/scheme.h"
#include "webhook/text.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kSlabPages = 8;
constexpr std::size_t kLeastWorkers = 64;
constexpr std::size_t kMostWorkers = 1024;

std::uint32_t seconds(Milliseconds time) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// Processes that may claim at the same time: those of several generations of workers, since old
// ones finish their requests while new ones serve.
std::size_t worker_slots(std::size_t block_size) {
    return std::clamp(block_size / 64 / Workers::size(1), kLeastWorkers, kMostWorkers);
}

}  // namespace

// What lies at the front of the block, before the workers' slots and the table.
struct DedupZone::Shared {
    std::size_t block_size;
    std::size_t workers_size;

    std::span<std::byte> workers() { return {first_byte(), workers_size}; }
    std::span<std::byte> table() {
        return {first_byte() + workers_size, block_size - sizeof(Shared) - workers_size};
    }

  private:
    std::byte* first_byte() { return reinterpret_cast<std::byte*>(this + 1); }
};

// Holds the zone's mutex: the one that nginx's master unlocks when a worker dies holding it.
class DedupZone::Lock {
  public:
    explicit Lock(DedupZone& zone) : zone_(zone) {
        ngx_shmtx_lock(&pool()->mutex);
        if (zone.table_->interrupted()) {
            zone.table_->recover();
            recovered_ = true;
        }
    }
    ~Lock() {
        ngx_shmtx_unlock(&pool()->mutex);
        if (recovered_) {
            ngx_log_error(NGX_LOG_WARN, zone_.log_, 0,
                          "the dedup zone \"%s\" was repaired after a process died changing it",
                          zone_.name.c_str());
        }
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    ngx_slab_pool_t* pool() const {
        return reinterpret_cast<ngx_slab_pool_t*>(zone_.memory_->shm.addr);
    }

    DedupZone& zone_;
    bool recovered_ = false;
};

void DedupZone::request_memory(ngx_conf_t* cf, std::size_t size) {
    if (size < kSlabPages * ngx_pagesize) {
        throw ConfigError("zone " + quoted(name) + " is too small, at least " +
                          std::to_string(kSlabPages * ngx_pagesize / 1024) + "k are needed");
    }
    ngx_str_t zone_name = copy_to_pool(cf->pool, name);
    memory_ = ngx_shared_memory_add(cf, &zone_name, size, &ngx_http_webhook_module);
    if (memory_ == nullptr) throw ConfigError("cannot add zone " + quoted(name));
    if (memory_->data != nullptr) throw ConfigError("duplicate zone " + quoted(name));
    memory_->init = on_memory;
    memory_->data = this;
    log_ = &cf->cycle->new_log;
}

ngx_int_t DedupZone::on_memory(ngx_shm_zone_t* memory, void* earlier) noexcept try {
    static_cast<DedupZone*>(memory->data)->take_memory(static_cast<const DedupZone*>(earlier));
    return NGX_OK;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_EMERG, memory->shm.log, 0, "cannot use zone \"%V\": %s",
                  &memory->shm.name, error.what());
    return NGX_ERROR;
}

// Runs in the master while workers of the earlier configuration go on writing: what is there is
// taken as it is.
void DedupZone::take_memory(const DedupZone* earlier) {
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(memory_->shm.addr);
    if (earlier != nullptr) {
        shared_ = earlier->shared_;
        attach_tables();
    } else if (memory_->shm.exists) {
        shared_ = static_cast<Shared*>(pool->data);
        attach_tables();
    } else {
        warn_if_forgotten();
        make_tables();
        pool->data = shared_;
    }
}

void DedupZone::make_tables() {
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(memory_->shm.addr);
    const std::size_t block_size = pool->pfree * ngx_pagesize;
    void* block = ngx_slab_alloc(pool, block_size);
    if (block == nullptr) throw std::bad_alloc();
    const std::size_t workers_size = Workers::size(worker_slots(block_size));
    shared_ = new (block) Shared{block_size, workers_size};
    workers_ = Workers::format(shared_->workers());
    table_ = DedupTable::format(shared_->table());
}

void DedupZone::attach_tables() {
    workers_ = Workers::attach(shared_->workers());
    table_ = DedupTable::attach(shared_->table());
}

// nginx gives a zone whose size changed fresh memory, without a word.
void DedupZone::warn_if_forgotten() const {
    if (ngx_cycle == nullptr) return;
    ngx_list_part_t* part = &const_cast<ngx_cycle_t*>(ngx_cycle)->shared_memory.part;
    for (; part != nullptr; part = part->next) {
        auto* zones = static_cast<ngx_shm_zone_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (zones + i == memory_ || to_view(zones[i].shm.name) != name) continue;
            if (zones[i].tag != memory_->tag || zones[i].shm.size == memory_->shm.size) continue;
            ngx_log_error(NGX_LOG_WARN, log_, 0,
                          "the size of the dedup zone \"%s\" changed: "
                          "the events that it remembered are forgotten",
                          name.c_str());
        }
    }
}

void DedupZone::join() {
    {
        const Lock lock(*this);
        self_ = workers_->join();
    }
    if (self_) {
        workers_->know_self(*self_);
    } else if (!std::exchange(told_of_crowd_, true)) {
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "the dedup zone \"%s\" is too small for so many worker processes: "
                      "this one refuses deliveries until others end",
                      name.c_str());
    }
}

std::optional<ClaimToken> DedupZone::new_token() {
    if (!self_) join();
    if (!self_) return std::nullopt;
    return ClaimToken{*self_, ++claims_made_};
}

ClaimResult DedupZone::claim(std::span<const EventKey> keys, const ClaimToken& token) {
    const Lock lock(*this);
    return table_->claim(keys, token, static_cast<std::uint32_t>(ngx_time()), when_full, *workers_);
}

void DedupZone::commit(std::span<const EventKey> keys, const ClaimToken& token, ngx_uint_t status,
                       Milliseconds remembered_for) {
    const Lock lock(*this);
    const auto time = static_cast<std::uint32_t>(ngx_time());
    // The time is cut to the second: one more, and no event is forgotten before its ttl has passed.
    table_->commit(keys, token, static_cast<std::uint16_t>(status), time,
                   time + seconds(remembered_for) + 1);
}

void DedupZone::release(std::span<const EventKey> keys, const ClaimToken& token) {
    const Lock lock(*this);
    table_->release(keys, token);
}

void ClaimHolder::prepare(DedupZone& zone, std::span<const EventKey> keys,
                          const ClaimToken& token) {
    zone_ = &zone;
    key_count_ = keys.size();
    std::ranges::copy(keys, keys_.begin());
    token_ = token;
    zone.prefetch(keys);
}

ClaimResult ClaimHolder::try_claim() {
    const ClaimResult result = zone_->claim(keys(), token_);
    held_ = result.outcome == ClaimOutcome::claimed;
    return result;
}

void ClaimHolder::commit(ngx_uint_t status, Milliseconds remembered_for) {
    if (!std::exchange(held_, false)) return;
    zone_->commit(keys(), token_, status, remembered_for);
}

void ClaimHolder::release() {
    if (!std::exchange(held_, false)) return;
    zone_->release(keys(), token_);
}

}  // namespace webhook::ngx
