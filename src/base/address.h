// Source addresses and the sets of them that may deliver.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (::ffff:192.0.2.1) is IPv4.
struct Address {
    enum class Family : std::uint8_t { ipv4, ipv6 };
    Family family = Family::ipv4;
    // In network order; IPv4 uses the first four.
    std::array<std::uint8_t, 16> bytes{};

    static Address ipv4(const void* four_bytes);
    static Address ipv6(const void* sixteen_bytes);
};

// A block of addresses, both ends included.
struct AddressRange {
    Address first;
    Address last;
    // Whether the text had bits set behind its prefix: one cut short, or mistaken, often has.
    bool host_bits = false;
};

// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`; bits behind the prefix are noted,
// and else ignored. Nothing for any other text.
std::optional<AddressRange> parse_address_range(std::string_view text);

// A set of addresses. Looking one up takes a time logarithmic in the number of blocks.
class AddressSet {
  public:
    AddressSet() = default;
    explicit AddressSet(std::vector<AddressRange> ranges);

    bool contains(const Address& address) const;
    bool empty() const { return ipv4_.empty() && ipv6_.empty(); }

  private:
    // Sorted, apart from each other.
    std::vector<AddressRange> ipv4_;
    std::vector<AddressRange> ipv6_;
};

// A file cut short must not pass for a list: both functions throw ConfigError for a network with
// bits set behind its prefix, and for no address at all.

// Whether the text of a file begins as JSON does. A byte order mark before it counts for nothing
// here and below.
bool looks_like_json(std::string_view text);

// A list of addresses, one on a line; `#` starts a comment. Throws ConfigError, with the number of
// the line, for anything else, and where the last line has no end.
AddressSet parse_address_list(std::string_view text);

// The addresses at a JSON pointer (RFC 6901) of a provider's published file: a string, or arrays
// and objects of strings. `*` as a step of the pointer stands for every member that has
// the rest of it. Throws ConfigError for invalid JSON, a pointer that leads nowhere and a value
// that is no address.
AddressSet parse_address_json(std::string_view text, std::string_view pointer);

}  // namespace webhook
