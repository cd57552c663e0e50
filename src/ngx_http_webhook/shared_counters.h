// The memory of counters that all workers share and that outlives configurations.
//
// nginx keeps it, as one of its zones, for as long as its master lives. A binary upgrade begins a
// new one, with another start time.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>
#include <ctime>

#include "store/counters.h"

namespace webhook::ngx {

// Asks nginx for the memory. Throws ConfigError.
void request_counters(ngx_conf_t* cf);

// Null until nginx has the memory.
Counters* counters();

// Called by each worker.
void join_counters();
void leave_counters();

// What zones and files count by themselves.
void count_in_zone(CounterTable::Row row, CounterTable::Cell cell, std::uint64_t amount) noexcept;
void count_in_redis(CounterTable::Row row, CounterTable::Cell cell, std::uint64_t amount) noexcept;
void see_redis(CounterTable::Row row, Sight sight) noexcept;
// A file's last good load, in seconds since the epoch, and further errors.
void count_in_file(CounterTable::Row row, std::time_t loaded, std::uint64_t errors) noexcept;

}  // namespace webhook::ngx
