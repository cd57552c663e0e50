#include "ngx_http_webhook/routes.h"

#include <algorithm>
#include <span>

#include "base/expression.h"
#include "base/text.h"

namespace webhook::ngx {
namespace {

bool by_none(const Level& /*level*/) {
    return false;
}

// The most internal redirects that nginx follows.
constexpr int kMostSteps = 10;

// One parameter of `try_files`, as its module stores it.
struct TryFile {
    ngx_array_t* lengths;
    ngx_array_t* values;
    ngx_str_t name;
    unsigned code : 10;
    unsigned test_dir : 1;

    bool is_end() const { return lengths == nullptr && name.len == 0; }
};

// One parameter of `index`, as its module stores it.
struct IndexFile {
    ngx_str_t name;
    ngx_array_t* lengths;
    ngx_array_t* values;
};

// The start of the configuration of `limit_req`.
struct RequestLimits {
    ngx_array_t limits;
    ngx_uint_t log_level;
    ngx_uint_t delay_log_level;
    ngx_uint_t status;
};

// The start of the configuration of `limit_conn`.
struct ConnectionLimits {
    ngx_array_t limits;
    ngx_uint_t log_level;
    ngx_uint_t status;
};

template <typename Limits>
bool limit_with(const Limits* limits, ngx_int_t status) {
    return limits != nullptr && limits->limits.nelts > 0 &&
           static_cast<ngx_int_t>(limits->status) == status;
}

// `allow` or `deny`, as nginx stores it for IPv4. `all` has no mask.
struct Rule4 {
    in_addr_t mask;
    in_addr_t address;
    ngx_uint_t deny;

    bool is_of_all() const { return mask == 0; }
};

#if (NGX_HAVE_INET6)
struct Rule6 {
    in6_addr address;
    in6_addr mask;
    ngx_uint_t deny;

    bool is_of_all() const {
        return std::ranges::all_of(mask.s6_addr, [](auto byte) { return byte == 0; });
    }
};
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
struct RuleUnix {
    ngx_uint_t deny;

    static bool is_of_all() { return true; }
};
#endif

template <typename Value>
std::span<const Value> values_of(const ngx_array_t* array) {
    if (array == nullptr) return {};
    return {static_cast<const Value*>(array->elts), array->nelts};
}

// Whether nginx responds with this status if it has no file, or none for the method.
bool is_of_missing_file(ngx_uint_t status) {
    return status == NGX_HTTP_FORBIDDEN || status == NGX_HTTP_NOT_FOUND ||
           status == NGX_HTTP_NOT_ALLOWED;
}

// The start of a module's configuration of a location. Null without the module.
template <typename Value>
const Value* first_of(void** loc_conf, const ngx_module_t* module) {
    if (module == nullptr) return nullptr;
    return static_cast<const Value*>(loc_conf[module->ctx_index]);
}

template <typename Rule>
bool begins_with_deny_all(const ngx_array_t* array) {
    const auto rules = values_of<Rule>(array);
    return !rules.empty() && rules.front().is_of_all() && rules.front().deny != 0;
}

// The first rule that matches an address decides.
template <typename Rule>
bool ends_in_deny_all(const ngx_array_t* array) {
    const auto rules = values_of<Rule>(array);
    const auto found = std::ranges::find_if(rules, &Rule::is_of_all);
    return found != rules.end() && found->deny != 0;
}

// Of several locations with one name, the first is found.
void add_name(std::unordered_map<std::string_view, const Level*>& names, const Level& level) {
    names.emplace(to_view(level.core()->name), &level);
}

}  // namespace

struct Routes::AccessConf {
    ngx_array_t* rules;
#if (NGX_HAVE_INET6)
    ngx_array_t* rules6;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    ngx_array_t* rules_unix;
#endif
};

const ngx_module_t* find_module(const ngx_conf_t* cf, std::string_view name) {
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != nullptr; ++i) {
        const ngx_module_t* module = cf->cycle->modules[i];
        if (module->type == NGX_HTTP_MODULE && module->name != nullptr && name == module->name) {
            return module;
        }
    }
    return nullptr;
}

