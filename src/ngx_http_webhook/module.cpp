// The module's entry points for nginx.

#include "ngx_http_webhook/audit.h"
#include "ngx_http_webhook/capture.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/counting.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/directives.h"
#include "ngx_http_webhook/fleet.h"
#include "ngx_http_webhook/gate.h"
#include "ngx_http_webhook/redis_client.h"
#include "ngx_http_webhook/redis_server.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/shared_counters.h"
#include "ngx_http_webhook/variables.h"
#include "ngx_http_webhook/verdict_log.h"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "base/errors.h"
#include "base/version.h"
#include "store/fault_point.h"

// `strings` shows the version of a module file.
extern "C" __attribute__((visibility("default"))) const char ngx_http_webhook_version[] =
    "ngx_http_webhook_module/" WEBHOOK_VERSION;

namespace webhook::ngx {
namespace {

template <typename Conf>
void* create_conf(ngx_conf_t* cf) noexcept try {
    return &make_in_pool<Conf>(cf->pool);
} catch (const std::exception&) {
    return nullptr;
}

void* create_main_conf(ngx_conf_t* cf) noexcept {
    forget_remarks();
    return create_conf<MainConf>(cf);
}

// Before locations are merged.
char* complete_main_conf(ngx_conf_t* cf, void* conf) noexcept try {
    auto& main = *static_cast<MainConf*>(conf);
    for (const auto& [name, server] : main.redis_servers) server->complete(cf);
    find_servers(cf, main);
    return NGX_CONF_OK;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s", error.what());
    return static_cast<char*>(NGX_CONF_ERROR);
}

char* merge_loc_conf(ngx_conf_t* cf, void* parent, void* conf) noexcept try {
    merge(cf, *static_cast<const LocConf*>(parent), *static_cast<LocConf*>(conf));
    return NGX_CONF_OK;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s", error.what());
    return static_cast<char*>(NGX_CONF_ERROR);
}

ngx_int_t add_handler(ngx_conf_t* cf, ngx_http_phases phase, ngx_http_handler_pt added) noexcept {
    auto* core = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto* handler =
        static_cast<ngx_http_handler_pt*>(ngx_array_push(&core->phases[phase].handlers));
    if (handler == nullptr) return NGX_ERROR;
    *handler = added;
    return NGX_OK;
}

ngx_int_t install(ngx_conf_t* cf) noexcept {
    if (add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE, on_uri) != NGX_OK) return NGX_ERROR;
    if (add_handler(cf, NGX_HTTP_PRECONTENT_PHASE, on_request) != NGX_OK) return NGX_ERROR;
    install_header_filter();
    return NGX_OK;
}

// What only warns must not keep nginx from starting.
void look_at_all(ngx_conf_t* cf) try { audit(cf); } catch (const ConfigError&) {
    throw;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "webhook: the configuration as a whole could not be looked at: %s", error.what());
}

ngx_int_t on_merged(ngx_conf_t* cf) noexcept try {
    look_at_all(cf);
    request_counters(cf);
    webhook::ngx::main_conf(cf).request_id = index_of_request_id(cf);
    return install(cf);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s", error.what());
    return NGX_ERROR;
}

// Null if the configuration has no http{}.
MainConf* main_conf(ngx_cycle_t* cycle) {
    return static_cast<MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_webhook_module));
}

// The user of the workers is known at this point.
void warn_about_unreadable_files(ngx_cycle_t* cycle, const MainConf& conf) noexcept try {
    std::set<std::string> paths;
    for (const auto& file : conf.address_files) paths.insert(file->path());
    for (const Level& level : conf.levels) {
        if (!level.conf->secrets) continue;
        for (std::string& path : level.conf->secrets->watched_paths()) {
            paths.insert(std::move(path));
        }
    }
    const auto* core =
        reinterpret_cast<ngx_core_conf_t*>(ngx_get_conf(cycle->conf_ctx, ngx_core_module));
    for (const std::string& path : paths) warn_about_unreadable(path, *core, cycle->log);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "%s", error.what());
}

