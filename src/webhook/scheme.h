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

#include "webhook/digest.h"
#include "webhook/encoding.h"
#include "webhook/scheme_text.h"
#include "webhook/timestamp.h"

namespace webhook {

// `token`: the sender presents the secret itself; nothing of the request is signed.
enum class Algorithm : std::uint8_t { hmac, token };

// How the text of a secret becomes the bytes of the key. `whsec`: base64 behind `whsec_`, which may
// stand behind `v1,`; without `whsec_`, the text itself.
enum class KeyEncoding : std::uint8_t { utf8, base64, hex, whsec };

// Which of Scheme::headers.
using HeaderIndex = std::uint8_t;

inline constexpr std::size_t kMostHeaders = 16;

// Where a value of the delivery is found.
struct Source {
    enum class Kind : std::uint8_t { none, header, item, json };
    Kind kind = Kind::none;
    HeaderIndex header = 0;
    // The item's prefix, or the JSON pointer (RFC 6901).
    std::string text;
};

// A piece of the text that is signed.
struct SignedPart {
    enum class Kind : std::uint8_t { literal, body, timestamp, id, method, header };
    Kind kind;
    HeaderIndex header = 0;
    std::string literal;
};

struct SignatureSource {
    HeaderIndex header = 0;
    // Characters that separate the items of the header; none: the header is one item.
    std::string separators;
    // An item counts when it starts with this.
    std::string prefix;
    TextEncoding encoding = TextEncoding::hex;
};

struct TimestampSource {
    Source source;
    TimestampUnit unit = TimestampUnit::seconds;
    Tolerance tolerance{};
};

struct Scheme {
    std::string name;
    Algorithm algorithm = Algorithm::hmac;
    Hash hash = Hash::sha256;
    KeyEncoding key = KeyEncoding::utf8;
    std::vector<SignedPart> signed_parts;
    SignatureSource signature;
    std::optional<TimestampSource> timestamp;
    Source event_id;
    Source event_type;
    // The names, in lower case, of every header that the scheme reads.
    std::vector<std::string> headers;

    bool signs(SignedPart::Kind kind) const;
    // Whether who changes the event id also breaks the signature.
    bool covers_event_id() const;
    bool reads_json() const;
};

// The scheme that a text of statements (scheme_text.h) describes. Throws SchemeTextError where a
// line is to blame, and ConfigError where something is missing.
Scheme parse_scheme(std::string_view name, std::string_view text);

// Throws ConfigError unless the text is a JSON pointer (RFC 6901).
void check_json_pointer(std::string_view pointer);

}  // namespace webhook
