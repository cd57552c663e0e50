#include "ngx_http_webhook/audit.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "ngx_http_webhook/checks.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/routes.h"
#include "ngx_http_webhook/upstream.h"
#include "scheme/boundaries.h"
#include "scheme/variable_traits.h"

namespace webhook::ngx {
namespace {

// A directive that only some schemes have a use for.
struct Use {
    std::string_view directive;
    bool (*is_of_use)(const LocConf& conf);
    std::string_view why_not;
};

constexpr Use kUses[] = {
    {"webhook_tolerance", [](const LocConf& conf) { return conf.scheme->timestamp.has_value(); },
     "the scheme has no timestamp"},
    {"webhook_url", [](const LocConf& conf) { return conf.scheme->reads_url(); },
     "the scheme signs no URL"},
    {"webhook_handshake",
     [](const LocConf& conf) { return !conf.shakes_hands() || !conf.scheme->handshakes.empty(); },
     "the scheme has no handshake"},
};

class Audit {
  public:
    explicit Audit(ngx_conf_t* cf) : cf_(cf), main_(main_conf(cf)), routes_(cf, main_.levels) {}

    void run() {
        check_variables();
        for (const Level& level : main_.levels) {
            if (is_gate(level) && !routes_.leads_away(level)) check(cf_, level);
        }
        warn_of_idle_directives();
        tell_of_unused_zones();
        for (const Level& level : main_.levels) {
            if (!is_gate(level)) continue;
            warn_of_return(level);
            warn_of_rewrite(level);
            warn_of_odd_path(level);
            warn_of_unreached(level);
            warn_of_server_rewrite(level);
            if (routes_.leads_away(level)) continue;
            warn_of_plain_hash(*level.conf);
            warn_of_open_url(*level.conf);
            warn_of_signature_in_url(*level.conf);
            warn_of_dropped_headers(level);
            warn_of_cache(level);
            warn_of_missing_tls(level);
            warn_of_captured_name(*level.conf);
            warn_of_small_payload_max(level);
            warn_of_other_spellings(level);
            warn_of_error_pages(level);
        }
        warn_of_longer_urls();
        warn_of_shared_names();
    }

  private:
    // Where requests find a gate.
    bool is_gate(const Level& level) const { return level.conf->gated() && routes_.ends_in(level); }

    void warn(const std::string& message, const Place& place, std::string_view topic = {}) {
        remark(cf_, NGX_LOG_WARN, message, place, topic);
    }

    // Where a directive that is in force was written; null where it is the default.
    const Place* place_of(std::string_view directive, const LocConf* conf) const {
        for (; conf != nullptr; conf = routes_.outer(conf)) {
            for (const Written& written : conf->written) {
                if (written.directive == directive) return &written.place;
            }
        }
        return nullptr;
    }

    // -- variables

    // nginx would name neither the file nor the line, and show the name, which may be a piece of a
    // secret.
    void check_variables() {
        for (const UsedVariable& used : main_.used_variables) {
            const bool is_secret = used.directive == "webhook_secret";
            if (!is_known(used.name)) {
                const std::string what =
                    is_secret ? "unknown variable in \"webhook_secret\": a secret with \"$\" in it "
                                "belongs into \"file:\" or \"env:\""
                              : "unknown variable " + in_quotes(used.name) + " in " +
                                    in_quotes(used.directive);
                fail(what, used.place);
            }
            if (is_secret && is_captured(used.name)) {
                warn(
                    "this webhook_secret is what a regular expression found in the request: anyone "
                    "can sign with it",
                    used.place);
            }
        }
    }

    // By the expression of a location or of a server's name.
    bool is_captured(const std::string& name) {
        const auto [found, is_new] = captured_.emplace(name, false);
        if (is_new) {
            found->second = std::ranges::any_of(main_.levels, [&](const Level& level) {
                return webhook::ngx::is_captured(cf_, level, name);
            });
        }
        return found->second;
    }

