#include "report/json.h"

#include "base/json_writer.h"
#include "base/time.h"
#include "report/findings.h"
#include "verify/verdict.h"

namespace webhook {
namespace {

class JsonText final : public StepwiseText {
  public:
    explicit JsonText(const Report& report) : report_(report) {
        // About what each takes.
        json_.reserve((report_.endpoints.size() + 32) * 2048);
        add_step([this] { write_head(); });
        add_step([this] { write_findings(); });
        add_list("endpoints", report_.endpoints);
        add_list("dedup_zones", report_.zones);
        add_list("redis", report_.redis);
        add_list("source_files", report_.source_files);
        if (report_.shows_recent) add_list("recent", report_.recent);
        add_step([this] { json_.end_object(); });
    }

    std::string take() override { return json_.take() + '\n'; }

  private:
    template <typename Elements>
    void add_list(std::string_view name, const Elements& elements) {
        add_step([this, name] {
            json_.name(name);
            json_.begin_array();
        });
        add_steps(elements, 2, [this](const auto& each) { write_element(each); });
        add_step([this] { json_.end_array(); });
    }

    template <typename Element>
    void write_element(const Element& element) {
        json_.begin_object();
        write(element);
        json_.end_object();
    }

    void write_head() {
        json_.begin_object();
        json_.member("version", kReportVersion);
        member("now", report_.now);
        member("since", report_.since);
        member("config_loaded", report_.config_loaded);
        json_.member("generation", report_.generation);
        json_.member("module", std::string_view(report_.module_version));
        json_.member("nginx", std::string_view(report_.server_version));
        json_.member("workers", report_.workers);
        json_.member("worker_deaths", report_.worker_deaths);
        json_.member("errors", report_.errors);
    }

    void write_findings() {
        const std::vector<Finding> findings = findings_of(report_);
        json_.member("state", name_of(health_of(findings)));
        json_.member("summary", std::string_view(summary_of(report_, findings)));
        json_.name("findings");
        json_.begin_array();
        for (const Finding& each : findings) {
            json_.begin_object();
            json_.member("code", each.code);
            json_.member("state", name_of(each.health));
            if (!each.endpoint.empty()) json_.member("endpoint", std::string_view(each.endpoint));
            json_.member("text", std::string_view(each.text));
            json_.end_object();
        }
        json_.end_array();
    }

    template <typename Elements>
    void write_list(std::string_view name, const Elements& elements) {
        json_.name(name);
        json_.begin_array();
        for (const auto& each : elements) write_element(each);
        json_.end_array();
    }

    void write(const EndpointReport& endpoint) {
        json_.member("name", std::string_view(endpoint.name));
        json_.member("scheme", std::string_view(endpoint.scheme));
        json_.member("mode", std::string_view(endpoint.monitors ? "monitor" : "enforce"));
        json_.member("received", endpoint.received);
        json_.member("bytes", endpoint.bytes);
        json_.member("abandoned", endpoint.abandoned);
        json_.member("in_progress", endpoint.in_progress);
        write_verdicts(endpoint);
        write_counts("reasons", endpoint.decisions, endpoint);
        if (endpoint.monitors) write_counts("would_refuse", endpoint.monitored, endpoint);
        json_.name("outcomes");
        json_.begin_object();
        for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
            json_.member(kOutcomeNames[i], endpoint.outcomes[i]);
        }
        json_.end_object();
        write("verify_seconds", endpoint.verify);
        write("upstream_seconds", endpoint.upstream);
        json_.name("last");
        json_.begin_object();
        member("received", endpoint.last_received);
        member("accepted", endpoint.last_accepted);
        member("delivered", endpoint.last_delivered);
        member("refused", endpoint.last_refused);
        json_.end_object();
        write_list("secrets", endpoint.secrets);
        json_.name("dedup_zone");
        if (endpoint.dedup_zone.empty()) {
            json_.null();
        } else {
            json_.value(std::string_view(endpoint.dedup_zone));
        }
    }