Routes::Routes(const ngx_conf_t* cf, const std::vector<Level>& levels)
    : modules_{find_module(cf, "ngx_http_access_module"),
               find_module(cf, "ngx_http_rewrite_module"),
               find_module(cf, "ngx_http_try_files_module"),
               find_module(cf, "ngx_http_dav_module"),
               find_module(cf, "ngx_http_index_module"),
               find_module(cf, "ngx_http_limit_req_module"),
               find_module(cf, "ngx_http_limit_conn_module"),
               find_module(cf, "ngx_http_auth_basic_module"),
               find_module(cf, "ngx_http_auth_request_module"),
               {}},
      variables_(&static_cast<const ngx_http_core_main_conf_t*>(
                      ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module))
                      ->variables) {
    for (const char* name :
         {"ngx_http_proxy_module", "ngx_http_fastcgi_module", "ngx_http_uwsgi_module",
          "ngx_http_scgi_module", "ngx_http_grpc_module"}) {
        const ngx_module_t* module = find_module(cf, name);
        if (module != nullptr) modules_.upstreams.push_back(module);
    }
    for (const Level& level : levels) {
        levels_.emplace(level.conf, &level);
        inside_[level.outer].push_back(&level);
        add_location(level);
    }
}

void Routes::add_location(const Level& level) {
    const ngx_http_core_loc_conf_t* core = level.core();
    Locations& locations = locations_[level.outer];
    if (core->named) add_name(locations.named, level);
    if (!level.is_location()) return;
#if (NGX_PCRE)
    if (core->regex != nullptr) return add_expression(locations, level);
#endif
    if (core->exact_match) return add_name(locations.exact, level);
    add_name(locations.prefixes, level);
    locations.longest = std::max(locations.longest, core->name.len);
}

void Routes::add_expression(Locations& locations, const Level& level) {
    const std::string beginning = to_lower(beginning_of(to_view(level.core()->name)).text);
    locations.beginnings[beginning].push_back(locations.regexes.size());
    locations.longest_beginning = std::max(locations.longest_beginning, beginning.size());
    locations.regexes.push_back(&level);
}

// Tries only the regexes that may match: a server may have thousands.
const Level* Routes::first_that_finds(const Locations& locations, std::string_view path) {
    const std::string lowered = to_lower(path);
    std::vector<std::size_t> candidates;
    const std::size_t longest = std::min(path.size(), locations.longest_beginning);
    for (std::size_t size = 0; size <= longest; ++size) {
        const auto found = locations.beginnings.find(std::string_view(lowered).substr(0, size));
        if (found == locations.beginnings.end()) continue;
        candidates.insert(candidates.end(), found->second.begin(), found->second.end());
    }
    std::ranges::sort(candidates);
    for (const std::size_t each : candidates) {
        if (finds(*locations.regexes[each], path)) return locations.regexes[each];
    }
    return nullptr;
}

const Level* Routes::level_of(const LocConf* conf) const {
    const auto found = levels_.find(conf);
    return found == levels_.end() ? nullptr : found->second;
}

const LocConf* Routes::outer(const LocConf* conf) const {
    const Level* level = level_of(conf);
    return level == nullptr ? nullptr : level->outer;
}

const Level* Routes::server_of(const Level& level) const {
    return level_of(level.server_conf());
}

const std::vector<const Level*>& Routes::inside(const LocConf* conf) const {
    static const std::vector<const Level*> none;
    const auto found = inside_.find(conf);
    return found == inside_.end() ? none : found->second;
}

bool Routes::has_locations(const Level& level) const {
    return std::ranges::any_of(inside(level.conf),
                               [](const Level* each) { return each->is_location(); });
}

// -- where requests end up

bool Routes::ends_in(const Level& level) const {
    const bool is_of_server_if = level.core()->noname && level.outer == level.server_conf();
    if (is_of_server_if) return false;
    if (!level.is_server() || !has_locations(level)) return true;
    return !covers_all_paths(level) && own_level_serves(level);
}

bool Routes::covers_all_paths(const Level& server) const {
    const auto found = locations_.find(server.conf);
    if (found == locations_.end()) return false;
    const auto& prefixes = found->second.prefixes;
    return prefixes.contains("/") || prefixes.contains("");
}

