// What nginx tells of a configuration that it takes.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <string>
#include <string_view>

namespace webhook::ngx {

// Tells of something odd in the configuration, once of each topic, which is message and place
// unless given. A notice, too, is shown to a person who tests it.
void remark(ngx_conf_t* cf, ngx_uint_t level, const std::string& message,
            const ConfigPosition& place, std::string_view topic = {});

// Refuses the configuration: throws ConfigError with the message and the place.
[[noreturn]] void fail(const std::string& message, const ConfigPosition& place);

// A configuration begins: nothing was told of it yet.
void forget_remarks();

}  // namespace webhook::ngx
