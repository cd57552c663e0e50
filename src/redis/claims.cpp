#include "redis/claims.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "base/encoding.h"

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

constexpr std::int64_t kLongestMilliseconds = 10'000'000'000'000;
// An upstream accepts an event with these only.
constexpr std::uint16_t kLowestStatus = 200;
constexpr std::uint16_t kHighestStatus = 299;

// What the first element of a claim's reply says.
constexpr std::int64_t kGranted = 0;
constexpr std::int64_t kDuplicate = 1;
constexpr std::int64_t kInFlight = 2;

// What PTTL says of a key that does not expire.
constexpr std::int64_t kForEver = -1;

template <typename Number>
void append_hex(std::string& text, Number number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t shift = sizeof number * 8; shift > 0; shift -= 4) {
        text += kDigits[(number >> (shift - 4)) & 0xf];
    }
}

// Takes a number from a text that has it in full, in lower case.
template <typename Number>
bool take_hex(std::string_view& text, Number& number) {
    const std::string_view digits = text.substr(0, sizeof number * 2);
    if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
    text.remove_prefix(digits.size());
    return std::from_chars(digits.data(), digits.data() + digits.size(), number, 16).ec ==
           std::errc{};
}

std::string milliseconds(Milliseconds time) {
    return std::to_string(std::clamp<std::int64_t>(time.count(), 1, kLongestMilliseconds));
}

Call call_of(Script script, const ZoneKeys& keys, std::vector<std::string> arguments) {
    Call call{script, {}, std::move(arguments)};
    call.keys.reserve(keys.keys.size());
    for (const EventKey& key : keys.keys) call.keys.push_back(key_name(keys.zone, key));
    return call;
}

void append_call(std::string& out, std::string_view command, std::string_view script,
                 const Call& call) {
    const std::string key_count = std::to_string(call.keys.size());
    std::vector<std::string_view> words = {command, script, key_count};
    words.insert(words.end(), call.keys.begin(), call.keys.end());
    words.insert(words.end(), call.arguments.begin(), call.arguments.end());
    append_command(out, words);
}

bool is_integer(const Reply& reply, std::int64_t least, std::int64_t most) {
    return reply.kind == Kind::integer && reply.integer >= least && reply.integer <= most;
}

bool is_time_left(const Reply& reply) {
    return is_integer(reply, kForEver, kLongestMilliseconds);
}

std::optional<Milliseconds> time_left(const Reply& reply) {
    if (reply.integer == kForEver) return std::nullopt;
    return Milliseconds(reply.integer);
}

// The elements after the first one.
std::optional<ClaimAnswer> parse_duplicate(std::span<const Reply> elements, std::size_t keys) {
    const bool is_one =
        elements.size() == 3 && is_integer(elements[0], kLowestStatus, kHighestStatus) &&
        is_time_left(elements[1]) && is_integer(elements[2], 1, static_cast<std::int64_t>(keys));
    if (!is_one) return std::nullopt;
    return ClaimAnswer{ClaimOutcome::duplicate,
                       static_cast<std::uint16_t>(elements[0].integer),
                       time_left(elements[1]),
                       {},
                       static_cast<std::size_t>(elements[2].integer - 1)};
}

std::optional<ClaimAnswer> parse_in_flight(std::span<const Reply> elements) {
    const bool is_one = elements.size() == 2 && is_time_left(elements[0]) &&
                        elements[1].kind == Kind::bulk && elements[1].text.size() <= kTokenTextSize;
    if (!is_one) return std::nullopt;
    return ClaimAnswer{ClaimOutcome::in_flight, 0, time_left(elements[0]), elements[1].text};
}

}  // namespace

std::string token_text(NodeId node, const ClaimToken& token) {
    std::string text;
    text.reserve(kTokenTextSize);
    append_hex(text, node);
    append_hex(text, token.owner.process);
    append_hex(text, token.owner.generation);
    append_hex(text, token.sequence);
    return text;
}

std::optional<ClaimToken> own_token(NodeId node, std::string_view text) {
    if (text.size() != kTokenTextSize) return std::nullopt;
    NodeId its_node = 0;
    ClaimToken token{};
    const bool is_token = take_hex(text, its_node) && take_hex(text, token.owner.process) &&
                          take_hex(text, token.owner.generation) && take_hex(text, token.sequence);
    if (!is_token || its_node != node) return std::nullopt;
    return token;
}

std::string key_name(std::string_view zone, const EventKey& key) {
    const std::string hex = to_hex(key.bytes);
    constexpr std::size_t kShared = 2 * EventKey::kEndpointSize;
    std::string name = "wh:";
    name.append(zone).append(":{").append(hex, 0, kShared).append("}:").append(hex, kShared);
    return name;
}

Call claim_call(const ZoneKeys& keys, std::string_view token_text, Milliseconds lease) {
    return call_of(Script::claim, keys, {std::string(token_text), milliseconds(lease)});
}

Call commit_call(const ZoneKeys& keys, std::string_view token_text, std::uint16_t status,
                 Milliseconds remembered_for) {
    const std::string three_digits =
        std::to_string(std::clamp(status, kLowestStatus, kHighestStatus));
    return call_of(Script::commit, keys,
                   {std::string(token_text), three_digits, milliseconds(remembered_for)});
}

Call release_call(const ZoneKeys& keys, std::string_view token_text) {
    return call_of(Script::release, keys, {std::string(token_text)});
}

Call renew_call(const ZoneKeys& keys, std::string_view token_text, Milliseconds lease) {
    return call_of(Script::renew, keys, {std::string(token_text), milliseconds(lease)});
}

void append_evalsha(std::string& out, const Call& call) {
    append_call(out, "EVALSHA", sha1_of(call.script), call);
}

void append_eval(std::string& out, const Call& call) {
    append_call(out, "EVAL", info(call.script).text, call);
}

std::optional<ClaimAnswer> parse_claim(const Reply& reply, std::size_t keys) {
    if (reply.elements.empty()) return std::nullopt;
    const Reply& kind = reply.elements.front();
    const auto rest = std::span(reply.elements).subspan(1);
    if (!is_integer(kind, kGranted, kInFlight)) return std::nullopt;
    if (kind.integer == kDuplicate) return parse_duplicate(rest, keys);
    if (kind.integer == kInFlight) return parse_in_flight(rest);
    return rest.empty() ? std::optional<ClaimAnswer>(std::in_place) : std::nullopt;
}

std::optional<std::size_t> parse_count(const Reply& reply, std::size_t keys) {
    if (!is_integer(reply, 0, static_cast<std::int64_t>(keys))) return std::nullopt;
    return static_cast<std::size_t>(reply.integer);
}

}  // namespace webhook::redis
