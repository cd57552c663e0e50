#include "report/report.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <sstream>

#include "base/json_document.h"
#include "base/utf8.h"
#include "report/cells.h"
#include "report/findings.h"
#include "report/json.h"
#include "report/prometheus.h"

namespace webhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// 2026-11-28T10:00:00.500Z
constexpr Milliseconds kNow{1'795'860'000'500};

std::uint64_t& at(std::array<std::uint64_t, kReasonCount>& counts, Reason reason) {
    return counts[static_cast<std::size_t>(reason)];
}

EndpointReport endpoint(std::string name) {
    EndpointReport report;
    report.name = std::move(name);
    report.scheme = "github";
    report.verify.bounds = cells::kVerifyBounds;
    report.verify.counts.resize(cells::kVerifyBounds.size() + 1);
    report.upstream.bounds = cells::kUpstreamBounds;
    report.upstream.counts.resize(cells::kUpstreamBounds.size() + 1);
    report.possible.set(static_cast<std::size_t>(Reason::accepted));
    report.possible.set(static_cast<std::size_t>(Reason::bad_signature));
    report.secrets = {{"new", 3, kNow, std::nullopt}, {"old", 0, std::nullopt, kNow + hours(48)}};
    return report;
}

Report report_of(std::vector<EndpointReport> endpoints) {
    Report report;
    report.now = kNow;
    report.since = kNow - hours(24 * 30);
    report.config_loaded = kNow - hours(1);
    report.generation = 2;
    report.shows_recent = true;
    report.module_version = "0.1.0";
    report.server_version = "1.22.1";
    report.endpoints = std::move(endpoints);
    return report;
}

constexpr std::string_view kHostile[] = {
    "quo\"te",  "back\\slash", "line\nbreak",     "</script><b>&", "\xe2\x80\xa8\xe2\x80\xa9",
    "\xff\xfe", "nul\0byte",   "tab\tand\rreturn"};

// The series of a text, each with its value.
std::map<std::string, std::string> series_of(const std::string& text) {
    std::map<std::string, std::string> series;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        const std::size_t space = line.rfind(' ');
        EXPECT_TRUE(series.emplace(line.substr(0, space), line.substr(space + 1)).second) << line;
    }
    return series;
}

std::string padded(const std::string& text) {
    std::string result = text;
    result.resize(text.size() + json_padding());
    return result;
}

bool is_json(const std::string& text) {
    JsonDocument document;
    const std::string whole = padded(text);
    return is_utf8(text) && document.parse(std::string_view(whole).substr(0, text.size())) &&
           !document.repeats_a_name();
}

TEST(Metrics, HaveATypeAndHelpBeforeTheirSeries) {
    std::istringstream lines(
        metrics_of(report_of({endpoint("a"), endpoint("b")}), Exposition::prometheus)->finish());
    std::string family;
    std::set<std::string> seen;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(seen.insert(family).second) << family;
            EXPECT_TRUE(line.ends_with('.')) << line;
        } else if (line.starts_with("# TYPE ")) {
            EXPECT_TRUE(line.starts_with("# TYPE " + family + ' ')) << line;
        } else {
            EXPECT_TRUE(line.starts_with(family)) << line;
        }
    }
    EXPECT_GT(seen.size(), 25);
}

