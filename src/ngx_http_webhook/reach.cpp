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

// The method of all deliveries. Empty: there are several.
std::string_view method_of(const Level& gate) {
    const auto& methods = gate.conf->methods->names;
    return methods.size() == 1 ? std::string_view(methods.front()) : std::string_view();
}

std::string place_in_words(const Level& level) {
    if (level.is_server()) return "the server's own level";
    return "the location " + in_quotes(to_view(level.core()->name));
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

// Whether it has such steps, as nginx finds them, including one at the end.
bool holds_step(std::string_view path) {
    const std::string closed = std::string(path) + "/";
    return closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos;
}

// nginx compares the name with the decoded path. Empty: there is no oddity.
std::string_view oddity_of(std::string_view path, bool merges_slashes) {
    if (!path.starts_with('/')) return "does not begin with \"/\"";
    if (path.ends_with(' ') || path.ends_with('\t')) return "ends with white space";
    if (path.find('?') != std::string_view::npos) return "holds \"?\", but no path has a query";
    if (holds_escape(path)) return "holds \"%\" and digits, but nginx decodes paths";
    if (holds_step(path)) return "holds \"/./\" or \"/../\", which nginx resolves";
    if (merges_slashes && path.find("//") != std::string_view::npos) {
        return "holds \"//\", which nginx takes for \"/\"";
    }
    return {};
}

// The most locations by a suffix that are looked at for each gate of a server.
constexpr std::size_t kMostSuffixes = 20;

// The entry point of many applications, followed by the path.
constexpr std::string_view kProgram = "/index.php";

// Spellings that lax routers take for the same path.
std::vector<std::string> spellings_of(std::string_view path, bool merges_slashes) {
    std::string other_case(path);
    for (char& character : other_case) {
        if (is_letter(character)) character = static_cast<char>(character ^ 0x20);
    }
    // nginx itself takes "//" for "/", unless merge_slashes is off.
    const std::string same(path);
    if (same == "/") return {std::string(kProgram)};
    std::vector<std::string> spellings{other_case};
    if (!same.ends_with('/')) {
        for (const char* more : {"/", ";x", ".json"}) spellings.push_back(same + more);
    }
    if (!merges_slashes) spellings.push_back("/" + same);
    spellings.push_back(std::string(kProgram) + same);
    return spellings;
}

}  // namespace

void Reach::look_at(const Level& gate) {
    warn_about_return(gate);
    warn_about_rewrite(gate);
    warn_about_return_with_page(gate);
    warn_about_odd_path(gate);
    if (!warn_about_unreached(gate) && !warn_about_children(gate)) warn_about_suffixes(gate);
    warn_about_refused(gate);
    warn_about_refused_handshakes(gate);
    warn_about_server_rewrite(gate);
}

void Reach::look_around(const Level& gate) {
    warn_about_other_spellings(gate);
}

void Reach::warn(const std::string& message, const Level& level) {
    remark(cf_, NGX_LOG_WARN, message, level.conf->gate->place);
}

// -- what nginx answers instead

// nginx runs these statements before it looks for a gate. Requests that an outer gate is not meant
// for do not count: health checks, redirects and the like.
void Reach::warn_about_return(const Level& level) {
    const Level* server = routes_.server_of(level);
    const auto* of_server = server == nullptr ? nullptr : routes_.statements(*server).sure_return();
    if (of_server != nullptr && is_success(of_server->status)) {
        // A gate of the whole http{} is not meant for a server's health check.
        if (level.conf->gate == server->outer->gate) return;
        return warn_about_return(level, true);
    }
    const LocConf* further_out = level.outer;
    if (level.conf->gate == further_out->gate) return;
    warn_about_return_on_condition(level);
    const auto* statement = routes_.statements(level).sure_return();
    if (statement == nullptr) return;
    const bool accepts = is_success(statement->status);
    // Statements before it may be the location's purpose.
    if (!accepts && routes_.first_return(level) == nullptr) return;
    // The gate may be for nested locations, and all other requests are turned away.
    if (!accepts && routes_.has_locations(level)) return;
    warn_about_return(level, accepts);
}

void Reach::warn_about_return(const Level& level, bool accepts) {
    warn("\"return\" answers before the gate does, so that nothing is verified" +
             std::string(accepts ? ", and whatever comes is taken for accepted" : "") +
             ": hand deliveries to an upstream, or to a file,",
         level);
}

