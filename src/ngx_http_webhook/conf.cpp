#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/dedup.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "ngx_http_webhook/remarks.h"
#include "scheme/presets.h"
#include "store/fault_point.h"

namespace webhook::ngx {
namespace {

template <typename Value>
void inherit(Value& value, const Value& parent) {
    if (!value) value = parent;
}

Level current_level(ngx_conf_t* cf, const LocConf& outer, const LocConf& conf) {
    const auto* context = static_cast<ngx_http_conf_ctx_t*>(cf->ctx);
    return {&outer, &conf, context->loc_conf, context->srv_conf};
}

void inherit_from(const LocConf& parent, LocConf& conf) {
    inherit(conf.gate, parent.gate);
    inherit(conf.secret_sources, parent.secret_sources);
    inherit(conf.mode, parent.mode);
    if (conf.url == nullptr) {
        conf.url = parent.url;
        conf.url_host = parent.url_host;
    }
    inherit(conf.tolerance, parent.tolerance);
    inherit(conf.methods, parent.methods);
    inherit(conf.require_tls, parent.require_tls);
    inherit(conf.sources, parent.sources);
    inherit(conf.dedup_directive, parent.dedup_directive);
    inherit(conf.handshake, parent.handshake);
    inherit(conf.events, parent.events);
    inherit(conf.schemas, parent.schemas);
    inherit(conf.log_level, parent.log_level);
    inherit(conf.limits_log, parent.limits_log);
    inherit(conf.payload_max, parent.payload_max);
    inherit(conf.reason_header, parent.reason_header);
    inherit(conf.capture, parent.capture);
    for (std::size_t i = 0; i < conf.answers.size(); ++i) {
        inherit(conf.answers[i], parent.answers[i]);
    }
}

void set_defaults(LocConf& conf) {
    if (!conf.mode) conf.mode = Mode::enforce;
    if (!conf.methods) conf.methods = std::make_shared<const Methods>();
    if (!conf.require_tls) conf.require_tls = false;
    if (!conf.log_level) conf.log_level = NGX_LOG_ERR;
    if (!conf.limits_log) conf.limits_log = true;
    if (!conf.payload_max) conf.payload_max = kDefaultPayloadMax;
    if (!conf.reason_header) conf.reason_header = true;
}

void resolve_gate(ngx_conf_t* cf, const LocConf& parent, LocConf& conf, const Level& here) {
    try {
        conf.scheme = main_conf(cf).find_scheme(conf.gate->scheme);
    } catch (const ConfigError& error) {
        fail(error.what(), conf.gate->place);
    }
    conf.endpoint = conf.gate->name.empty() ? conf.scheme->name : conf.gate->name;
    const bool inherited = conf.secret_sources && parent.secrets && parent.scheme == conf.scheme &&
                           parent.secret_sources == conf.secret_sources;
    if (inherited) {
        conf.secrets = parent.secrets;
        return;
    }
    if (conf.secret_sources) {
        conf.secrets = std::make_shared<const Secrets>(
            conf.scheme, *conf.secret_sources, cf,
            where_inherited(conf.secret_sources == parent.secret_sources, here));
        return;
    }
    // Requests here are refused with `no_secret`.
    std::vector<SecretSource> none;
    conf.secrets = std::make_shared<const Secrets>(conf.scheme, none, cf);
}

// The URL from the request line and the Host header.
void set_default_url(ngx_conf_t* cf, LocConf& conf) {
    if (conf.url != nullptr || !conf.scheme->reads_url()) return;
    conf.url = compile_value(cf, "$scheme://$http_host$request_uri");
    if (conf.url == nullptr) throw std::bad_alloc();
}

DedupKey default_key(const Scheme& scheme) {
    if (scheme.event_id.kind == ValueLocation::Kind::none || scheme.event_id.batch) {
        return {{DedupKey::Kind::event_key, "$webhook_event_key"}};
    }
    return {{DedupKey::Kind::event_id, "$webhook_event_id"}};
}

// Where an event is claimed: in the zone, or in what it shares with other nodes.
EventStore& store_of(const MainConf& conf, DedupZone& zone) {
    const auto found = std::ranges::find_if(
        conf.fleet_stores, [&zone](const auto& store) { return &store->zone() == &zone; });
    if (found == conf.fleet_stores.end()) return zone;
    return **found;
}

void resolve_dedup(ngx_conf_t* cf, LocConf& conf) {
    if (!conf.dedup_directive || !conf.dedup_directive->on) return;
    auto dedup = std::make_shared<Dedup>(*conf.dedup_directive);
    const auto& zones = main_conf(cf).zones;
    const auto zone = zones.find(dedup->zone_name);
    if (zone == zones.end()) {
        fail("unknown zone" + shown_word(dedup->zone_name) +
                 ", \"webhook_dedup_zone\" defines none of this name",
             dedup->place);
    }
    dedup->zone = zone->second;
    dedup->store = &WEBHOOK_STORE(store_of(main_conf(cf), *zone->second));
    if (!dedup->ttl) dedup->ttl = dedup->zone->ttl;
    if (dedup->keys.empty()) dedup->keys.push_back(default_key(*conf.scheme));
    conf.dedup = std::move(dedup);
}

Demands demands_of(const LocConf& conf) {
    Demands demands;
    Policy& policy = demands.policy;
    policy.scheme = conf.scheme;
    policy.tolerance = conf.tolerance;
    policy.methods = conf.methods->names;
    policy.require_tls = *conf.require_tls;
    if (conf.handshake) policy.handshake = *conf.handshake;
    if (conf.events) policy.events = conf.events->filter;
    if (conf.schemas) {
        policy.schemas.assign(conf.schemas->rules.begin(), conf.schemas->rules.end());
    }
    policy.payload_max = *conf.payload_max;
    policy.url_is_fixed = conf.url_is_fixed();
    demands.mode = *conf.mode;
    demands.endpoint = conf.endpoint;
    demands.secrets = {conf.secret_sources};
    demands.sources = {conf.sources};
    if (conf.url != nullptr) demands.url = to_view(conf.url->value);
    demands.url_names_host = conf.url_host != nullptr;
    if (conf.dedup == nullptr) return demands;
    policy.keys.assign(conf.dedup->keys.begin(), conf.dedup->keys.end());
    demands.zone = conf.dedup->zone;
    demands.ttl = *conf.dedup->ttl;
    return demands;
}

// The name may be a misplaced secret.
bool may_be_shown(std::string_view name) {
    return name.find_first_of("_=") == std::string_view::npos && !shown_word(name).empty();
}

}  // namespace

std::shared_ptr<const Scheme> MainConf::find_scheme(std::string_view name) {
    const auto known = schemes.find(name);
    if (known != schemes.end()) return known->second;
    auto preset = preset_scheme(name);
    if (!preset) {
        std::vector<std::string_view> names;
        for (const Preset& row : presets()) names.push_back(row.name);
        for (const PresetAlias& row : preset_aliases()) names.push_back(row.name);
        const std::string allowed = joined(names);
        for (const auto& [own, scheme] : schemes) names.push_back(own);
        const std::string_view meant = nearest(name, names);
        const bool is_shown = !meant.empty() || may_be_shown(name);
        throw ConfigError("unknown scheme" + (is_shown ? " " + in_quotes(name) : "") + ", " +
                          (meant.empty() ? "" : "did you mean " + in_quotes(meant) + "? ") +
                          "allowed: " + allowed + ", or a name that \"webhook_scheme\" defines");
    }
    auto scheme = std::make_shared<const Scheme>(std::move(*preset));
    schemes.emplace(name, scheme);
    return scheme;
}

std::string where_inherited(bool is_inherited, const Level& level) {
    if (!is_inherited || !level.is_location()) return {};
    return " of the location " + in_quotes(to_view(level.core()->name));
}

const ngx_http_core_loc_conf_t* Level::core() const {
    return static_cast<ngx_http_core_loc_conf_t*>(loc_conf[ngx_http_core_module.ctx_index]);
}

const ngx_http_core_srv_conf_t* Level::server() const {
    return static_cast<ngx_http_core_srv_conf_t*>(srv_conf[ngx_http_core_module.ctx_index]);
}

const LocConf* Level::server_conf() const {
    return static_cast<LocConf*>(server()->ctx->loc_conf[ngx_http_webhook_module.ctx_index]);
}

bool Level::is_server() const {
    return conf == server_conf();
}

bool Level::is_location() const {
    return !is_server() && !core()->noname && !core()->named;
}

namespace {

// `map` finds the same secret for a name in another case and, with `hostnames`, with a trailing
// dot, so these count as one name.
std::string_view folded(std::string_view name, ngx_pool_t* pool) {
    if (name.ends_with('.')) name.remove_suffix(1);
    const bool has_upper = std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    return has_upper ? to_view(copy_to_pool(pool, to_lower(name))) : name;
}

}  // namespace

std::string_view endpoint_of(const LocConf& conf, ngx_http_request_t* request) {
    if (!conf.gated() || conf.gate->name_variables == nullptr) return conf.endpoint;
    ngx_str_t value;
    if (ngx_http_complex_value(request, conf.gate->name_variables, &value) != NGX_OK) {
        throw std::bad_alloc();
    }
    const std::string_view name = to_view(value);
    if (name.size() > kLongestEndpoint || has_control_character(name)) return {};
    return folded(name, request->pool);
}

ngx_http_complex_value_t* compile_value(ngx_conf_t* cf, std::string_view text) {
    ngx_str_t value = copy_to_pool(cf->pool, text);
    auto* complex = static_cast<ngx_http_complex_value_t*>(
        allocate(cf->pool, sizeof(ngx_http_complex_value_t)));
    ngx_http_compile_complex_value_t compilation{};
    compilation.cf = cf;
    compilation.value = &value;
    compilation.complex_value = complex;
    return ngx_http_compile_complex_value(&compilation) == NGX_OK ? complex : nullptr;
}

ngx_int_t index_of_request_id(ngx_conf_t* cf) {
    ngx_str_t name = ngx_string("request_id");
    const ngx_int_t variable = ngx_http_get_variable_index(cf, &name);
    if (variable == NGX_ERROR) throw std::bad_alloc();
    return variable;
}

MainConf& main_conf(ngx_conf_t* cf) {
    return *static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_webhook_module));
}

