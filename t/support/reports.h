// Reports for the tests of the status page: of a busy server, of one that knows nothing, of names
// that would like to be markup, of many endpoints.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/cells.h"
#include "report/report.h"

namespace webhook::reports {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// 2026-11-28 10:00:00 UTC, and five seconds more with each tick.
inline Milliseconds time_at(std::uint64_t tick) {
    return Milliseconds(1795860000000) + seconds(5 * tick);
}

inline Histogram histogram(std::span<const double> bounds, std::vector<std::uint64_t> counts) {
    Histogram result{bounds, std::move(counts), 0};
    result.counts.resize(bounds.size() + 1);
    result.nanoseconds = result.total() * 12'345'678;
    return result;
}

inline std::uint64_t& of(EndpointReport& endpoint, Outcome outcome) {
    return endpoint.outcomes[static_cast<std::size_t>(outcome)];
}
inline std::uint64_t& of(EndpointReport& endpoint, Reason reason) {
    return endpoint.decisions[static_cast<std::size_t>(reason)];
}

inline Report blank(std::uint64_t tick = 0) {
    Report report;
    report.now = time_at(tick);
    report.since = time_at(0) - hours(9 * 24);
    report.config_loaded = time_at(0) - hours(3);
    report.generation = 7;
    report.module_version = "0.1.0";
    report.server_version = "1.22.1";
    report.workers = 4;
    report.shows_recent = true;
    return report;
}

inline EndpointReport quiet_endpoint(std::string name, std::string scheme = "github") {
    EndpointReport endpoint;
    endpoint.name = std::move(name);
    endpoint.scheme = std::move(scheme);
    endpoint.verify = histogram(cells::kVerifyBounds, {});
    endpoint.upstream = histogram(cells::kUpstreamBounds, {});
    return endpoint;
}

inline EndpointReport busy_endpoint(std::string name, Milliseconds now, std::uint64_t more) {
    EndpointReport endpoint = quiet_endpoint(std::move(name));
    endpoint.received = 48'210 + more;
    endpoint.bytes = 162'384'500 + more * 3000;
    endpoint.abandoned = 3;
    endpoint.in_progress = 2;
    of(endpoint, Reason::accepted) = 47'012 + more;
    of(endpoint, Reason::duplicate) = 902;
    of(endpoint, Reason::handshake) = 1;
    of(endpoint, Reason::bad_signature) = 241;
    of(endpoint, Reason::stale_timestamp) = 38;
    of(endpoint, Reason::missing_signature) = 16;
    of(endpoint, Outcome::success) = 46'960 + more;
    of(endpoint, Outcome::server_error) = 31;
    of(endpoint, Outcome::timeout) = 9;
    of(endpoint, Outcome::client_gone) = 4;
    of(endpoint, Outcome::local) = 8;
    endpoint.verify =
        histogram(cells::kVerifyBounds, {120, 20'400, 19'100, 5'200, 1'801, 310, 60, 17, 4});
    endpoint.upstream = histogram(cells::kUpstreamBounds, {310, 4'020, 18'400, 14'700 + more, 7'100,
                                                           1'900, 420, 104, 40, 9, 0, 0, 0, 1});
    endpoint.last_received = now - seconds(2);
    endpoint.last_accepted = now - seconds(2);
    endpoint.last_delivered = now - seconds(2);
    endpoint.last_refused = now - minutes(14);
    endpoint.secrets = {{"2026-04", 31'024, now - hours(5 * 24), std::nullopt},
                        {"2026-10", 15'988 + more, now - seconds(2), std::nullopt}};
    endpoint.dedup_zone = "events";
    return endpoint;
}

inline EndpointReport monitored_endpoint(std::string name, bool is_safe, Milliseconds now) {
    EndpointReport endpoint = quiet_endpoint(std::move(name), "stripe");
    endpoint.monitors = true;
    endpoint.received = 3'412;
    of(endpoint, Reason::accepted) = 3'412;
    if (!is_safe) {
        of(endpoint, Reason::accepted) = 3'300;
        endpoint.monitored[static_cast<std::size_t>(Reason::bad_signature)] = 84;
        endpoint.monitored[static_cast<std::size_t>(Reason::stale_timestamp)] = 20;
        endpoint.monitored[static_cast<std::size_t>(Reason::duplicate)] = 8;
    }
    of(endpoint, Outcome::success) = 3'412;
    endpoint.upstream = histogram(cells::kUpstreamBounds, {0, 0, 1'412, 1'990, 10});
    endpoint.verify = histogram(cells::kVerifyBounds, {0, 3'000, 412});
    endpoint.last_received = endpoint.last_accepted = endpoint.last_delivered = now - minutes(3);
    endpoint.secrets = {{"1", 3'300, now - minutes(3), std::nullopt}};
    if (!is_safe) endpoint.secrets[0].expires = now + hours(60);
    return endpoint;
}

inline EndpointReport failing_endpoint(std::string name, Milliseconds now) {
    EndpointReport endpoint = quiet_endpoint(std::move(name), "shopify");
    endpoint.received = endpoint.bytes = 212;
    of(endpoint, Reason::accepted) = 208;
    of(endpoint, Reason::bad_signature) = 4;
    of(endpoint, Outcome::success) = 120;
    of(endpoint, Outcome::no_answer) = 80;
    of(endpoint, Outcome::server_error) = 8;
    endpoint.upstream = histogram(cells::kUpstreamBounds, {0, 0, 0, 110, 10, 0, 0, 0, 8, 0, 80});
    endpoint.last_received = endpoint.last_accepted = now - seconds(40);
    endpoint.last_delivered = now - minutes(52);
    endpoint.last_refused = now - hours(30);
    endpoint.secrets = {{"1", 208, now - seconds(40), std::nullopt}};
    return endpoint;
}

inline RefusalReport refusal(Milliseconds time, std::string endpoint, Reason reason,
                             std::string source, std::string event_id, std::uint64_t repeated) {
    RefusalReport result{
        time,    std::move(endpoint), reason, false, std::move(source), std::move(event_id), {},
        repeated};
    result.request_id = "5f1c09a4" + std::to_string(time.count()) + "cafe";
    return result;
}

// That answers, and has always done so.
inline RedisReport near_redis(std::uint64_t more) {
    RedisReport redis;
    redis.name = "fleet";
    redis.url = "redis://10.0.0.7:6379/0";
    redis.zones = {"events"};
    redis.connected = 4;
    redis.round_trip =
        histogram(cells::kRoundTripBounds, {8'102, 61'440 + more, 22'019, 2'250, 180, 11, 2});
    redis.learned = 1'204 + more;
    redis.commits_late = redis.pushed_later = 3;
    return redis;
}

// That does not answer one of the workers, and was away for long.
inline RedisReport far_redis() {
    RedisReport redis;
    redis.name = "other-region";
    redis.url = "rediss://redis.eu-central-1.example.com:6380/3";
    redis.zones = {"small", "tenants"};
    redis.connected = 3;
    redis.away = 1;
    redis.round_trip =
        histogram(cells::kRoundTripBounds, {0, 0, 0, 0, 0, 12, 3'044, 8'650, 401, 8});
    redis.timeouts = 1'409;
    redis.losses = 7;
    redis.decided_alone = 5'830;
    redis.learned = 77;
    redis.commits_late = 1'417;
    redis.pushed_later = 4'812;
    redis.pushes_dropped = 1'018;
    redis.leases_lost = 2;
    redis.released_for_dead = 3;
    return redis;
}

// Of a server with traffic, which grows with each tick.
inline Report busy(std::uint64_t tick = 0) {
    Report report = blank(tick);
    const Milliseconds now = report.now;
    report.endpoints = {busy_endpoint("github", now, 30 * tick + 45 * (tick / 3) + 90 * (tick / 7)),
                        monitored_endpoint("stripe", false, now),
                        monitored_endpoint("stripe-connect", true, now),
                        failing_endpoint("shopify", now), quiet_endpoint("slack", "slack")};
    report.zones = {{"events", 120'000, 81'440 + 40 * tick, 2, 910, 0, 0},
                    {"small", 1'000, 1'000, 0, 31, 212, 1}};
    report.redis = {near_redis(80 * tick), far_redis()};
    report.source_files = {{"/etc/nginx/webhook/github-meta.json#/hooks", 6, now - hours(26), 0},
                           {"/etc/nginx/webhook/stripe.txt", 14, now - hours(200), 2}};
    report.recent = {
        refusal(now - seconds(40), "shopify", Reason::bad_signature, "192.0.2.17",
                "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", 0),
        refusal(now - minutes(14), "github", Reason::bad_signature, "2001:db8::1:7", "", 212),
        refusal(now - hours(2), "github", Reason::stale_timestamp, "198.51.100.4",
                "72d3162e-cc78-11e3-81ab-4c9367dc0958", 3)};
    report.recent.back().monitored = true;
    report.worker_deaths = 1;
    return report;
}

// Where nothing is wrong, and no refusal is shown.
inline Report calm(std::uint64_t tick = 0) {
    Report report = blank(tick);
    report.shows_recent = false;
    report.endpoints = {busy_endpoint("github", report.now, 40 * tick),
                        monitored_endpoint("stripe-connect", true, report.now)};
    report.zones = {{"events", 120'000, 31'440, 2, 910, 0, 0}};
    report.redis = {near_redis(80 * tick)};
    return report;
}

// Of one endpoint that is new, and lets all of it pass.
inline Report monitored(std::uint64_t tick = 0) {
    Report report = blank(tick);
    EndpointReport endpoint = quiet_endpoint("stripe", "stripe");
    endpoint.monitors = true;
    endpoint.received = 7;
    endpoint.monitored[static_cast<std::size_t>(Reason::bad_signature)] = 6;
    endpoint.monitored[static_cast<std::size_t>(Reason::duplicate)] = 1;
    of(endpoint, Outcome::success) = 7;
    endpoint.last_received = endpoint.last_delivered = report.now - minutes(3);
    report.endpoints = {endpoint};
    return report;
}

// Of one endpoint whose sender has another secret.
inline Report refused(std::uint64_t tick = 0) {
    Report report = blank(tick);
    EndpointReport endpoint = quiet_endpoint("github");
    endpoint.received = 44;
    of(endpoint, Reason::accepted) = 1;
    of(endpoint, Reason::bad_signature) = 43;
    of(endpoint, Outcome::success) = 1;
    endpoint.last_received = endpoint.last_refused = report.now - minutes(1);
    endpoint.last_accepted = endpoint.last_delivered = report.now - minutes(9);
    report.endpoints = {endpoint, quiet_endpoint("slack", "slack")};
    return report;
}

// As calm, but counting has just begun anew.
inline Report restarted(std::uint64_t tick = 0) {
    Report report = calm(tick);
    report.since = report.now - seconds(4);
    report.endpoints[0].received = 6;
    return report;
}

// What would like to be more than a text.
inline const std::vector<std::string>& hostile_names() {
    static const std::vector<std::string> names{
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "\"'><svg onload=alert(3)>",
        "' onmouseover='alert(4)' x='",
        "\\\"; alert(5) //",
        "line\nbreak\rand\ttab \x1b[31m \x7f",
        "</style><style>*{display:none}",
        "<!--<script>",
        "]]>&lt;&amp;&#x3c;${alert(6)}{{alert(7)}}",
        "\xe2\x80\xa8 and \xe2\x80\xa9",
        "\xe2\x80\xae gnorts \xe2\x80\xac",
        "broken \xff\xc3 \xed\xa0\x80 \xf0\x9f",
        "javascript:alert(8)",
        "__proto__",
        "constructor",
        std::string(300, 'W'),
        "</template><base href=//evil.example><form action=//evil.example>",
        "</title><meta http-equiv=refresh content=0;url=//evil.example>"};
    return names;
}

// The names wherever a report has a text.
inline Report hostile(std::uint64_t tick = 0) {
    Report report = blank(tick);
    const Milliseconds now = report.now;
    for (const std::string& name : hostile_names()) {
        EndpointReport endpoint = failing_endpoint(name, now);
        endpoint.scheme = endpoint.dedup_zone = name;
        endpoint.secrets = {{name, 1, now, now + hours(1)}};
        report.endpoints.push_back(endpoint);
        report.zones.push_back({name, 10, 10, 0, 0, 1, 0});
        RedisReport redis = far_redis();
        redis.name = redis.url = name;
        redis.zones = {name};
        report.redis.push_back(redis);
        report.source_files.push_back({name, 1, now, 1});
        RefusalReport refused = refusal(now, name, Reason::bad_signature, name, name, tick);
        refused.request_id = name;
        report.recent.push_back(refused);
        report.module_version += name;
        report.server_version += name;
    }
    return report;
}

// Numbers beyond what a double can hold, and times that were never.
inline Report extreme(std::uint64_t tick = 0) {
    constexpr std::uint64_t kLarge = (std::uint64_t{1} << 53) + 1;
    Report report = blank(tick);
    EndpointReport endpoint = quiet_endpoint("large");
    endpoint.received = endpoint.bytes = UINT64_MAX;
    of(endpoint, Reason::accepted) = kLarge;
    of(endpoint, Reason::bad_signature) = kLarge + 2;
    of(endpoint, Outcome::success) = kLarge;
    endpoint.upstream = histogram(cells::kUpstreamBounds, {kLarge});
    report.endpoints = {endpoint, quiet_endpoint("never")};
    report.endpoints[1].secrets = {{"unused", 0, std::nullopt, std::nullopt},
                                   {"expired", 5, report.now, report.now - hours(1)}};
    report.zones = {{"none", 0, 0, 0, 0, 0, 0}, {"large", UINT64_MAX, kLarge, 0, 0, 0, 0}};
    report.redis = {{.name = "new", .url = "unix:/run/redis.sock"}, far_redis()};
    report.redis[0].round_trip = histogram(cells::kRoundTripBounds, {});
    report.redis[1].round_trip = histogram(cells::kRoundTripBounds, {kLarge, 0, 0, kLarge});
    report.redis[1].connected = report.redis[1].commits_late = kLarge;
    report.redis[1].learned = UINT64_MAX;
    report.source_files = {{"/never", 0, std::nullopt, 0}};
    report.generation = kLarge;
    return report;
}

inline Report crowded(std::uint64_t tick = 0) {
    Report report = blank(tick);
    for (int i = 0; i < 200; ++i) {
        report.endpoints.push_back(
            busy_endpoint("tenant-" + std::to_string(i), report.now, tick * (i % 7)));
    }
    return report;
}

}  // namespace webhook::reports
