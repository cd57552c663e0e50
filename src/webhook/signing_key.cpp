#include "webhook/signing_key.h"

#include "webhook/encoding.h"
#include "webhook/text.h"

namespace webhook {
namespace {

std::string decoded(std::string_view text, TextEncoding encoding, std::string_view name) {
    auto bytes = decode(encoding, text);
    if (!bytes) throw ConfigError("the secret is not valid " + std::string(name));
    return std::move(*bytes);
}

std::string key_bytes(KeyEncoding encoding, std::string_view secret) {
    switch (encoding) {
        case KeyEncoding::utf8:
            return std::string(secret);
        case KeyEncoding::base64:
            return decoded(secret, TextEncoding::base64, "base64");
        case KeyEncoding::hex:
            return decoded(secret, TextEncoding::hex, "hex");
        case KeyEncoding::whsec:
            break;
    }
    constexpr std::string_view kVersion = "v1,";
    constexpr std::string_view kMark = "whsec_";
    std::string_view marked = secret;
    if (marked.starts_with(kVersion)) marked.remove_prefix(kVersion.size());
    if (!marked.starts_with(kMark)) return std::string(secret);
    marked.remove_prefix(kMark.size());
    return decoded(marked, TextEncoding::base64, "base64 after \"whsec_\"");
}

}  // namespace

SigningKey::SigningKey(const Scheme& scheme, std::string_view secret) {
    const std::string key = key_bytes(scheme.key, secret);
    if (key.empty()) throw ConfigError("the secret is empty");
    size_ = key.size();
    if (scheme.algorithm == Algorithm::token) {
        token_digest_ = sha256(key);
    } else {
        hmac_ = std::make_shared<const HmacKey>(scheme.hash, key);
    }
}

bool SigningKey::is_token(std::string_view presented) const {
    return equal_in_constant_time(sha256(presented), token_digest_);
}

}  // namespace webhook