const MainConf& main_conf(const ngx_http_request_t* request) {
    return *static_cast<MainConf*>(ngx_http_get_module_main_conf(request, ngx_http_webhook_module));
}

const LocConf& loc_conf(const ngx_http_request_t* request) {
    return *static_cast<LocConf*>(ngx_http_get_module_loc_conf(request, ngx_http_webhook_module));
}

namespace {

// nginx copies so much of a report into the socket before other requests have their turn.
void bound_pieces(ngx_conf_t* cf) {
    constexpr std::size_t kMostAtOnce = 16 * 1024;
    auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    const bool is_bounded = core->sendfile_max_chunk > 0;
    core->sendfile_max_chunk =
        is_bounded ? std::min(core->sendfile_max_chunk, kMostAtOnce) : kMostAtOnce;
}

}  // namespace

void merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf) {
    const Level level = current_level(cf, parent, conf);
    main_conf(cf).levels.push_back(level);
    inherit_from(parent, conf);
    set_defaults(conf);
    if (conf.sources) conf.sources->complete();
    if (conf.status) bound_pieces(cf);
    if (!conf.gated()) return;
    if (conf.status) {
        fail("\"webhook_status\" cannot be behind a gate, write \"webhook off\" beside it",
             conf.status->place);
    }
    resolve_gate(cf, parent, conf, level);
    set_default_url(cf, conf);
    resolve_dedup(cf, conf);
    conf.demands = demands_of(conf);
    conf.counted = std::make_shared<CountedGate>();
}

}  // namespace webhook::ngx
