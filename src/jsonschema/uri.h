// URI references (RFC 3986), as far as schemas refer to each other by them.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// Whether it begins with a scheme.
bool is_absolute_uri(std::string_view reference);

// The reference without its fragment, as seen from an absolute URI. Dot segments that would lead
// above the root are dropped.
std::string resolve_uri(std::string_view base, std::string_view reference);

// What follows `#`, with its percent encoding. Nullopt if there is no `#`.
std::optional<std::string_view> fragment_of(std::string_view reference);
std::string_view without_fragment(std::string_view reference);

// Whether one of the path's segments is `..`.
bool climbs(std::string_view path);

}  // namespace webhook
