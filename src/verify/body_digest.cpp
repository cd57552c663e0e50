#include "verify/body_digest.h"

#include <algorithm>

#include "base/text.h"

namespace webhook {
namespace {

// Names as in both registries, in lower case.
std::string_view algorithm_name(Hash hash) {
    switch (hash) {
        case Hash::sha384:
            return "sha-384";
        case Hash::sha512:
            return "sha-512";
        default:
            return "sha-256";
    }
}

// RFC 8941, sections 3.1.2 and 3.3.5: bytes stand between colons, and parameters may follow.
std::optional<std::string_view> between_colons(std::string_view text) {
    if (!text.starts_with(':')) return std::nullopt;
    const std::size_t end = text.find(':', 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view parameters = text.substr(end + 1);
    if (!parameters.empty() && !parameters.starts_with(';')) return std::nullopt;
    return text.substr(1, end - 1);
}

bool is_named(DigestSyntax syntax, std::string_view name, std::string_view wanted) {
    return syntax == DigestSyntax::rfc3230 ? equals_ignoring_case(name, wanted) : name == wanted;
}

}  // namespace

std::optional<std::string> digest_in_header(const DigestSource& source, std::string_view header) {
    if (source.syntax == DigestSyntax::plain) return std::string(header);
    const std::string_view wanted = algorithm_name(source.hash);
    std::optional<std::string_view> found;
    while (!header.empty()) {
        const std::string_view item = header.substr(0, header.find(','));
        header.remove_prefix(std::min(item.size() + 1, header.size()));
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos) continue;
        if (!is_named(source.syntax, without_padding(item.substr(0, equals)), wanted)) continue;
        if (found) return std::nullopt;
        found = without_padding(item.substr(equals + 1));
    }
    if (found && source.syntax == DigestSyntax::rfc9530) found = between_colons(*found);
    return found ? std::optional(std::string(*found)) : std::nullopt;
}

}  // namespace webhook
