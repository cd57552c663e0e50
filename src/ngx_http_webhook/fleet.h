// The zones that share their memory with other nodes: which servers they use, and what a worker
// does for them.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

struct MainConf;

// Finds the servers that the zones name, when http{} was read. Throws ConfigError.
void find_servers(ngx_conf_t* cf, MainConf& conf);

// Called by each worker.
void begin_fleets(const MainConf& conf, ngx_log_t* log) noexcept;
void end_fleets(const MainConf& conf) noexcept;

}  // namespace webhook::ngx
