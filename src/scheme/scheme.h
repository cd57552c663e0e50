// How a sender signs its deliveries: a scheme, as data.
//
// A scheme is written in the statements of the scheme language, the same in a preset's row and in a
// user's `webhook_scheme` block:
//
//     algorithm   hmac-sha256;
//     key         whsec;
//     signed      "{id}.{timestamp}.{body}";
//     signature   header=Webhook-Signature split=" " prefix="v1," encoding=base64;
//     timestamp   header=Webhook-Timestamp unit=s tolerance=5m;
//     event_id    header=Webhook-Id;
//     event_type  json=/type;
//
// An unknown, repeated, missing or contradictory statement throws ConfigError, with the offending
// token and the allowed ones in its message.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/time.h"
#include "scheme/algorithm.h"

namespace webhook {

struct Native;

// An index of Scheme::headers.
using HeaderIndex = std::uint8_t;

inline constexpr std::size_t kMostHeaders = 12;
// A character that no header name contains.
inline constexpr char kParameterMark = '?';

// The place of a value in the delivery.
struct ValueLocation {
    enum class Kind : std::uint8_t { none, header, item, json, query, claim, field };
    Kind kind = Kind::none;
    // The header, or the parameter of the query that is read as one.
    HeaderIndex header = 0;
    // The item's prefix, the JSON pointer (RFC 6901), or the name of the parameter, claim or field.
    std::string text;

    bool is_in_body() const { return kind == Kind::json || kind == Kind::field; }
};

// A part of a text with placeholders.
struct TemplatePart {
    enum class Kind : std::uint8_t {
        literal,
        body,
        timestamp,
        id,
        method,
        url,
        url_hubspot,
        // With and without the default port: one of the two must match.
        url_ports,
        url_qsh,
        secret,
        secret_id,
        form,
        header,
        json,
        field,
        query,
        crc32_of_body,
        sha256_of_body,
        // HMACs of another value with the signing secret, for the answer to a handshake.
        hmac_hex,
        hmac_base64,
        // For keys of events: the type, and the values that a token signs.
        event_type,
        token,
    };
    Kind kind;
    HeaderIndex header = 0;
    // The literal itself, the JSON pointer, or the name of the field or parameter.
    std::string text;
    // The value that hmac_hex and hmac_base64 authenticate.
    ValueLocation source;

    bool is_url() const { return kind >= Kind::url && kind <= Kind::url_qsh; }
};

using Template = std::vector<TemplatePart>;

// Two values of the signed text that could trade bytes, and the guard against it (boundaries.h).
struct Join {
    enum class Guard : std::uint8_t {
        none,
        literal_of_left,
        literal_of_right,
        time_of_left,
        time_of_right,
        framed_body
    };

    // The two values, as indices of Scheme::signed_parts.
    std::size_t left;
    std::size_t right;
    Guard guard;
};

struct SignatureSource {
    // A header, a JSON pointer or a field; none if a native function finds it.
    ValueLocation source;
    // For a field: all other fields of the form must be signed.
    bool alone = false;
    // If not empty, the signature is in any header named, in lower case, this and a number.
    std::string numbered_headers;
    // Characters that separate the items of the header. Empty: the header is one item.
    std::string separators;
    // Only items with this prefix count.
    std::string prefix;
    TextEncoding encoding = TextEncoding::hex;
    // The index of the only secret that this can be a signature with, from 0. No value: any.
    std::optional<std::size_t> key_index;
};

struct TimestampSource {
    ValueLocation source;
    TimestampUnit unit = TimestampUnit::seconds;
    Tolerance tolerance{};
    // An item may be repeated with the same value.
    bool may_repeat = false;
};

struct EventId : ValueLocation {
    // This is the id of only the first of several events in one delivery.
    bool batch = false;
    // Not every delivery has one. A delivery without one is identified by its body.
    bool optional = false;
    // There is no event id, and different events may have the same body.
    bool bodies_repeat = false;
};

struct RequiredHeader {
    HeaderIndex header;
    std::string value;
};

// How a header holds a digest: alone, or in a list of digests by several algorithms.
enum class DigestSyntax : std::uint8_t { plain, rfc3230, rfc9530 };

// A digest of the body that the sender gives and signs outside the body.
struct DigestSource {
    ValueLocation source;
    DigestSyntax syntax = DigestSyntax::plain;
    Hash hash = Hash::sha256;
    TextEncoding encoding = TextEncoding::hex;
    // It may be missing if there is no body, or if the signature covers the body's fields.
    bool optional = false;
};

struct RequiredClaim {
    std::string name;
    Template value;
};

enum class JwtAlgorithm : std::uint8_t { hs256, hs384, hs512, es256, rs256, eddsa };

// A request by which a sender verifies an endpoint, and the answer that it expects.
struct Handshake {
    enum class Check : std::uint8_t { signature, token, none };
    struct Condition {
        enum class Test : std::uint8_t { present, absent, equals };
        ValueLocation source;
        Test test;
        std::string value;
    };