    bool is_known(std::string_view name) const {
        const auto* core = static_cast<const ngx_http_core_main_conf_t*>(
            ngx_http_conf_get_module_main_conf(cf_, ngx_http_core_module));
        const auto* keys = static_cast<const ngx_hash_key_t*>(core->variables_keys->keys.elts);
        for (ngx_uint_t i = 0; i < core->variables_keys->keys.nelts; ++i) {
            if (to_view(keys[i].key) == name) return true;
        }
        const auto* prefixes = static_cast<const ngx_http_variable_t*>(core->prefix_variables.elts);
        for (ngx_uint_t i = 0; i < core->prefix_variables.nelts; ++i) {
            if (name.starts_with(to_view(prefixes[i].name))) return true;
        }
        const auto* used = static_cast<const ngx_http_variable_t*>(core->variables.elts);
        for (ngx_uint_t i = 0; i < core->variables.nelts; ++i) {
            if (to_view(used[i].name) == name && used[i].get_handler != nullptr) return true;
        }
        return false;
    }

    void warn_of_captured_name(const LocConf& conf) {
        if (conf.remembers == nullptr) return;
        const bool captured = std::ranges::any_of(
            conf.gate->variables, [this](const std::string& name) { return is_captured(name); });
        if (captured || conf.gate->has_capture) warn_of_chosen_name(cf_, conf);
    }

    // -- directives without effect

    void warn_of_idle_directives() {
        // The gates in each level and below it.
        std::map<const LocConf*, std::vector<const LocConf*>> gates;
        for (const Level& level : main_.levels) {
            gates[level.outer];
            gates[level.conf];
            if (!level.conf->gated()) continue;
            for (const auto* conf = level.conf; conf != nullptr; conf = routes_.outer(conf)) {
                gates[conf].push_back(level.conf);
            }
        }
        // Several levels may include one line.
        std::map<std::pair<std::string, off_t>, Line> lines;
        for (const auto& [conf, below] : gates) {
            std::set<std::string_view> seen;
            for (const Written& written : conf->written) {
                if (!seen.insert(written.directive).second) continue;
                Line& line = lines[{written.place.text(), written.at}];
                line.written = &written;
                line.levels.push_back(conf);
                line.gates.insert(line.gates.end(), below.begin(), below.end());
            }
        }
        for (const auto& [key, line] : lines) warn_of_idle(line);
    }

    struct Line {
        const Written* written = nullptr;
        std::vector<const LocConf*> levels;
        // In and below these.
        std::vector<const LocConf*> gates;
    };

    void warn_of_idle(const Line& line) {
        const std::string_view directive = line.written->directive;
        if (directive == "webhook") return;
        if (directive == "webhook_secret") check_secret(line);
        if (directive == "webhook_handshake") check_handshake(line);
        const std::string why = why_idle(directive, line.gates);
        if (why.empty()) return;
        warn(in_quotes(directive) + " does nothing where " + why, line.written->place);
    }

    // Where a path leads, `webhook` was forgotten; further out, it may be for locations to come.
    void check_secret(const Line& line) {
        const bool protects =
            !line.gates.empty() || std::ranges::none_of(line.levels, [&](const LocConf* conf) {
                const Level* level = routes_.level_of(conf);
                return level != nullptr && !conf->gate && routes_.ends_in(*level);
            });
        if (protects) return warn_of_forgotten_gate(line);
        fail("\"webhook_secret\" without \"webhook\" protects nothing", line.written->place);
    }

    // Others that include the line, or stand further in, have a gate.
    void warn_of_forgotten_gate(const Line& line) {
        for (const LocConf* conf : line.levels) {
            const Level* level = routes_.level_of(conf);
            if (level == nullptr || conf->gate || !routes_.ends_in(*level)) continue;
            if (routes_.hands_on_openly(*level) != Sure::yes || routes_.is_closed(*level)) continue;
            warn("\"webhook_secret\" without \"webhook\" protects nothing in the location " +
                     in_quotes(to_view(level->core()->name)) + ",",
                 line.written->place);
        }
    }

    // What was written beside a gate is for that gate, or for those further in.
    void check_handshake(const Line& line) const {
        const auto own = std::ranges::find_if(
            line.levels, [](const LocConf* conf) { return conf->gated() && conf->shakes_hands(); });
        if (own == line.levels.end()) return;
        const auto fail = [&](const std::string& what, const std::string& lacks) {
            ngx::fail(what + ", but the scheme " + in_quotes((*own)->scheme->name) + lacks,
                      line.written->place);
        };
        if (std::ranges::all_of(
                line.gates, [](const LocConf* conf) { return conf->scheme->handshakes.empty(); })) {
            fail("\"webhook_handshake\" is on", " has no handshake");
        }
        if (!(*own)->handshake->token ||
            std::ranges::any_of(line.gates, &LocConf::presents_token)) {
            return;
        }
        fail("\"webhook_handshake\" has a \"token=\"", " presents none");
    }

