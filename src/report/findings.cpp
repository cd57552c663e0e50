#include "report/findings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "report/wording.h"
#include "verify/verdict.h"

namespace webhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Milliseconds kRecently = hours(24);
constexpr Milliseconds kSoon = hours(7 * 24);
// How long an upstream may have taken nothing while deliveries are accepted.
constexpr Milliseconds kUndelivered = minutes(5);
constexpr double kAlmostFull = 0.9;
// Fewer refusals than this say nothing about a sender.
constexpr std::uint64_t kManyRefusals = 10;
// Fewer late commits than these say nothing about a Redis.
constexpr std::uint64_t kManyLate = 10;
constexpr double kOftenLate = 0.01;

std::string deliveries(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " delivery" : " deliveries");
}

std::string duplicates_text(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " was a duplicate" : " were duplicates");
}

std::uint64_t count_of(const EndpointReport& endpoint, Reason reason) {
    const auto index = static_cast<std::size_t>(reason);
    return endpoint.decisions[index] + endpoint.monitored[index];
}

std::uint64_t count_of(const EndpointReport& endpoint, Outcome outcome) {
    return endpoint.outcomes[static_cast<std::size_t>(outcome)];
}

// What was refused of an endpoint, and most often why.
struct Refusals {
    std::uint64_t count = 0;
    Reason usual = Reason::accepted;
};

template <typename Counts>
Refusals refusals_among(const Counts& counts) {
    Refusals found;
    std::uint64_t most = 0;
    for (const ReasonInfo& row : all_reasons()) {
        const std::uint64_t count = counts[static_cast<std::size_t>(row.reason)];
        if (count == 0 || verdict_of(row.reason, false) != Verdict::rejected) continue;
        if (count > most) found.usual = row.reason;
        most = std::max(most, count);
        found.count += count;
    }
    return found;
}

class Finder {
  public:
    explicit Finder(const Report& report) : report_(report) {}

    std::vector<Finding> run() {
        for (const EndpointReport& each : report_.endpoints) look_at(each);
        for (const ZoneReport& each : report_.zones) look_at(each);
        for (const RedisReport& each : report_.redis) look_at(each);
        for (const SourceFileReport& each : report_.source_files) look_at(each);
        look_at_processes();
        std::ranges::stable_sort(found_, std::ranges::greater{}, &Finding::health);
        return std::move(found_);
    }

  private:
    void add(std::string_view code, Health health, std::string text, std::string endpoint = {}) {
        found_.push_back({code, health, std::move(endpoint), std::move(text)});
    }

    void look_at(const EndpointReport& endpoint) {
        look_at_upstream(endpoint);
        look_at_refusals(endpoint);
        look_at_faults(endpoint);
        for (const SecretReport& each : endpoint.secrets) look_at(each, endpoint);
        look_at_monitoring(endpoint);
    }

    void look_at_upstream(const EndpointReport& endpoint) {
        const std::uint64_t failures = count_of(endpoint, Outcome::server_error) +
                                       count_of(endpoint, Outcome::timeout) +
                                       count_of(endpoint, Outcome::no_answer);
        if (failures == 0 || !endpoint.last_accepted) return;
        const Milliseconds delivered = endpoint.last_delivered.value_or(report_.since);
        if (*endpoint.last_accepted - delivered < kUndelivered) return;
        add("nothing_delivered", Health::failing,
            "Deliveries are accepted, but the upstream has taken none since " +
                time_text(delivered) + ": it answers with an error, or not at all.",
            endpoint.name);
    }

    void look_at_refusals(const EndpointReport& endpoint) {
        if (endpoint.monitors) return;
        if (count_of(endpoint, Reason::accepted) > 0) return look_at_most(endpoint);
        auto counts = endpoint.decisions;
        for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += endpoint.monitored[i];
        const auto [refused, usual] = refusals_among(counts);
        if (refused == 0) return;
        add("nothing_accepted", Health::attention,
            "Nothing was accepted yet; " + deliveries(refused) + (refused == 1 ? " was" : " were") +
                " refused, most often as " + std::string(info(usual).name) + ".",
            endpoint.name);
    }

