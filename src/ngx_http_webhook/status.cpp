#include "ngx_http_webhook/status.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/version.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/counting.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/headers.h"
#include "ngx_http_webhook/shared_counters.h"
#include "report/accept.h"
#include "report/html.h"
#include "report/json.h"
#include "report/page.h"
#include "report/prometheus.h"
#include "report/reading.h"

namespace webhook::ngx {
namespace {

using Clock = std::chrono::steady_clock;

ZoneReport report_of(const DedupZone& zone, Counters& counters) {
    const DedupStats stats = zone.stats();
    ZoneReport report{.name = zone.name,
                      .capacity = stats.capacity,
                      .remembered = stats.remembered,
                      .claimed = stats.in_flight};
    read_zone(zone.row, counters, zone.early_untold(), report);
    return report;
}

SourceFileReport report_of(AddressFile& file, const Counters& counters, ngx_log_t* log) {
    file.look(log);
    SourceFileReport report{.path = file.name(), .addresses = file.size()};
    read_source_file(file.row(), counters, report);
    return report;
}

// The value of `?endpoint=`.
std::optional<std::string> asked_endpoint(ngx_http_request_t* request) {
    ngx_str_t name = ngx_string("endpoint");
    ngx_str_t value;
    if (ngx_http_arg(request, name.data, name.len, &value) != NGX_OK) return std::nullopt;
    ngx_str_t copy = copy_to_pool(request->pool, to_view(value));
    u_char* end = copy.data;
    u_char* source = value.data;
    ngx_unescape_uri(&end, &source, value.len, 0);
    return std::string(reinterpret_cast<char*>(copy.data),
                       static_cast<std::size_t>(end - copy.data));
}

// Those that the request asks for: one, all, or none, if no endpoint has the name.
std::span<const CountedEndpoint> asked_endpoints(ngx_http_request_t* request) {
    const std::span<const CountedEndpoint> all(main_conf(request).endpoints);
    const auto asked = asked_endpoint(request);
    if (!asked) return all;
    const auto found = std::ranges::find_if(
        all, [&asked](const CountedEndpoint& each) { return each.report.name == *asked; });
    return all.subspan(static_cast<std::size_t>(found - all.begin()), found == all.end() ? 0 : 1);
}

Report report_for(ngx_http_request_t* request, Counters& counters) {
    const MainConf& conf = main_conf(request);
    const std::vector<bool> living = counters.living();
    Report report;
    report.now = now();
    report.since = counters.start();
    report.config_loaded = loaded_configuration().time;
    report.generation = loaded_configuration().generation;
    report.module_version = WEBHOOK_VERSION;
    report.server_version = NGINX_VERSION;
    report.workers = static_cast<std::uint64_t>(std::ranges::count(living, true));
    report.worker_deaths = counters.deaths();
    report.errors = counters.errors();
    const auto endpoints = asked_endpoints(request);
    for (const CountedEndpoint& each : endpoints) {
        report.endpoints.push_back(read_endpoint(each, counters, living));
    }
    for (const auto& [name, zone] : conf.zones) report.zones.push_back(report_of(*zone, counters));
    for (const auto& file : conf.address_files) {
        report.source_files.push_back(report_of(*file, counters, request->connection->log));
    }
    const Status::Recent recent = loc_conf(request).status->recent;
    report.shows_recent = recent != Status::Recent::off;
    if (report.shows_recent) {
        report.recent = read_refusals(endpoints, counters, recent == Status::Recent::anonymous);
    }
    return report;
}

struct Answer {
    std::string_view type;
    std::string text;
    // Empty: the answer is no page, and a browser runs nothing of it.
    std::string_view policy = {};
};

Answer answer_in(Status::Format format, const Report& report, std::string_view accept) {
    if (format == Status::Format::prometheus) {
        const Exposition exposition = wanted_exposition(accept);
        return {content_type_of(exposition), metrics_of(report, exposition)};
    }
    if (format == Status::Format::html && !wants_json(accept)) {
        return {"text/html; charset=utf-8", html_of(report), content_security_policy()};
    }
    return {"application/json", json_of(report)};
}

ngx_int_t send(ngx_http_request_t* request, ngx_uint_t status_code, Answer& answer) {
    request->headers_out.status = status_code;
    request->headers_out.content_length_n = static_cast<off_t>(answer.text.size());
    request->headers_out.content_type = to_ngx(answer.type);
    // Shorter than the type, so that nginx adds no charset of its own.
    request->headers_out.content_type_len = std::min(answer.type.find(';'), answer.type.size());
    request->headers_out.content_type_lowcase = nullptr;
    add_header(request, "Cache-Control", "no-store");
    add_header(request, "X-Content-Type-Options", "nosniff");
    add_header(request, "Referrer-Policy", "no-referrer");
    if (loc_conf(request).status->format != Status::Format::json) {
        add_header(request, "Vary", "Accept");
    }
    if (!answer.policy.empty()) add_header(request, "Content-Security-Policy", answer.policy);
    const ngx_int_t status = ngx_http_send_header(request);
    if (status == NGX_ERROR || status > NGX_OK || request->header_only) return status;
    const auto& text = make_in_pool<std::string>(request->pool, std::move(answer.text));
    auto* buffer = static_cast<ngx_buf_t*>(allocate(request->pool, sizeof(ngx_buf_t)));
    *buffer = ngx_buf_t{};
    buffer->pos = buffer->start = to_ngx(text).data;
    buffer->last = buffer->end = buffer->pos + text.size();
    buffer->memory = 1;
    // A subrequest's is one of several parts of an answer.
    buffer->last_buf = request == request->main ? 1 : 0;
    buffer->last_in_chain = 1;
    ngx_chain_t link{buffer, nullptr};
    return ngx_http_output_filter(request, &link);
}

}  // namespace

ngx_int_t on_status(ngx_http_request_t* request) noexcept try {
    static std::optional<double> last_took;
    if ((request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        add_header(request, "Allow", "GET, HEAD");
        return NGX_HTTP_NOT_ALLOWED;
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(request);
    if (discarded != NGX_OK) return discarded;
    Counters* shared = counters();
    if (shared == nullptr) return NGX_HTTP_SERVICE_UNAVAILABLE;
    const auto begun = Clock::now();
    Report report = report_for(request, *shared);
    report.scrape_seconds = last_took;
    Answer answer =
        answer_in(loc_conf(request).status->format, report, find_header(request, "Accept"));
    last_took = std::chrono::duration<double>(Clock::now() - begun).count();
    // A client that misspells a name must not take it for an endpoint without deliveries.
    const bool is_unknown = report.endpoints.empty() && asked_endpoint(request).has_value();
    return send(request, is_unknown ? NGX_HTTP_NOT_FOUND : NGX_HTTP_OK, answer);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0, "webhook_status: %s", error.what());
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

}  // namespace webhook::ngx
