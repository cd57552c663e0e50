// The input is a delivery: the name of a preset on the first line, headers, an empty line and a
// body; among the headers, `:method` and `:url` are what they are in HTTP/2. Under a secret that
// nobody knows it must never match, in however many pieces the body comes. Where the secret is a
// shared one, and the headers hold what is signed, it must match when signed with it.

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../unit/delivery.h"
#include "base/encoding.h"
#include "base/form.h"
#include "base/url.h"
#include "fuzz.h"
#include "inspect/handshake.h"
#include "scheme/native_url.h"
#include "scheme/presets.h"

namespace webhook::fuzz {
namespace {

using testing::base64;
using testing::base64url;
using testing::Delivery;
using testing::hex;
using testing::hmac;
using testing::KeyPair;

constexpr Milliseconds kNow{1'614'265'330'000};
constexpr Tolerance kAnyTime{Milliseconds(1LL << 52), Milliseconds(1LL << 52)};

const std::string& random_bytes() {
    static const std::string bytes = [] {
        std::string random(32, '\0');
        RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), 32);
        return random;
    }();
    return bytes;
}

const KeyPair& key_pair_for(const Scheme& scheme) {
    switch (scheme.algorithm) {
        case Algorithm::ed25519:
            return KeyPair::ed25519();
        case Algorithm::rsa:
            return KeyPair::rsa();
        default:
            return KeyPair::ecdsa();
    }
}

// The secret as its user writes it.
std::string secret_text(const Scheme& scheme) {
    const bool is_public = scheme.has_public_key();
    switch (scheme.key) {
        case KeyEncoding::hex:
            return hex(is_public ? KeyPair::ed25519().raw() : random_bytes());
        case KeyEncoding::base64:
            return base64(is_public ? KeyPair::ed25519().raw() : random_bytes());
        case KeyEncoding::whsec:
            return "whsec_" + base64(random_bytes());
        case KeyEncoding::whpk:
            return "whpk_" + base64(KeyPair::ed25519().raw());
        case KeyEncoding::pem:
            return key_pair_for(scheme).pem();
        case KeyEncoding::spki:
            return base64(key_pair_for(scheme).der());
        case KeyEncoding::jwk:
            return key_pair_for(scheme).jwk();
        default:
            return (scheme.algorithm == Algorithm::basic ? "user:" : "") + hex(random_bytes());
    }
}

std::string key_bytes(const Scheme& scheme) {
    return scheme.key == KeyEncoding::utf8 ? secret_text(scheme) : random_bytes();
}

struct Gate {
    explicit Gate(std::string_view preset)
        : name(preset),
          scheme(preset_scheme(preset).value()),
          secret(testing::secret(scheme, secret_text(scheme))) {}

    std::string name;
    Scheme scheme;
    SigningSecret secret;
};

const std::vector<Gate>& gates() {
    static const std::vector<Gate> all = [] {
        std::vector<Gate> list;
        for (const Preset& preset : presets()) list.emplace_back(preset.name);
        for (const PresetAlias& alias : preset_aliases()) list.emplace_back(alias.name);
        return list;
    }();
    return all;
}

const Gate& gate_named(std::string_view name) {
    const auto found = std::ranges::find(gates(), name, &Gate::name);
    return found != gates().end() ? *found : gates()[name.size() % gates().size()];
}

Delivery delivery_of(std::string_view text) {
    Delivery delivery;
    while (!text.empty()) {
        const auto [line, rest] = first_line(text);
        text = rest;
        if (line.empty()) break;
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = line.substr(colon + 2);
        if (name == ":method") {
            delivery.method = value;
        } else if (name == ":url") {
            delivery.url = value;
        } else {
            delivery.add(name, value);
        }
    }
    delivery.body = text;
    return delivery;
}

// What the headers of one delivery say, with everything that it borrows from.
class Attempt {
  public:
    Attempt(const Gate& gate, const Delivery& delivery, const std::optional<Tolerance>& tolerance)
        : gate_(gate),
          delivery_(delivery),
          tolerance_(tolerance),
          headers_(delivery.offered_to(gate.scheme)),
          refused(read_headers(gate.scheme, headers_, kNow, tolerance, presented)) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    Reason judge(bool in_pieces) const {
        std::vector<std::size_t> cuts;
        const std::size_t size = delivery_.body.size();
        for (std::size_t at = size / 2; in_pieces && at < size; at += (size - at) / 2 + 1) {
            cuts.push_back(at);
        }
        return testing::judge(gate_.scheme, {gate_.secret}, delivery_, kNow, cuts, tolerance_)
            .reason;
    }

