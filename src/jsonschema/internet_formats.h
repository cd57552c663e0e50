// Names and addresses of the Internet.

#pragma once

#include <string_view>

namespace webhook {

// Four numbers without leading zeros (RFC 2673, section 3.2).
bool is_ipv4(std::string_view text);
// RFC 4291, section 2.2; without a zone.
bool is_ipv6(std::string_view text);
// RFC 1123, section 2.1. A label that begins with `xn--` is one of IDNA 2008 (RFC 5890).
bool is_hostname(std::string_view text);
// `Mailbox` of RFC 5321, section 4.1.2, in ASCII.
bool is_email(std::string_view text);
// RFC 3986.
bool is_uri(std::string_view text);
bool is_uri_reference(std::string_view text);

}  // namespace webhook
