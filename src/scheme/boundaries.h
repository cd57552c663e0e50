// Where one value of a signed text ends and the next begins.
//
// A signature covers one text. If it holds two values of any length, bytes could be moved from one
// to the other, and the signature would still be valid. So each pair of such values, with the text
// between them, is a join, which has to be guarded:
//
// - Some values have an unambiguous end: a time in RFC 3339; a time in digits, since it has no
//   leading zeros and with a digit more or less lies outside of any window; a method; a digest; a
//   secret. They separate values and are not guarded themselves.
// - A literal between two values guards the join if one of them cannot contain it: a header, an id
//   or a parameter that contains it is refused, as is a URL that contains what no URL may; a CRC-32
//   is a number.
// - A header, an id or a parameter next to a time in RFC 3339 must not contain a colon, since every
//   such time does.
// - Otherwise one of the two has to be the body, which must be empty or a whole JSON object or
//   array. No such text begins or ends with another one (JsonFrame), so nothing can be taken from
//   it or added to it. White space around it belongs to it: the adjacent value must not end or
//   begin with any. If the body is empty, the adjacent value must not end or begin as JSON does.
//
// `nginx -t` reports all other joins.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scheme/scheme.h"

namespace webhook {

// The joins of a scheme's signed text. `url_is_fixed`: the URL does not come from the request.
std::vector<Join> joins_of(const Scheme& scheme, bool url_is_fixed);

// Returns the first two values of the signed text between which bytes can be moved, as
// `"{header:...}" and "{json:...}"`. Empty if there are none.
std::string ambiguous_parts(const Scheme& scheme, bool url_is_fixed);

// Whether the body must be framed (JsonFrame).
bool frames_body(std::span<const Join> joins);

// Whether the value of the part at `index` respects every join, as far as that does not depend on
// the body.
bool keeps_its_side(const Scheme& scheme, std::span<const Join> joins, std::size_t index,
                    std::string_view value);

// Whether a value next to a framed body, `before` or after it, cannot trade bytes with it.
bool leaves_to_body(std::string_view value, bool before, bool body_is_empty);

// Whether a text that comes in pieces is one JSON object or array, with nothing but white space
// around it. Only strings and brackets are checked. That suffices for its purpose: if a text is
// one, no proper prefix or suffix of it is another.
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

// Whether a signed text, which comes in pieces, is one whose HMAC anyone can get from a handshake
// (Scheme::signs_for_anyone()). The signature of such a text proves nothing.
class HandshakeText {
  public:
    void update(std::string_view piece);
    // True for an empty text, too.
    bool can_be_had_by_anyone() const;

  private:
    std::size_t size_ = 0;
    bool is_token_so_far_ = true;
};

}  // namespace webhook
