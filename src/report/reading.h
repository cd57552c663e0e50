// Reads the numbers of a report from the shared counters, without a lock.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "report/report.h"
#include "store/counters.h"

namespace webhook {

// An endpoint of the configuration, and where it is counted. Gates with the same name are one.
struct CountedEndpoint {
    CounterTable::Row row = CounterTable::kOther;
    // Its numbers are zero.
    EndpointReport report;
    // By the secrets of the report.
    std::vector<CounterTable::Row> secrets;
};

// `living` are the processes whose deliveries are in progress (Counters::living()).
EndpointReport read_endpoint(const CountedEndpoint& endpoint, const Counters& counters,
                             const std::vector<bool>& living);

// What a zone and a file of addresses count. Names and gauges are the caller's, and so is the
// number of events that were forgotten early and not counted yet.
void read_zone(CounterTable::Row row, Counters& counters, std::uint64_t uncounted,
               ZoneReport& zone);
void read_source_file(CounterTable::Row row, const Counters& counters, SourceFileReport& file);

// What the processes count of a Redis, and how many of the living ones see it how. Name, URL and
// zones are the caller's.
void read_redis(CounterTable::Row row, const Counters& counters, const std::vector<bool>& living,
                RedisReport& redis);

// The last refusals of these endpoints, the newest first. Anonymous: without the end of their
// sources' addresses.
std::vector<RefusalReport> read_refusals(std::span<const CountedEndpoint> endpoints,
                                         const Counters& counters, bool is_anonymous);

}  // namespace webhook
