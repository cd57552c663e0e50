#include "report/html_endpoint.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "report/html_parts.h"
#include "report/wording.h"
#include "verify/verdict.h"

namespace webhook {
namespace {

constexpr Milliseconds kDay = std::chrono::hours(24);
// How long a secret verifies nothing before it counts as unused.
constexpr Milliseconds kUnused = 3 * kDay;
constexpr Milliseconds kSoon = 7 * kDay;

bool is_refusal(Reason reason) {
    return verdict_of(reason, false) == Verdict::rejected;
}

using Counts = std::array<std::uint64_t, kReasonCount>;

std::vector<Bar> bars_of(const Counts& counts) {
    std::vector<Bar> bars;
    for (const ReasonInfo& row : all_reasons()) {
        if (row.reason == Reason::accepted) continue;
        bars.push_back({row.name, counts[static_cast<std::size_t>(row.reason)]});
    }
    return bars;
}

std::uint64_t count_all(const EndpointReport& endpoint) {
    std::uint64_t all = 0;
    for (const Verdict each : kVerdicts) all += endpoint.count_of(each);
    return all;
}

std::string deliveries_text(std::uint64_t count) {
    return count_text(count) + (count == 1 ? " delivery" : " deliveries");
}

std::vector<Bar> bars_of_outcomes(const EndpointReport& endpoint) {
    std::vector<Bar> bars;
    for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
        bars.push_back({kOutcomeNames[i], endpoint.outcomes[i]});
    }
    return bars;
}

std::string delivered_share(const EndpointReport& endpoint) {
    std::uint64_t asked = 0;
    for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
        if (i != static_cast<std::size_t>(Outcome::local)) asked += endpoint.outcomes[i];
    }
    return share_text(endpoint.outcomes[static_cast<std::size_t>(Outcome::success)], asked);
}

std::string monitored_text(const EndpointReport& endpoint) {
    const std::uint64_t count = endpoint.count_of(Verdict::monitored);
    return count == 0 ? "" : "+ " + count_text(count) + " monitored";
}

constexpr int kChartHeight = 40;
constexpr int kStep = 12;
constexpr int kBarWidth = 10;

// The bars of all buckets as one path.
std::string path_of(const Histogram& histogram) {
    const auto& counts = histogram.counts;
    const std::uint64_t largest = counts.empty() ? 0 : *std::ranges::max_element(counts);
    std::string path;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        const double part = static_cast<double>(counts[i]) / static_cast<double>(largest);
        const long height = std::max(std::lround(part * kChartHeight), 1L);
        path += "M" + std::to_string(static_cast<int>(i) * kStep) + " " +
                std::to_string(kChartHeight) + "v-" + std::to_string(height) + "h" +
                std::to_string(kBarWidth) + "v" + std::to_string(height) + "z";
    }
    return path;
}

std::string text_of(const Histogram& histogram) {
    const std::uint64_t total = histogram.total();
    if (total == 0) return "Nothing was measured yet.";
    return "Half " + quantile_text(histogram, 0.5) + ", 95% " + quantile_text(histogram, 0.95) +
           ", 99% " + quantile_text(histogram, 0.99) + "; " + count_text(total) + " measured.";
}

void write_histogram(HtmlWriter& html, std::string_view name, std::string_view caption,
                     const Histogram& histogram) {
    const auto bounds = histogram.bounds;
    const std::string width = std::to_string(static_cast<int>(bounds.size() + 1) * kStep - 2);
    html
        << R"(<figure class="part"><figcaption>)" << caption
        << R"(</figcaption><svg class="histogram" role="img" data-f=")" << name
        << R"(_chart" aria-label=")" << text_of(histogram) << R"(" width=")" << width
        << R"(" height="42" viewBox="0 0 )" << width
        << R"( 42" preserveAspectRatio="none"><path class="ground" fill="none" stroke="currentColor" d="M0 41h)"
        << width << R"("/><path data-f=")" << name << R"(_path" fill="currentColor" d=")"
        << path_of(histogram) << R"("/></svg>)";
    if (!bounds.empty()) {
        html << R"(<p class="axis" aria-hidden="true"><span>)" << duration_text(bounds.front())
             << "</span> <span>" << duration_text(bounds[bounds.size() / 2])
             << "</span> <span>&gt; " << duration_text(bounds.back()) << "</span></p>";
    }
    html << R"(<p data-f=")" << name << R"(_text">)" << text_of(histogram) << "</p></figure>\n";
}

