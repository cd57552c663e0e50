#include "verify/verification.h"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "base/encoding.h"
#include "base/text.h"
#include "base/url.h"
#include "scheme/native.h"
#include "scheme/native_url.h"
#include "scheme/vocabulary.h"
#include "verify/body_digest.h"
#include "verify/jwt.h"

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;

Refusal not_json() {
    return {Reason::invalid_payload, Cause::Kind::not_json};
}

Cause missing_in_body(const ValueLocation& source) {
    const bool is_field = source.kind == ValueLocation::Kind::field;
    return {is_field ? Cause::Kind::field_unfit : Cause::Kind::json_missing, source.text};
}

Refusal not_form() {
    return {Reason::invalid_payload, Cause::Kind::not_form};
}

Refusal bad_claim(std::string_view name) {
    return {Reason::bad_signature, Cause::Kind::claim, name};
}

// The largest difference between the clocks of two well-kept machines.
constexpr Milliseconds kClockSkew = std::chrono::minutes(1);

// Ed25519 hashes the whole text for every signature that is tried, so few are tried for a long
// text.
constexpr std::size_t kHashedForEachKey = 4 * 1024 * 1024;
constexpr std::size_t kFewCandidates = 3;

std::size_t candidates_for(std::size_t text_size) {
    return std::max(kFewCandidates, kHashedForEachKey / (text_size + 1));
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Besides letters and digits.
constexpr std::string_view kInFieldNames = "_[].-";

bool begins_with_letter(std::string_view name) {
    return !name.empty() && is_letter(name.front());
}

// With every sender, the first field of a form that is signed after a URL has such a name.
bool is_field_name(std::string_view name) {
    return begins_with_letter(name) && consists_of(name, kInFieldNames);
}

// A key of a set has a name, which a token may refer to.
bool may_be_of(const Jwt& jwt, const SigningSecret& secret) {
    return !jwt.kid || secret.kid.empty() || *jwt.kid == secret.kid;
}

bool is_signed(const SigningKey& key, Algorithm algorithm, Hash hash, std::string_view text,
               std::span<const std::uint8_t> signature) {
    std::array<std::uint8_t, kLargestHash> bytes;
    switch (algorithm) {
        case Algorithm::hmac: {
            Hmac hmac = key.start_hmac(hash);
            hmac.update(text);
            return equal_in_constant_time(signature, hmac.finish(bytes));
        }
        case Algorithm::ecdsa_p256:
        case Algorithm::rsa: {
            HashStream stream(hash);
            stream.update(text);
            return key.public_key().verify_digest(hash, stream.finish(bytes), signature);
        }
        case Algorithm::ed25519:
            return key.public_key().verify_message(text, signature);
        default:
            return false;
    }
}

}  // namespace

Verification::Verification(const Scheme& scheme, std::span<const SigningSecret* const> secrets,
                           const SignedRequest& request, Milliseconds now)
    : scheme_(&scheme),
      request_(request),
      streams_body_(scheme.signs(Kind::body)),
      rest_(scheme.signed_parts),
      extras_(extras_for(scheme, request)) {
    for (const SigningSecret* secret : secrets) {
        if (secret->usable(now)) {
            add_attempts(*secret);
        } else {
            some_expired_ = true;
        }
    }
    if (!streams_body_ || scheme_->wants_whole_body) return;
    const auto body = std::ranges::find(rest_, Kind::body, &TemplatePart::kind);
    const auto before = static_cast<std::size_t>(body - rest_.begin());
    early_objection_ = add_parts(rest_.first(before), nullptr);
    rest_ = rest_.subspan(before + 1);
}

std::span<const Join> Verification::joins() const {
    return request_.url_is_fixed ? scheme_->joins_at_fixed_url : scheme_->joins;
}

std::unique_ptr<Verification::BodyDerived> Verification::extras_for(const Scheme& scheme,
                                                                    const SignedRequest& request) {
    const bool frames =
        frames_body(request.url_is_fixed ? scheme.joins_at_fixed_url : scheme.joins);
    const bool has_late_timestamp =
        scheme.has_timestamp_in_body() ||
        (scheme.timestamp && scheme.timestamp->source.kind == ValueLocation::Kind::claim);
    const bool needed = has_late_timestamp || frames || scheme.signs_for_anyone() ||
                        scheme.algorithm == Algorithm::jwt || scheme.digest ||
                        scheme.verifies_form() || scheme.signs(Kind::url_ports) ||
                        scheme.signs(Kind::crc32_of_body) || scheme.signs(Kind::sha256_of_body) ||
                        scheme.signatures.front().source.is_in_body();
    if (!needed) return nullptr;
    auto extras = std::make_unique<BodyDerived>();
    if (frames) extras->frame.emplace();
    if (scheme.signs_for_anyone()) extras->for_anyone.emplace();
    if (scheme.signs(Kind::url_ports)) {
        extras->other_url = with_other_port(request.url).value_or("");
    }
    if (scheme.signs(Kind::crc32_of_body)) extras->crc32 = 0;
    if (scheme.signs(Kind::sha256_of_body)) extras->sha256.emplace(Hash::sha256);
    if (scheme.digest) extras->digest.emplace(scheme.digest->hash);
    return extras;
}

