#include "webhook/verification.h"

#include <algorithm>

namespace webhook {

Verification::Verification(const Scheme& scheme, std::span<const SigningSecret* const> secrets,
                           const SignedValues& values, Milliseconds now)
    : scheme_(&scheme), values_(values) {
    attempts_.reserve(secrets.size());
    for (const SigningSecret* secret : secrets) {
        if (!secret->usable(now)) continue;
        Attempt& attempt = attempts_.emplace_back(Attempt{secret, std::nullopt});
        if (scheme.algorithm == Algorithm::hmac) attempt.hmac.emplace(secret->key.start_hmac());
    }
    const Parts parts = scheme.signed_parts;
    const auto body = std::ranges::find(parts, SignedPart::Kind::body, &SignedPart::kind);
    const auto before = static_cast<std::size_t>(body - parts.begin());
    hash(parts.first(before));
    rest_ = parts.subspan(std::min(before + 1, parts.size()));
}

void Verification::update(std::string_view piece_of_body) {
    if (ignores_body()) return;
    for (Attempt& attempt : attempts_) attempt.hmac->update(piece_of_body);
}

const SigningSecret* Verification::finish() {
    hash(rest_);
    for (Attempt& attempt : attempts_) {
        if (matches(attempt)) return attempt.secret;
    }
    return nullptr;
}

std::string_view Verification::value_of(const SignedPart& part) const {
    switch (part.kind) {
        case SignedPart::Kind::literal:
            return part.literal;
        case SignedPart::Kind::timestamp:
            return values_.presented->timestamp;
        case SignedPart::Kind::id:
            return values_.presented->event_id;
        case SignedPart::Kind::method:
            return values_.method;
        case SignedPart::Kind::header:
            return values_.headers->value(part.header);
        case SignedPart::Kind::body:
            break;
    }
    return {};
}

void Verification::hash(Parts parts) {
    for (const SignedPart& part : parts) {
        const std::string_view value = value_of(part);
        for (Attempt& attempt : attempts_) attempt.hmac->update(value);
    }
}

bool Verification::matches(Attempt& attempt) const {
    if (scheme_->algorithm == Algorithm::token) {
        return attempt.secret->key.is_token(values_.presented->token);
    }
    std::array<std::uint8_t, kLargestHash> code;
    const auto expected = attempt.hmac->finish(code);
    bool found = false;
    for (const Candidate& candidate : values_.presented->candidates()) {
        found |= equal_in_constant_time(candidate.bytes(), expected);
    }
    return found;
}

}  // namespace webhook
