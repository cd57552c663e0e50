// The input is the text of a scheme. A scheme that is taken has to be complete, and nothing that
// was not signed may pass it.

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../unit/delivery.h"
#include "base/errors.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "fuzz.h"
#include "inspect/handshake.h"
#include "scheme/presets.h"
#include "scheme/scheme.h"
#include "scheme/vocabulary.h"
#include "verify/credentials.h"
#include "verify/signing_key.h"
#include "verify/verification.h"

namespace webhook::fuzz {
namespace {

using Kind = TemplatePart::Kind;

constexpr Milliseconds kNow{1'614'265'330'000};

std::optional<Scheme> parsed(std::string_view text) {
    try {
        return parse_user_scheme("fuzzed", text);
    } catch (const SchemeTextError& error) {
        const auto lines = std::ranges::count(text, '\n') + 1;
        require(error.line >= 1, "the first line is 1");
        require(error.line <= static_cast<std::size_t>(lines) + 1, "the line is one of the text");
        require(*error.what() != '\0', "a refusal says why");
        return std::nullopt;
    } catch (const ConfigError& error) {
        require(*error.what() != '\0', "a refusal says why");
        return std::nullopt;
    }
}

void check_source(const Scheme& scheme, const ValueLocation& source) {
    switch (source.kind) {
        case ValueLocation::Kind::none:
            break;
        case ValueLocation::Kind::header:
            require(source.header < scheme.headers.size(), "a source reads a header of the scheme");
            break;
        case ValueLocation::Kind::json:
            check_json_pointer(source.text);
            break;
        default:
            require(!source.text.empty(), "what is named has a name");
    }
}

void check_text(const Scheme& scheme, const Template& parts,
                std::span<const PlaceholderName> known) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const TemplatePart& part = parts[i];
        if (part.kind == Kind::literal) {
            require(!part.text.empty(), "a literal is not empty");
            require(i == 0 || parts[i - 1].kind != Kind::literal, "literals next to each other");
            continue;
        }
        const auto row = std::ranges::find(known, part.kind, &PlaceholderName::kind);
        require(row != known.end(), "a placeholder is one that may stand there");
        if (part.kind == Kind::header) {
            require(part.header < scheme.headers.size(), "a part reads a header of the scheme");
        } else if (part.kind == Kind::json) {
            check_json_pointer(part.text);
        } else if (part.kind == Kind::hmac_hex || part.kind == Kind::hmac_base64) {
            check_source(scheme, part.source);
            require(part.source.kind != ValueLocation::Kind::none, "a code is of something");
        } else {
            require(part.text.empty() != row->takes_argument, "a placeholder has its argument");
        }
    }
}

void check_signatures(const Scheme& scheme) {
    require(!scheme.signatures.empty(), "there is a signature");
    for (const SignatureSource& signature : scheme.signatures) {
        const bool numbered = !signature.numbered_headers.empty();
        if (!numbered) check_source(scheme, signature.source);
        const bool from_native = signature.source.kind == ValueLocation::Kind::none;
        require(from_native == (scheme.native != nullptr), "a signature stands somewhere");
        const bool any_header = signature.source.kind == ValueLocation::Kind::header;
        require(any_header || signature.source.is_in_body() || from_native,
                "a signature stands in a header or in the body");
        require(!numbered || scheme.wants_other_headers, "numbered headers are read");
        const bool keeps_text = scheme.presents_secret() || scheme.algorithm == Algorithm::jwt;
        require(!keeps_text || (scheme.signatures.size() == 1 && !signature.key_index),
                "what is no signature stands once, and is anyone's");
        require(!signature.key_index || *signature.key_index <= 15, "an index is one of 16");
    }
}

void check_algorithm(const Scheme& scheme) {
    const bool is_jwt = scheme.algorithm == Algorithm::jwt;
    require(scheme.jwt_algorithms.empty() != is_jwt, "exactly tokens pin algorithms");
    for (const JwtAlgorithm algorithm : scheme.jwt_algorithms) {
        require(info(algorithm).key_algorithm == info(scheme.jwt_algorithms.front()).key_algorithm,
                "one key serves all algorithms");
    }
    const Algorithm algorithm =
        is_jwt ? info(scheme.jwt_algorithms.front()).key_algorithm : scheme.algorithm;
    const auto fitting = key_encodings_for(algorithm);
    require(std::ranges::count(fitting, scheme.key) == 1, "the key fits the algorithm");
    const bool shared = scheme.key <= KeyEncoding::whsec;
    require(!scheme.has_public_key() || algorithm == Algorithm::ed25519 || !shared,
            "a public key is written as one");
    require(scheme.has_public_key() || shared, "a shared secret is written as one");
    const bool signs = !scheme.presents_secret() && !is_jwt && scheme.native == nullptr;
    require(scheme.signed_parts.empty() != signs, "exactly what signs has a signed text");
    require(scheme.signs(Kind::secret) == (scheme.algorithm == Algorithm::hash),
            "exactly a plain hash has the secret in it");
    require(scheme.claims.empty() || is_jwt, "only tokens have claims");
    if (scheme.digest) {
        check_source(scheme, scheme.digest->source);
        const bool in_header = scheme.digest->source.kind == ValueLocation::Kind::header;
        require((scheme.digest->source.kind == ValueLocation::Kind::claim) == is_jwt &&
                    (is_jwt || (in_header ? scheme.covers_header(scheme.digest->source.header)
                                          : scheme.reads_url())),
                "a digest is signed");
        require(scheme.digest->hash != Hash::sha1, "a digest is no SHA-1");
    }
}

