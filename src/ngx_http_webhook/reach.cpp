#include "ngx_http_webhook/reach.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "base/expression.h"
#include "base/text.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/upstream.h"

namespace webhook::ngx {
namespace {

bool is_own_gate(const Level& level) {
    return level.conf->gate != level.outer->gate && !level.core()->noname;
}

bool is_regex(const Level& level) {
#if (NGX_PCRE)
    return level.core()->regex != nullptr;
#else
    return false;
#endif
}

bool is_redirect(ngx_uint_t status) {
    return status >= NGX_HTTP_SPECIAL_RESPONSE && status < NGX_HTTP_BAD_REQUEST;
}

// Some that the location is for.
std::vector<std::string> paths_of(const Level& level) {
    const std::string name(to_view(level.core()->name));
    if (is_regex(level)) {
        const auto [literal, is_whole] = beginning_of(name);
        if (!literal.starts_with('/')) return {"/x"};
        return {is_whole ? literal : literal + "x"};
    }
    if (!name.starts_with('/')) return {"/x"};
    if (level.core()->exact_match) return {name};
    if (name.ends_with('/')) return {name + "x"};
    return {name, name + "/x"};
}

bool is_hex(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

bool holds_escape(std::string_view path) {
    for (std::size_t i = 0; i + 2 < path.size(); ++i) {
        if (path[i] == '%' && is_hex(path[i + 1]) && is_hex(path[i + 2])) return true;
    }
    return false;
}

// nginx compares the name with the decoded path. Empty: nothing is odd.
std::string_view oddity_of(std::string_view path, bool merges_slashes) {
    if (!path.starts_with('/')) return "does not begin with \"/\"";
    if (path.ends_with(' ') || path.ends_with('\t')) return "ends with white space";
    if (path.find('?') != std::string_view::npos) return "holds \"?\", but no path has a query";
    if (holds_escape(path)) return "holds \"%\" and digits, but nginx decodes paths";
    if (merges_slashes && path.find("//") != std::string_view::npos) {
        return "holds \"//\", which nginx takes for \"/\"";
    }
    return {};
}

// What many applications are reached by, with the path behind it.
constexpr std::string_view kProgram = "/index.php";

// A location for all paths hands the program's to an application that need not know of it.
bool is_program_of_none(const std::string& spelling, const Level* location) {
    if (!spelling.starts_with(kProgram)) return false;
    return location == nullptr ||
           to_view(location->core()->name).find("php") == std::string_view::npos;
}

// How routers that are lax about paths would take it for the same one.
std::vector<std::string> spellings_of(std::string_view path) {
    std::string other_case(path);
    for (char& character : other_case) {
        if (is_letter(character)) character = static_cast<char>(character ^ 0x20);
    }
    const std::string same(path);
    // nginx itself takes "//" for "/".
    if (same == "/") return {std::string(kProgram)};
    const std::string by_program = std::string(kProgram) + same;
    if (same.ends_with('/')) return {other_case, by_program};
    return {other_case, same + "/", same + ";x", same + ".json", by_program};
}

}  // namespace

void Reach::look_at(const Level& gate) {
    warn_of_return(gate);
    warn_of_rewrite(gate);
    warn_of_odd_path(gate);
    warn_of_unreached(gate);
    warn_of_server_rewrite(gate);
}

void Reach::look_around(const Level& gate) {
    warn_of_other_spellings(gate);
}

void Reach::warn(const std::string& message, const Level& level) {
    remark(cf_, NGX_LOG_WARN, message, level.conf->gate->place);
}

// -- what nginx answers instead

// nginx runs these statements before it looks for a gate. What a gate further out is not meant
// for is no trap: pages of health, redirects and the like.
void Reach::warn_of_return(const Level& level) {
    const Level* server = routes_.server_of(level);
    const auto* of_server = server == nullptr ? nullptr : routes_.first_return(*server);
    if (of_server != nullptr && is_success(of_server->status)) {
        // A gate of all of http is not meant for a server's page of health.
        if (level.conf->gate == server->outer->gate) return;
        return warn_of_return(level, true);
    }
    const auto* statement = routes_.first_return(level);
    const LocConf* further_out = level.outer;
    if (statement == nullptr || level.conf->gate == further_out->gate) return;
    const bool accepts = is_success(statement->status);
    // The gate may be for the locations further in, the rest of which is turned away.
    if (!accepts && routes_.has_locations(level)) return;
    warn_of_return(level, accepts);
}

void Reach::warn_of_return(const Level& level, bool accepts) {
    warn("\"return\" answers before the gate does, so that nothing is verified" +
             std::string(accepts ? ", and whatever comes is taken for accepted" : "") +
             ": hand deliveries to an upstream, or to a file,",
         level);
}

// What takes the path that a `rewrite` leads to where no gate stands before it. Null: nothing.
const Level* Reach::led_past_gates(const Level& level, const Rewrite& rewrite,
                                   std::string_view path) const {
    const auto target = target_of(rewrite, path);
    if (!target || (!target->is_whole && target->path.size() <= 1)) return nullptr;
    const Level* to = routes_.choose(level.server_conf(), target->path);
    if (to == nullptr || to->conf->gated() || to->conf->off()) return nullptr;
    if (routes_.first_return(*to) != nullptr) return nullptr;
    return routes_.hands_on_openly(*to) == Sure::yes ? to : nullptr;
}

// A gate of its own that `rewrite` leads past, to where nothing is verified.
void Reach::warn_of_rewrite(const Level& level) {
    if (!is_own_gate(level) || routes_.first_return(level) != nullptr) return;
    const auto paths = paths_of(level);
    for (const Rewrite& rewrite : routes_.statements(level).rewrites) {
        if (rewrite.is_conditional) continue;
        for (const std::string& path : paths) {
            const Level* to = led_past_gates(level, rewrite, path);
            if (to == nullptr) continue;
            warn("\"rewrite\" leads to the location " + in_quotes(to_view(to->core()->name)) +
                     " before the gate has its turn, so that nothing is verified: with "
                     "\"break\", requests stay at the gate,",
                 level);
            return;
        }
    }
}

// nginx runs the statements of a server before it looks for a location.
void Reach::warn_of_server_rewrite(const Level& level) {
    const Level* server = routes_.server_of(level);
    if (server == nullptr || !level.is_location() || !is_own_gate(level)) return;
    if (routes_.first_return(*server) != nullptr) return;
    const auto paths = paths_of(level);
    for (const Rewrite& rewrite : routes_.statements(*server).rewrites) {
        for (const std::string& path : paths) {
            const Level* to = led_past_gates(level, rewrite, path);
            if (to == nullptr) continue;
            warn("a \"rewrite\" of the server " +
                     std::string(rewrite.is_conditional ? "may lead " : "leads ") +
                     in_quotes(path) + " to the location " + in_quotes(to_view(to->core()->name)) +
                     ", past the gate, so that nothing is verified,",
                 level);
            return;
        }
    }
}

// -- gates that no request finds

// Whether the location's expression has an example that it finds; `path` is the example then.
bool Reach::give_example(const Level& level, std::string& path) const {
    const auto example = example_of(to_view(level.core()->name));
    if (!example || !example->starts_with('/') || !routes_.finds(level, *example)) return false;
    path = *example;
    return true;
}

// What takes every request for the beginning of an expression's paths. Null: that is not sure.
const Level* Reach::taker_of_expression(const Level& level, std::string& path) const {
    const auto [beginning, is_whole] = beginning_of(to_view(level.core()->name));
    if (!beginning.starts_with('/') || beginning.size() == 1) return nullptr;
    path = beginning;
    const Level* to = routes_.choose(level.server_conf(), beginning);
    if (to == nullptr || is_whole) return to;
    const bool is_final = is_regex(*to) || to->core()->noregex != 0;
    for (const char* more : {"x", "0/~"}) {
        if (routes_.choose(level.server_conf(), beginning + more) != to) return nullptr;
    }
    std::string example;
    const bool is_known = give_example(level, example);
    if (is_known && routes_.choose(level.server_conf(), example) != to) return nullptr;
    const bool is_sure = is_known || is_open(*to);
    return is_final && is_sure ? to : nullptr;
}

// Whether it takes events, and verifies nothing.
bool Reach::is_open(const Level& level) const {
    return !level.conf->gated() && !level.conf->off() && !routes_.is_closed(level) &&
           routes_.hands_on_openly(level) != Sure::no;
}

// An exact location that is the page of a folder, beside the gate of what is in the folder.
bool Reach::is_page_of_folder(const Level& level, const Level& taker) const {
    return taker.core()->exact_match && to_view(level.core()->name).ends_with('/') &&
           routes_.upstream_of(taker) != routes_.upstream_of(level);
}

// Whether a location that verifies for itself, refuses, or has only files, leaves the gate nothing.
bool Reach::leaves_nothing(const Level& taker, const Level& gate) const {
    const std::string name(to_view(gate.core()->name));
    const auto* statement = routes_.first_return(taker);
    if (statement != nullptr && is_redirect(statement->status)) return false;
    if (is_regex(gate)) return true;
    const bool is_single = taker.core()->exact_match != 0;
    const bool is_of_all =
        !name.ends_with('/') || routes_.choose(gate.server_conf(), name + "x") == &taker;
    const bool is_plain =
        routes_.is_closed(taker) || taker.conf->gated() || routes_.statements(taker).is_empty;
    return !is_single && is_of_all && is_plain;
}

void Reach::warn_of_unreached(const Level& level) {
    if (!level.is_location() || !is_own_gate(level)) return;
    std::string path(to_view(level.core()->name));
    const Level* taker = is_regex(level) ? taker_of_expression(level, path)
                                         : routes_.choose(level.server_conf(), path);
    if (taker == nullptr || routes_.is_within(*taker, level) || taker->conf->off()) return;
    const bool is_taken =
        is_open(*taker) ? !is_page_of_folder(level, *taker) : leaves_nothing(*taker, level);
    if (is_taken) warn_of_taker(level, path, *taker);
}

void Reach::warn_of_taker(const Level& level, const std::string& path, const Level& taker) {
    warn("requests for " + in_quotes(path) + " never reach this gate: the location " +
             in_quotes(to_view(taker.core()->name)) +
             (routes_.refuses(taker) ? " refuses them," : " takes them,"),
         level);
}

void Reach::warn_of_odd_path(const Level& level) {
    const std::string_view path = to_view(level.core()->name);
    if (!level.is_location() || !is_own_gate(level) || is_regex(level) || path.empty()) return;
    const std::string_view oddity = oddity_of(path, level.server()->merge_slashes != 0);
    if (oddity.empty()) return;
    warn("requests hardly reach this gate: the location " + in_quotes(path) + " " +
             std::string(oddity) + ",",
         level);
}

// -- other spellings of a gated path

bool Reach::is_open_way(const Level& level, const void* upstream) const {
    return !level.conf->gated() && !level.conf->off() && routes_.upstream_of(level) == upstream;
}

// Where the location leads past every gate to the upstream: itself, or another one. Null: it
// does not.
const Level* Reach::open_way(const Level& from, const void* upstream) const {
    if (routes_.is_closed(from) || from.conf->gated()) return nullptr;
    if (is_open_way(from, upstream)) return &from;
    if (routes_.upstream_of(from) != nullptr) return nullptr;
    for (const Level* level : routes_.inside(from.conf)) {
        if (level->core()->noname && is_open_way(*level, upstream)) return &from;
    }
    for (const Way& way : routes_.ways_of(from, true)) {
        const bool is_sure = way.to != nullptr && way.is_taken == Sure::yes;
        if (is_sure && is_open_way(*way.to, upstream)) return way.to;
    }
    return nullptr;
}

// Of the gate, or of what it hands requests to.
const void* Reach::upstream_behind(const Level& gate) const {
    if (const void* own = routes_.upstream_of(gate)) return own;
    for (const Way& way : routes_.ways_of(gate, false)) {
        const bool is_sure = way.to != nullptr && way.is_taken == Sure::yes;
        const void* upstream = is_sure ? routes_.upstream_of(*way.to) : nullptr;
        if (upstream != nullptr) return upstream;
    }
    return nullptr;
}

void Reach::warn_of_other_spellings(const Level& level) {
    const void* upstream = upstream_behind(level);
    const ngx_http_core_loc_conf_t* core = level.core();
    const bool has_path = level.is_location() && core->regex == nullptr;
    if (upstream == nullptr || !has_path || level.conf->monitors()) return;
    for (const std::string& spelling : spellings_of(to_view(core->name))) {
        const Level* other = routes_.choose(level.server_conf(), spelling);
        if (is_program_of_none(spelling, other)) continue;
        if (other == nullptr) other = routes_.server_of(level);
        const Level* way = other == nullptr ? nullptr : open_way(*other, upstream);
        if (way == nullptr) continue;
        if (!told_of_spellings_.insert(way->conf).second) return;
        warn(in_quotes(spelling) + " reaches the upstream of " + in_quotes(to_view(core->name)) +
                 " without a gate, by the location " + in_quotes(to_view(way->core()->name)) +
                 ": some applications take both for the same path",
             level);
        return;
    }
}

}  // namespace webhook::ngx