    // What was monitored before the gate began to enforce was let through.
    void look_at_most(const EndpointReport& endpoint) {
        std::uint64_t decided = 0;
        for (const Verdict each : kVerdicts) decided += endpoint.count_of(each);
        auto counts = endpoint.decisions;
        // They are no fault of the sender's signature, and may go on for good.
        for (const Reason each : {Reason::filtered, Reason::method}) {
            counts[static_cast<std::size_t>(each)] = 0;
        }
        const auto [refused, usual] = refusals_among(counts);
        if (refused < kManyRefusals || refused <= decided / 2 || !endpoint.last_refused) return;
        const bool is_recent = report_.now - *endpoint.last_refused < kRecently;
        if (!is_recent && endpoint.last_refused <= endpoint.last_accepted) return;
        add("mostly_refused", Health::attention,
            "Most deliveries were refused: " + std::to_string(refused) + " of " +
                std::to_string(decided) + ", most often as " + std::string(info(usual).name) + ".",
            endpoint.name);
    }

    void look_at_faults(const EndpointReport& endpoint) {
        if (const std::uint64_t faults = count_of(endpoint, Reason::internal)) {
            add("internal_faults", Health::failing,
                "The gate itself failed for " + deliveries(faults) +
                    "; the error log names the fault.",
                endpoint.name);
        }
        if (const std::uint64_t refused = count_of(endpoint, Reason::unavailable)) {
            add("memory_unavailable", Health::attention,
                "The memory of events had no room or no answer for " + deliveries(refused) +
                    ", which senders have to repeat.",
                endpoint.name);
        }
    }

    void look_at(const SecretReport& secret, const EndpointReport& endpoint) {
        if (!secret.expires) return;
        const bool is_used = secret.last_match && report_.now - *secret.last_match < kRecently;
        const Milliseconds left = *secret.expires - report_.now;
        if (left <= Milliseconds(0) || !is_used) return;
        add("old_secret_used", left < kSoon ? Health::attention : Health::ok,
            "The secret " + in_quotes(secret.id) + " still verifies deliveries, and ends on " +
                time_text(*secret.expires) + ".",
            endpoint.name);
    }

    void look_at_monitoring(const EndpointReport& endpoint) {
        if (!endpoint.monitors) return;
        const std::uint64_t refused = refusals_among(endpoint.monitored).count;
        if (refused == 0) return;
        const auto duplicates = endpoint.monitored[static_cast<std::size_t>(Reason::duplicate)];
        add("would_refuse", Health::ok,
            "Only monitored: " + deliveries(refused) + " would have been refused" +
                (duplicates == 0 ? "." : ", and " + duplicates_text(duplicates) + "."),
            endpoint.name);
    }

    void look_at(const ZoneReport& zone) {
        const std::string name = "The dedup zone " + in_quotes(zone.name);
        if (zone.forgotten_early > 0) {
            add("forgotten_early", Health::attention,
                name + " was full: events were forgotten before their time was over (" +
                    std::to_string(zone.forgotten_early) + " so far). Give it a larger size.");
        } else if (static_cast<double>(zone.remembered) >
                   kAlmostFull * static_cast<double>(zone.capacity)) {
            add("zone_almost_full", Health::attention,
                name + " is almost full: " + std::to_string(zone.remembered) + " of " +
                    std::to_string(zone.capacity) + " events.");
        }
    }

    void look_at(const RedisReport& redis) {
        const std::string name = "The Redis " + in_quotes(redis.name);
        if (redis.away > 0) {
            add("redis_away", Health::failing,
                name + " does not answer " + share_of_workers(redis) +
                    ": each node decides alone, or answers 503 to new events (on_error=).");
        }
        look_at_commits(redis, name);
        if (redis.leases_lost > 0) {
            add("redis_leases_lost", Health::attention,
                name + " let claims go before their deliveries were over (" +
                    std::to_string(redis.leases_lost) +
                    " so far): another node may have delivered them as well.");
        }
    }