// A gate without its row is counted as another.
void count_from_now_on(MainConf& conf, ngx_log_t* log) noexcept try {
    begin_counting(conf);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, log, 0, "webhook: not all endpoints are counted: %s", error.what());
}

ngx_int_t on_configured(ngx_cycle_t* cycle) noexcept {
    MainConf* conf = main_conf(cycle);
    auto* core = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module));
    if (conf == nullptr || core == nullptr) return NGX_OK;
    if (!ngx_test_config) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "%s", ngx_http_webhook_version);
    }
    record_used_variables(core, *conf);
    // Those of a single process, which serves on.
    flush_verdict_log();
    count_from_now_on(*conf, cycle->log);
    install_body_filter();
    warn_about_unreadable_files(cycle, *conf);
    // This runs after the point of no return of a reload.
    for (const auto& [name, zone] : conf->zones) {
        if (!ngx_test_config) zone->adopt_predecessors();
    }
    return NGX_OK;
}

}  // namespace

#ifdef WEBHOOK_FAULT_POINTS
// Defined by the tests.
void begin_redis_calls(const MainConf& conf);
#else
inline void begin_redis_calls(const MainConf&) {}
#endif

namespace {

#ifdef WEBHOOK_FAULT_POINTS
std::uint64_t die_every = 0;

void die_at_random() {
    if (static_cast<std::uint64_t>(ngx_random()) % die_every == 0) raise(SIGKILL);
}

const char* slow_disk = nullptr;

void wait_for_disk() {
    while (access(slow_disk, F_OK) == 0) ngx_msleep(1);
}

// In the test build, captures wait while the file exists that WEBHOOK_SLOW_DISK names.
void arm_slow_disk() {
    slow_disk = std::getenv("WEBHOOK_SLOW_DISK");
    if (slow_disk != nullptr) capture_point = wait_for_disk;
}

// In the test build, WEBHOOK_DIE_EVERY=N kills a worker at about one in N of its writes to the
// memory that processes share.
void arm_fault_injection() {
    const char* text = std::getenv("WEBHOOK_DIE_EVERY");
    die_every = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
    if (die_every > 0) fault_point = die_at_random;
    arm_slow_disk();
}
#else
void arm_fault_injection() {}
#endif

ngx_int_t on_worker_start(ngx_cycle_t* cycle) noexcept {
    arm_fault_injection();
    // Helpers of nginx's cache have no deliveries.
    if (ngx_process != NGX_PROCESS_HELPER) join_counters();
    if (const MainConf* conf = main_conf(cycle)) {
        for (const auto& [name, zone] : conf->zones) zone->serve();
        if (ngx_process != NGX_PROCESS_HELPER) begin_fleets(*conf, cycle->log);
        begin_redis_calls(*conf);
        begin_captures(*conf);
    }
    return NGX_OK;
}

void on_worker_exit(ngx_cycle_t* cycle) noexcept {
    if (const MainConf* conf = main_conf(cycle)) {
        end_fleets(*conf);
        for (const auto& [name, zone] : conf->zones) zone->leave();
        end_captures();
    }
    flush_verdict_log();
    leave_counters();
}

ngx_http_module_t context = {
    add_variables,         // preconfiguration
    on_merged,             // postconfiguration
    create_main_conf,      // create main configuration
    complete_main_conf,    // init main configuration
    nullptr,               // create server configuration
    nullptr,               // merge server configuration
    create_conf<LocConf>,  // create location configuration
    merge_loc_conf,        // merge location configuration
};

}  // namespace
}  // namespace webhook::ngx

ngx_module_t ngx_http_webhook_module = {
    NGX_MODULE_V1,
    &webhook::ngx::context,         // module context
    webhook::ngx::commands,         // module directives
    NGX_HTTP_MODULE,                // module type
    nullptr,                        // init master
    webhook::ngx::on_configured,    // init module
    webhook::ngx::on_worker_start,  // init process
    nullptr,                        // init thread
    nullptr,                        // exit thread
    webhook::ngx::on_worker_exit,   // exit process
    nullptr,                        // exit master
    NGX_MODULE_V1_PADDING,
};
