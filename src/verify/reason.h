// The reasons for the answers to deliveries, and the default answer of each.
//
// Users write the names in `webhook_response`, and read them in `$webhook_reason` and in the
// `Webhook-Reason` header. Their order is the order of the gate's checks.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace webhook {

enum class Reason : std::uint8_t {
    method,
    insecure,
    ip_denied,
    no_endpoint,
    missing_signature,
    malformed_signature,
    missing_timestamp,
    malformed_timestamp,
    missing_header,
    malformed_header,
    stale_timestamp,
    future_timestamp,
    no_secret,
    incomplete_body,
    bad_signature,
    handshake,
    filtered,
    invalid_payload,
    schema_violation,
    missing_event_id,
    duplicate,
    in_flight,
    unavailable,
    cached,
    bad_answer,
    internal,
    accepted,
};

struct ReasonInfo {
    Reason reason;
    std::string_view name;
    // The HTTP status; 0 if another party decides it: the upstream's for `accepted`, the first
    // delivery's for `duplicate`, the sender's custom for `handshake`.
    std::uint16_t status;
    // A response with 503 asks the sender to retry.
    bool retry_after;
};

inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::accepted) + 1;

// Every reason, indexed by its value.
const std::array<ReasonInfo, kReasonCount>& all_reasons();

const ReasonInfo& info(Reason reason);

// Returns the reason with exactly this name, or nullopt if there is none.
std::optional<Reason> find_reason(std::string_view name);

}  // namespace webhook