void check_complete(const Scheme& scheme) {
    require(scheme.headers.size() <= kMostHeaders, "there are not too many headers");
    for (const std::string& header : scheme.headers) {
        const bool is_parameter = header.starts_with(kParameterMark) && header.size() > 1;
        require(is_parameter || is_header_name(header), "a header's name is a token");
        require(is_parameter || header == to_lower(header), "a header's name is in lower case");
        require(std::ranges::count(scheme.headers, header) == 1, "a header has one place");
    }
    check_signatures(scheme);
    check_algorithm(scheme);
    check_text(scheme, scheme.signed_parts, signed_placeholders());
    require(std::ranges::count(scheme.signed_parts, Kind::body, &TemplatePart::kind) <= 1,
            "the body is signed once");
    require(!scheme.verifies_form() || scheme.content_type.has_value(), "a form has a type");
    if (scheme.signs(Kind::timestamp)) {
        require(scheme.timestamp.has_value(), "a signed timestamp is read");
    }
    if (scheme.signs(Kind::id)) {
        require(scheme.event_id.kind == ValueLocation::Kind::header, "a signed id is a header");
    }
    if (scheme.timestamp) {
        check_source(scheme, scheme.timestamp->source);
        require(scheme.timestamp->tolerance.past > Milliseconds(0), "the past is tolerated");
        require(scheme.timestamp->tolerance.future > Milliseconds(0), "the future is tolerated");
    }
    check_source(scheme, scheme.event_id);
    check_source(scheme, scheme.event_type);
    for (const RequiredHeader& required : scheme.required_headers) {
        require(required.header < scheme.headers.size(), "a required header is read");
    }
    for (const RequiredClaim& claim : scheme.claims) {
        require(!claim.name.empty(), "a claim has a name");
        check_text(scheme, claim.value, claim_placeholders());
    }
    if (scheme.covers_event_id()) require(!scheme.presents_secret(), "what covers, signs");
}

void check_handshakes(const Scheme& scheme, std::string_view text) {
    for (const Handshake& handshake : scheme.handshakes) {
        require(is_header_name(handshake.method), "a method is a token");
        require(handshake.status >= 200 && handshake.status <= 299, "an answer is a success");
        require(!handshake.content_type.empty() && !has_control_character(handshake.content_type),
                "an answer has a type");
        require(handshake.header_name.empty() || is_header_name(handshake.header_name),
                "an answer's header has a name");
        for (const auto& condition : handshake.conditions) {
            check_source(scheme, condition.source);
            require(condition.source.kind != ValueLocation::Kind::none,
                    "a condition is of something");
        }
        require(!handshake.conditions.empty() || handshake.method == "GET" ||
                    handshake.method == "HEAD",
                "no handshake is every delivery");
        require((handshake.check == Handshake::Check::token) ==
                    (handshake.token.kind != ValueLocation::Kind::none),
                "a token is somewhere");
        check_source(scheme, handshake.token);
        check_text(scheme, handshake.body, answer_placeholders());
        check_text(scheme, handshake.header_value, answer_placeholders());
        SchemeHeaders headers(scheme);
        for (const std::string& header : scheme.headers) headers.offer(header, text);
        const std::string query(text.substr(0, text.size() / 2));
        const HandshakeRequest request{handshake.method, query, &headers};
        const auto answer = answer_to(handshake, request, {}, nullptr);
        if (answer) {
            require(!has_control_character(answer->header_value) ||
                        std::ranges::any_of(handshake.header_value,
                                            [](const TemplatePart& part) {
                                                return has_control_character(part.text);
                                            }),
                    "no control character comes out of a request");
        }
        if (find_handshake(scheme, request, {}) != nullptr) {
            require(may_be_handshake(scheme, request), "what is one may be one");
        }
    }
}

std::string secret_text() {
    static const std::string text = [] {
        std::string bytes(32, '\0');
        RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 32);
        return "user:" + testing::hex(bytes);
    }();
    return text;
}

// Under a secret that nobody knows; the bytes of the input are all the attacker has.
void check_refuses_noise(Scheme scheme, const std::string& text) {
    if (scheme.has_public_key()) return;
    scheme.key = KeyEncoding::utf8;
    const SigningSecret secret{"", std::nullopt, SigningKey(scheme, secret_text())};
    const std::vector<const SigningSecret*> secrets{&secret};
    testing::Delivery delivery{{}, text, "POST", "https://a.example/?" + text.substr(0, 40)};
    for (const std::string& header : scheme.headers) {
        delivery.add(header, "1614265330");
        if (header.starts_with(kParameterMark)) delivery.url += "&" + header.substr(1) + "=" + text;
    }
    for (const RequiredHeader& required : scheme.required_headers) {
        delivery.set(scheme.headers[required.header], required.value);
    }
    for (const SignatureSource& signature : scheme.signatures) {
        if (signature.source.kind != ValueLocation::Kind::header) continue;
        const bool numbered = !signature.numbered_headers.empty();
        delivery.set(
            numbered ? signature.numbered_headers + "1" : scheme.headers[signature.source.header],
            signature.prefix + text);
    }
    const testing::Judgement judgement = testing::judge(scheme, {secret}, delivery, kNow);
    require(judgement.reason != Reason::accepted, "noise is no signature");
}

void check_block_end(std::string_view text) {
    try {
        parse_statements(text);
    } catch (const ConfigError&) {
        return;
    }
    BlockEnd end;
    for (char character : text) {
        require(!end.is(character), "what reads as statements holds no end of the block");
    }
    require(!end.is('\n') && end.is('}'), "statements leave nothing open");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const std::string_view text = as_text(data, size);
    check_block_end(text);
    if (const auto scheme = parsed(text)) {
        check_complete(*scheme);
        check_handshakes(*scheme, text);
        check_refuses_noise(*scheme, std::string(text));
    }
    return 0;
}
