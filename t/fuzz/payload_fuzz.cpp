// The input is a JSON pointer on the first line and a payload. What is read of it must be harmless,
// and must not depend on what the reader read before. What is mended once needs no more mending.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_document.h"
#include "base/json_repair.h"
#include "base/text.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const auto [pointer, payload] = first_line(as_text(data, size));
    std::vector<char> padded(payload.size() + webhook::json_padding(), '}');
    std::ranges::copy(payload, padded.begin());
    const std::string_view text(padded.data(), payload.size());

    static webhook::JsonDocument used;
    webhook::JsonDocument fresh;
    const bool valid = fresh.parse(text);
    require(used.parse(text) == valid, "a used reader judges as a new one");
    std::string mended(payload);
    webhook::repair_json(mended);
    std::string mended_twice = mended;
    webhook::repair_json(mended_twice);
    require(mended == mended_twice, "what is mended is not mended again");
    for (std::string_view one : {pointer, std::string_view(), std::string_view("/id")}) {
        const auto signed_value = fresh.value_at(one);
        require(used.value_at(one) == signed_value, "a used reader reads as a new one");
        require(!signed_value || (fresh.has(one) && !fresh.lacks(one)), "a signed value is there");
        require(!fresh.array_size_at(one) || fresh.has(one), "an array is there");
        const auto value = fresh.first_value_at(one);
        require(!value || !signed_value || value == signed_value, "a signed value is that value");
        require(used.first_value_at(one) == value, "a used reader reads as a new one");
        if (!value) continue;
        require(valid, "an invalid payload has no values");
        require(value->size() <= webhook::kLongestPayloadValue, "a value is not too long");
        require(!webhook::has_control_character(*value), "a value has no control character");
    }
    return 0;
}
