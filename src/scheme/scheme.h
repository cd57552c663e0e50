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
// Whatever is unknown, repeated, missing or contradictory throws ConfigError, whose message names
// the offending token and what is allowed.

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

// Which of Scheme::headers.
using HeaderIndex = std::uint8_t;

inline constexpr std::size_t kMostHeaders = 12;
// No header's name holds it.
inline constexpr char kParameterMark = '?';

// Where a value of the delivery is found.
struct ValueLocation {
    enum class Kind : std::uint8_t { none, header, item, json, query, claim, field };
    Kind kind = Kind::none;
    // Of a header, or of a parameter of the query that is read as one.
    HeaderIndex header = 0;
    // The item's prefix, the JSON pointer (RFC 6901), or the name of the parameter, claim or field.
    std::string text;

    bool is_in_body() const { return kind == Kind::json || kind == Kind::field; }
};

// A piece of a text that holds placeholders.
struct TemplatePart {
    enum class Kind : std::uint8_t {
        literal,
        body,
        timestamp,
        id,
        method,
        url,
        url_hubspot,
        // With and without the default port: one of the two has to be right.
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
        // Codes of another value under the signing secret, for the answer of a handshake.
        hmac_hex,
        hmac_base64,
        // What tells events apart: the type, and what a token signs.
        event_type,
        token,
    };
    Kind kind;
    HeaderIndex header = 0;
    // The literal itself, the JSON pointer, or the name of the field or parameter.
    std::string text;
    // What hmac_hex and hmac_base64 are codes of.
    ValueLocation source;

    bool is_url() const { return kind >= Kind::url && kind <= Kind::url_qsh; }
};

using Template = std::vector<TemplatePart>;

// Two values of the signed text that could trade bytes, and what keeps them from it (boundaries.h).
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
    // A header, a JSON pointer or a field; none where a native function finds it.
    ValueLocation source;
    // For a field: the form may have no other field but those that are signed.
    bool alone = false;
    // Not empty: the signature stands in any header whose name, in lower case, is this and a
    // number.
    std::string numbered_headers;
    // Characters that separate the items of the header; none: the header is one item.
    std::string separators;
    // An item counts when it starts with this.
    std::string prefix;
    TextEncoding encoding = TextEncoding::hex;
    // Which secret alone this can be a signature under, counted from 0; nothing: any.
    std::optional<std::size_t> key_index;
};

struct TimestampSource {
    ValueLocation source;
    TimestampUnit unit = TimestampUnit::seconds;
    Tolerance tolerance{};
    // An item may stand more than once, with the same value.
    bool may_repeat = false;
};

struct EventId : ValueLocation {
    // The first of several events in one delivery has this id: it does not name the others.
    bool batch = false;
    // Not every delivery has one; what has none is known by its body.
    bool optional = false;
    // There is none, and different events may have the same body.
    bool bodies_repeat = false;
};

struct RequiredHeader {
    HeaderIndex header;
    std::string value;
};

// How a header holds a digest: as it is, or in a list of digests by several algorithms.
enum class DigestSyntax : std::uint8_t { plain, rfc3230, rfc9530 };

// A digest of the body that the sender gives elsewhere, where it is signed.
struct DigestSource {
    ValueLocation source;
    DigestSyntax syntax = DigestSyntax::plain;
    Hash hash = Hash::sha256;
    TextEncoding encoding = TextEncoding::hex;
    // It may be missing where there is no body, or where the signature covers the body's fields.
    bool optional = false;
};

struct RequiredClaim {
    std::string name;
    Template value;
};

enum class JwtAlgorithm : std::uint8_t { hs256, hs384, hs512, es256, rs256, eddsa };

