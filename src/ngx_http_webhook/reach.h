// Checks that the requests meant for a gate reach it, and nothing else.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/routes.h"

namespace webhook::ngx {

class Reach {
  public:
    Reach(ngx_conf_t* cf, const Routes& routes) : cf_(cf), routes_(routes) {}

    // Warns of configuration that keeps requests from the gate.
    void look_at(const Level& gate);
    // Warns of ways to the gate's upstream without a gate.
    void look_around(const Level& gate);

  private:
    void warn(const std::string& message, const Level& level);
    void warn_about_return(const Level& level);
    void warn_about_return(const Level& level, bool accepts);
    void warn_about_return_on_condition(const Level& level);
    // A level without a gate, and whether nginx is sure to choose it.
    struct Past {
        const Level* to;
        Taken taken;
    };
    // Two paths of a location. If the second is given, both must bypass the gate, so that a match
    // of the first one's name alone does not count.
    struct Sample {
        std::string path;
        std::string other;
    };

    std::vector<Sample> samples_of(const Level& level) const;
    const Level* led_past_gates(const Level& gate, const Walk::Lead& lead) const;
    std::optional<Past> way_past(const Level& from, const Level& gate, std::string_view path) const;
    std::optional<Past> way_past(const Level& from, const Level& gate, const Sample& sample) const;
    void warn_about_rewrite(const Level& level);
    void warn_about_server_rewrite(const Level& level);
    void warn_about_refused(const Level& level);
    void warn_about_refused_handshakes(const Level& level);
    void warn_about_return_with_page(const Level& level);
    // Return whether they have warned.
    bool warn_about_children(const Level& level);
    void warn_about_suffixes(const Level& level);
    // An open location for paths that end alike, such as "\.php$", and such an end.
    struct Suffix {
        const Level* level;
        std::string example;
    };
    // The first few of the level's server.
    const std::vector<Suffix>& suffixes_around(const Level& level);
    std::vector<Suffix> suffixes_in(const LocConf* server) const;
    const Level* taker_of_expression(const Level& level, std::string& path) const;
    bool give_example(const Level& level, std::string& path) const;
    bool is_open(const Level& level) const;
    bool leaves_nothing(const Level& taker, const Level& gate) const;
    void warn_about_taker(const Level& level, const std::string& path, const Level& taker);
    bool is_page_of_directory(const Level& level, const Level& taker) const;
    bool warn_about_unreached(const Level& level);
    void warn_about_odd_path(const Level& level);
    bool is_open_way(const Level& level, const void* upstream) const;
    const Level* open_way(const Level& from, const void* upstream,
                          std::string_view path = {}) const;
    const Level* rewritten(const Level& from, std::string_view path) const;
    const void* upstream_behind(const Level& gate) const;
    bool is_program_of_none(const Level& gate, const std::string& spelling,
                            const Level* location) const;
    void warn_about_other_spellings(const Level& level);

    ngx_conf_t* cf_;
    const Routes& routes_;
    // The locations without a gate.
    std::set<const LocConf*> reported_spellings_;
    // By server.
    std::map<const LocConf*, std::vector<Suffix>> suffixes_;
};

}  // namespace webhook::ngx
