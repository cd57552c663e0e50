#include "report/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"
#include "verify/verdict.h"

namespace webhook {
namespace {

enum class Type : std::uint8_t { counter, gauge, histogram };

std::string_view name_of(Type type) {
    switch (type) {
        case Type::counter:
            return "counter";
        case Type::gauge:
            return "gauge";
        case Type::histogram:
            break;
    }
    return "histogram";
}

void append_escaped(std::string& result, std::string_view text) {
    for (const char each : text) {
        if (each == '\\' || each == '"') result += '\\';
        if (each == '\n') {
            result += "\\n";
        } else {
            result += each;
        }
    }
}

// Most names are what they are.
void append_label(std::string& result, std::string_view text) {
    if (!is_utf8(text)) {
        append_escaped(result, repaired_utf8(text));
    } else if (text.find_first_of("\\\"\n") != std::string_view::npos) {
        append_escaped(result, text);
    } else {
        result += text;
    }
}

double in_seconds(Milliseconds time) {
    return static_cast<double>(time.count()) / 1000;
}

double in_seconds(When time) {
    return time ? in_seconds(*time) : 0;
}

class Writer {
  public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    Writer(Exposition format, std::size_t endpoints) : format_(format) {
        // About what each takes.
        constexpr std::size_t kOfEndpoint = 10'000;
        text_.reserve((endpoints + 1) * kOfEndpoint);
    }

    // Opens the metric whose series follow. `name` is without the prefix and `_total`.
    void family(std::string_view name, Type type, std::string_view help) {
        name_ = "nginx_webhook_";
        name_ += name;
        const bool is_total = type == Type::counter;
        const std::string full = name_ + (is_total ? "_total" : "");
        const std::string& shown = format_ == Exposition::openmetrics ? name_ : full;
        text_ += "# HELP " + shown + ' ' + std::string(help) + "\n# TYPE " + shown + ' ';
        text_ += name_of(type);
        text_ += '\n';
        name_ = full;
    }

    template <typename Number>
    void series(Labels labels, Number value, std::string_view suffix = {}) {
        text_ += name_;
        text_ += suffix;
        char separator = '{';
        for (const auto& [label, content] : labels) {
            text_ += std::exchange(separator, ',');
            text_ += label;
            text_ += "=\"";
            append_label(text_, content);
            text_ += '"';
        }
        if (separator == ',') text_ += '}';
        text_ += ' ';
        append(text_, value);
        text_ += '\n';
    }

    void histogram(Label label, const Histogram& histogram) {
        if (bounds_.size() != histogram.bounds.size() ||
            bounds_.data() != histogram.bounds.data()) {
            bounds_ = histogram.bounds;
            bound_texts_ = shown(bounds_);
        }
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
            count += histogram.counts[i];
            series({label, {"le", bound_texts_[i]}}, count, "_bucket");
        }
        series({label}, histogram.seconds(), "_sum");
        series({label}, count, "_count");
    }

    void end() {
        if (format_ == Exposition::openmetrics) text_ += "# EOF\n";
    }

    std::string take() { return std::move(text_); }

  private:
    // OpenMetrics writes a bound as a fraction, and digits without an exponent serve both.
    template <typename Number>
    void append(std::string& text, Number value) const {
        std::array<char, 48> digits;
        char* const begin = digits.data();
        if constexpr (std::is_floating_point_v<Number>) {
            char* const end =
                std::to_chars(begin, begin + digits.size(), value, std::chars_format::fixed).ptr;
            text.append(begin, end);
            const bool is_whole = std::find(begin, end, '.') == end;
            if (is_whole && format_ == Exposition::openmetrics) text += ".0";
        } else {
            text.append(begin, std::to_chars(begin, begin + digits.size(), value).ptr);
        }
    }

    // Of buckets, which many series share.
    std::vector<std::string> shown(std::span<const double> bounds) const {
        std::vector<std::string> texts(bounds.size());
        for (std::size_t i = 0; i < bounds.size(); ++i) append(texts[i], bounds[i]);
        texts.emplace_back("+Inf");
        return texts;
    }

