// The handshakes by which senders verify an endpoint, and the answers to them.
//
// An answer repeats values of the request, which may come from anyone if the sender does not sign
// its handshakes. Such values are therefore limited: each has at most kLongestPayloadValue bytes
// without a control character and is escaped in JSON, and a value whose HMAC is the answer must be
// a plain token, so that an attacker cannot get a payload signed.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/form.h"
#include "base/json_document.h"
#include "scheme/scheme.h"
#include "verify/credentials.h"
#include "verify/signing_key.h"

namespace webhook {

// Views are borrowed.
struct HandshakeRequest {
    std::string_view method;
    // Not decoded.
    std::string_view query;
    const SchemeHeaders* headers;
};

// The parsed body. Null if it is not JSON, or not a form, or not read yet.
struct QuestionBody {
    const JsonDocument* json = nullptr;
    const Form* form = nullptr;
};

// Whether the request can be one of the scheme's handshakes, as far as that is known without its
// body.
bool may_be_handshake(const Scheme& scheme, const HandshakeRequest& request);

// Returns the scheme's first handshake that matches the request with this body. Null if none does.
const Handshake* find_handshake(const Scheme& scheme, const HandshakeRequest& request,
                                const QuestionBody& body);

// Returns the token that the sender presents, or nullopt if there is none.
std::optional<std::string> presented_token(const Handshake& handshake,
                                           const HandshakeRequest& request,
                                           const QuestionBody& body);

struct HandshakeAnswer {
    std::uint16_t status;
    std::string content_type;
    std::string body;
    // Empty: none.
    std::string header_name;
    std::string header_value;
};

// Returns nullopt if the request lacks a value for the answer, or has an unsuitable one. `key` is
// the signing secret, for answers that prove its knowledge. Null if there is none.
std::optional<HandshakeAnswer> answer_to(const Handshake& handshake,
                                         const HandshakeRequest& request, const QuestionBody& body,
                                         const SigningKey* key);

}  // namespace webhook
