#include "ngx_http_webhook/error_pages.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/text.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/upstream.h"
#include "verify/reason.h"

namespace webhook::ngx {
namespace {

// Whether a genuine sender may be refused for this, whose event is not delivered.
bool is_of_genuine_sender(const ReasonInfo& row) {
    static constexpr Reason kOthers[] = {
        Reason::internal,        Reason::incomplete_body,  Reason::no_endpoint,
        Reason::stale_timestamp, Reason::future_timestamp, Reason::no_secret,
        Reason::bad_signature,   Reason::invalid_payload,  Reason::missing_event_id,
    };
    return row.retry_after || std::ranges::find(kOthers, row.reason) != std::end(kOthers);
}

}  // namespace

void ErrorPages::warn(const std::string& message, const Level& level) {
    remark(cf_, NGX_LOG_WARN, message, level.conf->gate->place);
}

// Whether a genuine sender may be answered with this where its event is not delivered.
bool ErrorPages::is_of_lost_event(const Level& level, ngx_int_t status) const {
    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) return true;
    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) return true;
    if (status == routes_.limit_status(level)) return true;
    if (status == NGX_HTTP_FORBIDDEN && routes_.has_access_rules(level)) return true;
    const bool is_refusal =
        status >= NGX_HTTP_BAD_REQUEST && status < NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (is_refusal && routes_.intercepts_errors(level)) return true;
    const LocConf& conf = *level.conf;
    return std::ranges::any_of(all_reasons(), [&](const ReasonInfo& row) {
        const auto& answer = conf.answers[static_cast<std::size_t>(row.reason)];
        const bool has_page = !answer || answer->text == nullptr;
        const auto answered = static_cast<ngx_int_t>(answer ? answer->status : row.status);
        return is_of_genuine_sender(row) && has_page && answered == status;
    });
}

// Null: it cannot be known, or there is none.
const Level* ErrorPages::place_of_page(const Level& level, const ngx_http_err_page_t& page) const {
    if (page.value.lengths != nullptr) return nullptr;
    const std::string_view uri = to_view(page.value.value);
    if (!uri.starts_with('/')) return routes_.named(level, uri);
    const Level* to = routes_.choose(level.server_conf(), uri);
    return to != nullptr ? to : routes_.server_of(level);
}

// Whether an upstream answers in the place of the location, but gets a GET without the body:
// all but named locations do.
bool ErrorPages::is_handed_without_body(const Level& level, const ngx_http_err_page_t& page) const {
    const Level* to = place_of_page(level, page);
    if (to == nullptr || to->core()->named || to->conf->gated()) return false;
    return routes_.first_return(*to) == nullptr && routes_.hands_on_openly(*to) == Sure::yes;
}

// With "=" alone: by `return`, or as a file that is found.
bool ErrorPages::is_answered_with_success(const Level& level,
                                          const ngx_http_err_page_t& page) const {
    const Level* to = place_of_page(level, page);
    if (to == nullptr) return false;
    const bool is_path = !to->core()->named;
    const auto* statement = routes_.first_return(*to);
    if (statement != nullptr) return is_success(statement->status);
    return is_path && routes_.hands_on(*to) == Sure::no && routes_.statements(*to).is_empty;
}

// What hands the event on in the place of the location; empty: nothing does.
std::string ErrorPages::taker_of(const Level& level, const ngx_http_err_page_t& page) const {
    std::string name(to_view(page.value.value));
    if (page.value.lengths != nullptr) return name;
    const Level* to = routes_.named(level, name);
    return to != nullptr && routes_.hands_on(*to) != Sure::no ? name : std::string();
}

// A sender that is answered 2xx never sends the event again. Another upstream that takes it in
// the first one's place may fail, too.
void ErrorPages::look_at(const Level& level) {
    const ngx_array_t* pages = level.core()->error_pages;
    if (pages == nullptr) return;
    std::map<std::string, std::vector<std::string>> statuses;
    std::map<std::string, std::vector<std::string>> handed;
    const auto* page = static_cast<const ngx_http_err_page_t*>(pages->elts);
    for (const auto* end = page + pages->nelts; page != end; ++page) {
        if (!is_of_lost_event(level, page->status)) continue;
        const std::string status = std::to_string(page->status);
        if (page->overwrite == 0) {
            if (is_answered_with_success(level, *page)) statuses[""].push_back(status);
            if (is_handed_without_body(level, *page)) {
                handed[std::string(to_view(page->value.value))].push_back(status);
            }
        } else if (is_success(static_cast<ngx_uint_t>(page->overwrite))) {
            statuses[taker_of(level, *page)].push_back(status);
        }
    }
    for (const auto& [taker, list] : statuses) warn_of_success(level, taker, list);
    for (const auto& [uri, list] : handed) {
        warn("\"error_page\" hands " + joined({list.begin(), list.end()}) + " to " +
                 in_quotes(uri) +
                 " by a GET without the body, the answer to which the sender takes for that "
                 "to the delivery: a named location gets the body,",
             level);
    }
}

void ErrorPages::warn_of_success(const Level& level, const std::string& taker,
                                 const std::vector<std::string>& statuses) {
    const std::string answers =
        "\"error_page\" answers " + joined({statuses.begin(), statuses.end()}) + " with 2xx";
    if (taker.empty()) {
        warn(answers + ": the sender takes for delivered what is not, and does not send it again,",
             level);
        return;
    }
    warn(answers + ", even where " + in_quotes(taker) +
             " fails and the event is lost: with \"=\" alone, the status of " + in_quotes(taker) +
             " counts,",
         level);
}

}  // namespace webhook::ngx