    std::string method = "POST";
    std::vector<Condition> conditions;
    Check check = Check::signature;
    // The place in which the sender presents the token.
    ValueLocation token;
    std::uint16_t status = 200;
    std::string content_type = "text/plain";
    Template body;
    // Empty: none.
    std::string header_name;
    Template header_value;

    // Whether the handshake is recognised by values of this kind, or its answer uses them.
    bool reads(ValueLocation::Kind kind) const;
    // Whether it needs the body.
    bool reads_body() const {
        return reads(ValueLocation::Kind::json) || reads(ValueLocation::Kind::field);
    }
    // Whether its answer proves that the secret is known.
    bool proves_secret() const;
};

struct Scheme {
    std::string name;
    Algorithm algorithm = Algorithm::hmac;
    Hash hash = Hash::sha256;
    // For `jwt`: the pinned ones.
    std::vector<JwtAlgorithm> jwt_algorithms;
    KeyEncoding key = KeyEncoding::utf8;
    // Builds the signed text instead of `signed_parts`. Null: none.
    const Native* native = nullptr;
    Template signed_parts;
    std::vector<SignatureSource> signatures;
    std::optional<TimestampSource> timestamp;
    EventId event_id;
    ValueLocation event_type;
    // The body distinguishes types, too.
    bool type_in_body = false;
    // The field of a form that holds the payload as JSON. The event's id and type are then read
    // there, if the delivery is a form. Empty: none.
    std::string payload_field;
    // Identifies events without an event id, by `{body}`, `{type}` and others.
    Template event_key;
    // No statement says how to identify events.
    bool assumes_event_key = false;
    std::vector<RequiredHeader> required_headers;
    std::optional<DigestSource> digest;
    std::vector<RequiredClaim> claims;
    std::vector<Handshake> handshakes;
    // The names, in lower case, of all headers that the scheme reads. A parameter of the query that
    // is read before the body counts as one; its name begins with kParameterMark.
    std::vector<std::string> headers;
    // The index of `Content-Type`, if fields of a form are read.
    std::optional<HeaderIndex> content_type;
    // The index of `Content-Encoding`, if the signature covers the body before its compression.
    std::optional<HeaderIndex> content_encoding;

    // Derived from the above, so that no delivery has to compute them: the kinds of `signed_parts`,
    // one bit each; whether the signature needs more than a hash of the body in pieces; whether
    // headers are read that `headers` does not name.
    std::uint32_t signed_kinds = 0;
    bool wants_whole_body = false;
    bool wants_other_headers = false;
    std::vector<Join> joins;
    // The joins if the URL does not come from the request.
    std::vector<Join> joins_at_fixed_url;
    // The sender sends JSON or no body, so no URL, not even a fixed one, may give bytes to the
    // body.
    bool body_is_json = false;
    bool wants_parameters = false;

