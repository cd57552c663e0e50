// The cause of a refusal: the detail that the log line gives besides the reason.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "verify/reason.h"

namespace webhook {

struct Cause {
    enum class Kind : std::uint8_t {
        none,
        method,
        handshake_off,
        perhaps_handshake,
        header_missing,
        header_empty,
        header_repeated,
        header_not_single,
        header_unfit,
        header_unexpected,
        signature_unfit,
        signed_headers,
        signature_encoding,
        header_not_a_time,
        item_missing,
        item_repeated,
        query_unfit,
        too_old,
        too_early,
        time_in_milliseconds,
        time_in_seconds,
        expired,
        claim,
        claim_missing,
        claim_in_milliseconds,
        token_unfit,
        json_missing,
        not_json,
        not_utf8,
        other_charset,
        name_repeated,
        field_not_json,
        json_as_form,
        type_missing,
        fallback_filters,
        redis_away,
        schema,
        schema_bound,
        not_form,
        form_semicolon,
        field_unfit,
        field_unsigned,
        digest,
        body_too_large,
        body_encoded,
        body_undecodable,
        handshake_token,
        handshake_answer,
        no_secret_given,
        secrets_expired,
        secret_expired,
        no_match,
        no_match_of_body,
        no_key_of_set,
        no_match_beside_expired,
        no_match_of_body_beside_expired,
        extended,
        url_unfit,
        body_beside_value,
        body_by_method,
        text_for_anyone,
        hashed_url,
        other_host,
        query_beside_url,
        form_beside_url,
        query_beside_form,
        key_empty,
    };

    Kind kind = Kind::none;
    // Its subject: a name from the scheme, or a part of the request line, or the key named by its
    // token, or JSON pointers. A view that outlives the delivery. Never a secret, a signature or a
    // value of the payload.
    std::string_view subject = {};
    // Milliseconds or bytes, and how many are allowed; secrets, and the length of the body.
    std::int64_t amount = 0;
    std::int64_t allowed = 0;
};

// Returns a phrase for a log line, of at most a few hundred bytes, without control characters.
// Empty if the reason is sufficient.
std::string text_of(const Cause& cause);

// A reason, and its cause if there is more to say.
struct Refusal {
    // Implicit: most reasons need no cause.
    Refusal(Reason reason, Cause cause = {}) : reason(reason), cause(cause) {}
    Refusal(Reason reason, Cause::Kind kind, std::string_view subject = {})
        : reason(reason), cause{kind, subject} {}
    operator Reason() const { return reason; }

    Reason reason;
    Cause cause;
};

using Objection = std::optional<Refusal>;

}  // namespace webhook
