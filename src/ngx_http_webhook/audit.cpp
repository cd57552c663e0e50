#include "ngx_http_webhook/audit.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "ngx_http_webhook/checks.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/error_pages.h"
#include "ngx_http_webhook/reach.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/routes.h"
#include "ngx_http_webhook/status.h"
#include "ngx_http_webhook/upstream.h"
#include "scheme/boundaries.h"
#include "scheme/variable_traits.h"

namespace webhook::ngx {
namespace {

// A directive that only some schemes use.
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
     [](const LocConf& conf) {
         return !conf.handshake_enabled() || !conf.scheme->handshakes.empty();
     },
     "the scheme has no handshake"},
};

class Audit {
  public:
    explicit Audit(ngx_conf_t* cf)
        : cf_(cf),
          main_(main_conf(cf)),
          routes_(cf, main_.levels),
          reach_(cf, routes_),
          error_pages_(cf, routes_) {}

    void run() {
        check_variables();
        for (const Level& level : main_.levels) check_report(level);
        for (const Level& level : main_.levels) {
            if (is_gate(level) && !routes_.leads_away(level)) check(cf_, level);
        }
        warn_about_idle_directives();
        report_unused_zones();
        for (const Level& level : main_.levels) {
            if (!is_gate(level)) continue;
            reach_.look_at(level);
            if (routes_.leads_away(level)) continue;
            warn_about_plain_hash(*level.conf);
            warn_about_open_url(*level.conf);
            warn_about_signature_in_url(*level.conf);
            warn_about_dropped_headers(level);
            warn_about_cache(level);
            warn_about_missing_tls(level);
            warn_about_captured_name(*level.conf);
            warn_about_small_payload_max(level);
            reach_.look_around(level);
            error_pages_.look_at(level);
        }
        warn_about_longer_urls();
        check_handshakes_for_anyone();
        warn_about_shared_names();
    }

  private:
    // nginx takes the last content handler without a word.
    static void check_report(const Level& level) {
        if (!level.conf->status || level.core()->handler == on_status) return;
        fail("\"webhook_status\" cannot be beside \"proxy_pass\" or another directive that answers",
             level.conf->status->place);
    }

    // Whether requests reach a gate on the level.
    bool is_gate(const Level& level) const { return level.conf->gated() && routes_.ends_in(level); }

    void warn(const std::string& message, const ConfigPosition& place,
              std::string_view topic = {}) {
        remark(cf_, NGX_LOG_WARN, message, place, topic);
    }

    // The place of a directive that is in force. Null if it is the default.
    const ConfigPosition* place_of(std::string_view directive, const LocConf* conf) const {
        for (; conf != nullptr; conf = routes_.outer(conf)) {
            for (const Written& written : conf->written) {
                if (written.directive == directive) return &written.place;
            }
        }
        return nullptr;
    }

    // -- variables

    // nginx's own message would show the name, which may be a piece of a secret, without file and
    // line.
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

    // Whether the regex of a location or of a server's name captures it.
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

    void warn_about_captured_name(const LocConf& conf) {
        if (conf.dedup == nullptr) return;
        const bool captured = std::ranges::any_of(
            conf.gate->variables, [this](const std::string& name) { return is_captured(name); });
        if (captured || conf.gate->has_capture) warn_about_chosen_name(cf_, conf);
    }

    // -- directives without effect

    void warn_about_idle_directives() {
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
        for (const auto& [key, line] : lines) warn_about_idle(line);
    }

    struct Line {
        const Written* written = nullptr;
        std::vector<const LocConf*> levels;
        // In and below the levels that have the line.
        std::vector<const LocConf*> gates;
    };

    void warn_about_idle(const Line& line) {
        const std::string_view directive = line.written->directive;
        if (directive == "webhook" || directive == "webhook_status") return;
        if (directive == "webhook_secret") check_secret(line);
        if (directive == "webhook_handshake") check_handshake(line);
        const std::string why = why_idle(directive, line.gates);
        if (why.empty()) return;
        warn(in_quotes(directive) + " does nothing where " + why, line.written->place);
    }

    // In a location for a path, `webhook` was forgotten; further out, the secret may be for future
    // locations.
    void check_secret(const Line& line) {
        const bool protects =
            !line.gates.empty() || std::ranges::none_of(line.levels, [&](const LocConf* conf) {
                const Level* level = routes_.level_of(conf);
                return level != nullptr && !conf->gate && routes_.ends_in(*level);
            });
        if (protects) return warn_about_forgotten_gate(line);
        fail("\"webhook_secret\" without \"webhook\" protects nothing", line.written->place);
    }