void Verification::add_attempts(const SigningSecret& secret) {
    ++secret_count_;
    add_attempt(secret, request_.url);
    if (extras_ && !extras_->other_url.empty()) add_attempt(secret, extras_->other_url);
}

void Verification::add_attempt(const SigningSecret& secret, std::string_view url) {
    SecretTrial& trial = trials_.emplace_back(SecretTrial{&secret, url, {}, {}});
    if (scheme_->native != nullptr) return;
    if (scheme_->can_be_extended()) trial.extension = std::make_unique<LengthExtension>();
    switch (scheme_->algorithm) {
        case Algorithm::hmac:
            trial.text.emplace<Hmac>(secret.key.start_hmac());
            break;
        case Algorithm::hash:
        case Algorithm::ecdsa_p256:
        case Algorithm::rsa:
            trial.text.emplace<HashStream>(scheme_->hash);
            break;
        case Algorithm::ed25519:
            trial.text.emplace<std::string>();
            break;
        default:
            break;
    }
}

void Verification::SecretTrial::add(std::string_view bytes) {
    if (extension) extension->update(bytes);
    if (auto* hmac = std::get_if<Hmac>(&text)) {
        hmac->update(bytes);
    } else if (auto* hash = std::get_if<HashStream>(&text)) {
        hash->update(bytes);
    } else if (auto* whole = std::get_if<std::string>(&text)) {
        *whole += bytes;
    }
}

void Verification::add(std::string_view value) {
    if (extras_ && extras_->for_anyone) extras_->for_anyone->update(value);
    for (SecretTrial& trial : trials_) trial.add(value);
}

void Verification::update(std::string_view piece_of_body) {
    body_size_ += piece_of_body.size();
    if (streams_body_ && !scheme_->wants_whole_body) add(piece_of_body);
    if (extras_) extras_->update(piece_of_body);
}

void Verification::BodyDerived::update(std::string_view piece_of_body) {
    if (piece_of_body.empty()) return;
    if (frame) frame->update(piece_of_body);
    if (crc32) {
        const auto* bytes = reinterpret_cast<const Bytef*>(piece_of_body.data());
        crc32 = static_cast<std::uint32_t>(crc32_z(*crc32, bytes, piece_of_body.size()));
    }
    if (sha256) sha256->update(piece_of_body);
    if (digest) digest->update(piece_of_body);
}

const std::string& Verification::BodyDerived::sha256_text() {
    if (hex_digest.empty()) {
        std::array<std::uint8_t, kLargestHash> digest;
        hex_digest = to_hex(sha256->finish(digest));
    }
    return hex_digest;
}

Objection Verification::add_parts(Parts parts, WholeBody* body) {
    for (const TemplatePart& part : parts) {
        if (const auto objection = add_part(part, body)) return objection;
    }
    return std::nullopt;
}

Objection Verification::add_part(const TemplatePart& part, WholeBody* body) {
    const auto index = static_cast<std::size_t>(&part - scheme_->signed_parts.data());
    if (part.is_url() && !keeps_its_side(*scheme_, joins(), index, request_.url)) {
        return Refusal(Reason::bad_signature, Cause::Kind::url_unfit);
    }
    // Some readers take it for a separator and could find another parameter of this name after it.
    const std::string_view parameter = scheme_->parameter_of(part);
    if (!parameter.empty() && request_.query.find(';') != std::string_view::npos) {
        return Refusal(Reason::bad_signature, Cause::Kind::query_unfit, parameter);
    }
    switch (part.kind) {
        case Kind::body:
            if (body == nullptr) return Reason::invalid_payload;
            add(body->text());
            return std::nullopt;
        case Kind::json:
            return add_json(part, body);
        case Kind::form:
        case Kind::field:
            return add_form(part, body);
        case Kind::query:
            return add_query(part);
        case Kind::crc32_of_body:
            add(std::to_string(*extras_->crc32));
            return std::nullopt;
        case Kind::sha256_of_body:
            add(extras_->sha256_text());
            return std::nullopt;
        case Kind::url_hubspot:
            if (!request_.url_is_fixed && hides_query(request_.url)) {
                return Refusal(Reason::bad_signature, Cause::Kind::url_unfit);
            }
            add(hubspot_url(request_.url));
            return std::nullopt;
        default:
            if (extras_ && extras_->for_anyone && !trials_.empty()) {
                extras_->for_anyone->update(value_of(part, trials_.front()));
            }
            for (SecretTrial& trial : trials_) trial.add(value_of(part, trial));
            return std::nullopt;
    }
}

