#include "ngx_http_webhook/delivery.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/text.h"
#include "ngx_http_webhook/headers.h"
#include "ngx_http_webhook/schemas.h"

namespace webhook::ngx {

namespace {

// Logged instead of the whole request line.
u_char* name_request(ngx_log_t* log, u_char* buffer, std::size_t size) {
    const auto* request = static_cast<const ngx_http_request_t*>(log->data);
    const std::string_view target = to_view(request->unparsed_uri);
    const std::string_view path = target.substr(0, target.find('?'));
    u_char* at = ngx_snprintf(buffer, size, ", client: %V, request: \"%V ",
                              &request->connection->addr_text, &request->method_name);
    const u_char* end = buffer + size;
    at = reinterpret_cast<u_char*>(
        escape_for_log(path, reinterpret_cast<char*>(at), reinterpret_cast<const char*>(end)));
    return ngx_snprintf(at, static_cast<std::size_t>(end - at), "\"");
}

// The name in lower case, as in schemes, which nginx already has.
std::string_view name_of(const ngx_table_elt_t& header) {
    const u_char* lowered = header.lowcase_key;
    return to_view({header.key.len, lowered == nullptr ? header.key.data : header.lowcase_key});
}

std::string_view evaluated(ngx_http_request_t* request, ngx_http_complex_value_t* text) {
    ngx_str_t value;
    if (ngx_http_complex_value(request, text, &value) != NGX_OK) throw std::bad_alloc();
    return to_view(value);
}

// With constant text, all deliveries without a value would be one event.
std::string_view value_of(const DedupKey& key, ngx_http_request_t* request) {
    const bool is_empty =
        key.without_text != nullptr && evaluated(request, key.without_text).empty();
    return is_empty ? std::string_view() : evaluated(request, key.expression);
}

// Returns the last earlier delivery whose values the gate may take over, and that meets the
// condition. A gate that enforces asks none that monitors, whatever that one found: it lets
// forgeries pass, and its verdict on a repeated delivery is another one.
template <typename Condition>
const Delivery* last_passed(const LocConf& gate, const Delivery* earlier, const Condition& meets) {
    const auto is_it = [&](const Delivery& each) {
        return each.passes() && (gate.monitors() || !each.conf.monitors()) && meets(each);
    };
    while (earlier != nullptr && !is_it(*earlier)) earlier = earlier->earlier;
    return earlier;
}

// Under a sanitizer, memory is not kept for reuse.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kSpareDeliveries = 0;
#else
constexpr std::size_t kSpareDeliveries = 64;
#endif

class SpareMemory {
  public:
    SpareMemory() = default;
    SpareMemory(const SpareMemory&) = delete;
    SpareMemory& operator=(const SpareMemory&) = delete;
    ~SpareMemory() {
        while (first_ != nullptr) ::operator delete(take());
    }

    // Returns null if no block is spare.
    void* take() noexcept {
        if (first_ == nullptr) return nullptr;
        --count_;
        return std::exchange(first_, first_->next);
    }
    // Returns whether it is kept.
    bool keep(void* memory) noexcept {
        if (count_ >= kSpareDeliveries) return false;
        ++count_;
        first_ = new (memory) Link{first_};
        return true;
    }

  private:
    struct Link {
        Link* next;
    };

    Link* first_ = nullptr;
    std::size_t count_ = 0;
};

// A worker has one thread for its requests.
SpareMemory spare_memory;

template <typename Headers>
void offer_each_header(const ngx_http_request_t* request, Headers& headers) {
    for_each_header(request, [&headers](const ngx_table_elt_t& each) {
        headers.offer(name_of(each), to_view(each.value));
    });
}

}  // namespace

JsonDocument& json_document() {
    // Never destroyed: nothing may run when the module is unloaded.
    static JsonDocument* const document = new JsonDocument();
    return *document;
}

void* Delivery::operator new(std::size_t size) {
    void* memory = spare_memory.take();
    return memory != nullptr ? memory : ::operator new(size);
}

void Delivery::operator delete(void* memory) noexcept {
    if (memory != nullptr && !spare_memory.keep(memory)) ::operator delete(memory);
}

Delivery::Delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier)
    : request(request),
      http_version(request->http_version),
      redirects_left(request->uri_changes),
      conf(conf),
      earlier(earlier),
      upstreams(request, earlier == nullptr ? nullptr : &earlier->upstreams) {
    wake.data = this;
    wake.log = request->connection->log;
}

