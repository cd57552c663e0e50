#include "report/html_parts.h"

#include <cmath>

#include "report/wording.h"

namespace webhook {
namespace {

std::string width_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "0";
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    return std::to_string(std::lround(share * 100));
}

}  // namespace

std::string badge_text(Health health, std::string_view word) {
    std::string text = health == Health::ok          ? "\xe2\x9c\x93 "
                       : health == Health::attention ? "\xe2\x96\xb2 "
                                                     : "\xe2\x9c\x95 ";
    return text += word;
}

void write_bar(HtmlWriter& html, const Bar& bar, std::uint64_t total) {
    html << R"(<tr data-key=")" << bar.name << R"("><th scope="row" data-f="label">)" << bar.name
         << R"(</th><td class="n" data-f="count">)" << count_text(bar.count)
         << R"(</td><td class="n" data-f="share">)" << share_text(bar.count, total)
         << R"(</td><td class="chart"><svg aria-hidden="true" width="100" height="8" )"
         << R"(viewBox="0 0 100 8" preserveAspectRatio="none"><rect data-f="bar" width=")"
         << width_text(bar.count, total) << R"(" height="8" fill="currentColor"/></svg></td></tr>)";
}

void write_bars(HtmlWriter& html, const BarWords& words, const std::vector<Bar>& bars) {
    std::uint64_t total = 0;
    for (const Bar& each : bars) total += each.count;
    html << R"(<div class="part"><table class="bars"><caption>)" << words.caption
         << R"(</caption><thead data-f="head_)" << words.list << R"(")";
    if (begin_part(html, total > 0)) write_bars_head(html, words.head);
    html << R"(</thead><tbody data-list=")" << words.list << R"(">)";
    for (const Bar& each : bars) {
        if (each.count > 0) write_bar(html, each, total);
    }
    html << R"(</tbody></table><p class="none" data-f="no_)" << words.list << R"(")";
    if (begin_part(html, total == 0)) html << words.none;
    html << "</p></div>\n";
}

void write_bars_head(HtmlWriter& html, std::string_view head) {
    html << R"(<tr><th scope="col">)" << head
         << R"(</th><th scope="col" class="n">Deliveries</th><th scope="col" class="n">Share</th>)"
         << "<td></td></tr>";
}

bool begin_part(HtmlWriter& html, bool applies) {
    html << (applies ? HtmlWriter::Markup(">") : HtmlWriter::Markup(" hidden>"));
    return applies;
}

}  // namespace webhook