// Unsigned parameters would reach readers that use the query, or merge it with the body.
bool Verification::has_query_of_its_own() const {
    if (!scheme_->reads_url()) return false;
    const std::string_view hashed = query_of(request_.url);
    if (request_.sent_query == hashed) return false;
    return !same_query(request_.sent_query, hashed, [this](std::string_view parameter) {
        return scheme_->has_beside_url(parameter);
    });
}

// The value of a part that needs no computation.
std::string_view Verification::value_of(const TemplatePart& part, const SecretTrial& trial) const {
    switch (part.kind) {
        case Kind::literal:
            return part.text;
        case Kind::timestamp:
            return scheme_->has_timestamp_in_body() ? std::string_view(extras_->late_timestamp)
                                                    : request_.presented->timestamp;
        case Kind::id:
            return request_.presented->event_id;
        case Kind::method:
            return request_.method;
        case Kind::url:
            return request_.url;
        case Kind::url_ports:
            return trial.url;
        case Kind::header:
            return request_.headers->value(part.header);
        case Kind::secret:
            return trial.secret->key.text();
        case Kind::secret_id:
            return trial.secret->id;
        default:
            throw std::logic_error("a placeholder that no signed text can hold");
    }
}

Objection Verification::add_query(const TemplatePart& part) {
    const auto value = query_value(request_.query, part.text);
    const auto index = static_cast<std::size_t>(&part - scheme_->signed_parts.data());
    if (!value || !keeps_its_side(*scheme_, joins(), index, *value)) {
        return Refusal(Reason::bad_signature, Cause::Kind::query_unfit, part.text);
    }
    add(*value);
    return std::nullopt;
}

Objection Verification::add_json(const TemplatePart& part, WholeBody* body) {
    const JsonDocument* json = body == nullptr ? nullptr : body->json();
    if (json == nullptr) return not_json();
    const auto value = json->value_at(part.text);
    if (!value) return Refusal(Reason::invalid_payload, Cause::Kind::json_missing, part.text);
    add(*value);
    keep_beside_body(part, *value);
    return std::nullopt;
}

// If the body is framed, the values next to it are checked again at its end.
void Verification::keep_beside_body(const TemplatePart& part, std::string_view value) {
    if (extras_ && extras_->frame) extras_->beside_body[&part] = value;
}

bool Verification::is_form() const {
    return is_form_type(request_.headers->value(*scheme_->content_type));
}

// A URL and a form are joined without a separator, so that the end of a URL could become the
// beginning of a field. If the URL is fixed, the end of a longer one could.
bool Verification::starts_behind_url(const TemplatePart& part, const Form& form) const {
    const auto index = static_cast<std::size_t>(&part - scheme_->signed_parts.data());
    const bool is_behind_url = index > 0 && scheme_->signed_parts[index - 1].is_url();
    if (!is_behind_url || form.fields().empty()) return true;
    const auto& [name, value] = *std::ranges::min_element(form.fields());
    return request_.url_is_fixed ? begins_with_letter(name) : is_field_name(name);
}

// A sender's digest is the end of its signed text. If a part of the digest is in the form, a
// delivery that was covered by its digest was turned into this form.
bool Verification::splits_digest(std::string_view text) const {
    if (text.empty() || !scheme_->digest) return false;
    const DigestSource& wanted = *scheme_->digest;
    if (wanted.source.kind != ValueLocation::Kind::query) return false;
    const std::string all = std::string(request_.url).append(text);
    const std::string parameter = wanted.source.text + '=';
    const std::size_t start = all.rfind(parameter);
    if (start == 0 || start == std::string::npos) return false;
    if (all[start - 1] != '?' && all[start - 1] != '&') return false;
    const auto digest =
        decode(wanted.encoding, std::string_view(all).substr(start + parameter.size()));
    return digest && digest->size() == hash_size(wanted.hash);
}

// If the sender could declare a form to be none, its fields would not be signed. So the body must
// then be empty, or covered by a digest.
Objection Verification::add_form(const TemplatePart& part, WholeBody* body) {
    if (body == nullptr) return Reason::invalid_payload;
    const bool may_be_none = part.kind == Kind::form && (body_is_empty() || extras_->digest);
    if (!is_form()) {
        if (may_be_none) return std::nullopt;
        return not_form();
    }
    const Form* form = body->form();
    if (form == nullptr) return not_form();
    if (part.kind == Kind::form) {
        const std::string text = form->sorted_text(signature_field());
        if (!starts_behind_url(part, *form) || splits_digest(text)) {
            return Refusal(Reason::bad_signature, Cause::Kind::form_beside_url);
        }
        add(text);
        keep_beside_body(part, text);
        return std::nullopt;
    }
    const auto value = form->only(part.text);
    if (!value) return Refusal(Reason::invalid_payload, Cause::Kind::field_unfit, part.text);
    add(*value);
    keep_beside_body(part, *value);
    return std::nullopt;
}

