// One delivery's state, from the gate to the end of its request.
//
// It lives in the request's pool, which destroys it. nginx clears the contexts of modules on every
// internal redirect; the pool remains, so that a delivery is judged once, and its claim ends with
// its request in any case.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <array>
#include <chrono>
#include <cstdint>
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
#include "ngx_http_webhook/tally.h"
#include "ngx_http_webhook/upstream.h"
#include "verify/cause.h"
#include "verify/verdict.h"

namespace webhook::ngx {

enum class Stage : std::uint8_t { arrived, reading_body, hashing, claiming, waiting, decided };

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

    // The worker keeps the memory of a few ended deliveries for the next, because malloc() is slow
    // for this size.
    static void* operator new(std::size_t size);
    static void operator delete(void* memory) noexcept;

    // Cancels the wake-up.
    void cancel_wake();

    // Remembers the event, whose claim is held; 0: it was not accepted.
    void commit(ngx_uint_t status);
    // Whether the commit of this delivery, or of an earlier one, takes longer.
    bool any_is_committing() const;

    // -- answers of the store that come later
    void on_claimed(const ClaimResult& result) noexcept override;
    void on_committed() noexcept override;

    // -- the inspection's access to the request
    void offer_headers(SchemeHeaders& headers) override;
    void offer_headers(ContentCharset& charset) override;
    bool source_is_allowed() override;
    ConfiguredUrl url() override;
    RequestSecrets secrets(Milliseconds now) override;
    std::string_view value_of_key(std::size_t key) override;
    std::string_view keep(std::string_view text) override;
    JsonDocument& json_document() override;
    SchemaValidator& schema_validator() override;

    // The known properties of its event.
    const DeliveredEvent& event() const;
    // Whether the event is remembered. A request after the response (post_action) is verified, but
    // is not a delivery of its own.
    bool is_remembered() const;

    bool decided() const { return stage == Stage::decided; }
    bool passes() const { return verdict == Verdict::accepted || verdict == Verdict::monitored; }

    ngx_http_request_t* const request;
    // The client's version.
    const ngx_uint_t http_version;
    // nginx's count, which each internal redirect lowers, at the gate's last look.
    ngx_uint_t redirects_left;
    const LocConf& conf;
    // The same request's delivery, judged by another gate before an internal redirect.
    Delivery* const earlier;

    Stage stage = Stage::arrived;
    Verdict verdict = Verdict::none;
    Reason reason = Reason::accepted;
    // For a duplicate: the status of the response to the first delivery.
    ngx_uint_t first_status = 0;

    std::vector<const SigningSecret*> all_secrets;
    // From variables: this request's own.
    std::vector<SigningSecret> own_secrets;
    // The texts they were made of, compared after a redirect.
    std::vector<std::string_view> own_secret_texts;
    // The values that the variables of the URL and of the keys had. Another gate with the same text
    // takes them over from one that verified, as it does with the endpoint's name and the query: a
    // redirect changes variables, and behind a front controller all tenants have the same.
    std::optional<ConfiguredUrl> own_url;
    std::array<std::optional<std::string_view>, kMostKeyRules> own_key_values;
    // From watched files, as they were when it arrived.
    std::vector<KeySetFile::Keys> watched_secrets;
    // Borrows the secrets.
    std::optional<Inspection> inspection;
    // From when the body is wanted.
    std::optional<BodyInspection> body_inspection;
    BodyReader body;
    std::chrono::nanoseconds verify_time{};

    // Empty if the variables of `name=` give none.
    std::string_view endpoint;
    // Undecoded.
    std::string_view query;
    bool reported_detour = false;
    // Whether it was redirected to a file behind another gate, which did not judge it. From there
    // it may only be redirected to other files.
    bool only_shown_page = false;

    ClaimHolder claim;
    // The result of a requested claim.
    std::optional<ClaimResult> claim_result;
    // In the request's last delivery.
    AnswerHold answer_hold;
    UpstreamWatch upstreams;
    // Continues with a long body, or checks again for an event in flight.
    ngx_event_t wake{};
    ngx_msec_t wait_until = 0;
    ngx_msec_t wait_step = 0;
    Tally tally;

  private:
    std::optional<std::string_view> own_value_of(const DedupKey& asked) const;
    void keep_accepted() noexcept;
    Ending ending();
    Milliseconds ttl() const;
};

// The process's only JSON document. Results are valid only until control returns to the event loop.
JsonDocument& json_document();

// The log for lines about the delivery. The text that nginx appends to each shows no secret from
// the query.
ngx_log_t log_of(const Delivery& delivery);

// The value of nginx's `$request_id`.
std::string_view request_id_of(const Delivery& delivery);

// A reader of the body from its start, as it is verified.
BodyReader read_body(const Delivery& delivery);

// Returns the delivery of this request, across internal redirects. Null if no gate saw it. It
// changes no state: variables are read at any time, and must not hide a redirect from the gate.
Delivery* find_delivery(const ngx_http_request_t* request);

// Makes a new delivery and sets it as the module's context.
Delivery& open_delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier);

}  // namespace webhook::ngx
