#include "ngx_http_webhook/handshake.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "inspect/handshake.h"

namespace webhook::ngx {
namespace {

enum class Signature : std::uint8_t { unknown, verified };

HandshakeRequest request_of(const Delivery& delivery) {
    return {to_view(delivery.request->method_name), to_view(delivery.request->args),
            &delivery.headers};
}

// The secret that the answer is made with: the one that verified the request, or the first that is
// of use.
const SigningKey* key_for_answer(Delivery& delivery) {
    if (delivery.verification) {
        const SigningSecret* secret = delivery.verification->secret_for_answers(now());
        return secret == nullptr ? nullptr : &secret->key;
    }
    std::vector<const SigningSecret*> all;
    for (const SigningSecret* secret : collect_secrets(delivery, all)) {
        if (secret->usable(now())) return &secret->key;
    }
    return nullptr;
}

// What the sender says of a form is believed: of one that is none, nothing is read.
QuestionBody body_of(const Delivery& delivery, Payload& payload) {
    QuestionBody body{payload.json(), nullptr};
    const auto content_type = delivery.conf.scheme->content_type;
    if (content_type && is_form_type(delivery.headers.value(*content_type))) {
        WholeBody* whole = payload.whole();
        if (whole != nullptr) body.form = whole->form();
    }
    return body;
}

bool token_is_right(const Delivery& delivery, const Handshake& handshake,
                    const QuestionBody& body) {
    const auto token = presented_token(handshake, request_of(delivery), body);
    const auto& expected = delivery.conf.handshake->token;
    return token && expected && equal_in_constant_time(sha256(*token), *expected);
}

Refusal answer(Delivery& delivery, const Handshake& handshake, const QuestionBody& body) {
    if (handshake.check == Handshake::Check::token && !token_is_right(delivery, handshake, body)) {
        return {Reason::bad_signature, Cause::Kind::handshake_token};
    }
    const SigningKey* key = handshake.proves_secret() ? key_for_answer(delivery) : nullptr;
    if (handshake.proves_secret() && key == nullptr) return Reason::no_secret;
    auto answer = answer_to(handshake, request_of(delivery), body, key);
    if (!answer) return {Reason::invalid_payload, Cause::Kind::handshake_answer};
    delivery.handshake = std::make_unique<const HandshakeAnswer>(std::move(*answer));
    return Reason::handshake;
}

Objection check(Delivery& delivery, const QuestionBody& body, Signature signature) {
    const Handshake* handshake = find_handshake(*delivery.conf.scheme, request_of(delivery), body);
    if (handshake == nullptr) return std::nullopt;
    const bool has_to_be_signed = handshake->check == Handshake::Check::signature;
    if (has_to_be_signed && signature != Signature::verified) return std::nullopt;
    return answer(delivery, *handshake, body);
}

}  // namespace

bool may_be_handshake(const Delivery& delivery) {
    return delivery.conf.shakes_hands() &&
           may_be_handshake(*delivery.conf.scheme, request_of(delivery));
}

bool may_be_unsigned_handshake_in_body(const Delivery& delivery) {
    const auto is_one = [](const Handshake& handshake) {
        return handshake.reads_body() && handshake.check != Handshake::Check::signature;
    };
    return may_be_handshake(delivery) &&
           std::ranges::any_of(delivery.conf.scheme->handshakes, is_one);
}

bool may_be_unanswered_handshake(const Delivery& delivery) {
    const HandshakeRequest request = request_of(delivery);
    const auto is_unsigned = [&request](const Handshake& handshake) {
        return handshake.method == request.method && handshake.check != Handshake::Check::signature;
    };
    return !delivery.conf.shakes_hands() &&
           std::ranges::any_of(delivery.conf.scheme->handshakes, is_unsigned) &&
           may_be_handshake(*delivery.conf.scheme, request);
}

Objection check_handshake_before_body(Delivery& delivery) {
    if (!may_be_handshake(delivery)) return std::nullopt;
    return check(delivery, {}, Signature::unknown);
}

Objection check_unsigned_handshake(Delivery& delivery, Payload& payload) {
    if (!may_be_unsigned_handshake_in_body(delivery)) return std::nullopt;
    return check(delivery, body_of(delivery, payload), Signature::unknown);
}

Objection check_verified_handshake(Delivery& delivery, Payload& payload) {
    if (!may_be_handshake(delivery)) return std::nullopt;
    return check(delivery, body_of(delivery, payload), Signature::verified);
}

}  // namespace webhook::ngx