// Empty if the signature is elsewhere.
std::string_view Verification::signature_field() const {
    const ValueLocation& source = scheme_->signatures.front().source;
    return source.kind == ValueLocation::Kind::field ? std::string_view(source.text)
                                                     : std::string_view();
}

// Some readers take a `;` for a `&`, and find fields other than the signed ones. Encoders of forms
// write it as %3B.
Objection Verification::check_separators(WholeBody* body) const {
    const bool concerned = scheme_->signs_decoded_form() && body != nullptr && is_form();
    if (!concerned || body->text().find(';') == std::string_view::npos) return std::nullopt;
    return Refusal(Reason::invalid_payload, Cause::Kind::form_semicolon);
}

// Readers that merge the query with the form could find an unsigned value in the place of a field.
Objection Verification::check_query_beside_form(WholeBody* body) const {
    if (!scheme_->signs_decoded_form()) return std::nullopt;
    if (request_.query.empty() && request_.sent_query.empty()) return std::nullopt;
    const Form* form = form_of(body);
    if (form == nullptr) return std::nullopt;
    const auto replaces_field = [this, form](std::string_view name) {
        return is_signed_in_form(name, *form) && !reads_or_covers_parameter(name);
    };
    if (!has_parameter(request_.query, replaces_field) &&
        !has_parameter(request_.sent_query, replaces_field)) {
        return std::nullopt;
    }
    return Refusal(Reason::invalid_payload, Cause::Kind::query_beside_form);
}

// Some readers ignore the case of names. The operator may have put a `token` of its own into the
// URL's query, and a sender that does not sign its message may give its event id that name.
bool Verification::is_signed_in_form(std::string_view name, const Form& form) const {
    const ValueLocation& id = scheme_->event_id;
    const bool may_be_of_address = scheme_->takes_unsigned_fields() &&
                                   id.kind == ValueLocation::Kind::field &&
                                   equals_ignoring_case(name, id.text);
    if (may_be_of_address) return false;
    return std::ranges::any_of(form.fields(), [this, name](const Form::Field& field) {
        if (!equals_ignoring_case(field.first, name)) return false;
        return scheme_->signs(Kind::form) || scheme_->signs_field(field.first) ||
               field.first == signature_field();
    });
}

bool Verification::reads_or_covers_parameter(std::string_view name) const {
    return scheme_->covers_parameter(name) ||
           std::ranges::count(scheme_->headers, kParameterMark + std::string(name)) > 0;
}

// Unsigned fields are refused, unless the scheme allows them.
Objection Verification::check_other_fields(WholeBody* body) const {
    const bool covers_all = scheme_->signs(Kind::form) || scheme_->covers_raw_body();
    if (!scheme_->verifies_form() || covers_all || scheme_->takes_unsigned_fields()) {
        return std::nullopt;
    }
    const Form* form = form_of(body);
    if (form == nullptr) return not_form();
    // A field may have an empty name, too.
    const std::string_view signature = signature_field();
    const auto is_known = [&](const Form::Field& field) {
        return (!signature.empty() && field.first == signature) ||
               scheme_->signs_field(field.first);
    };
    if (std::ranges::all_of(form->fields(), is_known)) return std::nullopt;
    return Refusal(Reason::invalid_payload, Cause::Kind::field_unsigned);
}

const Form* Verification::form_of(WholeBody* body) const {
    return body != nullptr && is_form() ? body->form() : nullptr;
}

Objection Verification::verify_signature(WholeBody* body, Milliseconds now) {
    if (early_objection_) return early_objection_;
    if (has_query_of_its_own()) {
        return Refusal(Reason::bad_signature, Cause::Kind::query_beside_url);
    }
    if (scheme_->algorithm == Algorithm::jwt) return match_jwt(now);
    if (const auto objection = read_signature_in_body(body)) return objection;
    if (const auto objection = check_separators(body)) return objection;
    if (const auto objection = check_query_beside_form(body)) return objection;
    if (const auto objection = check_other_fields(body)) return objection;
    if (scheme_->wants_whole_body && scheme_->has_timestamp_in_body()) {
        if (const auto objection = read_timestamp_in_body(body)) return objection;
    }
    if (scheme_->native != nullptr) return match_native(body, now);
    if (const auto objection = add_parts(rest_, body)) return objection;
    if (extras_ && extras_->for_anyone && extras_->for_anyone->can_be_had_by_anyone()) {
        return Refusal(Reason::bad_signature, Cause::Kind::text_for_anyone);
    }
    return find_secret(now, [this](SecretTrial& trial) { return matches(trial); });
}

