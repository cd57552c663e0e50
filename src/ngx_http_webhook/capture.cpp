#include "ngx_http_webhook/capture.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "capture/capture.h"
#include "ngx_http_webhook/body.h"
#include "ngx_http_webhook/delivery.h"
#include "ngx_http_webhook/headers.h"
#include "store/capture_writer.h"

namespace webhook::ngx {
namespace {

// Between two reports in the log.
constexpr ngx_msec_t kReportPause = 1000;
// For a disk that does not answer when the worker exits.
constexpr auto kExitPatience = std::chrono::milliseconds(500);

// Never destroyed: nothing may run when the module is unloaded. Only workers have one.
CaptureWriter& writer() {
    static auto* const writer = new CaptureWriter();
    return *writer;
}

ngx_event_t report_timer;
bool is_in_use = false;

// -- the log

void log_report(ngx_log_t* log) {
    const CaptureWriter::Report report = writer().take_report();
    if (report.dropped > 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "webhook: refused deliveries were not captured, since earlier ones wait for "
                      "the disk, or for another process that has the directory locked: %uL",
                      report.dropped);
    }
    if (report.failed > 0) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "webhook: errors with captures in \"%s\": %uL, the last one: %s",
                      report.directory.c_str(), report.failed, report.failure.c_str());
    }
}

void arm_report();

void on_report(ngx_event_t*) noexcept try {
    const bool is_busy = writer().is_busy();
    log_report(ngx_cycle->log);
    if (is_busy) arm_report();
} catch (const std::exception&) {
    // The next one tells.
}

// An exiting worker does not wait for it.
void arm_report() {
    is_in_use = true;
    if (report_timer.timer_set) return;
    report_timer.handler = on_report;
    report_timer.data = &report_timer;
    report_timer.log = ngx_cycle->log;
    report_timer.cancelable = 1;
    ngx_add_timer(&report_timer, kReportPause);
}

// -- the delivery

bool is_refused(const Delivery& delivery) {
    if (!can_be_captured(delivery.reason)) return false;
    return delivery.verdict == Verdict::rejected || delivery.verdict == Verdict::monitored;
}

std::vector<HeaderField> headers_of(const ngx_http_request_t* request) {
    std::vector<HeaderField> headers;
    for_each_header(request, [&headers](const ngx_table_elt_t& each) {
        headers.emplace_back(to_view(each.key), to_view(each.value));
    });
    return headers;
}

// Texts of the configuration. Those of variables are of this request.
std::vector<std::string_view> secrets_of(const Delivery& delivery) {
    const LocConf& conf = delivery.conf;
    if (conf.scheme->has_public_key() || !conf.secret_sources) return {};
    std::vector<std::string_view> secrets = delivery.own_secret_texts;
    if (secrets.empty() && conf.secrets->has_variables()) {
        secrets = conf.secrets->texts(delivery.request);
    }
    for (const SecretSource& source : *conf.secret_sources) {
        if (source.variables == nullptr) secrets.push_back(source.text);
    }
    return secrets;
}

// Returns up to `limit` bytes of the body as it was sent, or nullopt if it was not read. A body in
// a temporary file is read as for its verification, where the same bytes were just read.
std::optional<std::string> body_of(const ngx_http_request_t* request, std::size_t limit) {
    if (body_was_passed_on(request) || !body_is_whole(request)) return std::nullopt;
    std::string body;
    BodyReader reader(request);
    while (body.size() < limit) {
        const std::string_view piece = reader.next();
        if (piece.empty()) break;
        body.append(piece.substr(0, limit - body.size()));
    }
    return body;
}

Milliseconds received(const ngx_http_request_t* request) {
    return Milliseconds(static_cast<std::int64_t>(request->start_sec) * 1000 +
                        static_cast<std::int64_t>(request->start_msec));
}

