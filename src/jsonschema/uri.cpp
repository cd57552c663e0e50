#include "jsonschema/uri.h"

#include "base/text.h"

namespace webhook {
namespace {

// The parts of RFC 3986, appendix B, but for the fragment. A part keeps its delimiters.
struct UriParts {
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view query;
};

std::size_t scheme_size(std::string_view reference) {
    if (reference.empty() || !is_letter(reference[0])) return 0;
    for (std::size_t at = 0; at < reference.size(); ++at) {
        const char character = reference[at];
        if (character == ':') return at + 1;
        const bool fits = is_letter(character) || is_digit(character) || character == '+' ||
                          character == '-' || character == '.';
        if (!fits) return 0;
    }
    return 0;
}

std::string_view take(std::string_view& text, std::size_t size) {
    const std::string_view taken = text.substr(0, size);
    text.remove_prefix(taken.size());
    return taken;
}

UriParts split(std::string_view reference) {
    UriParts parts;
    reference = without_fragment(reference);
    parts.scheme = take(reference, scheme_size(reference));
    if (reference.starts_with("//")) {
        parts.authority =
            take(reference, std::min(reference.find_first_of("/?", 2), reference.size()));
    }
    parts.path = take(reference, std::min(reference.find('?'), reference.size()));
    parts.query = reference;
    return parts;
}

std::string without_dots(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        const bool is_rooted = path[0] == '/';
        const std::size_t end = std::min(path.find('/', is_rooted ? 1 : 0), path.size());
        const std::string_view segment = take(path, end);
        const std::string_view name = segment.substr(is_rooted ? 1 : 0);
        if (name != "." && name != "..") {
            result += segment;
            continue;
        }
        if (name == "..") result.resize(std::min(result.rfind('/'), result.size()));
        if (result.rfind('/') == std::string::npos && name == "..") result.clear();
        if (path.empty() && is_rooted) result += '/';
    }
    return result;
}

std::string merged(const UriParts& base, std::string_view path) {
    if (!base.authority.empty() && base.path.empty()) return "/" + std::string(path);
    const std::size_t slash = base.path.rfind('/');
    const std::string_view directory =
        slash == std::string_view::npos ? std::string_view() : base.path.substr(0, slash + 1);
    return std::string(directory) + std::string(path);
}

}  // namespace

bool is_absolute_uri(std::string_view reference) {
    return scheme_size(reference) != 0;
}

std::string resolve_uri(std::string_view base_uri, std::string_view reference_text) {
    const UriParts base = split(base_uri);
    const UriParts reference = split(reference_text);
    std::string result;
    if (!reference.scheme.empty()) {
        result += reference.scheme;
        result += reference.authority;
        result += without_dots(reference.path);
        result += reference.query;
        return result;
    }
    result += base.scheme;
    if (!reference.authority.empty()) {
        result += reference.authority;
        result += without_dots(reference.path);
        result += reference.query;
        return result;
    }
    result += base.authority;
    if (reference.path.empty()) {
        result += base.path;
        result += reference.query.empty() ? base.query : reference.query;
        return result;
    }
    result += without_dots(reference.path[0] == '/' ? std::string(reference.path)
                                                    : merged(base, reference.path));
    result += reference.query;
    return result;
}

std::optional<std::string_view> fragment_of(std::string_view reference) {
    const std::size_t mark = reference.find('#');
    if (mark == std::string_view::npos) return std::nullopt;
    return reference.substr(mark + 1);
}

std::string_view without_fragment(std::string_view reference) {
    return reference.substr(0, reference.find('#'));
}

bool climbs(std::string_view path) {
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (path.substr(0, end) == "..") return true;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return false;
}

}  // namespace webhook