    Exposition format_;
    // Of the last histogram.
    std::span<const double> bounds_;
    std::vector<std::string> bound_texts_;
    std::string name_;
    std::string text_;
};

void write_decisions(Writer& writer, const EndpointReport& endpoint) {
    for (const ReasonInfo& row : all_reasons()) {
        const auto index = static_cast<std::size_t>(row.reason);
        const auto write = [&](std::uint64_t count, bool is_monitored, bool is_expected) {
            if (count == 0 && !(is_expected && endpoint.possible[index])) return;
            writer.series({{"webhook_endpoint", endpoint.name},
                           {"verdict", name_of(verdict_of(row.reason, is_monitored))},
                           {"reason", row.name}},
                          count);
        };
        const bool is_accepted = row.reason == Reason::accepted;
        write(endpoint.decisions[index], false, !endpoint.monitors || is_accepted);
        if (!is_accepted) write(endpoint.monitored[index], true, endpoint.monitors);
    }
}

void write_outcomes(Writer& writer, const EndpointReport& endpoint) {
    for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
        writer.series({{"webhook_endpoint", endpoint.name}, {"outcome", kOutcomeNames[i]}},
                      endpoint.outcomes[i]);
    }
}

// One metric: its name, its meaning, and the series that one element of the report has.
template <typename Element>
struct Row {
    std::string_view name;
    Type type;
    std::string_view help;
    void (*write)(Writer&, const Element&);
};

template <auto Member>
void of_endpoint(Writer& writer, const EndpointReport& endpoint) {
    writer.series({{"webhook_endpoint", endpoint.name}}, endpoint.*Member);
}
template <auto Member>
void time_of_endpoint(Writer& writer, const EndpointReport& endpoint) {
    writer.series({{"webhook_endpoint", endpoint.name}}, in_seconds(endpoint.*Member));
}
template <auto Member>
void histogram_of(Writer& writer, const EndpointReport& endpoint) {
    writer.histogram({"webhook_endpoint", endpoint.name}, endpoint.*Member);
}
template <auto Member>
void of_zone(Writer& writer, const ZoneReport& zone) {
    writer.series({{"dedup_zone", zone.name}}, zone.*Member);
}
template <auto Member>
void of_redis(Writer& writer, const RedisReport& redis) {
    writer.series({{"redis", redis.name}}, redis.*Member);
}
template <auto Member>
void of_report(Writer& writer, const Report& report) {
    writer.series({}, report.*Member);
}
template <auto Member>
void time_of_report(Writer& writer, const Report& report) {
    writer.series({}, in_seconds(report.*Member));
}

constexpr Row<EndpointReport> kOfEndpoints[] = {
    {"received", Type::counter, "Deliveries that entered the gate.",
     of_endpoint<&EndpointReport::received>},
    {"received_bytes", Type::counter, "Bytes of the bodies that the gate has read.",
     of_endpoint<&EndpointReport::bytes>},
    {"decisions", Type::counter,
     "Deliveries by verdict and reason. Monitored ones have the reason that enforcing would have "
     "had.",
     write_decisions},
    {"abandoned", Type::counter, "Deliveries whose sender left before there was a verdict.",
     of_endpoint<&EndpointReport::abandoned>},
    {"upstream_outcomes", Type::counter,
     "Deliveries that were handed on, by how the upstream's last attempt ended.", write_outcomes},
    {"verify_duration_seconds", Type::histogram,
     "Time that verifying took; of at most one delivery for each millisecond and worker.",
     histogram_of<&EndpointReport::verify>},
    {"upstream_duration_seconds", Type::histogram,
     "Time that the upstream's last attempt took, for deliveries that were handed on.",
     histogram_of<&EndpointReport::upstream>},
    {"last_received_timestamp_seconds", Type::gauge,
     "Time of the last delivery; 0 if there was none.",
     time_of_endpoint<&EndpointReport::last_received>},
    {"last_accepted_timestamp_seconds", Type::gauge,
     "Time of the last accepted delivery; 0 if there was none.",
     time_of_endpoint<&EndpointReport::last_accepted>},
    {"last_delivered_timestamp_seconds", Type::gauge,
     "Time of the last delivery that the upstream answered with 2xx; 0 if there was none.",
     time_of_endpoint<&EndpointReport::last_delivered>},
    {"in_progress_deliveries", Type::gauge, "Deliveries that living workers have in progress.",
     of_endpoint<&EndpointReport::in_progress>},
};