TEST(Metrics, CountByVerdictAndReason) {
    EndpointReport enforcing = endpoint("a");
    at(enforcing.decisions, Reason::accepted) = 5;
    at(enforcing.decisions, Reason::filtered) = 2;
    EndpointReport monitoring = endpoint("m");
    monitoring.monitors = true;
    at(monitoring.monitored, Reason::stale_timestamp) = 4;
    at(monitoring.decisions, Reason::duplicate) = 1;
    const auto series =
        series_of(metrics_of(report_of({enforcing, monitoring}), Exposition::prometheus)->finish());
    const auto count = [&](const std::string& labels) {
        const auto found = series.find("nginx_webhook_decisions_total{webhook_endpoint=" + labels);
        return found == series.end() ? "none" : found->second;
    };
    EXPECT_EQ(count(R"("a",verdict="accepted",reason="accepted"})"), "5");
    EXPECT_EQ(count(R"("a",verdict="rejected",reason="bad_signature"})"), "0");
    EXPECT_EQ(count(R"("a",verdict="rejected",reason="filtered"})"), "2");
    EXPECT_EQ(count(R"("a",verdict="monitored",reason="bad_signature"})"), "none");
    EXPECT_EQ(count(R"("a",verdict="rejected",reason="schema_violation"})"), "none");
    EXPECT_EQ(count(R"("m",verdict="accepted",reason="accepted"})"), "0");
    EXPECT_EQ(count(R"("m",verdict="monitored",reason="bad_signature"})"), "0");
    EXPECT_EQ(count(R"("m",verdict="monitored",reason="stale_timestamp"})"), "4");
    EXPECT_EQ(count(R"("m",verdict="rejected",reason="bad_signature"})"), "none");
    EXPECT_EQ(count(R"("m",verdict="duplicate",reason="duplicate"})"), "1");
}

TEST(Metrics, HaveCumulativeHistograms) {
    EndpointReport one = endpoint("a");
    one.upstream.counts[0] = 2;
    one.upstream.counts[3] = 1;
    one.upstream.counts.back() = 4;
    one.upstream.nanoseconds = 1'500'000'000;
    const auto series = series_of(metrics_of(report_of({one}), Exposition::prometheus)->finish());
    const std::string name = "nginx_webhook_upstream_duration_seconds";
    EXPECT_EQ(series.at(name + R"(_bucket{webhook_endpoint="a",le="0.005"})"), "2");
    EXPECT_EQ(series.at(name + R"(_bucket{webhook_endpoint="a",le="0.025"})"), "2");
    EXPECT_EQ(series.at(name + R"(_bucket{webhook_endpoint="a",le="0.05"})"), "3");
    EXPECT_EQ(series.at(name + R"(_bucket{webhook_endpoint="a",le="60"})"), "3");
    EXPECT_EQ(series.at(name + R"(_bucket{webhook_endpoint="a",le="+Inf"})"), "7");
    EXPECT_EQ(series.at(name + R"(_count{webhook_endpoint="a"})"), "7");
    EXPECT_EQ(series.at(name + R"(_sum{webhook_endpoint="a"})"), "1.5");
    EXPECT_EQ(series.count("nginx_webhook_verify_duration_seconds_bucket{webhook_endpoint=\"a\","
                           "le=\"0.000005\"}"),
              1);
}

RedisReport redis(std::string name) {
    RedisReport report;
    report.name = std::move(name);
    report.url = "redis://10.0.0.7:6379/0";
    report.zones = {"z", "y"};
    report.round_trip.bounds = cells::kRoundTripBounds;
    report.round_trip.counts.resize(cells::kRoundTripBounds.size() + 1);
    return report;
}

TEST(Metrics, TellOfARedisOnlyWhereThereIsOne) {
    Report report = report_of({endpoint("a")});
    EXPECT_EQ(metrics_of(report, Exposition::prometheus)->finish().find("redis"),
              std::string::npos);
    report.redis = {redis("fleet"), redis("other")};
    RedisReport& fleet = report.redis[0];
    fleet.connected = 3;
    fleet.away = 1;
    fleet.pushes_dropped = 7;
    fleet.round_trip.counts[1] = 2;
    fleet.round_trip.counts.back() = 1;
    fleet.round_trip.nanoseconds = 2'500'000'000;
    const auto series = series_of(metrics_of(report, Exposition::prometheus)->finish());
    const std::string start = "nginx_webhook_redis_";
    EXPECT_EQ(series.at(start + R"(connected_workers{redis="fleet"})"), "3");
    EXPECT_EQ(series.at(start + R"(away_workers{redis="fleet"})"), "1");
    EXPECT_EQ(series.at(start + R"(away_workers{redis="other"})"), "0");
    EXPECT_EQ(series.at(start + R"(pushes_dropped_total{redis="fleet"})"), "7");
    EXPECT_EQ(series.at(start + R"(round_trip_seconds_bucket{redis="fleet",le="0.0001"})"), "0");
    EXPECT_EQ(series.at(start + R"(round_trip_seconds_bucket{redis="fleet",le="0.00025"})"), "2");
    EXPECT_EQ(series.at(start + R"(round_trip_seconds_count{redis="fleet"})"), "3");
    EXPECT_EQ(series.at(start + R"(round_trip_seconds_sum{redis="fleet"})"), "2.5");
}

