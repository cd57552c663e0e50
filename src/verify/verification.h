// Whether a delivery was signed with one of the secrets: the check that everything else rests on.

#pragma once

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

// The request as it arrived, besides its body. Views must live until the verification ends.
struct SignedRequest {
    std::string_view method;
    // As the sender saw it; asked for where Scheme::reads_url() says so.
    std::string_view url;
    // The request's own, undecoded.
    std::string_view query;
    const SchemeHeaders* headers;
    Credentials* presented;
    // Replaces the scheme's, where there is one.
    const std::optional<Tolerance>* tolerance;
    // For JSON in a token. Nobody else may use it during a call of a member.
    JsonDocument* json;
    // Whether the URL is the same for all requests, so that nothing of it can be chosen.
    bool url_is_fixed = false;
    // The query as the request line has it, whatever became of it since, a fragment with it. It has
    // to be the URL's.
    std::string_view sent_query = {};
};

// Takes the body in any number of pieces, once. Where a signature is of a hash of the body, it is
// verified in constant memory; where it is not, the body is wanted whole.
//
// The calls, in this order: update() for each piece, verify_signature() once (before the pieces
// where it needs no body), verify_body() and verify_timestamp() once, after the pieces; and
// check_time() before each step that comes later than the one before it. It keeps no time: a sender
// decides how long its body takes.
class Verification {
  public:
    // The scheme, the secrets and the views in `request` must outlive it. Secrets whose `not_after`
    // has passed at `now` take no part.
    Verification(const Scheme& scheme, std::span<const SigningSecret* const> secrets,
                 const SignedRequest& request, Milliseconds now);

    // What is hashed where the scheme reads a URL.
    std::string_view url() const { return request_.url; }

    // How many secrets there are to verify with.
    std::size_t secret_count() const { return secret_count_; }

    // Whether nothing of the body is needed for the signature.
    bool ignores_body() const {
        return !streams_body_ && !scheme_->wants_whole_body && !hashes_body();
    }
    // Whether verify_signature() wants the body in one piece.
    bool needs_whole_body() const { return scheme_->wants_whole_body; }
    // Whether verify_timestamp() does.
    bool needs_whole_body_for_timestamp() const { return scheme_->has_timestamp_in_body(); }

    void update(std::string_view piece_of_body);
    // How many bytes were sent, where the pieces are of what was compressed.
    void record_sent_size(std::size_t size) { sent_size_ = size; }

    // Returns why the delivery has to be refused, or nothing: then secret() has signed it. `body`
    // is null where it is not needed.
    Objection verify_signature(WholeBody* body, Milliseconds now);
    // Whether the body is one that the signature speaks of: it has the right digest, where the
    // scheme has one outside of the signed text, no byte of it can be another value's, and a
    // delivery by GET has none.
    Objection verify_body();
    // A timestamp that stands in the body.
    Objection verify_timestamp(WholeBody* body, Milliseconds now);
    // What a request of this time is judged by, as far as it is known: whether the timestamp lies
    // in the window, the token is valid, and a secret that has signed it is still of use.
    Objection check_time(Milliseconds now) const;

    // The secret under which one of the presented signatures is right; null where none is.
    const SigningSecret* secret() const { return secret_; }
    // The same, or the first that is of use at this time; null where there is none.
    const SigningSecret* secret_for_answers(Milliseconds now) const;
    // The URL in the form in which it was signed, once the signature is right; empty where none is
    // signed.
    std::string signed_url() const;
    // The event's, where they are claims of a token.
    std::string_view event_id() const {
        return extras_ ? std::string_view(extras_->event_id) : std::string_view();
    }
    std::string_view event_type() const {
        return extras_ ? std::string_view(extras_->event_type) : std::string_view();
    }
    // The timestamp, where it was not in the headers.
    std::string_view late_timestamp() const {
        return extras_ ? std::string_view(extras_->late_timestamp) : std::string_view();
    }

  private:
    using Parts = std::span<const TemplatePart>;

    // One secret, and one form of the URL, that the signature may be right for.
    struct SecretTrial {
        const SigningSecret* secret;
        std::string_view url;
        // For Ed25519, which hashes the text twice, the text itself.
        std::variant<std::monostate, Hmac, HashStream, std::string> text;
        // Where the hash could be that of another text, extended.
        std::unique_ptr<LengthExtension> extension;

        void add(std::string_view bytes);
    };

    // What few schemes need. It lies apart, since every delivery carries the rest.
    struct BodyDerived {
        // The URL with or without its port, where the scheme tries both.
        std::string other_url;
        // What the signed text names of the body besides the body.
        std::optional<std::uint32_t> crc32;
        std::optional<HashStream> sha256;
        std::string hex_digest;
        // For `digest`.
        std::optional<HashStream> digest;
        std::optional<std::string> digest_claim;
        std::optional<JsonFrame> frame;
        // Values of the body that may stand beside the framed one.
        std::map<const TemplatePart*, std::string> beside_body;
        std::optional<HandshakeText> for_anyone;
        std::string signature_in_body;
        std::string late_timestamp;
        // Of a token.
        std::optional<Milliseconds> expires;
        std::optional<Milliseconds> begins;
        std::string event_id;
        std::string event_type;
        // Which key it names, where none of the secrets is that.
        std::string unknown_kid;

        void update(std::string_view piece_of_body);
        // The hash of the body, which has come to its end.
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
    // The parts that are not hashed yet.
    Parts rest_;
    std::unique_ptr<BodyDerived> extras_;
    Objection early_objection_;
    const SigningSecret* secret_ = nullptr;
    // The one of the attempt that was right.
    std::string_view matched_url_;
    // When the last of the secrets that have signed it is of no more use; nothing: never.
    std::optional<Milliseconds> not_after_;
};

}  // namespace webhook