Objection Verification::read_signature_in_body(WholeBody* body) {
    const SignatureSource& source = scheme_->signatures.front();
    if (!source.source.is_in_body()) return std::nullopt;
    std::optional<std::string> text;
    if (const auto objection = read_from_body(source.source, body, text)) return objection;
    if (!text) return Refusal(Reason::missing_signature, missing_in_body(source.source));
    extras_->signature_in_body = std::move(*text);
    request_.presented->take_signatures(*scheme_, source, extras_->signature_in_body);
    if (request_.presented->has_signature()) return std::nullopt;
    return Refusal(Reason::malformed_signature, Cause::Kind::signature_encoding,
                   source.source.text);
}

// A value that occurs more than once counts as missing.
Objection Verification::read_from_body(const ValueLocation& source, WholeBody* body,
                                       std::optional<std::string>& value) const {
    if (source.kind == ValueLocation::Kind::field) {
        const Form* form = form_of(body);
        if (form == nullptr) return not_form();
        value = form->only(source.text);
        return std::nullopt;
    }
    const JsonDocument* json = body == nullptr ? nullptr : body->json();
    if (json == nullptr) return not_json();
    value = json->value_at(source.text);
    return std::nullopt;
}

Objection Verification::read_timestamp_in_body(WholeBody* body) {
    const ValueLocation& source = scheme_->timestamp->source;
    std::optional<std::string> text;
    if (const auto objection = read_from_body(source, body, text)) return objection;
    if (!text || text->empty()) return Refusal(Reason::missing_timestamp, missing_in_body(source));
    extras_->late_timestamp = *text;
    return std::nullopt;
}

Objection Verification::verify_timestamp(WholeBody* body, Milliseconds now) {
    if (!scheme_->has_timestamp_in_body()) return std::nullopt;
    if (extras_->late_timestamp.empty()) {
        if (const auto objection = read_timestamp_in_body(body)) return objection;
    }
    return check_window(now);
}

// By the time at which the delivery is judged, not at which it came.
Objection Verification::check_window(Milliseconds now) const {
    if (!scheme_->timestamp) return std::nullopt;
    const ValueLocation::Kind kind = scheme_->timestamp->source.kind;
    const bool is_early = kind == ValueLocation::Kind::header || kind == ValueLocation::Kind::item;
    const std::string_view text = is_early ? request_.presented->timestamp : late_timestamp();
    if (!is_early && text.empty()) return std::nullopt;
    return check_timestamp(*scheme_->timestamp, text, now, *request_.tolerance);
}

Objection Verification::check_time(Milliseconds now) const {
    const auto usable = [now](const SecretTrial& trial) { return trial.secret->usable(now); };
    if (const auto objection = check_window(now)) return objection;
    if (std::ranges::none_of(trials_, usable)) {
        return Refusal(Reason::no_secret, Cause::Kind::secrets_expired);
    }
    if (secret_ == nullptr) return std::nullopt;
    if (not_after_ && now >= *not_after_) {
        return Refusal(Reason::bad_signature, Cause::Kind::secret_expired);
    }
    return check_validity(now);
}

const SigningSecret* Verification::secret_for_answers(Milliseconds now) const {
    if (secret_ != nullptr) return secret_;
    for (const SecretTrial& trial : trials_) {
        if (trial.secret->usable(now)) return trial.secret;
    }
    return nullptr;
}

// Facts that the operator may compare with the sender's records.
Refusal Verification::no_match() const {
    const bool extended = std::ranges::any_of(trials_, [](const SecretTrial& trial) {
        return trial.extension && trial.extension->found();
    });
    if (extended) return {Reason::bad_signature, Cause::Kind::extended};
    auto kind = ignores_body() ? Cause::Kind::no_match : Cause::Kind::no_match_of_body;
    if (some_expired_) {
        kind = ignores_body() ? Cause::Kind::no_match_beside_expired
                              : Cause::Kind::no_match_of_body_beside_expired;
    }
    return {Reason::bad_signature, Cause{kind,
                                         {},
                                         static_cast<std::int64_t>(secret_count_),
                                         static_cast<std::int64_t>(body_size_)}};
}

// The first secret that the delivery is signed with. If that one expires, others are tried, too,
// with which the delivery may stay valid for longer.
template <typename Matches>
Objection Verification::find_secret(Milliseconds now, Matches matches) {
    bool any_usable = false;
    for (SecretTrial& trial : trials_) {
        const SigningSecret& secret = *trial.secret;
        if (!secret.usable(now)) continue;
        any_usable = true;
        if (!matches(trial)) continue;
        const bool is_first = secret_ == nullptr;
        if (is_first) {
            secret_ = &secret;
            matched_url_ = trial.url;
        }
        not_after_ = !secret.not_after ? std::nullopt
                     : is_first        ? secret.not_after
                                       : std::max(not_after_, secret.not_after);
        if (!not_after_) break;
    }
    if (secret_ != nullptr) return std::nullopt;
    if (any_usable) return no_match();
    return Refusal(Reason::no_secret, Cause::Kind::secrets_expired);
}

