#include "base/json_numbers.h"

#include <algorithm>

#include "base/text.h"

namespace webhook {
namespace {

// Passes the tokens of valid JSON.
class Tokens {
  public:
    explicit Tokens(std::string_view text) : text_(text) {}

    // The place of the next token, which this passes.
    std::size_t next() {
        at_ = text_.find_first_not_of(" \t\r\n,:", at_);
        const std::size_t place = at_;
        switch (text_[at_]) {
            case '{':
            case '}':
            case '[':
            case ']':
                ++at_;
                break;
            case '"':
                pass_string();
                break;
            default:
                at_ = std::min(text_.find_first_of(" \t\r\n,:]}", at_), text_.size());
        }
        return place;
    }

  private:
    void pass_string() {
        ++at_;
        while (true) {
            at_ = text_.find_first_of("\"\\", at_);
            if (text_[at_] == '"') break;
            at_ += 2;
        }
        ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

NumberPlaces::NumberPlaces(const JsonValue& root, std::string_view text) : text_(text) {
    const JsonPosition end = root.position().next();
    places_.resize(end.index);
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    const std::size_t skipped = text_.size() - text.size();
    Tokens tokens(text);
    for (JsonPosition at = root.position(); at != end; at = at.next_token()) {
        const std::size_t place = tokens.next();
        if (text[place] == '-' || is_digit(text[place])) {
            places_[at.index] = static_cast<std::uint32_t>(place + skipped + 1);
        }
    }
}

std::string_view NumberPlaces::text_of(const JsonValue& value) const {
    const std::uint32_t place = places_[value.position().index];
    if (place == 0) return {};
    const std::string_view from_number = text_.substr(place - 1);
    return from_number.substr(0, from_number.find_first_not_of("+-.eE0123456789"));
}

}  // namespace webhook
