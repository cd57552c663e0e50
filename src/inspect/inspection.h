// The judgement of one delivery, in the order of the gate's steps: method, TLS, source, headers,
// signature, body, handshake, payload, and the keys that its event is remembered under.
//
// An inspection knows no clock: the caller gives the time of each step. It does not read the body
// by itself, and asks for expensive data only when a step needs it. It borrows the policy, the head
// and the access, which must outlive it, and belongs to one thread. An exception means a fault of
// memory or of the access, never of the delivery.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/charset.h"
#include "base/digest.h"
#include "base/whole_body.h"
#include "inspect/handshake.h"
#include "inspect/policy.h"
#include "verify/cause.h"
#include "verify/credentials.h"
#include "verify/verification.h"

namespace webhook {

class SchemaValidator;

// A request before its body, as it arrived. Views live as long as the request.
struct RequestHead {
    std::string_view method;
    // The path and query of the request line, including a fragment.
    std::string_view target;
    // The query that the request is routed by, undecoded.
    std::string_view query;
    // The name that events are remembered under. It is empty if the configuration's variables give
    // no name.
    std::string_view endpoint;
    // The Host header, if the request has one.
    std::optional<std::string_view> host;
    // The host of the request line, which wins over the header.
    std::optional<std::string_view> host_of_line;
    // The name that the request is routed by.
    std::string_view server;
    bool is_over_tls = false;
    // HTTP/0.9 knows no headers.
    bool has_headers = true;
    // Content-Length; -1: unknown.
    std::int64_t declared_size = -1;
};

// The URL that the configuration says is signed.
struct ConfiguredUrl {
    std::string_view text;
    // The text in place of its host. No value: the host of the request.
    std::optional<std::string_view> host;
};

struct RequestSecrets {
    std::span<const SigningSecret* const> all;
    // Whether another request may have others.
    bool depend_on_request = false;
};

// The access of an inspection to the request. Views live as long as the request.
class RequestAccess {
  public:
    // Offers each header of the request.
    virtual void offer_headers(SchemeHeaders& headers) = 0;
    // The same. Called if a value is read from the payload.
    virtual void offer_headers(ContentCharset& charset) = 0;
    // Called before and after the body, since lists change.
    virtual bool source_is_allowed() = 0;
    // Called if the scheme reads a URL.
    virtual ConfiguredUrl url() = 0;
    // Called once.
    virtual RequestSecrets secrets(Milliseconds now) = 0;
    // Evaluates Policy::keys[key], an expression, when the event is known. The value is empty if
    // all its variables are.
    virtual std::string_view value_of_key(std::size_t key) = 0;
    // A copy.
    virtual std::string_view keep(std::string_view text) = 0;
    // For tokens and bodies. It must not be used otherwise during a call of the inspection.
    virtual JsonDocument& json_document() = 0;
    // Called if a schema is for the payload.
    virtual SchemaValidator& schema_validator() = 0;

  protected:
    ~RequestAccess() = default;
};

// A body that has been read to its end.
class BodyAccess {
  public:
    // The size as sent, and after decompression, in bytes.
    virtual std::int64_t sent_size() const = 0;
    virtual std::int64_t size() const = 0;
    // Whether its size is the one that the request declared.
    virtual bool is_as_declared() const = 0;
    // Whether it decompresses without a fault.
    virtual bool is_sound() const = 0;
    // The body in one piece, valid until the next step. Called if it is no larger than
    // Policy::payload_max.
    virtual WholeBody& whole() = 0;
    // Adds the whole body to the hash.
    virtual void hash(HashStream& hash) = 0;

  protected:
    ~BodyAccess() = default;
};

// The results wanted from an inspection besides its judgement.
struct Wanted {
    // The event's id and type, if they are in the body.
    bool event = false;
    bool event_key = false;
    bool body_sha256 = false;
    // The keys of Policy::keys.
    bool keys = true;
};

// The known properties of the delivery. Views live as long as the request. Empty: unknown.
struct DeliveredEvent {
    std::string_view id;
    std::string_view type;
    std::string_view key;
    std::string_view timestamp;
    std::string_view secret_id;
    // In hex.
    std::string_view body_sha256;
    // Where the payload does not satisfy its schema: a JSON pointer into the payload, a space, and
    // one into the schema.
    std::string_view schema_error;
};

// A value that identifies the event, and the value's name.
struct NamedKey {
    std::string_view name;
    std::string_view value;

    friend bool operator==(const NamedKey&, const NamedKey&) = default;
};

class BodyInspection;

class Inspection {
  public:
    Inspection(const Policy& policy, const Wanted& wanted, const RequestHead& head,
               RequestAccess& access);
    Inspection(const Inspection&) = delete;
    Inspection& operator=(const Inspection&) = delete;

    // Call it once, first. Returns a refusal, or a handshake that needs no body; otherwise the body
    // is wanted.
    std::variant<Refusal, BodyInspection> before_body(Milliseconds now);

    // Judges an accepted delivery again at a later time.
    Objection check_time(Milliseconds now) const;

    const DeliveredEvent& event() const { return event_; }
    // For an accepted delivery.
    std::span<const NamedKey> keys() const { return std::span(keys_).first(key_count_); }
    // If the reason is `handshake`.
    const HandshakeAnswer& handshake() const { return *handshake_; }
    // The URL that was hashed. It is empty if the scheme reads no URL.
    std::string_view hashed_url() const;
    const SchemeHeaders& headers() const { return headers_; }
    bool asked_for_secrets() const { return secrets_.has_value(); }
    // Whether anything has been hashed or compared.
    bool has_verified() const { return has_verified_; }
    // Whether a secret has signed the delivery.
    bool has_matched() const { return has_matched_; }
    // Whether the delivery may be an unsigned handshake although no handshake is answered.
    bool may_be_unanswered_handshake() const;

