#include "queue/target_url.h"

#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kSecureScheme = "https://";
constexpr std::string_view kUnix = "unix:";
constexpr std::int64_t kHighestPort = 65535;
constexpr std::size_t kLongestName = 253;

[[noreturn]] void fail(std::string_view url, const std::string& why) {
    throw ConfigError("invalid URL " + excerpt_in_quotes(url) + ": " + why);
}

void require_plain(std::string_view url) {
    const bool has_space = url.find(' ') != std::string_view::npos;
    const bool is_ascii = std::ranges::none_of(
        url, [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
    if (has_space || has_control_character(url) || !is_ascii) {
        fail(url, "spaces, control characters and what is not ASCII must be written as %XX");
    }
    if (url.find('#') != std::string_view::npos) fail(url, "a fragment is never sent");
}

std::string_view without_scheme(std::string_view url) {
    if (url.starts_with(kSecureScheme)) {
        fail(url,
             "\"https://\" is not spoken; name a \"listen unix:\" server that does proxy_pass");
    }
    if (!url.starts_with(kScheme)) {
        fail(url, "it must be \"http://host[:port]/path\" or \"http://unix:/path.sock:/uri\"");
    }
    return url.substr(kScheme.size());
}

TargetUrl parse_socket(std::string_view url, std::string_view rest) {
    const std::size_t colon = rest.find(':');
    TargetUrl target;
    target.socket = rest.substr(0, colon);
    target.host_header = "localhost";
    if (!target.socket.starts_with('/')) fail(url, "the path of the socket must be absolute");
    if (target.socket.size() > kLongestSocketPath) fail(url, "the path of the socket is too long");
    if (colon == std::string_view::npos || colon + 1 == rest.size()) return target;
    target.uri = rest.substr(colon + 1);
    if (!target.uri.starts_with('/')) fail(url, "what follows the socket must begin with \"/\"");
    return target;
}

std::uint16_t parse_port(std::string_view url, std::string_view text) {
    const std::optional<std::int64_t> port = parse_digits(text);
    if (!port || *port < 1 || *port > kHighestPort) fail(url, "the port must be 1 to 65535");
    return static_cast<std::uint16_t>(*port);
}

// Splits an authority at the colon before its port, if it has one.
void parse_authority(std::string_view url, std::string_view authority, TargetUrl& target) {
    if (authority.find('@') != std::string_view::npos) {
        fail(url, "a user and a password do not belong there");
    }
    std::string_view rest;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) fail(url, "\"]\" is missing");
        target.host = authority.substr(1, end - 1);
        rest = authority.substr(end + 1);
        if (target.host.find(':') == std::string::npos || !consists_of(target.host, ":.")) {
            fail(url, "brackets hold an IPv6 address");
        }
        if (!rest.empty() && !rest.starts_with(':')) fail(url, "a port follows \"]\" after \":\"");
    } else {
        const std::size_t colon = authority.find(':');
        target.host = authority.substr(0, colon);
        if (colon != std::string_view::npos) rest = authority.substr(colon);
        if (target.host.size() > kLongestName || !consists_of(target.host, "-._")) {
            fail(url, "the host is no name or address");
        }
    }
    if (target.host.empty()) fail(url, "the host is missing");
    if (!rest.empty()) target.port = parse_port(url, rest.substr(1));
    target.host_header = authority;
}

}  // namespace

TargetUrl parse_target_url(std::string_view text) {
    require_plain(text);
    const std::string_view rest = without_scheme(text);
    if (rest.starts_with(kUnix)) return parse_socket(text, rest.substr(kUnix.size()));
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    TargetUrl target;
    parse_authority(text, rest.substr(0, end), target);
    const std::string_view uri = rest.substr(end);
    target.uri = uri.starts_with('/') ? std::string(uri) : "/" + std::string(uri);
    return target;
}

}  // namespace webhook