    static std::string why_idle(std::string_view directive,
                                const std::vector<const LocConf*>& gates) {
        if (gates.empty()) return "no \"webhook\" is on";
        for (const Use& use : kUses) {
            if (use.directive != directive) continue;
            const bool used = std::ranges::any_of(
                gates, [&use](const LocConf* gate) { return use.is_of_use(*gate); });
            if (!used) return std::string(use.why_not);
        }
        return {};
    }

    // Where it is off in words, that is meant.
    bool is_used(std::string_view zone) const {
        return std::ranges::any_of(main_.levels, [zone](const Level& level) {
            const auto& dedup = level.conf->dedup;
            return dedup && (!dedup->on || dedup->zone_name == zone);
        });
    }

    void tell_of_unused_zones() {
        for (const auto& [name, zone] : main_.zones) {
            if (is_used(name)) continue;
            remark(cf_, NGX_LOG_NOTICE,
                   "no \"webhook_dedup\" uses the \"webhook_dedup_zone\" " + in_quotes(name),
                   zone->place);
        }
    }

    // -- signatures

    // The gate refuses what was extended; others who verify with the secret may not.
    void warn_of_plain_hash(const LocConf& conf) {
        const Scheme& scheme = *conf.scheme;
        if (scheme.algorithm != Algorithm::hash) return;
        const std::string_view why = scheme.can_be_extended()
                                         ? "can be extended without the secret"
                                         : "is right for every body with the same hash";
        warn("the signature of the scheme " + in_quotes(scheme.name) + " is a plain hash, which " +
                 std::string(why) + ": prefer an HMAC where the sender has one,",
             conf.gate->place, "the plain hash of " + scheme.name);
    }

    // Where only the URL lets bytes be moved, one that is always the same lets none.
    void warn_of_open_url(const LocConf& conf) {
        const Scheme& scheme = *conf.scheme;
        if (conf.url_is_fixed() || !ambiguous_parts(scheme, true).empty()) return;
        const std::string parts = ambiguous_parts(scheme, false);
        if (parts.empty()) return;
        warn("the signature of the scheme " + in_quotes(scheme.name) + " does not tell where " +
                 parts + " begin and end: give a \"webhook_url\" without variables,",
             conf.gate->place, "the open URL of " + scheme.name);
    }

    static bool holds_query(std::string_view url) {
        return std::ranges::any_of(variables_in(url), [](std::string_view name) {
            return name == "request_uri" || name == "args" || name == "query_string";
        });
    }

    // The sender appends it to the URL that it has signed.
    void warn_of_signature_in_url(const LocConf& conf) {
        const Scheme& scheme = *conf.scheme;
        if (!scheme.has_signature_in_signed_url() || !holds_query(to_view(conf.url->value))) return;
        const Place* place = place_of("webhook_url", &conf);
        const auto name = scheme.headers[scheme.signatures.front().source.header].substr(1);
        warn("the URL that " + in_quotes(scheme.name) + " signs holds the signature itself, " +
                 in_quotes(name) +
                 ", and no delivery can match: give the URL without it, by \"webhook_url\",",
             place != nullptr ? *place : conf.gate->place,
             "the signature in the URL of " + scheme.name);
    }

    // What is cut off the end of one URL would begin what is signed behind the other.
    void warn_of_longer_urls() {
        using Urls = std::map<std::string_view, std::vector<const LocConf*>>;
        std::map<const Scheme*, Urls> urls;
        for (const Level& level : main_.levels) {
            const LocConf& conf = *level.conf;
            if (!is_gate(level) || !conf.url_is_fixed()) continue;
            urls[conf.scheme.get()][to_view(conf.url->value)].push_back(&conf);
        }
        for (const auto& row : urls) {
            // Named so for clang 14, whose lambdas cannot take a part of the row.
            const Scheme* scheme = row.first;
            const Urls& confs = row.second;
            for (auto shorter = confs.begin(); shorter != confs.end(); ++shorter) {
                const std::string_view url = shorter->first;
                const auto goes_on = [&](const Urls::value_type& other) {
                    return other.first.starts_with(url) &&
                           scheme->continues_behind_url(other.first.substr(url.size())) &&
                           share_a_secret(shorter->second, other.second);
                };
                if (std::find_if(std::next(shorter), confs.end(), goes_on) == confs.end()) continue;
                const LocConf* first = shorter->second.front();
                const Place* place = place_of("webhook_url", first);
                warn("another \"webhook_url\" of " + in_quotes(scheme->name) +
                         " begins with this one: under the same secret, a delivery for the other "
                         "passes here with the rest before its body,",
                     place != nullptr ? *place : first->gate->place);
            }
        }
    }

