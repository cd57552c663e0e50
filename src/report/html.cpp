#include "report/html.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/html_writer.h"
#include "base/json_writer.h"
#include "report/cells.h"
#include "report/findings.h"
#include "report/html_endpoint.h"
#include "report/html_parts.h"
#include "report/json.h"
#include "report/page.h"
#include "report/wording.h"
#include "verify/verdict.h"

namespace webhook {
namespace {

// Shapes as well as colours, of the icon in the browser's tab.
std::string_view icon_of(Health health) {
    switch (health) {
        case Health::ok:
            return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
                   "16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23157f3b'/%3E%3Cpath d='M4.5 "
                   "8.2l2.4 2.5 4.6-5' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";
        case Health::attention:
            return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
                   "16'%3E%3Cpath d='M8 1l7.5 14H.5z' fill='%23c77700'/%3E%3Cpath d='M8 5.5v5m0 "
                   "1v2' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";
        case Health::failing:
            break;
    }
    return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 "
           "16'%3E%3Cpath d='M1 1h14v14H1z' fill='%23c62828'/%3E%3Cpath d='M4.5 4.5l7 7m0-7l-7 "
           "7' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";
}

void write_finding(HtmlWriter& html, const Finding& finding) {
    const bool is_note = finding.health == Health::ok;
    html << R"(<li data-key=")" << finding.code << " " << finding.endpoint
         << R"("><span class="badge" data-f="state" data-state=")"
         << (is_note ? "note" : name_of(finding.health)) << R"(">)"
         << (is_note ? "note" : badge_text(finding.health, name_of(finding.health)))
         << R"(</span> <bdi class="about" data-f="endpoint">)"
         << (finding.endpoint.empty() ? "" : finding.endpoint + ":")
         << R"(</bdi> <span class="text" data-f="text">)" << finding.text
         << R"(</span> <small>More: <code data-f="more">docs/troubleshooting.md#)" << finding.code
         << "</code></small></li>\n";
}

void write_zone(HtmlWriter& html, const ZoneReport& zone) {
    const std::string share = share_text(zone.remembered, zone.capacity);
    const double part = zone.capacity == 0 ? 0
                                           : static_cast<double>(zone.remembered) /
                                                 static_cast<double>(zone.capacity);
    const auto width = std::to_string(static_cast<int>(std::clamp(part, 0.0, 1.0) * 100));
    html << R"(<tr data-key=")" << zone.name << R"("><th scope="row"><bdi data-f="name">)"
         << zone.name << R"(</bdi></th><td><svg class="fill" role="img" data-f="fill" aria-label=")"
         << share
         << R"( full" width="100" height="8" viewBox="0 0 100 8" preserveAspectRatio="none">)"
         << R"(<rect class="ground" width="100" height="8" fill="none" stroke="currentColor"/>)"
         << R"(<rect data-f="filled" width=")" << width
         << R"(" height="8" fill="currentColor"/></svg> <span data-f="share">)" << share
         << R"(</span></td><td class="n" data-f="remembered">)" << count_text(zone.remembered)
         << R"(</td><td class="n" data-f="capacity">)" << count_text(zone.capacity)
         << R"(</td><td class="n" data-f="claimed">)" << count_text(zone.claimed)
         << R"(</td><td class="n" data-f="duplicates">)" << count_text(zone.duplicates)
         << R"(</td><td class="n" data-f="forgotten_early">)" << count_text(zone.forgotten_early)
         << R"(</td><td class="n" data-f="repairs">)" << count_text(zone.repairs) << "</td></tr>\n";
}

void write_zone_name(HtmlWriter& html, const std::string& zone) {
    html << R"(<div data-key=")" << zone << R"("><bdi data-f="name">)" << zone << "</bdi></div>";
}

std::string away_text(const RedisReport& redis) {
    return redis.away == 0 ? "" : count_text(redis.away) + " away";
}

