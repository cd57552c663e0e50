#include "report/reading.h"

#include <algorithm>
#include <string>

#include "report/cells.h"

namespace webhook {
namespace {

When when(std::uint64_t milliseconds) {
    if (milliseconds == 0) return std::nullopt;
    return Milliseconds(static_cast<std::int64_t>(milliseconds));
}

// Reads the parts of a row before their whole (cells.h).
class RowReader {
  public:
    RowReader(const CounterTable& table, CounterTable::Row row) : table_(table), row_(row) {}

    std::uint64_t sum(cells::Cell cell) const { return table_.sum(row_, cell); }
    When last(cells::Cell cell) const { return when(table_.largest(row_, cell)); }

    template <typename Counts>
    void read(Counts& counts, cells::Cell first) const {
        for (std::size_t i = 0; i < counts.size(); ++i) {
            counts[i] = sum(first + static_cast<cells::Cell>(i));
        }
    }

    void read(Histogram& histogram, cells::Cell first, cells::Cell nanoseconds) const {
        histogram.counts.resize(histogram.bounds.size() + 1);
        read(histogram.counts, first);
        histogram.nanoseconds = sum(nanoseconds);
    }

  private:
    const CounterTable& table_;
    CounterTable::Row row_;
};

}  // namespace

EndpointReport read_endpoint(const CountedEndpoint& endpoint, const Counters& counters,
                             const std::vector<bool>& living) {
    EndpointReport report = endpoint.report;
    const RowReader row(counters.endpoints, endpoint.row);
    row.read(report.outcomes, cells::kOutcomes);
    row.read(report.upstream, cells::kUpstreamBuckets, cells::kUpstreamNanoseconds);
    row.read(report.verify, cells::kVerifyBuckets, cells::kVerifyNanoseconds);
    report.last_delivered = row.last(cells::kLastDelivered);
    for (std::size_t i = 0; i < report.secrets.size(); ++i) {
        const RowReader secret(counters.secrets, endpoint.secrets[i]);
        report.secrets[i].last_match = secret.last(cells::kLastMatch);
        report.secrets[i].matches = secret.sum(cells::kMatches);
    }
    row.read(report.decisions, cells::kDecisions);
    row.read(report.monitored, cells::kMonitored);
    report.last_accepted = row.last(cells::kLastAccepted);
    report.last_refused = row.last(cells::kLastRefused);
    report.abandoned = row.sum(cells::kAbandoned);
    report.bytes = row.sum(cells::kBytes);
    report.in_progress = counters.in_progress(endpoint.row, living);
    report.last_received = row.last(cells::kLastReceived);
    report.received = row.sum(cells::kReceived);
    return report;
}

void read_zone(CounterTable::Row row, Counters& counters, std::uint64_t uncounted,
               ZoneReport& zone) {
    const RowReader reader(counters.zones, row);
    zone.duplicates = reader.sum(cells::kDuplicates);
    // Meanwhile, some may move from the one number to the other.
    counters.zones.raise(row, cells::kForgottenShown,
                         uncounted + reader.sum(cells::kForgottenEarly));
    zone.forgotten_early = counters.zones.largest(row, cells::kForgottenShown);
    zone.repairs = reader.sum(cells::kRepairs);
}

void read_source_file(CounterTable::Row row, const Counters& counters, SourceFileReport& file) {
    const RowReader reader(counters.files, row);
    file.loaded = reader.last(cells::kLoaded);
    file.errors = reader.sum(cells::kErrors);
}

void read_redis(CounterTable::Row row, const Counters& counters, const std::vector<bool>& living,
                RedisReport& redis) {
    const RowReader reader(counters.servers, row);
    redis.connected = counters.seen_as(row, Sight::connected, living);
    redis.away = counters.seen_as(row, Sight::away, living);
    redis.pushed_later = reader.sum(cells::kPushedLater);
    redis.pushes_dropped = reader.sum(cells::kPushesDropped);
    redis.commits_late = reader.sum(cells::kCommitsLate);
    redis.decided_alone = reader.sum(cells::kDecidedAlone);
    redis.learned = reader.sum(cells::kLearned);
    redis.leases_lost = reader.sum(cells::kLeasesLost);
    redis.released_for_dead = reader.sum(cells::kReleasedForDead);
    redis.timeouts = reader.sum(cells::kTimeouts);
    redis.losses = reader.sum(cells::kLosses);
    redis.round_trip.bounds = cells::kRoundTripBounds;
    reader.read(redis.round_trip, cells::kRoundTripBuckets, cells::kRoundTripNanoseconds);
}

std::vector<RefusalReport> read_refusals(std::span<const CountedEndpoint> endpoints,
                                         const Counters& counters, bool is_anonymous) {
    std::vector<RefusalReport> refusals;
    for (const RefusalRecord& each : counters.refusals.read()) {
        const auto endpoint = std::ranges::find(endpoints, each.endpoint, &CountedEndpoint::row);
        if (endpoint == endpoints.end() || each.reason >= kReasonCount) continue;
        const std::string source(each.source.view());
        refusals.push_back({Milliseconds(each.time), endpoint->report.name,
                            static_cast<Reason>(each.reason), each.monitored,
                            is_anonymous ? network_of(source) : source,
                            std::string(each.event_id.view()), std::string(each.request_id.view()),
                            each.repeated});
    }
    return refusals;
}

}  // namespace webhook
