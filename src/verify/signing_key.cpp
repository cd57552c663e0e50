#include "verify/signing_key.h"

#include "base/encoding.h"
#include "base/text.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

std::string decoded(std::string_view text, TextEncoding encoding, std::string_view name) {
    auto bytes = decode(encoding, text);
    if (!bytes) throw ConfigError("the secret is not valid " + std::string(name));
    return std::move(*bytes);
}

// Without the mark, a secret is base64 if it decodes, as in the reference libraries.
std::string behind_whsec(std::string_view secret, bool& is_text) {
    constexpr std::string_view kVersion = "v1,";
    constexpr std::string_view kMark = "whsec_";
    std::string_view marked = secret;
    if (marked.starts_with(kVersion)) marked.remove_prefix(kVersion.size());
    if (!marked.starts_with(kMark)) {
        auto bytes = decode(TextEncoding::base64, marked);
        is_text = !bytes || bytes->empty();
        return is_text ? std::string(secret) : std::move(*bytes);
    }
    marked.remove_prefix(kMark.size());
    return decoded(marked, TextEncoding::base64, "base64 after \"whsec_\"");
}

std::string key_bytes(KeyEncoding encoding, std::string_view secret, bool& is_text) {
    switch (encoding) {
        case KeyEncoding::base64:
            return decoded(secret, TextEncoding::base64, "base64");
        case KeyEncoding::hex:
            return decoded(secret, TextEncoding::hex, "hex");
        case KeyEncoding::whsec:
            return behind_whsec(secret, is_text);
        default:
            return std::string(secret);
    }
}

Algorithm key_algorithm(const Scheme& scheme) {
    return scheme.algorithm == Algorithm::jwt ? info(scheme.jwt_algorithms.front()).key_algorithm
                                              : scheme.algorithm;
}

}  // namespace

SigningKey::SigningKey(const Scheme& scheme, std::string_view secret) {
    if (secret.empty()) throw ConfigError("the secret is empty");
    if (scheme.has_public_key()) {
        public_ = std::make_shared<const PublicKey>(key_algorithm(scheme), scheme.key, secret);
        return;
    }
    if (is_public_key(secret)) {
        throw ConfigError("the secret is a public key: anyone could sign with it");
    }
    const std::string key = key_bytes(scheme.key, secret, is_text_instead_);
    if (key.empty()) throw ConfigError("the secret is empty");
    size_ = key.size();
    take_shared_secret(scheme, key);
}

void SigningKey::take_shared_secret(const Scheme& scheme, const std::string& key) {
    switch (scheme.algorithm) {
        case Algorithm::basic:
            if (key.find(':') == std::string::npos) {
                throw ConfigError("the secret is not \"user:password\"");
            }
            [[fallthrough]];
        case Algorithm::token:
            token_digest_ = sha256(key);
            return;
        case Algorithm::hash:
            text_ = std::make_shared<const std::string>(key);
            return;
        case Algorithm::jwt:
            for (const JwtAlgorithm algorithm : scheme.jwt_algorithms) {
                hmacs_.push_back(std::make_shared<const HmacKey>(info(algorithm).hash, key));
            }
            return;
        default:
            hmacs_.push_back(std::make_shared<const HmacKey>(scheme.hash, key));
    }
}

Hmac SigningKey::start_hmac(Hash hash) const {
    for (const auto& key : hmacs_) {
        if (key->hash() == hash) return key->start();
    }
    throw CryptoError("no HMAC key for this hash");
}

bool SigningKey::is_token(std::string_view presented) const {
    return equal_in_constant_time(sha256(presented), token_digest_);
}

}  // namespace webhook
