#include "verify/reason.h"

namespace webhook {
namespace {

constexpr std::array<ReasonInfo, kReasonCount> kReasons{{
    {Reason::method, "method", 405, false},
    {Reason::insecure, "insecure", 403, false},
    {Reason::ip_denied, "ip_denied", 403, false},
    {Reason::no_endpoint, "no_endpoint", 401, false},
    {Reason::missing_signature, "missing_signature", 401, false},
    {Reason::malformed_signature, "malformed_signature", 401, false},
    {Reason::missing_timestamp, "missing_timestamp", 401, false},
    {Reason::malformed_timestamp, "malformed_timestamp", 401, false},
    {Reason::missing_header, "missing_header", 401, false},
    {Reason::malformed_header, "malformed_header", 401, false},
    {Reason::stale_timestamp, "stale_timestamp", 401, false},
    {Reason::future_timestamp, "future_timestamp", 401, false},
    {Reason::no_secret, "no_secret", 401, false},
    {Reason::incomplete_body, "incomplete_body", 400, false},
    {Reason::bad_signature, "bad_signature", 401, false},
    {Reason::handshake, "handshake", 0, false},
    {Reason::filtered, "filtered", 200, false},
    {Reason::invalid_payload, "invalid_payload", 400, false},
    {Reason::schema_violation, "schema_violation", 422, false},
    {Reason::missing_event_id, "missing_event_id", 400, false},
    {Reason::duplicate, "duplicate", 0, false},
    {Reason::in_flight, "in_flight", 503, true},
    {Reason::unavailable, "unavailable", 503, true},
    {Reason::cached, "cached", 503, true},
    {Reason::bad_answer, "bad_answer", 502, false},
    {Reason::internal, "internal", 500, false},
    {Reason::accepted, "accepted", 0, false},
}};

constexpr bool rows_are_in_order() {
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
        if (kReasons[i].reason != static_cast<Reason>(i)) return false;
    }
    return true;
}
static_assert(rows_are_in_order(), "info() indexes the table by the reason's value");

}  // namespace

const std::array<ReasonInfo, kReasonCount>& all_reasons() {
    return kReasons;
}

const ReasonInfo& info(Reason reason) {
    return kReasons[static_cast<std::size_t>(reason)];
}

std::optional<Reason> find_reason(std::string_view name) {
    for (const ReasonInfo& row : kReasons) {
        if (row.name == name) return row.reason;
    }
    return std::nullopt;
}

}  // namespace webhook
