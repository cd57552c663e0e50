// Messages about a configuration.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <string>
#include <string_view>

namespace webhook::ngx {

// Logs an oddity of the configuration, once per topic, which is message and place unless given.
// `nginx -t` shows notices, too.
void remark(ngx_conf_t* cf, ngx_uint_t level, const std::string& message,
            const ConfigPosition& place, std::string_view topic = {});

// Rejects the configuration: throws ConfigError with the message and the place.
[[noreturn]] void fail(const std::string& message, const ConfigPosition& place);

// Starts a new configuration, about which nothing was logged yet.
void forget_remarks();

}  // namespace webhook::ngx
