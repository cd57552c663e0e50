// The protocol of Redis and Valkey in its version 2 (RESP2): replies are read, commands are
// written.
//
// Source: redis.io/docs/latest/develop/reference/protocol-spec.
//
// The server is not trusted: what it declares (a length, a number of elements) reserves no memory,
// and a reply that exceeds a limit below ends the conversation. The types of version 3 are errors,
// since nobody asks for it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace webhook::redis {

// What the server sent is no RESP2, or exceeds a limit. The text holds nothing of what it sent.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Reply {
    enum class Kind : std::uint8_t { simple, error, integer, bulk, null, array };

    Kind kind = Kind::null;
    // Of an integer.
    std::int64_t integer = 0;
    // Of a simple string, an error (without its `-`) or a bulk string.
    std::string text;
    // Of an array.
    std::vector<Reply> elements;

    bool is_text() const { return kind == Kind::simple || kind == Kind::bulk; }

    friend bool operator==(const Reply&, const Reply&) = default;
};

// A simple string or an error, in bytes without its type and end.
inline constexpr std::size_t kLongestLine = 16 * 1024;
// All texts of one reply together, in bytes.
inline constexpr std::size_t kLongestReply = 1024 * 1024;
// Arrays within arrays; an array alone has the depth 1.
inline constexpr std::size_t kDeepestReply = 8;
// All elements of one reply together, at any depth.
inline constexpr std::size_t kMostElements = 1024;

// Reads replies from bytes that arrive in pieces. The time is linear in the number of bytes,
// however they are split. One reader serves one connection, since it keeps what is incomplete.
class ReplyReader {
  public:
    // Takes the next bytes. It keeps all that next() has not returned: a caller that takes every
    // reply before it feeds again never holds more than one incomplete reply.
    void feed(std::string_view bytes);

    // Returns the next complete reply, in order, or nullopt if there is none yet. Throws
    // ProtocolError, and does so again in every later call.
    std::optional<Reply> next();

    // Whether no byte is left that next() has not returned, as it should be while nothing is asked.
    bool empty() const { return used_ == buffer_.size() && open_.empty() && !bulk_size_; }

  private:
    // What a line has begun: an array waits for its elements.
    struct Item {
        Reply reply;
        std::size_t missing = 0;
    };

    std::optional<Item> read_item();
    std::optional<std::string_view> take_line(std::size_t longest);
    std::optional<Item> read_bulk();
    std::optional<Item> item_of(char type, std::string_view line);
    std::optional<Item> bulk_of(std::int64_t size);
    Item array_of(std::int64_t count);
    std::optional<Reply> close_arrays(Reply last);
    std::string counted(std::string_view text);
    void count_text(std::size_t size);
    [[noreturn]] void fail(const char* why);

    std::string buffer_;
    // What of the buffer was read.
    std::size_t used_ = 0;
    // What of the rest has no end of a line.
    std::size_t searched_ = 0;
    // Of the bulk string that is being read.
    std::optional<std::size_t> bulk_size_;
    // The arrays that the next item is in, outermost first.
    std::vector<Item> open_;
    // Of the reply that is being read.
    std::size_t text_size_ = 0;
    std::size_t elements_ = 0;
    const char* failure_ = nullptr;
};

// Appends a command to `out`: its name and its arguments, which may hold any bytes.
void append_command(std::string& out, std::span<const std::string_view> words);

}  // namespace webhook::redis
