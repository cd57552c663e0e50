// The charset that the Content-Type of a request names (RFC 9110, section 8.3). No signature covers
// it, but readers decode the body by it.

#pragma once

#include <cstdint>
#include <string_view>

namespace webhook {

// Collects the charsets of all headers that a reader may take for the Content-Type. Views are
// borrowed from the caller.
class ContentCharset {
  public:
    // Call it once for every header of the request.
    void offer(std::string_view header, std::string_view value);

    // Whether a reader may decode a text to other characters than UTF-8 has for it: for a text of
    // ASCII characters only, or for any. A charset that is not known does, and so does one that is
    // not written plainly.
    bool differs_for_ascii() const { return kind_ == Kind::other; }
    bool differs() const { return kind_ != Kind::utf8; }
    // The charset's name, if it differs.
    std::string_view name() const { return name_; }

  private:
    enum class Kind : std::uint8_t { utf8, extends_ascii, other };

    static Kind kind_of(std::string_view name);
    // Takes the text behind the word `charset`.
    void add(std::string_view text);

    Kind kind_ = Kind::utf8;
    std::string_view name_;
};

// Whether a text has ASCII characters only; the second: as it is, and where it is percent-encoded.
bool is_ascii(std::string_view text);
bool is_percent_encoded_ascii(std::string_view text);

}  // namespace webhook
