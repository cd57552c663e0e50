#include "ngx_http_webhook/answer_hold.h"

#include <algorithm>

namespace webhook::ngx {
namespace {

constexpr ngx_msec_t kLongestHold = 1000;
// One of nginx's four buffering bits. Its image filter uses this one on connections only.
constexpr unsigned kHeld = 0x08;

// nginx takes an answer of which nothing is sent for a client that does not read.
ngx_msec_t longest_hold(ngx_http_request_t* request) {
    const auto* core = static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(request, ngx_http_core_module));
    return std::min(kLongestHold, core->send_timeout / 2);
}

bool has_unfinished_upstream(const ngx_http_request_t& request) {
    return request.upstream != nullptr && request.upstream->cleanup != nullptr;
}

}  // namespace

void AnswerHold::drop(ngx_chain_t* pieces) noexcept {
    for (; pieces != nullptr; pieces = pieces->next) {
        pieces->buf->pos = pieces->buf->last;
        pieces->buf->file_pos = pieces->buf->file_last;
    }
}

ngx_int_t AnswerHold::begin(ngx_http_request_t* request, ngx_http_output_header_filter_pt next) {
    request_ = request;
    next_ = next;
    has_begun_ = true;
    request->buffered |= kHeld;
    request->header_sent = 1;
    // As nginx's last header filter would do.
    if (request->method == NGX_HTTP_HEAD) request->header_only = 1;
    end_.handler = on_end;
    end_.data = this;
    end_.log = request->connection->log;
    ngx_add_timer(&end_, longest_hold(request));
    return NGX_OK;
}

void AnswerHold::end_soon() noexcept {
    if (!end_.timer_set || end_.posted) return;
    ngx_post_event(&end_, &ngx_posted_events);
}

ngx_int_t AnswerHold::keep(ngx_chain_t* pieces) noexcept {
    if (request_->connection->error) return NGX_ERROR;
    // The links are the caller's, the buffers stay.
    for (; pieces != nullptr; pieces = pieces->next) {
        ngx_chain_t* link = ngx_alloc_chain_link(request_->pool);
        if (link == nullptr) return NGX_ERROR;
        *link = {pieces->buf, nullptr};
        *end_of_kept_ = link;
        end_of_kept_ = &link->next;
    }
    return NGX_AGAIN;
}

void AnswerHold::release(ngx_http_request_t& request) noexcept {
    cancel();
    request.buffered &= ~kHeld;
    request_ = nullptr;
    kept_ = nullptr;
    end_of_kept_ = &kept_;
}

void AnswerHold::give_up() noexcept {
    if (request_ != nullptr) release(*request_);
}

// Returns what the request has to be finalized with then; NGX_OK: it goes on.
ngx_int_t AnswerHold::let_go() noexcept {
    ngx_http_request_t& request = *request_;
    ngx_chain_t* kept = kept_;
    const bool was_replaced = request.filter_finalize != 0;
    release(request);
    request.header_sent = 0;
    const ngx_int_t status = next_(&request);
    const bool is_replaced = !was_replaced && request.filter_finalize != 0;
    drops_body_ = request.header_only != 0;
    if (status == NGX_ERROR || is_replaced) return NGX_ERROR;
    // nginx would end the upstream first.
    if (status > NGX_OK) return has_unfinished_upstream(request) ? NGX_ERROR : status;
    if (kept == nullptr) return NGX_OK;
    return ngx_http_top_body_filter(&request, kept) == NGX_ERROR ? NGX_ERROR : NGX_OK;
}

void AnswerHold::on_end(ngx_event_t* event) noexcept {
    auto& hold = *static_cast<AnswerHold*>(event->data);
    ngx_http_request_t* request = hold.request_;
    ngx_connection_t* connection = request->connection;
    ngx_http_set_log_request(connection->log, request);
    ngx_int_t status = hold.let_go();
    if (status == NGX_OK) status = ngx_http_post_request(request, nullptr);
    if (status != NGX_OK) ngx_http_finalize_request(request, status);
    ngx_http_run_posted_requests(connection);
}

void AnswerHold::cancel() noexcept {
    // The braces are needed: ngx_delete_posted_event() is a multi-statement macro.
    if (end_.posted) {
        ngx_delete_posted_event(&end_);
    }
    if (end_.timer_set) {
        ngx_del_timer(&end_);
    }
}

}  // namespace webhook::ngx