bool Verification::matches(SecretTrial& trial) const {
    const SigningSecret& secret = *trial.secret;
    const Credentials& presented = *request_.presented;
    if (scheme_->algorithm == Algorithm::token) return secret.key.is_token(presented.token);
    if (scheme_->algorithm == Algorithm::basic) return matches_basic(secret);
    if (trial.extension && trial.extension->found()) return false;
    std::array<std::uint8_t, kLargestHash> bytes;
    std::span<const std::uint8_t> expected;
    if (auto* hmac = std::get_if<Hmac>(&trial.text)) expected = hmac->finish(bytes);
    if (auto* hash = std::get_if<HashStream>(&trial.text)) expected = hash->finish(bytes);
    bool found = false;
    std::size_t tried = 0;
    for (const Candidate& candidate : presented.candidates()) {
        if (candidate.key_index().value_or(secret.index) != secret.index) continue;
        switch (scheme_->algorithm) {
            case Algorithm::hmac:
            case Algorithm::hash:
                found |= equal_in_constant_time(candidate.bytes(), expected);
                break;
            case Algorithm::ecdsa_p256:
            case Algorithm::rsa:
                found |= secret.key.public_key().verify_digest(scheme_->hash, expected,
                                                               candidate.bytes());
                break;
            case Algorithm::ed25519:
                if (tried++ == candidates_for(std::get<std::string>(trial.text).size())) {
                    return found;
                }
                found |= secret.key.public_key().verify_message(std::get<std::string>(trial.text),
                                                                candidate.bytes());
                break;
            default:
                break;
        }
    }
    return found;
}

bool Verification::matches_basic(const SigningSecret& secret) const {
    const auto credentials = decode(TextEncoding::base64, request_.presented->token);
    return credentials && secret.key.is_token(*credentials);
}

// A repeated header counts as missing.
Refusal Verification::lacks_of(const Native& native) const {
    if (native.headers.empty()) return Reason::missing_signature;
    for (std::string_view name : native.headers) {
        if (request_.headers->only(name)) continue;
        return {Reason::missing_signature, Cause::Kind::header_not_single, name};
    }
    return {Reason::missing_signature, Cause::Kind::signed_headers, native.headers.back()};
}

Refusal Verification::unfit_signature_of(const Native& native) {
    if (native.headers.empty()) return Reason::malformed_signature;
    return {Reason::malformed_signature, Cause::Kind::signature_unfit, native.headers.front()};
}

Objection Verification::match_native(WholeBody* body, Milliseconds now) {
    if (body == nullptr) return Reason::invalid_payload;
    const Native& native = *scheme_->native;
    if (native.signs_request() && !native.signed_url(request_.url)) {
        return Refusal(Reason::bad_signature, Cause::Kind::url_unfit);
    }
    NativeRequest request{request_.method, request_.url, body->text(), {}, nullptr};
    request.header = [this](std::string_view name) { return request_.headers->only(name); };
    if (scheme_->native->reads_json) {
        request.json = body->json();
        if (request.json == nullptr) return not_json();
    }
    const SignedItems items = scheme_->native->items(request);
    if (!items || items->empty()) return lacks_of(native);
    std::vector<std::string> signatures;
    for (const SignedItem& item : *items) {
        auto signature = decode(scheme_->signatures.front().encoding, item.signature);
        if (!signature) return unfit_signature_of(native);
        signatures.push_back(std::move(*signature));
    }
    return find_secret(now, [&](const SecretTrial& trial) {
        for (std::size_t i = 0; i < items->size(); ++i) {
            const auto& id = (*items)[i].secret_id;
            if (id && *id != trial.secret->id) return false;
            if (!is_signed(trial.secret->key, scheme_->algorithm, scheme_->hash, (*items)[i].text,
                           bytes_of(signatures[i]))) {
                return false;
            }
        }
        return true;
    });
}

std::string Verification::signed_url() const {
    if (!scheme_->reads_url()) return {};
    if (scheme_->native != nullptr) return scheme_->native->signed_url(request_.url).value_or("");
    if (scheme_->signs(Kind::url_hubspot)) return hubspot_url(request_.url);
    if (scheme_->signs(Kind::url_ports)) return std::string(matched_url_);
    for (const RequiredClaim& claim : scheme_->claims) {
        if (std::ranges::count(claim.value, Kind::url_qsh, &TemplatePart::kind) == 0) continue;
        return atlassian_qsh(request_.method, request_.url, "").value_or("");
    }
    return std::string(request_.url);
}

