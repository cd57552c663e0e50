// The responses of the upstreams to a delivery, over all attempts and internal redirects.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <optional>

#include "report/outcome.h"

namespace webhook::ngx {

inline bool is_success(ngx_uint_t status) {
    return status >= 200 && status < 300;
}

// Whether the response is from nginx's cache, even if the upstream was asked, too.
bool is_from_cache(const ngx_http_request_t* request);

// Whether the upstream's response would turn the connection into a tunnel, whose bytes belong to no
// delivery.
bool opens_tunnel(const ngx_http_request_t* request);

// Whether the sender may read the upstream's response differently than nginx does: its status is
// not final, or it is not HTTP.
bool answers_badly(const ngx_http_request_t* request);

// Whether one of the upstream modules may answer requests with these methods from its cache, in the
// location of this merged configuration.
bool may_answer_from_cache(ngx_conf_t* cf, void* const* loc_conf, ngx_uint_t methods);

// The upstream's own status decides, not an error_page's. After an internal redirect to a URI,
// which turns the request into a GET, nginx fetches something else: an error page, or the target of
// X-Accel-Redirect. The responses of those upstreams are not about the delivery.
class UpstreamWatch {
  public:
    // `earlier` is that of the same request's delivery at an earlier gate, if any.
    UpstreamWatch(const ngx_http_request_t* request, const UpstreamWatch* earlier);

    // Call it whenever the request enters the phases again, and before its response is sent.
    void look(const ngx_http_request_t* request);
    // Call it instead when another pass through the phases begins.
    void begin_pass(const ngx_http_request_t* request);
    // Call it when an internal redirect leads to a URI. A redirect to a named location, and a
    // `rewrite` of the URI there, pass on the delivery itself.
    void follow_to_uri(const ngx_http_request_t* request);

    // The status with which an upstream has accepted the delivery; 0 if none has. It never changes
    // afterwards.
    ngx_uint_t accepted_status() const { return accepted_status_; }

    // Whether one of the responses so far was bad, even if an internal redirect hid it.
    bool had_bad_answer() const { return had_bad_answer_; }

    // Whether an upstream refused the delivery, its X-Accel-Redirect gave another response, and no
    // error_page has followed.
    bool refusal_is_hidden(const ngx_http_request_t* request) const {
        return refusal_is_hidden_ && pass_.error_page == (request->error_page != 0);
    }

    // Whether nginx itself responds with success: it records its own 201 and 204 like an error. The
    // result of an error_page was recorded before.
    bool is_nginx_success(const ngx_http_request_t* request) const {
        return is_success(request->err_status) && request->err_status != pass_.err_status;
    }

    // How the last attempt to deliver ended, once the request is about to end; the time that it
    // took, if it was completed.
    Outcome outcome(const ngx_http_request_t* request) const;
    std::optional<Milliseconds> time(const ngx_http_request_t* request) const;

    // Whether nginx tried any upstream for the delivery, reachable or not.
    bool tried(const ngx_http_request_t* request) const;

    // The status to remember, when the response is about to be sent; 0 if the delivery was not
    // accepted. Without any upstream, the response of nginx itself counts, unless it is a gate's
    // refusal.
    ngx_uint_t status_to_remember(const ngx_http_request_t* request, bool refused) const;

  private:
    // The state of the request when a pass began.
    struct Pass {
        explicit Pass(const ngx_http_request_t* request)
            : upstream(request->upstream),
              err_status(request->err_status),
              error_page(request->error_page != 0) {}
        bool operator==(const Pass&) const = default;

        const ngx_http_upstream_t* upstream;
        ngx_uint_t err_status;
        bool error_page;
    };

    bool fetches_another(const ngx_http_request_t* request) const;
    // Null if there was none.
    const ngx_http_upstream_state_t* last_attempt(const ngx_http_request_t* request) const;

    ngx_uint_t method_;
    // The address of its method's name, which no other request shares.
    const u_char* method_name_;
    // Attempts made before the delivery existed.
    ngx_uint_t earlier_;
    // The upstream object that made them, if any: nginx creates it before any attempt.
    const ngx_http_upstream_t* earlier_upstream_;
    // The number of the request's attempts that were examined.
    ngx_uint_t seen_;
    // The number of those up to the last one that was an attempt to deliver.
    ngx_uint_t delivering_until_;
    // Whether the attempts to come are attempts to deliver.
    bool delivering_;
    Pass pass_;
    ngx_uint_t accepted_status_ = 0;
    bool had_bad_answer_ = false;
    bool refusal_is_hidden_ = false;
};

}  // namespace webhook::ngx
