#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "base/json_document.h"
#include "base/json_pointer.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;

// Every level of nesting takes some stack.
constexpr JsonLimits kFileLimits{.deepest_nesting = 1024, .repairs = false};

bool is_mapped(const std::uint8_t* sixteen_bytes) {
    return std::memcmp(sixteen_bytes, kMappedPrefix.data(), kMappedPrefix.size()) == 0;
}

// Sets every bit behind the first `prefix` to `ones`.
void fill_host_bits(Address& address, std::size_t prefix, bool ones) {
    const std::size_t size = address.family == Address::Family::ipv4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) {
        const std::size_t kept = std::clamp<std::size_t>(prefix, i * 8, i * 8 + 8) - i * 8;
        const auto host_bits = static_cast<std::uint8_t>(0xff >> kept);
        if (ones) {
            address.bytes[i] |= host_bits;
        } else {
            address.bytes[i] &= static_cast<std::uint8_t>(~host_bits);
        }
    }
}

std::vector<AddressRange> sorted_and_merged(std::vector<AddressRange> ranges) {
    std::ranges::sort(ranges, {}, [](const AddressRange& range) { return range.first.bytes; });
    std::vector<AddressRange> merged;
    for (const AddressRange& range : ranges) {
        if (!merged.empty() && range.first.bytes <= merged.back().last.bytes) {
            merged.back().last.bytes = std::max(merged.back().last.bytes, range.last.bytes);
        } else {
            merged.push_back(range);
        }
    }
    return merged;
}

std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view kMark = "\xef\xbb\xbf";
    return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

// The wrong file may contain secrets, which must not get into the log.
bool looks_like_address(std::string_view text) {
    return text.find_first_of(".:") != std::string_view::npos &&
           text.find_first_not_of("0123456789abcdefABCDEF.:/") == std::string_view::npos;
}

AddressRange range_in_file(std::string_view text) {
    const auto range = parse_address_range(text);
    if (!range) {
        throw ConfigError("invalid address" +
                          (looks_like_address(text) ? " " + in_quotes(text) : "") +
                          ", allowed: an IPv4 or IPv6 address or CIDR");
    }
    if (range->host_bits) {
        throw ConfigError("the network " + in_quotes(text) + " has bits set behind its prefix");
    }
    return *range;
}

[[noreturn]] void fail_in_line(std::size_t number, const std::string& why) {
    throw ConfigError("line " + std::to_string(number) + ": " + why);
}

AddressSet checked(std::vector<AddressRange> ranges) {
    if (ranges.empty()) throw ConfigError("no address in it");
    return AddressSet(std::move(ranges));
}

// Walks the steps of a pointer and collects the addresses at its end.
class JsonAddresses {
  public:
    explicit JsonAddresses(bool has_pointer) : has_pointer_(has_pointer) {}

    void walk(const JsonValue& value, std::string_view pointer) {
        if (pointer.empty()) return gather(value);
        const std::string_view step = take_step(pointer);
        if (step == "*") return walk_each(value, pointer);
        const auto member = follow_step(value, step, JsonMatch::first).value;
        if (!member) {
            throw NothingThere("nothing at " + in_quotes("/" + std::string(step)) +
                               " of the JSON pointer");
        }
        walk(*member, pointer);
    }

    std::vector<AddressRange> take() { return std::move(ranges_); }

  private:
    // The pointer leads nowhere.
    class NothingThere : public ConfigError {
        using ConfigError::ConfigError;
    };

    // Members may differ: each of Google's has either `ipv4Prefix` or `ipv6Prefix`.
    void walk_each(const JsonValue& value, std::string_view rest) {
        std::optional<NothingThere> lacking;
        bool any = false;
        each_member(value, [&](const JsonValue& member) {
            try {
                walk(member, rest);
                any = true;
            } catch (const NothingThere& nothing) {
                lacking = nothing;
            }
        });
        if (lacking && !any) throw NothingThere(*lacking);
    }

    void gather(const JsonValue& value) {
        if (const auto text = value.string()) {
            ranges_.push_back(range_in_file(*text));
        } else {
            each_member(value, [this](const JsonValue& member) { gather(member); });
        }
    }

