#include "ngx_http_webhook/gate.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "ngx_http_webhook/answer.h"
#include "ngx_http_webhook/delivery.h"
#include "ngx_http_webhook/inspected_body.h"
#include "ngx_http_webhook/settle.h"

namespace webhook::ngx {
namespace {

// The number of bytes hashed, with all secrets together, before other requests get their turn.
constexpr off_t kHashedAtOnce = 1024 * 1024;
// Far longer than a turn of the event loop.
constexpr ngx_msec_t kKeepWorkerAlive = 60'000;
// The intervals at which an event in flight is checked again.
constexpr ngx_msec_t kFirstWait = 10;
constexpr ngx_msec_t kLongestWait = 160;

// -- gate

// Uses the client's own version: without headers, responses could not be distinguished.
bool is_http_09(const Delivery& delivery) {
    return delivery.http_version == NGX_HTTP_VERSION_9 && !delivery.request->post_action;
}

bool came_over_tls(const ngx_http_request_t* request) {
#if (NGX_HTTP_V3)
    if (request->http_version == NGX_HTTP_VERSION_30) return true;
#endif
#if (NGX_HTTP_SSL)
    return request->connection->ssl != nullptr;
#else
    return false;
#endif
}

// Returns nullopt if the request line has none, or if the header counts as well.
std::optional<std::string_view> host_of_line(const ngx_http_request_t* request) {
    if (request->host_start == nullptr || request->http_version >= NGX_HTTP_VERSION_20) {
        return std::nullopt;
    }
    const auto* start = reinterpret_cast<const char*>(request->host_start);
    const auto* end = reinterpret_cast<const char*>(request->uri_start);
    return end < start ? std::string_view() : std::string_view(start, end);
}

RequestHead head_of(const Delivery& delivery) {
    const ngx_http_request_t* request = delivery.request;
    RequestHead head;
    head.method = to_view(request->method_name);
    head.target = to_view(request->unparsed_uri);
    head.query = delivery.query;
    head.endpoint = delivery.endpoint;
    if (request->headers_in.host != nullptr) head.host = to_view(request->headers_in.host->value);
    head.host_of_line = host_of_line(request);
    head.server = to_view(request->headers_in.server);
    head.is_over_tls = came_over_tls(request);
    head.has_headers = !is_http_09(delivery);
    head.declared_size = request->headers_in.content_length_n;
    return head;
}

Wanted wanted_of(const Delivery& delivery) {
    const MainConf& conf = main_conf(delivery.request);
    return {conf.uses_event, conf.uses_event_key, conf.uses_body_sha256, delivery.is_remembered()};
}

// -- inspection

// Adds its lifetime to the time of verification, if anybody asks for that.
class Stopwatch {
  public:
    explicit Stopwatch(Delivery& delivery) : delivery_(is_asked(delivery) ? &delivery : nullptr) {
        if (delivery_ != nullptr) started_ = Clock::now();
    }
    ~Stopwatch() {
        if (delivery_ != nullptr) delivery_->verify_time += Clock::now() - started_;
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    using Clock = std::chrono::steady_clock;

    static bool is_asked(const Delivery& delivery) {
        return delivery.tally.is_timed() || main_conf(delivery.request).uses_verify_time;
    }

    Delivery* delivery_;
    Clock::time_point started_;
};

// Returns why the delivery must be refused, or nothing: then its body is wanted.
Objection check_before_body(Delivery& delivery) {
    const Stopwatch stopwatch(delivery);
    Inspection& inspection = delivery.inspection.emplace(
        delivery.conf.demands.policy, wanted_of(delivery), head_of(delivery), delivery);
    const auto outcome = inspection.before_body(now());
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) return *refusal;
    delivery.body_inspection = std::get<BodyInspection>(outcome);
    return std::nullopt;
}

// Returns false if the body is longer than may be hashed at once.
bool hash_body(Delivery& delivery) {
    const Stopwatch stopwatch(delivery);
    BodyInspection& inspection = *delivery.body_inspection;
    const off_t pause_at =
        delivery.body.decoded_size() + kHashedAtOnce / static_cast<off_t>(inspection.hashes());
    while (delivery.body.decoded_size() < pause_at) {
        const std::string_view piece = delivery.body.next();
        if (piece.empty()) return true;
        inspection.update(piece);
    }
    return false;
}

Objection check_after_body(Delivery& delivery) {
    const Stopwatch stopwatch(delivery);
    InspectedBody body(delivery);
    return delivery.body_inspection->finish(body, now());
}

// Whether an upstream was to get the delivery before this gate saw it, and none has accepted it.
bool failed_before(const Delivery& delivery) {
    bool tried = delivery.earlier == nullptr && delivery.request->upstream != nullptr;
    for (const Delivery* each = delivery.earlier; each != nullptr; each = each->earlier) {
        if (each->upstreams.accepted_status() != 0) return false;
        tried |= each->passes() && each->upstreams.tried(delivery.request);
    }
    return tried;
}

// A fallback that does not want the event must not end its sender's attempts.
Refusal at_fallback(const Delivery& delivery, const Refusal& refusal) {
    if (refusal.reason != Reason::filtered || !failed_before(delivery)) return refusal;
    return {Reason::bad_answer, Cause::Kind::fallback_filters};
}

// -- remember

// Claims of the request's earlier deliveries on this store are its own.
std::optional<ClaimToken> token_for(const Delivery& delivery, EventStore& store) {
    for (const Delivery* held = delivery.earlier; held != nullptr; held = held->earlier) {
        if (held->claim.store() == &store) return held->claim.token();
    }
    return store.new_token();
}

// If the keys are known before the body is hashed, the memory for the claim is prefetched
// meanwhile. Returns false if nothing can be claimed.
bool prepare_claim(Delivery& delivery) {
    static_assert(kMostKeyRules <= kMostKeys);
    const std::span<const NamedKey> named = delivery.inspection->keys();
    if (delivery.claim.store() != nullptr) return true;
    if (named.empty()) return false;
    EventStore& store = *delivery.conf.dedup->store;
    const auto token = token_for(delivery, store);
    if (!token) return false;
    std::array<EventKey, kMostKeys> keys;
    std::ranges::transform(named, keys.begin(), [&delivery](const NamedKey& key) {
        return event_key(delivery.endpoint, key.name, key.value);
    });
    delivery.claim.prepare(store, std::span(keys).first(named.size()), *token, delivery);
    return true;
}

// After a wait, it may be too late. The claim of a refused delivery is released with its response.
Refusal outcome_of_claimed(const Delivery& delivery) {
    return delivery.inspection->check_time(now()).value_or(Reason::accepted);
}

// Returns nothing if the delivery has to wait for a concurrent delivery of the event.
Objection outcome_of(Delivery& delivery, const ClaimResult& result) {
    switch (result.outcome) {
        case ClaimOutcome::claimed:
            return outcome_of_claimed(delivery);
        case ClaimOutcome::duplicate:
            delivery.first_status = result.status;
            return Reason::duplicate;
        case ClaimOutcome::no_room:
            return Reason::unavailable;
        case ClaimOutcome::away:
            return Refusal{Reason::unavailable, Cause::Kind::redis_away};
        case ClaimOutcome::in_flight:
            break;
    }
    const auto left = static_cast<ngx_msec_int_t>(delivery.wait_until - ngx_current_msec);
    if (left <= 0) return Reason::in_flight;
    return std::nullopt;
}

// -- the path through the phases

void on_wake(ngx_event_t* event) noexcept;

// Makes nginx run the phases again. They return to on_request(), which responds.
void resume(ngx_http_request_t* request) {
    request->read_event_handler = ngx_http_block_reading;
    request->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(request);
}

void conclude(Delivery& delivery, const Refusal& refusal) {
    decide(delivery, at_fallback(delivery, refusal));
    resume(delivery.request);
}

// While a delivery waits, it only listens for the client closing the connection.
void suspend(Delivery& delivery, Stage stage) {
    delivery.stage = stage;
    delivery.wake.handler = on_wake;
    delivery.request->write_event_handler = ngx_http_request_empty_handler;
    // Hashing ends soon, and the upstream module handles a client's half-closed connection.
    if (stage == Stage::hashing) {
        delivery.request->read_event_handler = ngx_http_block_reading;
        return;
    }
    delivery.request->read_event_handler = ngx_http_test_reading;
    if (ngx_handle_read_event(delivery.request->connection->read, 0) != NGX_OK) {
        throw std::runtime_error("cannot listen for the client's leaving");
    }
}

void continue_claim(Delivery& delivery, const ClaimResult& result) {
    if (const auto outcome = outcome_of(delivery, result)) return conclude(delivery, *outcome);
    suspend(delivery, Stage::waiting);
    const auto left = static_cast<ngx_msec_t>(delivery.wait_until - ngx_current_msec);
    delivery.wait_step = std::clamp(delivery.wait_step * 2, kFirstWait, kLongestWait);
    ngx_add_timer(&delivery.wake, std::min(delivery.wait_step, left));
}

void remember(Delivery& delivery) {
    if (!delivery.is_remembered()) return conclude(delivery, Reason::accepted);
    if (!prepare_claim(delivery)) return conclude(delivery, Reason::unavailable);
    if (const auto result = delivery.claim.try_claim()) return continue_claim(delivery, *result);
    delivery.claim_result.reset();
    suspend(delivery, Stage::claiming);
    ngx_add_timer(&delivery.wake, kKeepWorkerAlive);
}

// A store without an answer by now does not answer later.
void end_claiming(Delivery& delivery) {
    if (!delivery.claim_result) delivery.claim.forget();
    continue_claim(delivery, delivery.claim_result.value_or(ClaimResult{ClaimOutcome::no_room, 0}));
}

void continue_body(Delivery& delivery) {
    if (!hash_body(delivery)) {
        suspend(delivery, Stage::hashing);
        ngx_post_event(&delivery.wake, &ngx_posted_next_events);
        // An exiting worker quits once no timer is pending, so one is kept armed.
        ngx_add_timer(&delivery.wake, kKeepWorkerAlive);
        return;
    }
    if (const auto objection = check_after_body(delivery)) return conclude(delivery, *objection);
    if (delivery.conf.dedup != nullptr) {
        delivery.wait_until =
            ngx_current_msec + static_cast<ngx_msec_t>(delivery.conf.dedup->wait.count());
    }
    remember(delivery);
}

// An internal error. The delivery passes only in monitor mode.
ngx_int_t give_up(ngx_http_request_t* request, const char* what) noexcept {
    auto* delivery =
        static_cast<Delivery*>(ngx_http_get_module_ctx(request, ngx_http_webhook_module));
    ngx_log_t log = delivery == nullptr ? *request->connection->log : log_of(*delivery);
    ngx_log_error(NGX_LOG_CRIT, &log, 0, "webhook: internal fault: %s", what);
    if (delivery == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    decide(*delivery, Reason::internal);
    return delivery->passes() ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void give_up_and_resume(ngx_http_request_t* request, const char* what) noexcept {
    give_up(request, what);
    resume(request);
}

// Continues a suspended delivery.
void on_wake(ngx_event_t* event) noexcept {
    auto& delivery = *static_cast<Delivery*>(event->data);
    ngx_http_request_t* request = delivery.request;
    ngx_connection_t* connection = request->connection;
    ngx_http_set_log_request(connection->log, request);
    delivery.cancel_wake();
    // Does not wake a request that nginx runs elsewhere, such as post_action.
    if (delivery.left_behind()) return;
    try {
        if (delivery.stage == Stage::hashing) {
            continue_body(delivery);
        } else if (delivery.stage == Stage::claiming) {
            end_claiming(delivery);
        } else if (delivery.stage == Stage::waiting) {
            remember(delivery);
        }
    } catch (const std::exception& error) {
        give_up_and_resume(request, error.what());
    }
    ngx_http_run_posted_requests(connection);
}

// nginx has read the body: all of it, or as much as will arrive.
void on_body(ngx_http_request_t* request) noexcept try {
    Delivery& delivery = *find_delivery(request);
    if (!body_is_whole(request)) return conclude(delivery, Reason::incomplete_body);
    // Otherwise the upstream would close the temporary file, and an error_page would find no body.
    request->preserve_body = 1;
    delivery.body = read_body(delivery);
    prepare_claim(delivery);
    continue_body(delivery);
} catch (const std::exception& error) {
    give_up_and_resume(request, error.what());
}

// A PUT without a content handler goes to WebDAV, which moves the body's file to its place.
void ask_for_file(ngx_http_request_t* request) {
    if (request->method != NGX_HTTP_PUT || request->content_handler != nullptr) return;
    request->request_body_in_file_only = 1;
    request->request_body_in_persistent_file = 1;
    request->request_body_in_clean_file = 1;
    request->request_body_file_group_access = 1;
    request->request_body_file_log_level = 0;
}

ngx_int_t ask_for_body(Delivery& delivery) {
    ngx_http_request_t* request = delivery.request;
    if (body_was_passed_on(request)) {
        decide(delivery, Reason::incomplete_body);
        return respond(delivery);
    }
    delivery.stage = Stage::reading_body;
    ask_for_file(request);
    const ngx_int_t status = ngx_http_read_client_request_body(request, on_body);
    if (status >= NGX_HTTP_SPECIAL_RESPONSE) {
        // nginx's own response stands, even in monitor mode: there is no body to pass on.
        decide(delivery, Reason::incomplete_body);
        return status;
    }
    // on_body() may have run already, and only the count that this releases may keep the request
    // alive.
    ngx_http_finalize_request(request, NGX_DONE);
    return NGX_DONE;
}

ngx_int_t enter(Delivery& delivery) {
    if (const auto objection = check_before_body(delivery)) {
        decide(delivery, at_fallback(delivery, *objection));
        return respond(delivery);
    }
    return ask_for_body(delivery);
}

// Whether a request that nginx redirected has reached another gate.
bool reached_another_gate(const Delivery& delivery, const LocConf& conf, bool lost) {
    if (!delivery.passes()) return false;
    if (!delivery.conf.same_gate(conf)) return true;
    // The same variables may have other values now, and other secrets are another sender's. The
    // name and the keys stay those of the request as it arrived: behind a front controller, all
    // tenants have the same.
    return lost && delivery.inspection && delivery.inspection->asked_for_secrets() &&
           conf.secrets->texts(delivery.request) != delivery.own_secret_texts;
}

ngx_int_t answer_again(Delivery& delivery, bool lost) {
    const bool goes_on = delivery.stage == Stage::reading_body ||
                         delivery.stage == Stage::hashing || delivery.stage == Stage::claiming ||
                         delivery.stage == Stage::waiting;
    if (goes_on && !lost) return NGX_DONE;
    // nginx gave up on the body, and an error_page brought the request back here.
    if (!delivery.decided()) decide(delivery, Reason::incomplete_body);
    // The refusal is final, even if this location's own error_page leads to it.
    if (lost && !delivery.passes()) delivery.request->error_page = 1;
    return respond(delivery);
}

// Whether the location can do more than send a file. An error page may report a refusal, but a
// refused request must not reach anything else. WebDAV, too, is not a content handler in nginx's
// sense.
bool hands_on(const ngx_http_request_t* request) {
    const bool fetches = (request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
    return in_named_location(request) || request->content_handler != nullptr || !fetches;
}

// Whether the response to an accepted delivery is a file: an error page, or the target of
// X-Accel-Redirect. The delivery goes no further, so the gate before the file has nothing to judge.
bool only_shows_page(const Delivery& delivery, const ngx_http_request_t* request) {
    const bool answers = request->err_status != 0 || delivery.upstreams.tried(request);
    return answers && !hands_on(request);
}

// Refuses a request at a location after a gate that did not judge it. The error that led there
// stands.
ngx_int_t refuse_unjudged(ngx_http_request_t* request) {
    request->error_page = 1;
    const bool failed = request->err_status >= NGX_HTTP_BAD_REQUEST;
    return failed ? static_cast<ngx_int_t>(request->err_status) : NGX_HTTP_FORBIDDEN;
}

// A location without a gate. As the target of an error_page or post_action it must not get a
// refused request, nor, through another gate's page, an unjudged one, unless it has "webhook off".
ngx_int_t enter_ungated_location(Delivery* delivery, ngx_http_request_t* request, bool lost) {
    if (delivery == nullptr || (delivery->passes() && !delivery->only_shown_page)) {
        return NGX_DECLINED;
    }
    if (loc_conf(request).off() || !hands_on(request)) return NGX_DECLINED;
    report_detour(*delivery, request);
    return delivery->passes() ? refuse_unjudged(request) : answer_again(*delivery, lost);
}

// Gates do not judge subrequests, but those of a refused request (by mirror, or by SSI in an error
// page) share its body.
ngx_int_t on_subrequest(const ngx_http_request_t* request) {
    Delivery* delivery = find_delivery(request->main);
    if (delivery == nullptr || loc_conf(request).off()) return NGX_DECLINED;
    if (delivery->passes() && !delivery->only_shown_page) return NGX_DECLINED;
    // auth_request runs before any gate, and gives its subrequests an empty body of their own.
    if (request->request_body != request->main->request_body || !hands_on(request)) {
        return NGX_DECLINED;
    }
    report_detour(*delivery, request);
    // Nothing may be inserted into a response that is being sent, not even nginx's page for 403.
    return request->main->header_sent ? NGX_HTTP_NO_CONTENT : NGX_HTTP_FORBIDDEN;
}

// -- proxy

// An internal redirect to any location begins another pass. So does post_action, when the client
// has its response or has left, and later responses are not about the delivery.
void on_redirect(Delivery& delivery) {
    delivery.begin_pass();
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        each->upstreams.begin_pass(delivery.request);
    }
    if (!delivery.request->post_action) return;
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        each->answer_hold.give_up();
    }
    settle(delivery);
}

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

}  // namespace

ngx_int_t on_request(ngx_http_request_t* request) noexcept try {
    if (request != request->main) return on_subrequest(request);
    Delivery* delivery = find_delivery(request);
    const bool lost = delivery != nullptr && delivery->left_behind();
    if (lost) on_redirect(*delivery);
    const LocConf& conf = loc_conf(request);
    if (!conf.gated()) return enter_ungated_location(delivery, request, lost);
    if (delivery == nullptr) return enter(open_delivery(request, conf, nullptr));
    if (reached_another_gate(*delivery, conf, lost)) {
        if (!only_shows_page(*delivery, request)) {
            return enter(open_delivery(request, conf, delivery));
        }
        delivery->only_shown_page |= !conf.monitors();
        return NGX_DECLINED;
    }
    delivery->only_shown_page = false;
    return answer_again(*delivery, lost);
} catch (const std::exception& error) {
    return give_up(request, error.what());
}

ngx_int_t on_uri(ngx_http_request_t* request) noexcept {
    if (request != request->main || !request->internal) return NGX_DECLINED;
    for (Delivery* each = find_delivery(request); each != nullptr; each = each->earlier) {
        each->upstreams.follow_to_uri(request);
    }
    return NGX_DECLINED;
}

ngx_int_t on_response_headers(ngx_http_request_t* request) noexcept try {
    if (request == request->main) {
        if (Delivery* delivery = find_delivery(request)) {
            // nginx gave up on the body, and responds by itself.
            if (!delivery->decided()) decide(*delivery, Reason::incomplete_body);
            Delivery* speaker = delivery;
            if (const auto objection = check_answer(*delivery)) {
                speaker = &refuse_answer(*delivery, *objection);
            }
            const bool settled = settle(*delivery);
            add_headers(*speaker);
            // Any other answer promises nothing.
            const bool promises = is_success(request->headers_out.status);
            if (!settled && promises && delivery->answer_hold.may_begin()) {
                return delivery->answer_hold.begin(request, next_header_filter);
            }
        }
    }
    return next_header_filter(request);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0, "webhook: internal fault: %s",
                  error.what());
    return NGX_ERROR;
}

ngx_int_t on_response_body(ngx_http_request_t* request, ngx_chain_t* pieces) noexcept {
    const bool may_be_held = request->buffered || request->header_only || request->filter_finalize;
    if (!may_be_held || request != request->main) return next_body_filter(request, pieces);
    for (Delivery* each = find_delivery(request); each != nullptr; each = each->earlier) {
        if (each->answer_hold.is_active()) return each->answer_hold.keep(pieces);
        if (!each->answer_hold.drops_body()) continue;
        AnswerHold::drop(pieces);
        pieces = nullptr;
    }
    return next_body_filter(request, pieces);
}

void install_header_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = on_response_headers;
}

void install_body_filter() {
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = on_response_body;
}

}  // namespace webhook::ngx
