#include "base/charset.h"

#include <algorithm>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kParameter = "charset";
constexpr std::string_view kSpace = " \t";
constexpr std::string_view kEnd = " \t;,\"";

constexpr std::string_view kOfUtf8[] = {"utf-8", "utf8"};
constexpr std::string_view kExtendingAscii[] = {"us-ascii", "ascii", "ansi_x3.4-1968", "latin1",
                                                "latin-1"};
// With a number behind it.
constexpr std::string_view kFamiliesExtendingAscii[] = {"iso-8859-", "windows-125", "cp125"};

bool is_content_type(std::string_view header) {
    constexpr std::string_view kBefore = "content";
    constexpr std::string_view kBehind = "type";
    // Some readers take `Content_Type` for it.
    return header.size() == kBefore.size() + 1 + kBehind.size() &&
           equals_ignoring_case(header.substr(0, kBefore.size()), kBefore) &&
           equals_ignoring_case(header.substr(kBefore.size() + 1), kBehind);
}

std::size_t find_parameter(std::string_view text) {
    const auto found = std::search(text.begin(), text.end(), kParameter.begin(), kParameter.end(),
                                   [](char left, char right) { return to_lower(left) == right; });
    return static_cast<std::size_t>(found - text.begin());
}

template <typename Names>
bool is_among(const Names& names, std::string_view name) {
    return std::ranges::any_of(
        names, [name](std::string_view each) { return equals_ignoring_case(name, each); });
}

bool is_of_family(std::string_view name) {
    return std::ranges::any_of(kFamiliesExtendingAscii, [name](std::string_view family) {
        const std::string_view number = name.substr(std::min(family.size(), name.size()));
        return equals_ignoring_case(name.substr(0, family.size()), family) && !number.empty() &&
               number.size() <= 2 && std::ranges::all_of(number, is_digit);
    });
}

}  // namespace

void ContentCharset::offer(std::string_view header, std::string_view value) {
    if (!is_content_type(header)) return;
    for (std::size_t at = find_parameter(value); at < value.size(); at = find_parameter(value)) {
        value.remove_prefix(at + kParameter.size());
        add(value);
    }
}

ContentCharset::Kind ContentCharset::kind_of(std::string_view name) {
    if (name.empty() || is_among(kOfUtf8, name)) return Kind::utf8;
    const bool extends_ascii = is_among(kExtendingAscii, name) || is_of_family(name);
    return extends_ascii ? Kind::extends_ascii : Kind::other;
}

void ContentCharset::add(std::string_view text) {
    text = without_padding(text, kSpace);
    const bool is_assigned = text.starts_with('=');
    if (is_assigned) text = without_padding(text.substr(1), kSpace);
    if (is_assigned && text.starts_with('"')) text.remove_prefix(1);
    text = text.substr(0, text.find_first_of(kEnd));
    const Kind kind = is_assigned ? kind_of(text) : Kind::other;
    if (kind <= kind_) return;
    kind_ = kind;
    name_ = text;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char each) { return (each & 0x80) == 0; });
}

bool is_percent_encoded_ascii(std::string_view text) {
    if (!is_ascii(text)) return false;
    for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
        if (at + 1 == text.size() || text[at + 1] < '0' || text[at + 1] > '7') return false;
    }
    return true;
}

}  // namespace webhook
