// Where nginx leads requests, as the configuration says it.

#pragma once

#include "nginx/ngx_http_webhook_conf.h"

#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace webhook::ngx {

// Null where nginx has none of this name.
const ngx_module_t* find_module(const ngx_conf_t* cf, std::string_view name);

// Looks at what nginx has merged; refers to the levels, which have to outlive it.
class Routes {
  public:
    Routes(const ngx_conf_t* cf, const std::vector<Level>& levels);

    // What a level inherits from. Null: `conf` is that of http{}.
    const LocConf* outer(const LocConf* conf) const;

    // Whether requests can end up here. The statements of a server's `if` are all that is in force
    // of it.
    bool ends_in(const Level& level) const;

    // `return`, where it is the first of the level's statements: nothing gets past it, to a gate
    // neither.
    const ngx_http_script_return_code_t* first_return(const Level& level) const;

    // Whether nginx answers, or goes elsewhere, before a gate on this level has its turn.
    bool leads_away(const Level& level) const;

    // Whether an upstream, or a module that stores the body, gets the level's requests, if only by
    // one of its fallbacks.
    bool hands_on(const Level& level) const;

    // Whether nobody unknown gets through: `internal`, `return` or `deny all`.
    bool is_closed(const Level& level) const;

    // The level's own server; null for a level that is not known.
    const Level* server_of(const Level& level) const;
    // Whether the level has locations that a path may lead to.
    bool has_locations(const Level& level) const;

    // The upstream that the level hands requests to; null where it has none, or variables name it.
    const void* upstream_of(const Level& level) const;

    // The location further in that nginx would choose for the path; null where there is none.
    const Level* choose(const LocConf* outer, std::string_view path) const;

    // The location of this name, `@name`; null where the server has none.
    const Level* named(const Level& from, std::string_view name) const;

    // What takes the requests that the level has no file for: named locations of `error_page`, and
    // the last resort of `try_files`.
    std::vector<const Level*> fallbacks_of(const Level& level) const;

  private:
    // What a module of nginx keeps of a location begins with this. Null without the module.
    template <typename Value>
    const Value* first_of(const Level& level, std::string_view module_name) const;

    // `allow` or `deny`, as nginx keeps it for IPv4; `all` has no mask.
    struct AccessRule;
    std::span<const AccessRule> access_rules(const Level& level) const;
    bool denies_strangers(const Level& level) const;
    bool denies_everybody(const Level& level) const;
    bool has_statements(const Level& level) const;
    bool hands_on_within(const Level& level, int steps) const;
    bool answers_first(const Level& level) const;
    const std::vector<const Level*>& inside(const LocConf* conf) const;

    const ngx_conf_t* cf_;
    std::map<const LocConf*, const Level*> levels_;
    std::map<const LocConf*, std::vector<const Level*>> inside_;
};

}  // namespace webhook::ngx
