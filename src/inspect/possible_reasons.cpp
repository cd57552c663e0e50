#include "inspect/possible_reasons.h"

#include <algorithm>

namespace webhook {
namespace {

bool reads_payload(const Policy& policy) {
    const Scheme& scheme = *policy.scheme;
    return scheme.has_event_in_body() || scheme.has_timestamp_in_body() || scheme.signs_form() ||
           scheme.wants_whole_body || scheme.event_key_reads_body() || !policy.events.empty() ||
           !policy.schemas.empty();
}

}  // namespace

std::bitset<kReasonCount> possible_reasons(const Policy& policy, const GateTraits& traits) {
    const Scheme& scheme = *policy.scheme;
    const bool has_time = scheme.timestamp || scheme.algorithm == Algorithm::jwt;
    const bool remembers = !policy.keys.empty();
    const bool has_headers = !scheme.required_headers.empty() || !scheme.headers.empty();
    const std::pair<Reason, bool> rows[] = {
        {Reason::method, true},
        {Reason::insecure, policy.require_tls},
        {Reason::ip_denied, traits.limits_sources},
        {Reason::no_endpoint, traits.has_variable_name},
        {Reason::missing_signature, true},
        {Reason::malformed_signature, true},
        {Reason::missing_timestamp, has_time},
        {Reason::malformed_timestamp, has_time},
        {Reason::missing_header, has_headers},
        {Reason::malformed_header, has_headers},
        {Reason::stale_timestamp, has_time},
        {Reason::future_timestamp, has_time},
        {Reason::no_secret, traits.may_lack_secrets},
        {Reason::incomplete_body, true},
        {Reason::bad_signature, true},
        {Reason::handshake, policy.handshake.on},
        {Reason::filtered, !policy.events.empty()},
        {Reason::invalid_payload, reads_payload(policy)},
        {Reason::schema_violation, !policy.schemas.empty()},
        {Reason::missing_event_id, policy.remembers(KeyRule::Kind::event_id)},
        {Reason::duplicate, remembers},
        {Reason::in_flight, remembers},
        {Reason::unavailable, remembers},
        {Reason::bad_answer, true},
        {Reason::internal, true},
        {Reason::accepted, true},
    };
    std::bitset<kReasonCount> possible;
    for (const auto& [reason, is_possible] : rows) {
        possible[static_cast<std::size_t>(reason)] = is_possible;
    }
    return possible;
}

}  // namespace webhook
