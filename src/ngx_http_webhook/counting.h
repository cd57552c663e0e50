// Which rows of the shared counters belong to a configuration.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>

namespace webhook::ngx {

struct MainConf;

// Gives every gate, zone and file a row, and describes the endpoints for reports. Call it when the
// configuration comes into force.
void begin_counting(MainConf& conf);

// When the configuration in force was loaded, and how many there were with it.
struct LoadedConfiguration {
    Milliseconds time{};
    std::uint64_t generation = 0;
};
const LoadedConfiguration& loaded_configuration();

}  // namespace webhook::ngx
