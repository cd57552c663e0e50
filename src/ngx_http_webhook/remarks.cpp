#include "ngx_http_webhook/remarks.h"

#include <set>

#include "base/errors.h"

namespace webhook::ngx {
namespace {

// The topics so far. One configuration is read at a time, by one thread.
std::set<std::string, std::less<>> told;

}  // namespace

void remark(ngx_conf_t* cf, ngx_uint_t level, const std::string& message,
            const ConfigPosition& place, std::string_view topic) {
    const std::string line = message + " in " + place.text();
    if (!told.emplace(topic.empty() ? line : topic).second) return;
    ngx_log_error(level, cf->log, 0, "%s", line.c_str());
    // A test's output is read on the terminal, where nginx does not show notices.
    if (level == NGX_LOG_NOTICE && ngx_test_config && !ngx_quiet_mode &&
        cf->log->file->fd != ngx_stderr) {
        ngx_log_stderr(0, "[notice] %s", line.c_str());
    }
}

void fail(const std::string& message, const ConfigPosition& place) {
    throw ConfigError(message + " in " + place.text());
}

void forget_remarks() {
    told.clear();
}

}  // namespace webhook::ngx
