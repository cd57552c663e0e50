// What there is to say about the gates at one moment, for the formats to write.
//
// Plain data, complete by itself. Names are from the configuration and valid UTF-8; other texts
// may hold anything. Times are milliseconds since the epoch; no value is never.

#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "report/outcome.h"
#include "verify/reason.h"
#include "verify/verdict.h"

namespace webhook {

using When = std::optional<Milliseconds>;

struct Histogram {
    // Upper bounds, in seconds.
    std::span<const double> bounds;
    // One for each bound, and one for all above the last. Not cumulative.
    std::vector<std::uint64_t> counts;
    std::uint64_t nanoseconds = 0;

    std::uint64_t total() const;
    double seconds() const { return static_cast<double>(nanoseconds) / 1e9; }
};

struct SecretReport {
    // Its id, or its number if it has none.
    std::string id;
    std::uint64_t matches = 0;
    When last_match;
    // Its `not_after`.
    When expires;
};

struct EndpointReport {
    std::string name;
    // Empty for those that found no row.
    std::string scheme;
    bool monitors = false;
    std::uint64_t received = 0;
    std::uint64_t bytes = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t in_progress = 0;
    // By reason.
    std::array<std::uint64_t, kReasonCount> decisions{};
    // Of gates that only monitor: what enforcing would have said.
    std::array<std::uint64_t, kReasonCount> monitored{};
    // Those that the configuration can yield.
    std::bitset<kReasonCount> possible;
    std::array<std::uint64_t, kOutcomeNames.size()> outcomes{};
    Histogram verify;
    Histogram upstream;
    When last_received;
    When last_accepted;
    When last_delivered;
    When last_refused;
    std::vector<SecretReport> secrets;
    // Empty: no event is remembered.
    std::string dedup_zone;

    // Of all reasons with this verdict.
    std::uint64_t count_of(Verdict verdict) const;
};

struct ZoneReport {
    std::string name;
    std::uint64_t capacity = 0;
    std::uint64_t remembered = 0;
    std::uint64_t claimed = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t forgotten_early = 0;
    std::uint64_t repairs = 0;
};

struct SourceFileReport {
    // With the JSON pointer into it, if there is one.
    std::string path;
    std::uint64_t addresses = 0;
    When loaded = std::nullopt;
    std::uint64_t errors = 0;
};

struct RedisReport {
    std::string name{};
    // Without user and password.
    std::string url{};
    // The zones that are asked through it.
    std::vector<std::string> zones{};
    // Workers that are connected to it, and those that it does not answer.
    std::uint64_t connected = 0;
    std::uint64_t away = 0;
    // From the call of a script to its reply.
    Histogram round_trip{};
    std::uint64_t timeouts = 0;
    std::uint64_t losses = 0;
    std::uint64_t decided_alone = 0;
    std::uint64_t learned = 0;
    std::uint64_t commits_late = 0;
    std::uint64_t pushed_later = 0;
    std::uint64_t pushes_dropped = 0;
    std::uint64_t leases_lost = 0;
    std::uint64_t released_for_dead = 0;
};

// An address without its end: the network of 24 or 48 bits that it is in. Other texts as they are.
std::string network_of(std::string_view address);

struct RefusalReport {
    Milliseconds time{};
    std::string endpoint{};
    Reason reason{};
    bool monitored = false;
    std::string source{};
    // As claimed by the sender. Empty: unknown.
    std::string event_id{};
    std::string request_id{};
    // How many more there were, of this endpoint, reason and source, up to `time`.
    std::uint64_t repeated = 0;
};

struct Report {
    Milliseconds now{};
    // When counting began.
    Milliseconds since{};
    Milliseconds config_loaded{};
    // How many configurations were in force since.
    std::uint64_t generation = 0;
    std::string module_version;
    // Of nginx.
    std::string server_version;
    std::uint64_t workers = 0;
    std::uint64_t worker_deaths = 0;
    // Names that found no row, and processes that found no slot.
    std::uint64_t errors = 0;
    std::vector<EndpointReport> endpoints;
    std::vector<ZoneReport> zones;
    std::vector<RedisReport> redis;
    std::vector<SourceFileReport> source_files;
    // The newest first.
    std::vector<RefusalReport> recent;
    bool shows_recent = false;
    // How long the last report took.
    std::optional<double> scrape_seconds;
};

}  // namespace webhook