void write_redis(HtmlWriter& html, const RedisReport& redis) {
    const auto count = [&](HtmlWriter::Markup name, std::uint64_t number) {
        html << R"(<td class="n" data-f=")" << name << R"(">)" << count_text(number) << "</td>";
    };
    html << R"(<tr data-key=")" << redis.name << R"("><th scope="row"><bdi data-f="name">)"
         << redis.name << R"(</bdi></th><td class="id"><bdi data-f="url">)" << redis.url
         << R"(</bdi></td><td class="of" data-list="zones">)";
    for (const std::string& each : redis.zones) write_zone_name(html, each);
    html << R"(</td><td class="n"><span data-f="connected">)" << count_text(redis.connected)
         << R"(</span> <small data-f="away">)" << away_text(redis)
         << R"(</small></td><td class="n" data-f="p95">)" << quantile_text(redis.round_trip, 0.95)
         << "</td>";
    count("timeouts", redis.timeouts);
    count("losses", redis.losses);
    count("decided_alone", redis.decided_alone);
    count("learned", redis.learned);
    count("commits_late", redis.commits_late);
    count("pushed_later", redis.pushed_later);
    count("pushes_dropped", redis.pushes_dropped);
    count("leases_lost", redis.leases_lost);
    count("released_for_dead", redis.released_for_dead);
    html << "</tr>\n";
}

void write_file(HtmlWriter& html, const SourceFileReport& file, Milliseconds now) {
    html << R"(<tr data-key=")" << file.path << R"("><th scope="row"><bdi data-f="path">)"
         << file.path << R"(</bdi></th><td class="n" data-f="addresses">)"
         << count_text(file.addresses) << R"(</td><td data-f="loaded">)"
         << moment_text(file.loaded, now) << R"(</td><td class="n" data-f="errors">)"
         << count_text(file.errors) << "</td></tr>\n";
}

void write_refusal(HtmlWriter& html, const RefusalReport& refusal, Milliseconds now) {
    const auto cell = [&](HtmlWriter::Markup label, HtmlWriter::Markup name,
                          const std::string& text) {
        html << R"(<td class="id" data-label=")" << label << R"("><bdi data-f=")" << name << R"(">)"
             << text << "</bdi></td>";
    };
    html << R"(<tr data-key=")" << rfc3339_text(refusal.time) << " " << refusal.request_id
         << R"(">)";
    html << R"(<td data-label="Time"><span data-f="at">)" << time_text(refusal.time)
         << R"(</span> <small data-f="ago">)" << age_text(refusal.time, now) << "</small></td>";
    cell("Endpoint", "endpoint", refusal.endpoint);
    html << R"(<td data-label="Reason"><code data-f="reason">)" << info(refusal.reason).name
         << R"(</code> <small data-f="monitored">)"
         << std::string_view(refusal.monitored ? "only monitored" : "") << "</small></td>";
    cell("Source", "source", refusal.source);
    cell("Event id, as claimed", "event_id", refusal.event_id);
    cell("Request id", "request_id", refusal.request_id);
    html << R"(<td class="n" data-label="Repeated" data-f="repeated">)"
         << count_text(refusal.repeated) << "</td></tr>\n";
}

class PageText final : public StepwiseText {
  public:
    explicit PageText(const Report& report)
        : report_(report),
          findings_(findings_of(report)),
          health_(health_of(findings_)),
          json_(json_of(report)) {
        html_.reserve(kOfPage + report_.endpoints.size() * kOfEndpoint);
        add_step([this] { write_begin(); });
        add_steps(report_.endpoints, 1, [this](const EndpointReport& each) {
            write_endpoint(html_, each, health_of_endpoint(each.name), report_);
        });
        add_steps(report_.recent, 16, [this](const RefusalReport& each) {
            write_refusal(recent_rows_, each, report_.now);
        });
        add_step([this] { write_rest(); });
        for (std::size_t i = json_->steps_left(); i > 0; --i) {
            add_step([this] { json_->write_more(); });
        }
        add_step([this] { write_script(); });
    }

    std::string take() override { return html_.finish(); }

  private:
    // About what each takes.
    static constexpr std::size_t kOfPage = 128 * 1024;
    static constexpr std::size_t kOfEndpoint = 12 * 1024;

    void write_begin() {
        write_head();
        write_header();
        html_ << "<main>\n";
        write_findings();
        begin_section("endpoints", "Endpoints");
        write_part("no_endpoints", report_.endpoints.empty(), &PageText::write_no_endpoints);
        if (begin_part("table_endpoints", !report_.endpoints.empty())) begin_endpoint_table();
    }