    // -- endpoints

    static bool share_a_secret(const LocConf& left, const LocConf& right) {
        if (left.secret_sources == right.secret_sources) return true;
        if (left.secret_sources == nullptr || right.secret_sources == nullptr) return false;
        return std::ranges::any_of(*left.secret_sources, [&right](const SecretSource& each) {
            return std::ranges::find(*right.secret_sources, each.text, &SecretSource::text) !=
                   right.secret_sources->end();
        });
    }

    static bool share_a_secret(const std::vector<const LocConf*>& left,
                               const std::vector<const LocConf*>& right) {
        return std::ranges::any_of(left, [&right](const LocConf* one) {
            return std::ranges::any_of(
                right, [one](const LocConf* other) { return share_a_secret(*one, *other); });
        });
    }

    // Whether a key has another value for each endpoint: by its path, its host or its tenant.
    static bool tells_endpoints_apart(const DedupKey& key) {
        return std::ranges::any_of(key.variables, [](std::string_view each) {
            return !each.starts_with("webhook_") &&
                   (has_trait(each, Trait::of_url) || has_trait(each, Trait::of_many_events) ||
                    !has_trait(each, Trait::of_sender));
        });
    }

    static bool share_a_key(const LocConf& left, const LocConf& right) {
        return std::ranges::any_of(left.remembers->keys, [&right](const DedupKey& key) {
            return !tells_endpoints_apart(key) &&
                   std::ranges::count(right.remembers->keys, key.text, &DedupKey::text) != 0;
        });
    }

    // An endpoint remembers its events under its name. What one name stands for by chance are two
    // senders; a name that is given twice is meant so.
    void warn_of_shared_names() {
        std::map<std::pair<const DedupZone*, std::string_view>, std::vector<const LocConf*>> known;
        for (const Level& level : main_.levels) {
            const LocConf& conf = *level.conf;
            if (!is_gate(level) || conf.remembers == nullptr) continue;
            if (!conf.gate->name.empty() || conf.secrets->has_variables()) continue;
            auto& others = known[{conf.remembers->zone, conf.scheme->name}];
            const auto found = std::ranges::find_if(others, [&conf](const LocConf* each) {
                return !share_a_secret(*each, conf) && share_a_key(*each, conf);
            });
            const LocConf* other = found == others.end() ? nullptr : *found;
            others.push_back(&conf);
            if (other == nullptr) continue;
            warn("\"webhook " + conf.scheme->name + "\" has another secret than the one in " +
                     other->gate->place.text() +
                     ", but remembers its events under the same name: one that both are sent "
                     "alike is lost as a duplicate; give one a \"name=\",",
                 conf.gate->place, "the name " + conf.scheme->name);
        }
    }

    // -- headers

    // Of a request, by the name that it is looked for under.
    static bool is_dropped(std::string_view name, const ngx_http_core_srv_conf_t& server) {
        if (!server.ignore_invalid_headers || name.front() == kParameterMark) return false;
        return !consists_of(name, server.underscores_in_headers ? "-_" : "-");
    }

    void warn_of_dropped_headers(const Level& level) {
        const Scheme& scheme = *level.conf->scheme;
        std::vector<std::string> names = scheme.headers;
        for (const SignatureSource& signature : scheme.signatures) {
            if (!signature.numbered_headers.empty()) names.push_back(signature.numbered_headers);
        }
        for (const std::string& name : names) {
            if (!is_dropped(name, *level.server())) continue;
            const bool by_underscore = consists_of(name, "-_");
            warn("nginx drops the header " + in_quotes(name) + ", which the scheme " +
                     in_quotes(scheme.name) + " reads, unless " +
                     (by_underscore ? "\"underscores_in_headers\" is on"
                                    : "\"ignore_invalid_headers\" is off"),
                 level.conf->gate->place, "the dropped header " + name);
        }
    }

