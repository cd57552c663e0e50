// Where a Redis or Valkey server is, as the configuration names it:
//
//     redis://HOST[:PORT][/DB]     rediss://HOST[:PORT][/DB] (TLS)     unix:PATH[:/DB]
//
// The host is a name, an IPv4 address, or an IPv6 address in brackets; it is not looked up. The
// scheme's case is ignored. Source: IANA's registration of `redis`, with nginx's form of `unix:`.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace webhook::redis {

inline constexpr std::uint16_t kDefaultPort = 6379;

struct Address {
    bool is_tls = false;
    // Without brackets. Empty for a socket in the file system.
    std::string host;
    std::uint16_t port = kDefaultPort;
    // Of such a socket: absolute, and short enough for the kernel. Otherwise empty.
    std::string path;
    std::uint16_t database = 0;

    bool is_unix() const { return !path.empty(); }

    friend bool operator==(const Address&, const Address&) = default;
};

// Throws ConfigError, worded to follow the name of the directive: `invalid port "0", allowed: ...`.
// A URL with what may be a user or a password is refused, and nothing of it is quoted.
Address parse_url(std::string_view url);

// As it may be logged: `redis://HOST:PORT/DB`, `unix:PATH:/DB`.
std::string text_of(const Address& address);

}  // namespace webhook::redis
