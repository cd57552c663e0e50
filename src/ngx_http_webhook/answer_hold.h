// Holds a response, headers and body, until the memory of events has what the response promises.
//
// nginx takes the headers for sent meanwhile, and the body for waiting in a filter: the upstream is
// read as far as nginx has buffers for what a slow client does not take.
//
// The gate's body filter is the first of all. What nginx's own filters do with a body (ranges,
// reading of files, compression) is set up by their header filters, so no piece may come to them
// before. A header filter may find that there is no body (304, HEAD), or make another answer (412,
// 416): then this body is not sent, and what was kept is dropped.

#pragma once

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

class AnswerHold {
  public:
    AnswerHold() = default;
    ~AnswerHold() { cancel(); }
    AnswerHold(const AnswerHold&) = delete;
    AnswerHold& operator=(const AnswerHold&) = delete;

    // For a header filter, to be returned by it, instead of calling the `next` one. Nothing is held
    // for longer than a second, or half of `send_timeout`: an answer that says what happened is
    // better than none.
    ngx_int_t begin(ngx_http_request_t* request, ngx_http_output_header_filter_pt next);
    // Not twice: another answer may take the place of one that was held for long enough.
    bool may_begin() const { return !has_begun_; }
    // Sends the answer in a later turn of the event loop. Does nothing if none is held.
    void end_soon() noexcept;
    // Drops the answer: the client has left.
    void give_up() noexcept;

    // For the body filter: whether the answer is held, and what takes its pieces then.
    bool is_active() const { return request_ != nullptr; }
    ngx_int_t keep(ngx_chain_t* pieces) noexcept;
    // Whether it turned out that the body is not sent.
    bool drops_body() const { return drops_body_; }
    // Marks the buffers as sent, so that their owners may reuse them.
    static void drop(ngx_chain_t* pieces) noexcept;

  private:
    static void on_end(ngx_event_t* event) noexcept;
    ngx_int_t let_go() noexcept;
    void release(ngx_http_request_t& request) noexcept;
    void cancel() noexcept;

    // Null while no answer is held.
    ngx_http_request_t* request_ = nullptr;
    ngx_http_output_header_filter_pt next_ = nullptr;
    ngx_event_t end_{};
    ngx_chain_t* kept_ = nullptr;
    ngx_chain_t** end_of_kept_ = &kept_;
    bool has_begun_ = false;
    bool drops_body_ = false;
};

}  // namespace webhook::ngx
