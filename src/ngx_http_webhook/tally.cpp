#include "ngx_http_webhook/tally.h"

#include <span>

#include "ngx_http_webhook/shared_counters.h"
#include "report/cells.h"

namespace webhook::ngx {
namespace {

CounterTable& endpoints() {
    return counters()->endpoints;
}

std::uint64_t time_now() {
    return static_cast<std::uint64_t>(now().count());
}

// Into a histogram.
void add_time(CounterTable::Row row, std::chrono::nanoseconds time, cells::Cell sum,
              cells::Cell buckets, std::span<const double> bounds) {
    const double seconds = std::chrono::duration<double>(time).count();
    endpoints().add(row, sum, static_cast<std::uint64_t>(time.count()));
    endpoints().add(row, buckets + cells::bucket(bounds, seconds), 1);
}

}  // namespace

void Tally::begin(const CountedGate& gate) noexcept {
    static ngx_msec_t last_timed = 0;
    if (counters() == nullptr) return;
    gate_ = &gate;
    is_timed_ = ngx_current_msec != last_timed;
    last_timed = ngx_current_msec;
    counters()->enter(gate.endpoint);
    endpoints().add(gate.endpoint, cells::kReceived, 1);
    endpoints().raise(gate.endpoint, cells::kLastReceived, time_now());
}

void Tally::end(const Ending& ending) noexcept {
    endpoints().add(gate_->endpoint, cells::kBytes, ending.bytes);
    if (ending.verdict == Verdict::none) {
        endpoints().add(gate_->endpoint, cells::kAbandoned, 1);
    } else {
        count_decision(ending);
        count_verification(ending);
        if (ending.outcome) count_upstream(ending);
    }
    counters()->exit(gate_->endpoint);
}

void Tally::count_decision(const Ending& ending) const {
    const bool is_monitored = ending.verdict == Verdict::monitored;
    endpoints().add(gate_->endpoint, cells::decision(ending.reason, is_monitored), 1);
    if (ending.verdict == Verdict::accepted) {
        endpoints().raise(gate_->endpoint, cells::kLastAccepted, time_now());
    } else if (ending.verdict == Verdict::rejected) {
        endpoints().raise(gate_->endpoint, cells::kLastRefused, time_now());
    }
    if (ending.reason == Reason::duplicate) {
        counters()->zones.add(gate_->zone, cells::kDuplicates, 1);
    }
}

void Tally::count_verification(const Ending& ending) const {
    if (is_timed_ && ending.verify_time) {
        add_time(gate_->endpoint, *ending.verify_time, cells::kVerifyNanoseconds,
                 cells::kVerifyBuckets, cells::kVerifyBounds);
    }
    if (!ending.secret_id) return;
    for (const auto& [id, row] : gate_->secrets) {
        if (id != *ending.secret_id) continue;
        counters()->secrets.add(row, cells::kMatches, 1);
        counters()->secrets.raise(row, cells::kLastMatch, time_now());
        return;
    }
}

void Tally::count_upstream(const Ending& ending) const {
    if (ending.upstream_time) {
        add_time(gate_->endpoint, *ending.upstream_time, cells::kUpstreamNanoseconds,
                 cells::kUpstreamBuckets, cells::kUpstreamBounds);
    }
    endpoints().add(gate_->endpoint, cells::outcome(*ending.outcome), 1);
    if (*ending.outcome == Outcome::success) {
        endpoints().raise(gate_->endpoint, cells::kLastDelivered, time_now());
    }
}

}  // namespace webhook::ngx
