// The scripts that change the memory of events in Redis: one atomic step each.
//
// They use EVAL and EVALSHA, and run on Redis 6.2 to 8 and on Valkey, in a cluster too: they touch
// only the keys that they are given. A key holds `C` and the token of a claim, or `D`, the status
// of the response and the token of the delivery. Times are lengths, so that the server's clock is
// the only one. All scripts may be sent again with the same token, as after a lost connection.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace webhook::redis {

enum class Script : std::uint8_t {
    // token, lease in ms -> {0}: all keys are the token's for that long;
    // {1, status, ms left, place}: that key is delivered; {2, ms left, token}: others hold some of
    // the keys,
    // this one for the longest time. Keys that the token held before stay so.
    claim,
    // token, status, ms -> the number of keys whose claim was not the token's any more. The event
    // was delivered all the same, so that it takes the place of any claim. A key that is delivered
    // already is left alone.
    commit,
    // token -> the number of keys that were the token's, and are free now.
    release,
    // token, lease in ms -> the number of keys that are still the token's, for that long from now.
    renew,
};

inline constexpr std::size_t kScriptCount = 4;

struct ScriptInfo {
    std::string_view name;
    std::string_view text;
    // Besides the keys.
    std::size_t arguments;
};

const ScriptInfo& info(Script script);

// The name of the script's text for EVALSHA: its SHA-1 in hex, computed once. Throws CryptoError if
// OpenSSL cannot do so; once it has returned, it does not throw.
const std::string& sha1_of(Script script);

}  // namespace webhook::redis
