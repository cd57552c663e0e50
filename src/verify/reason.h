// Why a delivery was answered as it was, and the answer each reason gets by default.
//
// The names are what users write in `webhook_response`, read in `$webhook_reason` and in the
// `Webhook-Reason` header; the order is the order in which the gate checks.

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
    invalid_payload,
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
    // The HTTP status; 0 where another party decides it: the upstream's for `accepted`, the first
    // delivery's for `duplicate`, the sender's custom for `handshake`.
    std::uint16_t status;
    // A sender that is told 503 is asked to come back.
    bool retry_after;
};

inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::accepted) + 1;

// Every reason, indexed by its value.
const std::array<ReasonInfo, kReasonCount>& all_reasons();

const ReasonInfo& info(Reason reason);

// The reason with exactly this name; nothing where there is none.
std::optional<Reason> find_reason(std::string_view name);

}  // namespace webhook
