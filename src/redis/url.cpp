#include "redis/url.h"

#include <optional>

#include "base/address.h"
#include "base/errors.h"
#include "base/text.h"

namespace webhook::redis {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kPlain = "redis://";
constexpr std::string_view kTls = "rediss://";

// `sun_path` of Linux, without its final zero.
constexpr std::size_t kLongestPath = 107;
constexpr std::size_t kLongestHost = 253;
constexpr std::int64_t kLargest = 65535;

bool take(std::string_view& url, std::string_view scheme) {
    if (!equals_ignoring_case(url.substr(0, scheme.size()), scheme)) return false;
    url.remove_prefix(scheme.size());
    return true;
}

// Cuts off what begins with the separator, and returns it without that.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(at + 1);
    text = text.substr(0, at);
    return rest;
}

// What is no number may be a misplaced password, and is not quoted.
std::uint16_t parse_number(std::string_view text, const std::string& what, std::int64_t least) {
    const std::optional<std::int64_t> number = parse_digits(text);
    if (number && *number >= least && *number <= kLargest) {
        return static_cast<std::uint16_t>(*number);
    }
    throw ConfigError("invalid " + what + (number ? " " + in_quotes(text) : "") +
                      ", allowed: " + std::to_string(least) + " to " + std::to_string(kLargest));
}

// Nothing behind the `/` is the first database, as for other clients.
std::uint16_t parse_database(std::string_view text) {
    return text.empty() ? 0 : parse_number(text, "database", 0);
}

void check_host(std::string_view host) {
    if (host.empty()) throw ConfigError("a URL without a host");
    if (host.size() > kLongestHost || !consists_of(host, "-._")) {
        throw ConfigError(
            "invalid host, allowed: a name, an IPv4 address, an IPv6 address in brackets");
    }
}

// Takes the host of `[HOST]:PORT`, and leaves what follows the bracket.
std::string take_ipv6(std::string_view& text) {
    text.remove_prefix(1);
    const std::optional<std::string_view> rest = cut(text, ']');
    const bool is_address = rest && (rest->empty() || rest->starts_with(':')) &&
                            text.find(':') != std::string_view::npos && parse_address_range(text);
    if (!is_address) throw ConfigError("invalid IPv6 address in brackets");
    std::string host(text);
    text = *rest;
    return host;
}

// `HOST`, `HOST:PORT`.
void set_authority(Address& address, std::string_view authority) {
    const bool has_bracket = authority.starts_with('[');
    if (has_bracket) address.host = take_ipv6(authority);
    const std::optional<std::string_view> port = cut(authority, ':');
    if (!has_bracket) {
        check_host(authority);
        address.host = authority;
    }
    if (port) address.port = parse_number(*port, "port", 1);
}

Address parse_unix(std::string_view rest) {
    Address address;
    const std::optional<std::string_view> database = cut(rest, ':');
    if (!rest.starts_with('/')) {
        throw ConfigError("the path of a socket does not begin with \"/\"");
    }
    if (rest.size() > kLongestPath) {
        throw ConfigError("the path of a socket is longer than " + std::to_string(kLongestPath) +
                          " bytes");
    }
    if (has_control_character(rest)) throw ConfigError("invalid path of a socket");
    address.path = rest;
    if (!database) return address;
    if (!database->starts_with('/')) throw ConfigError("a path of a socket, expecting \":/DB\"");
    address.database = parse_database(database->substr(1));
    return address;
}

Address parse_network(std::string_view rest, bool is_tls) {
    Address address;
    address.is_tls = is_tls;
    if (const std::optional<std::string_view> database = cut(rest, '/')) {
        address.database = parse_database(*database);
    }
    set_authority(address, rest);
    return address;
}

// An `@` may stand in the name of a socket. `unix://USER:PASSWORD@/PATH` is a form of other
// clients.
void check_no_login(std::string_view url) {
    const bool is_unix = take(url, kUnix) && !url.starts_with("//");
    if (is_unix || url.find('@') == std::string_view::npos) return;
    throw ConfigError("a URL with a user or a password: use \"user=\" and \"password=\"");
}

[[noreturn]] void fail_on_scheme(std::string_view url) {
    const std::size_t end = url.find("://");
    const bool is_shown = end != std::string_view::npos && consists_of(url.substr(0, end), "");
    throw ConfigError((is_shown ? "unknown scheme " + in_quotes(url.substr(0, end + 3))
                                : "a URL without a scheme") +
                      ", allowed: \"redis://\", \"rediss://\", \"unix:\"");
}

}  // namespace

Address parse_url(std::string_view url) {
    check_no_login(url);
    if (url.find_first_of("?#") != std::string_view::npos) {
        throw ConfigError("a URL with a query or a fragment");
    }
    if (take(url, kUnix)) return parse_unix(url);
    if (take(url, kPlain)) return parse_network(url, false);
    if (take(url, kTls)) return parse_network(url, true);
    fail_on_scheme(url);
}

std::string text_of(const Address& address) {
    const std::string database =
        address.database == 0 ? "" : '/' + std::to_string(address.database);
    if (address.is_unix()) {
        return std::string(kUnix) + address.path + (database.empty() ? "" : ':' + database);
    }
    const bool is_ipv6 = address.host.find(':') != std::string::npos;
    return std::string(address.is_tls ? kTls : kPlain) +
           (is_ipv6 ? '[' + address.host + ']' : address.host) + ':' +
           std::to_string(address.port) + database;
}

}  // namespace webhook::redis