    static std::string share_of_workers(const RedisReport& redis) {
        const std::uint64_t all = redis.connected + redis.away;
        if (redis.away < all) {
            return std::to_string(redis.away) + " of " + std::to_string(all) + " worker processes";
        }
        return all == 1 ? "the worker process"
                        : "any of " + std::to_string(all) + " worker processes";
    }

    void look_at_commits(const RedisReport& redis, const std::string& name) {
        if (redis.pushes_dropped > 0) {
            add("redis_pushes_dropped", Health::attention,
                name + " was away for too long: it will not be told of some events that were " +
                    "delivered (" + std::to_string(redis.pushes_dropped) +
                    " so far), and other nodes would deliver them again.");
        }
        // While it is away, every commit is late.
        if (redis.away > 0) return;
        const auto late = static_cast<double>(redis.commits_late);
        const double all = late + static_cast<double>(redis.round_trip.total());
        if (redis.commits_late < kManyLate || late <= kOftenLate * all) return;
        add("redis_commits_late", Health::attention,
            name + " is often too slow, or refuses calls (the error log says so): " +
                std::to_string(redis.commits_late) +
                " answers left before it had confirmed the event.");
    }

    void look_at(const SourceFileReport& file) {
        if (file.errors == 0) return;
        add("source_file_errors", Health::attention,
            "The file " + in_quotes(file.path) +
                " had a version that could not be used; the last good one stays in use.");
    }

    void look_at_processes() {
        if (report_.worker_deaths > 0) {
            add("worker_died", Health::attention,
                std::to_string(report_.worker_deaths) +
                    (report_.worker_deaths == 1 ? " worker process has"
                                                : " worker processes have") +
                    " died since " + time_text(report_.since) +
                    "; the error log names the signal.");
        }
        if (report_.errors > 0) {
            add("not_counted_apart", Health::attention,
                "There are more endpoints, secrets or processes than are counted apart; the others "
                "are counted as \"_other\".");
        }
    }

    const Report& report_;
    std::vector<Finding> found_;
};

}  // namespace

std::string_view name_of(Health health) {
    switch (health) {
        case Health::ok:
            return "ok";
        case Health::attention:
            return "attention";
        case Health::failing:
            break;
    }
    return "failing";
}

std::vector<Finding> findings_of(const Report& report) {
    return Finder(report).run();
}

Health health_of(const std::vector<Finding>& findings) {
    Health worst = Health::ok;
    for (const Finding& each : findings) worst = std::max(worst, each.health);
    return worst;
}

std::string summary_of(const Report& report, const std::vector<Finding>& findings) {
    std::set<std::string_view> failing;
    std::set<std::string_view> attention;
    std::uint64_t others = 0;
    std::uint64_t notes = 0;
    // The worst come first.
    for (const Finding& each : findings) {
        if (each.health == Health::ok) {
            ++notes;
        } else if (each.endpoint.empty()) {
            ++others;
        } else if (each.health == Health::failing) {
            failing.insert(each.endpoint);
        } else if (!failing.contains(each.endpoint)) {
            attention.insert(each.endpoint);
        }
    }
    std::string summary;
    const auto add = [&](std::uint64_t count, std::string_view one, std::string_view many) {
        if (count == 0) return;
        if (!summary.empty()) summary += ", ";
        summary += std::to_string(count);
        summary += count == 1 ? one : many;
    };
    add(failing.size(), " endpoint is failing", " endpoints are failing");
    add(attention.size(), " endpoint needs attention", " endpoints need attention");
    if (summary.empty()) {
        add(others, " finding needs attention", " findings need attention");
    } else {
        add(others, " other finding", " other findings");
    }
    if (summary.empty() && report.endpoints.empty()) return "There is no endpoint";
    if (summary.empty()) {
        add(report.endpoints.size(), " endpoint", " endpoints");
        if (notes == 0) return summary + ", nothing needs attention";
    }
    add(notes, " note", " notes");
    return summary;
}

}  // namespace webhook