// Error pages and index pages do not count as a use of a gate, unless it has no other.
bool Routes::own_level_serves(const Level& server) const {
    if (takes(server)) return true;
    std::vector<Way> ways = ways_of(server, false);
    const bool is_for_locations =
        server.conf->secret_sources == nullptr || is_gate_of_locations(server, *server.conf);
    if (is_for_locations) {
        std::erase_if(ways, [](const Way& way) { return way.kind != Way::Kind::files; });
    }
    return follow(ways, &by_none) != Sure::no;
}

bool Routes::is_gate_of_locations(const Level& level, const LocConf& server) const {
    return std::ranges::any_of(inside(level.conf), [this, &server](const Level* each) {
        if (each->core()->noname) return false;
        const bool is_used = each->conf->gated() && each->conf->gate == server.gate &&
                             !answers_first(*each) && hands_on(*each) != Sure::no;
        return is_used || is_gate_of_locations(*each, server);
    });
}

const Statements& Routes::statements(const Level& level) const {
    const auto found = statements_.find(&level);
    if (found != statements_.end()) return found->second;
    auto* const* codes = first_of<ngx_array_t*>(level.loc_conf, modules_.rewrite);
    return statements_
        .emplace(&level, read_statements(codes == nullptr ? nullptr : *codes, *variables_))
        .first->second;
}

Walk Routes::walk(const Level& level, Asked asked) const {
    auto* const* codes = first_of<ngx_array_t*>(level.loc_conf, modules_.rewrite);
    asked.is_of_server = level.is_server();
    asked.is_led_to = level.core()->named || level.core()->internal;
    return webhook::ngx::walk(codes == nullptr ? nullptr : *codes, *variables_, asked);
}

const ngx_http_script_return_code_t* Routes::first_return(const Level& level) const {
    return statements(level).first_return;
}

bool Routes::answers_first(const Level& level) const {
    return first_return(level) != nullptr || denies_everybody(level, access_of(level.loc_conf));
}

// Statements may end in `return` or in a redirect. They do if nothing takes the remaining requests.
// A page of the server's own `return` may come from a named location.
bool Routes::leads_away(const Level& level) const {
    const Level* server = server_of(level);
    const bool server_answers = server != nullptr && first_return(*server) != nullptr;
    if (answers_first(level) || (server_answers && !level.core()->named)) return true;
    const Sure handed_on = hands_on(level);
    if (handed_on == Sure::yes) return false;
    const Statements& own = statements(level);
    const Level* outer = level.core()->noname ? level_of(level.outer) : nullptr;
    if (handed_on == Sure::no) return !own.is_empty || (outer != nullptr && leads_away(*outer));
    if (outer != nullptr) return leads_away(*outer);
    const bool returns = own.last_return != nullptr && !own.may_break;
    return !own.is_empty && (returns || is_gate_of_locations(level, *level.conf));
}

// -- addresses

const Routes::AccessConf* Routes::access_of(void** loc_conf) const {
    return first_of<AccessConf>(loc_conf, modules_.access);
}

// Whether it denies clients of the network.
bool Routes::denies_strangers(const AccessConf* access) {
    if (access == nullptr || !ends_in_deny_all<Rule4>(access->rules)) return false;
#if (NGX_HAVE_INET6)
    if (!ends_in_deny_all<Rule6>(access->rules6)) return false;
#endif
    return true;
}

bool Routes::denies_everybody(const Level& level, const AccessConf* access) {
    if (access == nullptr || level.core()->satisfy == NGX_HTTP_SATISFY_ANY) return false;
    if (!begins_with_deny_all<Rule4>(access->rules)) return false;
#if (NGX_HAVE_INET6)
    if (!begins_with_deny_all<Rule6>(access->rules6)) return false;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    if (!begins_with_deny_all<RuleUnix>(access->rules_unix)) return false;
#endif
    return true;
}

bool Routes::has_rules(const AccessConf* access) {
    if (access == nullptr) return false;
    const auto holds = [](const ngx_array_t* rules) {
        return rules != nullptr && rules->nelts > 0;
    };
    bool any = holds(access->rules);
#if (NGX_HAVE_INET6)
    any = any || holds(access->rules6);
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    any = any || holds(access->rules_unix);
#endif
    return any;
}

bool Routes::may_deny(const Level& level) const {
    void** limited = level.core()->limit_except_loc_conf;
    return has_rules(access_of(level.loc_conf)) ||
           (limited != nullptr && has_rules(access_of(limited)));
}

