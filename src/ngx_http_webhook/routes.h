// Where nginx leads requests, as the configuration says it.

#pragma once

#include "ngx_http_webhook/conf.h"

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

// Null where nginx has none of this name.
const ngx_module_t* find_module(const ngx_conf_t* cf, std::string_view name);

// Where variables name a location, it cannot be known.
enum class Sure : std::uint8_t { no, maybe, yes };

// A way on for what a level has no file for.
struct Way {
    enum class Kind : std::uint8_t { page, files, index, rewrite };
    Kind kind;
    // Null: one that variables name.
    const Level* to;
    Sure is_taken = Sure::yes;
};

// Looks at what nginx has merged; refers to the levels, which have to outlive it.
class Routes {
  public:
    Routes(const ngx_conf_t* cf, const std::vector<Level>& levels);

    // Null for the level of http{}.
    const Level* level_of(const LocConf* conf) const;
    // What a level inherits from. Null: `conf` is that of http{}.
    const LocConf* outer(const LocConf* conf) const;

    // Whether requests can end up here. The statements of a server's `if` are all that is in force
    // of it.
    bool ends_in(const Level& level) const;

    const Statements& statements(const Level& level) const;
    // Where they lead requests.
    Walk walk(const Level& level, Asked asked) const;
    // `return`, where nothing but `set` stands before it: nothing gets past it, to a gate neither.
    const ngx_http_script_return_code_t* first_return(const Level& level) const;

    // Whether nginx answers, or goes elsewhere, before a gate on this level has its turn.
    bool leads_away(const Level& level) const;

    // Whether an upstream, or a module that stores the body, gets the level's requests, if only by
    // one of its ways on.
    Sure hands_on(const Level& level) const;
    // The same, with no gate on the way.
    Sure hands_on_openly(const Level& level) const;

    // Whether the level is `outer` or stands in it.
    bool is_within(const Level& level, const Level& outer) const;

    // Whether nobody unknown gets through: `internal`, `return`, `deny all` or a login; by
    // POST is enough.
    bool is_closed(const Level& level) const;

    // Whether nobody gets an answer but a refusal.
    bool refuses(const Level& level) const;

    // Whether `deny all` refuses whatever comes, or, by `limit_except`, all that comes by these
    // methods.
    bool denies_all(const Level& level) const;
    bool denies_methods(const Level& level, ngx_uint_t methods) const;

    // The level's own server; null for a level that is not known.
    const Level* server_of(const Level& level) const;
    // Whether the level has locations that a path may lead to.
    bool has_locations(const Level& level) const;
    // The `if` and `limit_except` of a location among them.
    const std::vector<const Level*>& inside(const LocConf* conf) const;

    // The upstream that the level hands requests to; null where it has none, or variables name it.
    const void* upstream_of(const Level& level) const;
    // Whether its failures get pages of nginx's.
    bool intercepts_errors(const Level& level) const;
    // Whether nginx itself may give this status before a gate on the level has its turn: by limits,
    // addresses, logins or the size of the body.
    bool refuses_first(const Level& level, ngx_int_t status) const;
    // What `try_files` answers with where it finds nothing; 0: it answers nothing.
    ngx_uint_t status_of_files(const Level& level) const;

    // The location further in that nginx would choose for the path; null where there is none.
    const Level* choose(const LocConf* outer, std::string_view path) const;

    // Whether the expression of a location finds the path.
    static bool finds(const Level& level, std::string_view path);

    // The location of this name, `@name`; null where the server has none.
    const Level* named(const Level& from, std::string_view name) const;

    // From a level whose own requests these are, or that others were led to.
    std::vector<Way> ways_of(const Level& level, bool is_led_to) const;
    bool takes(const Level& level) const;

  private:
    // Where nginx keeps what a module knows of a location.
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

    // The locations in one level, as nginx looks for them.
    struct Locations {
        std::unordered_map<std::string_view, const Level*> exact;
        std::unordered_map<std::string_view, const Level*> prefixes;
        std::size_t longest = 0;
        std::vector<const Level*> regexes;
        // By what the paths of an expression begin with, in lower case, as some ignore the case.
        std::map<std::string, std::vector<std::size_t>, std::less<>> beginnings;
        std::size_t longest_beginning = 0;
        std::unordered_map<std::string_view, const Level*> named;
    };

    struct Choice {
        const Level* level = nullptr;
        // Whether no expression further out is asked.
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
    Sure follow(const std::vector<Way>& ways, bool past_gates) const;
    void add_pages(const Level& level, ngx_uint_t status, std::vector<Way>& ways) const;
    void add_files(const Level& level, std::vector<Way>& ways) const;
    void add_index(const Level& level, std::vector<Way>& ways) const;
    void add_rewrites(const Level& level, std::vector<Way>& ways) const;

    Modules modules_;
    const ngx_array_t* variables_;
    std::map<const LocConf*, const Level*> levels_;
    std::map<const LocConf*, std::vector<const Level*>> inside_;
    std::map<const LocConf*, Locations> locations_;
    // What was found already.
    mutable std::unordered_map<const Level*, Statements> statements_;
    mutable std::unordered_map<const Level*, Sure> hands_on_;
};

}  // namespace webhook::ngx
