// The routes of requests in nginx, by its configuration.

#pragma once

#include "ngx_http_webhook/conf.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ngx_http_webhook/rewrite_statements.h"
#include "ngx_http_webhook/rewrite_walk.h"

namespace webhook::ngx {

// Null if nginx has no module of this name.
const ngx_module_t* find_module(const ngx_conf_t* cf, std::string_view name);

// maybe: variables name the location.
enum class Sure : std::uint8_t { no, maybe, yes };

// A way on for requests for which a level has no file.
struct Way {
    enum class Kind : std::uint8_t { page, files, index, rewrite };
    Kind kind;
    // Null: variables name it.
    const Level* to;
    Sure is_taken = Sure::yes;
};

// Reads the merged configuration. The levels must outlive it.
class Routes {
  public:
    Routes(const ngx_conf_t* cf, const std::vector<Level>& levels);

    // Null for the level of http{}.
    const Level* level_of(const LocConf* conf) const;
    // The level that `conf` inherits from. Null: `conf` is that of http{}.
    const LocConf* outer(const LocConf* conf) const;

    // Whether requests can end up here. Only the statements of a server's `if` have an effect.
    bool ends_in(const Level& level) const;

    const Statements& statements(const Level& level) const;
    // The ways on which they lead requests.
    Walk walk(const Level& level, Asked asked) const;
    // Returns the `return` that only `set` precedes. No request gets past it, not even to a gate.
    const ngx_http_script_return_code_t* first_return(const Level& level) const;

    // Whether nginx answers or redirects before a gate on this level runs.
    bool leads_away(const Level& level) const;

    // Whether an upstream, or a module that stores the body, gets the level's requests, at least on
    // one of its ways on.
    Sure hands_on(const Level& level) const;
    // The same, with no gate on the way.
    Sure hands_on_openly(const Level& level) const;
    // The same, with no level on the way that refuses the request.
    using IsRefused = std::function<bool(const Level& level)>;
    Sure hands_on_past(const Level& level, const IsRefused& refuses) const;

    // Whether the level is `outer` or stands in it.
    bool is_within(const Level& level, const Level& outer) const;

    // Whether no unknown client gets through, at least by POST: `internal`, `return`, `deny all` or
    // a login.
    bool is_closed(const Level& level) const;

    // Whether every response is a refusal.
    bool refuses(const Level& level) const;

    // Whether `deny all` refuses all requests, or, within `limit_except`, all with these methods.
    bool denies_all(const Level& level) const;
    bool denies_methods(const Level& level, ngx_uint_t methods) const;

    // The level's own server. Null for an unknown level.
    const Level* server_of(const Level& level) const;
    // Whether the level has locations that a path may lead to.
    bool has_locations(const Level& level) const;
    // Includes the `if` and `limit_except` of a location.
    const std::vector<const Level*>& inside(const LocConf* conf) const;

    // The upstream that the level passes requests to. Null if it has none, or if variables name it.
    const void* upstream_of(const Level& level) const;
    // Whether nginx replaces its error responses with its own pages.
    bool intercepts_errors(const Level& level) const;
    // Whether nginx itself may respond with this status before a gate on the level runs: for
    // limits, addresses, logins or the size of the body.
    bool refuses_first(const Level& level, ngx_int_t status) const;
    // The status of `try_files` if it finds nothing. 0: it has no status.
    ngx_uint_t status_of_files(const Level& level) const;

    // The nested location that nginx would choose for the path. Null if there is none.
    const Level* choose(const LocConf* outer, std::string_view path) const;

    // The locations by a regex in that level, in the order in which nginx tries them.
    std::span<const Level* const> regexes(const LocConf* outer) const;

    // Whether the regex of a location matches the path.
    static bool finds(const Level& level, std::string_view path);

    // The named location, `@name`. Null if the server has none.
    const Level* named(const Level& from, std::string_view name) const;

    // The ways on from a level, for its own requests, or for requests redirected to it.
    std::vector<Way> ways_of(const Level& level, bool is_led_to) const;
    bool takes(const Level& level) const;

  private:
    // The modules, for access to their configuration of a location.
    struct Modules {
        const ngx_module_t* access;
        const ngx_module_t* rewrite;
        const ngx_module_t* try_files;
        const ngx_module_t* dav;
        const ngx_module_t* index;
        const ngx_module_t* limit_req;
        const ngx_module_t* limit_conn;
        const ngx_module_t* auth_basic;
        const ngx_module_t* auth_request;
        std::vector<const ngx_module_t*> upstreams;
    };

    // The locations in one level, in nginx's order of search.
    struct Locations {
        std::unordered_map<std::string_view, const Level*> exact;
        std::unordered_map<std::string_view, const Level*> prefixes;
        std::size_t longest = 0;
        std::vector<const Level*> regexes;
        // By the prefix of a regex's paths, in lower case, since some ignore the case.
        std::map<std::string, std::vector<std::size_t>, std::less<>> beginnings;
        std::size_t longest_beginning = 0;
        std::unordered_map<std::string_view, const Level*> named;
    };

    struct Choice {
        const Level* level = nullptr;
        // Whether no outer regex is tried.
        bool is_final = false;
    };

    struct AccessConf;

    void add_location(const Level& level);
    static void add_expression(Locations& locations, const Level& level);
    static const Level* first_that_finds(const Locations& locations, std::string_view path);
    const ngx_http_upstream_conf_t* upstream_conf(const Level& level) const;
    Choice find(const LocConf* outer, std::string_view path) const;
    static bool denies_strangers(const AccessConf* access);
    static bool denies_everybody(const Level& level, const AccessConf* access);
    static bool has_rules(const AccessConf* access);
    bool may_deny(const Level& level) const;
    bool limits_with(const Level& level, ngx_int_t status) const;
    bool asks_for_password(const Level& level) const;
    bool asks_another(const Level& level) const;
    bool asks_for_login(const Level& level) const;
    const AccessConf* access_of(void** loc_conf) const;
    bool answers_first(const Level& level) const;
    bool covers_all_paths(const Level& server) const;
    bool own_level_serves(const Level& server) const;
    bool is_gate_of_locations(const Level& level, const LocConf& server) const;
    bool turns_strangers_away(const Level& level) const;
    Sure follow(const std::vector<Way>& ways, const IsRefused& refuses) const;
    void add_pages(const Level& level, ngx_uint_t status, std::vector<Way>& ways) const;
    void add_files(const Level& level, std::vector<Way>& ways) const;
    void add_index(const Level& level, std::vector<Way>& ways) const;
    void add_rewrites(const Level& level, std::vector<Way>& ways) const;

    Modules modules_;
    const ngx_array_t* variables_;
    std::map<const LocConf*, const Level*> levels_;
    std::map<const LocConf*, std::vector<const Level*>> inside_;
    std::map<const LocConf*, Locations> locations_;
    // The results so far.
    mutable std::unordered_map<const Level*, Statements> statements_;
    mutable std::unordered_map<const Level*, Sure> hands_on_;
};

}  // namespace webhook::ngx