bool Routes::asks_for_password(const Level& level) const {
    auto* const* realm = first_of<ngx_http_complex_value_t*>(level.loc_conf, modules_.auth_basic);
    return realm != nullptr && *realm != nullptr && to_view((*realm)->value) != "off";
}

// Whether it has `auth_request`.
bool Routes::asks_another(const Level& level) const {
    const auto* uri = first_of<ngx_str_t>(level.loc_conf, modules_.auth_request);
    return uri != nullptr && uri->len > 0;
}

// With `satisfy any`, an address may be enough.
bool Routes::asks_for_login(const Level& level) const {
    if (level.core()->satisfy == NGX_HTTP_SATISFY_ANY) return false;
    return asks_for_password(level) || asks_another(level);
}

bool Routes::limits_with(const Level& level, ngx_int_t status) const {
    return limit_with(first_of<RequestLimits>(level.loc_conf, modules_.limit_req), status) ||
           limit_with(first_of<ConnectionLimits>(level.loc_conf, modules_.limit_conn), status);
}

bool Routes::refuses_first(const Level& level, ngx_int_t status) const {
    if (limits_with(level, status)) return true;
    switch (status) {
        case NGX_HTTP_UNAUTHORIZED:
            return asks_for_password(level) || asks_another(level);
        case NGX_HTTP_FORBIDDEN:
            return may_deny(level) || asks_another(level);
        case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
            return level.core()->client_max_body_size != 0;
        case NGX_HTTP_INTERNAL_SERVER_ERROR:
            return asks_another(level);
        default:
            return false;
    }
}

bool Routes::is_within(const Level& level, const Level& outer) const {
    for (const LocConf* conf = level.conf; conf != nullptr; conf = this->outer(conf)) {
        if (conf == outer.conf) return true;
    }
    return false;
}

bool Routes::is_closed(const Level& level) const {
    const ngx_http_core_loc_conf_t* core = level.core();
    if (asks_for_login(level)) return true;
    if (core->internal != 0 || denies_strangers(access_of(level.loc_conf))) return true;
    const bool limits_posts =
        core->limit_except_loc_conf != nullptr && (core->limit_except & NGX_HTTP_POST) != 0;
    if (limits_posts && denies_strangers(access_of(core->limit_except_loc_conf))) return true;
    if (first_return(level) != nullptr) return ways_of(level, true).empty();
    return turns_strangers_away(level);
}

// Whether a POST without a certificate is sure to reach a `return` that no error page redirects.
bool Routes::turns_strangers_away(const Level& level) const {
    if (statements(level).is_empty) return false;
    const Asked stranger{{}, "POST", true};
    return std::ranges::any_of(walk(level, stranger).returns, [&](const Walk::Return& each) {
        if (each.taken != Taken::surely || each.status < NGX_HTTP_BAD_REQUEST) return false;
        std::vector<Way> pages;
        add_pages(level, each.status, pages);
        return std::ranges::none_of(pages, [this](const Way& page) {
            return page.to == nullptr || hands_on_openly(*page.to) != Sure::no;
        });
    });
}

bool Routes::denies_all(const Level& level) const {
    return denies_everybody(level, access_of(level.loc_conf));
}

bool Routes::denies_methods(const Level& level, ngx_uint_t methods) const {
    const ngx_http_core_loc_conf_t* core = level.core();
    const bool is_limited =
        core->limit_except_loc_conf != nullptr && (core->limit_except & methods) == methods;
    return is_limited && denies_everybody(level, access_of(core->limit_except_loc_conf));
}

bool Routes::refuses(const Level& level) const {
    const auto* statement = first_return(level);
    if (statement != nullptr) return statement->status >= NGX_HTTP_BAD_REQUEST;
    return level.core()->internal != 0 || denies_all(level);
}

// -- upstreams

const ngx_http_upstream_conf_t* Routes::upstream_conf(const Level& level) const {
    for (const ngx_module_t* module : modules_.upstreams) {
        // The configuration of each begins with this.
        const auto* conf = first_of<ngx_http_upstream_conf_t>(level.loc_conf, module);
        if (conf->upstream != nullptr) return conf;
    }
    return nullptr;
}

