#include "nginx/ngx_http_webhook_routes.h"

#include <algorithm>
#include <span>

namespace webhook::ngx {
namespace {

// As many internal redirects as nginx follows.
constexpr int kMostSteps = 10;

// `try_files`, as its module keeps one of its words.
struct TryFile {
    ngx_array_t* lengths;
    ngx_array_t* values;
    ngx_str_t name;
    unsigned code : 10;
    unsigned test_dir : 1;

    bool is_end() const { return lengths == nullptr && name.len == 0; }
};

// What nginx answers where it has no file to give, or none for the method.
bool is_of_missing_file(ngx_int_t status) {
    return status == NGX_HTTP_FORBIDDEN || status == NGX_HTTP_NOT_FOUND ||
           status == NGX_HTTP_NOT_ALLOWED;
}

template <typename Value>
std::span<const Value> values_of(const ngx_array_t* array) {
    if (array == nullptr) return {};
    return {static_cast<const Value*>(array->elts), array->nelts};
}

}  // namespace

struct Routes::AccessRule {
    in_addr_t mask;
    in_addr_t address;
    ngx_uint_t deny;

    bool is_of_all() const { return mask == 0; }
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

Routes::Routes(const ngx_conf_t* cf, const std::vector<Level>& levels) : cf_(cf) {
    for (const Level& level : levels) {
        levels_.emplace(level.conf, &level);
        inside_[level.outer].push_back(&level);
    }
}

const LocConf* Routes::outer(const LocConf* conf) const {
    const auto found = levels_.find(conf);
    return found == levels_.end() ? nullptr : found->second->outer;
}

const Level* Routes::server_of(const Level& level) const {
    const auto found = levels_.find(level.server_conf());
    return found == levels_.end() ? nullptr : found->second;
}

const std::vector<const Level*>& Routes::inside(const LocConf* conf) const {
    static const std::vector<const Level*> kNone;
    const auto found = inside_.find(conf);
    return found == inside_.end() ? kNone : found->second;
}

bool Routes::has_locations(const Level& level) const {
    return std::ranges::any_of(inside(level.conf),
                               [](const Level* each) { return each->is_location(); });
}

bool Routes::ends_in(const Level& level) const {
    const bool is_of_server_if = level.core()->noname && level.outer == level.server_conf();
    if (is_of_server_if) return false;
    if (!level.is_server() || !has_locations(level)) return true;
    // A path that no location begins with.
    return choose(level.conf, "/") == nullptr && hands_on(level);
}

const ngx_http_script_return_code_t* Routes::first_return(const Level& level) const {
    auto* const* codes = first_of<ngx_array_t*>(level, "ngx_http_rewrite_module");
    if (codes == nullptr || *codes == nullptr || (*codes)->nelts == 0) return nullptr;
    const auto* code = static_cast<const ngx_http_script_return_code_t*>((*codes)->elts);
    return code->code == ngx_http_script_return_code ? code : nullptr;
}

bool Routes::has_statements(const Level& level) const {
    auto* const* codes = first_of<ngx_array_t*>(level, "ngx_http_rewrite_module");
    return codes != nullptr && *codes != nullptr && (*codes)->nelts > 0;
}

bool Routes::answers_first(const Level& level) const {
    return first_return(level) != nullptr || denies_everybody(level);
}

// Statements may end in `return` or in a redirect. Where nothing takes what they leave, they do.
bool Routes::leads_away(const Level& level) const {
    const Level* server = server_of(level);
    if (answers_first(level) || (server != nullptr && first_return(*server) != nullptr))
        return true;
    if (hands_on(level)) return false;
    if (has_statements(level)) return true;
    const auto outer = levels_.find(level.outer);
    return level.core()->noname && outer != levels_.end() && leads_away(*outer->second);
}

template <typename Value>
const Value* Routes::first_of(const Level& level, std::string_view module_name) const {
    const ngx_module_t* module = find_module(cf_, module_name);
    if (module == nullptr) return nullptr;
    return static_cast<const Value*>(level.loc_conf[module->ctx_index]);
}

std::span<const Routes::AccessRule> Routes::access_rules(const Level& level) const {
    auto* const* rules = first_of<ngx_array_t*>(level, "ngx_http_access_module");
    return values_of<AccessRule>(rules == nullptr ? nullptr : *rules);
}

// The first rule that fits an address decides.
bool Routes::denies_strangers(const Level& level) const {
    const auto rules = access_rules(level);
    const auto found = std::ranges::find_if(rules, &AccessRule::is_of_all);
    return found != rules.end() && found->deny != 0;
}

bool Routes::denies_everybody(const Level& level) const {
    const auto rules = access_rules(level);
    return !rules.empty() && rules.front().is_of_all() && rules.front().deny != 0 &&
           level.core()->satisfy != NGX_HTTP_SATISFY_ANY;
}

bool Routes::is_closed(const Level& level) const {
    return level.core()->internal != 0 || first_return(level) != nullptr || denies_strangers(level);
}

const void* Routes::upstream_of(const Level& level) const {
    for (const char* name :
         {"ngx_http_proxy_module", "ngx_http_fastcgi_module", "ngx_http_uwsgi_module",
          "ngx_http_scgi_module", "ngx_http_grpc_module"}) {
        const ngx_module_t* module = find_module(cf_, name);
        if (module == nullptr) continue;
        // Each of them begins with this.
        const auto* conf =
            static_cast<const ngx_http_upstream_conf_t*>(level.loc_conf[module->ctx_index]);
        if (conf->upstream != nullptr) return conf->upstream;
    }
    return nullptr;
}

bool Routes::hands_on(const Level& level) const {
    return hands_on_within(level, kMostSteps);
}

bool Routes::hands_on_within(const Level& level, int steps) const {
    const auto* dav_methods = first_of<ngx_uint_t>(level, "ngx_http_dav_module");
    const bool stores = dav_methods != nullptr && (*dav_methods & NGX_HTTP_PUT) != 0;
    if (level.core()->handler != nullptr || stores) return true;
    if (steps == 0) return false;
    return std::ranges::any_of(fallbacks_of(level), [this, steps](const Level* fallback) {
        return hands_on_within(*fallback, steps - 1);
    });
}

const Level* Routes::choose(const LocConf* outer, std::string_view path) const {
    const Level* best = nullptr;
    const Level* by_regex = nullptr;
    for (const Level* level : inside(outer)) {
        if (!level->is_location()) continue;
        const ngx_http_core_loc_conf_t* core = level->core();
        const std::string_view name = to_view(core->name);
#if (NGX_PCRE)
        if (core->regex != nullptr) {
            ngx_str_t text = to_ngx(path);
            if (by_regex == nullptr && ngx_regex_exec(core->regex->regex, &text, nullptr, 0) >= 0) {
                by_regex = level;
            }
            continue;
        }
#endif
        if (core->exact_match && name == path) return level;
        if (core->exact_match || !path.starts_with(name)) continue;
        if (best == nullptr || to_view(best->core()->name).size() < name.size()) best = level;
    }
    const bool prefix_wins = best != nullptr && best->core()->noregex;
    if (by_regex != nullptr && !prefix_wins) best = by_regex;
    if (best == nullptr) return nullptr;
    const Level* inner = choose(best->conf, path);
    return inner == nullptr ? best : inner;
}

const Level* Routes::named(const Level& from, std::string_view name) const {
    for (const Level* level : inside(from.server_conf())) {
        if (level->core()->named && to_view(level->core()->name) == name) return level;
    }
    return nullptr;
}

std::vector<const Level*> Routes::fallbacks_of(const Level& level) const {
    std::vector<const Level*> fallbacks;
    const auto add = [&fallbacks](const Level* fallback) {
        if (fallback != nullptr) fallbacks.push_back(fallback);
    };
    for (const auto& page : values_of<ngx_http_err_page_t>(level.core()->error_pages)) {
        if (is_of_missing_file(page.status)) add(named(level, to_view(page.value.value)));
    }
    auto* const* files = first_of<TryFile*>(level, "ngx_http_try_files_module");
    if (files == nullptr || *files == nullptr || (*files)->is_end()) return fallbacks;
    const TryFile* last = *files;
    while (!last[1].is_end()) ++last;
    // What has no variables ends with a NUL that is counted.
    const std::string_view text = to_view(last->name);
    const std::string_view path = text.substr(0, text.find_first_of(std::string_view("?\0", 2)));
    if (path.starts_with('@')) add(named(level, path));
    if (path.starts_with('/')) add(choose(level.server_conf(), path));
    return fallbacks;
}

}  // namespace webhook::ngx
