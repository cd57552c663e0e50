#include "ngx_http_webhook/answer_hold.h"

#include <utility>

namespace webhook::ngx {
namespace {

constexpr ngx_msec_t kLongestHold = 1000;
// One of the four that nginx has room for; its image filter uses it on connections only.
constexpr unsigned kHeld = 0x08;

}  // namespace

bool AnswerHold::is_held(const ngx_http_request_t* request) {
    return (request->buffered & kHeld) != 0;
}

void AnswerHold::drop(ngx_chain_t* pieces) noexcept {
    for (; pieces != nullptr; pieces = pieces->next) {
        pieces->buf->pos = pieces->buf->last;
        pieces->buf->file_pos = pieces->buf->file_last;
    }
}

ngx_int_t AnswerHold::begin(ngx_http_request_t* request, ngx_http_output_header_filter_pt next) {
    request_ = request;
    next_ = next;
    request->buffered |= kHeld;
    request->header_sent = 1;
    // As nginx's last header filter would have it.
    if (request->method == NGX_HTTP_HEAD) request->header_only = 1;
    end_.handler = on_end;
    end_.data = this;
    end_.log = request->connection->log;
    ngx_add_timer(&end_, kLongestHold);
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

ngx_int_t AnswerHold::let_go() noexcept {
    request_->buffered &= ~kHeld;
    request_->header_sent = 0;
    const ngx_int_t status = next_(request_);
    if (status == NGX_ERROR || status > NGX_OK) return NGX_ERROR;
    drops_body_ = request_->header_only != 0;
    ngx_chain_t* kept = std::exchange(kept_, nullptr);
    end_of_kept_ = &kept_;
    return kept == nullptr ? NGX_OK : ngx_http_top_body_filter(request_, kept);
}

void AnswerHold::on_end(ngx_event_t* event) noexcept {
    auto& hold = *static_cast<AnswerHold*>(event->data);
    ngx_http_request_t* request = hold.request_;
    ngx_connection_t* connection = request->connection;
    ngx_http_set_log_request(connection->log, request);
    hold.cancel();
    if (hold.let_go() == NGX_ERROR) {
        ngx_http_finalize_request(request, NGX_ERROR);
    } else if (ngx_http_post_request(request, nullptr) != NGX_OK) {
        ngx_http_finalize_request(request, NGX_ERROR);
    }
    ngx_http_run_posted_requests(connection);
}

void AnswerHold::cancel() noexcept {
    // Braces: the first is a macro of several statements.
    if (end_.posted) {
        ngx_delete_posted_event(&end_);
    }
    if (end_.timer_set) {
        ngx_del_timer(&end_);
    }
}

}  // namespace webhook::ngx
