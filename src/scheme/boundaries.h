// Where one value of a signed text ends and the next begins.
//
// A signature is over one text. Where two values of any length stand in it, bytes of one could be
// moved to the other, and the signature would still be right. So each pair of such values, with
// what stands between them, is a join, which has to be guarded:
//
// - Some values can only end where they do: a time in RFC 3339; a time in digits, since it has no
//   leading zeros and with a digit more or less lies outside of any window; a method; a digest; a
//   secret. They stand between values and are not guarded themselves.
// - A literal between two values guards the join where it cannot stand in one of them: a header,
//   an id or a parameter that holds it is refused, and so is a URL that holds what no URL does; a
//   CRC-32 is a number.
// - A header, an id or a parameter beside a time in RFC 3339 holds no colon, as every such time
//   does.
// - Else one of the two has to be the body, which then is empty or a whole JSON object or array. No
//   such text begins or ends with another one (JsonFrame), so that nothing can be taken from it or
//   put to it. White space around it is its own: the value beside it neither ends nor begins with
//   any. Where the body is empty, the value beside it does not end or begin as JSON does.
//
// What is left is told of by `nginx -t`.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scheme/scheme.h"

namespace webhook {

// The joins of a scheme's signed text. `url_is_fixed`: the URL is no value of the request.
std::vector<Join> joins_of(const Scheme& scheme, bool url_is_fixed);

// The first two values of the signed text between which bytes can be moved, as
// `"{header:...}" and "{json:...}"`; empty where there are none.
std::string ambiguous_parts(const Scheme& scheme, bool url_is_fixed);

// Whether a body has to be framed (JsonFrame).
bool frames_body(std::span<const Join> joins);

// Whether the value of the part at `index` keeps to its side of every join, as far as this does not
// depend on the body.
bool keeps_its_side(const Scheme& scheme, std::span<const Join> joins, std::size_t index,
                    std::string_view value);

// Whether a value that stands right beside a framed body, `before` it or behind it, leaves it its
// own.
bool leaves_to_body(std::string_view value, bool before, bool body_is_empty);

// Whether a text that comes in pieces is one JSON object or array, with nothing but white space
// around it. It is looked at as a frame only: strings, and brackets of any kind. That is enough for
// what it is for: if a text is one, neither what it begins with nor what it ends with is another.
class JsonFrame {
  public:
    void update(std::string_view piece);
    bool is_whole() const { return state_ == State::behind; }

  private:
    enum class State : std::uint8_t {
        before,
        outside_string,
        in_string,
        in_escape,
        behind,
        broken
    };

    State next(char character);

    State state_ = State::before;
    std::uint64_t depth_ = 0;
};

// Whether a signed text, which comes in pieces, is one whose HMAC a handshake would answer to
// anyone (Scheme::signs_for_anyone()): then its signature proves nothing.
class HandshakeText {
  public:
    void update(std::string_view piece);
    // Of an empty text, too.
    bool can_be_had_by_anyone() const;

  private:
    std::size_t size_ = 0;
    bool is_token_so_far_ = true;
};

}  // namespace webhook
