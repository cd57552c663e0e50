#include "ngx_http_webhook/error_pages.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "base/text.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/upstream.h"
#include "verify/reason.h"

namespace webhook::ngx {
namespace {

// Whether a genuine delivery may be refused for this reason, so that its event is lost.
bool is_of_genuine_sender(const ReasonInfo& row) {
    static constexpr Reason kOthers[] = {
        Reason::internal,        Reason::incomplete_body,  Reason::no_endpoint,
        Reason::stale_timestamp, Reason::future_timestamp, Reason::no_secret,
        Reason::bad_signature,   Reason::invalid_payload,  Reason::missing_event_id,
    };
    return row.retry_after || std::ranges::find(kOthers, row.reason) != std::end(kOthers);
}

// The most steps, and levels, examined after one gate.
constexpr int kMostSteps = 10;
constexpr std::size_t kMostLevels = 100;

std::span<const ngx_http_err_page_t> pages_of(const Level& level) {
    const ngx_array_t* pages = level.core()->error_pages;
    if (pages == nullptr) return {};
    return {static_cast<const ngx_http_err_page_t*>(pages->elts), pages->nelts};
}

// Whether a level without a gate gets requests that a gate redirects to it.
bool is_open(const Level& level) {
    return !level.conf->gated() && !level.conf->off();
}

std::string listed(const std::vector<std::string>& statuses) {
    return joined({statuses.begin(), statuses.end()});
}

}  // namespace

void ErrorPages::look_at(const Level& gate) {
    warn_about_pages(gate, gate);
    warn_about_bypass(gate);
    warn_about_files(gate);
    warn_about_led_to(gate);
}

void ErrorPages::warn(const std::string& message, const Level& gate) {
    remark(cf_, NGX_LOG_WARN, message, gate.conf->gate->place);
}

// Whether nginx, or an upstream, may respond to a genuine sender with this status.
bool ErrorPages::is_of_failure(const Level& level, ngx_int_t status) const {
    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) return true;
    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) return true;
    if (routes_.refuses_first(level, status)) return true;
    return status >= NGX_HTTP_BAD_REQUEST && routes_.intercepts_errors(level);
}

// Whether the gate may respond to a genuine delivery with this status, so that its event is lost.
bool ErrorPages::is_of_gate(const Level& level, ngx_int_t status) const {
    const LocConf& conf = *level.conf;
    if (!conf.gated()) return false;
    return std::ranges::any_of(all_reasons(), [&](const ReasonInfo& row) {
        const auto& answer = conf.answers[static_cast<std::size_t>(row.reason)];
        const bool has_page = !answer || answer->text == nullptr;
        const auto answered = static_cast<ngx_int_t>(answer ? answer->status : row.status);
        const bool is_of_address = row.reason == Reason::ip_denied && conf.sources;
        return (is_of_genuine_sender(row) || is_of_address) && has_page && answered == status;
    });
}

// Null: it is unknown, or there is none.
const Level* ErrorPages::place_of_page(const Level& level, const ngx_http_err_page_t& page) const {
    if (page.value.lengths != nullptr) return nullptr;
    const std::string_view uri = to_view(page.value.value);
    if (!uri.starts_with('/')) return routes_.named(level, uri);
    const Level* to = routes_.choose(level.server_conf(), uri);
    return to != nullptr ? to : routes_.server_of(level);
}

// Whether the gate refuses the page, too: it refuses a refused request wherever it would be passed
// on.
bool ErrorPages::is_refused_again(const Level& level, const ngx_http_err_page_t& page) const {
    if (is_of_failure(level, page.status)) return false;
    const Level* to = place_of_page(level, page);
    return to != nullptr && routes_.first_return(*to) == nullptr &&
           routes_.hands_on(*to) != Sure::no;
}

// Whether the location of the page refuses the GET of a delivery that passed the gate of the level.
bool ErrorPages::refuses_get(const Level& page, const Level& level) const {
    const LocConf& conf = *page.conf;
    if (routes_.denies_methods(page, NGX_HTTP_GET) || routes_.denies_all(page)) return true;
    return conf.gated() && !conf.monitors() && !conf.same_gate(*level.conf) &&
           (conf.methods->mask & NGX_HTTP_GET) == 0;
}

