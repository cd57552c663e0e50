#include "base/json_repair.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::size_t kEscapeSize = 6;  // \uXXXX

class Mender {
  public:
    explicit Mender(std::span<char> text) : text_(text.data(), text.size()), bytes_(text) {}

    void mend() {
        if (text_.starts_with("\xef\xbb\xbf")) std::ranges::fill(bytes_.first(3), ' ');
        while (at_ < text_.size()) {
            const char character = text_[at_];
            if (character == '"') {
                pass_string();
            } else if (character == '-' || is_digit(character)) {
                mend_number();
            } else {
                ++at_;
            }
        }
    }

  private:
    void pass_string() {
        for (++at_; at_ < text_.size() && text_[at_] != '"';) {
            if (text_[at_] == '\\') {
                mend_escape();
            } else {
                ++at_;
            }
        }
        ++at_;
    }

    void mend_escape() {
        const auto unit = escaped_unit(at_);
        if (!unit || !is_surrogate(*unit)) {
            at_ += 2;
            return;
        }
        const auto following = escaped_unit(at_ + kEscapeSize);
        if (is_high(*unit) && following && is_low(*following)) {
            at_ += 2 * kEscapeSize;
            return;
        }
        std::ranges::copy(std::string_view("\\ufffd"), bytes_.begin() + static_cast<long>(at_));
        at_ += kEscapeSize;
    }

    // Returns the code unit of the `\uXXXX` at this place, or nullopt if there is none.
    std::optional<std::uint32_t> escaped_unit(std::size_t at) const {
        if (at + kEscapeSize > text_.size() || !text_.substr(at).starts_with("\\u")) {
            return std::nullopt;
        }
        std::uint32_t unit = 0;
        const char* digits = text_.data() + at + 2;
        const auto [end, error] = std::from_chars(digits, digits + 4, unit, 16);
        if (error != std::errc{} || end != digits + 4) return std::nullopt;
        return unit;
    }

    static bool is_surrogate(std::uint32_t unit) { return unit >= 0xd800 && unit <= 0xdfff; }
    static bool is_high(std::uint32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
    static bool is_low(std::uint32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

    void mend_number() {
        const std::size_t end =
            std::min(text_.find_first_not_of("+-.eE0123456789", at_), text_.size());
        const std::string_view number = text_.substr(at_, end - at_);
        if (is_too_large(number)) {
            const auto place = bytes_.subspan(at_, number.size());
            std::ranges::fill(place, ' ');
            std::ranges::copy(std::string_view("null"), place.begin());
        }
        at_ = end;
    }

    // Whether it is a valid JSON number outside the representable range.
    static bool is_too_large(std::string_view number) {
        if (!is_json_number(number)) return false;
        const char* end = number.data() + number.size();
        if (number.find_first_of(".eE") != std::string_view::npos) {
            double value = 0;
            return std::from_chars(number.data(), end, value).ec == std::errc::result_out_of_range;
        }
        std::int64_t value = 0;
        std::uint64_t large_value = 0;
        return std::from_chars(number.data(), end, value).ec != std::errc{} &&
               std::from_chars(number.data(), end, large_value).ec != std::errc{};
    }

    static bool is_json_number(std::string_view number) {
        if (number.starts_with('-')) number.remove_prefix(1);
        const bool leading_zero = number.starts_with('0');
        const std::size_t whole = take_digits(number);
        if (whole == 0 || (leading_zero && whole > 1)) return false;
        if (number.starts_with('.')) {
            number.remove_prefix(1);
            if (take_digits(number) == 0) return false;
        }
        if (number.starts_with('e') || number.starts_with('E')) {
            number.remove_prefix(1);
            if (number.starts_with('+') || number.starts_with('-')) number.remove_prefix(1);
            if (take_digits(number) == 0) return false;
        }
        return number.empty();
    }

    static std::size_t take_digits(std::string_view& text) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(digits);
        return digits;
    }

    std::string_view text_;
    std::span<char> bytes_;
    std::size_t at_ = 0;
};

}  // namespace

void repair_json(std::span<char> text) {
    Mender(text).mend();
}

}  // namespace webhook
