#include "queue/http1.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace webhook {
namespace {

// In lower case.
constexpr std::array<std::string_view, 11> kLeftOut{
    "connection", "keep-alive",        "proxy-connection", "te",
    "trailer",    "transfer-encoding", "upgrade",          "host",
    "expect",     "content-length",    "http2-settings"};
constexpr std::string_view kGatePrefix = "webhook-gate-";
constexpr std::string_view kConnection = "connection";
constexpr std::size_t kLongestRetryAfterText = 64;

[[noreturn]] void fail(const char* what) {
    throw Http1Error(what);
}

struct HeaderLine {
    std::string_view name;
    std::string_view value;
};

// Returns nullopt if it is no header.
std::optional<HeaderLine> parse_line(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const HeaderLine header{line.substr(0, colon), without_padding(line.substr(colon + 1))};
    const bool is_clean = std::ranges::none_of(header.value, [](char byte) {
        return (static_cast<unsigned char>(byte) < 0x20 && byte != '\t') || byte == 0x7f;
    });
    if (!is_header_name(header.name) || !is_clean) return std::nullopt;
    return header;
}

// Calls `visit` with each element of a list.
template <typename Visit>
void for_each_token(std::string_view list, const Visit& visit) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view token = without_padding(list.substr(0, comma));
        if (!token.empty()) visit(token);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

template <typename Visit>
void for_each_header(std::string_view headers, const Visit& visit) {
    while (!headers.empty()) {
        const std::size_t end = std::min(headers.find('\n'), headers.size());
        std::string_view line = headers.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (const auto header = parse_line(line)) visit(*header);
        headers.remove_prefix(std::min(end + 1, headers.size()));
    }
}

// The names that the sender's `Connection` lists, in lower case.
std::vector<std::string> named_by_connection(std::string_view headers) {
    std::vector<std::string> names;
    for_each_header(headers, [&](const HeaderLine& header) {
        if (!equals_ignoring_case(header.name, kConnection)) return;
        for_each_token(header.value,
                       [&](std::string_view name) { names.push_back(to_lower(name)); });
    });
    return names;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    if (text.empty() || text.size() > 15) return std::nullopt;
    std::uint64_t number = 0;
    for (const char raw : text) {
        const char byte = to_lower(raw);
        const bool is_letter_digit = byte >= 'a' && byte <= 'f';
        if (!is_digit(byte) && !is_letter_digit) return std::nullopt;
        number =
            number << 4 | static_cast<std::uint64_t>(is_digit(byte) ? byte - '0' : byte - 'a' + 10);
    }
    return number;
}

}  // namespace

std::string write_request_head(const RequestLine& line, std::string_view headers,
                               std::string_view own, std::uint64_t body_size) {
    std::string head = line.method + " " + line.uri + " HTTP/1.1\r\nHost: " + line.host + "\r\n";
    const std::vector<std::string> of_connection = named_by_connection(headers);
    for_each_header(headers, [&](const HeaderLine& header) {
        const std::string name = to_lower(header.name);
        if (std::ranges::find(kLeftOut, name) != kLeftOut.end() || name.starts_with(kGatePrefix) ||
            std::ranges::find(of_connection, name) != of_connection.end()) {
            return;
        }
        head.append(header.name).append(": ").append(header.value).append("\r\n");
    });
    for_each_header(own, [&](const HeaderLine& header) {
        head.append(header.name).append(": ").append(header.value).append("\r\n");
    });
    return head + "Content-Length: " + std::to_string(body_size) + "\r\n\r\n";
}

bool ResponseReader::feed(std::string_view bytes) {
    has_begun_ = has_begun_ || !bytes.empty();
    while (!bytes.empty() && state_ != State::complete) {
        switch (state_) {
            case State::head:
            case State::trailers:
                if (take_line(bytes, kLongestHead - head_size_)) take_head_line();
                break;
            case State::chunk_line:
                if (take_line(bytes, kLongestChunkLine)) take_chunk_line();
                break;
            case State::chunk_end:
                if (!take_line(bytes, 2)) break;
                if (!line_.empty()) fail("a chunk is longer than it says");
                state_ = State::chunk_line;
                break;
            case State::sized_body:
            case State::open_body:
            case State::chunk:
                take_body(bytes);
                break;
            case State::complete:
                break;
        }
    }
    // What follows was not asked for.
    if (!bytes.empty()) keeps_alive_ = false;
    return is_complete();
}

void ResponseReader::finish() {
    if (state_ == State::open_body) complete();
    keeps_alive_ = false;
    if (!is_complete()) fail("the connection was closed before the end of the response");
}

// Moves bytes into line_, up to the end of the line, which is left out. Returns whether that was
// there.
bool ResponseReader::take_line(std::string_view& bytes, std::size_t longest) {
    if (is_line_taken_) line_.clear();
    is_line_taken_ = false;
    const std::size_t end = bytes.find('\n');
    const bool is_whole = end != std::string_view::npos;
    const std::size_t size = is_whole ? end + 1 : bytes.size();
    if (line_.size() + size > longest) fail("a line of the response is too long, or its head is");
    line_.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (!is_whole) return false;
    head_size_ += line_.size();
    line_.pop_back();
    if (line_.ends_with('\r')) line_.pop_back();
    is_line_taken_ = true;
    return true;
}