    // Other levels that include the line, or nested ones, have a gate.
    void warn_about_forgotten_gate(const Line& line) {
        for (const LocConf* conf : line.levels) {
            const Level* level = routes_.level_of(conf);
            if (level == nullptr || conf->gate || !routes_.ends_in(*level)) continue;
            if (routes_.hands_on_openly(*level) != Sure::yes || routes_.is_closed(*level)) continue;
            warn("\"webhook_secret\" without \"webhook\" protects nothing in the location " +
                     in_quotes(to_view(level->core()->name)) + ",",
                 line.written->place);
        }
    }

    // A directive next to a gate is for that gate, or for nested ones.
    void check_handshake(const Line& line) const {
        const auto own = std::ranges::find_if(line.levels, [](const LocConf* conf) {
            return conf->gated() && conf->handshake_enabled();
        });
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

    // An explicit "off" is deliberate.
    bool is_used(std::string_view zone) const {
        return std::ranges::any_of(main_.levels, [zone](const Level& level) {
            const auto& dedup = level.conf->dedup_directive;
            return dedup && (!dedup->on || dedup->zone_name == zone);
        });
    }

    void report_unused_zones() {
        for (const auto& [name, zone] : main_.zones) {
            if (is_used(name)) continue;
            remark(cf_, NGX_LOG_NOTICE,
                   "no \"webhook_dedup\" uses the \"webhook_dedup_zone\" " + in_quotes(name),
                   zone->place);
        }
    }

    // -- signatures

    // The gate refuses extended texts; other verifiers with the same secret may not.
    void warn_about_plain_hash(const LocConf& conf) {
        const Scheme& scheme = *conf.scheme;
        if (scheme.algorithm != Algorithm::hash) return;
        const std::string_view why = scheme.can_be_extended()
                                         ? "can be extended without the secret"
                                         : "is right for every body with the same hash";
        warn("the signature of the scheme " + in_quotes(scheme.name) + " is a plain hash, which " +
                 std::string(why) + ": prefer an HMAC where the sender has one,",
             conf.gate->place, "the plain hash of " + scheme.name);
    }

    // If only the URL lets bytes be moved, a fixed URL prevents it.
    void warn_about_open_url(const LocConf& conf) {
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
    void warn_about_signature_in_url(const LocConf& conf) {
        const Scheme& scheme = *conf.scheme;
        if (!scheme.has_signature_in_signed_url() || !holds_query(to_view(conf.url->value))) return;
        const ConfigPosition* place = place_of("webhook_url", &conf);
        const auto name = scheme.headers[scheme.signatures.front().source.header].substr(1);
        warn("the URL that " + in_quotes(scheme.name) + " signs holds the signature itself, " +
                 in_quotes(name) +
                 ", and no delivery can match: give the URL without it, by \"webhook_url\",",
             place != nullptr ? *place : conf.gate->place,
             "the signature in the URL of " + scheme.name);
    }

    // Text cut off the end of one URL would begin the text that is signed after the other.
    void warn_about_longer_urls() {
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
                const ConfigPosition* place = place_of("webhook_url", first);
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

    // No plain token holds the ":" of a URL.
    static bool signs_whole_url(const LocConf& conf) {
        return std::ranges::any_of(conf.scheme->signed_parts, &TemplatePart::is_url) &&
               to_view(conf.url->value).find(':') != std::string_view::npos;
    }

    // Whether the handshake of the first has a key of the second. Variables may give each another,
    // and what has expired neither signs nor verifies.
    static bool signs_with_a_secret_of(const LocConf& asked, const LocConf& other) {
        if (asked.scheme->key != other.scheme->key) return false;
        const auto is_used = [time = now()](const SecretSource& each) {
            return each.variables == nullptr && (!each.not_after || time < *each.not_after);
        };
        return std::ranges::any_of(*asked.secret_sources, [&](const SecretSource& ours) {
            return is_used(ours) &&
                   std::ranges::any_of(*other.secret_sources, [&](const SecretSource& theirs) {
                       return is_used(theirs) && theirs.text == ours.text;
                   });
        });
    }

    // A handshake that signs tokens for anyone, which are deliveries for a gate of another sender.
    void check_handshakes_for_anyone() {
        for (const Level& asked : main_.levels) {
            const LocConf& conf = *asked.conf;
            if (!is_gate(asked) || !conf.handshake_enabled() || !conf.scheme->signs_for_anyone()) {
                continue;
            }
            for (const Level& other : main_.levels) {
                if (is_gate(other)) check_handshake_for_anyone(conf, *other.conf);
            }
        }
    }

    void check_handshake_for_anyone(const LocConf& asked, const LocConf& other) {
        const Scheme::Forgery forgery = other.scheme->forgery_by_handshake();
        if (forgery == Scheme::Forgery::none || !signs_with_a_secret_of(asked, other)) return;
        if (signs_whole_url(other)) return;
        const bool is_delivery = forgery == Scheme::Forgery::delivery;
        const std::string message =
            "the handshake of " + in_quotes("webhook " + asked.gate->scheme) + " in " +
            asked.gate->place.text() + " signs tokens for anyone, and this gate of " +
            in_quotes(other.scheme->name) + " has a secret of it: " +
            (is_delivery ? "anyone can forge deliveries"
                         : "anyone can forge deliveries whose body is such a token") +
            "; give each a \"webhook_secret\" of its own,";
        if (is_delivery) fail(message, other.gate->place);
        warn(message, other.gate->place);
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
        return std::ranges::any_of(left.dedup->keys, [&right](const DedupKey& key) {
            return !tells_endpoints_apart(key) &&
                   std::ranges::count(right.dedup->keys, key.text, &DedupKey::text) != 0;
        });
    }

    // An endpoint remembers its events under its name. Two senders may share a default name by
    // accident; a name that is given twice is deliberate.
    void warn_about_shared_names() {
        std::map<std::pair<const DedupZone*, std::string_view>, std::vector<const LocConf*>> known;
        for (const Level& level : main_.levels) {
            const LocConf& conf = *level.conf;
            if (!is_gate(level) || conf.dedup == nullptr) continue;
            if (!conf.gate->name.empty() || conf.secrets->has_variables()) continue;
            auto& others = known[{conf.dedup->zone, conf.scheme->name}];
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

    // Whether nginx drops a request header of this name.
    static bool is_dropped(std::string_view name, const ngx_http_core_srv_conf_t& server) {
        if (!server.ignore_invalid_headers || name.front() == kParameterMark) return false;
        return !consists_of(name, server.underscores_in_headers ? "-_" : "-");
    }

    void warn_about_dropped_headers(const Level& level) {
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

    // One delivery would get the response to another, and no upstream would get it.
    void warn_about_cache(const Level& level) {
        const LocConf& conf = *level.conf;
        if (!may_answer_from_cache(cf_, level.loc_conf, conf.methods->mask)) return;
        warn("answers to deliveries of the endpoint " + in_quotes(conf.endpoint) +
                 " may come from a cache; the sender is told 503 then, since no upstream got the "
                 "delivery: turn the cache off, by \"proxy_cache off\" or the like, where "
                 "\"webhook\" is on",
             conf.gate->place);
    }

    // -- webhook_require_tls

    void warn_about_missing_tls(const Level& level) {
        const bool is_of_use = !level.is_server() || routes_.hands_on(level) != Sure::no;
        if (!*level.conf->require_tls || !is_of_use || listens_with_tls(level)) return;
        const ConfigPosition* place = place_of("webhook_require_tls", level.conf);
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
        const webhook::Policy& policy = conf.demands.policy;
        if (policy.decides_by_type() && conf.scheme->event_type.is_in_body()) return true;
        if (!policy.schemas.empty()) return true;
        const EventId& id = conf.scheme->event_id;
        if (!conf.dedup || id.kind != webhook::ValueLocation::Kind::json || id.optional)
            return false;
        return std::ranges::any_of(conf.dedup->keys, [](const DedupKey& key) {
            return key.kind == DedupKey::Kind::event_id || key.names_event_id;
        });
    }

    void warn_about_small_payload_max(const Level& level) {
        const LocConf& conf = *level.conf;
        const off_t most = level.core()->client_max_body_size;
        const auto held = static_cast<off_t>(*conf.payload_max);
        if ((most != 0 && most <= held) || !needs_body_as_a_whole(conf)) return;
        const std::string allowed =
            most == 0 ? "any size" : "up to " + std::to_string(most) + " bytes";
        const std::string why = conf.demands.policy.schemas.empty()
                                    ? in_quotes(conf.scheme->name) + " needs a value of the body"
                                    : "\"webhook_schema\" is for all of it";
        warn("\"client_max_body_size\" allows bodies of " + allowed + ", but those of more than " +
                 std::to_string(held) + " bytes, \"webhook_payload_max\", are refused, since " +
                 why,
             conf.gate->place);
    }

    ngx_conf_t* cf_;
    const MainConf& main_;
    Routes routes_;
    Reach reach_;
    ErrorPages error_pages_;
    // The results so far.
    std::map<std::string, bool> captured_;
};

}  // namespace

void audit(ngx_conf_t* cf) {
    Audit(cf).run();
}

}  // namespace webhook::ngx
