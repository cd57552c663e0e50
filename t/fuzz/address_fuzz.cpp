// The input is a JSON pointer on the first line and a file of addresses, read as a list and as
// JSON.

#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/errors.h"
#include "fuzz.h"
#include "scheme/scheme.h"

namespace webhook::fuzz {
namespace {

void check_range(std::string_view text) {
    const auto range = parse_address_range(text);
    if (!range) return;
    require(range->first.family == range->last.family, "a block is of one family");
    require(range->first.bytes <= range->last.bytes, "a block has its ends in order");
    const AddressSet set({*range});
    require(set.contains(range->first) && set.contains(range->last), "a block holds its ends");
}

std::string_view entry_of(std::string_view line) {
    line = line.substr(0, line.find('#'));
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t start = line.find_first_not_of(kSpace);
    if (start == std::string_view::npos) return {};
    return line.substr(start, line.find_last_not_of(kSpace) - start + 1);
}

void check_list(std::string_view text) {
    AddressSet set;
    try {
        set = parse_address_list(text);
    } catch (const ConfigError&) {
        return;
    }
    require(!set.empty(), "a list holds an address");
    for (std::string_view rest = text; !rest.empty();) {
        const auto [line, behind] = first_line(rest);
        rest = behind;
        const std::string_view entry = entry_of(line);
        if (entry.empty()) continue;
        const auto range = parse_address_range(entry);
        require(range.has_value(), "every entry of a list is a block");
        require(set.contains(range->first) && set.contains(range->last),
                "a list holds every entry");
    }
}

void check_json(std::string_view text, std::string_view pointer) {
    try {
        require(!parse_address_json(text, pointer).empty(), "a file holds an address");
    } catch (const ConfigError&) {
    }
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const std::string_view text = as_text(data, size);
    const auto [pointer, rest] = first_line(text);
    check_range(pointer);
    check_list(text);
    check_list(rest);
    check_json(rest, pointer);
    return 0;
}