void write_facts(HtmlWriter& html, const EndpointReport& endpoint, const Report& report) {
    const auto fact = [&](HtmlWriter::Markup term, HtmlWriter::Markup name,
                          const std::string& text) {
        html << "<div><dt>" << term << "</dt><dd><bdi data-f=\"" << name << "\">" << text
             << "</bdi></dd></div>";
    };
    const auto or_none = [](const std::string& text) { return text.empty() ? "none" : text; };
    html << R"(<dl class="facts">)";
    fact("Scheme", "scheme", or_none(endpoint.scheme));
    fact("Received", "received",
         count_text(endpoint.received) + " (" + size_text(endpoint.bytes) + ")");
    fact("In progress", "in_progress", count_text(endpoint.in_progress));
    fact("Sender left early", "abandoned", count_text(endpoint.abandoned));
    fact("Memory of events", "dedup_zone", or_none(endpoint.dedup_zone));
    html << R"(</dl><dl class="facts times_of">)";
    fact("Last delivery", "received_at", moment_text(endpoint.last_received, report.now));
    fact("Last accepted", "accepted_at", moment_text(endpoint.last_accepted, report.now));
    fact("Last success", "delivered_at", moment_text(endpoint.last_delivered, report.now));
    fact("Last refused", "refused_at", moment_text(endpoint.last_refused, report.now));
    html << "</dl>\n";
}

// Where nothing is listed that was not accepted.
std::string all_accepted_text(const EndpointReport& endpoint) {
    if (count_all(endpoint) == 0) return "Nothing was decided yet.";
    const std::uint64_t monitored = endpoint.count_of(Verdict::monitored);
    if (monitored == 0) return "Everything was accepted.";
    return "Nothing was held back: " + deliveries_text(monitored) +
           (monitored == 1 ? " was" : " were") + " only monitored.";
}

void write_panel(HtmlWriter& html, const EndpointReport& endpoint, const Report& report) {
    write_facts(html, endpoint, report);
    html << R"(<div class="parts">)";
    html << R"(<div class="part wide" data-f="monitoring")";
    if (begin_part(html, endpoint.monitors)) write_monitoring(html, endpoint, report);
    html << "</div>\n";
    write_bars(html, {"reasons", "Not accepted, by reason", "Reason", all_accepted_text(endpoint)},
               bars_of(endpoint.decisions));
    write_bars(html,
               {"outcomes", "Answers of the upstream", "Answer", "Nothing was handed on yet."},
               bars_of_outcomes(endpoint));
    write_histogram(html, "upstream", "Time the upstream took", endpoint.upstream);
    write_histogram(html, "verify", "Time verifying took", endpoint.verify);
    html << R"(<div class="part wide" data-f="secrets_part")";
    if (begin_part(html, !endpoint.secrets.empty())) write_secrets(html, endpoint, report);
    html << "</div>\n</div>";
}

void write_name(HtmlWriter& html, const EndpointReport& endpoint, Health health) {
    html << R"(<th scope="row"><bdi data-f="name">)" << endpoint.name
         << R"(</bdi> <span class="badges"><span class="badge" data-f="mode">)"
         << std::string_view(endpoint.monitors ? "monitor" : "enforce")
         << R"(</span> <span class="badge" data-f="health" data-state=")" << name_of(health)
         << R"(")";
    if (begin_part(html, health != Health::ok)) html << badge_text(health, name_of(health));
    html << "</span></span></th>";
}

}  // namespace

void write_endpoint(HtmlWriter& html, const EndpointReport& endpoint, Health health,
                    const Report& report) {
    const auto cell = [&](HtmlWriter::Markup label, HtmlWriter::Markup name,
                          const std::string& text) {
        html << R"(<td class="n" data-label=")" << label << R"("><span data-f=")" << name << R"(">)"
             << text << "</span></td>";
    };
    html << R"(<tbody class="endpoint" data-key=")" << endpoint.name << R"("><tr>)";
    write_name(html, endpoint, health);
    html << R"(<td class="n" data-label="Rate"><span data-f="rate">)"
         << rate_text(endpoint.received, report.now - report.since)
         << R"(</span> <small data-f="rate_of">on average</small><span data-f="spark" hidden> )"
         << R"(<svg class="spark" role="img" aria-label="No rate yet" data-f="spark_chart" )"
         << R"(width="100" height="20" viewBox="0 0 100 20" preserveAspectRatio="none">)"
         << R"(<polyline data-f="spark_line" fill="none" stroke="currentColor" points=""/></svg>)"
         << "</span></td>";
    cell("Accepted", "accepted", count_text(endpoint.count_of(Verdict::accepted)));
    html << R"(<td class="n" data-label="Refused"><span data-f="refused">)"
         << count_text(endpoint.count_of(Verdict::rejected))
         << R"(</span> <small data-f="monitored">)" << monitored_text(endpoint) << "</small></td>";
    cell("Duplicate", "duplicate", count_text(endpoint.count_of(Verdict::duplicate)));
    cell("Upstream 2xx", "delivered", delivered_share(endpoint));
    cell("Upstream p95", "p95", quantile_text(endpoint.upstream, 0.95));
    cell("Last delivery", "received_ago", age_text(endpoint.last_received, report.now));
    cell("Last success", "delivered_ago", age_text(endpoint.last_delivered, report.now));
    html << R"(</tr><tr class="more"><td colspan="9"><details><summary>Details)"
         << R"(<span class="unseen"> of <bdi data-f="name_again">)" << endpoint.name
         << R"(</bdi></span></summary><div class="panel">)";
    write_panel(html, endpoint, report);
    html << "</div></details></td></tr></tbody>\n";
}