const void* Routes::upstream_of(const Level& level) const {
    const auto* conf = upstream_conf(level);
    return conf == nullptr ? nullptr : conf->upstream;
}

bool Routes::intercepts_errors(const Level& level) const {
    const auto* conf = upstream_conf(level);
    return conf != nullptr && conf->intercept_errors == 1;
}

bool Routes::takes(const Level& level) const {
    const auto* dav_methods = first_of<ngx_uint_t>(level.loc_conf, modules_.dav);
    const bool stores = dav_methods != nullptr && (*dav_methods & NGX_HTTP_PUT) != 0;
    return level.core()->handler != nullptr || stores;
}

Sure Routes::hands_on(const Level& level) const {
    const auto found = hands_on_.find(&level);
    if (found != hands_on_.end()) return found->second;
    const Sure answer = takes(level) ? Sure::yes : follow(ways_of(level, false), &by_none);
    hands_on_.emplace(&level, answer);
    return answer;
}

Sure Routes::hands_on_openly(const Level& level) const {
    return hands_on_past(level, [](const Level& each) { return each.conf->gated(); });
}

Sure Routes::hands_on_past(const Level& level, const IsRefused& refuses) const {
    return takes(level) ? Sure::yes : follow(ways_of(level, false), refuses);
}

// A level is examined again only if a surer way leads there.
Sure Routes::follow(const std::vector<Way>& ways, const IsRefused& refuses) const {
    Sure best = Sure::no;
    std::unordered_map<const Level*, Sure> seen;
    std::vector<Way> front = ways;
    for (int step = 0; step < kMostSteps && !front.empty(); ++step) {
        std::vector<Way> next;
        for (const Way& way : front) {
            if (way.to == nullptr) {
                best = std::max(best, Sure::maybe);
                continue;
            }
            if (refuses(*way.to)) continue;
            Sure& known = seen[way.to];
            if (known >= way.is_taken) continue;
            known = way.is_taken;
            const bool is_taken = takes(*way.to) && first_return(*way.to) == nullptr;
            if (is_taken) best = std::max(best, way.is_taken);
            if (best == Sure::yes) return best;
            for (Way each : ways_of(*way.to, true)) {
                each.is_taken = std::min(each.is_taken, way.is_taken);
                next.push_back(each);
            }
        }
        front = std::move(next);
    }
    return best;
}

// -- locations

Routes::Choice Routes::find(const LocConf* outer, std::string_view path) const {
    const auto found = locations_.find(outer);
    if (found == locations_.end()) return {};
    const Locations& locations = found->second;
    if (const auto exact = locations.exact.find(path); exact != locations.exact.end()) {
        return {exact->second, true};
    }
    Choice choice;
    bool asks_expressions = true;
    for (std::size_t size = std::min(path.size(), locations.longest) + 1; size-- > 0;) {
        const auto prefix = locations.prefixes.find(path.substr(0, size));
        if (prefix == locations.prefixes.end()) continue;
        choice = find(prefix->second->conf, path);
        if (choice.is_final) return choice;
        if (choice.level == nullptr) choice.level = prefix->second;
        asks_expressions = prefix->second->core()->noregex == 0;
        break;
    }
#if (NGX_PCRE)
    if (!asks_expressions) return choice;
    if (const Level* level = first_that_finds(locations, path)) {
        const Level* inner = find(level->conf, path).level;
        return {inner == nullptr ? level : inner, true};
    }
#endif
    return choice;
}

bool Routes::finds([[maybe_unused]] const Level& level, [[maybe_unused]] std::string_view path) {
#if (NGX_PCRE)
    ngx_str_t text = to_ngx(path);
    return level.core()->regex != nullptr &&
           ngx_regex_exec(level.core()->regex->regex, &text, nullptr, 0) >= 0;
#else
    return false;
#endif
}

const Level* Routes::choose(const LocConf* outer, std::string_view path) const {
    return find(outer, path).level;
}

std::span<const Level* const> Routes::regexes(const LocConf* outer) const {
    const auto found = locations_.find(outer);
    if (found == locations_.end()) return {};
    return found->second.regexes;
}

const Level* Routes::named(const Level& from, std::string_view name) const {
    const auto found = locations_.find(from.server_conf());
    if (found == locations_.end()) return nullptr;
    const auto level = found->second.named.find(name);
    return level == found->second.named.end() ? nullptr : level->second;
}