// Ends the claims if no response has settled them. Deliveries of one request share claims, so no
// release may come before a commit.
Delivery::~Delivery() {
    cancel_wake();
    for (Delivery* each = this; each != nullptr; each = each->earlier) each->keep_accepted();
    if (tally.has_begun()) tally.end(ending());
}

Ending Delivery::ending() {
    Ending ending{
        .verdict = verdict, .reason = reason, .bytes = static_cast<std::uint64_t>(body.size())};
    if (inspection && inspection->has_verified()) ending.verify_time = verify_time;
    if (inspection && inspection->has_matched()) ending.secret_id = event().secret_id;
    if (!passes()) return ending;
    upstreams.look(request);
    ending.outcome = upstreams.outcome(request);
    ending.upstream_time = upstreams.time(request);
    return ending;
}

void Delivery::keep_accepted() noexcept try {
    if (!claim.held()) return;
    upstreams.look(request);
    commit(upstreams.accepted_status());
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0,
                  "webhook: an event that was delivered is not remembered: %s", error.what());
}

// Deliveries of one request share claims. The first commit counts, so it takes the longest ttl of
// them.
Milliseconds Delivery::ttl() const {
    Milliseconds longest = *conf.dedup->ttl;
    for (const Delivery* each = earlier; each != nullptr; each = each->earlier) {
        if (!each->claim.held() || each->claim.store() != claim.store()) continue;
        longest = std::max(longest, *each->conf.dedup->ttl);
    }
    return longest;
}

void Delivery::commit(ngx_uint_t status) {
    if (status != 0) claim.commit(status, ttl());
}

bool Delivery::any_is_committing() const {
    const Delivery* each = this;
    while (each != nullptr && !each->claim.is_committing()) each = each->earlier;
    return each != nullptr;
}

void Delivery::on_claimed(const ClaimResult& result) noexcept {
    claim.take(result);
    claim_result = result;
    if (!wake.posted) {
        ngx_post_event(&wake, &ngx_posted_events);
    }
}

void Delivery::on_committed() noexcept {
    claim.end_commit();
    Delivery* last = find_delivery(request);
    if (last->any_is_committing()) return;
    for (Delivery* each = last; each != nullptr; each = each->earlier) each->answer_hold.end_soon();
}

bool Delivery::left_behind() const {
    return request->uri_changes != redirects_left ||
           ngx_http_get_module_ctx(request, ngx_http_webhook_module) != this;
}

void Delivery::begin_pass() {
    cancel_wake();
    redirects_left = request->uri_changes;
    ngx_http_set_ctx(request, this, ngx_http_webhook_module);
}

void Delivery::cancel_wake() {
    // The braces are needed: ngx_delete_posted_event() is a multi-statement macro.
    if (wake.posted) {
        ngx_delete_posted_event(&wake);
    }
    if (wake.timer_set) {
        ngx_del_timer(&wake);
    }
}

void Delivery::offer_headers(SchemeHeaders& headers) {
    offer_each_header(request, headers);
}

void Delivery::offer_headers(ContentCharset& charset) {
    offer_each_header(request, charset);
}

bool Delivery::source_is_allowed() {
    if (!conf.sources) return true;
    ngx_log_t log = log_of(*this);
    return conf.sources->allows(request->connection->sockaddr, &log);
}

ConfiguredUrl Delivery::url() {
    const Delivery* known = last_passed(conf, earlier, [this](const Delivery& each) {
        return each.own_url && each.conf.demands.url == conf.demands.url;
    });
    if (known != nullptr) own_url = known->own_url;
    if (own_url) return *own_url;
    own_url = {evaluated(request, conf.url), std::nullopt};
    if (conf.url_host != nullptr) own_url->host = evaluated(request, conf.url_host);
    return *own_url;
}

