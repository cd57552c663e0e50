// Counts one delivery in the shared counters.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/outcome.h"
#include "report/reading.h"
#include "store/counter_table.h"
#include "verify/verdict.h"

namespace webhook::ngx {

// Where the deliveries of a gate are counted. Filled when its configuration comes into force.
struct CountedGate {
    CounterTable::Row endpoint = CounterTable::kOther;
    // By their ids, as `$webhook_secret_id` has them.
    std::vector<std::pair<std::string, CounterTable::Row>> secrets;
    CounterTable::Row zone = CounterTable::kOther;
};

// What became of a delivery.
struct Ending {
    // `none`: its sender left before.
    Verdict verdict = Verdict::none;
    Reason reason{};
    // Of its body, as far as it was read.
    std::uint64_t bytes = 0;
    // No value: nothing was verified.
    std::optional<std::chrono::nanoseconds> verify_time = std::nullopt;
    // No value: no secret has signed it.
    std::optional<std::string_view> secret_id = std::nullopt;
    // If it was handed on.
    std::optional<Outcome> outcome = std::nullopt;
    std::optional<Milliseconds> upstream_time = std::nullopt;
};

// begin() when the delivery enters its gate; end() with its request, if it has begun.
class Tally {
  public:
    void begin(const CountedGate& gate) noexcept;
    void end(const Ending& ending) noexcept;

    bool has_begun() const { return gate_ != nullptr; }
    // Whether its verification is to be timed: at most one for each millisecond, since asking for
    // the time costs as much as all counting.
    bool is_timed() const { return is_timed_; }

  private:
    void count_decision(const Ending& ending) const;
    void count_verification(const Ending& ending) const;
    void count_upstream(const Ending& ending) const;

    // Null: it is not counted.
    const CountedGate* gate_ = nullptr;
    bool is_timed_ = false;
};

}  // namespace webhook::ngx
