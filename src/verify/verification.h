// Verifies that a delivery was signed with one of the secrets: the check that everything else
// relies on.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/few.h"
#include "base/whole_body.h"
#include "scheme/boundaries.h"
#include "scheme/scheme.h"
#include "verify/credentials.h"
#include "verify/length_extension.h"
#include "verify/signing_key.h"

namespace webhook {

// The request as it arrived, without its body. Views must live until the verification ends.
struct SignedRequest {
    std::string_view method;
    // As the sender saw it. Needed if Scheme::reads_url() is true.
    std::string_view url;
    // The query of the request, undecoded.
    std::string_view query;
    const SchemeHeaders* headers;
    Credentials* presented;
    // Overrides the scheme's tolerance, if set.
    const std::optional<Tolerance>* tolerance;
    // For JSON in a token. It must not be used otherwise during a call of a member function.
    JsonDocument* json;
    // Whether the URL is the same for all requests, so that a sender cannot choose any part of it.
    bool url_is_fixed = false;
    // The query of the request line, before any rewrite, including a fragment. It must be the
    // URL's.
    std::string_view sent_query = {};
};

// Takes the body in any number of pieces, once. A signature over a hash of the body is verified in
// constant memory; any other needs the whole body.
//
// The calls, in this order: update() for each piece, verify_signature() once (before the pieces if
// it needs no body), verify_body() and verify_timestamp() once, after the pieces; and check_time()
// before each step that happens later than the previous one. It does not keep the time, since a
// sender decides how long its body takes.
class Verification {
  public:
    // The scheme, the secrets and the views in `request` must outlive it. Secrets whose `not_after`
    // has passed at `now` are ignored.
    Verification(const Scheme& scheme, std::span<const SigningSecret* const> secrets,
                 const SignedRequest& request, Milliseconds now);

    // The URL that is hashed, if the scheme reads one.
    std::string_view url() const { return request_.url; }

    // The number of secrets to verify with.
    std::size_t secret_count() const { return secret_count_; }

    // Whether the signature needs nothing of the body.
    bool ignores_body() const {
        return !streams_body_ && !scheme_->wants_whole_body && !hashes_body();
    }
    // Whether verify_signature() needs the body in one piece.
    bool needs_whole_body() const { return scheme_->wants_whole_body; }
    // Whether verify_timestamp() does.
    bool needs_whole_body_for_timestamp() const { return scheme_->has_timestamp_in_body(); }

    void update(std::string_view piece_of_body);
    // Records the number of bytes sent, if the pieces are decompressed.
    void record_sent_size(std::size_t size) { sent_size_ = size; }

    // Returns why the delivery must be refused, or nothing: then secret() has signed it. `body` is
    // null if it is not needed.
    Objection verify_signature(WholeBody* body, Milliseconds now);
    // Checks that the signature applies to the body: its digest is right, if the scheme has one
    // outside of the signed text; no byte of it can belong to another value; and a GET has no body.
    Objection verify_body();
    // Verifies a timestamp in the body.
    Objection verify_timestamp(WholeBody* body, Milliseconds now);
    // Judges the request by the time, as far as known: the timestamp must lie in the window, the
    // token be valid, and a secret that has signed it not have expired.
    Objection check_time(Milliseconds now) const;

    // The secret that one of the presented signatures is valid for. Null if there is none.
    const SigningSecret* secret() const { return secret_; }
    // The same, or the first that is valid at this time. Null if there is none.
    const SigningSecret* secret_for_answers(Milliseconds now) const;
    // The URL in the form in which it was signed, once the signature is verified. Empty if no URL
    // is signed.
    std::string signed_url() const;
    // The event's id and type, if they are claims of a token.
    std::string_view event_id() const {
        return extras_ ? std::string_view(extras_->event_id) : std::string_view();
    }
    std::string_view event_type() const {
        return extras_ ? std::string_view(extras_->event_type) : std::string_view();
    }
    // The timestamp, if it was not in the headers.
    std::string_view late_timestamp() const {
        return extras_ ? std::string_view(extras_->late_timestamp) : std::string_view();
    }

  private:
    using Parts = std::span<const TemplatePart>;

    // One secret, and one form of the URL, that the signature may be valid for.
    struct SecretTrial {
        const SigningSecret* secret;
        std::string_view url;
        // For Ed25519, which hashes the text twice, the text itself.
        std::variant<std::monostate, Hmac, HashStream, std::string> text;
        // Set if the hash could be that of another text, extended.
        std::unique_ptr<LengthExtension> extension;

