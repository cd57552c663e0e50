// The algorithms that senders sign with, and the encodings of their keys.

#pragma once

#include <cstdint>

namespace webhook {

// `hash`: a plain hash of a text that holds the secret. `token` and `basic`: the sender presents
// the secret itself and signs nothing of the request. `jwt`: a JSON Web Token (RFC 7519).
enum class Algorithm : std::uint8_t { hmac, hash, ed25519, ecdsa_p256, rsa, token, basic, jwt };

// How the text of a secret becomes the key.
//
// utf8: the text itself. base64, hex: its bytes. whsec: base64 after `whsec_`, which may follow
// `v1,`; without `whsec_`, the text itself. The others are public keys: whpk: base64 after `whpk_`.
// pem: a public key or an X.509 certificate (RFC 7468). spki: base64 of a SubjectPublicKeyInfo (RFC
// 5280). jwk: a JSON Web Key (RFC 7517).
enum class KeyEncoding : std::uint8_t { utf8, base64, hex, whsec, whpk, pem, spki, jwk };

}  // namespace webhook