// Whether an upstream responds in place of the location, but gets a GET, as in all locations that
// are not named.
bool ErrorPages::is_handed_as_get(const Level& level, const ngx_http_err_page_t& page) const {
    const Level* to = place_of_page(level, page);
    if (to == nullptr || to->core()->named || refuses_get(*to, level)) return false;
    const auto refuses = [&](const Level& each) { return refuses_get(each, level); };
    return routes_.first_return(*to) == nullptr && routes_.hands_on_past(*to, refuses) == Sure::yes;
}

// Whether it returns success to a POST, or for a file that is missing.
bool ErrorPages::returns_success(const Level& level) const {
    const auto returns = routes_.walk(level, {{}, "POST"}).returns;
    return std::ranges::any_of(returns, [](const Walk::Return& each) {
        return each.taken != Taken::maybe && is_success(each.status);
    });
}

// By `return`, here or one step further, or by `try_files`.
bool ErrorPages::leads_to_success(const Level& level) const {
    const auto* statement = routes_.first_return(level);
    if (statement != nullptr) return is_success(statement->status);
    if (is_success(routes_.status_of_files(level)) || returns_success(level)) return true;
    return std::ranges::any_of(routes_.ways_of(level, true), [this](const Way& way) {
        const bool is_led = way.kind == Way::Kind::files || way.kind == Way::Kind::rewrite;
        if (!is_led || way.to == nullptr || way.is_taken != Sure::yes) return false;
        const auto* there = routes_.first_return(*way.to);
        return there != nullptr && is_success(there->status);
    });
}

// nginx sends no file in response to a POST.
bool ErrorPages::shows_file_for_get(const Level& level, const Level& gate) const {
    const bool may_get = (gate.conf->methods->mask & NGX_HTTP_GET) != 0;
    const bool has_file =
        !routes_.statements(level).is_empty || routes_.status_of_files(level) != 0;
    return may_get && has_file && routes_.hands_on(level) == Sure::no;
}

// With "=" alone: by `return`, or as a file that is found.
bool ErrorPages::is_answered_with_success(const Level& level, const Level& gate,
                                          const ngx_http_err_page_t& page) const {
    const Level* to = place_of_page(level, page);
    if (to == nullptr) return false;
    if (leads_to_success(*to)) return true;
    if (routes_.first_return(*to) != nullptr) return false;
    if (to->core()->named) return shows_file_for_get(*to, gate);
    return routes_.hands_on(*to) == Sure::no && routes_.statements(*to).is_empty;
}

// Whether a named location gets, with its body, a request that nginx refused before the gate saw
// it.
bool ErrorPages::is_handed_unverified(const Level& level, const ngx_http_err_page_t& page) const {
    const Level* to =
        routes_.refuses_first(level, page.status) ? place_of_page(level, page) : nullptr;
    return to != nullptr && to->core()->named && is_open(*to) && !routes_.is_closed(*to) &&
           routes_.first_return(*to) == nullptr && routes_.hands_on_openly(*to) == Sure::yes;
}

// Names the upstream that gets the event in place of the location. Empty: none does.
std::string ErrorPages::taker_of(const Level& level, const ngx_http_err_page_t& page) const {
    std::string name(to_view(page.value.value));
    if (page.value.lengths != nullptr) return name;
    const Level* to = routes_.named(level, name);
    return to != nullptr && routes_.hands_on(*to) != Sure::no ? name : std::string();
}