TEST(Metrics, HaveTimesInSeconds) {
    EndpointReport one = endpoint("a");
    one.last_accepted = kNow;
    const auto series = series_of(metrics_of(report_of({one}), Exposition::prometheus)->finish());
    const std::string labels = "{webhook_endpoint=\"a\"}";
    EXPECT_EQ(series.at("nginx_webhook_last_accepted_timestamp_seconds" + labels), "1795860000.5");
    EXPECT_EQ(series.at("nginx_webhook_last_delivered_timestamp_seconds" + labels), "0");
    EXPECT_EQ(series.count("nginx_webhook_secret_expiry_timestamp_seconds"
                           "{webhook_endpoint=\"a\",secret_id=\"new\"}"),
              0);
    EXPECT_EQ(series.count("nginx_webhook_secret_expiry_timestamp_seconds"
                           "{webhook_endpoint=\"a\",secret_id=\"old\"}"),
              1);
}

TEST(Metrics, EscapeHostileNames) {
    for (const std::string_view name : kHostile) {
        Report report = report_of({endpoint(std::string(name))});
        report.redis = {redis(std::string(name))};
        const std::string text = metrics_of(report, Exposition::prometheus)->finish();
        EXPECT_TRUE(is_utf8(text)) << name;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            EXPECT_TRUE(line.starts_with("# ") || line.starts_with("nginx_webhook_")) << line;
        }
    }
    const auto series = series_of(
        metrics_of(report_of({endpoint("a\"b\\c\nd")}), Exposition::prometheus)->finish());
    EXPECT_EQ(series.count(R"(nginx_webhook_received_total{webhook_endpoint="a\"b\\c\nd"})"), 1);
}

TEST(Metrics, SpeakOpenMetricsIfAsked) {
    EXPECT_EQ(wanted_exposition(""), Exposition::prometheus);
    EXPECT_EQ(wanted_exposition("*/*"), Exposition::prometheus);
    EXPECT_EQ(wanted_exposition("application/openmetrics-text;version=0.0.1"),
              Exposition::prometheus);
    EXPECT_EQ(wanted_exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
              Exposition::openmetrics);
    const std::string text =
        metrics_of(report_of({endpoint("a")}), Exposition::openmetrics)->finish();
    EXPECT_TRUE(text.ends_with("\n# EOF\n"));
    EXPECT_NE(text.find("# TYPE nginx_webhook_received counter\nnginx_webhook_received_total{"),
              std::string::npos);
    EXPECT_NE(text.find("le=\"1.0\""), std::string::npos);
    EXPECT_EQ(content_type_of(Exposition::prometheus), "text/plain; version=0.0.4; charset=utf-8");
}

TEST(JsonReport, IsJsonWithHostileNames) {
    for (const std::string_view name : kHostile) {
        Report report = report_of({endpoint(std::string(name))});
        report.zones.push_back({.name = std::string(name)});
        report.redis.push_back(
            {.name = std::string(name), .url = std::string(name), .zones = {std::string(name)}});
        report.recent.push_back({.endpoint = std::string(name), .event_id = std::string(name)});
        const std::string text = json_of(report)->finish();
        EXPECT_TRUE(is_json(text)) << text;
        EXPECT_EQ(text.find_first_of("<>&\x7f"), std::string::npos) << text;
        EXPECT_EQ(text.find("\xe2\x80\xa8"), std::string::npos);
    }
}