  private:
    friend class BodyInspection;
    enum class Signature : std::uint8_t { unknown, verified };

    const Scheme& scheme() const { return *policy_.scheme; }

    // -- before the body
    Objection judge_head(Milliseconds now);
    bool method_is_allowed() const;
    Refusal wrong_method() const;
    void collect_headers();
    Objection check_signature_before_body(Milliseconds now);
    Objection start_verification(Milliseconds now);
    std::optional<std::string_view> signed_url();
    bool has_sound_host() const;
    bool went_to_another_host() const;

    // -- the body
    void update(std::string_view piece);
    std::size_t hashes() const;
    Objection judge_body(BodyAccess& body, Milliseconds now);
    Objection judge_delivery(BodyAccess& body, Milliseconds now);
    Objection verify(BodyAccess& body, Milliseconds now);
    Objection verify_signature(WholeBody* body, Milliseconds now);
    bool is_too_large(const BodyAccess& body) const;
    // Returns null if the body is larger than Policy::payload_max.
    WholeBody* whole(BodyAccess& body) const;
    const Form* form(BodyAccess& body) const;

    // -- handshakes
    HandshakeRequest question() const;
    bool may_be_handshake() const;
    bool may_be_unsigned_handshake_in_body() const;
    QuestionBody question_body(BodyAccess& body) const;
    Objection check_handshake(const QuestionBody& body, Signature signature, Milliseconds now);
    Refusal answer(const Handshake& handshake, const QuestionBody& body, Milliseconds now);
    bool token_is_right(const Handshake& handshake, const QuestionBody& body) const;
    const SigningKey* key_for_answer(Milliseconds now);

    // -- the payload
    // What a body holds as JSON.
    struct Payload {
        enum class State : std::uint8_t {
            // There is no payload.
            none,
            // The body is not JSON, or too large.
            unreadable,
            // It has to be JSON, and is not.
            broken,
            json
        };
        State state = State::none;
        // Why there is no JSON.
        Cause cause = {};
        JsonDocument* json = nullptr;
    };
    // A field of a form.
    struct FieldValue {
        std::string text = {};
        // Why there is no text, although there should be one.
        std::optional<Cause> fault = {};
        bool is_readable = true;
    };

    Objection check_payload(BodyAccess& body);
    bool is_filtered() const;
    Refusal filtered() const;
    Objection check_schema(BodyAccess& body);
    bool needs_payload() const;
    // The values that were verified.
    Objection check_signed_values(BodyAccess& body) const;
    Objection check_values_of_event_key(BodyAccess& body) const;
    // Why the Content-Type makes other characters of the body than UTF-8 does.
    std::optional<Cause> other_charset(std::string_view body, bool is_form) const;
    bool is_form() const;
    Payload payload(BodyAccess& body) const;
    Payload payload_of_form(WholeBody& body) const;
    FieldValue field_in_body(BodyAccess& body, const std::string& name) const;

    // -- the event
    Objection read_event(BodyAccess& body);
    void read_event_id(BodyAccess& body, const Payload& json);
    Objection read_event_type(BodyAccess& body, const Payload& json);
    bool wants_event_key() const;
    void find_event_key(BodyAccess& body);

    // -- the keys
    void find_early_keys();
    Objection find_keys();
    Objection add_key(std::size_t index);
    NamedKey key_of(std::size_t index);
    NamedKey key_without_id(std::size_t index);
    std::string_view name_of_event_key() const;
    std::string_view name_of_expression(const KeyRule& rule, std::string_view value) const;
    bool may_lack_event_id() const;
    Refusal no_event_id() const;

    const Policy& policy_;
    const Wanted wanted_;
    const RequestHead head_;
    RequestAccess& access_;
    SchemeHeaders headers_;
    Credentials presented_;
    std::optional<RequestSecrets> secrets_;
    // A refusal from before the body, kept because the body can show that this is a handshake.
    Objection postponed_;
    std::optional<Verification> verification_;
    std::optional<HashStream> body_hash_;
    std::unique_ptr<const HandshakeAnswer> handshake_;
    DeliveredEvent event_;
    bool has_verified_ = false;
    bool has_matched_ = false;
    // Why there is no event id in the body, if the body cannot be read.
    std::optional<Cause> id_fault_;
    bool is_payload_broken_ = false;
    std::array<NamedKey, kMostKeyRules> keys_;
    std::size_t key_count_ = 0;
};

// The second half of an inspection. Only before_body() makes one, so that no body is judged before
// its head.
class BodyInspection {
  public:
    // Takes the decoded body in any number of pieces.
    void update(std::string_view piece) { inspection_->update(piece); }
    // How often each byte is hashed. Long work should be spread over several turns of the event
    // loop.
    std::size_t hashes() const { return inspection_->hashes(); }
    // Call it once, as the last step. Returns a refusal or a handshake. Returns nothing if the
    // delivery is accepted; then its keys are known.
    Objection finish(BodyAccess& body, Milliseconds now) {
        return inspection_->judge_body(body, now);
    }

  private:
    friend class Inspection;
    explicit BodyInspection(Inspection& inspection) : inspection_(&inspection) {}

    Inspection* inspection_;
};

}  // namespace webhook
