#include "ngx_http_webhook/upstream.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace webhook::ngx {
namespace {

std::span<const ngx_http_upstream_state_t> attempts_of(const ngx_http_request_t* request) {
    const ngx_array_t* states = request->upstream_states;
    if (states == nullptr) return {};
    return {static_cast<const ngx_http_upstream_state_t*>(states->elts), states->nelts};
}

// The time of an event that has not happened.
constexpr auto kNever = static_cast<ngx_msec_t>(-1);

// The status of an attempt with a complete response header; 0 for all others.
ngx_uint_t status_of(const ngx_http_upstream_state_t& attempt, const ngx_http_request_t* request) {
    const ngx_http_upstream_t* upstream = request->upstream;
    if (attempt.header_time == kNever) return 0;
    // After an interim response, such as 103, nginx leaves its status in the attempt; after one
    // that is not HTTP, an invented 200.
    const bool is_current =
        upstream != nullptr && upstream->state == &attempt && !is_from_cache(request);
    if (!is_current) return attempt.status;
    const ngx_uint_t status = upstream->headers_in.status_n;
    return attempt.status < NGX_HTTP_OK || status == 0 ? status : attempt.status;
}

constexpr ngx_uint_t kLargestStatus = 599;

// If the upstream's response is not HTTP, nginx takes it for HTTP/0.9, with an invented 200. A
// post_action sets that version on every request.
bool speaks_no_http(const ngx_http_request_t* request) {
    return request->http_version == NGX_HTTP_VERSION_9 && !request->post_action;
}

// Whether the current attempt has a response header. Without an attempt, the state is empty; after
// a failed one, it has no time.
bool has_header(const ngx_http_upstream_t& upstream) {
    const ngx_http_upstream_state_t* state = upstream.state;
    return state != nullptr && state->peer != nullptr && state->header_time != kNever;
}

// FastCGI and the like: nginx reads the first three digits, and passes on all.
bool has_longer_status(const ngx_http_upstream_t& upstream) {
    const std::string_view line = to_view(upstream.headers_in.status_line);
    return line.size() > 3 && line[3] != ' ' && line[3] != '.';
}

// Whether it refuses the delivery, but names a target whose response, with another status, the
// sender gets instead.
bool hides_refusal(const ngx_http_upstream_t& upstream) {
    return upstream.headers_in.x_accel_redirect != nullptr &&
           (upstream.conf->ignore_headers & NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT) == 0 &&
           !is_success(upstream.headers_in.status_n);
}

// The modules whose location configuration begins with an ngx_http_upstream_conf_t.
constexpr std::array<std::string_view, 4> kCachingModules{
    "ngx_http_proxy_module", "ngx_http_fastcgi_module", "ngx_http_uwsgi_module",
    "ngx_http_scgi_module"};

#if (NGX_HTTP_CACHE)
// Whether a constant makes every request bypass the cache.
bool always_bypasses_cache(const ngx_http_upstream_conf_t& conf) {
    if (conf.cache_bypass == nullptr) return false;
    const auto* value = static_cast<const ngx_http_complex_value_t*>(conf.cache_bypass->elts);
    return std::any_of(value, value + conf.cache_bypass->nelts, [](const auto& each) {
        const std::string_view text = to_view(each.value);
        return each.lengths == nullptr && !text.empty() && text != "0";
    });
}
#endif

}  // namespace

bool is_from_cache([[maybe_unused]] const ngx_http_request_t* request) {
#if (NGX_HTTP_CACHE)
    return request->cached != 0;
#else
    return false;
#endif
}

bool opens_tunnel(const ngx_http_request_t* request) {
    const ngx_http_upstream_t* upstream = request->upstream;
    if (upstream == nullptr) return false;
    return upstream->upgrade != 0 || upstream->headers_in.status_n == NGX_HTTP_SWITCHING_PROTOCOLS;
}

bool answers_badly(const ngx_http_request_t* request) {
    const ngx_http_upstream_t* upstream = request->upstream;
    if (upstream == nullptr || request->post_action) return false;
    const ngx_uint_t status = upstream->headers_in.status_n;
    const bool final = status >= NGX_HTTP_OK && status <= kLargestStatus;
    const bool answered = status != 0 || has_header(*upstream);
    return speaks_no_http(request) || opens_tunnel(request) || (answered && !final) ||
           has_longer_status(*upstream);
}