// How a sender asks whether an endpoint is there and whose it is, and what it wants to hear.
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
    // Where the sender presents the token.
    ValueLocation token;
    std::uint16_t status = 200;
    std::string content_type = "text/plain";
    Template body;
    // Empty: none.
    std::string header_name;
    Template header_value;

    // Whether it is recognised by values of this kind, or answered with them.
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
    // Builds the signed text instead of `signed_parts`; null: none.
    const Native* native = nullptr;
    Template signed_parts;
    std::vector<SignatureSource> signatures;
    std::optional<TimestampSource> timestamp;
    EventId event_id;
    ValueLocation event_type;
    // The body tells types apart, too.
    bool type_in_body = false;
    // What tells events apart where no event id does, of `{body}`, `{type}` and others.
    Template event_key;
    // No statement says what tells events apart.
    bool assumes_event_key = false;
    std::vector<RequiredHeader> required_headers;
    std::optional<DigestSource> digest;
    std::vector<RequiredClaim> claims;
    std::vector<Handshake> handshakes;
    // The names, in lower case, of every header that the scheme reads. A parameter of the query
    // that is read before the body is counts as one; its name begins with kParameterMark.
    std::vector<std::string> headers;
    // Of `Content-Type`, where fields of a form are read.
    std::optional<HeaderIndex> content_type;
    // Of `Content-Encoding`, where the body is signed as it was before it was compressed.
    std::optional<HeaderIndex> content_encoding;

    // Follow from the above, so that no delivery has to look for them: the kinds of `signed_parts`,
    // one bit each; whether the signature is verified over more than a hash of the body in pieces;
    // whether headers are read that `headers` does not name.
    std::uint32_t signed_kinds = 0;
    bool wants_whole_body = false;
    bool wants_other_headers = false;
    std::vector<Join> joins;
    // Where the URL is no value of the request.
    std::vector<Join> joins_at_fixed_url;
    // The sender sends JSON or nothing, so that no URL, not even one that is always the same, may
    // give bytes to the body.
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
    // Whether one signature is right for one sequence of bytes only.
    bool covers_raw_body() const;
    // Whether a change of this header breaks the signature.
    bool covers_header(HeaderIndex header) const;
    // Whether a change of this parameter of the query breaks the signature, whatever the URL is.
    bool covers_parameter(std::string_view name) const;
    // Whether a change of the method breaks the signature.
    bool covers_method() const;
    // Whether a change of this value of a JSON body does.
    bool covers_json(std::string_view pointer) const;
    // Whether a change of the timestamp breaks the signature.
    bool covers_timestamp() const;
    // Whether a handshake signs plain tokens for anyone.
    bool signs_for_anyone() const;
    // Whether a text that this scheme signs can be a plain token.
    bool may_sign_plain_token() const;
    // What anyone could forge here with the plain tokens that another scheme's handshake signs
    // under the same key: nothing, bodies that are plain tokens themselves, or deliveries.
    enum class Forgery : std::uint8_t { none, token_as_body, delivery };
    Forgery forgery_by_handshake() const;
    // Whether the values that tell events apart are found in a body that is held as a whole.
    bool event_key_reads_body() const;
    // Whether a value that may differ from event to event is in it.
    bool event_key_tells_events_apart() const;
    // Whether what stands there is the same for different events.
    bool is_of_many_events(const ValueLocation& source) const;
    // Whether two sources are one place of the delivery.
    bool is_same_place(const ValueLocation& left, const ValueLocation& right) const;
    // The variable that nginx has of a header or parameter, in lower case.
    std::string variable_of(HeaderIndex header) const;
    // Whether the signature stands in the query of a URL that is signed.
    bool has_signature_in_signed_url() const;
    // What a replay has to change that no signature covers, so that another event is seen in it.
    enum class Replay : std::uint8_t { nothing_helps, the_method, a_header, anything };
    // Where events are told apart by `event_key`, and by what the configuration's default is. Of
    // one method, there is no other to change it to.
    Replay replay_by_event_key(bool has_methods = false) const;
    Replay replay_by_default() const;
    // Whether the event's id or type stands in the body.
    bool has_event_in_body() const { return event_id.is_in_body() || event_type.is_in_body(); }
    bool has_timestamp_in_body() const { return timestamp && timestamp->source.is_in_body(); }
    // Whether this text, cut off the end of a URL, may begin what is signed right behind the URL.
    bool continues_behind_url(std::string_view text) const;
    // Whether anything of the URL takes part in the verification.
    bool reads_url() const;
    // The parameter of the query whose value is signed by itself here; empty where it is none.
    std::string_view parameter_of(const TemplatePart& part) const;
    bool signs_parameter() const;
    // Whether a parameter of the query may be missing in the URL that is signed: it is the
    // signature, is signed by itself, or is the event type. No other value of it may be in the URL.
    // A time or an id that is not signed by itself counts as signed with the URL.
    bool has_beside_url(std::string_view parameter) const;
    // Whether the signed text has fields of a form in it.
    bool signs_form() const;
    // Whether it signs what fields of a form are decoded to, and not the bytes of the form.
    bool signs_decoded_form() const;
    // Whether anything that is verified stands in a form.
    bool verifies_form() const;
    // Whether the signed text names this field.
    bool signs_field(std::string_view name) const;
    // Whether a form may have fields that are not signed.
    bool takes_unsigned_fields() const;
    // Whether the sender presents the secret in the query, where others log it.
    bool has_secret_in_query() const;

  private:
    bool covers_form() const;
};

}  // namespace webhook
