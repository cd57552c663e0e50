#include "scheme/scheme.h"

#include <algorithm>

#include "base/text.h"
#include "scheme/native.h"
#include "scheme/variable_traits.h"

namespace webhook {

bool Handshake::reads(ValueLocation::Kind kind) const {
    const auto is_of_kind = [kind](const TemplatePart& part) {
        if (part.source.kind == kind) return true;
        return part.kind == (kind == ValueLocation::Kind::json ? TemplatePart::Kind::json
                                                               : TemplatePart::Kind::field);
    };
    const auto tests_kind = [kind](const Condition& condition) {
        return condition.source.kind == kind;
    };
    return token.kind == kind || std::ranges::any_of(conditions, tests_kind) ||
           std::ranges::any_of(body, is_of_kind) || std::ranges::any_of(header_value, is_of_kind);
}

bool Handshake::proves_secret() const {
    const auto is_code = [](const TemplatePart& part) {
        return part.kind == TemplatePart::Kind::hmac_hex ||
               part.kind == TemplatePart::Kind::hmac_base64;
    };
    return std::ranges::any_of(body, is_code) || std::ranges::any_of(header_value, is_code);
}

bool Scheme::names_secret_id() const {
    return signs(TemplatePart::Kind::secret_id) || (native != nullptr && native->names_secret_id);
}

bool Scheme::presents_secret() const {
    return algorithm == Algorithm::token || algorithm == Algorithm::basic;
}

bool Scheme::has_public_key() const {
    switch (algorithm) {
        case Algorithm::ed25519:
        case Algorithm::ecdsa_p256:
        case Algorithm::rsa:
            return true;
        case Algorithm::jwt:
            return jwt_algorithms.front() >= JwtAlgorithm::es256;
        default:
            return false;
    }
}

// A text that ends with the secret cannot be extended by an attacker.
bool Scheme::can_be_extended() const {
    return algorithm == Algorithm::hash && signed_parts.back().kind != TemplatePart::Kind::secret;
}

bool Scheme::signs_form() const {
    return signs(TemplatePart::Kind::form) || signs(TemplatePart::Kind::field);
}

bool Scheme::signs_decoded_form() const {
    const bool signs_time_in_form = signs(TemplatePart::Kind::timestamp) &&
                                    timestamp->source.kind == ValueLocation::Kind::field;
    return (signs_form() || signs_time_in_form) && !covers_raw_body();
}

bool Scheme::verifies_form() const {
    return signs_form() || signatures.front().source.kind == ValueLocation::Kind::field ||
           (timestamp && timestamp->source.kind == ValueLocation::Kind::field);
}

// Senders that sign a token and the time add these and the signature to the fields that they send.
bool Scheme::takes_unsigned_fields() const {
    return signatures.front().source.kind == ValueLocation::Kind::field &&
           !signatures.front().alone && !signs(TemplatePart::Kind::form);
}

bool Scheme::has_secret_in_query() const {
    const SignatureSource& signature = signatures.front();
    const bool presents = presents_secret() || algorithm == Algorithm::jwt;
    if (presents && signature.numbered_headers.empty() && is_in_query(signature.source)) {
        return true;
    }
    return std::ranges::any_of(handshakes, [this](const Handshake& each) {
        return each.check == Handshake::Check::token && is_in_query(each.token);
    });
}

bool Scheme::is_in_query(const ValueLocation& source) const {
    if (source.kind == ValueLocation::Kind::query) return true;
    return source.kind == ValueLocation::Kind::header &&
           headers[source.header].starts_with(kParameterMark);
}

// A CRC-32 covers nothing: it is easy to make another body with the same one.
bool Scheme::covers_body() const {
    return signs(TemplatePart::Kind::body) || signs(TemplatePart::Kind::sha256_of_body) ||
           covers_form() || digest || native != nullptr;
}

bool Scheme::covers_form() const {
    return signs(TemplatePart::Kind::form) || (verifies_form() && !takes_unsigned_fields());
}

bool Scheme::covers_event_id() const {
    switch (event_id.kind) {
        case ValueLocation::Kind::json:
            return covers_json(event_id.text);
        case ValueLocation::Kind::field:
            // If names and values of a form are concatenated, bytes of one can become the other's.
            return covers_raw_body() || signs_field(event_id.text);
        case ValueLocation::Kind::claim:
            return true;
        case ValueLocation::Kind::header:
            return signs(TemplatePart::Kind::id) || covers_header(event_id.header);
        default:
            return false;
    }
}

bool Scheme::covers_method() const {
    return signs(TemplatePart::Kind::method) || (native != nullptr && native->signs_request());
}

bool Scheme::covers_json(std::string_view pointer) const {
    if (native != nullptr) return native->signs_request() || pointer == native->signed_event_id;
    return covers_body() || std::ranges::any_of(signed_parts, [pointer](const TemplatePart& part) {
               return part.kind == TemplatePart::Kind::json && part.text == pointer;
           });
}

bool Scheme::covers_raw_body() const {
    return signs(TemplatePart::Kind::body) || signs(TemplatePart::Kind::sha256_of_body) ||
           (digest && !signs_form());
}

bool Scheme::event_key_reads_body() const {
    return signs_form() || std::ranges::any_of(event_key, [](const TemplatePart& part) {
               return part.kind == TemplatePart::Kind::json;
           });
}

bool Scheme::covers_header(HeaderIndex header) const {
    const bool is_id = event_id.kind == ValueLocation::Kind::header && event_id.header == header;
    const bool is_time = timestamp && timestamp->source.kind == ValueLocation::Kind::header &&
                         timestamp->source.header == header;
    if ((is_id && signs(TemplatePart::Kind::id)) ||
        (is_time && signs(TemplatePart::Kind::timestamp))) {
        return true;
    }
    const std::string& name = headers[header];
    if (name.starts_with(kParameterMark)) return covers_parameter(name.substr(1));
    return std::ranges::any_of(signed_parts, [header](const TemplatePart& part) {
        return part.kind == TemplatePart::Kind::header && part.header == header;
    });
}

// It is also a part of the URL, unless it may stand beside the URL.
bool Scheme::covers_parameter(std::string_view name) const {
    const auto is_it = [this, name](const TemplatePart& part) {
        return parameter_of(part) == name;
    };
    if (!name.empty() && std::ranges::any_of(signed_parts, is_it)) return true;
    return reads_url() && !has_beside_url(name);
}

std::string Scheme::variable_of(HeaderIndex header) const {
    const std::string& name = headers[header];
    if (name.starts_with(kParameterMark)) return "arg_" + to_lower(name.substr(1));
    std::string variable = "http_" + name;
    std::ranges::replace(variable, '-', '_');
    return variable;
}

// A parameter of the query may count as a header.
bool Scheme::is_same_place(const ValueLocation& left, const ValueLocation& right) const {
    const auto is_parameter = [this](const ValueLocation& one, const ValueLocation& other) {
        return one.kind == ValueLocation::Kind::query &&
               other.kind == ValueLocation::Kind::header &&
               headers[other.header] == kParameterMark + one.text;
    };
    if (is_parameter(left, right) || is_parameter(right, left)) return true;
    return left.kind != ValueLocation::Kind::none && left.kind == right.kind &&
           left.header == right.header && left.text == right.text;
}

bool Scheme::is_of_many_events(const ValueLocation& source) const {
    // RFC 7519, section 4.1: the issuer, the audience, and times.
    constexpr std::string_view kClaims[] = {"iss", "aud", "exp", "nbf", "iat"};
    if (source.kind == ValueLocation::Kind::claim &&
        std::ranges::count(kClaims, source.text) != 0) {
        return true;
    }
    if (is_same_place(source, event_type)) return true;
    if (timestamp && is_same_place(source, timestamp->source)) return true;
    const bool is_signature = std::ranges::any_of(signatures, [&](const SignatureSource& each) {
        return each.numbered_headers.empty() && is_same_place(source, each.source);
    });
    if (is_signature) return presents_secret();
    if (source.kind != ValueLocation::Kind::header) return false;
    return std::ranges::count(required_headers, source.header, &RequiredHeader::header) != 0 ||
           has_trait(variable_of(source.header), Trait::of_many_events);
}

bool Scheme::has_signature_in_signed_url() const {
    return std::ranges::any_of(signed_parts, &TemplatePart::is_url) &&
           std::ranges::all_of(signatures, [this](const SignatureSource& each) {
               return each.source.kind == ValueLocation::Kind::header &&
                      each.numbered_headers.empty() &&
                      headers[each.source.header].starts_with(kParameterMark);
           });
}

bool Scheme::event_key_tells_events_apart() const {
    return std::ranges::any_of(event_key, [this](const TemplatePart& part) {
        const ValueLocation header{ValueLocation::Kind::header, part.header, {}};
        switch (part.kind) {
            case TemplatePart::Kind::header:
                // As "{timestamp}" does.
                if (timestamp && is_same_place(header, timestamp->source)) return true;
                return !is_of_many_events(header);
            case TemplatePart::Kind::literal:
            case TemplatePart::Kind::method:
            case TemplatePart::Kind::secret_id:
            case TemplatePart::Kind::event_type:
                return false;
            default:
                return !part.is_url();
        }
    });
}

Scheme::Replay Scheme::replay_by_event_key(bool has_methods) const {
    using Kind = TemplatePart::Kind;
    if (presents_secret()) return Replay::anything;
    Replay replay = Replay::nothing_helps;
    for (const TemplatePart& part : event_key) {
        Replay here = Replay::nothing_helps;
        switch (part.kind) {
            case Kind::header:
                if (!covers_header(part.header)) here = Replay::a_header;
                break;
            case Kind::event_type:
                if (event_type.kind == ValueLocation::Kind::header &&
                    !covers_header(event_type.header)) {
                    here = Replay::a_header;
                }
                break;
            case Kind::method:
                if (has_methods && !covers_method()) here = Replay::the_method;
                break;
            case Kind::timestamp:
                if (!covers_timestamp()) here = Replay::a_header;
                break;
            case Kind::body:
                if (native != nullptr ? !native->signs_request() : !covers_body()) {
                    here = Replay::anything;
                }
                break;
            case Kind::json:
                if (!covers_json(part.text)) here = Replay::anything;
                break;
            case Kind::url:
                if (!reads_url()) here = Replay::anything;
                break;
            case Kind::query:
                if (!covers_parameter(part.text)) here = Replay::anything;
                break;
            default:
                break;
        }
        replay = std::max(replay, here);
    }
    return replay;
}

Scheme::Replay Scheme::replay_by_default() const {
    if (presents_secret()) return Replay::anything;
    if (event_id.kind == ValueLocation::Kind::none || event_id.batch) return replay_by_event_key();
    if (covers_event_id()) return Replay::nothing_helps;
    return event_id.kind == ValueLocation::Kind::header ? Replay::a_header : Replay::anything;
}

bool Scheme::covers_timestamp() const {
    if (!timestamp || native != nullptr) return true;
    const ValueLocation& source = timestamp->source;
    if (source.kind == ValueLocation::Kind::claim || signs(TemplatePart::Kind::timestamp))
        return true;
    if (source.is_in_body()) return covers_body();
    return source.kind == ValueLocation::Kind::header && covers_header(source.header);
}

bool Scheme::signs_field(std::string_view name) const {
    return std::ranges::any_of(signed_parts, [this, name](const TemplatePart& part) {
        if (part.kind == TemplatePart::Kind::field) return part.text == name;
        return part.kind == TemplatePart::Kind::timestamp &&
               timestamp->source.kind == ValueLocation::Kind::field &&
               timestamp->source.text == name;
    });
}

bool Scheme::signs_for_anyone() const {
    return std::ranges::any_of(handshakes, [](const Handshake& handshake) {
        return handshake.proves_secret() && handshake.check != Handshake::Check::signature;
    });
}

// Base64 padding is only allowed at the end.
bool Scheme::may_sign_plain_token() const {
    return std::ranges::all_of(signed_parts, [](const TemplatePart& part) {
        if (part.kind != TemplatePart::Kind::literal) return true;
        const std::string_view text = part.text;
        const std::string_view padding = text.substr(std::min(text.find('='), text.size()));
        return consists_of(text, kPlainTokenSigns) &&
               padding.find_first_not_of('=') == std::string_view::npos;
    });
}

// A handshake's answer is an HMAC with SHA-256. A scheme that has such a handshake itself refuses
// tokens (HandshakeText), and the text of each native function has signs that no token contains.
Scheme::Forgery Scheme::forgery_by_handshake() const {
    if (algorithm == Algorithm::jwt) {
        const bool is_hs256 = std::ranges::count(jwt_algorithms, JwtAlgorithm::hs256) != 0;
        return is_hs256 ? Forgery::delivery : Forgery::none;
    }
    if (algorithm != Algorithm::hmac || hash != Hash::sha256 || native != nullptr) {
        return Forgery::none;
    }
    if (signs_for_anyone() || !may_sign_plain_token()) return Forgery::none;
    return signs(TemplatePart::Kind::body) ? Forgery::token_as_body : Forgery::delivery;
}

bool Scheme::continues_behind_url(std::string_view text) const {
    const auto url = std::ranges::find_if(signed_parts, &TemplatePart::is_url);
    if (text.empty() || url == signed_parts.end() || url + 1 == signed_parts.end()) return false;
    switch ((url + 1)->kind) {
        case TemplatePart::Kind::form:
            return is_letter(text.front());
        case TemplatePart::Kind::body:
            return !body_is_json;
        case TemplatePart::Kind::id:
        case TemplatePart::Kind::header:
        case TemplatePart::Kind::json:
        case TemplatePart::Kind::field:
        case TemplatePart::Kind::query:
            return true;
        default:
            return false;
    }
}

bool Scheme::reads_url() const {
    return (native != nullptr && native->signs_request()) ||
           std::ranges::any_of(signed_parts, &TemplatePart::is_url) ||
           std::ranges::any_of(claims, [](const RequiredClaim& claim) {
               return std::ranges::any_of(claim.value, &TemplatePart::is_url);
           });
}

std::string_view Scheme::parameter_of(const TemplatePart& part) const {
    if (part.kind == TemplatePart::Kind::query) return part.text;
    const bool is_id = part.kind == TemplatePart::Kind::id;
    if (!is_id && part.kind != TemplatePart::Kind::timestamp) return {};
    const ValueLocation& source = is_id ? event_id : timestamp->source;
    if (source.kind != ValueLocation::Kind::header) return {};
    const std::string_view name = headers[source.header];
    return name.starts_with(kParameterMark) ? name.substr(1) : std::string_view();
}

bool Scheme::signs_parameter() const {
    return std::ranges::any_of(
        signed_parts, [this](const TemplatePart& part) { return !parameter_of(part).empty(); });
}

bool Scheme::has_beside_url(std::string_view parameter) const {
    const auto is_it = [&](const ValueLocation& source) {
        if (source.kind != ValueLocation::Kind::header) return false;
        const std::string_view name = headers[source.header];
        return name.starts_with(kParameterMark) && name.substr(1) == parameter;
    };
    return is_it(event_type) || std::ranges::any_of(signatures, is_it, &SignatureSource::source) ||
           std::ranges::any_of(signed_parts, [this, parameter](const TemplatePart& part) {
               return !parameter.empty() && parameter_of(part) == parameter;
           });
}

}  // namespace webhook
