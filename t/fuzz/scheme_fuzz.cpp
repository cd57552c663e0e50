// The input is the text of a scheme. A scheme that is taken has to be complete, and nothing that
// was not signed may pass it.

#include <openssl/rand.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "fuzz.h"
#include "webhook/presented.h"
#include "webhook/scheme.h"
#include "webhook/signing_key.h"
#include "webhook/text.h"
#include "webhook/verification.h"

namespace webhook::fuzz {
namespace {

std::optional<Scheme> parsed(std::string_view text) {
    try {
        return parse_scheme("fuzzed", text);
    } catch (const SchemeTextError& error) {
        const auto lines = std::ranges::count(text, '\n') + 1;
        require(error.line >= 1, "the first line is 1");
        require(error.line <= static_cast<std::size_t>(lines) + 1, "the line is one of the text");
        return std::nullopt;
    } catch (const ConfigError& error) {
        require(*error.what() != '\0', "a refusal says why");
        return std::nullopt;
    }
}

void check_source(const Scheme& scheme, const Source& source) {
    if (source.kind == Source::Kind::header) {
        require(source.header < scheme.headers.size(), "a source reads a header of the scheme");
    }
    if (source.kind == Source::Kind::json) check_json_pointer(source.text);
}

void check_complete(const Scheme& scheme) {
    require(scheme.headers.size() <= kMostHeaders, "there are not too many headers");
    for (const std::string& header : scheme.headers) {
        require(is_header_name(header), "a header's name is a token");
        require(header == to_lower(header), "a header's name is in lower case");
        require(std::ranges::count(scheme.headers, header) == 1, "a header has one place");
    }
    require(scheme.signature.header < scheme.headers.size(), "the signature has a header");
    require(scheme.signed_parts.empty() == (scheme.algorithm == Algorithm::token),
            "exactly what is no token is signed");
    for (const SignedPart& part : scheme.signed_parts) {
        if (part.kind != SignedPart::Kind::header) continue;
        require(part.header < scheme.headers.size(), "a part reads a header of the scheme");
    }
    require(std::ranges::count(scheme.signed_parts, SignedPart::Kind::body, &SignedPart::kind) <= 1,
            "the body is signed once");
    if (scheme.signs(SignedPart::Kind::timestamp)) {
        require(scheme.timestamp.has_value(), "a signed timestamp is read");
    }
    if (scheme.signs(SignedPart::Kind::id)) {
        require(scheme.event_id.kind == Source::Kind::header, "a signed id is a header");
    }
    if (scheme.timestamp) {
        check_source(scheme, scheme.timestamp->source);
        require(scheme.timestamp->tolerance.past > Milliseconds(0), "the past is tolerated");
        require(scheme.timestamp->tolerance.future > Milliseconds(0), "the future is tolerated");
    }
    check_source(scheme, scheme.event_id);
    check_source(scheme, scheme.event_type);
    if (scheme.covers_event_id()) require(!scheme.signed_parts.empty(), "what covers, signs");
}

const std::string& random_secret() {
    static const std::string secret = [] {
        std::string bytes(32, '\0');
        RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 32);
        return bytes;
    }();
    return secret;
}

void check_refuses_noise(Scheme scheme, std::string_view text) {
    scheme.key = KeyEncoding::utf8;
    const SigningSecret secret{"", std::nullopt, SigningKey(scheme, random_secret())};
    const std::vector<const SigningSecret*> secrets{&secret};
    const std::string signature = scheme.signature.prefix + std::string(text);
    SchemeHeaders headers(scheme);
    for (std::size_t i = 0; i < scheme.headers.size(); ++i) {
        headers.offer(scheme.headers[i],
                      i == scheme.signature.header ? std::string_view(signature) : "1614265330");
    }
    Presented presented;
    if (read_headers(scheme, headers, std::chrono::seconds(1614265330), std::nullopt, presented)) {
        return;
    }
    Verification verification(scheme, secrets, {"POST", &headers, &presented}, Milliseconds(0));
    verification.update(text);
    require(verification.finish() == nullptr, "noise is no signature");
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
        check_refuses_noise(*scheme, text);
    }
    return 0;
}
