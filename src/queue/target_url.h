// Where deliveries of a queue are sent: `http://host[:port]/path` or
// `http://unix:/path.sock:/uri`, as proxy_pass has them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace webhook {

// In bytes: what fits into a sockaddr_un.
inline constexpr std::size_t kLongestSocketPath = 107;

struct TargetUrl {
    // A name or an address; that of IPv6 without brackets. Empty: a socket file is meant.
    std::string host;
    std::uint16_t port = 80;
    std::string socket;
    // The request target: begins with `/`.
    std::string uri = "/";
    // The value of `Host`.
    std::string host_header;

    friend bool operator==(const TargetUrl&, const TargetUrl&) = default;
};

// Throws ConfigError.
TargetUrl parse_target_url(std::string_view text);

}  // namespace webhook
