#include "ngx_http_webhook/verdict_log.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <unordered_map>

#include "base/digest.h"
#include "base/text.h"
#include "base/url.h"
#include "ngx_http_webhook/headers.h"
#include "ngx_http_webhook/shared_counters.h"

namespace webhook::ngx {
namespace {

void add_cause(std::string& causes, const Cause& cause) {
    const std::string text = text_of(cause);
    if (!text.empty()) causes += ", " + text;
}

// Unsigned requests by which senders verify the endpoint.
void add_handshake(std::string& causes, const Delivery& delivery) {
    const bool asks = delivery.reason == Reason::missing_signature && delivery.inspection;
    if (!asks || !delivery.inspection->may_be_unanswered_handshake()) return;
    add_cause(causes, {Cause::Kind::perhaps_handshake, {}});
}

// Values that the sender, proxies and this server may see differently, if the signature or the
// payload is wrong.
void add_suspects(std::string& causes, const Delivery& delivery) {
    if (delivery.reason != Reason::bad_signature && delivery.reason != Reason::invalid_payload) {
        return;
    }
    const std::string_view hashed = delivery.inspection ? delivery.inspection->hashed_url() : "";
    if (delivery.reason == Reason::bad_signature && !hashed.empty() &&
        !delivery.conf.scheme->has_secret_in_query()) {
        add_cause(causes, {Cause::Kind::hashed_url,
                           url_for_log(hashed, to_view(delivery.conf.url->value))});
    }
    const std::string_view encoding = find_header(delivery.request, "Content-Encoding");
    if (!encoding.empty() && !equals_ignoring_case(encoding, "identity")) {
        add_cause(causes, {Cause::Kind::body_encoded, encoding});
    }
}

// If the variables give no name, its text in the configuration.
std::string endpoint_for_log(const Delivery& delivery) {
    const LocConf& conf = delivery.conf;
    if (conf.gate->name_variables == nullptr || delivery.endpoint.empty()) return conf.endpoint;
    return escaped_for_log(delivery.endpoint);
}

// As its sender claims it; before the signature is verified, anybody.
std::string event_id_for_log(const Delivery& delivery) {
    constexpr std::size_t kLongestShownId = 64;
    const std::string_view id = delivery.event().id;
    if (id.empty()) return {};
    return ", event id: \"" + escaped_for_log(id.substr(0, kLongestShownId)) + '"';
}

std::string_view source_of(const Delivery& delivery) {
    return to_view(delivery.request->connection->addr_text);
}

// What all lines of a kind have in common.
struct Kind {
    std::string verdict;
    std::string endpoint;
    std::uint64_t hash;
};

ngx_log_t* log_of_location(const Delivery& delivery) {
    const auto* core = static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(delivery.request, ngx_http_core_module));
    return core->error_log;
}

// Lines for another file are of another kind.
Kind kind_of(const Delivery& delivery) {
    Kind kind;
    kind.verdict = "webhook " + std::string(name_of(delivery.verdict)) + ": " +
                   std::string(info(delivery.reason).name);
    kind.endpoint = ", endpoint: \"" + endpoint_for_log(delivery) + '"';
    const auto file = reinterpret_cast<std::uintptr_t>(log_of_location(delivery));
    const Sha256Digest digest = sha256(kind.verdict + kind.endpoint + std::to_string(file) + ' ' +
                                       std::string(source_of(delivery)));
    std::memcpy(&kind.hash, digest.data(), sizeof kind.hash);
    return kind;
}

// Lines of this worker that were left out, until somebody has told of them.
class LeftOut {
  public:
    struct Line {
        ngx_uint_t level;
        // The location's own. It lives as long as the configuration.
        ngx_log_t* log;
        std::string text;
    };

    void add(std::uint64_t hash, const Line& line) {
        // No more than that are left out at a time.
        if (lines_.size() < LogLimit::kMostKinds) lines_.try_emplace(hash, line);
        if (timer_.timer_set) return;
        timer_.handler = on_timer;
        timer_.data = this;
        timer_.log = ngx_cycle->log;
        // An exiting worker does not wait for it.
        timer_.cancelable = 1;
        ngx_add_timer(&timer_, kPause);
    }