    const SchemeHeaders& headers() const { return headers_; }

    Credentials presented;

  private:
    const Gate& gate_;
    const Delivery& delivery_;
    std::optional<Tolerance> tolerance_;
    SchemeHeaders headers_;

  public:
    std::optional<Reason> refused;
};

// Whether no signature helps: what its URL and query say could be read in two ways.
bool is_refused_for_its_url(const Gate& gate, const Delivery& delivery) {
    const Scheme& scheme = gate.scheme;
    if (scheme.signs_parameter() && delivery.url.find('#') != std::string::npos) {
        return true;
    }
    return scheme.reads_url() && (delivery.url.find('#') != std::string::npos ||
                                  !is_unambiguous_url(delivery.url, target_of(delivery.url)));
}

// Whether the delivery is refused whatever its signature is: of GET and HEAD, no body is taken, and
// where nothing separates a body from a value, it has to be JSON.
bool is_refused_for_its_body(const Gate& gate, const Delivery& delivery, const Attempt& attempt) {
    const bool by_get = delivery.method == "GET" || delivery.method == "HEAD";
    if (by_get && !delivery.body.empty()) return true;
    if (!frames_body(gate.scheme.joins)) return false;
    JsonFrame frame;
    frame.update(delivery.body);
    if (!frame.is_whole()) return true;
    return std::ranges::any_of(gate.scheme.signed_parts, [&](const TemplatePart& part) {
        const std::string_view value = part.is_url() ? delivery.url
                                       : part.kind == TemplatePart::Kind::header
                                           ? attempt.headers().value(part.header)
                                           : "x";
        return !leaves_to_body(value, true, false) || !leaves_to_body(value, false, false);
    });
}

// Nothing where the text holds what only the body can tell, or anyone could have its signature.
std::optional<std::string> signed_text(const Gate& gate, const Delivery& delivery,
                                       const Attempt& attempt) {
    std::string text;
    for (const TemplatePart& part : gate.scheme.signed_parts) {
        switch (part.kind) {
            case TemplatePart::Kind::literal:
                text += part.text;
                break;
            case TemplatePart::Kind::body:
                text += delivery.body;
                break;
            case TemplatePart::Kind::timestamp:
                text += attempt.presented.timestamp;
                break;
            case TemplatePart::Kind::id:
                text += attempt.presented.event_id;
                break;
            case TemplatePart::Kind::method:
                text += delivery.method;
                break;
            case TemplatePart::Kind::url:
            case TemplatePart::Kind::url_ports:
                text += delivery.url;
                break;
            case TemplatePart::Kind::url_hubspot:
                text += hubspot_url(delivery.url);
                break;
            case TemplatePart::Kind::secret:
                text += key_bytes(gate.scheme);
                break;
            case TemplatePart::Kind::header:
                text += attempt.headers().value(part.header);
                break;
            default:
                return std::nullopt;
        }
    }
    HandshakeText of_handshake;
    of_handshake.update(text);
    const bool anyone = gate.scheme.signs_for_anyone() && of_handshake.can_be_had_by_anyone();
    return anyone ? std::nullopt : std::optional(text);
}

std::optional<std::string> code_for(const Gate& gate, const Delivery& delivery,
                                    const Attempt& attempt) {
    const Scheme& scheme = gate.scheme;
    if (scheme.algorithm == Algorithm::token) return key_bytes(scheme);
    if (scheme.algorithm == Algorithm::basic) return base64(key_bytes(scheme));
    const bool shared = scheme.algorithm == Algorithm::hmac || scheme.algorithm == Algorithm::hash;
    const auto text = signed_text(gate, delivery, attempt);
    if (!shared || !text || scheme.native != nullptr) return std::nullopt;
    const EVP_MD* const hash = scheme.hash == Hash::sha1 ? EVP_sha1() : EVP_sha256();
    const std::string code = scheme.algorithm == Algorithm::hmac
                                 ? hmac(hash, key_bytes(scheme), *text)
                                 : testing::hashed(hash, *text);
    switch (scheme.signatures.front().encoding) {
        case TextEncoding::hex:
            return hex(code);
        case TextEncoding::base64:
            return base64(code);
        default:
            return base64url(code);
    }
}

