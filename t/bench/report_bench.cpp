// What counting a delivery costs, and what a report of 64 endpoints takes: the median of several
// runs of each, in CPU time. Exits with 1 if a target is missed.

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "report/cells.h"
#include "report/html.h"
#include "report/json.h"
#include "report/prometheus.h"
#include "report/reading.h"
#include "store/counters.h"

namespace webhook {
namespace {

constexpr int kRuns = 11;
constexpr std::size_t kEndpoints = 64;
constexpr double kMostCounting = 100;
constexpr double kMostRendering = 5e6;
constexpr double kMostStep = 5e4;
constexpr Milliseconds kNow{1767225600000};

double cpu_nanoseconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double median_of(int count, const std::function<void(int)>& run) {
    std::vector<double> results;
    for (int round = 0; round < kRuns; ++round) {
        const double start = cpu_nanoseconds();
        for (int i = 0; i < count; ++i) run(i);
        results.push_back((cpu_nanoseconds() - start) / count);
    }
    std::ranges::sort(results);
    return results[results.size() / 2];
}

std::span<std::byte> shared_block() {
    void* block =
        mmap(nullptr, Counters::size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) std::exit(2);
    return {static_cast<std::byte*>(block), Counters::size()};
}

// The changes that the glue makes for an accepted delivery (ngx_http_webhook/tally.cpp).
void count(Counters& counters, CounterTable::Row row, CounterTable::Row secret, int number) {
    const auto time = static_cast<std::uint64_t>(kNow.count() + number / 100);
    counters.enter(row);
    counters.endpoints.add(row, cells::kReceived, 1);
    counters.endpoints.raise(row, cells::kLastReceived, time);
    counters.endpoints.add(row, cells::kBytes, 1024);
    counters.endpoints.add(row, cells::decision(Reason::accepted, false), 1);
    counters.endpoints.raise(row, cells::kLastAccepted, time);
    counters.endpoints.add(row, cells::kVerifyNanoseconds, 20'000);
    counters.endpoints.add(row, cells::kVerifyBuckets + cells::bucket(cells::kVerifyBounds, 2e-5),
                           1);
    counters.secrets.add(secret, cells::kMatches, 1);
    counters.secrets.raise(secret, cells::kLastMatch, time);
    counters.endpoints.add(row, cells::kUpstreamNanoseconds, 3'000'000);
    counters.endpoints.add(
        row, cells::kUpstreamBuckets + cells::bucket(cells::kUpstreamBounds, .003), 1);
    counters.endpoints.add(row, cells::outcome(Outcome::success), 1);
    counters.endpoints.raise(row, cells::kLastDelivered, time);
    counters.exit(row);
}

CountedEndpoint endpoint(Counters& counters, std::size_t number) {
    CountedEndpoint endpoint;
    endpoint.report.name = "endpoint-" + std::to_string(number);
    endpoint.report.scheme = "github";
    endpoint.report.possible.set();
    endpoint.report.verify.bounds = cells::kVerifyBounds;
    endpoint.report.upstream.bounds = cells::kUpstreamBounds;
    endpoint.report.secrets = {{"2026-q4", 0, {}, {}}, {"2026-q3", 0, {}, {}}};
    endpoint.row = counters.endpoints.add(endpoint.report.name);
    for (const SecretReport& each : endpoint.report.secrets) {
        endpoint.secrets.push_back(counters.secrets.add(endpoint.report.name + '\n' + each.id));
    }
    return endpoint;
}

Report report_of(const std::vector<CountedEndpoint>& endpoints, Counters& counters) {
    const std::vector<bool> living = counters.living();
    Report report;
    report.now = report.since = report.config_loaded = kNow;
    report.shows_recent = true;
    for (const CountedEndpoint& each : endpoints) {
        report.endpoints.push_back(read_endpoint(each, counters, living));
    }
    report.recent = read_refusals(endpoints, counters, false);
    return report;
}

using Writing = std::function<std::unique_ptr<StepwiseText>(const Report&)>;

// The median over several runs.
double longest_step(const Report& report, const Writing& begin) {
    std::vector<double> longest;
    for (int run = 0; run < kRuns; ++run) {
        longest.push_back(0);
        const auto text = begin(report);
        while (!text->is_complete()) {
            const double start = cpu_nanoseconds();
            text->write_more();
            longest.back() = std::max(longest.back(), cpu_nanoseconds() - start);
        }
    }
    std::ranges::sort(longest);
    return longest[longest.size() / 2];
}

bool tell(const char* what, double measured, double most, const char* unit, double scale) {
    const bool is_met = measured <= most;
    std::printf("  %-46s %9.2f %s, at most %.2f: %s\n", what, measured / scale, unit, most / scale,
                is_met ? "ok" : "MISSED");
    return is_met;
}

int run() {
    Counters counters(shared_block(), kNow);
    counters.join();
    std::vector<CountedEndpoint> endpoints;
    for (std::size_t i = 0; i < kEndpoints; ++i) endpoints.push_back(endpoint(counters, i));
    bool is_met = true;
    const double counting = median_of(100'000, [&](int number) {
        const CountedEndpoint& each = endpoints[static_cast<std::size_t>(number) % kEndpoints];
        count(counters, each.row, each.secrets[0], number);
    });
    is_met &= tell("counting a delivery", counting, kMostCounting, "ns", 1);
    std::size_t bytes = 0;
    const auto render = [&](const char* what, const Writing& begin) {
        const double time = median_of(
            20, [&](int) { bytes += begin(report_of(endpoints, counters))->finish().size(); });
        is_met &= tell(what, time, kMostRendering, "ms", 1e6);
        is_met &= tell("  its longest step", longest_step(report_of(endpoints, counters), begin),
                       kMostStep, "us", 1e3);
    };
    render("64 endpoints for Prometheus",
           [](const Report& report) { return metrics_of(report, Exposition::prometheus); });
    render("64 endpoints as JSON", json_of);
    render("64 endpoints as a page", html_of);
    return is_met && bytes > 0 ? 0 : 1;
}

}  // namespace
}  // namespace webhook

int main() {
    return webhook::run();
}