TEST(JsonReport, TellsWhatItKnows) {
    EndpointReport one = endpoint("a");
    one.received = 18'446'744'073'709'551'615U;
    one.last_received = kNow;
    at(one.decisions, Reason::accepted) = 4;
    at(one.decisions, Reason::stale_timestamp) = 2;
    const std::string text = json_of(report_of({one}))->finish();
    ASSERT_TRUE(is_json(text)) << text;
    for (const std::string_view piece :
         {R"("version":1,"now":"2026-11-28T10:00:00.500Z")", R"("generation":2)", R"("state":"ok")",
          R"("received":18446744073709551615)",
          R"("verdicts":{"accepted":4,"rejected":2,"duplicate":0,"handshake":0,"monitored":0})",
          R"("reasons":{"stale_timestamp":2,"bad_signature":0})",
          R"("last":{"received":"2026-11-28T10:00:00.500Z","accepted":null,)",
          R"({"id":"old","matches":0,"last":null,"expires":"2026-11-30T10:00:00.500Z"})",
          R"("dedup_zone":null)", R"("recent":[])"}) {
        EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
    }
    EXPECT_EQ(text.find("would_refuse"), std::string::npos);
    one.monitors = true;
    EXPECT_NE(json_of(report_of({one}))->finish().find(R"("would_refuse":{"bad_signature":0})"),
              std::string::npos);
}

TEST(JsonReport, TellsOfARedis) {
    Report report = report_of({});
    EXPECT_NE(json_of(report)->finish().find(R"("redis":[],)"), std::string::npos);
    report.redis = {redis("fleet")};
    RedisReport& fleet = report.redis[0];
    std::uint64_t number = 0;
    for (std::uint64_t* each :
         {&fleet.connected, &fleet.away, &fleet.timeouts, &fleet.losses, &fleet.decided_alone,
          &fleet.learned, &fleet.commits_late, &fleet.pushed_later, &fleet.pushes_dropped,
          &fleet.leases_lost, &fleet.released_for_dead}) {
        *each = ++number;
    }
    fleet.round_trip.counts[0] = 5;
    fleet.round_trip.nanoseconds = 500'000'000;
    const std::string text = json_of(report)->finish();
    ASSERT_TRUE(is_json(text)) << text;
    for (
        const std::string_view piece :
        {R"("redis":[{"name":"fleet","url":"redis://10.0.0.7:6379/0","zones":["z","y"],"connected":1,"away":2,)",
         R"("counts":[5,0,0,0,0,0,0,0,0,0,0,0,0],"sum":0.5},"timeouts":3,"losses":4,"decided_alone":5,)",
         R"("learned":6,"commits_late":7,"pushed_later":8,"pushes_dropped":9,"leases_lost":10,)",
         R"("released_for_dead":11}])"}) {
        EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
    }
}

std::vector<std::string> codes_of(const Report& report) {
    std::vector<std::string> codes;
    for (const Finding& each : findings_of(report)) codes.emplace_back(each.code);
    return codes;
}

using Codes = std::vector<std::string>;

TEST(Findings, AreNoneInAQuietReport) {
    EXPECT_EQ(codes_of(report_of({endpoint("a")})), Codes{});
    EXPECT_EQ(health_of(findings_of(report_of({endpoint("a")}))), Health::ok);
}

TEST(Findings, TellThatNothingIsDelivered) {
    EndpointReport one = endpoint("a");
    one.last_accepted = kNow;
    one.last_delivered = kNow - minutes(5);
    EXPECT_EQ(codes_of(report_of({one})), Codes{}) << "the upstream may take what it likes";
    one.outcomes[static_cast<std::size_t>(Outcome::no_answer)] = 1;
    EXPECT_EQ(codes_of(report_of({one})), Codes{"nothing_delivered"});
    EXPECT_EQ(health_of(findings_of(report_of({one}))), Health::failing);
    one.last_delivered = kNow - minutes(5) + Milliseconds(1);
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
    one.last_delivered.reset();
    EXPECT_EQ(codes_of(report_of({one})), Codes{"nothing_delivered"});
}

