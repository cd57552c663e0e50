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

    friend bool operator==(const Address&, const Address&) = default;
};

// A block of addresses, both ends included.
struct AddressRange {
    Address first;
    Address last;
    // Whether the text had bits set behind its prefix, which is often a sign of a truncated or
    // mistyped prefix.
    bool host_bits = false;

    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`; bits behind the prefix are noted,
// and otherwise ignored. Returns nullopt for any other text.
std::optional<AddressRange> parse_address_range(std::string_view text);

// A set of addresses. Looking one up takes a time logarithmic in the number of blocks.
class AddressSet {
  public:
    AddressSet() = default;
    explicit AddressSet(std::vector<AddressRange> ranges);

    bool contains(const Address& address) const;
    bool empty() const { return ipv4_.empty() && ipv6_.empty(); }
    // The number of ranges that do not overlap.
    std::size_t size() const { return ipv4_.size() + ipv6_.size(); }

    friend bool operator==(const AddressSet&, const AddressSet&) = default;

  private:
    // Sorted and disjoint.
    std::vector<AddressRange> ipv4_;
    std::vector<AddressRange> ipv6_;
};

// Both functions throw ConfigError for a network with bits set behind its prefix and for a text
// without any address, so that a truncated file does not pass for a list.

// Whether the text of a file begins as JSON does. A leading byte order mark is ignored here and
// below.
bool looks_like_json(std::string_view text);

// A list of addresses, one on a line; `#` starts a comment. Throws ConfigError, with the line
// number, for anything else, and if the last line is not terminated.
AddressSet parse_address_list(std::string_view text);

// The addresses at a JSON pointer (RFC 6901) of a provider's published file: a string, or arrays
// and objects of strings. `*` as a step of the pointer stands for every member that has
// the rest of it. Throws ConfigError for invalid JSON, a pointer that leads nowhere and a value
// that is no address.
AddressSet parse_address_json(std::string_view text, std::string_view pointer);

}  // namespace webhook
