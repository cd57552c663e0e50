#include "jsonschema/formats.h"

#include <algorithm>
#include <array>

#include "jsonschema/internet_formats.h"
#include "jsonschema/pattern.h"
#include "jsonschema/scanner.h"
#include "jsonschema/steps.h"
#include "jsonschema/time_formats.h"

namespace webhook {
namespace {

bool is_uuid(std::string_view text) {
    constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                      [](char character, char shape) {
                          return shape == '-' ? character == '-' : is_hex_digit(character);
                      });
}

// RFC 6901, section 3.
bool is_json_pointer(std::string_view text) {
    if (!text.empty() && !text.starts_with('/')) return false;
    for (std::size_t at = text.find('~'); at != std::string_view::npos;
         at = text.find('~', at + 1)) {
        const std::string_view escaped = text.substr(at + 1, 1);
        if (escaped != "0" && escaped != "1") return false;
    }
    return true;
}

struct Row {
    std::string_view name;
    bool (*matches)(std::string_view text);
};

// In the order of Format.
constexpr std::array kFormats{
    Row{"date-time", is_date_time},
    Row{"date", is_date},
    Row{"time", is_time},
    Row{"duration", is_duration},
    Row{"email", is_email},
    Row{"hostname", is_hostname},
    Row{"ipv4", is_ipv4},
    Row{"ipv6", is_ipv6},
    Row{"uri", is_uri},
    Row{"uri-reference", is_uri_reference},
    Row{"uuid", is_uuid},
    Row{"json-pointer", is_json_pointer},
    Row{"regex", is_pattern},
};

std::vector<std::string_view> names_of_formats() {
    std::vector<std::string_view> names;
    for (const Row& row : kFormats) names.push_back(row.name);
    return names;
}

}  // namespace

std::optional<Format> format_of(std::string_view name) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
        if (kFormats[i].name == name) return static_cast<Format>(i);
    }
    return std::nullopt;
}

const std::vector<std::string_view>& format_names() {
    static const std::vector<std::string_view> names = names_of_formats();
    return names;
}

const std::vector<std::string_view>& ignored_format_names() {
    static const std::vector<std::string_view> names{
        "idn-email",     "idn-hostname",          "iri",
        "iri-reference", "relative-json-pointer", "uri-template"};
    return names;
}

bool matches(Format format, std::string_view text) {
    return kFormats[static_cast<std::size_t>(format)].matches(text);
}

std::size_t work_of(Format format, std::string_view text) {
    // A parser that builds a tree, and the message of what is wrong.
    constexpr std::size_t kOfRegex = 500 * kBytesOfStep;
    constexpr std::size_t kOfRegexByte = 30 * kBytesOfStep;
    // A label in Unicode, which begins with `xn--`.
    constexpr std::size_t kOfLabel = 60 * kBytesOfStep;
    constexpr std::size_t kOfByte = 8;
    if (format == Format::regex) return kOfRegex + kOfRegexByte * text.size();
    if (format != Format::hostname && format != Format::email) return kOfByte * text.size();
    std::size_t labels = 0;
    for (auto at = text.find("--"); at != std::string_view::npos; at = text.find("--", at + 2)) {
        ++labels;
    }
    return kOfByte * text.size() + kOfLabel * labels;
}

}  // namespace webhook