Objection Verification::match_jwt(Milliseconds now) {
    const auto jwt = parse_jwt(request_.presented->token, scheme_->jwt_algorithms, *request_.json);
    if (!jwt) return Refusal(Reason::malformed_signature, Cause::Kind::token_unfit);
    const JwtAlgorithmName& algorithm = info(jwt->algorithm);
    std::string signature = jwt->signature;
    if (algorithm.key_algorithm == Algorithm::ecdsa_p256) {
        auto der = ecdsa_der(bytes_of(signature));
        if (!der) return Reason::malformed_signature;
        signature = std::move(*der);
    }
    const auto objection = find_secret(now, [&](const SecretTrial& trial) {
        return may_be_of(*jwt, *trial.secret) &&
               is_signed(trial.secret->key, algorithm.key_algorithm, algorithm.hash,
                         jwt->signed_text, bytes_of(signature));
    });
    if (!objection) return check_claims(jwt->claims, now);
    const bool any_named = std::ranges::any_of(
        trials_, [&](const SecretTrial& trial) { return may_be_of(*jwt, *trial.secret); });
    if (objection->reason != Reason::bad_signature || any_named) return objection;
    extras_->unknown_kid = *jwt->kid;
    return Refusal(Reason::bad_signature, Cause::Kind::no_key_of_set, extras_->unknown_kid);
}

namespace {

struct WrittenTime {
    std::string text;
    // Has no value if the text is not a time.
    std::optional<Milliseconds> time;
};

// RFC 7519, section 2: seconds may have a fraction, which the text omits.
std::optional<WrittenTime> time_at(const JsonDocument& claims, std::string_view claim,
                                   TimestampUnit unit, bool round_up = false) {
    const std::string pointer = pointer_to(claim);
    if (const auto text = claims.value_at(pointer)) {
        return WrittenTime{*text, parse_timestamp(unit, *text)};
    }
    if (unit != TimestampUnit::seconds) return std::nullopt;
    const auto number = claims.fraction_at(pointer);
    const auto time = number ? time_of(*number, round_up) : std::nullopt;
    if (!time) return std::nullopt;
    return WrittenTime{std::to_string(time->count() / 1000), time};
}

}  // namespace

Objection Verification::check_claims(std::string_view claims, Milliseconds now) {
    const JsonDocument& json = *request_.json;
    if (!request_.json->parse_copy(claims)) return Reason::malformed_signature;
    if (const auto objection = read_validity()) return objection;
    if (const auto objection = check_validity(now)) return objection;
    if (scheme_->timestamp && scheme_->timestamp->source.kind == ValueLocation::Kind::claim) {
        const std::string& claim = scheme_->timestamp->source.text;
        auto written = time_at(json, claim, scheme_->timestamp->unit);
        if (!written) return Refusal(Reason::missing_timestamp, Cause::Kind::claim, claim);
        if (written->text.empty()) return Reason::malformed_timestamp;
        extras_->late_timestamp = std::move(written->text);
        if (const auto objection = check_window(now)) return objection;
    }
    for (const RequiredClaim& claim : scheme_->claims) {
        if (const auto objection = check_claim(claim)) return objection;
    }
    // RFC 7519, section 4: readers refuse a claim that is there twice, or take the last one.
    if (json.root_repeats_a_name()) {
        return Refusal(Reason::invalid_payload, Cause::Kind::name_repeated);
    }
    const auto event_claim = [&](const ValueLocation& source, std::string& value) {
        if (source.kind != ValueLocation::Kind::claim) return;
        value = json.first_value_at(pointer_to(source.text)).value_or("");
    };
    event_claim(scheme_->event_id, extras_->event_id);
    event_claim(scheme_->event_type, extras_->event_type);
    if (scheme_->digest) {
        extras_->digest_claim = json.value_at(pointer_to(scheme_->digest->source.text));
    }
    return std::nullopt;
}

// RFC 7519, section 4.1: a reader of a token must check these claims if they are present.
Objection Verification::read_validity() {
    const auto read = [this](std::string_view claim, bool round_up,
                             std::optional<Milliseconds>& time) -> Objection {
        if (!request_.json->has(pointer_to(claim))) return std::nullopt;
        const auto written = time_at(*request_.json, claim, TimestampUnit::seconds, round_up);
        if (written) time = written->time;
        if (time) return std::nullopt;
        // Too large for seconds.
        const bool fits = written && parse_timestamp(TimestampUnit::milliseconds, written->text);
        return Refusal(Reason::malformed_timestamp,
                       fits ? Cause::Kind::claim_in_milliseconds : Cause::Kind::claim, claim);
    };
    if (const auto objection = read("exp", false, extras_->expires)) return objection;
    return read("nbf", true, extras_->begins);
}