    void write_rest() {
        if (!report_.endpoints.empty()) end_endpoint_table();
        end_part();
        html_ << "</section>\n";
        write_part("section_zones", !report_.zones.empty(), &PageText::write_zones);
        write_part("section_redis", !report_.redis.empty(), &PageText::write_redis_section);
        write_part("section_files", !report_.source_files.empty(), &PageText::write_files);
        write_part("section_recent", report_.shows_recent, &PageText::write_recent);
        html_ << "</main>\n";
        write_footer();
    }

    void write_head() {
        html_ << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>"
              << summary_of(report_, findings_) << " \xe2\x80\x93 webhooks</title>\n"
              << R"(<meta name="viewport" content="width=device-width, initial-scale=1">)"
              << "\n<meta name=\"color-scheme\" content=\"light dark\">\n"
              << "<meta name=\"robots\" content=\"noindex\">\n"
              << R"(<link rel="icon" data-f="icon" href=")" << icon_of(health_);
        for (const Health each : {Health::ok, Health::attention, Health::failing}) {
            html_ << R"(" data-)" << name_of(each) << R"(=")" << icon_of(each);
        }
        html_ << "\">\n<style>";
        html_.write_verbatim(page_style());
        html_ << "</style>\n</head>\n";
    }

    void write_header() {
        html_ << "<body>\n<header>\n<h1>Webhooks</h1>\n<p class=\"state\" role=\"status\">"
              << R"(<span class="badge" data-f="state" data-state=")" << name_of(health_) << R"(">)"
              << badge_text(health_, name_of(health_)) << R"(</span> <strong data-f="summary">)"
              << summary_of(report_, findings_)
              << R"(</strong> <span class="stale" data-f="stale"></span></p>)"
              << "\n<p class=\"controls\"><a class=\"button\" href=\"\">Reload</a> "
              << "<span data-f=\"controls\" hidden></span></p>\n"
              << R"(<p class="times">As of <span data-f="now">)" << time_text(report_.now)
              << R"(</span>. Counting since <span data-f="since">)"
              << moment_text(report_.since, report_.now)
              << R"(</span>. Configuration loaded <span data-f="config_loaded">)"
              << age_text(report_.config_loaded, report_.now)
              << R"(</span>. Worker processes: <span data-f="workers">)"
              << count_text(report_.workers) << "</span>.</p>\n</header>\n";
    }

    // What is in a part that applies, or that the script puts there once it does.
    using Content = void (PageText::*)();

    // Returns whether the content follows.
    bool begin_part(HtmlWriter::Markup name, bool applies) {
        html_ << R"(<div data-f=")" << name << R"(")";
        return webhook::begin_part(html_, applies);
    }

    void end_part() { html_ << "</div>\n"; }

    void write_part(HtmlWriter::Markup name, bool applies, Content content) {
        if (begin_part(name, applies)) (this->*content)();
        end_part();
    }

    void begin_section(HtmlWriter::Markup name, HtmlWriter::Markup title) {
        html_ << R"(<section aria-labelledby=")" << name << R"("><h2 id=")" << name << R"(">)"
              << title << "</h2>\n";
    }

    // A table that scrolls by itself where it is too wide.
    void begin_table(HtmlWriter::Markup name, HtmlWriter::Markup caption) {
        html_ << R"(<div class="scroll" tabindex="0" role="region" aria-labelledby="caption_)"
              << name << R"("><table class=")" << name
              << R"("><caption class="unseen" id="caption_)" << name << R"(">)" << caption
              << "</caption><thead><tr>";
    }

    void head(HtmlWriter::Markup title, bool is_number = false) {
        html_ << R"(<th scope="col")";
        if (is_number) html_ << R"( class="n")";
        html_ << ">" << title << "</th>";
    }

    void begin_rows(HtmlWriter::Markup list) {
        html_ << R"(</tr></thead><tbody data-list=")" << list << "\">\n";
    }

    void end_table() { html_ << "</tbody></table></div>"; }

    void write_findings() {
        begin_section("findings", "Findings");
        write_part("no_findings", findings_.empty(), &PageText::write_no_findings);
        html_ << "<ul class=\"findings\" data-list=\"findings\">\n";
        for (const Finding& each : findings_) write_finding(html_, each);
        html_ << "</ul></section>\n";
    }

    void write_no_findings() { html_ << "<p class=\"none\">Nothing needs attention.</p>"; }

    Health health_of_endpoint(std::string_view name) const {
        Health worst = Health::ok;
        for (const Finding& each : findings_) {
            if (each.endpoint == name) worst = std::max(worst, each.health);
        }
        return worst;
    }

    void write_no_endpoints() {
        html_ << "<p class=\"none\">There is no endpoint: no location has a gate, or none has the "
              << "name that the URL asks for.</p>";
    }

    void begin_endpoint_table() {
        html_ << R"(<table class="endpoints" data-list="endpoints"><caption class="unseen">)"
              << "Deliveries to each endpoint</caption><thead><tr>";
        head("Endpoint");
        for (const HtmlWriter::Markup each :
             {HtmlWriter::Markup("Rate"), HtmlWriter::Markup("Accepted"),
              HtmlWriter::Markup("Refused"), HtmlWriter::Markup("Duplicate"),
              HtmlWriter::Markup("Upstream 2xx"), HtmlWriter::Markup("Upstream p95"),
              HtmlWriter::Markup("Last delivery"), HtmlWriter::Markup("Last success")}) {
            head(each, true);
        }
        html_ << "</tr></thead>\n";
    }

    void end_endpoint_table() { html_ << "</table>"; }

    void write_empty_endpoint_table() {
        begin_endpoint_table();
        end_endpoint_table();
    }

    void write_zones() {
        begin_section("zones", "Memory of events");
        begin_table("zones", "Dedup zones");
        head("Zone");
        head("Full");
        head("Remembered", true);
        head("Room for", true);
        head("In flight", true);
        head("Duplicates", true);
        head("Forgotten early", true);
        head("Repairs", true);
        begin_rows("dedup_zones");
        for (const ZoneReport& each : report_.zones) write_zone(html_, each);
        end_table();
        html_ << "</section>";
    }

    void write_redis_section() {
        begin_section("redis", "Shared memory");
        begin_table("redis", "Redis");
        head("Redis");
        head("Server");
        head("Zones");
        head("Workers", true);
        head("Round trip p95", true);
        head("Time-outs", true);
        head("Losses", true);
        head("Decided alone", true);
        head("Learned", true);
        head("Late commits", true);
        head("Told later", true);
        head("Never told", true);
        head("Leases lost", true);
        head("Taken back", true);
        begin_rows("redis");
        for (const RedisReport& each : report_.redis) write_redis(html_, each);
        end_table();
        html_ << "</section>";
    }

    void write_files() {
        begin_section("files", "Allowlist files");
        begin_table("files", "Files of addresses");
        head("File");
        head("Addresses", true);
        head("Last good read");
        head("Bad versions", true);
        begin_rows("source_files");
        for (const SourceFileReport& each : report_.source_files) {
            write_file(html_, each, report_.now);
        }
        end_table();
        html_ << "</section>";
    }

    void write_recent() {
        begin_section("recent", "Recent refusals");
        write_part("no_recent", report_.recent.empty(), &PageText::write_no_recent);
        write_part("filter", false, &PageText::write_filter);
        write_part("table_recent", !report_.recent.empty(), &PageText::write_recent_table);
        html_ << "</section>";
    }

    void write_no_recent() { html_ << "<p class=\"none\">No refusal is remembered.</p>"; }

    void write_filter() {
        html_ << "<p class=\"filter\"><label>Endpoint <select data-f=\"filter_by\">"
              << "<option value=\"\">all</option></select></label></p>";
    }

    void write_recent_table() {
        begin_table("recent", "Refused deliveries, the newest first");
        head("Time");
        head("Endpoint");
        head("Reason");
        head("Source");
        head("Event id, as claimed");
        head("Request id");
        head("Repeated", true);
        begin_rows("recent");
        html_.write_verbatim(recent_rows_.finish());
        end_table();
    }

    void write_footer() {
        html_ << "<footer>\n<p>Webhook module <span data-f=\"module\">" << report_.module_version
              << "</span>, nginx <span data-f=\"nginx\">" << report_.server_version
              << "</span>, configuration <span data-f=\"generation\">"
              << count_text(report_.generation) << "</span> since counting began.</p>\n"
              << "<p>This URL answers <code>Accept: application/json</code> with the same as JSON: "
              << "<code>curl -H 'Accept: application/json' <span data-f=\"url\">URL</span></code>. "
              << "For Prometheus, give a location of its own "
              << "<code>webhook_status prometheus</code>.</p>\n</footer>\n";
    }

    void write_controls() {
        html_ << "<button type=\"button\" class=\"button\" data-f=\"pause\">Pause updates</button>";
    }

    // What the script puts into the page: parts that begin to apply, and rows that are new, as
    // those of a report that holds nothing. In elements of the page, a text browser would show
    // them.
    static std::string templates() {
        const Report blank;
        JsonWriter json;
        json.begin_object();
        const auto add = [&](std::string_view name, const auto& write) {
            PageText page(blank);
            write(page);
            json.member(name, std::string_view(page.html_.finish()));
        };
        for (const auto& part : kParts) {
            add(part.first, [&part](PageText& page) { (page.*part.second)(); });
        }
        const auto add_row = [&](std::string_view name, const auto& write) {
            add(name, [&](PageText& page) { write(page.html_); });
        };
        EndpointReport endpoint;
        endpoint.verify.bounds = cells::kVerifyBounds;
        endpoint.upstream.bounds = cells::kUpstreamBounds;
        for (const std::string_view each : {"head_reasons", "head_would_refuse"}) {
            add_row(each, [](HtmlWriter& html) { write_bars_head(html, "Reason"); });
        }
        add_row("head_outcomes", [](HtmlWriter& html) { write_bars_head(html, "Answer"); });
        add_row("monitoring", [&](HtmlWriter& html) { write_monitoring(html, endpoint, blank); });
        add_row("secrets_part", [&](HtmlWriter& html) { write_secrets(html, endpoint, blank); });
        add_row("findings", [](HtmlWriter& html) { write_finding(html, {}); });
        add_row("endpoints",
                [&](HtmlWriter& html) { write_endpoint(html, endpoint, Health::ok, blank); });
        add_row("bars", [](HtmlWriter& html) { write_bar(html, {}, 0); });
        add_row("secrets", [&](HtmlWriter& html) { write_secret(html, {}, {}, blank); });
        add_row("dedup_zones", [](HtmlWriter& html) { write_zone(html, {}); });
        add_row("redis", [](HtmlWriter& html) { write_redis(html, {}); });
        add_row("zones", [](HtmlWriter& html) { write_zone_name(html, {}); });
        add_row("source_files", [](HtmlWriter& html) { write_file(html, {}, {}); });
        add_row("recent", [](HtmlWriter& html) { write_refusal(html, {}, {}); });
        json.end_object();
        return json.text();
    }

    void write_script() {
        // The script cannot tell by itself which reasons are refusals.
        html_ << R"(<script type="application/json" id="report" data-refusals=")";
        for (const ReasonInfo& row : all_reasons()) {
            if (verdict_of(row.reason, false) == Verdict::rejected) html_ << row.name << " ";
        }
        html_ << "\">";
        html_.write_verbatim(json_->take());
        html_ << "</script>\n<script type=\"application/json\" id=\"templates\">";
        static const std::string always_the_same = templates();
        html_.write_verbatim(always_the_same);
        html_ << "</script>\n<script>";
        html_.write_verbatim(page_script());
        html_ << "</script>\n</body>\n</html>\n";
    }

    static constexpr std::pair<std::string_view, Content> kParts[] = {
        {"controls", &PageText::write_controls},
        {"no_findings", &PageText::write_no_findings},
        {"no_endpoints", &PageText::write_no_endpoints},
        {"table_endpoints", &PageText::write_empty_endpoint_table},
        {"section_zones", &PageText::write_zones},
        {"section_redis", &PageText::write_redis_section},
        {"section_files", &PageText::write_files},
        {"section_recent", &PageText::write_recent},
        {"no_recent", &PageText::write_no_recent},
        {"filter", &PageText::write_filter},
        {"table_recent", &PageText::write_recent_table},
    };

    const Report& report_;
    const std::vector<Finding> findings_;
    const Health health_;
    const std::unique_ptr<StepwiseText> json_;
    HtmlWriter html_;
    HtmlWriter recent_rows_;
};

}  // namespace

std::unique_ptr<StepwiseText> html_of(const Report& report) {
    return std::make_unique<PageText>(report);
}

}  // namespace webhook