    bool signs(TemplatePart::Kind kind) const {
        return (signed_kinds >> static_cast<unsigned>(kind) & 1) != 0;
    }
    // Whether the secret's id takes part in the verification.
    bool names_secret_id() const;
    // Whether the sender presents the secret itself.
    bool presents_secret() const;
    // Whether the signing key is a public one.
    bool has_public_key() const;
    // Whether the signature is a plain hash, which can be extended (length_extension.h).
    bool can_be_extended() const;
    // Whether a change of the body breaks the signature.
    bool covers_body() const;
    // Whether a change of the event id breaks the signature.
    bool covers_event_id() const;
    // Whether a replayed signature implies a byte-identical body.
    bool covers_raw_body() const;
    // Whether a change of this header breaks the signature.
    bool covers_header(HeaderIndex header) const;
    // Whether a change of this parameter of the query breaks the signature, whatever the URL is.
    bool covers_parameter(std::string_view name) const;
    // Whether a change of the method breaks the signature.
    bool covers_method() const;
    // Whether a change of this value of a JSON body breaks the signature.
    bool covers_json(std::string_view pointer) const;
    // Whether a change of the timestamp breaks the signature.
    bool covers_timestamp() const;
    // Whether a handshake signs plain tokens for anyone.
    bool signs_for_anyone() const;
    // Whether a text that this scheme signs can be a plain token.
    bool may_sign_plain_token() const;
    // What an attacker could forge with plain tokens that another scheme's handshake signs with the
    // same key: nothing, bodies that are plain tokens, or deliveries.
    enum class Forgery : std::uint8_t { none, token_as_body, delivery };
    Forgery forgery_by_handshake() const;
    // Whether identifying an event needs the whole body.
    bool event_key_reads_body() const;
    // Whether the event key has a value that may differ between events.
    bool event_key_tells_events_apart() const;
    // Whether different events have the same value there.
    bool is_of_many_events(const ValueLocation& source) const;
    // Whether two sources are the same place in the delivery.
    bool is_same_place(const ValueLocation& left, const ValueLocation& right) const;
    // The name of nginx's variable for a header or parameter, in lower case.
    std::string variable_of(HeaderIndex header) const;
    // Whether the signature is in the query of a signed URL.
    bool has_signature_in_signed_url() const;
    // The unsigned part that a replay has to change to pass for another event.
    enum class Replay : std::uint8_t { nothing_helps, the_method, a_header, anything };
    // The replay if events are identified by `event_key`, or by the configuration's default. With a
    // single allowed method, the method cannot be changed.
    Replay replay_by_event_key(bool has_methods = false) const;
    Replay replay_by_default() const;
    // Whether the event's id or type is in the body.
    bool has_event_in_body() const { return event_id.is_in_body() || event_type.is_in_body(); }
    bool has_timestamp_in_body() const { return timestamp && timestamp->source.is_in_body(); }
    // Whether this text, cut off the end of a URL, may begin the part that is signed after the URL.
    bool continues_behind_url(std::string_view text) const;
    // Whether the verification uses any part of the URL.
    bool reads_url() const;
    // Returns the parameter of the query that this part signs by itself. Empty if there is none.
    std::string_view parameter_of(const TemplatePart& part) const;
    bool signs_parameter() const;
    // Whether a parameter of the query may be missing in the signed URL: it is the signature, is
    // signed by itself, or is the event type. The URL must not have another value of it. A time or
    // an id that is not signed by itself counts as signed with the URL.
    bool has_beside_url(std::string_view parameter) const;
    // Whether the signed text contains fields of a form.
    bool signs_form() const;
    // Whether the signature covers the decoded fields of a form, not the bytes of the form.
    bool signs_decoded_form() const;
    // Whether the verification uses fields of a form.
    bool verifies_form() const;
    // Whether the signed text contains this field.
    bool signs_field(std::string_view name) const;
    // Whether a form may have fields that are not signed.
    bool takes_unsigned_fields() const;
    // Whether the sender presents the secret in the query, which others log.
    bool has_secret_in_query() const;
    bool is_in_query(const ValueLocation& source) const;

  private:
    bool covers_form() const;
};

}  // namespace webhook
