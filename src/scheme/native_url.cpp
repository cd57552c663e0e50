#include "scheme/native_url.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/form.h"
#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"

namespace webhook {
namespace {

constexpr std::string_view kHubspotDecodes = ":/?@!$'()*,;";
// RFC 3986, section 2.3.
constexpr std::string_view kUnreserved = "-._~";

std::string_view path_of(std::string_view url) {
    const std::string_view target = target_of(url);
    return target.substr(0, target.find_first_of("?#"));
}

std::string canonical_path(std::string_view path, std::string_view base_path) {
    if (base_path.ends_with('/')) base_path.remove_suffix(1);
    if (path.starts_with(base_path)) {
        const std::string_view rest = path.substr(base_path.size());
        if (rest.empty() || rest.starts_with('/')) path = rest;
    }
    std::string canonical;
    if (!path.starts_with('/')) canonical += '/';
    for (char character : path) {
        if (character == '&') {
            canonical += "%26";
        } else {
            canonical += character;
        }
    }
    if (canonical.size() > 1 && canonical.ends_with('/')) canonical.pop_back();
    return canonical;
}

std::string joined_values(std::vector<std::string_view> values) {
    std::ranges::sort(values);
    std::string list;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) list += ',';
        list += percent_encoded(values[i], kUnreserved);
    }
    return list;
}

std::optional<std::string> canonical_query(std::string_view query) {
    const auto form = Form::parse(query);
    if (!form) return std::nullopt;
    std::map<std::string_view, std::vector<std::string_view>> parameters;
    for (const auto& [name, value] : form->fields()) {
        if (!is_utf8(name) || !is_utf8(value)) return std::nullopt;
        if (name != "jwt") parameters[name].push_back(value);
    }
    std::string canonical;
    for (const auto& [name, values] : parameters) {
        if (!canonical.empty()) canonical += '&';
        canonical += percent_encoded(name, kUnreserved) + '=' + joined_values(values);
    }
    return canonical;
}

std::string to_upper(std::string_view text) {
    std::string raised(text);
    for (char& character : raised) {
        const bool lower = character >= 'a' && character <= 'z';
        if (lower) character = static_cast<char>(character - 'a' + 'A');
    }
    return raised;
}

}  // namespace

std::string hubspot_url(std::string_view url) {
    // Never the host.
    const bool has_host = !url.starts_with('/') && url.find("://") != std::string_view::npos;
    const std::string_view target = has_host ? target_of(url) : url;
    std::string decoded_url(url.substr(0, url.size() - target.size()));
    decoded_url.reserve(url.size());
    for (std::size_t i = decoded_url.size(); i < url.size(); ++i) {
        std::array<std::uint8_t, 1> byte{};
        const bool decodes =
            url[i] == '%' && decode(TextEncoding::hex, url.substr(i + 1, 2), byte) == 1 &&
            kHubspotDecodes.find(static_cast<char>(byte[0])) != std::string_view::npos;
        decoded_url += decodes ? static_cast<char>(byte[0]) : url[i];
        if (decodes) i += 2;
    }
    return decoded_url;
}

bool hides_query(std::string_view url) {
    const std::string_view path = path_of(url);
    return path.find("%3F") != std::string_view::npos || path.find("%3f") != std::string_view::npos;
}

std::optional<std::string> atlassian_qsh(std::string_view method, std::string_view url,
                                         std::string_view base_path) {
    const auto query = canonical_query(query_of(url));
    if (!query) return std::nullopt;
    const std::string request =
        to_upper(method) + '&' + canonical_path(path_of(url), base_path) + '&' + *query;
    return to_hex(sha256(request));
}

}  // namespace webhook
