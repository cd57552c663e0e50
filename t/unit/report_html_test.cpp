#include "report/html.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../support/reports.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/utf8.h"
#include "report/findings.h"
#include "report/html_endpoint.h"
#include "report/json.h"
#include "report/page.h"

namespace webhook {
namespace {

using std::chrono::hours;

std::vector<Report> all_reports() {
    return {Report{},           reports::blank(),     reports::busy(),
            reports::calm(),    reports::hostile(),   reports::extreme(),
            reports::crowded(), reports::monitored(), reports::refused()};
}

// Reads the page as strictly as it is written: attributes in double quotes, every element ended.
class Page {
  public:
    explicit Page(std::string_view html) : rest_(html) {
        EXPECT_TRUE(is_utf8(html));
        take("<!DOCTYPE html>");
        while (!rest_.empty() && error_.empty()) read_piece();
        if (!open_.empty()) fail("not ended: " + std::string(open_.back()));
    }

    const std::string& error() const { return error_; }
    const std::set<std::string_view>& elements() const { return elements_; }
    const std::set<std::string_view>& attributes() const { return attributes_; }
    const std::multiset<std::string_view>& values(std::string_view attribute) const {
        static const std::multiset<std::string_view> kNoValues;
        const auto found = values_.find(attribute);
        return found == values_.end() ? kNoValues : found->second;
    }
    // What the elements of this name hold that hold text only.
    const std::vector<std::string_view>& raw(std::string_view element) { return raw_[element]; }

  private:
    void fail(const std::string& what) {
        if (error_.empty()) error_ = what + " before: " + std::string(rest_.substr(0, 80));
    }

    bool take(std::string_view text) {
        if (!rest_.starts_with(text)) return false;
        rest_.remove_prefix(text.size());
        return true;
    }

    std::string_view take_until(std::string_view stops) {
        const std::string_view taken = rest_.substr(0, rest_.find_first_of(stops));
        rest_.remove_prefix(taken.size());
        return taken;
    }

    void read_piece() {
        if (take("</")) {
            const std::string_view name = take_until(">");
            if (open_.empty() || open_.back() != name) return fail("ended too early");
            open_.pop_back();
            take(">");
        } else if (take("<")) {
            read_element();
        } else {
            const std::string_view text = take_until("<");
            if (text.find_first_of(">\"") != text.npos) fail("not escaped: " + std::string(text));
        }
    }

    void read_element() {
        static const std::set<std::string_view> kEmpty{"meta", "link"};
        const std::string_view name = take_until(" />");
        elements_.insert(name);
        std::set<std::string_view> seen;
        while (take(" ")) {
            const std::string_view attribute = take_until("= />");
            if (!seen.insert(attribute).second) fail("repeated: " + std::string(attribute));
            attributes_.insert(attribute);
            if (!take("=")) continue;
            if (!take("\"")) return fail("not quoted: " + std::string(attribute));
            values_[attribute].insert(take_until("\"<"));
            if (!take("\"")) return fail("not escaped: " + std::string(attribute));
        }
        if (take("/>") || (take(">") && kEmpty.contains(name))) return;
        if (name == "script" || name == "style") {
            const std::size_t end = rest_.find("</");
            raw_[name].push_back(rest_.substr(0, end));
            rest_.remove_prefix(end);
        }
        open_.push_back(name);
    }