std::string text_of(const Delivery& delivery) {
    ngx_http_request_t* request = delivery.request;
    const Capture& capture = *delivery.conf.capture;
    const std::vector<std::string_view> secrets = secrets_of(delivery);
    const std::vector<HeaderField> headers = headers_of(request);
    // A secret that is cut off is still seen.
    const std::size_t margin = Redaction::longest_form(secrets);
    const std::optional<std::string> body = body_of(request, capture.body + margin);
    CapturedDelivery captured;
    captured.received = received(request);
    captured.endpoint = delivery.endpoint;
    captured.reason = info(delivery.reason).name;
    captured.verdict = name_of(delivery.verdict);
    captured.source = to_view(request->connection->addr_text);
    captured.request_id = request_id_of(delivery);
    captured.request_line = to_view(request->request_line);
    captured.headers = headers;
    if (body) captured.body = *body;
    captured.body_size = static_cast<std::uint64_t>(size_of_body(request));
    return capture_text(captured, {*delivery.conf.scheme, secrets,
                                   delivery.conf.handshake_enabled(), capture.body});
}

// -- the configuration

// Without the directive `user`, nginx uses the one that it was built with.
uid_t worker_user(ngx_conf_t* cf) {
    if (geteuid() != 0) return geteuid();
    const auto* core =
        reinterpret_cast<ngx_core_conf_t*>(ngx_get_conf(cf->cycle->conf_ctx, ngx_core_module));
    if (core->user != static_cast<ngx_uid_t>(NGX_CONF_UNSET_UINT)) return core->user;
    const struct passwd* built_in = getpwnam(NGX_USER);
    return built_in == nullptr ? geteuid() : built_in->pw_uid;
}

void require_same_limits(const CaptureDirectory& known, const CaptureLimits& limits) {
    if (known.ring->limits() == limits) return;
    throw ConfigError("the directory " + in_quotes(known.ring->path()) +
                      " of \"webhook_capture\" has another \"max=\" or \"keep=\" in " +
                      known.place.text() + ", allowed: the same, or another directory");
}

}  // namespace

bool can_be_captured(Reason reason) {
    return reason != Reason::accepted && reason != Reason::handshake && reason != Reason::duplicate;
}

std::shared_ptr<const CaptureRing> open_capture_ring(ngx_conf_t* cf, const std::string& path,
                                                     const CaptureLimits& limits,
                                                     const ConfigPosition& place) {
    auto ring = std::make_shared<const CaptureRing>(path, limits, worker_user(cf));
    auto& directories = main_conf(cf).capture_directories;
    for (const auto& known : directories) {
        if (!known->ring->is_same_directory(*ring)) continue;
        require_same_limits(*known, limits);
        return known->ring;
    }
    directories.push_back(std::make_shared<const CaptureDirectory>(CaptureDirectory{ring, place}));
    return ring;
}

void capture_refused(const Delivery& delivery) noexcept try {
    const auto& capture = delivery.conf.capture;
    if (!capture || !is_refused(delivery)) return;
    if (!capture->reasons.test(static_cast<std::size_t>(delivery.reason))) return;
    arm_report();
    if (!writer().has_room()) return;
    const std::string name = capture_name(received(delivery.request), info(delivery.reason).name);
    writer().write({capture->ring, name, text_of(delivery)});
} catch (const std::exception& error) {
    ngx_log_t log = log_of(delivery);
    ngx_log_error(NGX_LOG_ERR, &log, 0, "webhook: a refused delivery is not captured: %s",
                  error.what());
}

// One process is enough for what others left.
void begin_captures(const MainConf& conf) noexcept try {
    const bool is_worker = ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;
    if (!is_worker || ngx_worker != 0) return;
    for (const auto& directory : conf.capture_directories) {
        writer().watch(directory->ring);
        arm_report();
    }
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "webhook: old captures are not removed: %s",
                  error.what());
}

void end_captures() noexcept try {
    if (!is_in_use) return;
    writer().stop(kExitPatience);
    log_report(ngx_cycle->log);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "webhook: captures are not written: %s",
                  error.what());
}

}  // namespace webhook::ngx