    // -- caches

    // One delivery would be answered in another's place, by nobody who got it.
    void warn_of_cache(const Level& level) {
        const LocConf& conf = *level.conf;
        if (!may_answer_from_cache(cf_, level.loc_conf, conf.methods->mask)) return;
        warn("answers to deliveries of the endpoint " + in_quotes(conf.endpoint) +
                 " may come from a cache; the sender is told 503 then, since no upstream got the "
                 "delivery: turn the cache off, by \"proxy_cache off\" or the like, where "
                 "\"webhook\" is on",
             conf.gate->place);
    }

    // -- what nginx answers instead

    // nginx runs these statements before it looks for a gate. What a gate further out is not meant
    // for is no trap: pages of health, redirects and the like.
    void warn_of_return(const Level& level) {
        const Level* server = routes_.server_of(level);
        const auto* of_server = server == nullptr ? nullptr : routes_.first_return(*server);
        if (of_server != nullptr && is_success(of_server->status)) {
            // A gate of all of http is not meant for a server's page of health.
            if (level.conf->gate == server->outer->gate) return;
            return warn_of_return(*level.conf, true);
        }
        const auto* statement = routes_.first_return(level);
        const LocConf* further_out = level.outer;
        if (statement == nullptr || level.conf->gate == further_out->gate) return;
        const bool accepts = is_success(statement->status);
        // The gate may be for the locations further in, the rest of which is turned away.
        if (!accepts && routes_.has_locations(level)) return;
        warn_of_return(*level.conf, accepts);
    }

    void warn_of_return(const LocConf& conf, bool accepts) {
        warn("\"return\" answers before the gate does, so that nothing is verified" +
                 std::string(accepts ? ", and whatever comes is taken for accepted" : "") +
                 ": hand deliveries to an upstream, or to a file,",
             conf.gate->place);
    }

    static bool is_own_gate(const Level& level) {
        return level.conf->gate != level.outer->gate && !level.core()->noname;
    }

    // What takes the path that a `rewrite` leads to where no gate stands before it. Null: nothing.
    const Level* led_past_gates(const Level& level, const Rewrite& rewrite,
                                std::string_view path) const {
        const auto target = target_of(rewrite, path);
        if (!target || (!target->is_whole && target->path.size() <= 1)) return nullptr;
        const Level* to = routes_.choose(level.server_conf(), target->path);
        if (to == nullptr || to->conf->gated() || to->conf->off()) return nullptr;
        if (routes_.first_return(*to) != nullptr) return nullptr;
        return routes_.hands_on_openly(*to) == Sure::yes ? to : nullptr;
    }