    template <typename Visit>
    void each_member(const JsonValue& value, Visit visit) const {
        if (value.kind() == JsonKind::array) {
            for (const JsonValue& element : value.elements()) visit(element);
        } else if (value.kind() == JsonKind::object) {
            for (const JsonMember& member : value.members()) visit(member.value);
        } else {
            throw ConfigError(has_pointer_
                                  ? "the JSON pointer leads to something that is no address"
                                  : "there is something that is no address, such as a number");
        }
    }

    bool has_pointer_;
    std::vector<AddressRange> ranges_;
};

}  // namespace

Address Address::ipv4(const void* four_bytes) {
    Address address;
    std::memcpy(address.bytes.data(), four_bytes, 4);
    return address;
}

Address Address::ipv6(const void* sixteen_bytes) {
    const auto* bytes = static_cast<const std::uint8_t*>(sixteen_bytes);
    if (is_mapped(bytes)) return ipv4(bytes + kMappedPrefix.size());
    Address address;
    address.family = Family::ipv6;
    std::memcpy(address.bytes.data(), bytes, 16);
    return address;
}

std::optional<AddressRange> parse_address_range(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string address_text(text.substr(0, slash));
    if (address_text.find('\0') != std::string::npos) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    Address address;
    std::int64_t prefix_offset = 0;
    if (inet_pton(AF_INET, address_text.c_str(), bytes.data()) == 1) {
        address = Address::ipv4(bytes.data());
    } else if (inet_pton(AF_INET6, address_text.c_str(), bytes.data()) == 1) {
        address = Address::ipv6(bytes.data());
        if (address.family == Address::Family::ipv4) prefix_offset = kMappedBits;
    } else {
        return std::nullopt;
    }
    const std::int64_t bits = address.family == Address::Family::ipv4 ? 32 : 128;
    std::int64_t prefix = bits;
    if (slash != std::string_view::npos) {
        const auto given = parse_digits(text.substr(slash + 1));
        if (!given || *given < prefix_offset || *given > bits + prefix_offset) return std::nullopt;
        prefix = *given - prefix_offset;
    }
    AddressRange range{address, address};
    fill_host_bits(range.first, static_cast<std::size_t>(prefix), false);
    fill_host_bits(range.last, static_cast<std::size_t>(prefix), true);
    range.host_bits = range.first.bytes != address.bytes;
    return range;
}

AddressSet::AddressSet(std::vector<AddressRange> ranges) {
    const auto middle = std::partition(ranges.begin(), ranges.end(), [](const AddressRange& range) {
        return range.first.family == Address::Family::ipv4;
    });
    ipv4_ = sorted_and_merged({ranges.begin(), middle});
    ipv6_ = sorted_and_merged({middle, ranges.end()});
}

bool AddressSet::contains(const Address& address) const {
    const auto& ranges = address.family == Address::Family::ipv4 ? ipv4_ : ipv6_;
    const auto after = std::ranges::upper_bound(
        ranges, address.bytes, {}, [](const AddressRange& range) { return range.first.bytes; });
    return after != ranges.begin() && address.bytes <= std::prev(after)->last.bytes;
}

bool looks_like_json(std::string_view text) {
    const std::size_t start = without_byte_order_mark(text).find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return false;
    const char first = without_byte_order_mark(text)[start];
    return first == '[' || first == '{';
}

AddressSet parse_address_list(std::string_view text) {
    text = without_byte_order_mark(text);
    std::vector<AddressRange> ranges;
    for (std::size_t line_number = 1; !text.empty(); ++line_number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            fail_in_line(line_number, "the last line has no end, is the file still being written?");
        }
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const std::string_view entry = without_padding(line.substr(0, line.find('#')), " \t\r");
        if (entry.empty()) continue;
        try {
            ranges.push_back(range_in_file(entry));
        } catch (const ConfigError& error) {
            fail_in_line(line_number, error.what());
        }
    }
    return checked(std::move(ranges));
}

AddressSet parse_address_json(std::string_view text, std::string_view pointer) {
    check_json_pointer(pointer);
    JsonDocument document(kFileLimits);
    if (!document.parse_copy(without_byte_order_mark(text))) throw ConfigError("not valid JSON");
    JsonAddresses addresses(!pointer.empty());
    addresses.walk(*document.root(), pointer);
    return checked(addresses.take());
}

}  // namespace webhook
