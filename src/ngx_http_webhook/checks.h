// Checks that the directives of a gate fit each other and its scheme.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Checks a gate that requests can reach, when nginx has merged all modules. `level.outer` is the
// level that it inherits from. Warns of lost events and possible replays; throws ConfigError, with
// file and line, if no delivery could pass.
void check(ngx_conf_t* cf, const Level& level);

// Warns that the sender can choose the name under which the events of `conf` are remembered.
void warn_about_chosen_name(ngx_conf_t* cf, const LocConf& conf);

// Whether the regex of the location, or of its server's name, captures this variable. The name is
// in lower case; `1` stands for any unnamed capture.
bool is_captured(const ngx_conf_t* cf, const Level& level, std::string_view name);

}  // namespace webhook::ngx