// -- ways on

// 0: pages for requests for which the level has no file.
void Routes::add_pages(const Level& level, ngx_uint_t status, std::vector<Way>& ways) const {
    for (const auto& page : values_of<ngx_http_err_page_t>(level.core()->error_pages)) {
        const auto of_page = static_cast<ngx_uint_t>(page.status);
        if (status == 0 ? !is_of_missing_file(of_page) : of_page != status) continue;
        const std::string_view target = to_view(page.value.value);
        const bool may_be_named = target.starts_with('@') || target.starts_with('$');
        if (page.value.lengths != nullptr) {
            if (may_be_named) ways.push_back({Way::Kind::page, nullptr, Sure::maybe});
            continue;
        }
        const Level* to = named(level, target);
        if (to == nullptr && status != 0) to = choose(level.server_conf(), target);
        if (to != nullptr) ways.push_back({Way::Kind::page, to});
    }
}

void Routes::add_files(const Level& level, std::vector<Way>& ways) const {
    auto* const* files = first_of<TryFile*>(level.loc_conf, modules_.try_files);
    if (files == nullptr || *files == nullptr || (*files)->is_end()) return;
    const TryFile* last = *files;
    while (!last[1].is_end()) ++last;
    // A text without variables ends with a NUL that is counted.
    const std::string_view text = to_view(last->name);
    const std::size_t end = text.find_first_of(std::string_view("?$\0", 3));
    const std::string_view path = text.substr(0, end);
    const bool is_cut = end != std::string_view::npos && text[end] == '$';
    const bool is_named = path.starts_with('@');
    if (is_cut && (is_named || path.size() <= 1)) {
        ways.push_back({Way::Kind::files, nullptr, Sure::maybe});
        return;
    }
    const Level* to = is_named ? named(level, path) : nullptr;
    if (path.starts_with('/')) to = choose(level.server_conf(), path);
    if (to != nullptr) ways.push_back({Way::Kind::files, to});
}

// The status after the last file.
ngx_uint_t Routes::status_of_files(const Level& level) const {
    auto* const* files = first_of<TryFile*>(level.loc_conf, modules_.try_files);
    if (files == nullptr || *files == nullptr) return 0;
    const TryFile* end = *files;
    while (!end->is_end()) ++end;
    return end->code;
}

// A directory may have such a file.
void Routes::add_index(const Level& level, std::vector<Way>& ways) const {
    if (level.core()->exact_match || level.core()->named) return;
    auto* const* files = first_of<ngx_array_t*>(level.loc_conf, modules_.index);
    const std::string_view own_path = to_view(level.core()->name);
    std::string directory = own_path.starts_with('/') ? std::string(own_path) : "/";
    if (!directory.ends_with('/')) directory += '/';
    for (const auto& file : values_of<IndexFile>(files == nullptr ? nullptr : *files)) {
        if (file.lengths != nullptr || file.name.len == 0) continue;
        const std::string_view name = to_view(file.name).substr(0, file.name.len - 1);
        const std::string path =
            name.starts_with('/') ? std::string(name) : directory + std::string(name);
        const Level* to = choose(level.server_conf(), path);
        if (to != nullptr && to != &level) ways.push_back({Way::Kind::index, to, Sure::maybe});
    }
}

void Routes::add_rewrites(const Level& level, std::vector<Way>& ways) const {
    for (const Rewrite& rewrite : statements(level).rewrites) {
        if (!rewrite.is_whole) {
            ways.push_back({Way::Kind::rewrite, nullptr, Sure::maybe});
            continue;
        }
        const Level* to = choose(level.server_conf(), rewrite.path);
        if (to != nullptr) ways.push_back({Way::Kind::rewrite, to});
    }
}

std::vector<Way> Routes::ways_of(const Level& level, bool is_led_to) const {
    std::vector<Way> ways;
    const auto* statement = first_return(level);
    if (is_led_to && statement != nullptr) {
        add_pages(level, statement->status, ways);
        return ways;
    }
    if (is_led_to) add_rewrites(level, ways);
    add_pages(level, 0, ways);
    add_files(level, ways);
    add_index(level, ways);
    return ways;
}

}  // namespace webhook::ngx
