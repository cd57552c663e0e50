#include "verify/cause.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "scheme/scheme.h"

namespace webhook {
namespace {

using Kind = Cause::Kind;

// `{}` stands for the subject, `{n}` for the amount, `{m}` for the allowed amount.
struct Phrase {
    Kind kind;
    std::string_view text;
};

constexpr Phrase kPhrases[] = {
    {Kind::method, "the method is {}"},
    {Kind::handshake_off, "the method is {} as of a handshake, and \"webhook_handshake\" is off"},
    {Kind::perhaps_handshake, "it may be a handshake, and \"webhook_handshake\" is off"},
    {Kind::header_missing, "the header \"{}\" is missing"},
    {Kind::header_empty, "the header \"{}\" is empty"},
    {Kind::header_repeated, "the header \"{}\" is repeated"},
    {Kind::header_not_single, "the header \"{}\" is missing or repeated"},
    {Kind::header_unfit, "the value of \"{}\" holds a character that is not allowed there"},
    {Kind::header_unexpected, "the header \"{}\" is missing or has another value than required"},
    {Kind::signature_unfit, "the header \"{}\" holds no signature as the scheme writes it"},
    {Kind::signed_headers,
     "\"{}\" lacks a name, or a header that it names is missing, repeated or not allowed as it is"},
    {Kind::signature_encoding, "the signature at \"{}\" is not written as in the scheme"},
    {Kind::header_not_a_time, "the value of \"{}\" is not a time as the scheme writes it"},
    {Kind::item_missing, "there is no item \"{}\""},
    {Kind::item_repeated, "the item \"{}\" is repeated"},
    {Kind::query_unfit, "the parameter \"{}\" is missing, repeated or not allowed as it is"},
    {Kind::too_old, "{n}s old, {m}s allowed"},
    {Kind::too_early, "{n}s ahead of this clock, {m}s allowed"},
    {Kind::time_in_milliseconds, "the time looks like milliseconds, the scheme has \"unit=s\""},
    {Kind::time_in_seconds, "the time looks like seconds, the scheme has \"unit=ms\""},
    {Kind::expired, "the token expired {n}s ago"},
    {Kind::claim, "the claim \"{}\" is missing or has another value than required"},
    {Kind::claim_missing, "the claim \"{}\" is missing"},
    {Kind::claim_in_milliseconds, "the claim \"{}\" looks like milliseconds, tokens have seconds"},
    {Kind::token_unfit, "the token is not a JSON Web Token of an algorithm that is allowed"},
    {Kind::json_missing, "the payload has no single value at \"{}\""},
    {Kind::not_json, "the body is not JSON"},
    {Kind::not_utf8, "the body is not valid UTF-8"},
    {Kind::other_charset,
     "the Content-Type names the charset \"{}\", which reads the body otherwise than UTF-8"},
    {Kind::name_repeated, "an object holds a name twice, and readers differ about its value"},
    {Kind::field_not_json, "the field \"{}\" of the form is not JSON"},
    {Kind::json_as_form, "the body begins as JSON, and its Content-Type is that of a form"},
    {Kind::type_missing, "the delivery has no event type"},
    {Kind::fallback_filters,
     "the upstream of the location before did not accept it, and \"webhook_events\" of this one "
     "does not let it through"},
    {Kind::redis_away,
     "the Redis of the zone does not answer, and \"on_error=reject\" waits for it"},
    {Kind::schema, "payload and schema differ at \"{}\""},
    {Kind::schema_bound, "more work than one validation may take, at \"{}\""},
    {Kind::not_form, "the body is not a form of the type application/x-www-form-urlencoded"},
    {Kind::form_semicolon, "the form holds a \";\", which other readers take for a \"&\""},
    {Kind::field_unfit, "the form has no single field \"{}\""},
    {Kind::field_unsigned, "the form has fields that are not signed"},
    {Kind::digest, "the digest of the body is missing or another one"},
    {Kind::body_too_large, "the body has {n} bytes, \"webhook_payload_max\" is {m}"},
    {Kind::body_encoded, "the body has the Content-Encoding \"{}\""},
    {Kind::body_undecodable,
     "the body is not as its Content-Encoding says, or longer than \"webhook_payload_max\""},
    {Kind::handshake_token, "the token of the handshake is missing or wrong"},
    {Kind::handshake_answer, "the handshake lacks a usable value for its answer"},
    {Kind::no_secret_given, "the variables of \"webhook_secret\" give none that is usable"},
    {Kind::secrets_expired, "the \"not_after\" of each secret has passed"},
    {Kind::secret_expired, "the \"not_after\" of the secret that signed it has passed"},
    {Kind::no_match, "secrets tried: {n}"},
    {Kind::no_match_of_body, "secrets tried: {n}, length of the body: {m}"},
    {Kind::no_key_of_set, "no key of the set is named \"{}\""},
    {Kind::no_match_beside_expired, "secrets tried: {n}, of others the \"not_after\" has passed"},
    {Kind::no_match_of_body_beside_expired,
     "secrets tried: {n}, of others the \"not_after\" has passed, length of the body: {m}"},
    {Kind::extended, "the signed text holds the end of a shorter one, which was extended"},
    {Kind::url_unfit, "the host or the URL of the request can be read in more than one way"},
    {Kind::body_beside_value,
     "nothing separates the body from a signed value: it has to be empty or a JSON object or "
     "array"},
    {Kind::body_by_method, "the method is {}, and there is a body"},
    {Kind::text_for_anyone, "what is signed could be a handshake's, which is answered to anyone"},
    {Kind::hashed_url, "the hashed URL is \"{}\""},
    {Kind::other_host, "the request line and the \"Host\" header name different hosts"},
    {Kind::query_beside_url, "the query of the request is not that of the hashed URL"},
    {Kind::form_beside_url, "the form begins or ends as the URL before it could go on"},
    {Kind::query_beside_form, "the query has a parameter of the name of a field that is signed"},
    {Kind::key_empty, "the value of \"key={}\" is empty"},
};

// The kinds with numbers that are times.
constexpr Kind kTimes[] = {Kind::too_old, Kind::too_early, Kind::expired};

// Rounded up, so that a value over a limit never looks equal to it.
std::string seconds(std::int64_t milliseconds) {
    return std::to_string(milliseconds / 1000 + (milliseconds % 1000 > 0 ? 1 : 0));
}

std::string number(Kind kind, std::int64_t amount) {
    return std::ranges::find(kTimes, kind) == std::end(kTimes) ? std::to_string(amount)
                                                               : seconds(amount);
}

std::string value_for(const Cause& cause, std::string_view placeholder) {
    if (placeholder == "n") return number(cause.kind, cause.amount);
    if (placeholder == "m") return number(cause.kind, cause.allowed);
    return escaped_for_log(cause.subject);
}

std::string text_of_parameter(Cause cause) {
    constexpr std::string_view kHeader = "the header ";
    cause.subject.remove_prefix(1);
    std::string text = text_of(cause);
    if (!text.starts_with(kHeader)) return text;
    return "the parameter " + text.substr(kHeader.size());
}

}  // namespace

std::string text_of(const Cause& cause) {
    // A parameter of the query that counts as a header.
    if (cause.subject.starts_with(kParameterMark)) return text_of_parameter(cause);
    const auto* phrase = std::ranges::find(kPhrases, cause.kind, &Phrase::kind);
    if (phrase == std::end(kPhrases)) return {};
    std::string text;
    std::string_view rest = phrase->text;
    for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
        const std::size_t close = rest.find('}', open);
        text += rest.substr(0, open);
        text += value_for(cause, rest.substr(open + 1, close - open - 1));
        rest.remove_prefix(close + 1);
    }
    return text.append(rest);
}

}  // namespace webhook