    std::string_view rest_;
    std::string error_;
    std::vector<std::string_view> open_;
    std::set<std::string_view> elements_;
    std::set<std::string_view> attributes_;
    std::map<std::string_view, std::multiset<std::string_view>> values_;
    std::map<std::string_view, std::vector<std::string_view>> raw_;
};

std::string escaped(std::string_view text) {
    HtmlWriter html;
    html << text;
    return html.finish();
}

std::size_t occurrences(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
}

TEST(ReportHtml, IsWellFormed) {
    for (const Report& report : all_reports()) {
        const std::string html = html_of(report)->finish();
        EXPECT_EQ("", Page(html).error());
    }
}

TEST(ReportHtml, HoldsNoElementAndNoAttributeThatDoesAnything) {
    const std::string harmless = html_of(reports::busy())->finish();
    const Page expected(harmless);
    for (const std::string_view each :
         {"form", "iframe", "object", "base", "img", "a-", "noscript"}) {
        EXPECT_FALSE(expected.elements().contains(each)) << each;
    }
    for (const std::string_view each : {"style", "src", "srcset", "action", "http-equiv"}) {
        EXPECT_FALSE(expected.attributes().contains(each)) << each;
    }
    for (const std::string_view each : expected.attributes()) EXPECT_FALSE(each.starts_with("on"));
    for (const std::string_view each : expected.values("href")) {
        EXPECT_TRUE(each.empty() || each.starts_with("data:image/svg+xml,")) << each;
    }
    // Whatever the names are, they add none.
    const std::string hostile = html_of(reports::hostile())->finish();
    const Page page(hostile);
    EXPECT_EQ(expected.elements(), page.elements());
    EXPECT_EQ(expected.attributes(), page.attributes());
    EXPECT_EQ(expected.values("href"), page.values("href"));
    EXPECT_EQ(4u, occurrences(hostile, "</script>") + occurrences(hostile, "</style>"));
}

TEST(ReportHtml, ShowsEveryNameAsText) {
    const std::string html = html_of(reports::hostile())->finish();
    for (const std::string& each : reports::hostile_names()) {
        // As the name of an endpoint, a secret, a zone, a Redis, a file, and in what was refused.
        EXPECT_EQ(14u, occurrences(html, ">" + escaped(each) + "</bdi>")) << each;
    }
}

TEST(ReportHtml, EmbedsTheReportAsJson) {
    for (const Report& report : all_reports()) {
        const std::string html = html_of(report)->finish();
        Page page(html);
        ASSERT_EQ(3u, page.raw("script").size());
        const std::string_view json = page.raw("script").front();
        EXPECT_EQ(json_of(report)->finish(), json);
        EXPECT_EQ(std::string_view::npos, json.find_first_of("<>&"));
    }
}

TEST(ReportHtml, IsSentWithAPolicyThatNamesItsScriptAndItsStyle) {
    const std::string html = html_of(reports::busy())->finish();
    Page page(html);
    const auto source = [](std::string_view text) {
        return "'sha256-" + to_base64(sha256(text)) + "'";
    };
    ASSERT_EQ(1u, page.raw("style").size());
    EXPECT_EQ("default-src 'none'; script-src " + source(page.raw("script").back()) +
                  "; style-src " + source(page.raw("style").back()) +
                  "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                  "frame-ancestors 'none'",
              content_security_policy());
    for (const std::string_view each : {page_script(), page_style()}) {
        EXPECT_EQ(std::string_view::npos, each.find("</"));
        EXPECT_EQ(std::string_view::npos, each.find("<!--"));
        // A browser would hash another text.
        EXPECT_EQ(std::string_view::npos, each.find('\r'));
    }
}

TEST(ReportHtml, NamesNoIdTwice) {
    for (const Report& report : all_reports()) {
        const std::string html = html_of(report)->finish();
        const Page page(html);
        const auto& ids = page.values("id");
        EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size());
        for (const std::string_view each : page.values("aria-labelledby")) {
            EXPECT_EQ(1u, ids.count(each)) << each;
        }
    }
}

TEST(ReportHtml, ShowsNumbersExactly) {
    const std::string html = html_of(reports::extreme())->finish();
    for (const std::string_view each : {">18,446,744,073,709,551,615 (18447 PB)<",
                                        ">9,007,199,254,740,993<", ">9,007,199,254,740,995<"}) {
        EXPECT_NE(std::string::npos, html.find(each)) << each;
    }
}

TEST(ReportHtml, SaysItsStateInTitleHeadingAndIcon) {
    Report report = reports::busy();
    std::string html = html_of(report)->finish();
    const std::string state =
        "1 endpoint is failing, 1 endpoint needs attention, 6 other findings, 1 note";
    EXPECT_NE(std::string::npos, html.find("<title>" + state + " \xe2\x80\x93 webhooks</title>"));
    EXPECT_NE(std::string::npos, html.find("<strong data-f=\"summary\">" + state + "</strong>"));
    EXPECT_NE(std::string::npos, html.find("data-state=\"failing\">\xe2\x9c\x95 failing<"));
    // An endpoint that is failing is counted once.
    report.endpoints[3].secrets[0].expires = report.now + hours(1);
    EXPECT_NE(std::string::npos, html_of(report)->finish().find("<title>" + state));
    report = reports::calm();
    html = html_of(report)->finish();
    EXPECT_NE(std::string::npos, html.find("<title>2 endpoints, nothing needs attention"));
    report.worker_deaths = 1;
    EXPECT_NE(std::string::npos,
              html_of(report)->finish().find("<title>1 finding needs attention"));
    report.endpoints.clear();
    report.worker_deaths = 0;
    EXPECT_NE(std::string::npos, html_of(report)->finish().find("<title>There is no endpoint"));
}

TEST(ReportHtml, HidesWhatThereIsNoneOf) {
    const auto is_hidden = [](const Report& report, std::string_view part) {
        return html_of(report)->finish().find("data-f=\"" + std::string(part) + "\" hidden>") !=
               std::string::npos;
    };
    const Report blank = reports::blank();
    const Report busy = reports::busy();
    for (const std::string_view each :
         {"section_zones", "section_redis", "section_files", "table_recent", "table_endpoints"}) {
        EXPECT_TRUE(is_hidden(blank, each)) << each;
        EXPECT_FALSE(is_hidden(busy, each)) << each;
    }
    for (const std::string_view each : {"no_recent", "no_endpoints", "no_findings"}) {
        EXPECT_FALSE(is_hidden(blank, each)) << each;
        EXPECT_TRUE(is_hidden(busy, each)) << each;
    }
    EXPECT_FALSE(is_hidden(busy, "section_recent"));
    Report silent = busy;
    silent.shows_recent = false;
    EXPECT_TRUE(is_hidden(silent, "section_recent"));
}

// What a browser shows that knows neither script nor style nor what is hidden: one line for each
// text.
std::string text_of(std::string html) {
    for (const std::string element : {"script", "style"}) {
        for (std::size_t at = 0; (at = html.find("<" + element, at)) != html.npos;) {
            html.erase(at, html.find("</" + element, at) - at);
            ++at;
        }
    }
    std::string text = "\n";
    for (std::size_t at = 0; at < html.size(); ++at) {
        if (html[at] == '<') at = html.find('>', at);
        const bool ends = html[at] == '>';
        if (!ends || text.back() != '\n') text += ends ? '\n' : html[at];
    }
    return text;
}

bool shows(const Report& report, std::string_view text) {
    return text_of(html_of(report)->finish()).find(text) != std::string::npos;
}

struct Alternative {
    std::string_view text;
    std::function<bool(const Report&)> applies;
};

template <typename Predicate>
auto has_endpoint(Predicate predicate) {
    return [=](const Report& report) { return std::ranges::any_of(report.endpoints, predicate); };
}

bool accepts_all(const EndpointReport& endpoint) {
    const std::uint64_t accepted = endpoint.count_of(Verdict::accepted);
    std::uint64_t all = 0;
    for (const Verdict each : kVerdicts) all += endpoint.count_of(each);
    return accepted > 0 && accepted == all;
}

const std::vector<Alternative>& alternatives() {
    const auto monitors = has_endpoint(&EndpointReport::monitors);
    static const std::vector<Alternative> list{
        {"Nothing needs attention.", [](const Report& it) { return findings_of(it).empty(); }},
        {"More:", [](const Report& it) { return !findings_of(it).empty(); }},
        {"There is no endpoint:", [](const Report& it) { return it.endpoints.empty(); }},
        {"Upstream p95", [](const Report& it) { return !it.endpoints.empty(); }},
        {"Forgotten early", [](const Report& it) { return !it.zones.empty(); }},
        {"Shared memory", [](const Report& it) { return !it.redis.empty(); }},
        {"Last good read", [](const Report& it) { return !it.source_files.empty(); }},
        {"Recent refusals", [](const Report& it) { return it.shows_recent; }},
        {"No refusal is", [](const Report& it) { return it.shows_recent && it.recent.empty(); }},
        {"Request id", [](const Report& it) { return !it.recent.empty(); }},
        {"\nonly monitored\n",
         [](const Report& it) {
             return std::ranges::any_of(it.recent, &RefusalReport::monitored);
         }},
        {"afe to enforce", monitors},
        {"Would not have been handed on", monitors},
        {"Rotation", has_endpoint([](const auto& it) { return !it.secrets.empty(); })},
        {"Everything was accepted.", has_endpoint(accepts_all)},
    };
    return list;
}

TEST(ReportHtml, SaysOnlyWhatAppliesToATextBrowser) {
    for (const Report& report : all_reports()) {
        const std::string text = text_of(html_of(report)->finish());
        for (const auto& [alternative, applies] : alternatives()) {
            EXPECT_EQ(applies(report), text.find(alternative) != text.npos) << alternative << text;
        }
        // What only a script can do, and rows of nothing.
        for (const std::string_view each : {"Pause", "\nall\n", "\n:\n", "No rate yet"}) {
            EXPECT_EQ(text.find(each), text.npos) << each << text;
        }
        const bool is_old = report.since == Milliseconds(0);
        EXPECT_EQ(is_old, text.find("1970-01-01") != text.npos) << text;
    }
}

TEST(ReportHtml, TellsWhatWorkersSeeOfARedis) {
    Report report = reports::calm();
    EXPECT_TRUE(shows(
        report, "\nfleet\nredis://10.0.0.7:6379/0\nevents\n4\n \n\xe2\x89\xa4 500 \xc2\xb5s\n0\n"));
    EXPECT_FALSE(shows(report, " away\n"));
    report.redis[0].away = 1;
    EXPECT_TRUE(shows(report, "\n4\n \n1 away\n"));
    report.redis[0].zones = {"a", "b"};
    EXPECT_TRUE(shows(report, "\na\nb\n4\n"));
    report.redis.clear();
    EXPECT_FALSE(shows(report, "Redis"));
}

TEST(ReportHtml, DoesNotCallAcceptedWhatWasOnlyMonitored) {
    Report report = reports::monitored();
    EXPECT_TRUE(shows(report, "\nNothing was held back: 7 deliveries were only monitored.\n"));
    EXPECT_TRUE(shows(report,
                      "Not safe to enforce yet: 6 of 7 deliveries would have been refused, "
                      "and 1 was a duplicate, since "));
    EXPECT_TRUE(shows(report, "\nduplicate\n1\n14.3%\n"));
    EXPECT_TRUE(shows(report, "\n1 endpoint, 1 note\n"));
    EXPECT_TRUE(shows(report, "\nnote\n"));
    report.endpoints = {reports::quiet_endpoint("x")};
    EXPECT_TRUE(shows(report, "\nNothing was decided yet.\n"));
    EXPECT_TRUE(shows(reports::refused(), "\n\xe2\x96\xb2 attention\n"));
}

TEST(ReportHtml, TellsWhetherEnforcingWouldRefuseAnything) {
    const Report report = reports::blank();
    const Milliseconds now = report.now;
    EndpointReport endpoint = reports::monitored_endpoint("x", true, now);
    EXPECT_EQ(
        "Safe to enforce: nothing would have been refused in 3,412 deliveries since "
        "2026-11-19 10:00:00 UTC.",
        safety_text(endpoint, report));
    // A duplicate is not refused.
    endpoint.monitored[static_cast<std::size_t>(Reason::duplicate)] = 1;
    EXPECT_TRUE(safety_text(endpoint, report).starts_with("Safe"));
    endpoint = reports::monitored_endpoint("x", false, now);
    EXPECT_EQ(
        "Not safe to enforce yet: 104 of 3,412 deliveries would have been refused, and 8 were "
        "duplicates, since 2026-11-19 10:00:00 UTC.",
        safety_text(endpoint, report));
    endpoint = reports::quiet_endpoint("x");
    EXPECT_EQ("", safety_text(endpoint, report)) << "it is in force";
    endpoint.monitors = true;
    EXPECT_EQ("There was no delivery to judge by since 2026-11-19 10:00:00 UTC.",
              safety_text(endpoint, report));
}

TEST(ReportHtml, TellsWhichSecretCanBeRemoved) {
    const Report report = reports::blank();
    const Milliseconds now = report.now;
    const auto rotation = [&](When last, When expires, When newest) {
        return rotation_text({"1", 1, last, expires}, newest, report);
    };
    EXPECT_EQ("in use", rotation(now, std::nullopt, now));
    EXPECT_EQ("in use", rotation(now - hours(71), std::nullopt, now));
    EXPECT_EQ("not used for 3 days: can be removed", rotation(now - hours(72), std::nullopt, now));
    EXPECT_EQ("not used for 9 days: can be removed", rotation(std::nullopt, std::nullopt, now));
    // Nothing was delivered at all: that tells nothing about the secret.
    EXPECT_EQ("in use", rotation(now - hours(72), std::nullopt, now - hours(72)));
    EXPECT_EQ("not used yet", rotation(std::nullopt, std::nullopt, std::nullopt));
    EXPECT_EQ("in use, and expires soon", rotation(now, now + hours(24), now));
    EXPECT_EQ("expires soon", rotation(now - hours(25), now + hours(24), now - hours(25)));
    EXPECT_EQ("expired: can be removed", rotation(now, now, now));
}

TEST(ReportHtml, HoldsTwoHundredEndpoints) {
    const std::string html = html_of(reports::crowded())->finish();
    EXPECT_EQ(200u, occurrences(html, "<details>"));
    EXPECT_LT(html.size(), 3u << 20);
}

}  // namespace
}  // namespace webhook
