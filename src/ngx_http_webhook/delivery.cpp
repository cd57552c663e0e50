#include "ngx_http_webhook/delivery.h"

#include <new>
#include <utility>

#include "base/text.h"

namespace webhook::ngx {

namespace {

// Instead of the whole request line.
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

// What a sanitizer watches is neither kept nor given out again.
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

}  // namespace

void* Delivery::operator new(std::size_t size) {
    void* memory = spare_memory.take();
    return memory != nullptr ? memory : ::operator new(size);
}

void Delivery::operator delete(void* memory) noexcept {
    if (memory != nullptr && !spare_memory.keep(memory)) ::operator delete(memory);
}

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::none:
            return "";
        case Verdict::accepted:
            return "accepted";
        case Verdict::rejected:
            return "rejected";
        case Verdict::handshake:
            return "handshake";
        case Verdict::duplicate:
            return "duplicate";
        case Verdict::monitored:
            return "monitored";
    }
    return "";
}

Delivery::Delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier)
    : request(request),
      http_version(request->http_version),
      redirects_left(request->uri_changes),
      conf(conf),
      earlier(earlier),
      headers(*conf.scheme),
      upstreams(request, earlier == nullptr ? nullptr : &earlier->upstreams) {
    wake.data = this;
    wake.log = request->connection->log;
}

// Where there was no answer, which would have settled it. Deliveries of one request share what they
// hold: no release may come before a commit.
Delivery::~Delivery() {
    cancel_wake();
    for (Delivery* each = this; each != nullptr; each = each->earlier) each->keep_accepted();
}

void Delivery::keep_accepted() noexcept try {
    if (!claim.held()) return;
    upstreams.look(request);
    commit(upstreams.accepted_status());
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0,
                  "webhook: an event that was delivered is not remembered: %s", error.what());
}

void Delivery::commit(ngx_uint_t status) {
    if (status != 0) claim.commit(status, *conf.remembers->ttl);
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
    // Braces: the first is a macro of several statements.
    if (wake.posted) {
        ngx_delete_posted_event(&wake);
    }
    if (wake.timer_set) {
        ngx_del_timer(&wake);
    }
}

std::span<const SigningSecret* const> collect_secrets(Delivery& delivery,
                                                      std::vector<const SigningSecret*>& all) {
    const Secrets& secrets = *delivery.conf.secrets;
    ngx_log_t log = log_of(delivery);
    secrets.tell_of_expired(now(), &log);
    if (secrets.are_fixed()) return secrets.fixed();
    delivery.own_secret_texts = secrets.texts(delivery.request);
    delivery.own_secrets = secrets.evaluate(delivery.own_secret_texts, &log);
    delivery.watched_secrets = secrets.watched(&log);
    all.assign(secrets.fixed().begin(), secrets.fixed().end());
    for (const SigningSecret& secret : delivery.own_secrets) all.push_back(&secret);
    for (const auto& keys : delivery.watched_secrets) {
        for (const SigningSecret& secret : *keys) all.push_back(&secret);
    }
    return all;
}

ngx_log_t log_of(const Delivery& delivery) {
    ngx_log_t log = *delivery.request->connection->log;
    if (delivery.conf.scheme->has_secret_in_query()) {
        log.handler = name_request;
        log.data = delivery.request;
    }
    return log;
}

BodyReader read_body(const Delivery& delivery) {
    const Scheme& scheme = *delivery.conf.scheme;
    if (!scheme.content_encoding) return BodyReader(delivery.request);
    const auto coding = content_coding(scheme, delivery.headers);
    return {delivery.request, coding.value_or(ContentCoding::identity), *delivery.conf.payload_max};
}

std::string_view kept(const Delivery& delivery, std::string_view text) {
    return to_view(copy_to_pool(delivery.request->pool, text));
}

Delivery* find_delivery(const ngx_http_request_t* request) {
    auto* known = static_cast<Delivery*>(ngx_http_get_module_ctx(request, ngx_http_webhook_module));
    if (known != nullptr || !(request->internal || request->filter_finalize)) return known;
    return find_in_pool<Delivery>(request->pool);
}

Delivery& open_delivery(ngx_http_request_t* request, const LocConf& conf, Delivery* earlier) {
    // Another redirect may have made it a GET of nginx's own, whose name all of them share.
    if (earlier == nullptr && request->internal) {
        request->method_name = copy_to_pool(request->pool, to_view(request->method_name));
    }
    auto& delivery = make_in_pool<Delivery>(request->pool, request, conf, earlier);
    ngx_http_set_ctx(request, &delivery, ngx_http_webhook_module);
    delivery.endpoint = endpoint_of(conf, request);
    return delivery;
}

}  // namespace webhook::ngx
