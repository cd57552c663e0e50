// The formats of JSON Schema that are asserted. The time is linear in the text's length.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace webhook {

enum class Format : std::uint8_t {
    date_time,
    date,
    time,
    duration,
    email,
    hostname,
    ipv4,
    ipv6,
    uri,
    uri_reference,
    uuid,
    json_pointer,
    regex,
};

// Returns nullopt for a format that is not asserted.
std::optional<Format> format_of(std::string_view name);

// The names of those that are, and of the others that JSON Schema defines.
const std::vector<std::string_view>& format_names();
const std::vector<std::string_view>& ignored_format_names();

// Whether a text in UTF-8 has a format. Nothing is allocated, but for regex (as pattern_syntax.h
// has it, with its bounds) and for a hostname with a label that begins with `xn--`.
bool matches(Format format, std::string_view text);
// What that takes at most, as so many bytes that are only read (steps.h).
std::size_t work_of(Format format, std::string_view text);

}  // namespace webhook
