// The input is a choice of algorithm and encoding, one character, and the text of a key. A key that
// is taken has to be known as one that is public, and nothing that nobody signed may pass it.

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/errors.h"
#include "fuzz.h"
#include "scheme/statements.h"
#include "verify/public_key.h"

namespace webhook::fuzz {
namespace {

constexpr std::array kAlgorithms{Algorithm::ed25519, Algorithm::ecdsa_p256, Algorithm::rsa};
constexpr std::array kEncodings{KeyEncoding::hex,  KeyEncoding::base64, KeyEncoding::whpk,
                                KeyEncoding::spki, KeyEncoding::pem,    KeyEncoding::jwk,
                                KeyEncoding::utf8, KeyEncoding::whsec};

std::span<const std::uint8_t> bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::optional<PublicKey> key_of(Algorithm algorithm, KeyEncoding encoding, std::string_view text) {
    try {
        return PublicKey(algorithm, encoding, text);
    } catch (const ConfigError& error) {
        require(*error.what() != '\0', "a refusal says why");
        return std::nullopt;
    }
}

bool is_verified(const PublicKey& key, Algorithm algorithm, std::string_view signature) {
    const std::array<std::uint8_t, kLargestHash> digest{};
    if (algorithm == Algorithm::ed25519) return key.verify_message("text", bytes(signature));
    return std::ranges::any_of(
        std::array{Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512}, [&](Hash hash) {
            return key.verify_digest(hash, std::span(digest).first(hash_size(hash)),
                                     bytes(signature));
        });
}

void check_refuses_noise(const PublicKey& key, Algorithm algorithm, std::string_view text) {
    const std::string zeros(64, '\0');
    const std::string identity = '\x01' + std::string(63, '\0');
    for (std::string_view signature : {text, text.substr(0, 64), std::string_view(zeros),
                                       std::string_view(identity), std::string_view("")}) {
        require(!is_verified(key, algorithm, signature), "noise is no signature");
        if (const auto der = ecdsa_der(bytes(signature))) {
            require(!is_verified(key, algorithm, *der), "noise in DER is no signature");
        }
    }
    for (std::size_t size : {256, 384, 512}) {
        for (char byte : {'\0', '\1', '\xff'}) {
            require(!is_verified(key, algorithm, std::string(size, byte)), "a row is no signature");
        }
    }
}

bool is_marked(KeyEncoding encoding) {
    return encoding != KeyEncoding::hex && encoding != KeyEncoding::base64;
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    if (size == 0) return 0;
    const std::size_t choice = *data;
    const webhook::Algorithm algorithm = kAlgorithms[choice % kAlgorithms.size()];
    const webhook::KeyEncoding encoding =
        kEncodings[choice / kAlgorithms.size() % kEncodings.size()];
    const std::string_view text = as_text(data + 1, size - 1);
    const bool is_public = webhook::is_public_key(text);
    if (const auto key = key_of(algorithm, encoding, text)) {
        require(is_public || !is_marked(encoding), "a public key is known as one");
        check_refuses_noise(*key, algorithm, text);
    }
    require(ERR_peek_error() == 0, "no errors are left");
    return 0;
}