// A sender that gets a 2xx never sends the event again. Another upstream that takes it instead of
// the first may fail, too.
void ErrorPages::warn_about_pages(const Level& level, const Level& gate) {
    Statuses answered;
    Statuses handed;
    for (const ngx_http_err_page_t& page : pages_of(level)) {
        const bool is_lost = is_of_failure(level, page.status) || is_of_gate(level, page.status);
        if (!is_lost || is_refused_again(level, page)) continue;
        const std::string status = std::to_string(page.status);
        if (page.overwrite == 0) {
            if (is_answered_with_success(level, gate, page)) answered[""].push_back(status);
            if (is_handed_as_get(level, page)) {
                handed[std::string(to_view(page.value.value))].push_back(status);
            }
        } else if (is_success(static_cast<ngx_uint_t>(page.overwrite))) {
            answered[taker_of(level, page)].push_back(status);
        }
    }
    for (const auto& [taker, list] : answered) warn_about_success(level, gate, taker, list);
    for (const auto& [uri, list] : handed) {
        warn("\"error_page\" hands " + listed(list) + " to " + in_quotes(uri) +
                 " by a GET, the answer to which the sender takes for that "
                 "to the delivery: a named location gets the POST,",
             gate);
    }
}

void ErrorPages::warn_about_success(const Level& level, const Level& gate, const std::string& taker,
                                    const std::vector<std::string>& statuses) {
    std::string answers = "\"error_page\"";
    if (&level != &gate) {
        answers += " of " + in_quotes(to_view(level.core()->name)) + ", where the gate leads,";
    }
    answers += " answers " + listed(statuses) + " with 2xx";
    if (taker.empty()) {
        warn(answers + ": the sender takes for delivered what is not, and does not send it again,",
             gate);
        return;
    }
    warn(answers + ", even where " + in_quotes(taker) +
             " fails and the event is lost: with \"=\" alone, the status of " + in_quotes(taker) +
             " counts,",
         gate);
}

void ErrorPages::warn_about_bypass(const Level& gate) {
    Statuses handed;
    for (const ngx_http_err_page_t& page : pages_of(gate)) {
        if (!is_handed_unverified(gate, page)) continue;
        handed[std::string(to_view(page.value.value))].push_back(std::to_string(page.status));
    }
    for (const auto& [uri, list] : handed) {
        warn("\"error_page\" hands " + listed(list) + " to " + in_quotes(uri) +
                 ", also where nginx itself answers so before the gate has its turn, and nothing "
                 "is verified: give " +
                 in_quotes(uri) + " the same gate,",
             gate);
    }
}

// A gate without an upstream serves only for its log.
void ErrorPages::warn_about_files(const Level& gate) {
    const bool is_meant = routes_.upstream_of(gate) == nullptr;
    if (is_meant || !is_success(routes_.status_of_files(gate))) return;
    warn(
        "\"try_files\" answers 2xx where it finds no file, and the upstream gets nothing: the "
        "sender takes for delivered what is not, and does not send it again,",
        gate);
}

// The levels without a gate that get an event from this one. One page leads to another only if
// recursive_error_pages is on.
std::vector<const Level*> ErrorPages::led_to(const Level& level) const {
    std::vector<const Level*> found;
    const auto add = [&found](const Level* to) {
        if (to != nullptr && is_open(*to)) found.push_back(to);
    };
    const bool pages_count = level.core()->recursive_error_pages == 1;
    for (const Way& way : routes_.ways_of(level, !level.conf->gated())) {
        // What hands on, or a fallback, answers before an index is looked for.
        if (way.kind == Way::Kind::index && routes_.takes(level)) continue;
        if (way.kind != Way::Kind::page || pages_count) add(way.to);
    }
    if (!pages_count) return found;
    for (const ngx_http_err_page_t& page : pages_of(level)) {
        const Level* to = place_of_page(level, page);
        const bool is_led =
            is_of_failure(level, page.status) &&
            !is_success(static_cast<ngx_uint_t>(std::max<ngx_int_t>(page.overwrite, 0)));
        if (is_led && to != nullptr && to->core()->named) add(to);
    }
    return found;
}

void ErrorPages::warn_about_led_to(const Level& gate) {
    std::set<const Level*> seen;
    std::vector<const Level*> front = led_to(gate);
    for (int step = 0; step < kMostSteps && !front.empty(); ++step) {
        std::vector<const Level*> next;
        for (const Level* level : front) {
            if (seen.size() >= kMostLevels || !seen.insert(level).second) continue;
            if (reported_.insert(level).second) warn_about_pages(*level, gate);
            const auto more = led_to(*level);
            next.insert(next.end(), more.begin(), more.end());
        }
        front = std::move(next);
    }
}

}  // namespace webhook::ngx