// A health check for one method is deliberate.
void Reach::warn_about_return_on_condition(const Level& level) {
    const Statements& statements = routes_.statements(level);
    const bool takes_post = (level.conf->methods->mask & NGX_HTTP_POST) != 0;
    const auto accepts = [](const ngx_http_script_return_code_t* statement) {
        return statement != nullptr && is_success(statement->status);
    };
    const bool accepts_post = takes_post && accepts(statements.return_to_post);
    if (!accepts_post && !accepts(statements.return_by_file)) return;
    warn(
        "\"return\" within \"if\" answers deliveries with 2xx before the gate does: the sender "
        "takes for delivered what is not, and does not send it again,",
        level);
}

// Some paths that the location is for.
std::vector<Reach::Sample> Reach::samples_of(const Level& level) const {
    const std::string name(to_view(level.core()->name));
    if (is_regex(level)) {
        std::string example;
        if (give_example(level, example)) return {{example, {}}};
        const auto [beginning, is_whole] = beginning_of(name);
        if (!beginning.starts_with('/')) return {{"/x", {}}};
        return {{is_whole ? beginning : beginning + "x", {}}};
    }
    if (!name.starts_with('/')) return {{"/x", {}}};
    if (level.core()->exact_match) return {{name, {}}};
    const std::string directory = name.ends_with('/') ? name : name + "/";
    const Sample below{directory + "x", directory + "0"};
    if (name.ends_with('/')) return {below};
    return {{name, {}}, below};
}

// The level without a gate that takes the path. Null: none.
const Level* Reach::led_past_gates(const Level& gate, const Walk::Lead& lead) const {
    if (!lead.is_whole && lead.path.size() <= 1) return nullptr;
    const Level* to = routes_.choose(gate.server_conf(), lead.path);
    if (to == nullptr) to = routes_.server_of(gate);
    if (to == nullptr || to->conf->gated() || to->conf->off()) return nullptr;
    if (routes_.first_return(*to) != nullptr) return nullptr;
    return routes_.hands_on_openly(*to) == Sure::yes ? to : nullptr;
}

// A request that is redirected on a condition is not the gate's, unless it reaches the gate's
// upstream.
std::optional<Reach::Past> Reach::way_past(const Level& from, const Level& gate,
                                           std::string_view path) const {
    for (const Walk::Lead& lead : routes_.walk(from, {path, method_of(gate)}).leads) {
        const Level* to = led_past_gates(gate, lead);
        if (to == nullptr) continue;
        const void* upstream = lead.taken == Taken::maybe ? upstream_behind(gate) : nullptr;
        if (lead.taken == Taken::maybe &&
            (upstream == nullptr || upstream_behind(*to) != upstream)) {
            continue;
        }
        return Past{to, lead.taken};
    }
    return std::nullopt;
}

std::optional<Reach::Past> Reach::way_past(const Level& from, const Level& gate,
                                           const Sample& sample) const {
    const auto past = way_past(from, gate, std::string_view(sample.path));
    if (sample.other.empty() || !past) return past;
    return way_past(from, gate, std::string_view(sample.other)) ? past : std::nullopt;
}

// Warns of a `rewrite` that bypasses the level's own gate, to a level that verifies nothing.
void Reach::warn_about_rewrite(const Level& level) {
    const bool has_rewrites = !routes_.statements(level).rewrites.empty();
    if (!has_rewrites || !is_own_gate(level) || routes_.first_return(level) != nullptr) return;
    for (const Sample& sample : samples_of(level)) {
        const auto past = way_past(level, level, sample);
        if (!past) continue;
        warn("\"rewrite\" " +
                 std::string(past->taken == Taken::surely ? "leads to " : "may lead to ") +
                 place_in_words(*past->to) +
                 " before the gate has its turn, so that nothing is verified: with "
                 "\"break\", requests stay at the gate,",
             level);
        return;
    }
}