    void write_verdicts(const EndpointReport& endpoint) {
        json_.name("verdicts");
        json_.begin_object();
        for (const Verdict each : kVerdicts) json_.member(name_of(each), endpoint.count_of(each));
        json_.end_object();
    }

    void write_counts(std::string_view name, const std::array<std::uint64_t, kReasonCount>& counts,
                      const EndpointReport& endpoint) {
        json_.name(name);
        json_.begin_object();
        for (const ReasonInfo& row : all_reasons()) {
            const auto index = static_cast<std::size_t>(row.reason);
            if (row.reason == Reason::accepted) continue;
            if (endpoint.possible[index] || counts[index] > 0) {
                json_.member(row.name, counts[index]);
            }
        }
        json_.end_object();
    }

    void write(std::string_view name, const Histogram& histogram) {
        json_.name(name);
        json_.begin_object();
        json_.name("le");
        json_.begin_array();
        for (const double bound : histogram.bounds) json_.value(bound);
        json_.end_array();
        json_.name("counts");
        json_.begin_array();
        for (const std::uint64_t count : histogram.counts) json_.value(count);
        json_.end_array();
        json_.member("sum", histogram.seconds());
        json_.end_object();
    }

    void write(const SecretReport& secret) {
        json_.member("id", std::string_view(secret.id));
        json_.member("matches", secret.matches);
        member("last", secret.last_match);
        member("expires", secret.expires);
    }

    void write(const ZoneReport& zone) {
        json_.member("name", std::string_view(zone.name));
        json_.member("capacity", zone.capacity);
        json_.member("remembered", zone.remembered);
        json_.member("claimed", zone.claimed);
        json_.member("forgotten_early", zone.forgotten_early);
        json_.member("duplicates", zone.duplicates);
        json_.member("repairs", zone.repairs);
    }

    void write(const RedisReport& redis) {
        json_.member("name", std::string_view(redis.name));
        json_.member("url", std::string_view(redis.url));
        json_.name("zones");
        json_.begin_array();
        for (const std::string& each : redis.zones) json_.value(std::string_view(each));
        json_.end_array();
        json_.member("connected", redis.connected);
        json_.member("away", redis.away);
        write("round_trip_seconds", redis.round_trip);
        json_.member("timeouts", redis.timeouts);
        json_.member("losses", redis.losses);
        json_.member("decided_alone", redis.decided_alone);
        json_.member("learned", redis.learned);
        json_.member("commits_late", redis.commits_late);
        json_.member("pushed_later", redis.pushed_later);
        json_.member("pushes_dropped", redis.pushes_dropped);
        json_.member("leases_lost", redis.leases_lost);
        json_.member("released_for_dead", redis.released_for_dead);
    }

    void write(const SourceFileReport& file) {
        json_.member("path", std::string_view(file.path));
        json_.member("addresses", file.addresses);
        member("loaded", file.loaded);
        json_.member("errors", file.errors);
    }

    void write(const RefusalReport& refusal) {
        member("time", refusal.time);
        json_.member("endpoint", std::string_view(refusal.endpoint));
        json_.member("reason", info(refusal.reason).name);
        json_.member("monitored", refusal.monitored);
        json_.member("source", std::string_view(refusal.source));
        json_.member("event_id", std::string_view(refusal.event_id));
        json_.member("request_id", std::string_view(refusal.request_id));
        json_.member("repeated", refusal.repeated);
    }

    void member(std::string_view name, When time) {
        json_.name(name);
        if (time) {
            json_.value(std::string_view(rfc3339_text(*time)));
        } else {
            json_.null();
        }
    }

    const Report& report_;
    JsonWriter json_;
};

}  // namespace

std::unique_ptr<StepwiseText> json_of(const Report& report) {
    return std::make_unique<JsonText>(report);
}

}  // namespace webhook
