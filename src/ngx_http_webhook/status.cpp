#include "ngx_http_webhook/status.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
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
#include "report/stepwise_text.h"

namespace webhook::ngx {
namespace {

ZoneReport report_of(const DedupZone& zone, Counters& counters) {
    const DedupStats stats = zone.stats();
    ZoneReport report{.name = zone.name,
                      .capacity = stats.capacity,
                      .remembered = stats.remembered,
                      .claimed = stats.in_flight};
    read_zone(zone.row, counters, zone.early_untold(), report);
    return report;
}

RedisReport report_of(const RedisServer& server, const MainConf& conf, const Counters& counters,
                      const std::vector<bool>& living) {
    RedisReport report{.name = server.name, .url = redis::text_of(server.address)};
    for (const auto& store : conf.fleet_stores) {
        if (&store->server() == &server) report.zones.push_back(store->zone().name);
    }
    read_redis(server.row, counters, living, report);
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

// All but the endpoints and the refusals.
Report begin_report(ngx_http_request_t* request, Counters& counters,
                    const std::vector<bool>& living) {
    const MainConf& conf = main_conf(request);
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
    for (const auto& [name, zone] : conf.zones) report.zones.push_back(report_of(*zone, counters));
    for (const auto& [name, server] : conf.redis_servers) {
        report.redis.push_back(report_of(*server, conf, counters, living));
    }
    for (const auto& file : conf.address_files) {
        report.source_files.push_back(report_of(*file, counters, request->connection->log));
    }
    report.shows_recent = loc_conf(request).status->recent != Status::Recent::off;
    return report;
}

// Of this process's last answer, in seconds.
std::optional<double> last_took;

// One answer. It is made over as many turns of the event loop as it takes, so that no delivery
// waits for it.
class Answer {
  public:
    Answer(ngx_http_request_t* request, Counters& counters)
        : request_(request),
          counters_(counters),
          living_(counters.living()),
          asked_(asked_endpoints(request)) {}
    ~Answer() { cancel_wake(); }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    // Returns whether it can be sent. If not, there is more to do in another turn.
    bool go_on() {
        const auto begun = Clock::now();
        bool is_complete = false;
        do is_complete = take_step();
        while (!is_complete && Clock::now() - begun < kTurn);
        took_ += Clock::now() - begun;
        if (is_complete) last_took = std::chrono::duration<double>(took_).count();
        return is_complete;
    }

    // Returns nginx's code for the request.
    ngx_int_t send();

    // Calls go_on() again after other requests had their turn.
    void wait() {
        wake_.handler = on_wake;
        wake_.data = this;
        wake_.log = request_->connection->log;
        request_->write_event_handler = ngx_http_request_empty_handler;
        ngx_post_event(&wake_, &ngx_posted_next_events);
        // An exiting worker quits once no timer is pending, so one is kept armed.
        ngx_add_timer(&wake_, kKeepWorkerAlive);
    }

  private:
    using Clock = std::chrono::steady_clock;

    // About one delivery.
    static constexpr std::chrono::microseconds kTurn{20};
    // Far longer than a turn of the event loop.
    static constexpr ngx_msec_t kKeepWorkerAlive = 60'000;

    static void on_wake(ngx_event_t* event) noexcept;

    void cancel_wake() {
        // The braces are needed: ngx_delete_posted_event() is a multi-statement macro.
        if (wake_.posted) {
            ngx_delete_posted_event(&wake_);
        }
        if (wake_.timer_set) {
            ngx_del_timer(&wake_);
        }
    }

    // Returns whether it was the last one.
    bool take_step() {
        if (text_) {
            text_->write_more();
            return text_->is_complete();
        }
        if (!report_) {
            report_ = begin_report(request_, counters_, living_);
            report_->scrape_seconds = last_took;
            report_->endpoints.reserve(asked_.size());
        } else if (report_->endpoints.size() < asked_.size()) {
            const CountedEndpoint& next = asked_[report_->endpoints.size()];
            report_->endpoints.push_back(read_endpoint(next, counters_, living_));
        } else {
            read_recent();
            begin_text();
        }
        return false;
    }

    void read_recent() {
        if (!report_->shows_recent) return;
        const bool is_anonymous = loc_conf(request_).status->recent == Status::Recent::anonymous;
        report_->recent = read_refusals(asked_, counters_, is_anonymous);
    }

    void begin_text() {
        const Status::Format format = loc_conf(request_).status->format;
        const std::string_view accept = find_header(request_, "Accept");
        if (format == Status::Format::prometheus) {
            const Exposition exposition = wanted_exposition(accept);
            type_ = content_type_of(exposition);
            text_ = metrics_of(*report_, exposition);
        } else if (format == Status::Format::html && !wants_json(accept)) {
            type_ = "text/html; charset=utf-8";
            policy_ = content_security_policy();
            text_ = html_of(*report_);
        } else {
            type_ = "application/json";
            text_ = json_of(*report_);
        }
    }

    void set_headers(std::size_t size) const;

    ngx_http_request_t* const request_;
    Counters& counters_;
    const std::vector<bool> living_;
    const std::span<const CountedEndpoint> asked_;
    std::optional<Report> report_;
    std::unique_ptr<StepwiseText> text_;
    std::string_view type_;
    // Empty: the answer is no page, and a browser runs nothing of it.
    std::string_view policy_;
    Clock::duration took_{};
    ngx_event_t wake_{};
};

void Answer::set_headers(std::size_t size) const {
    // A client that misspells a name must not take it for an endpoint without deliveries.
    const bool is_unknown = asked_.empty() && asked_endpoint(request_).has_value();
    request_->headers_out.status = is_unknown ? NGX_HTTP_NOT_FOUND : NGX_HTTP_OK;
    request_->headers_out.content_length_n = static_cast<off_t>(size);
    request_->headers_out.content_type = to_ngx(type_);
    // Shorter than the type, so that nginx adds no charset of its own.
    request_->headers_out.content_type_len = std::min(type_.find(';'), type_.size());
    request_->headers_out.content_type_lowcase = nullptr;
    add_header(request_, "Cache-Control", "no-store");
    add_header(request_, "X-Content-Type-Options", "nosniff");
    add_header(request_, "Referrer-Policy", "no-referrer");
    if (loc_conf(request_).status->format != Status::Format::json) {
        add_header(request_, "Vary", "Accept");
    }
    if (!policy_.empty()) add_header(request_, "Content-Security-Policy", policy_);
}

ngx_int_t Answer::send() {
    const std::string* const text = &make_in_pool<std::string>(request_->pool, text_->take());
    set_headers(text->size());
    const ngx_int_t status = ngx_http_send_header(request_);
    if (status == NGX_ERROR || status > NGX_OK || request_->header_only) return status;
    auto* buffer = static_cast<ngx_buf_t*>(allocate(request_->pool, sizeof(ngx_buf_t)));
    *buffer = ngx_buf_t{};
    buffer->pos = buffer->start = to_ngx(*text).data;
    buffer->last = buffer->end = buffer->pos + text->size();
    buffer->memory = 1;
    // A subrequest's is one of several parts of an answer.
    buffer->last_buf = request_ == request_->main ? 1 : 0;
    buffer->last_in_chain = 1;
    ngx_chain_t link{buffer, nullptr};
    return ngx_http_output_filter(request_, &link);
}

ngx_int_t fail(const ngx_http_request_t* request, const std::exception& error) noexcept {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0, "webhook_status: %s", error.what());
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void Answer::on_wake(ngx_event_t* event) noexcept {
    auto& answer = *static_cast<Answer*>(event->data);
    ngx_http_request_t* request = answer.request_;
    ngx_connection_t* connection = request->connection;
    ngx_http_set_log_request(connection->log, request);
    answer.cancel_wake();
    ngx_int_t code = NGX_OK;
    try {
        if (!answer.go_on()) return answer.wait();
        code = answer.send();
    } catch (const std::exception& error) {
        code = fail(request, error);
    }
    ngx_http_finalize_request(request, code);
    ngx_http_run_posted_requests(connection);
}

}  // namespace

ngx_int_t on_status(ngx_http_request_t* request) noexcept try {
    if ((request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        add_header(request, "Allow", "GET, HEAD");
        return NGX_HTTP_NOT_ALLOWED;
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(request);
    if (discarded != NGX_OK) return discarded;
    Counters* shared = counters();
    if (shared == nullptr) return NGX_HTTP_SERVICE_UNAVAILABLE;
    auto& answer = make_in_pool<Answer>(request->pool, request, *shared);
    if (answer.go_on()) return answer.send();
    ++request->main->count;
    answer.wait();
    return NGX_DONE;
} catch (const std::exception& error) {
    return fail(request, error);
}

}  // namespace webhook::ngx
