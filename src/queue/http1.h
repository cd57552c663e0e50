// HTTP/1.1 as a client of one request at a time: the head of a request is written, a response is
// read. Source: RFC 9112, and RFC 9110 for names and values.
//
// The server is not trusted: what it declares reserves no memory, and what exceeds a limit below
// ends the conversation. Only the start of a response's body is kept.

#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

struct Http1Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct RequestLine {
    std::string method = "POST";
    // Begins with `/`.
    std::string uri = "/";
    std::string host;
};

// The head of a request with a body of this size. Of `headers`, lines `Name: value` with LF at
// their ends, these are left out: those that concern one connection only, `Host`, `Content-Length`,
// `Expect`, what begins with `Webhook-Gate-`, and what is no header. `own` are added behind them,
// as they are.
std::string write_request_head(const RequestLine& line, std::string_view headers,
                               std::string_view own, std::uint64_t body_size);

// In bytes: the status line and all headers, and the trailers.
inline constexpr std::size_t kLongestHead = std::size_t{16} * 1024;
// Interim responses before the final one.
inline constexpr std::size_t kMostInterim = 8;
// A line before a chunk.
inline constexpr std::size_t kLongestChunkLine = 256;
// A body beyond this is not waited for: the response is over, and so is the connection.
inline constexpr std::uint64_t kLongestResponse = std::uint64_t{1024} * 1024;
// What is kept of it.
inline constexpr std::size_t kKeptOfResponse = 1024;

struct Response {
    std::uint16_t status = 0;
    std::string retry_after;
    // `webhook-delivery: abort-message`: no further attempt is wanted.
    bool aborts = false;
    std::string body_start;
    std::uint64_t body_size = 0;
};

// Reads one response, in pieces of any size; the time is linear in the number of bytes. The answer
// to a request whose method is not HEAD or CONNECT.
class ResponseReader {
  public:
    // Takes the next bytes. Returns whether the response is complete; then no more may be fed.
    // Throws Http1Error.
    bool feed(std::string_view bytes);
    // The server has closed the connection. Throws Http1Error if the response is not complete.
    void finish();

    bool is_complete() const { return state_ == State::complete; }
    // Whether any byte of it came.
    bool has_begun() const { return has_begun_; }
    // For a complete one.
    const Response& response() const { return response_; }
    // Whether the connection may be used for another request.
    bool keeps_alive() const { return is_complete() && keeps_alive_; }

  private:
    enum class State : std::uint8_t {
        head,
        sized_body,
        open_body,
        chunk_line,
        chunk,
        chunk_end,
        trailers,
        complete
    };

    bool take_line(std::string_view& bytes, std::size_t longest);
    void take_head_line();
    void begin_response(std::string_view line);
    void take_header(std::string_view line);
    void note_length(std::string_view value);
    void note_connection(std::string_view value);
    void end_head();
    void begin_body();
    void take_body(std::string_view& bytes);
    void take_chunk_line();
    void complete() { state_ = State::complete; }

    State state_ = State::head;
    bool has_begun_ = false;
    bool has_status_ = false;
    bool is_old_ = false;
    bool keeps_alive_ = true;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    bool is_chunked_ = false;
    bool has_encoding_ = false;
    bool has_length_ = false;
    std::uint64_t length_ = 0;
    // Of the body, or of the chunk.
    std::uint64_t left_ = 0;
    std::size_t interim_ = 0;
    // Of the head or of the trailers.
    std::size_t head_size_ = 0;
    std::string line_;
    bool is_line_taken_ = false;
    Response response_;
};

}  // namespace webhook