bool may_answer_from_cache([[maybe_unused]] ngx_conf_t* cf, [[maybe_unused]] void* const* loc_conf,
                           [[maybe_unused]] ngx_uint_t methods) {
    bool found = false;
#if (NGX_HTTP_CACHE)
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t& module = *cf->cycle->modules[i];
        if (std::ranges::find(kCachingModules, module.name) == kCachingModules.end()) continue;
        const auto* conf = static_cast<const ngx_http_upstream_conf_t*>(loc_conf[module.ctx_index]);
        const bool caches = conf->cache == 1 && (conf->cache_methods & methods) != 0 &&
                            !always_bypasses_cache(*conf);
        // The module that the location passes its requests to. An address with variables is
        // unknown.
        if (conf->upstream != nullptr) return caches;
        found |= caches;
    }
#endif
    return found;
}

UpstreamWatch::UpstreamWatch(const ngx_http_request_t* request, const UpstreamWatch* earlier)
    : method_(earlier == nullptr ? request->method : earlier->method_),
      method_name_(earlier == nullptr ? request->method_name.data : earlier->method_name_),
      earlier_(attempts_of(request).size()),
      earlier_upstream_(request->upstream),
      seen_(earlier_),
      delivering_until_(earlier_),
      delivering_(earlier == nullptr || earlier->delivering_),
      pass_(request) {}

bool UpstreamWatch::tried(const ngx_http_request_t* request) const {
    return seen_ > earlier_ || request->upstream != earlier_upstream_;
}

void UpstreamWatch::look(const ngx_http_request_t* request) {
    if (delivering_ && request->upstream != pass_.upstream && request->upstream != nullptr) {
        refusal_is_hidden_ = hides_refusal(*request->upstream);
    }
    refusal_is_hidden_ = refusal_is_hidden(request);
    const auto attempts = attempts_of(request);
    if (delivering_) delivering_until_ = attempts.size();
    for (; seen_ < attempts.size(); ++seen_) {
        if (answers_badly(request)) {
            had_bad_answer_ = true;
            continue;
        }
        const ngx_uint_t status = status_of(attempts[seen_], request);
        if (delivering_ && accepted_status_ == 0 && is_success(status)) accepted_status_ = status;
    }
    // A request that was redirected elsewhere does not come back.
    delivering_ &= !request->post_action && request->method == method_;
}

void UpstreamWatch::begin_pass(const ngx_http_request_t* request) {
    look(request);
    pass_ = Pass(request);
}

// Whether an error_page or X-Accel-Redirect leads to a URI, and not `try_files` or `index`. nginx
// then makes a GET of its own, but keeps a HEAD.
bool UpstreamWatch::fetches_another(const ngx_http_request_t* request) const {
    if (method_ == NGX_HTTP_HEAD) return Pass(request) != pass_;
    return request->method_name.data != method_name_;
}

void UpstreamWatch::follow_to_uri(const ngx_http_request_t* request) {
    look(request);
    delivering_ &= !fetches_another(request);
    pass_ = Pass(request);
}

const ngx_http_upstream_state_t* UpstreamWatch::last_attempt(
    const ngx_http_request_t* request) const {
    if (delivering_until_ == earlier_) return nullptr;
    return &attempts_of(request)[delivering_until_ - 1];
}

Outcome UpstreamWatch::outcome(const ngx_http_request_t* request) const {
    const ngx_http_upstream_state_t* attempt = last_attempt(request);
    if (attempt == nullptr) return Outcome::local;
    if (attempt->header_time == kNever) {
        if (request->headers_out.status == NGX_HTTP_CLIENT_CLOSED_REQUEST) {
            return Outcome::client_gone;
        }
        return attempt->status == NGX_HTTP_GATEWAY_TIME_OUT ? Outcome::timeout : Outcome::no_answer;
    }
    const ngx_uint_t status = status_of(*attempt, request);
    if (is_success(status)) return Outcome::success;
    if (status >= 300 && status < 400) return Outcome::redirection;
    return status >= 400 && status < 500 ? Outcome::client_error : Outcome::server_error;
}

std::optional<Milliseconds> UpstreamWatch::time(const ngx_http_request_t* request) const {
    const ngx_http_upstream_state_t* attempt = last_attempt(request);
    if (attempt == nullptr || attempt->response_time == kNever) return std::nullopt;
    return Milliseconds(attempt->response_time);
}

ngx_uint_t UpstreamWatch::status_to_remember(const ngx_http_request_t* request,
                                             bool refused) const {
    if (request->post_action) return accepted_status_;
    const ngx_uint_t answered =
        request->err_status != 0 ? request->err_status : request->headers_out.status;
    // nginx records its own 201 and 204 like an error: WebDAV's, or that of `try_files =204`. An
    // error page is not a response to the delivery, whatever its status.
    const bool by_nginx = request->upstream == nullptr && delivering_ && !refused;
    const bool accepted = by_nginx ? is_success(answered) : accepted_status_ != 0;
    if (!accepted) return 0;
    return is_success(answered) ? answered : accepted_status_;
}

}  // namespace webhook::ngx