TEST(Findings, TellThatNothingIsAccepted) {
    EndpointReport one = endpoint("a");
    at(one.decisions, Reason::bad_signature) = 3;
    at(one.decisions, Reason::handshake) = 9;
    at(one.decisions, Reason::missing_signature) = 1;
    const auto findings = findings_of(report_of({one}));
    ASSERT_EQ(findings.size(), 1);
    EXPECT_EQ(findings[0].code, "nothing_accepted");
    EXPECT_EQ(findings[0].endpoint, "a");
    EXPECT_EQ(findings[0].text,
              "Nothing was accepted yet; 4 deliveries were refused, most often as bad_signature.");
    at(one.decisions, Reason::accepted) = 1;
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
}

// 43 of 44 refused, a moment ago.
EndpointReport mostly_refused() {
    EndpointReport one = endpoint("a");
    at(one.decisions, Reason::accepted) = 1;
    at(one.decisions, Reason::missing_signature) = 3;
    at(one.decisions, Reason::bad_signature) = 40;
    one.last_accepted = kNow - hours(2);
    one.last_refused = kNow - hours(1);
    return one;
}

TEST(Findings, TellThatMostIsRefused) {
    EndpointReport one = mostly_refused();
    const auto findings = findings_of(report_of({one}));
    ASSERT_EQ(findings.size(), 1);
    EXPECT_EQ(findings[0].code, "mostly_refused");
    EXPECT_EQ(findings[0].health, Health::attention);
    EXPECT_EQ(findings[0].endpoint, "a");
    EXPECT_EQ(findings[0].text,
              "Most deliveries were refused: 43 of 44, most often as bad_signature.");
    // Half of them are not most.
    at(one.decisions, Reason::duplicate) = 42;
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
    at(one.decisions, Reason::duplicate) = 41;
    EXPECT_EQ(codes_of(report_of({one})), Codes{"mostly_refused"});
    one.monitors = true;
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
}

TEST(Findings, TakeNoFewRefusalsForMost) {
    EndpointReport one = mostly_refused();
    at(one.decisions, Reason::bad_signature) = 6;
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
    at(one.decisions, Reason::bad_signature) = 7;
    EXPECT_EQ(codes_of(report_of({one})), Codes{"mostly_refused"});
    // What was not wanted, and what was let through.
    at(one.decisions, Reason::bad_signature) = 0;
    for (const Reason each : {Reason::filtered, Reason::method}) {
        EndpointReport other = one;
        at(other.decisions, each) = 1000;
        EXPECT_EQ(codes_of(report_of({other})), Codes{}) << info(each).name;
    }
    at(one.monitored, Reason::bad_signature) = 1000;
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
}

TEST(Findings, ForgetThatMostWasRefused) {
    EndpointReport one = mostly_refused();
    one.last_accepted = kNow;
    EXPECT_EQ(codes_of(report_of({one})), Codes{"mostly_refused"}) << "it was within a day";
    one.last_refused = kNow - hours(24);
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
    one.last_accepted = kNow - hours(25);
    EXPECT_EQ(codes_of(report_of({one})), Codes{"mostly_refused"}) << "it was the last to come";
}

TEST(Findings, AreCountedInTheSummary) {
    const auto summary = [](const Report& report) {
        return summary_of(report, findings_of(report));
    };
    EndpointReport one = endpoint("a");
    EXPECT_EQ(summary(report_of({})), "There is no endpoint");
    EXPECT_EQ(summary(report_of({one})), "1 endpoint, nothing needs attention");
    one.monitors = true;
    at(one.monitored, Reason::bad_signature) = 6;
    EXPECT_EQ(summary(report_of({one, endpoint("b")})), "2 endpoints, 1 note");
    EXPECT_EQ(findings_of(report_of({one}))[0].text,
              "Only monitored: 6 deliveries would have been refused.");
    at(one.monitored, Reason::duplicate) = 1;
    EXPECT_EQ(findings_of(report_of({one}))[0].text,
              "Only monitored: 6 deliveries would have been refused, and 1 was a duplicate.");
    EXPECT_EQ(summary(report_of({one, one})), "2 endpoints, 2 notes");
    EndpointReport refused = mostly_refused();
    refused.name = "c";
    Report report = report_of({one, refused});
    EXPECT_EQ(summary(report), "1 endpoint needs attention, 1 note");
    report.worker_deaths = 1;
    EXPECT_EQ(summary(report), "1 endpoint needs attention, 1 other finding, 1 note");
}

