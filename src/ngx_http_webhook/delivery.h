// One delivery's state, from the gate to the end of its request.
//
// It lives in the request's pool, which destroys it. nginx forgets the contexts of modules on every
// internal redirect; the pool does not, so that a delivery is judged once, and its claim ends with
// its request whatever happens in between.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/inspection.h"
#include "ngx_http_webhook/answer_hold.h"
#include "ngx_http_webhook/body.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/upstream.h"
#include "verify/cause.h"

namespace webhook::ngx {

enum class Stage : std::uint8_t { arrived, reading_body, hashing, claiming, waiting, decided };

enum class Verdict : std::uint8_t { none, accepted, rejected, duplicate, handshake, monitored };

std::string_view name_of(Verdict verdict);

struct Delivery final : RequestAccess, EventStore::Waiter {
    Delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier);
    ~Delivery();
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

    // Whether an internal redirect or post_action has led the request elsewhere since the gate saw
    // it last.
    bool left_behind() const;
    // The gate sees it again, in another pass through the phases.
    void begin_pass();

    // Memory of the worker, which keeps that of a few ended deliveries for the next: this size is
    // where malloc() becomes slow.
    static void* operator new(std::size_t size);
    static void operator delete(void* memory) noexcept;

    // Nothing will wake it any more.
    void cancel_wake();

    // Remembers the event, whose claim is held; 0: it was not accepted.
    void commit(ngx_uint_t status);
    // Whether the commit of this delivery, or of an earlier one, takes longer.
    bool any_is_committing() const;

    // -- what the store answers later
    void on_claimed(const ClaimResult& result) noexcept override;
    void on_committed() noexcept override;

    // -- what the inspection asks for
    void offer_headers(SchemeHeaders& headers) override;
    bool source_is_allowed() override;
    ConfiguredUrl url() override;
    RequestSecrets secrets(Milliseconds now) override;
    std::string_view value_of_key(std::size_t key) override;
    std::string_view keep(std::string_view text) override;
    JsonDocument& json_document() override;

    // Whether its event would have other keys there, where the same gate stands.
    bool has_other_keys_at(const LocConf& there) const;

    // What is known of its event.
    const DeliveredEvent& event() const;
    // What follows the answer of a delivery (post_action) is verified, and no delivery of its own.
    bool is_remembered() const;

    bool decided() const { return stage == Stage::decided; }
    bool passes() const { return verdict == Verdict::accepted || verdict == Verdict::monitored; }

    ngx_http_request_t* const request;
    // The client's.
    const ngx_uint_t http_version;
    // nginx's count, which each internal redirect lowers, at the gate's last look.
    ngx_uint_t redirects_left;
    const LocConf& conf;
    // The same request's, judged by another gate before an internal redirect brought it to this
    // one.
    Delivery* const earlier;

    Stage stage = Stage::arrived;
    Verdict verdict = Verdict::none;
    Reason reason = Reason::accepted;
    // For a duplicate: the status that the first was answered with.
    ngx_uint_t first_status = 0;

    std::vector<const SigningSecret*> all_secrets;
    // From variables: this request's own.
    std::vector<SigningSecret> own_secrets;
    // What they were made of, to be compared after a redirect.
    std::vector<std::string_view> own_secret_texts;
    // What those of its keys came to that may have another value after a redirect.
    struct KeyValue {
        std::size_t key;
        std::string_view value;
    };
    std::vector<KeyValue> own_key_values;
    // From watched files, as they were when it arrived.
    std::vector<KeySetFile::Keys> watched_secrets;
    // Borrows the secrets.
    std::optional<Inspection> inspection;
    // From when the body is wanted.
    std::optional<BodyInspection> body_inspection;
    BodyReader body;
    std::chrono::nanoseconds verify_time{};

    // Empty where the variables of `name=` give none.
    std::string_view endpoint;
    bool reported_detour = false;
    // Whether it has come to a file behind another gate, which did not judge it: it may be led on
    // from there to other files only.
    bool only_shown_page = false;

    ClaimHolder claim;
    // Of a claim that was asked for.
    std::optional<ClaimResult> claim_result;
    // In the request's last delivery.
    AnswerHold answer_hold;
    bool is_committing = false;
    UpstreamWatch upstreams;
    // Goes on with a long body, or asks again for an event in flight.
    ngx_event_t wake{};
    ngx_msec_t wait_until = 0;
    ngx_msec_t wait_step = 0;

  private:
    void keep_accepted() noexcept;
    Milliseconds ttl() const;
};

// The process's only JSON document: nobody may hold what it has read when nginx has its next turn.
JsonDocument& json_document();

// Where lines about the delivery are written. What nginx adds to each shows no secret that stands
// in the query.
ngx_log_t log_of(const Delivery& delivery);

// The body from its start, as it is verified.
BodyReader read_body(const Delivery& delivery);

// The delivery of this request, wherever internal redirects have led it; null where no gate saw it.
// It notes nothing: variables are read at any time, and must not hide a redirect from the gate.
Delivery* find_delivery(const ngx_http_request_t* request);

// A new delivery, known to nginx as the module's context.
Delivery& open_delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier);

}  // namespace webhook::ngx