Objection Verification::check_validity(Milliseconds now) const {
    if (!extras_) return std::nullopt;
    const auto& expires = extras_->expires;
    if (expires && now >= *expires) {
        return Refusal(Reason::stale_timestamp,
                       {Cause::Kind::expired, "exp", (now - *expires).count()});
    }
    const auto& begins = extras_->begins;
    if (begins && now + kClockSkew < *begins) {
        return Refusal(Reason::future_timestamp, {Cause::Kind::too_early, "nbf",
                                                  (*begins - now).count(), kClockSkew.count()});
    }
    return std::nullopt;
}

// The value itself, or an array that holds it, as `aud` may be.
Objection Verification::check_claim(const RequiredClaim& claim) const {
    std::string expected;
    for (const TemplatePart& part : claim.value) {
        if (part.kind == Kind::literal) expected += part.text;
        if (part.kind == Kind::url) expected += request_.url;
        if (part.kind != Kind::url_qsh) continue;
        const auto hash = atlassian_qsh(request_.method, request_.url, "");
        // A bare one separates parameters for some readers only, so the hashed query could differ
        // from the one that they read.
        const bool is_split = query_of(request_.url).find(';') != std::string_view::npos;
        if (!hash || (is_split && !request_.url_is_fixed)) return bad_claim(claim.name);
        expected += *hash;
    }
    const std::string pointer = pointer_to(claim.name);
    if (request_.json->value_at(pointer) == expected) return std::nullopt;
    const std::size_t size = request_.json->array_size_at(pointer).value_or(0);
    for (std::size_t i = 0; i < size; ++i) {
        const auto value = request_.json->value_at(pointer + "/" + std::to_string(i));
        if (value == expected) return std::nullopt;
    }
    return bad_claim(claim.name);
}

Objection Verification::verify_body() {
    if (has_no_body_by_method() && !body_is_empty()) {
        return Refusal(Reason::invalid_payload, Cause::Kind::body_by_method, request_.method);
    }
    if (extras_ && extras_->frame && !body_keeps_its_side()) {
        return Refusal(Reason::invalid_payload, Cause::Kind::body_beside_value);
    }
    return verify_digest();
}

// RFC 9110, section 9.3.1: content has no meaning there, and senders send none.
bool Verification::has_no_body_by_method() const {
    return request_.method == "GET" || request_.method == "HEAD";
}

bool Verification::body_keeps_its_side() const {
    if (!body_is_empty() && !extras_->frame->is_whole()) return false;
    return std::ranges::all_of(joins(), [this](const Join& join) {
        return join.guard != Join::Guard::framed_body || leaves_to_body(join);
    });
}

bool Verification::leaves_to_body(const Join& join) const {
    const Template& parts = scheme_->signed_parts;
    if (join.right > join.left + 1) return true;
    const bool before = parts[join.right].kind == Kind::body;
    const TemplatePart& neighbor = parts[before ? join.left : join.right];
    // A signed method itself says that there is no body.
    const bool may_get_one =
        body_is_empty() && !(has_no_body_by_method() && scheme_->signs(Kind::method));
    return webhook::leaves_to_body(value_beside_body(neighbor), before, may_get_one);
}

std::string Verification::value_beside_body(const TemplatePart& part) const {
    switch (part.kind) {
        case Kind::id:
            return std::string(request_.presented->event_id);
        case Kind::header:
            return std::string(request_.headers->value(part.header));
        case Kind::query:
            return query_value(request_.query, part.text).value_or("");
        case Kind::crc32_of_body:
            return std::to_string(*extras_->crc32);
        default:
            break;
    }
    if (part.is_url()) return std::string(request_.url);
    const auto kept = extras_->beside_body.find(&part);
    return kept == extras_->beside_body.end() ? std::string() : kept->second;
}

Objection Verification::verify_digest() {
    if (!scheme_->digest) return std::nullopt;
    const DigestSource& source = *scheme_->digest;
    std::optional<std::string> text = extras_->digest_claim;
    if (source.source.kind == ValueLocation::Kind::header) {
        const auto header = request_.headers->only(source.source.header);
        if (header) text = digest_in_header(source, *header);
    }
    if (source.source.kind == ValueLocation::Kind::query) {
        auto parameter = appended_parameter(request_.url, source.source.text);
        if (parameter.state == AppendedParameter::State::elsewhere)
            return Refusal(Reason::bad_signature, Cause::Kind::digest);
        if (parameter.state == AppendedParameter::State::last) text = std::move(parameter.value);
    }
    if (!text) {
        const bool covered = body_is_empty() || (scheme_->signs_form() && is_form());
        if (source.optional && covered) return std::nullopt;
        return Refusal(Reason::bad_signature, Cause::Kind::digest);
    }
    std::array<std::uint8_t, kLargestHash> bytes;
    const auto presented = decode(source.encoding, *text);
    if (presented && equal_in_constant_time(bytes_of(*presented), extras_->digest->finish(bytes))) {
        return std::nullopt;
    }
    return Refusal(Reason::bad_signature, Cause::Kind::digest);
}

}  // namespace webhook