RequestSecrets Delivery::secrets(Milliseconds now) {
    const Secrets& known = *conf.secrets;
    ngx_log_t log = log_of(*this);
    known.report_expired(now, &log);
    if (known.are_fixed()) return {known.fixed(), false};
    own_secret_texts = known.texts(request);
    own_secrets = known.evaluate(own_secret_texts, &log);
    watched_secrets = known.watched(&log);
    all_secrets.assign(known.fixed().begin(), known.fixed().end());
    for (const SigningSecret& secret : own_secrets) all_secrets.push_back(&secret);
    for (const auto& keys : watched_secrets) {
        for (const SigningSecret& secret : *keys) all_secrets.push_back(&secret);
    }
    return {all_secrets, known.has_variables()};
}

std::string_view Delivery::value_of_key(std::size_t key) {
    const DedupKey& asked = conf.dedup->keys[key];
    const Delivery* known = last_passed(conf, earlier, [&](const Delivery& each) {
        return each.conf.scheme == conf.scheme && each.own_value_of(asked);
    });
    own_key_values[key] = known != nullptr ? known->own_value_of(asked) : value_of(asked, request);
    return *own_key_values[key];
}

std::optional<std::string_view> Delivery::own_value_of(const DedupKey& asked) const {
    for (std::size_t i = 0; i < kMostKeyRules; ++i) {
        const auto& value = own_key_values[i];
        if (value && conf.dedup->keys[i].text == asked.text) return value;
    }
    return std::nullopt;
}

std::string_view Delivery::keep(std::string_view text) {
    return to_view(copy_to_pool(request->pool, text));
}

JsonDocument& Delivery::json_document() {
    return ngx::json_document();
}

SchemaValidator& Delivery::schema_validator() {
    return ngx::schema_validator();
}

const DeliveredEvent& Delivery::event() const {
    static const DeliveredEvent unknown;
    return inspection ? inspection->event() : unknown;
}

bool Delivery::is_remembered() const {
    const bool follows = request->post_action && earlier != nullptr;
    return conf.dedup != nullptr && !follows;
}

ngx_log_t log_of(const Delivery& delivery) {
    ngx_log_t log = *delivery.request->connection->log;
    if (delivery.conf.scheme->has_secret_in_query()) {
        log.handler = name_request;
        log.data = delivery.request;
    }
    return log;
}

std::string_view request_id_of(const Delivery& delivery) {
    const ngx_int_t variable = main_conf(delivery.request).request_id;
    const ngx_http_variable_value_t* value =
        ngx_http_get_indexed_variable(delivery.request, static_cast<ngx_uint_t>(variable));
    if (value == nullptr || value->not_found) return {};
    return {reinterpret_cast<const char*>(value->data), value->len};
}

BodyReader read_body(const Delivery& delivery) {
    const Scheme& scheme = *delivery.conf.scheme;
    if (!scheme.content_encoding) return BodyReader(delivery.request);
    const auto coding = content_coding(scheme, delivery.inspection->headers());
    return {delivery.request, coding.value_or(ContentCoding::identity), *delivery.conf.payload_max};
}

Delivery* find_delivery(const ngx_http_request_t* request) {
    auto* known = static_cast<Delivery*>(ngx_http_get_module_ctx(request, ngx_http_webhook_module));
    if (known != nullptr || !(request->internal || request->filter_finalize)) return known;
    return find_in_pool<Delivery>(request->pool);
}

Delivery& open_delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier) {
    // A GET that nginx makes itself, and one over HTTP/2, may share the bytes of the method's name
    // with others.
    if (earlier == nullptr) {
        request->method_name = copy_to_pool(request->pool, to_view(request->method_name));
    }
    auto& delivery = make_in_pool<Delivery>(request->pool, request, conf, earlier);
    ngx_http_set_ctx(request, &delivery, ngx_http_webhook_module);
    delivery.query = earlier == nullptr ? to_view(request->args) : earlier->query;
    const Delivery* named = last_passed(conf, earlier, [&conf](const Delivery& each) {
        return each.conf.demands.endpoint == conf.demands.endpoint;
    });
    delivery.endpoint = named != nullptr ? named->endpoint : endpoint_of(conf, request);
    // post_action verifies what was counted before.
    if (earlier == nullptr || !request->post_action) delivery.tally.begin(*conf.counted);
    return delivery;
}

}  // namespace webhook::ngx
