// The questions by which senders make sure of an endpoint, and what they are answered.
//
// What is answered comes from the request, and so from anyone where the sender signs no handshake.
// It is therefore limited: a value is at most kLongestPayloadValue bytes without a control
// character, is escaped where it is put into JSON, and a value whose HMAC is answered must be a
// plain token, so that nobody can have a payload signed.

#pragma once

#include <cstddef>
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
    // Undecoded.
    std::string_view query;
    const SchemeHeaders* headers;
};

// The body as it can be read. Null where it is not JSON, or no form, or not read yet.
struct QuestionBody {
    const JsonDocument* json = nullptr;
    const Form* form = nullptr;
};

// Whether the request can be one of the scheme's handshakes, as far as this is known before its
// body is.
bool may_be_handshake(const Scheme& scheme, const HandshakeRequest& request);

// The scheme's first handshake that the request with this body is; null where it is none.
const Handshake* find_handshake(const Scheme& scheme, const HandshakeRequest& request,
                                const QuestionBody& body);

// The token that the sender presents; nothing where there is none.
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

// Nothing where the request lacks a value that belongs into the answer, or holds an unsuitable one.
// `key` is the signing secret, for answers that prove its knowledge; null where there is none.
std::optional<HandshakeAnswer> answer_to(const Handshake& handshake,
                                         const HandshakeRequest& request, const QuestionBody& body,
                                         const SigningKey* key);

}  // namespace webhook