    void tell(std::int64_t second) {
        std::erase_if(lines_, [&](const auto& each) {
            const auto& [hash, line] = each;
            const auto count = counters()->log_limit.take(hash, second);
            if (count.value_or(0) > 0) {
                ngx_log_error(line.level, line.log, 0, "%s, and %uD more", line.text.c_str(),
                              *count);
            }
            return count.has_value();
        });
    }

    // As if this second were over. Then nothing of the configuration is referred to.
    void flush() {
        if (counters() != nullptr) tell(ngx_time() + 1);
        lines_.clear();
        if (timer_.timer_set) {
            ngx_del_timer(&timer_);
        }
    }

  private:
    static constexpr ngx_msec_t kPause = 1000;

    static void on_timer(ngx_event_t* timer) noexcept try {
        auto& self = *static_cast<LeftOut*>(timer->data);
        self.tell(ngx_time());
        if (!self.lines_.empty()) ngx_add_timer(timer, kPause);
    } catch (const std::exception& error) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "webhook log: %s", error.what());
    }

    std::unordered_map<std::uint64_t, Line> lines_;
    ngx_event_t timer_{};
};

LeftOut& left_out() {
    // Never destroyed: nothing may run when the module is unloaded.
    static LeftOut* const lines = new LeftOut();
    return *lines;
}

// None is left out where lines cannot be counted.
std::optional<std::uint32_t> ask_to_write(const LocConf& conf, std::uint64_t hash) {
    if (!*conf.limits_log || counters() == nullptr) return 0;
    return counters()->log_limit.ask(hash, ngx_time());
}

std::string details_of(const Delivery& delivery, const Cause& cause) {
    std::string causes;
    add_cause(causes, cause);
    add_handshake(causes, delivery);
    add_suspects(causes, delivery);
    return causes;
}

// Neither repetitions nor handshakes and what is filtered are refusals.
bool is_usual(const Delivery& delivery) {
    constexpr Reason kUsual[] = {Reason::duplicate, Reason::handshake, Reason::filtered};
    return std::ranges::find(kUsual, delivery.reason) != std::end(kUsual);
}

void remember_refusal(const Delivery& delivery) {
    if (counters() == nullptr || is_usual(delivery)) return;
    RefusalRecord record;
    record.time = now().count();
    record.endpoint = delivery.conf.counted->endpoint;
    record.reason = static_cast<std::uint8_t>(delivery.reason);
    record.monitored = delivery.verdict == Verdict::monitored;
    record.source = source_of(delivery);
    // In a flood, nginx's number of the request would cost more than the refusal.
    if (counters()->refusals.add_repetition(record)) return;
    record.event_id = delivery.event().id;
    record.request_id = request_id_of(delivery);
    counters()->refusals.add(record);
}

}  // namespace

// What is usual needs no attention: every sender retries, verifies the endpoint, and has other
// events.
ngx_uint_t log_level_of(const Delivery& delivery) {
    return is_usual(delivery) ? NGX_LOG_INFO : *delivery.conf.log_level;
}

void log_verdict(const Delivery& delivery, const Cause& cause) {
    if (delivery.verdict == Verdict::accepted) return;
    remember_refusal(delivery);
    const ngx_uint_t level = log_level_of(delivery);
    // A flood of forgeries costs little if it is not logged.
    if (delivery.request->connection->log->log_level < level) return;
    const Kind kind = kind_of(delivery);
    const auto more = ask_to_write(delivery.conf, kind.hash);
    if (!more) {
        left_out().add(kind.hash, {level, log_of_location(delivery),
                                   kind.verdict + kind.endpoint +
                                       ", client: " + std::string(source_of(delivery))});
        return;
    }
    std::string line = kind.verdict + details_of(delivery, cause) + kind.endpoint +
                       event_id_for_log(delivery) +
                       ", request id: " + std::string(request_id_of(delivery));
    if (*more > 0) line += ", and " + std::to_string(*more) + " more before";
    ngx_log_t log = log_of(delivery);
    ngx_log_error(level, &log, 0, "%s", line.c_str());
}

void flush_verdict_log() noexcept try { left_out().flush(); } catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "webhook log: %s", error.what());
}

}  // namespace webhook::ngx