TEST(Findings, HaveTimesAsThePageHasThem) {
    Report report = report_of({endpoint("a")});
    report.worker_deaths = 1;
    report.endpoints[0].secrets[1].last_match = kNow;
    report.endpoints[0].last_accepted = kNow;
    report.endpoints[0].outcomes[static_cast<std::size_t>(Outcome::timeout)] = 1;
    std::string all;
    for (const Finding& each : findings_of(report)) all += each.text + '\n';
    EXPECT_NE(all.find("has taken none since 2026-10-29 10:00:00 UTC: "), std::string::npos) << all;
    EXPECT_NE(all.find("ends on 2026-11-30 10:00:00 UTC."), std::string::npos) << all;
    EXPECT_NE(all.find("died since 2026-10-29 10:00:00 UTC; "), std::string::npos) << all;
}

TEST(Findings, TellThatAnOldSecretIsInUse) {
    EndpointReport one = endpoint("a");
    one.secrets[1].last_match = kNow - hours(24) + Milliseconds(1);
    EXPECT_EQ(codes_of(report_of({one})), Codes{"old_secret_used"});
    EXPECT_EQ(health_of(findings_of(report_of({one}))), Health::attention);
    one.secrets[1].expires = kNow + hours(24 * 30);
    EXPECT_EQ(health_of(findings_of(report_of({one}))), Health::ok);
    one.secrets[1].last_match = kNow - hours(24);
    EXPECT_EQ(codes_of(report_of({one})), Codes{});
}

TEST(Findings, TellOfZonesFilesAndProcesses) {
    Report report = report_of({endpoint("a")});
    report.zones.push_back({.name = "z", .capacity = 100, .remembered = 90});
    EXPECT_EQ(codes_of(report), Codes{});
    report.zones[0].remembered = 91;
    EXPECT_EQ(codes_of(report), Codes{"zone_almost_full"});
    report.zones[0].forgotten_early = 1;
    EXPECT_EQ(codes_of(report), Codes{"forgotten_early"});
    report.zones.clear();
    report.source_files.push_back({.path = "/f", .errors = 1});
    report.worker_deaths = 1;
    report.errors = 1;
    EXPECT_EQ(codes_of(report), (Codes{"source_file_errors", "worker_died", "not_counted_apart"}));
}

std::string text_of(const Report& report, std::string_view code) {
    for (const Finding& each : findings_of(report)) {
        if (each.code == code) return each.text;
    }
    return "none";
}

TEST(Findings, TellThatARedisIsAway) {
    Report report = report_of({endpoint("a")});
    report.redis = {redis("fleet")};
    RedisReport& fleet = report.redis[0];
    EXPECT_EQ(codes_of(report), Codes{}) << "no worker has asked it yet";
    fleet.connected = 4;
    fleet.losses = fleet.timeouts = fleet.decided_alone = fleet.commits_late = 9;
    EXPECT_EQ(codes_of(report), Codes{}) << "it is back";
    fleet.away = 1;
    EXPECT_EQ(codes_of(report), Codes{"redis_away"});
    EXPECT_EQ(health_of(findings_of(report)), Health::failing);
    EXPECT_EQ(
        text_of(report, "redis_away"),
        "The Redis \"fleet\" does not answer 1 of 5 worker processes: each node decides alone, or "
        "answers 503 to new events (on_error=).");
    fleet.connected = 0;
    EXPECT_NE(text_of(report, "redis_away").find(" answer the worker process: "),
              std::string::npos);
    fleet.away = 4;
    EXPECT_NE(text_of(report, "redis_away").find(" answer any of 4 worker processes: "),
              std::string::npos);
}