        void add(std::string_view bytes);
    };

    // State that few schemes need. It is kept apart, since every delivery carries the rest.
    struct BodyDerived {
        // The URL with or without its port, if the scheme tries both.
        std::string other_url;
        // The values derived from the body that the signed text contains.
        std::optional<std::uint32_t> crc32;
        std::optional<HashStream> sha256;
        std::string hex_digest;
        // For `digest`.
        std::optional<HashStream> digest;
        std::optional<std::string> digest_claim;
        std::optional<JsonFrame> frame;
        // Values of the body that may be next to the framed one.
        std::map<const TemplatePart*, std::string> beside_body;
        std::optional<HandshakeText> for_anyone;
        std::string signature_in_body;
        std::string late_timestamp;
        // Of a token.
        std::optional<Milliseconds> expires;
        std::optional<Milliseconds> begins;
        std::string event_id;
        std::string event_type;
        // The key that it names, if none of the secrets is that key.
        std::string unknown_kid;

        void update(std::string_view piece_of_body);
        // The hash of the complete body.
        const std::string& sha256_text();
    };

    static std::unique_ptr<BodyDerived> extras_for(const Scheme& scheme,
                                                   const SignedRequest& request);

    void add_attempts(const SigningSecret& secret);
    void add_attempt(const SigningSecret& secret, std::string_view url);

    Objection add_parts(Parts parts, WholeBody* body);
    Objection add_part(const TemplatePart& part, WholeBody* body);
    std::string_view value_of(const TemplatePart& part, const SecretTrial& trial) const;
    Objection add_query(const TemplatePart& part);
    void add(std::string_view value);
    Objection add_json(const TemplatePart& part, WholeBody* body);
    Objection add_form(const TemplatePart& part, WholeBody* body);
    bool starts_behind_url(const TemplatePart& part, const Form& form) const;
    bool splits_digest(std::string_view text) const;
    bool has_query_of_its_own() const;

    Objection read_signature_in_body(WholeBody* body);
    Objection read_timestamp_in_body(WholeBody* body);
    Objection read_from_body(const ValueLocation& source, WholeBody* body,
                             std::optional<std::string>& value) const;
    Objection check_separators(WholeBody* body) const;
    Objection check_query_beside_form(WholeBody* body) const;
    bool is_signed_in_form(std::string_view name, const Form& form) const;
    bool reads_or_covers_parameter(std::string_view name) const;
    Objection check_other_fields(WholeBody* body) const;
    std::string_view signature_field() const;
    const Form* form_of(WholeBody* body) const;
    template <typename Matches>
    Objection find_secret(Milliseconds now, Matches matches);
    Refusal no_match() const;
    bool matches(SecretTrial& trial) const;
    bool matches_basic(const SigningSecret& secret) const;
    Refusal lacks_of(const Native& native) const;
    static Refusal unfit_signature_of(const Native& native);
    Objection match_native(WholeBody* body, Milliseconds now);
    Objection match_jwt(Milliseconds now);
    Objection check_claims(std::string_view claims, Milliseconds now);
    Objection read_validity();
    Objection check_validity(Milliseconds now) const;
    Objection check_window(Milliseconds now) const;
    Objection check_claim(const RequiredClaim& claim) const;
    bool body_keeps_its_side() const;
    bool leaves_to_body(const Join& join) const;
    std::string value_beside_body(const TemplatePart& part) const;
    void keep_beside_body(const TemplatePart& part, std::string_view value);
    bool has_no_body_by_method() const;
    Objection verify_digest();
    std::span<const Join> joins() const;
    bool is_form() const;
    bool body_is_empty() const { return body_size_ == 0 && sent_size_ == 0; }

    bool hashes_body() const { return extras_ && (extras_->crc32 || extras_->sha256); }

    const Scheme* scheme_;
    SignedRequest request_;
    bool streams_body_ = false;
    std::size_t body_size_ = 0;
    std::size_t sent_size_ = 0;
    std::size_t secret_count_ = 0;
    bool some_expired_ = false;
    Few<SecretTrial> trials_;
    // The parts not hashed yet.
    Parts rest_;
    std::unique_ptr<BodyDerived> extras_;
    Objection early_objection_;
    const SigningSecret* secret_ = nullptr;
    // The URL of the successful attempt.
    std::string_view matched_url_;
    // When the last of the secrets that have signed it expires. No value: never.
    std::optional<Milliseconds> not_after_;
};

}  // namespace webhook
