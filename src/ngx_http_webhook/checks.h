// Whether the directives of a gate fit each other and its scheme.

#pragma once

#include "ngx_http_webhook/conf.h"

namespace webhook::ngx {

// Looks at a gate that requests can reach, when nginx has merged all modules. `level.outer` is what
// it inherits from. Warns of what loses events or lets a replay through; throws ConfigError, with
// file and line, where no delivery could pass.
void check(ngx_conf_t* cf, const Level& level);

// Tells that the name under which the events of `conf` are remembered is the sender's to choose.
void warn_about_chosen_name(ngx_conf_t* cf, const LocConf& conf);

// Whether the expression of the location, or of its server's name, finds this variable, whose name
// is in lower case; `1` is any of the captures without a name.
bool is_captured(const ngx_conf_t* cf, const Level& level, std::string_view name);

}  // namespace webhook::ngx