TEST(Findings, TellThatCommitsAreLate) {
    Report report = report_of({endpoint("a")});
    report.redis = {redis("fleet")};
    RedisReport& fleet = report.redis[0];
    fleet.commits_late = 9;
    EXPECT_EQ(codes_of(report), Codes{}) << "they are few";
    fleet.commits_late = 10;
    EXPECT_EQ(codes_of(report), Codes{"redis_commits_late"});
    EXPECT_EQ(health_of(findings_of(report)), Health::attention);
    EXPECT_EQ(text_of(report, "redis_commits_late"),
              "The Redis \"fleet\" is often too slow, or refuses calls (the error log says so): 10 "
              "answers left before it had confirmed the event.");
    fleet.round_trip.counts[3] = 989;
    EXPECT_EQ(codes_of(report), Codes{"redis_commits_late"});
    fleet.round_trip.counts[3] = 990;
    EXPECT_EQ(codes_of(report), Codes{}) << "one of a hundred";
    fleet.commits_late = fleet.away = 1000;
    EXPECT_EQ(codes_of(report), Codes{"redis_away"}) << "which makes every commit late";
}

TEST(Findings, TellWhatARedisWasNotToldOfAndForgot) {
    Report report = report_of({endpoint("a")});
    report.redis = {redis("fleet")};
    report.redis[0].pushed_later = report.redis[0].released_for_dead = 1000;
    EXPECT_EQ(codes_of(report), Codes{});
    report.redis[0].pushes_dropped = report.redis[0].leases_lost = 1;
    EXPECT_EQ(codes_of(report), (Codes{"redis_pushes_dropped", "redis_leases_lost"}));
    EXPECT_EQ(health_of(findings_of(report)), Health::attention);
}

TEST(Findings, PutTheWorstFirst) {
    EndpointReport one = endpoint("a");
    one.monitors = true;
    at(one.monitored, Reason::bad_signature) = 3;
    at(one.monitored, Reason::internal) = 1;
    at(one.monitored, Reason::unavailable) = 1;
    EXPECT_EQ(codes_of(report_of({one})),
              (Codes{"internal_faults", "memory_unavailable", "would_refuse"}));
}

TEST(Report, ShortensAddresses) {
    for (const auto& [address, network] :
         std::vector<std::pair<std::string, std::string>>{{"192.0.2.17", "192.0.2.0/24"},
                                                          {"2001:db8:1:2::3", "2001:db8:1::/48"},
                                                          {"2001:db8::1", "2001:db8::/48"},
                                                          {"2001:db8:1::", "2001:db8:1::/48"},
                                                          {"::1", "::/48"},
                                                          {"::ffff:192.0.2.17", "::/48"},
                                                          {"fe80:0:0:1:2:3:4:5", "fe80:0:0::/48"},
                                                          {"unix:", "unix:"},
                                                          {"", ""},
                                                          {":", "::/48"},
                                                          {"a:", "a::/48"}}) {
        EXPECT_EQ(network_of(address), network) << address;
    }
}

TEST(Cells, ChooseTheBucketWhoseBoundHolds) {
    EXPECT_EQ(cells::bucket(cells::kUpstreamBounds, 0), 0);
    EXPECT_EQ(cells::bucket(cells::kUpstreamBounds, .005), 0);
    EXPECT_EQ(cells::bucket(cells::kUpstreamBounds, .0051), 1);
    EXPECT_EQ(cells::bucket(cells::kUpstreamBounds, 60), cells::kUpstreamBounds.size() - 1);
    EXPECT_EQ(cells::bucket(cells::kUpstreamBounds, 61), cells::kUpstreamBounds.size());
}

}  // namespace
}  // namespace webhook
