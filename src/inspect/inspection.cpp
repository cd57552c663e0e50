#include "inspect/inspection.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "base/url.h"

namespace webhook {
namespace {

std::string_view query_with_fragment_of(std::string_view target) {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace

Inspection::Inspection(const Policy& policy, const Wanted& wanted, const RequestHead& head,
                       RequestAccess& access)
    : policy_(policy), wanted_(wanted), head_(head), access_(access), headers_(*policy.scheme) {}

std::variant<Refusal, BodyInspection> Inspection::before_body(Milliseconds now) {
    if (const auto objection = judge_head(now)) return *objection;
    const bool is_hashed =
        wanted_.body_sha256 || wanted_.event_key || policy_.remembers(KeyRule::Kind::event_key);
    if (is_hashed) body_hash_.emplace(Hash::sha256);
    find_early_keys();
    return BodyInspection(*this);
}

Objection Inspection::check_time(Milliseconds now) const {
    return verification_->check_time(now);
}

std::string_view Inspection::hashed_url() const {
    return verification_ && scheme().reads_url() ? verification_->url() : std::string_view();
}

// -- before the body

// Everything that can be refused before the body is read.
Objection Inspection::judge_head(Milliseconds now) {
    if (!head_.has_headers) return Refusal(Reason::method, Cause::Kind::method, "one of HTTP/0.9");
    // A wrong method or source is refused at once, unless a handshake may come with another method.
    if (policy_.handshake.on) collect_headers();
    if (!method_is_allowed() && !may_be_handshake()) return wrong_method();
    if (policy_.require_tls && !head_.is_over_tls) return Reason::insecure;
    if (!access_.source_is_allowed()) return Reason::ip_denied;
    if (head_.endpoint.empty()) return Reason::no_endpoint;
    if (const auto outcome = check_handshake({}, Signature::unknown, now)) return outcome;
    const auto objection = check_signature_before_body(now);
    const bool is_too_large = head_.declared_size > static_cast<std::int64_t>(policy_.payload_max);
    if (!objection || is_too_large || !may_be_unsigned_handshake_in_body()) return objection;
    postponed_ = objection;
    return std::nullopt;
}

bool Inspection::method_is_allowed() const {
    return std::ranges::find(policy_.methods, head_.method) != policy_.methods.end();
}

Refusal Inspection::wrong_method() const {
    const bool is_of_handshake =
        !policy_.handshake.on && std::ranges::find(scheme().handshakes, head_.method,
                                                   &Handshake::method) != scheme().handshakes.end();
    return {Reason::method, is_of_handshake ? Cause::Kind::handshake_off : Cause::Kind::method,
            head_.method};
}

void Inspection::collect_headers() {
    access_.offer_headers(headers_);
    headers_.offer_query(head_.query);
}

// Checks the parts of the signature that the headers show.
Objection Inspection::check_signature_before_body(Milliseconds now) {
    if (!policy_.handshake.on) collect_headers();
    const auto objection = read_headers(scheme(), headers_, now, policy_.tolerance, presented_);
    event_.timestamp = presented_.timestamp;
    if (objection) return objection;
    event_.id = presented_.event_id;
    event_.type = presented_.event_type;
    if (const auto unfit = start_verification(now)) return unfit;
    if (verification_->ignores_body()) return verify_signature(nullptr, now);
    return std::nullopt;
}

Objection Inspection::start_verification(Milliseconds now) {
    const auto url = signed_url();
    if (!url) {
        return Refusal(Reason::bad_signature,
                       went_to_another_host() ? Cause::Kind::other_host : Cause::Kind::url_unfit);
    }
    if (!secrets_) secrets_ = access_.secrets(now);
    const SignedRequest request{head_.method,
                                *url,
                                head_.query,
                                &headers_,
                                &presented_,
                                &policy_.tolerance,
                                &access_.json_document(),
                                policy_.url_is_fixed,
                                query_with_fragment_of(head_.target)};
    verification_.emplace(scheme(), secrets_->all, request, now);
    if (verification_->secret_count() > 0) return std::nullopt;
    if (!secrets_->all.empty()) return Refusal(Reason::no_secret, Cause::Kind::secrets_expired);
    return secrets_->depend_on_request ? Refusal(Reason::no_secret, Cause::Kind::no_secret_given)
                                       : Refusal(Reason::no_secret);
}

// Returns nothing if a reader could take the request for one to another URL than it is routed by.
std::optional<std::string_view> Inspection::signed_url() {
    const bool has_fragment = head_.target.find('#') != std::string_view::npos;
    if (scheme().signs_parameter() && has_fragment) return std::nullopt;
    if (!scheme().reads_url()) return std::string_view();
    const ConfiguredUrl url = access_.url();
    // A variable may have no value for this request.
    if (url.text.empty()) return std::nullopt;
    if (policy_.url_is_fixed) return url.text;
    // A path in the text for the host would make another URL.
    const bool is_sound = has_sound_host() && !has_fragment && (!url.host || is_host(*url.host)) &&
                          is_unambiguous_url(url.text, head_.target);
    return is_sound ? std::optional(url.text) : std::nullopt;
}

// Whether the received host is a valid one, as far as a URL uses it.
bool Inspection::has_sound_host() const {
    return (!head_.host || is_host(*head_.host)) && is_host(head_.server) &&
           !went_to_another_host();
}

// Whether the request line has a host that differs from the Host header, or comes without one.
bool Inspection::went_to_another_host() const {
    if (!head_.host_of_line) return false;
    return !head_.host || !equals_ignoring_case(*head_.host_of_line, *head_.host);
}

// -- the body

void Inspection::update(std::string_view piece) {
    has_verified_ = true;
    if (!postponed_) verification_->update(piece);
    if (body_hash_) body_hash_->update(piece);
}

std::size_t Inspection::hashes() const {
    return postponed_ ? 1 : std::max<std::size_t>(1, verification_->secret_count());
}

Objection Inspection::judge_body(BodyAccess& body, Milliseconds now) {
    auto objection = judge_delivery(body, now);
    if (objection && *objection == Reason::invalid_payload && is_too_large(body)) {
        objection->cause = {Cause::Kind::body_too_large,
                            {},
                            body.sent_size(),
                            static_cast<std::int64_t>(policy_.payload_max)};
    }
    return objection;
}

// Everything that needs the body.
Objection Inspection::judge_delivery(BodyAccess& body, Milliseconds now) {
    // The sender decides how long its body takes, and a list may have changed since.
    if (!access_.source_is_allowed()) return Reason::ip_denied;
    if (!body.is_as_declared()) return Reason::incomplete_body;
    if (!body.is_sound()) {
        if (postponed_) return postponed_;
        return Refusal(Reason::invalid_payload, Cause::Kind::body_undecodable);
    }
    if (body_hash_) {
        std::array<std::uint8_t, kLargestHash> digest;
        event_.body_sha256 = access_.keep(to_hex(body_hash_->finish(digest)));
    }
    if (may_be_unsigned_handshake_in_body()) {
        const auto outcome = check_handshake(question_body(body), Signature::unknown, now);
        if (outcome) return outcome;
    }
    if (postponed_) return postponed_;
    if (const auto objection = verify(body, now)) return objection;
    if (may_be_handshake()) {
        const auto outcome = check_handshake(question_body(body), Signature::verified, now);
        if (outcome) return outcome;
    }
    if (!method_is_allowed()) return wrong_method();
    if (const auto objection = check_payload(body)) return objection;
    if (wants_event_key()) {
        if (const auto objection = check_values_of_event_key(body)) return objection;
        find_event_key(body);
    }
    return find_keys();
}

Objection Inspection::verify(BodyAccess& body, Milliseconds now) {
    Verification& verification = *verification_;
    verification.record_sent_size(static_cast<std::size_t>(body.sent_size()));
    // A delivery that was in time when its headers came may be too late now.
    if (const auto objection = verification.check_time(now)) return objection;
    if (!verification.ignores_body()) {  // else done before the body
        WholeBody* needed = verification.needs_whole_body() ? whole(body) : nullptr;
        if (const auto objection = verify_signature(needed, now)) return objection;
    }
    if (const auto objection = verification.verify_body()) return objection;
    if (!verification.needs_whole_body_for_timestamp()) return std::nullopt;
    const auto objection = verification.verify_timestamp(whole(body), now);
    event_.timestamp = presented_.timestamp = access_.keep(verification.late_timestamp());
    return objection;
}

Objection Inspection::verify_signature(WholeBody* body, Milliseconds now) {
    has_verified_ = true;
    Verification& verification = *verification_;
    if (const auto objection = verification.verify_signature(body, now)) return objection;
    has_matched_ = true;
    event_.secret_id = verification.secret()->id;
    using Kind = ValueLocation::Kind;
    if (scheme().event_id.kind == Kind::claim) event_.id = access_.keep(verification.event_id());
    if (scheme().event_type.kind == Kind::claim) {
        event_.type = access_.keep(verification.event_type());
    }
    if (!verification.late_timestamp().empty()) {
        event_.timestamp = presented_.timestamp = access_.keep(verification.late_timestamp());
    }
    return std::nullopt;
}

bool Inspection::is_too_large(const BodyAccess& body) const {
    return body.size() > static_cast<std::int64_t>(policy_.payload_max);
}

WholeBody* Inspection::whole(BodyAccess& body) const {
    return is_too_large(body) ? nullptr : &body.whole();
}

// The Content-Type decides.
bool Inspection::is_form() const {
    const auto content_type = scheme().content_type;
    return content_type && is_form_type(headers_.value(*content_type));
}

// Returns null if the body is no form.
const Form* Inspection::form(BodyAccess& body) const {
    if (!is_form()) return nullptr;
    WholeBody* known = whole(body);
    return known == nullptr ? nullptr : known->form();
}

// -- handshakes

HandshakeRequest Inspection::question() const {
    return {head_.method, head_.query, &headers_};
}

bool Inspection::may_be_handshake() const {
    return policy_.handshake.on && webhook::may_be_handshake(scheme(), question());
}

bool Inspection::may_be_unsigned_handshake_in_body() const {
    const auto is_one = [](const Handshake& handshake) {
        return handshake.reads_body() && handshake.check != Handshake::Check::signature;
    };
    return may_be_handshake() && std::ranges::any_of(scheme().handshakes, is_one);
}

bool Inspection::may_be_unanswered_handshake() const {
    const auto is_unsigned = [this](const Handshake& handshake) {
        return handshake.method == head_.method && handshake.check != Handshake::Check::signature;
    };
    return !policy_.handshake.on && std::ranges::any_of(scheme().handshakes, is_unsigned) &&
           webhook::may_be_handshake(scheme(), question());
}

QuestionBody Inspection::question_body(BodyAccess& body) const {
    WholeBody* known = whole(body);
    return {known == nullptr ? nullptr : known->json(), form(body)};
}

Objection Inspection::check_handshake(const QuestionBody& body, Signature signature,
                                      Milliseconds now) {
    if (!may_be_handshake()) return std::nullopt;
    const Handshake* handshake = find_handshake(scheme(), question(), body);
    if (handshake == nullptr) return std::nullopt;
    const bool has_to_be_signed = handshake->check == Handshake::Check::signature;
    if (has_to_be_signed && signature != Signature::verified) return std::nullopt;
    return answer(*handshake, body, now);
}

Refusal Inspection::answer(const Handshake& handshake, const QuestionBody& body, Milliseconds now) {
    if (handshake.check == Handshake::Check::token && !token_is_right(handshake, body)) {
        return {Reason::bad_signature, Cause::Kind::handshake_token};
    }
    const SigningKey* key = handshake.proves_secret() ? key_for_answer(now) : nullptr;
    if (handshake.proves_secret() && key == nullptr) return Reason::no_secret;
    auto answer = answer_to(handshake, question(), body, key);
    if (!answer) return {Reason::invalid_payload, Cause::Kind::handshake_answer};
    handshake_ = std::make_unique<const HandshakeAnswer>(std::move(*answer));
    return Reason::handshake;
}

bool Inspection::token_is_right(const Handshake& handshake, const QuestionBody& body) const {
    const auto token = presented_token(handshake, question(), body);
    const auto& expected = policy_.handshake.token;
    return token && expected && equal_in_constant_time(sha256(*token), *expected);
}

// The key that verified the request, or the first valid one.
const SigningKey* Inspection::key_for_answer(Milliseconds now) {
    if (verification_) {
        const SigningSecret* secret = verification_->secret_for_answers(now);
        return secret == nullptr ? nullptr : &secret->key;
    }
    if (!secrets_) secrets_ = access_.secrets(now);
    const auto usable = std::ranges::find_if(
        secrets_->all, [now](const SigningSecret* secret) { return secret->usable(now); });
    return usable == secrets_->all.end() ? nullptr : &(*usable)->key;
}

}  // namespace webhook