constexpr Row<ZoneReport> kOfZones[] = {
    {"dedup_capacity_events", Type::gauge, "Events that the zone has room for.",
     of_zone<&ZoneReport::capacity>},
    {"dedup_remembered_events", Type::gauge, "Events that the zone remembers.",
     of_zone<&ZoneReport::remembered>},
    {"dedup_claimed_events", Type::gauge, "Events that are in flight.",
     of_zone<&ZoneReport::claimed>},
    {"dedup_forgotten_early", Type::counter,
     "Events that a full zone forgot before their time was over.",
     of_zone<&ZoneReport::forgotten_early>},
    {"dedup_duplicates", Type::counter, "Deliveries of events that the zone remembered.",
     of_zone<&ZoneReport::duplicates>},
    {"dedup_repairs", Type::counter, "Repairs after a process died while it changed the zone.",
     of_zone<&ZoneReport::repairs>},
};

constexpr Row<RedisReport> kOfRedis[] = {
    {"redis_connected_workers", Type::gauge, "Living workers that are connected to the Redis.",
     of_redis<&RedisReport::connected>},
    {"redis_away_workers", Type::gauge, "Living workers that the Redis does not answer.",
     of_redis<&RedisReport::away>},
    {"redis_round_trip_seconds", Type::histogram, "Time from the call of a script to its reply.",
     [](Writer& writer, const RedisReport& redis) {
         writer.histogram({"redis", redis.name}, redis.round_trip);
     }},
    {"redis_timeouts", Type::counter, "Calls that the Redis did not answer in time.",
     of_redis<&RedisReport::timeouts>},
    {"redis_losses", Type::counter, "How often a worker lost the Redis.",
     of_redis<&RedisReport::losses>},
    {"redis_decided_alone", Type::counter,
     "Claims that were granted without the Redis, while it did not answer.",
     of_redis<&RedisReport::decided_alone>},
    {"redis_learned", Type::counter, "Events that a zone learned from the Redis.",
     of_redis<&RedisReport::learned>},
    {"redis_commits_late", Type::counter,
     "Commits that the Redis had not confirmed when the answer left.",
     of_redis<&RedisReport::commits_late>},
    {"redis_pushed_later", Type::counter,
     "Events that the Redis was told of after the answer had left.",
     of_redis<&RedisReport::pushed_later>},
    {"redis_pushes_dropped", Type::counter, "Events that the Redis will not be told of.",
     of_redis<&RedisReport::pushes_dropped>},
    {"redis_leases_lost", Type::counter, "Claims whose lease ended before them.",
     of_redis<&RedisReport::leases_lost>},
    {"redis_released_for_dead", Type::counter, "Keys that were released for workers that died.",
     of_redis<&RedisReport::released_for_dead>},
};

constexpr Row<SourceFileReport> kOfFiles[] = {
    {"source_file_addresses", Type::gauge, "Addresses and networks in use of the file.",
     [](Writer& writer, const SourceFileReport& file) {
         writer.series({{"file", file.path}}, file.addresses);
     }},
    {"source_file_loaded_timestamp_seconds", Type::gauge, "Time of the last good read of the file.",
     [](Writer& writer, const SourceFileReport& file) {
         writer.series({{"file", file.path}}, in_seconds(file.loaded));
     }},
    {"source_file_errors", Type::counter,
     "Versions of the file that could not be used, counted by each worker.",
     [](Writer& writer, const SourceFileReport& file) {
         writer.series({{"file", file.path}}, file.errors);
     }},
};

