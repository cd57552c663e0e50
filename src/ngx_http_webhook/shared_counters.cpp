#include "ngx_http_webhook/shared_counters.h"

#include <optional>
#include <span>
#include <utility>

#include "base/errors.h"
#include "report/cells.h"

namespace webhook::ngx {
namespace {

static_assert(cells::kEndpointEnd <= kEndpointCells);
static_assert(cells::kRedisEnd <= kServerCells);

// The number changes with the layout of the counters, so that a reload with another module begins
// a new memory.
constexpr std::string_view kZoneName = "webhook_status:counters:2";
// nginx's slab allocator notes 32 bytes or less for each page.
constexpr std::size_t kBytesNotedOfPage = 32;
constexpr std::size_t kFurtherPages = 16;

std::optional<Counters> shared_counters;
std::byte* shared_block = nullptr;

std::size_t zone_size() {
    const std::size_t pages = Counters::size() / ngx_pagesize + kFurtherPages;
    const std::size_t noted = pages * kBytesNotedOfPage / ngx_pagesize + 1;
    return (pages + noted) * ngx_pagesize;
}

// nginx calls this for a new memory, and again for each configuration that goes on with it.
ngx_int_t on_zone(ngx_shm_zone_t* zone, void*) noexcept try {
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(zone->shm.addr);
    if (pool->data == nullptr) pool->data = ngx_slab_alloc(pool, Counters::size());
    if (pool->data == nullptr) throw std::bad_alloc();
    auto* const block = static_cast<std::byte*>(pool->data);
    // A single process has its slot there already.
    if (std::exchange(shared_block, block) == block && shared_counters) return NGX_OK;
    shared_counters.emplace(std::span(block, Counters::size()), now());
    return NGX_OK;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0, "cannot use the memory of counters: %s",
                  error.what());
    return NGX_ERROR;
}

}  // namespace

void request_counters(ngx_conf_t* cf) {
    ngx_str_t name = copy_to_pool(cf->pool, kZoneName);
    ngx_shm_zone_t* zone = ngx_shared_memory_add(cf, &name, zone_size(), &ngx_http_webhook_module);
    if (zone == nullptr) throw ConfigError("cannot add the memory of counters");
    zone->init = on_zone;
}

void join_counters() {
    if (shared_counters) shared_counters->join();
}

void leave_counters() {
    if (shared_counters) shared_counters->leave();
}

Counters* counters() {
    return shared_counters ? &*shared_counters : nullptr;
}

void count_in_zone(CounterTable::Row row, CounterTable::Cell cell, std::uint64_t amount) noexcept {
    if (shared_counters) shared_counters->zones.add(row, cell, amount);
}

void count_in_redis(CounterTable::Row row, CounterTable::Cell cell, std::uint64_t amount) noexcept {
    if (shared_counters) shared_counters->servers.add(row, cell, amount);
}

void see_redis(CounterTable::Row row, Sight sight) noexcept {
    if (shared_counters) shared_counters->see(row, sight);
}

void count_in_file(CounterTable::Row row, std::time_t loaded, std::uint64_t errors) noexcept {
    if (!shared_counters) return;
    shared_counters->files.add(row, cells::kErrors, errors);
    shared_counters->files.raise(row, cells::kLoaded, static_cast<std::uint64_t>(loaded) * 1000);
}

}  // namespace webhook::ngx
