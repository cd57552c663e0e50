#include "report/accept.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/text.h"

namespace webhook {
namespace {

// Cuts off the text up to the separator, but for one in a quoted string.
std::string_view take(std::string_view& text, char separator) {
    bool is_quoted = false;
    std::size_t at = 0;
    for (; at < text.size() && (is_quoted || text[at] != separator); ++at) {
        if (is_quoted && text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            is_quoted = !is_quoted;
        }
    }
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return without_padding(taken);
}

// `0`, `1`, `0.123`, in thousandths. What is none of them counts as 0.
std::uint16_t weight(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[1] != '.')) return 0;
    std::string digits(text.substr(0, 1));
    if (text.size() > 2) digits += text.substr(2);
    digits.resize(4, '0');
    const auto thousandths = parse_digits(digits);
    return thousandths && *thousandths <= 1000 ? static_cast<std::uint16_t>(*thousandths) : 0;
}

// How much a media type is wanted: by the range that describes it most closely.
struct Wish {
    std::uint16_t weight = 0;
    // 1 for `*/*`, 2 for `text/*`, 3 for the type itself.
    std::uint8_t closeness = 0;
};

bool is_stronger(const Wish& left, const Wish& right) {
    return left.weight != right.weight ? left.weight > right.weight
                                       : left.closeness > right.closeness;
}

std::uint8_t closeness(std::string_view range, std::string_view type) {
    if (equals_ignoring_case(range, type)) return 3;
    const std::size_t main = type.find('/') + 1;
    if (range.size() == main + 1 && range.ends_with('*') &&
        equals_ignoring_case(range.substr(0, main), type.substr(0, main))) {
        return 2;
    }
    return range == "*/*" ? 1 : 0;
}

Wish wish_for(std::string_view type, std::string_view accept) {
    Wish wish;
    while (!accept.empty()) {
        std::string_view parameters = take(accept, ',');
        const std::uint8_t found = closeness(take(parameters, ';'), type);
        if (found <= wish.closeness) continue;
        wish = {1000, found};
        while (!parameters.empty()) {
            std::string_view parameter = take(parameters, ';');
            if (equals_ignoring_case(take(parameter, '='), "q")) {
                wish.weight = weight(without_padding(parameter));
            }
        }
    }
    return wish;
}

}  // namespace

bool wants_json(std::string_view accept) {
    const Wish json = wish_for("application/json", accept);
    return json.weight > 0 && is_stronger(json, wish_for("text/html", accept));
}

}  // namespace webhook