// nginx runs the statements of a server before it looks for a location.
void Reach::warn_about_server_rewrite(const Level& level) {
    const Level* server = routes_.server_of(level);
    if (server == nullptr || !level.is_location() || !is_own_gate(level)) return;
    if (routes_.statements(*server).is_empty || routes_.first_return(*server) != nullptr) return;
    for (const Sample& sample : samples_of(level)) {
        const auto past = way_past(*server, level, sample);
        if (!past) continue;
        warn("a \"rewrite\" of the server " +
                 std::string(past->taken == Taken::surely ? "leads " : "may lead ") +
                 in_quotes(sample.path) + " to " + place_in_words(*past->to) +
                 ", past the gate, so that nothing is verified,",
             level);
        return;
    }
}

// Nested levels may allow what is denied here.
void Reach::warn_about_refused(const Level& level) {
    if (!is_own_gate(level) || routes_.has_locations(level)) return;
    const bool by_method = routes_.denies_methods(level, level.conf->methods->mask);
    if (!by_method && !routes_.denies_all(level)) return;
    warn(std::string(by_method ? "\"limit_except\"" : "\"deny all\"") +
             " refuses every delivery before the gate has its turn,",
         level);
}

void Reach::warn_about_refused_handshakes(const Level& level) {
    const LocConf& conf = *level.conf;
    const bool may_come =
        conf.handshake_enabled() && is_own_gate(level) && !routes_.has_locations(level);
    if (!may_come || routes_.first_return(level) != nullptr) return;
    const std::string path = samples_of(level).front().path;
    for (const auto& [method, mask] : {std::pair{"GET", NGX_HTTP_GET}, {"HEAD", NGX_HTTP_HEAD}}) {
        if (std::ranges::count(conf.scheme->handshakes, method, &Handshake::method) == 0) continue;
        const auto returns = routes_.walk(level, {path, method}).returns;
        const bool by_return = std::ranges::any_of(returns, [](const Walk::Return& each) {
            return each.taken == Taken::surely && each.status >= NGX_HTTP_BAD_REQUEST;
        });
        if (!by_return && !routes_.denies_methods(level, static_cast<ngx_uint_t>(mask))) continue;
        warn(std::string(by_return ? "\"return\"" : "\"limit_except\"") +
                 " refuses the handshakes of " + in_quotes(conf.scheme->name) + ", which come by " +
                 method + ", before the gate has its turn,",
             level);
    }
}

// Warns of a `return` on a condition with an error page in a location without a gate.
void Reach::warn_about_return_with_page(const Level& level) {
    const ngx_array_t* pages = level.core()->error_pages;
    if (pages == nullptr || !is_own_gate(level) || routes_.first_return(level) != nullptr) return;
    const void* upstream = upstream_behind(level);
    const auto* page = static_cast<const ngx_http_err_page_t*>(pages->elts);
    const std::string path = samples_of(level).front().path;
    const auto returns = routes_.walk(level, {path, method_of(level)}).returns;
    for (const Walk::Return& each : returns) {
        for (std::size_t i = 0; i < pages->nelts; ++i) {
            if (page[i].status != static_cast<ngx_int_t>(each.status)) continue;
            if (page[i].value.lengths != nullptr) continue;
            const Level* to = routes_.named(level, to_view(page[i].value.value));
            if (to == nullptr || upstream == nullptr || open_way(*to, upstream) == nullptr)
                continue;
            warn("\"return\" and \"error_page\" may lead to " + place_in_words(*to) +
                     " before the gate has its turn, so that nothing is verified,",
                 level);
            return;
        }
    }
}

// -- gates that no request finds

// Whether the location's regex has an example that it matches. `path` is then the example.
bool Reach::give_example(const Level& level, std::string& path) const {
    const auto example = example_of(to_view(level.core()->name));
    if (!example || !example->starts_with('/') || !routes_.finds(level, *example)) return false;
    path = *example;
    return true;
}

// The level that takes all requests for the prefix of a regex's paths. Null: that is not certain.
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

// Whether it takes events without verifying them.
bool Reach::is_open(const Level& level) const {
    return !level.conf->gated() && !level.conf->off() && !routes_.is_closed(level) &&
           routes_.hands_on_openly(level) != Sure::no;
}