// The same delivery as its sender would have signed it.
std::optional<Delivery> rightly_signed(const Gate& gate, Delivery delivery,
                                       const Attempt& attempt) {
    const Scheme& scheme = gate.scheme;
    const SignatureSource& source = scheme.signatures.front();
    const bool late_time =
        scheme.timestamp && scheme.timestamp->source.kind == ValueLocation::Kind::json;
    const auto code = code_for(gate, delivery, attempt);
    if (!code || late_time || is_refused_for_its_body(gate, delivery, attempt) || scheme.digest ||
        source.source.kind != ValueLocation::Kind::header) {
        return std::nullopt;
    }
    std::string value = source.prefix + *code;
    if (scheme.timestamp && scheme.timestamp->source.kind == ValueLocation::Kind::item) {
        value = scheme.timestamp->source.text + std::string(attempt.presented.timestamp) +
                source.separators + value;
    }
    if (!source.numbered_headers.empty()) {
        std::erase_if(delivery.headers, [&](const auto& header) {
            return to_lower(header.first).starts_with(source.numbered_headers);
        });
        delivery.add(source.numbered_headers + "1", value);
    } else {
        delivery.set(scheme.headers.at(source.source.header), value);
    }
    return delivery;
}

void check_presented(const Gate& gate, const Credentials& presented) {
    const Scheme& scheme = gate.scheme;
    require(presented.candidates().size() <= kMostCandidates, "there are not too many candidates");
    const bool is_code = scheme.algorithm == Algorithm::hmac || scheme.algorithm == Algorithm::hash;
    for (const Candidate& candidate : presented.candidates()) {
        const std::size_t size = candidate.bytes().size();
        require(size > 0 && size <= kLongestSignature, "a candidate has a length");
        require(!is_code || size == hash_size(scheme.hash), "a candidate is as long as the hash");
    }
    const bool keeps_text = scheme.presents_secret() || scheme.algorithm == Algorithm::jwt;
    const bool in_header = scheme.signatures.front().source.kind == ValueLocation::Kind::header;
    require(presented.candidates().empty() == (keeps_text || !in_header),
            "there is a candidate or a token");
    require(presented.token.empty() == (!keeps_text || !in_header),
            "there is a token or a candidate");
    if (scheme.timestamp && (scheme.timestamp->source.kind == ValueLocation::Kind::header ||
                             scheme.timestamp->source.kind == ValueLocation::Kind::item)) {
        require(parse_timestamp(scheme.timestamp->unit, presented.timestamp).has_value(),
                "the timestamp is one");
    }
    if (scheme.signs(TemplatePart::Kind::id)) {
        require(!presented.event_id.empty(), "a signed id is there");
    }
}

bool is_a_reason_of_headers(Reason reason) {
    switch (reason) {
        case Reason::missing_signature:
        case Reason::malformed_signature:
        case Reason::missing_timestamp:
        case Reason::malformed_timestamp:
        case Reason::missing_header:
        case Reason::malformed_header:
        case Reason::stale_timestamp:
        case Reason::future_timestamp:
            return true;
        default:
            return false;
    }
}

void judge(const Gate& gate, const Delivery& delivery, const std::optional<Tolerance>& tolerance) {
    Attempt attempt(gate, delivery, tolerance);
    if (attempt.refused) {
        require(attempt.judge(false) == *attempt.refused, "what the headers say comes first");
        require(is_a_reason_of_headers(*attempt.refused), "headers are refused for what they are");
        return;
    }
    check_presented(gate, attempt.presented);
    const Reason reason = attempt.judge(false);
    require(reason != Reason::accepted, "nobody knows the secret");
    require(attempt.judge(true) == reason, "pieces are as good as the whole");

    const auto right = rightly_signed(gate, delivery, attempt);
    if (!right || is_refused_for_its_url(gate, *right)) return;
    Attempt right_attempt(gate, *right, tolerance);
    require(!right_attempt.refused, "a right signature is read");
    require(right_attempt.judge(false) == Reason::accepted, "a right signature matches");
    require(right_attempt.judge(true) == Reason::accepted,
            "a right signature matches a body in pieces");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const auto [name, rest] = first_line(as_text(data, size));
    const Gate& gate = gate_named(name);
    const webhook::testing::Delivery delivery = delivery_of(rest);
    judge(gate, delivery, std::nullopt);
    judge(gate, delivery, kAnyTime);
    return 0;
}
