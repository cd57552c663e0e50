#include "verify/jwt.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json_pointer.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

// RFC 7515, section 2: base64url without padding.
std::optional<std::string> decoded_part(std::string_view part) {
    if (part.empty() || part.ends_with('=')) return std::nullopt;
    return decode(TextEncoding::base64url, part);
}

std::optional<JwtAlgorithm> algorithm_of(std::string_view header,
                                         std::span<const JwtAlgorithm> pinned,
                                         JsonDocument& reader) {
    if (!reader.parse_copy(header) || reader.has("/crit")) return std::nullopt;
    const auto name = reader.value_at("/alg");
    if (!name) return std::nullopt;
    for (const JwtAlgorithm algorithm : pinned) {
        if (info(algorithm).name == *name) return algorithm;
    }
    return std::nullopt;
}

}  // namespace

std::string pointer_to(std::string_view member) {
    std::string pointer;
    append_step(pointer, member);
    return pointer;
}

std::optional<Jwt> parse_jwt(std::string_view token, std::span<const JwtAlgorithm> pinned,
                             JsonDocument& reader) {
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == std::string_view::npos || token.find('.', first + 1) != last) return std::nullopt;
    const auto header = decoded_part(token.substr(0, first));
    auto claims = decoded_part(token.substr(first + 1, last - first - 1));
    auto signature = decoded_part(token.substr(last + 1));
    if (!header || !claims || !signature) return std::nullopt;
    const auto algorithm = algorithm_of(*header, pinned, reader);
    if (!algorithm) return std::nullopt;
    auto kid = reader.value_at("/kid");
    if (!kid && !reader.lacks("/kid")) return std::nullopt;
    return Jwt{*algorithm, std::move(kid), token.substr(0, last), std::move(*signature),
               std::move(*claims)};
}

}  // namespace webhook
