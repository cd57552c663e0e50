#include "ngx_http_webhook/variables.h"

#include <array>
#include <cstdio>

#include "base/json_document.h"
#include "base/text.h"
#include "ngx_http_webhook/delivery.h"

namespace webhook::ngx {
namespace {

// All work on a delivery in any stage. Empty: unknown.
std::string_view verdict(Delivery& delivery) {
    return name_of(delivery.verdict);
}

std::string_view reason(Delivery& delivery) {
    return delivery.decided() ? info(delivery.reason).name : "";
}

std::string_view event_id(Delivery& delivery) {
    return delivery.event().id;
}

std::string_view event_type(Delivery& delivery) {
    return delivery.event().type;
}

std::string_view event_key(Delivery& delivery) {
    return delivery.event().key;
}

// A timestamp from the body or a token is any text until it is checked.
std::string_view timestamp(Delivery& delivery) {
    const std::string_view text = delivery.event().timestamp;
    return text.size() > kLongestPayloadValue || has_control_character(text) ? "" : text;
}

std::string_view secret_id(Delivery& delivery) {
    return delivery.event().secret_id;
}

std::string_view body_sha256(Delivery& delivery) {
    return delivery.event().body_sha256;
}

std::string_view schema_error(Delivery& delivery) {
    return delivery.event().schema_error;
}

std::string_view verify_time(Delivery& delivery) {
    const bool has_verified = delivery.inspection && delivery.inspection->has_verified();
    if (!has_verified || delivery.verify_time.count() == 0) return "";
    constexpr std::size_t kSize = 32;
    auto* text = static_cast<char*>(allocate(delivery.request->pool, kSize));
    const int size =
        std::snprintf(text, kSize, "%.6f", static_cast<double>(delivery.verify_time.count()) / 1e9);
    return {text, static_cast<std::size_t>(size)};
}

using Read = std::string_view (*)(Delivery&);

void set_value(ngx_variable_value_t& value, std::string_view text) {
    value.valid = 1;
    value.no_cacheable = 1;
    value.not_found = text.empty();
    value.len = static_cast<unsigned>(text.size());
    value.data = to_ngx(text).data;
}

ngx_int_t get_from_delivery(ngx_http_request_t* request, ngx_variable_value_t* value,
                            uintptr_t read) noexcept try {
    Delivery* delivery = find_delivery(request->main);
    set_value(*value, delivery == nullptr ? "" : reinterpret_cast<Read>(read)(*delivery));
    return NGX_OK;
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ERR, request->connection->log, 0, "webhook variable: %s", error.what());
    return NGX_ERROR;
}

// These two are known before the delivery: they say where it goes.
ngx_int_t get_endpoint(ngx_http_request_t* request, ngx_variable_value_t* value, uintptr_t) noexcept
    try {
    const Delivery* delivery = find_delivery(request->main);
    set_value(*value,
              delivery == nullptr ? endpoint_of(loc_conf(request), request) : delivery->endpoint);
    return NGX_OK;
} catch (const std::exception&) {
    return NGX_ERROR;
}

ngx_int_t get_scheme(ngx_http_request_t* request, ngx_variable_value_t* value, uintptr_t) noexcept {
    const Delivery* delivery = find_delivery(request->main);
    const LocConf& conf = delivery == nullptr ? loc_conf(request) : delivery->conf;
    set_value(*value, conf.gated() ? std::string_view(conf.scheme->name) : std::string_view());
    return NGX_OK;
}

struct Variable {
    std::string_view name;
    ngx_http_get_variable_pt get;
    Read read;
};

constexpr std::array<Variable, 12> kVariables{{
    {"webhook_verdict", get_from_delivery, verdict},
    {"webhook_reason", get_from_delivery, reason},
    {"webhook_endpoint", get_endpoint, nullptr},
    {"webhook_scheme", get_scheme, nullptr},
    {"webhook_event_id", get_from_delivery, event_id},
    {"webhook_event_type", get_from_delivery, event_type},
    {"webhook_event_key", get_from_delivery, event_key},
    {"webhook_timestamp", get_from_delivery, timestamp},
    {"webhook_secret_id", get_from_delivery, secret_id},
    {"webhook_body_sha256", get_from_delivery, body_sha256},
    {"webhook_schema_error", get_from_delivery, schema_error},
    {"webhook_verify_time", get_from_delivery, verify_time},
}};

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) noexcept {
    for (const Variable& row : kVariables) {
        ngx_str_t name = to_ngx(row.name);
        ngx_http_variable_t* variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == nullptr) return NGX_ERROR;
        variable->get_handler = row.get;
        variable->data = reinterpret_cast<uintptr_t>(row.read);
    }
    return NGX_OK;
}

void record_used_variables(ngx_http_core_main_conf_t* core, MainConf& conf) {
    const auto* used = static_cast<ngx_http_variable_t*>(core->variables.elts);
    for (ngx_uint_t i = 0; i < core->variables.nelts; ++i) {
        const std::string_view name = to_view(used[i].name);
        conf.uses_event |= name == "webhook_event_id" || name == "webhook_event_type";
        conf.uses_event_key |= name == "webhook_event_key";
        conf.uses_body_sha256 |= name == "webhook_body_sha256";
        conf.uses_verify_time |= name == "webhook_verify_time";
    }
}

}  // namespace webhook::ngx