// Whether it is an exact location for the page of a directory whose content is behind the gate.
bool Reach::is_page_of_directory(const Level& level, const Level& taker) const {
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

bool Reach::warn_about_unreached(const Level& level) {
    if (!level.is_location() || !is_own_gate(level)) return false;
    std::string path(to_view(level.core()->name));
    const Level* taker = is_regex(level) ? taker_of_expression(level, path)
                                         : routes_.choose(level.server_conf(), path);
    if (taker == nullptr || routes_.is_within(*taker, level) || taker->conf->off()) {
        return false;
    }
    const bool is_taken =
        is_open(*taker) ? !is_page_of_directory(level, *taker) : leaves_nothing(*taker, level);
    if (is_taken) warn_about_taker(level, path, *taker);
    return is_taken;
}

void Reach::warn_about_taker(const Level& level, const std::string& path, const Level& taker) {
    warn("requests for " + in_quotes(path) + " never reach this gate: the location " +
             in_quotes(to_view(taker.core()->name)) +
             (routes_.refuses(taker) ? " refuses them," : " takes them,"),
         level);
}

// Warns of a regex that takes paths in the gate's directory.
bool Reach::warn_about_children(const Level& level) {
    const std::string name(to_view(level.core()->name));
    const bool is_directory = level.is_location() && !is_regex(level) && name.ends_with('/') &&
                              level.core()->exact_match == 0;
    if (!is_directory || !is_own_gate(level)) return false;
    const Level* taker = routes_.choose(level.server_conf(), name + "x");
    if (taker == nullptr || !is_regex(*taker) || !is_open(*taker)) return false;
    if (routes_.is_within(*taker, level)) return false;
    const bool takes_all = routes_.choose(level.server_conf(), name + "0") == taker;
    const void* upstream = upstream_behind(level);
    const bool is_same = upstream != nullptr && open_way(*taker, upstream) != nullptr;
    const bool is_taken_as_a_whole = routes_.choose(level.server_conf(), name) == taker;
    const bool is_taken = (takes_all || is_same) && !is_taken_as_a_whole;
    if (is_taken) warn_about_taker(level, name + "x", *taker);
    return is_taken;
}

const std::vector<Reach::Suffix>& Reach::suffixes_around(const Level& level) {
    const LocConf* server = level.server_conf();
    const auto [found, is_new] = suffixes_.try_emplace(server);
    if (is_new) found->second = suffixes_in(server);
    return found->second;
}

std::vector<Reach::Suffix> Reach::suffixes_in(const LocConf* server) const {
    std::vector<Suffix> suffixes;
    for (const Level* each : routes_.regexes(server)) {
        if (suffixes.size() == kMostSuffixes) break;
        const auto example = example_of(to_view(each->core()->name));
        if (!example || example->starts_with('/') || !is_open(*each)) continue;
        if (routes_.finds(*each, "/x" + *example)) suffixes.push_back({each, *example});
    }
    return suffixes;
}

// Warns of scripts in the gate's directory that run without the gate, and of paths by which its
// upstream is reached.
void Reach::warn_about_suffixes(const Level& level) {
    const bool is_prefix =
        level.is_location() && !is_regex(level) && level.core()->exact_match == 0;
    if (!is_prefix || !is_own_gate(level) || level.conf->monitors()) return;
    const std::string name(to_view(level.core()->name));
    // The gate is for a script itself.
    if (name.find('.', name.rfind('/') + 1) != std::string::npos) return;
    const void* upstream = upstream_behind(level);
    const bool has_files_only =
        routes_.hands_on(level) == Sure::no && !routes_.has_locations(level) &&
        routes_.first_return(level) == nullptr && routes_.statements(level).rewrites.empty();
    for (const Suffix& suffix : suffixes_around(level)) {
        const std::string path = name + (name.ends_with('/') ? "x" : "/x") + suffix.example;
        if (routes_.choose(level.server_conf(), path) != suffix.level) continue;
        if (routes_.is_within(*suffix.level, level)) continue;
        // Under a gate for all paths, it is a spelling (below).
        const bool is_same =
            upstream != nullptr && name.size() > 1 && open_way(*suffix.level, upstream) != nullptr;
        if (!is_same && !has_files_only) continue;
        return warn_about_taker(level, path, *suffix.level);
    }
}

void Reach::warn_about_odd_path(const Level& level) {
    const std::string name(to_view(level.core()->name));
    if (!level.is_location() || !is_own_gate(level)) return;
    // For a regex, the prefix of all paths that it matches.
    const auto [beginning, is_whole] = is_regex(level) ? beginning_of(name) : Beginning{name, true};
    if (beginning.empty()) return;
    const std::string path = is_whole ? beginning : beginning + "x";
    const std::string_view oddity = oddity_of(path, level.server()->merge_slashes != 0);
    if (oddity.empty()) return;
    warn("requests hardly reach this gate: the location " + in_quotes(name) + " " +
             std::string(oddity) + ",",
         level);
}

// -- other spellings of a gated path

bool Reach::is_open_way(const Level& level, const void* upstream) const {
    return !level.conf->gated() && !level.conf->off() && routes_.upstream_of(level) == upstream;
}

// The level at which requests of the location reach the upstream without a gate: itself, or another
// one. Null: none. An empty path is unknown.
const Level* Reach::open_way(const Level& from, const void* upstream, std::string_view path) const {
    if (routes_.is_closed(from) || from.conf->gated()) return nullptr;
    if (is_open_way(from, upstream)) return &from;
    if (routes_.upstream_of(from) != nullptr) return nullptr;
    for (const Level* level : routes_.inside(from.conf)) {
        if (level->core()->noname && is_open_way(*level, upstream)) return &from;
    }
    for (const Way& way : routes_.ways_of(from, true)) {
        if (way.kind == Way::Kind::rewrite && !path.empty()) continue;
        const bool is_sure = way.to != nullptr && way.is_taken == Sure::yes;
        if (is_sure && is_open_way(*way.to, upstream)) return way.to;
    }
    const Level* to = path.empty() ? nullptr : rewritten(from, path);
    return to != nullptr && is_open_way(*to, upstream) ? to : nullptr;
}

// Where the statements of the level lead every request with this path. Null: nowhere, or it is
// unknown.
const Level* Reach::rewritten(const Level& from, std::string_view path) const {
    for (const Rewrite& rewrite : routes_.statements(from).rewrites) {
        if (rewrite.is_conditional) continue;
        const auto target = target_of(rewrite, path);
        if (!target) continue;
        return target->is_whole ? routes_.choose(from.server_conf(), target->path) : nullptr;
    }
    return nullptr;
}

// The upstream of the gate, or of the level to which it passes requests.
const void* Reach::upstream_behind(const Level& gate) const {
    if (const void* own = routes_.upstream_of(gate)) return own;
    for (const Way& way : routes_.ways_of(gate, false)) {
        const bool is_sure = way.to != nullptr && way.is_taken == Sure::yes;
        const void* upstream = is_sure ? routes_.upstream_of(*way.to) : nullptr;
        if (upstream != nullptr) return upstream;
    }
    return nullptr;
}

// Whether the location does not take a path behind a program's name, or passes it to an application
// that may not know the program.
bool Reach::is_program_of_none(const Level& gate, const std::string& spelling,
                               const Level* location) const {
    if (!spelling.starts_with(kProgram)) return false;
    if (location == nullptr) return true;
    const bool is_by_name =
        to_view(gate.core()->name) != "/" &&
        routes_.choose(gate.server_conf(), std::string(kProgram) + "/x") != location;
    return is_by_name || to_view(location->core()->name).find("php") == std::string_view::npos;
}

void Reach::warn_about_other_spellings(const Level& level) {
    const void* upstream = upstream_behind(level);
    const ngx_http_core_loc_conf_t* core = level.core();
    const bool has_path = level.is_location() && core->regex == nullptr;
    if (upstream == nullptr || !has_path || level.conf->monitors()) return;
    const bool merges_slashes = level.server()->merge_slashes != 0;
    for (const std::string& spelling : spellings_of(to_view(core->name), merges_slashes)) {
        const Level* other = routes_.choose(level.server_conf(), spelling);
        if (is_program_of_none(level, spelling, other)) continue;
        if (other == nullptr) other = routes_.server_of(level);
        const Level* way = other == nullptr ? nullptr : open_way(*other, upstream, spelling);
        if (way == nullptr) continue;
        if (!reported_spellings_.insert(way->conf).second) return;
        warn(in_quotes(spelling) + " reaches the upstream of " + in_quotes(to_view(core->name)) +
                 " without a gate, by the location " + in_quotes(to_view(way->core()->name)) +
                 ": some applications take both for the same path",
             level);
        return;
    }
}

}  // namespace webhook::ngx
