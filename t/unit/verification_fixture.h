// What the tests of the verification sign, and when.

#pragma once

#include <string>
#include <string_view>

#include "delivery.h"

namespace webhook::testing {

inline constexpr Milliseconds kNow{1'614'265'330'000};
inline const std::string kTime = "1614265330";
inline const Judgement kBad{Reason::bad_signature, ""};

inline std::string flipped(std::string text, std::size_t position) {
    text[position] = static_cast<char>(text[position] ^ 1);
    return text;
}

inline const std::string kSecret = "a secret of some length";

inline Scheme bare_scheme() {
    return parse_scheme("bare", "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign;");
}

inline Delivery bare(const std::string& body, const std::string& key = kSecret) {
    return {{{"X-Sign", hmac_hex(key, body)}}, body, "POST"};
}

}  // namespace webhook::testing