    // A gate of its own that `rewrite` leads past, to where nothing is verified.
    void warn_of_rewrite(const Level& level) {
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
                     level.conf->gate->place);
                return;
            }
        }
    }

    // nginx runs the statements of a server before it looks for a location.
    void warn_of_server_rewrite(const Level& level) {
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
                         in_quotes(path) + " to the location " +
                         in_quotes(to_view(to->core()->name)) +
                         ", past the gate, so that nothing is verified,",
                     level.conf->gate->place);
                return;
            }
        }
    }

    // -- gates that no request finds

    static bool is_regex(const Level& level) {
#if (NGX_PCRE)
        return level.core()->regex != nullptr;
#else
        return false;
#endif
    }

    // What the paths of a regular expression begin with, and whether that is all of the path.
    static std::pair<std::string, bool> literal_of(std::string_view expression) {
        std::string literal;
        if (!expression.starts_with('^')) return {literal, false};
        for (std::size_t i = 1; i < expression.size(); ++i) {
            const char c = expression[i];
            const bool is_escaped = c == '\\' && i + 1 < expression.size();
            if (c == '$') return {literal, i + 1 == expression.size()};
            if (is_escaped && is_punctuation(expression[i + 1])) {
                literal += expression[++i];
                continue;
            }
            const bool may_lack = c == '?' || c == '*' || c == '{';
            if (may_lack && !literal.empty()) literal.pop_back();
            if (std::string_view("\\.[](){}|?*+^").find(c) != std::string_view::npos) break;
            literal += c;
        }
        return {literal, false};
    }

    static bool is_punctuation(char c) {
        return !is_letter(c) && !is_digit(c) && c > ' ';
    }

    // Some that the location is for.
    static std::vector<std::string> paths_of(const Level& level) {
        const std::string name(to_view(level.core()->name));
        if (is_regex(level)) {
            const auto [literal, is_whole] = literal_of(name);
            if (!literal.starts_with('/')) return {"/x"};
            return {is_whole ? literal : literal + "x"};
        }
        if (!name.starts_with('/')) return {"/x"};
        if (level.core()->exact_match) return {name};
        if (name.ends_with('/')) return {name + "x"};
        return {name, name + "/x"};
    }

    // What takes every request for the beginning of an expression's paths. Null: that is not sure.
    const Level* taker_of_expression(const Level& level, std::string& path) const {
        const auto [literal, is_whole] = literal_of(to_view(level.core()->name));
        if (!literal.starts_with('/') || literal.size() == 1) return nullptr;
        path = literal;
        const Level* to = routes_.choose(level.server_conf(), literal);
        if (to == nullptr || is_whole) return to;
        const bool is_final = is_regex(*to) || to->core()->noregex != 0;
        for (const char* more : {"x", "0/~"}) {
            if (routes_.choose(level.server_conf(), literal + more) != to) return nullptr;
        }
        return is_final ? to : nullptr;
    }

    // An exact location that is the page of a folder, beside the gate of what is in the folder.
    bool is_page_of_folder(const Level& level, const Level& taker) const {
        return taker.core()->exact_match && to_view(level.core()->name).ends_with('/') &&
               routes_.upstream_of(taker) != routes_.upstream_of(level);
    }

    void warn_of_unreached(const Level& level) {
        if (!level.is_location() || !is_own_gate(level)) return;
        std::string path(to_view(level.core()->name));
        const Level* taker = is_regex(level) ? taker_of_expression(level, path)
                                             : routes_.choose(level.server_conf(), path);
        if (taker == nullptr || routes_.is_within(*taker, level)) return;
        if (taker->conf->gated() || taker->conf->off() || routes_.is_closed(*taker)) return;
        if (routes_.hands_on_openly(*taker) == Sure::no || is_page_of_folder(level, *taker)) return;
        warn("requests for " + in_quotes(path) + " never reach this gate: the location " +
                 in_quotes(to_view(taker->core()->name)) + " takes them,",
             level.conf->gate->place);
    }

    static bool holds_escape(std::string_view path) {
        for (std::size_t i = 0; i + 2 < path.size(); ++i) {
            if (path[i] == '%' && is_hex(path[i + 1]) && is_hex(path[i + 2])) return true;
        }
        return false;
    }

    static bool is_hex(char c) {
        return std::isxdigit(static_cast<unsigned char>(c)) != 0;
    }

    // nginx compares the name with the decoded path. Empty: nothing is odd.
    static std::string_view oddity_of(std::string_view path, bool merges_slashes) {
        if (!path.starts_with('/')) return "does not begin with \"/\"";
        if (path.ends_with(' ') || path.ends_with('\t')) return "ends with white space";
        if (path.find('?') != std::string_view::npos) return "holds \"?\", but no path has a query";
        if (holds_escape(path)) return "holds \"%\" and digits, but nginx decodes paths";
        if (merges_slashes && path.find("//") != std::string_view::npos) {
            return "holds \"//\", which nginx takes for \"/\"";
        }
        return {};
    }

    void warn_of_odd_path(const Level& level) {
        const std::string_view path = to_view(level.core()->name);
        if (!level.is_location() || !is_own_gate(level) || is_regex(level) || path.empty()) return;
        const std::string_view oddity = oddity_of(path, level.server()->merge_slashes != 0);
        if (oddity.empty()) return;
        warn("requests hardly reach this gate: the location " + in_quotes(path) + " " +
                 std::string(oddity) + ",",
             level.conf->gate->place);
    }

    // Whether a genuine sender may be refused for this, whose event is not delivered.
    static bool is_of_genuine_sender(const ReasonInfo& row) {
        static constexpr Reason kOthers[] = {
            Reason::internal,        Reason::incomplete_body,  Reason::no_endpoint,
            Reason::stale_timestamp, Reason::future_timestamp, Reason::no_secret,
            Reason::bad_signature,   Reason::invalid_payload,  Reason::missing_event_id,
        };
        return row.retry_after || std::ranges::find(kOthers, row.reason) != std::end(kOthers);
    }

    // Whether a genuine sender may be answered with this where its event is not delivered.
    bool is_of_lost_event(const Level& level, ngx_int_t status) const {
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
    const Level* place_of_page(const Level& level, const ngx_http_err_page_t& page) const {
        if (page.value.lengths != nullptr) return nullptr;
        const std::string_view uri = to_view(page.value.value);
        if (!uri.starts_with('/')) return routes_.named(level, uri);
        const Level* to = routes_.choose(level.server_conf(), uri);
        return to != nullptr ? to : routes_.server_of(level);
    }

    // Whether an upstream answers in the place of the location, but gets a GET without the body:
    // all but named locations do.
    bool is_handed_without_body(const Level& level, const ngx_http_err_page_t& page) const {
        const Level* to = place_of_page(level, page);
        if (to == nullptr || to->core()->named || to->conf->gated()) return false;
        return routes_.first_return(*to) == nullptr && routes_.hands_on_openly(*to) == Sure::yes;
    }

    // With "=" alone: by `return`, or as a file that is found.
    bool is_answered_with_success(const Level& level, const ngx_http_err_page_t& page) const {
        const Level* to = place_of_page(level, page);
        if (to == nullptr) return false;
        const bool is_path = !to->core()->named;
        const auto* statement = routes_.first_return(*to);
        if (statement != nullptr) return is_success(statement->status);
        return is_path && routes_.hands_on(*to) == Sure::no && routes_.statements(*to).is_empty;
    }

    // What hands the event on in the place of the location; empty: nothing does.
    std::string taker_of(const Level& level, const ngx_http_err_page_t& page) const {
        std::string name(to_view(page.value.value));
        if (page.value.lengths != nullptr) return name;
        const Level* to = routes_.named(level, name);
        return to != nullptr && routes_.hands_on(*to) != Sure::no ? name : std::string();
    }

    // A sender that is answered 2xx never sends the event again. Another upstream that takes it in
    // the first one's place may fail, too.
    void warn_of_error_pages(const Level& level) {
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
                 level.conf->gate->place);
        }
    }

    void warn_of_success(const Level& level, const std::string& taker,
                         const std::vector<std::string>& statuses) {
        const std::string answers =
            "\"error_page\" answers " + joined({statuses.begin(), statuses.end()}) + " with 2xx";
        if (taker.empty()) {
            warn(answers +
                     ": the sender takes for delivered what is not, and does not send it again,",
                 level.conf->gate->place);
            return;
        }
        warn(answers + ", even where " + in_quotes(taker) +
                 " fails and the event is lost: with \"=\" alone, the status of " +
                 in_quotes(taker) + " counts,",
             level.conf->gate->place);
    }

    // -- webhook_require_tls

    void warn_of_missing_tls(const Level& level) {
        const bool is_of_use = !level.is_server() || routes_.hands_on(level) != Sure::no;
        if (!*level.conf->require_tls || !is_of_use || listens_with_tls(level)) return;
        const Place* place = place_of("webhook_require_tls", level.conf);
        if (place == nullptr) return;
        const std::string_view server = to_view(level.server()->server_name);
        warn("\"webhook_require_tls\" refuses every delivery, since no \"listen\" of the server " +
                 (server.empty() ? "" : in_quotes(server) + " ") + "is \"ssl\"",
             *place);
    }

    static bool has_server(const ngx_http_conf_addr_t& address,
                           const ngx_http_core_srv_conf_t* server) {
        auto* const* servers = static_cast<ngx_http_core_srv_conf_t* const*>(address.servers.elts);
        return std::find(servers, servers + address.servers.nelts, server) !=
               servers + address.servers.nelts;
    }

    static bool has_tls(const ngx_http_conf_addr_t& address) {
#if (NGX_HTTP_V3)
        if (address.opt.quic) return true;
#endif
#if (NGX_HTTP_SSL)
        return address.opt.ssl;
#else
        return false;
#endif
    }

    bool listens_with_tls(const Level& level) const {
        if (requires_tls_by_itself(level)) return true;
        const auto* core = static_cast<const ngx_http_core_main_conf_t*>(
            ngx_http_conf_get_module_main_conf(cf_, ngx_http_core_module));
        if (core->ports == nullptr) return false;
        const auto* ports = static_cast<const ngx_http_conf_port_t*>(core->ports->elts);
        for (ngx_uint_t p = 0; p < core->ports->nelts; ++p) {
            const auto* addresses = static_cast<const ngx_http_conf_addr_t*>(ports[p].addrs.elts);
            for (ngx_uint_t a = 0; a < ports[p].addrs.nelts; ++a) {
                if (has_tls(addresses[a]) && has_server(addresses[a], level.server())) return true;
            }
        }
        return false;
    }

    // `ssl on`, which nginx had until 1.25.1.
    template <typename SslConf>
    static bool is_enabled(const SslConf& conf) {
        if constexpr (requires { conf.enable; }) return conf.enable == 1;
        return false;
    }

    bool requires_tls_by_itself(const Level& level) const {
#if (NGX_HTTP_SSL)
        const ngx_module_t* module = find_module(cf_, "ngx_http_ssl_module");
        if (module == nullptr) return false;
        return is_enabled(
            *static_cast<const ngx_http_ssl_srv_conf_t*>(level.srv_conf[module->ctx_index]));
#else
        return false;
#endif
    }

    // -- webhook_payload_max

    static bool needs_body_as_a_whole(const LocConf& conf) {
        if (conf.scheme->wants_whole_body || conf.scheme->has_timestamp_in_body()) return true;
        const EventId& id = conf.scheme->event_id;
        if (!conf.remembers || id.kind != webhook::Source::Kind::json || id.optional) return false;
        return std::ranges::any_of(conf.remembers->keys, [](const DedupKey& key) {
            return key.kind == DedupKey::Kind::event_id || key.names_event_id;
        });
    }

    void warn_of_small_payload_max(const Level& level) {
        const LocConf& conf = *level.conf;
        const off_t most = level.core()->client_max_body_size;
        const auto held = static_cast<off_t>(*conf.payload_max);
        if ((most != 0 && most <= held) || !needs_body_as_a_whole(conf)) return;
        const std::string allowed =
            most == 0 ? "any size" : "up to " + std::to_string(most) + " bytes";
        warn("\"client_max_body_size\" allows bodies of " + allowed + ", but those of more than " +
                 std::to_string(held) + " bytes, \"webhook_payload_max\", are refused, since " +
                 in_quotes(conf.scheme->name) + " needs a value of the body",
             conf.gate->place);
    }

    // -- other spellings of a gated path

    // What many applications are reached by, with the path behind it.
    static constexpr std::string_view kProgram = "/index.php";

    // A location for all paths hands the program's to an application that need not know of it.
    static bool is_program_of_none(const std::string& spelling, const Level* location) {
        if (!spelling.starts_with(kProgram)) return false;
        return location == nullptr ||
               to_view(location->core()->name).find("php") == std::string_view::npos;
    }

    // How routers that are lax about paths would take it for the same one.
    static std::vector<std::string> spellings_of(std::string_view path) {
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

    bool is_open_way(const Level& level, const void* upstream) const {
        return !level.conf->gated() && !level.conf->off() && routes_.upstream_of(level) == upstream;
    }

    // Where the location leads past every gate to the upstream: itself, or another one. Null: it
    // does not.
    const Level* open_way(const Level& from, const void* upstream) const {
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
    const void* upstream_behind(const Level& gate) const {
        if (const void* own = routes_.upstream_of(gate)) return own;
        for (const Way& way : routes_.ways_of(gate, false)) {
            const bool is_sure = way.to != nullptr && way.is_taken == Sure::yes;
            const void* upstream = is_sure ? routes_.upstream_of(*way.to) : nullptr;
            if (upstream != nullptr) return upstream;
        }
        return nullptr;
    }

    void warn_of_other_spellings(const Level& level) {
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
            warn(in_quotes(spelling) + " reaches the upstream of " +
                     in_quotes(to_view(core->name)) + " without a gate, by the location " +
                     in_quotes(to_view(way->core()->name)) +
                     ": some applications take both for the same path",
                 level.conf->gate->place);
            return;
        }
    }

    ngx_conf_t* cf_;
    const MainConf& main_;
    Routes routes_;
    // The locations without a gate.
    std::set<const LocConf*> told_of_spellings_;
    // What was found already.
    std::map<std::string, bool> captured_;
};

}  // namespace

void audit(ngx_conf_t* cf) {
    Audit(cf).run();
}

}  // namespace webhook::ngx