void ResponseReader::take_head_line() {
    if (state_ == State::trailers) {
        if (line_.empty()) complete();
    } else if (!has_status_) {
        begin_response(line_);
    } else if (line_.empty()) {
        end_head();
    } else {
        take_header(line_);
    }
}

// `HTTP/1.1 200 OK`; the reason may be missing.
void ResponseReader::begin_response(std::string_view line) {
    constexpr std::string_view kVersion = "HTTP/1.";
    constexpr std::size_t kStatus = 9;
    const bool is_http = line.size() >= kStatus + 3 && line.starts_with(kVersion) &&
                         is_digit(line[7]) && line[8] == ' ';
    const auto status = is_http ? parse_digits(line.substr(kStatus, 3)) : std::nullopt;
    const bool ends = line.size() == kStatus + 3 || (is_http && line[kStatus + 3] == ' ');
    if (!status || *status < 100 || !ends) fail("the response is not HTTP/1");
    is_old_ = line[7] == '0';
    response_.status = static_cast<std::uint16_t>(*status);
    has_status_ = true;
}

void ResponseReader::take_header(std::string_view line) {
    const std::optional<HeaderLine> header = parse_line(line);
    if (!header) fail("the response has a header that is none");
    const auto is = [&header](std::string_view name) {
        return equals_ignoring_case(header->name, name);
    };
    if (is("content-length")) note_length(header->value);
    if (is("connection")) note_connection(header->value);
    if (is("transfer-encoding")) {
        is_chunked_ = !has_encoding_ && equals_ignoring_case(header->value, "chunked");
        has_encoding_ = true;
    }
    if (is("retry-after")) response_.retry_after = header->value.substr(0, kLongestRetryAfterText);
    if (is("webhook-delivery")) {
        response_.aborts = equals_ignoring_case(header->value, "abort-message");
    }
}

void ResponseReader::note_length(std::string_view value) {
    const std::optional<std::int64_t> length = parse_digits(value);
    if (!length) fail("the response has a Content-Length that is no number");
    const auto found = static_cast<std::uint64_t>(*length);
    if (has_length_ && found != length_) fail("the response has two lengths");
    has_length_ = true;
    length_ = found;
}

void ResponseReader::note_connection(std::string_view value) {
    for_each_token(value, [this](std::string_view token) {
        if (equals_ignoring_case(token, "close")) says_close_ = true;
        if (equals_ignoring_case(token, "keep-alive")) says_keep_alive_ = true;
    });
}

void ResponseReader::end_head() {
    constexpr std::uint16_t kSwitching = 101;
    if (response_.status >= 200) return begin_body();
    if (response_.status == kSwitching) fail("the response switches to another protocol");
    if (++interim_ > kMostInterim) fail("too many interim responses");
    const std::size_t interim = interim_;
    *this = ResponseReader();
    interim_ = interim;
    has_begun_ = true;
}

void ResponseReader::begin_body() {
    keeps_alive_ = !says_close_ && (!is_old_ || says_keep_alive_);
    const bool has_none = response_.status == 204 || response_.status == 304;
    if (has_none || (!has_encoding_ && has_length_ && length_ == 0)) return complete();
    head_size_ = 0;
    if (has_encoding_) {
        // Two ways to tell the end are none (RFC 9112, section 6.1).
        if (has_length_ || is_old_) fail("the response has a length and an encoding");
        if (!is_chunked_) fail("the response has an encoding that was not asked for");
        state_ = State::chunk_line;
    } else if (has_length_) {
        left_ = length_;
        state_ = State::sized_body;
    } else {
        keeps_alive_ = false;
        state_ = State::open_body;
    }
}

void ResponseReader::take_body(std::string_view& bytes) {
    std::uint64_t size = bytes.size();
    if (state_ != State::open_body) size = std::min(size, left_);
    const std::string_view part = bytes.substr(0, static_cast<std::size_t>(size));
    const std::size_t room = kKeptOfResponse - response_.body_start.size();
    response_.body_start.append(part.substr(0, room));
    response_.body_size += size;
    bytes.remove_prefix(part.size());
    if (response_.body_size > kLongestResponse) {
        keeps_alive_ = false;
        return complete();
    }
    if (state_ == State::open_body) return;
    left_ -= size;
    if (left_ > 0) return;
    state_ == State::chunk ? static_cast<void>(state_ = State::chunk_end) : complete();
}

void ResponseReader::take_chunk_line() {
    const std::string_view line = line_;
    const std::string_view digits = without_padding(line.substr(0, line.find(';')));
    const std::optional<std::uint64_t> size = parse_hex(digits);
    if (!size) fail("a chunk has no size");
    left_ = *size;
    head_size_ = 0;
    state_ = left_ == 0 ? State::trailers : State::chunk;
}

}  // namespace webhook