constexpr Row<Report> kOfReport[] = {
    {"config_loaded_timestamp_seconds", Type::gauge,
     "Time at which the configuration that answers was loaded.",
     time_of_report<&Report::config_loaded>},
    {"start_timestamp_seconds", Type::gauge, "Time at which these counters began.",
     time_of_report<&Report::since>},
    {"worker_deaths", Type::counter, "Worker processes that ended without an orderly exit.",
     of_report<&Report::worker_deaths>},
    {"status_errors", Type::counter,
     "Endpoints, secrets and files that are counted as _other for want of room, and processes "
     "that found none.",
     of_report<&Report::errors>},
    {"build_info", Type::gauge, "Always 1; its labels have the versions.",
     [](Writer& writer, const Report& report) {
         writer.series(
             {{"version", report.module_version}, {"nginx_version", report.server_version}},
             std::uint64_t{1});
     }},
    {"scrape_duration_seconds", Type::gauge, "Work time that the last answer of this worker took.",
     [](Writer& writer, const Report& report) {
         writer.series({}, report.scrape_seconds.value_or(0));
     }},
};

// A secret has the name of its endpoint.
struct SecretOfEndpoint {
    const EndpointReport& endpoint;
    const SecretReport& secret;

    Writer::Label endpoint_label() const { return {"webhook_endpoint", endpoint.name}; }
    Writer::Label id_label() const { return {"secret_id", secret.id}; }
};

constexpr Row<SecretOfEndpoint> kOfSecrets[] = {
    {"secret_matches", Type::counter, "Deliveries that the secret has verified.",
     [](Writer& writer, const SecretOfEndpoint& each) {
         writer.series({each.endpoint_label(), each.id_label()}, each.secret.matches);
     }},
    {"secret_last_match_timestamp_seconds", Type::gauge,
     "Time of the last delivery that the secret has verified; 0 if there was none.",
     [](Writer& writer, const SecretOfEndpoint& each) {
         writer.series({each.endpoint_label(), each.id_label()},
                       in_seconds(each.secret.last_match));
     }},
    {"secret_expiry_timestamp_seconds", Type::gauge,
     "Time from which the secret verifies nothing, if it has one.",
     [](Writer& writer, const SecretOfEndpoint& each) {
         if (!each.secret.expires) return;
         writer.series({each.endpoint_label(), each.id_label()}, in_seconds(*each.secret.expires));
     }},
};

std::vector<SecretOfEndpoint> secrets_of(const Report& report) {
    std::vector<SecretOfEndpoint> secrets;
    for (const EndpointReport& endpoint : report.endpoints) {
        for (const SecretReport& each : endpoint.secrets) secrets.push_back({endpoint, each});
    }
    return secrets;
}

class MetricsText final : public StepwiseText {
  public:
    MetricsText(const Report& report, Exposition format)
        : writer_(format, report.endpoints.size()), secrets_(secrets_of(report)), all_{report} {
        add_rows(kOfEndpoints, report.endpoints);
        add_rows(kOfSecrets, secrets_);
        add_rows(kOfZones, report.zones);
        // Most have none, and need not be told of what it would count.
        if (!report.redis.empty()) add_rows(kOfRedis, report.redis);
        add_rows(kOfFiles, report.source_files);
        add_rows(kOfReport, all_);
        add_step([this] { writer_.end(); });
    }

    std::string take() override { return writer_.take(); }

  private:
    template <typename Element, std::size_t Count, typename Elements>
    void add_rows(const Row<Element> (&rows)[Count], const Elements& elements) {
        for (const Row<Element>& row : rows) {
            add_step([this, &row] { writer_.family(row.name, row.type, row.help); });
            add_steps(elements, 4, [this, &row](const Element& each) { row.write(writer_, each); });
        }
    }

    Writer writer_;
    const std::vector<SecretOfEndpoint> secrets_;
    const std::array<std::reference_wrapper<const Report>, 1> all_;
};

}  // namespace

std::string_view content_type_of(Exposition format) {
    return format == Exposition::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

Exposition wanted_exposition(std::string_view accept) {
    const std::string asked = to_lower(accept);
    const bool wants = asked.find("application/openmetrics-text") != std::string::npos &&
                       asked.find("version=1.0.0") != std::string::npos;
    return wants ? Exposition::openmetrics : Exposition::prometheus;
}

std::unique_ptr<StepwiseText> metrics_of(const Report& report, Exposition format) {
    return std::make_unique<MetricsText>(report, format);
}

}  // namespace webhook