void write_secret(HtmlWriter& html, const SecretReport& secret, When newest, const Report& report) {
    html << R"(<tr data-key=")" << secret.id << R"("><th scope="row"><bdi data-f="id">)"
         << secret.id << R"(</bdi></th><td class="n" data-f="matches">)"
         << count_text(secret.matches) << R"(</td><td data-f="last">)"
         << age_text(secret.last_match, report.now) << R"(</td><td data-f="expires">)"
         << (secret.expires ? moment_text(secret.expires, report.now) : "never")
         << R"(</td><td data-f="rotation">)" << rotation_text(secret, newest, report)
         << "</td></tr>\n";
}

void write_monitoring(HtmlWriter& html, const EndpointReport& endpoint, const Report& report) {
    html << R"(<p class="safety" data-f="safety">)" << safety_text(endpoint, report) << "</p>";
    write_bars(html,
               {"would_refuse", "Would not have been handed on, by reason", "Reason",
                "Everything would have been handed on."},
               bars_of(endpoint.monitored));
}

void write_secrets(HtmlWriter& html, const EndpointReport& endpoint, const Report& report) {
    html << R"(<div class="scroll" role="region" tabindex="0" data-f="secrets_region" )"
         << R"(aria-label="Secrets of )" << endpoint.name
         << R"("><table><caption>Secrets</caption><thead><tr><th scope="col">Secret</th>)"
         << R"(<th scope="col" class="n">Deliveries verified</th><th scope="col">Last</th>)"
         << R"(<th scope="col">Expires</th><th scope="col">Rotation</th></tr></thead>)"
         << R"(<tbody data-list="secrets">)";
    When newest;
    for (const SecretReport& each : endpoint.secrets) newest = std::max(newest, each.last_match);
    for (const SecretReport& each : endpoint.secrets) write_secret(html, each, newest, report);
    html << "</tbody></table></div>";
}

std::string safety_text(const EndpointReport& endpoint, const Report& report) {
    if (!endpoint.monitors) return "";
    const std::uint64_t all = count_all(endpoint);
    std::uint64_t refused = 0;
    for (const ReasonInfo& row : all_reasons()) {
        if (is_refusal(row.reason)) {
            refused += endpoint.monitored[static_cast<std::size_t>(row.reason)];
        }
    }
    std::string end = " since " + time_text(report.since) + ".";
    if (all == 0) return "There was no delivery to judge by" + end;
    if (const auto count = endpoint.monitored[static_cast<std::size_t>(Reason::duplicate)]) {
        end = ", and " + count_text(count) +
              (count == 1 ? " was a duplicate," : " were duplicates,") + end;
    }
    if (refused == 0) {
        return "Safe to enforce: nothing would have been refused in " + deliveries_text(all) + end;
    }
    return "Not safe to enforce yet: " + count_text(refused) + " of " + deliveries_text(all) +
           " would have been refused" + end;
}

std::string rotation_text(const SecretReport& secret, When newest, const Report& report) {
    if (secret.expires && *secret.expires <= report.now) return "expired: can be removed";
    const Milliseconds unused = report.now - secret.last_match.value_or(report.since);
    const bool other_is_used = newest && (!secret.last_match || *secret.last_match < *newest);
    if (unused >= kUnused && other_is_used) {
        return "not used for " + std::to_string(unused / kDay) + " days: can be removed";
    }
    if (!secret.last_match) return "not used yet";
    if (!secret.expires || *secret.expires - report.now >= kSoon) return "in use";
    return unused < kDay ? "in use, and expires soon" : "expires soon";
}

}  // namespace webhook
