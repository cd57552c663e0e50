// What the upstreams said to a delivery, over all attempts and internal redirects.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

inline bool is_success(ngx_uint_t status) {
    return status >= 200 && status < 300;
}

// Whether the upstream answers from nginx's cache, though it may have been asked, too.
bool is_from_cache(const ngx_http_request_t* request);

// Whether the upstream's answer would make a tunnel of the connection, whose bytes are in no
// delivery.
bool opens_tunnel(const ngx_http_request_t* request);

// Whether what the upstream said can be read by the sender as another answer than nginx takes it
// for: it has a status that is not final, or is no HTTP.
bool answers_badly(const ngx_http_request_t* request);

// Whether one of the upstream modules may answer requests with these methods from its cache, in the
// location of this configuration, which is merged.
bool may_answer_from_cache(ngx_conf_t* cf, void* const* loc_conf, ngx_uint_t methods);

// The upstream's own words decide, not what an error_page makes of them. After an internal redirect
// to a URI, which turns the request into a GET, nginx fetches something else: an error's page, or
// what X-Accel-Redirect names. What those upstreams say is not about the delivery.
class UpstreamWatch {
  public:
    // `earlier` is that of the same request's delivery before another gate, if there is one.
    UpstreamWatch(const ngx_http_request_t* request, const UpstreamWatch* earlier);

    // To be called whenever the request enters the phases again, and before its answer leaves.
    void look(const ngx_http_request_t* request);
    // To be called instead when another pass through the phases begins.
    void begin_pass(const ngx_http_request_t* request);
    // To be called when an internal redirect leads to a URI. One to a named location, and a
    // `rewrite` of the URI there, lead the delivery itself on.
    void follow_to_uri(const ngx_http_request_t* request);

    // The status with which an upstream has accepted the delivery by now; 0 where none has. Nothing
    // that comes later can change it.
    ngx_uint_t accepted_status() const { return accepted_status_; }

    // Whether one of the answers looked at was bad; an internal redirect may have hidden it.
    bool had_bad_answer() const { return had_bad_answer_; }

    // Whether an upstream refused the delivery by the answer of a place that it named by
    // X-Accel-Redirect, and no error_page has spoken since.
    bool refusal_is_hidden(const ngx_http_request_t* request) const {
        return refusal_is_hidden_ && pass_.error_page == (request->error_page != 0);
    }

    // Whether nginx itself answers with success: it notes its own 201 and 204 like an error. What
    // an error_page gives was noted before.
    bool is_nginx_success(const ngx_http_request_t* request) const {
        return is_success(request->err_status) && request->err_status != pass_.err_status;
    }

    // Whether any upstream was asked for the delivery, whether or not it could be reached.
    bool tried(const ngx_http_request_t* request) const;

    // The status to remember, when the answer is about to leave; 0 where the delivery was not
    // accepted. Without any upstream, the answer of nginx itself counts, unless it is a gate's
    // refusal.
    ngx_uint_t status_to_remember(const ngx_http_request_t* request, bool refused) const;

  private:
    // What nginx had made of the request when a pass began.
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

    ngx_uint_t method_;
    // The bytes of its name, which no other request has.
    const u_char* method_name_;
    // Attempts that were made before there was a delivery.
    ngx_uint_t earlier_;
    // What made them, if anything: nginx makes it before any attempt.
    const ngx_http_upstream_t* earlier_upstream_;
    // How many of the request's attempts were looked at.
    ngx_uint_t seen_;
    // Whether the attempts to come are attempts to deliver.
    bool delivering_;
    Pass pass_;
    ngx_uint_t accepted_status_ = 0;
    bool had_bad_answer_ = false;
    bool refusal_is_hidden_ = false;
};

}  // namespace webhook::ngx
