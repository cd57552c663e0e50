// The input is a delivery: the name of a preset on the first line, headers, an empty line and a
// body. Under a secret that nobody knows it must never match; signed with that secret it must.

#include <openssl/rand.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "../unit/delivery.h"
#include "fuzz.h"
#include "webhook/presets.h"

namespace webhook::fuzz {
namespace {

using testing::base64;
using testing::Delivery;
using testing::hex;
using testing::hmac;

constexpr Milliseconds kNow{1'614'265'330'000};
constexpr Tolerance kAnyTime{Milliseconds(1LL << 52), Milliseconds(1LL << 52)};

const std::string& random_secret() {
    static const std::string secret = [] {
        std::string bytes(32, '\0');
        RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 32);
        return "whsec_" + base64(bytes);
    }();
    return secret;
}

struct Gate {
    explicit Gate(const Preset& preset)
        : name(preset.name),
          scheme(parse_scheme(preset.name, preset.text)),
          secret(testing::secret(scheme, random_secret())) {}

    std::string name;
    Scheme scheme;
    SigningSecret secret;
};

const Gate& gate_named(std::string_view name) {
    static const std::vector<Gate> gates(presets().begin(), presets().end());
    const auto found = std::ranges::find(gates, name, &Gate::name);
    return found != gates.end() ? *found : gates[name.size() % gates.size()];
}

Delivery delivery_of(std::string_view text) {
    Delivery delivery;
    while (!text.empty()) {
        const auto [line, rest] = first_line(text);
        text = rest;
        if (line.empty()) break;
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        delivery.add(line.substr(0, colon), line.substr(colon + 2));
    }
    delivery.body = text;
    return delivery;
}

std::string key_bytes(const Gate& gate) {
    if (gate.scheme.key == KeyEncoding::utf8) return random_secret();
    return decode(TextEncoding::base64, random_secret().substr(6)).value();
}

std::string signed_text(const Gate& gate, const Delivery& delivery, const Presented& presented) {
    std::string text;
    for (const SignedPart& part : gate.scheme.signed_parts) {
        switch (part.kind) {
            case SignedPart::Kind::literal:
                text += part.literal;
                break;
            case SignedPart::Kind::body:
                text += delivery.body;
                break;
            case SignedPart::Kind::timestamp:
                text += presented.timestamp;
                break;
            case SignedPart::Kind::id:
                text += presented.event_id;
                break;
            case SignedPart::Kind::method:
                text += delivery.method;
                break;
            case SignedPart::Kind::header:
                text += delivery.offered_to(gate.scheme).value(part.header);
                break;
        }
    }
    return text;
}

// The same delivery as its sender would have signed it.
Delivery rightly_signed(const Gate& gate, Delivery delivery, const Presented& presented) {
    const Scheme& scheme = gate.scheme;
    std::string value = scheme.signature.prefix;
    if (scheme.algorithm == Algorithm::token) {
        value += random_secret();
    } else {
        const EVP_MD* hash = EVP_sha256();
        require(scheme.hash == Hash::sha256, "presets hash with SHA-256");
        const std::string code =
            hmac(hash, key_bytes(gate), signed_text(gate, delivery, presented));
        value += scheme.signature.encoding == TextEncoding::hex ? hex(code) : base64(code);
    }
    if (scheme.timestamp && scheme.timestamp->source.kind == Source::Kind::item) {
        value = scheme.timestamp->source.text + std::string(presented.timestamp) +
                scheme.signature.separators + value;
    }
    delivery.set(scheme.headers.at(scheme.signature.header), value);
    return delivery;
}

bool matches(const Gate& gate, const Delivery& delivery, const SchemeHeaders& headers,
             const Presented& presented) {
    const std::vector<const SigningSecret*> secrets{&gate.secret};
    Verification verification(gate.scheme, secrets, {delivery.method, &headers, &presented}, kNow);
    require(verification.secret_count() == 1, "the secret takes part");
    std::string_view rest = delivery.body;
    while (!rest.empty()) {
        const std::size_t size = std::min(rest.size(), rest.size() / 2 + 1);
        verification.update(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    return verification.finish() != nullptr;
}

void check_presented(const Gate& gate, const Presented& presented) {
    require(presented.candidates().size() <= kMostCandidates, "there are not too many candidates");
    for (const Candidate& candidate : presented.candidates()) {
        require(candidate.bytes().size() == hash_size(gate.scheme.hash),
                "a candidate is as long as the hash");
    }
    require(presented.candidates().empty() == (gate.scheme.algorithm == Algorithm::token),
            "there is a candidate or a token");
    require(presented.token.empty() == (gate.scheme.algorithm != Algorithm::token),
            "there is a token or a candidate");
    if (gate.scheme.timestamp) {
        require(parse_timestamp(gate.scheme.timestamp->unit, presented.timestamp).has_value(),
                "the timestamp is one");
    }
    if (gate.scheme.signs(SignedPart::Kind::id)) {
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
        case Reason::stale_timestamp:
        case Reason::future_timestamp:
            return true;
        default:
            return false;
    }
}

void judge(const Gate& gate, const Delivery& delivery, const std::optional<Tolerance>& tolerance) {
    const SchemeHeaders headers = delivery.offered_to(gate.scheme);
    Presented presented;
    if (const auto reason = read_headers(gate.scheme, headers, kNow, tolerance, presented)) {
        require(is_a_reason_of_headers(*reason), "headers are refused for what they are");
        return;
    }
    check_presented(gate, presented);
    require(!matches(gate, delivery, headers, presented), "nobody knows the secret");

    const Delivery right = rightly_signed(gate, delivery, presented);
    const SchemeHeaders right_headers = right.offered_to(gate.scheme);
    Presented right_presented;
    require(!read_headers(gate.scheme, right_headers, kNow, tolerance, right_presented),
            "a right signature is read");
    require(matches(gate, right, right_headers, right_presented), "a right signature matches");
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
