#include "ngx_http_webhook/checks.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/url.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/routes.h"
#include "scheme/boundaries.h"
#include "scheme/variable_traits.h"

namespace webhook::ngx {
namespace {

void warn(ngx_conf_t* cf, const std::string& message, const ConfigPosition& place) {
    remark(cf, NGX_LOG_WARN, message, place);
}

void check_secrets(const LocConf& parent, const LocConf& conf, const Level& here) {
    if (conf.secret_sources) return;
    fail("no \"webhook_secret\" for \"webhook " + conf.gate->scheme + "\"" +
             where_inherited(conf.gate == parent.gate, here),
         conf.gate->place);
}

// Fewer secrets than the scheme has signatures suffice, as long as one signature can be valid.
void check_key_indexes(const LocConf& parent, const LocConf& conf, const Level& here) {
    if (!conf.secret_sources) return;
    const std::size_t secrets = conf.secret_sources->size();
    const auto& signatures = conf.scheme->signatures;
    const bool has_one = std::ranges::any_of(signatures, [secrets](const auto& signature) {
        return signature.key_index.value_or(0) < secrets;
    });
    if (has_one) return;
    fail("the \"key_index=\" of each \"signature\" of the scheme " + in_quotes(conf.scheme->name) +
             " is that of a later \"webhook_secret\" than there is, counted from 0" +
             where_inherited(conf.gate == parent.gate, here),
         conf.gate->place);
}

// The sender appends a digest to the URL, so the URL differs for each body.
void check_digest_in_url(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf,
                         const Level& here) {
    const auto& digest = conf.scheme->digest;
    if (!conf.url_is_fixed() || !digest || digest->source.kind != ValueLocation::Kind::query)
        return;
    if (digest->optional) {
        if (to_view(conf.url->value).find(digest->source.text + "=") != std::string_view::npos) {
            return;
        }
        return remark(cf, NGX_LOG_NOTICE,
                      "\"webhook_url\" without variables has no room for the parameter " +
                          in_quotes(digest->source.text) + ", by which " +
                          in_quotes(conf.scheme->name) +
                          " signs what is no form: every such delivery is refused",
                      conf.gate->place);
    }
    fail("\"webhook_url\" without variables has no room for the parameter " +
             in_quotes(digest->source.text) + ", in which " + in_quotes(conf.scheme->name) +
             " signs the body" + where_inherited(conf.gate == parent.gate, here) +
             ": let it end in \"$request_uri\",",
         conf.gate->place);
}

// The name of a parameter of the query that a fixed URL decides about; empty for any other value.
std::string parameter_of_url(const LocConf& conf, const ValueLocation& source) {
    const Scheme& scheme = *conf.scheme;
    if (source.kind != ValueLocation::Kind::header) return "";
    const std::string& name = scheme.headers[source.header];
    if (!name.starts_with(kParameterMark) || scheme.has_beside_url(name.substr(1))) return "";
    return name.substr(1);
}

// What the sender puts into the query is a part of the URL that is signed, unless the scheme signs
// it by itself.
void check_parameters_of_url(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf,
                             const Level& here) {
    const Scheme& scheme = *conf.scheme;
    if (!conf.url_is_fixed() || !scheme.reads_url()) return;
    const auto check = [&](const ValueLocation& source, const std::string& what,
                           const std::string& placeholder, bool is_needed) {
        const std::string name = parameter_of_url(conf, source);
        if (name.empty()) return;
        const bool is_there = query_value(query_of(to_view(conf.url->value)), name).has_value();
        const std::string way_out = scheme.signed_parts.empty()
                                        ? std::string()
                                        : ", or sign the parameter by itself, with \"" +
                                              placeholder + "\" or \"{query:" + name + "}\"";
        const std::string message = "\"webhook_url\" without variables has " +
                                    (is_there ? "one value for" : std::string("no room for")) +
                                    " the parameter " + in_quotes(name) + ", which is the " + what +
                                    " of " + in_quotes(scheme.name) +
                                    where_inherited(conf.gate == parent.gate, here) +
                                    ": let it end in \"$request_uri\"" + way_out + ",";
        if (is_needed) fail(message, conf.gate->place);
        warn(cf, message, conf.gate->place);
    };
    // Where nothing is remembered, a delivery without its id passes.
    const bool is_remembered = conf.dedup != nullptr;
    if (!scheme.event_id.optional) check(scheme.event_id, "event id", "{id}", is_remembered);
    if (scheme.timestamp) check(scheme.timestamp->source, "timestamp", "{timestamp}", true);
}

// A log of URLs may hold the token.
void warn_about_token_that_is_secret(ngx_conf_t* cf, const LocConf& conf) {
    if (!conf.handshake->token || !conf.secret_sources) return;
    const bool is_secret =
        std::ranges::any_of(*conf.secret_sources, [&conf](const SecretSource& secret) {
            return secret.variables == nullptr && sha256(secret.text) == *conf.handshake->token;
        });
    if (!is_secret) return;
    warn(cf,
         "the \"token=\" of \"webhook_handshake\" is the webhook_secret: the token is sent, and "
         "logged, as it is",
         conf.handshake->place);
}

void check_handshake(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf,
                     const Level& here) {
    if (!conf.handshake_enabled()) return;
    const auto& handshakes = conf.scheme->handshakes;
    const std::string where = where_inherited(conf.handshake == parent.handshake, here);
    for (const Handshake& handshake : handshakes) {
        const ngx_uint_t method = handshake.method == "GET" ? NGX_HTTP_GET : NGX_HTTP_HEAD;
        if (!handshake.conditions.empty() || (conf.methods->mask & method) == 0) continue;
        fail("every " + handshake.method + " is a handshake of the scheme " +
                 in_quotes(conf.scheme->name) + where +
                 ", and \"webhook_methods\" allows deliveries with it",
             conf.handshake->place);
    }
    if (!conf.presents_token()) return;
    if (!conf.handshake->token) {
        fail("\"webhook_handshake\" has no \"token=\", which the scheme " +
                 in_quotes(conf.scheme->name) + where + " needs",
             conf.handshake->place);
    }
    warn_about_token_that_is_secret(cf, conf);
}

// The place of the event's type, for a message.
std::string place_of_type(const Scheme& scheme) {
    const std::string& name = scheme.headers[scheme.event_type.header];
    if (name.starts_with(kParameterMark)) return "the parameter " + in_quotes(name.substr(1));
    return "the header " + in_quotes(name);
}

// A captured delivery that is sent again may have another type.
void report_unsigned_type(ngx_conf_t* cf, const LocConf& conf, std::string_view directive,
                          const ConfigPosition& place) {
    const Scheme& scheme = *conf.scheme;
    const bool is_free = scheme.event_type.kind == ValueLocation::Kind::header &&
                         !scheme.covers_header(scheme.event_type.header);
    if (!is_free) return;
    remark(cf, NGX_LOG_NOTICE,
           "the signature of " + in_quotes(scheme.name) + " does not cover " +
               place_of_type(scheme) + ": for " + in_quotes(directive) +
               ", the word of the request's sender decides which type an event has",
           place, "the type of " + scheme.name + " for " + std::string(directive));
}

void check_events(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf, const Level& here) {
    if (!conf.events) return;
    const Events& events = *conf.events;
    const Scheme& scheme = *conf.scheme;
    if (scheme.event_type.kind != ValueLocation::Kind::none) {
        return report_unsigned_type(cf, conf, "webhook_events", events.place);
    }
    const std::string subject = "the scheme " + in_quotes(scheme.name) +
                                where_inherited(conf.events == parent.events, here) +
                                " has no event type: \"webhook_events\" lets ";
    if (!events.filter.lets_through("")) {
        fail(subject + "nothing through; \"event_type\" of a \"webhook_scheme\" says where it is",
             events.place);
    }
    warn(cf, subject + "everything through", events.place);
}

// Whether the sender sends nothing but forms, without JSON in them.
bool sends_no_json(const Scheme& scheme) {
    return scheme.verifies_form() && scheme.payload_field.empty() && !scheme.digest;
}

void check_schemas(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf, const Level& here) {
    if (!conf.schemas) return;
    const Scheme& scheme = *conf.scheme;
    const std::string where = where_inherited(conf.schemas == parent.schemas, here);
    const bool has_type = scheme.event_type.kind != ValueLocation::Kind::none;
    for (const Schemas::Rule& rule : conf.schemas->rules) {
        if (rule.type && !has_type && !rule.type->matches("")) {
            warn(cf,
                 "the scheme " + in_quotes(scheme.name) + where +
                     " has no event type: this \"webhook_schema\" is never used",
                 rule.place);
        } else if (sends_no_json(scheme)) {
            fail("deliveries of the scheme " + in_quotes(scheme.name) + where +
                     " are forms without JSON: \"webhook_schema\" refuses each",
                 rule.place);
        }
        if (rule.type) report_unsigned_type(cf, conf, "webhook_schema", rule.place);
    }
}

// Whether this is nginx's variable for this header or parameter.
bool is_header(std::string_view variable, const Scheme& scheme, HeaderIndex header) {
    return variable == scheme.variable_of(header);
}

bool is_event_type(std::string_view variable, const Scheme& scheme) {
    return scheme.event_type.kind == ValueLocation::Kind::header &&
           is_header(variable, scheme, scheme.event_type.header);
}

bool is_event_id(std::string_view variable, const Scheme& scheme) {
    return variable == "webhook_event_id" || (scheme.event_id.kind == ValueLocation::Kind::header &&
                                              is_header(variable, scheme, scheme.event_id.header));
}

bool is_of_query(std::string_view variable) {
    return variable == "args" || variable == "query_string" || variable == "is_args" ||
           variable.starts_with("arg_");
}

bool is_signed_parameter(std::string_view variable, const Scheme& scheme) {
    return std::ranges::any_of(scheme.signed_parts, [variable](const TemplatePart& part) {
        return part.kind == TemplatePart::Kind::query && variable == "arg_" + to_lower(part.text);
    });
}

// A URL with a literal host is the same for every other host.
bool names_host(const LocConf& conf) {
    const std::string_view url = to_view(conf.url->value);
    return conf.url_host == nullptr && (url.starts_with("https://") || url.starts_with("http://"));
}

// Whether the signed URL changes with the value of the variable.
bool is_signed_with_url(std::string_view variable, const LocConf& conf) {
    const Scheme& scheme = *conf.scheme;
    if (!scheme.reads_url()) return false;
    const bool is_of_host = variable == "host" || variable == "http_host";
    // A query that differs from the URL's is refused, unless the scheme reads its parameters.
    if (conf.url_is_fixed())
        return is_of_query(variable) && !scheme.wants_parameters &&
               !scheme.signs(TemplatePart::Kind::query);
    if (is_of_host) return !names_host(conf);
    return is_of_query(variable) || has_trait(variable, Trait::of_url);
}

bool has_methods(const LocConf& conf) {
    return conf.methods->names.size() > 1;
}

// Whether the signature stays valid if the sender of a request changes the value. Other checks
// report the event id; the type belongs to an event's key.
bool is_free(std::string_view variable, const LocConf& conf) {
    const Scheme& scheme = *conf.scheme;
    if (!has_trait(variable, Trait::of_sender)) return false;
    if (variable == "request_method") return has_methods(conf) && !scheme.covers_method();
    if (is_event_id(variable, scheme) || is_event_type(variable, scheme)) return false;
    for (std::size_t header = 0; header < scheme.headers.size(); ++header) {
        const auto index = static_cast<HeaderIndex>(header);
        if (is_header(variable, scheme, index)) return !scheme.covers_header(index);
    }
    return !is_signed_parameter(variable, scheme) && !is_signed_with_url(variable, conf);
}

// Whether a header changes its value if a later time is signed.
bool is_of_signed_time(std::string_view variable, const Scheme& scheme) {
    if (!scheme.timestamp || !scheme.covers_timestamp()) return false;
    const auto holds = [&](const ValueLocation& source) {
        return source.kind == ValueLocation::Kind::header &&
               is_header(variable, scheme, source.header);
    };
    return holds(scheme.timestamp->source) ||
           std::ranges::any_of(scheme.signatures,
                               [&](const auto& signature) { return holds(signature.source); });
}

// Says when a retry of an event changes the value of this variable. Empty if no retry does.
std::string_view changes_with(std::string_view variable, const Scheme& scheme) {
    if (variable == "webhook_timestamp" || is_of_signed_time(variable, scheme))
        return "when the sender signs a retry anew";
    if (variable == "webhook_secret_id") return "when the secret is rotated before a retry";
    if (has_trait(variable, Trait::of_address)) return "when a retry comes from another address";
    return {};
}

// A sender that signs the URL, or values of its query, may identify events there.
bool query_tells_events_apart(const Scheme& scheme) {
    if (scheme.signs(TemplatePart::Kind::query)) return true;
    for (std::size_t i = 0; i < scheme.headers.size(); ++i) {
        const ValueLocation source{ValueLocation::Kind::header, static_cast<HeaderIndex>(i), {}};
        const bool is_parameter = scheme.headers[i].starts_with(kParameterMark);
        if (is_parameter && !scheme.is_of_many_events(source)) return true;
    }
    return false;
}

bool is_of_many_events(std::string_view variable, const LocConf& conf) {
    const Scheme& scheme = *conf.scheme;
    if (variable == "webhook_event_id") return scheme.is_of_many_events(scheme.event_id);
    for (std::size_t i = 0; i < scheme.headers.size(); ++i) {
        const auto header = static_cast<HeaderIndex>(i);
        if (!is_header(variable, scheme, header)) continue;
        return scheme.is_of_many_events({ValueLocation::Kind::header, header, {}});
    }
    if (has_trait(variable, Trait::of_many_events)) return true;
    const bool in_signed_url = scheme.reads_url() && !conf.url_is_fixed();
    return has_trait(variable, Trait::of_url) && !in_signed_url &&
           !query_tells_events_apart(scheme);
}

bool is_of_many_events(const DedupKey& key, const LocConf& conf) {
    return std::ranges::all_of(
        key.variables, [&conf](std::string_view each) { return is_of_many_events(each, conf); });
}

// The captures of a path identify events no better than the path.
bool is_of_many_events(const ngx_conf_t* cf, const DedupKey& key, const Level& here) {
    const LocConf& conf = *here.conf;
    const bool in_signed_url = conf.scheme->reads_url() && !conf.url_is_fixed();
    return std::ranges::all_of(key.variables, [&](std::string_view each) {
        return is_of_many_events(each, conf) || (!in_signed_url && is_captured(cf, here, each));
    });
}

bool is_of_request(const DedupKey& key) {
    return any_has(key.variables, Trait::of_request);
}

// Whether a variable has the value of this part of Scheme::event_key.
bool holds(std::string_view variable, const Scheme& scheme, const TemplatePart& part) {
    switch (part.kind) {
        case TemplatePart::Kind::event_type:
            return variable == "webhook_event_type" || is_event_type(variable, scheme);
        case TemplatePart::Kind::header:
            return is_header(variable, scheme, part.header);
        case TemplatePart::Kind::timestamp:
            return variable == "webhook_timestamp";
        case TemplatePart::Kind::token:
            return false;
        case TemplatePart::Kind::url:
            return variable == "request_uri" || variable == "args";
        case TemplatePart::Kind::body:
            return variable == "webhook_body_sha256";
        default:
            return true;
    }
}

// If two events have the same key, one of them is lost. A key that differs for each retry finds no
// duplicate.
void check_expression(ngx_conf_t* cf, const Level& here, const Dedup& dedup, const DedupKey& key) {
    const Scheme& scheme = *here.conf->scheme;
    const std::string name = in_quotes("key=" + key.text) + " in \"webhook_dedup\"";
    const std::vector<std::string>& variables = key.variables;
    const auto has = [&variables](std::string_view each) {
        return std::ranges::find(variables, each) != variables.end();
    };
    if (any_has(variables, Trait::of_body)) {
        fail(name +
                 " is empty when it is looked up, but for small bodies: "
                 "\"$webhook_event_key\" tells bodies apart",
             dedup.place);
    }
    if (any_has(variables, Trait::unknown_yet))
        fail(name + " is empty when it is looked up", dedup.place);
    if (is_of_request(key)) {
        return warn(cf, name + " is another one for each request: it recognizes no retry",
                    dedup.place);
    }
    if (is_of_many_events(cf, key, here)) {
        return warn(cf, name + " is the same for different events: all but the first are lost",
                    dedup.place);
    }
    if (!has("webhook_body_sha256") || has("webhook_event_id") || has("webhook_event_key")) return;
    const bool whole = std::ranges::all_of(scheme.event_key, [&](const TemplatePart& part) {
        return std::ranges::any_of(
            variables, [&](std::string_view each) { return holds(each, scheme, part); });
    });
    if (whole) return;
    warn(cf,
         name + " does not hold all that tells events of " + in_quotes(scheme.name) +
             " apart, so that some are lost: \"$webhook_event_key\" does",
         dedup.place);
}

void check_key(ngx_conf_t* cf, const Level& here, const Dedup& dedup, const DedupKey& key) {
    const LocConf& conf = *here.conf;
    const EventId& id = conf.scheme->event_id;
    const std::string name = in_quotes("key=" + key.text) + " in \"webhook_dedup\"";
    if (key.kind == DedupKey::Kind::expression) check_expression(cf, here, dedup, key);
    if (key.kind == DedupKey::Kind::event_id && conf.scheme->is_of_many_events(id)) {
        warn(cf,
             "the event id of " + in_quotes(conf.scheme->name) +
                 " is the same for different events: all but the first are lost",
             dedup.place);
    }
    if (id.batch && key.names_event_id) {
        warn(cf,
             name + " is one id for several events of " + in_quotes(conf.scheme->name) +
                 ": all but the first may be lost",
             dedup.place);
    }
    if (id.bodies_repeat && key.kind == DedupKey::Kind::event_key) {
        warn(cf,
             name + ": different events of " + in_quotes(conf.scheme->name) +
                 " may have the same body, and all but the first are lost",
             dedup.place);
    }
}

// A tenant chooses the ids that its secret signs, and short ids collide by accident.
void check_tenants(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup) {
    if (!conf.secrets->has_variables() || conf.gate->name_variables != nullptr) return;
    const bool apart = std::ranges::all_of(dedup.keys, [](const DedupKey& key) {
        return std::ranges::any_of(
            key.variables, [](std::string_view name) { return !name.starts_with("webhook_"); });
    });
    if (apart) return;
    warn(cf,
         "the secret depends on the request, but neither \"name=\" of \"webhook\" nor every "
         "\"key=\" of \"webhook_dedup\" does: events of different tenants with the same id are "
         "taken for one",
         dedup.place);
}

void check_keys(ngx_conf_t* cf, const Level& here, const Dedup& dedup, const std::string& where) {
    const LocConf& conf = *here.conf;
    for (const DedupKey& key : dedup.keys) check_key(cf, here, dedup, key);
    check_tenants(cf, conf, dedup);
    if (conf.scheme->event_id.kind != ValueLocation::Kind::none) return;
    const auto key = std::ranges::find(dedup.keys, true, &DedupKey::names_event_id);
    if (key == dedup.keys.end()) return;
    fail(in_quotes("key=" + key->text) + " in \"webhook_dedup\", but the scheme " +
             in_quotes(conf.scheme->name) + where + " has no event id",
         dedup.place);
}

// An event is remembered under its endpoint's name.
void check_name(ngx_conf_t* cf, const LocConf& conf) {
    if (conf.gate->name_variables == nullptr) return;
    const GateDirective& gate = *conf.gate;
    if (any_has(gate.variables, Trait::of_request)) {
        return warn(cf,
                    in_quotes("name=" + gate.name) +
                        " of \"webhook\" is another one for each request: \"webhook_dedup\" "
                        "recognizes no retry",
                    gate.place);
    }
    if (any_has(gate.variables, Trait::of_sender) || any_has(gate.variables, Trait::of_address)) {
        warn_about_chosen_name(cf, conf);
    }
}

void check_ttl(const LocConf& conf, const Dedup& dedup, const std::string& where) {
    if (!conf.scheme->timestamp) return;
    const Tolerance tolerance = conf.tolerance.value_or(conf.scheme->timestamp->tolerance);
    const Milliseconds needed = tolerance.past + tolerance.future;
    if (*dedup.ttl >= needed) return;
    fail("the ttl of \"webhook_dedup\" is shorter than twice the timestamp tolerance" + where +
             ": " + std::to_string(dedup.ttl->count() / 1000) + "s, at least " +
             std::to_string(needed.count() / 1000) + "s are needed",
         dedup.place);
}

// Waiting longer than the sender does is of no use for a duplicate.
void check_wait(ngx_conf_t* cf, const Dedup& dedup) {
    if (dedup.wait <= std::chrono::hours(1)) return;
    warn(cf,
         "the wait of \"webhook_dedup\" is longer than an hour: no sender waits so long for an "
         "answer",
         dedup.place);
}

// A key that may differ for the same event, and the variable that causes it.
struct LooseKey {
    const DedupKey* key = nullptr;
    std::string_view variable;
};

template <typename Predicate>
std::string_view first_variable(const DedupKey& key, Predicate predicate) {
    const auto found = std::ranges::find_if(key.variables, predicate);
    return found == key.variables.end() ? std::string_view() : std::string_view(*found);
}

bool holds_event(const DedupKey& key, const Scheme& scheme) {
    return std::ranges::any_of(key.variables, [&scheme](std::string_view each) {
        return is_event_id(each, scheme) || each == "webhook_event_key";
    });
}

// One key that stays the same is enough. If all secrets depend on the request, so does the validity
// of the signature.
void check_loose_parts(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup) {
    const Scheme& scheme = *conf.scheme;
    if (conf.secrets->have_all_variables()) return;
    LooseKey changing;
    LooseKey open;
    for (const DedupKey& key : dedup.keys) {
        const bool judged = key.kind == DedupKey::Kind::expression &&
                            (is_of_request(key) || is_of_many_events(key, conf));
        if (judged) return;
        std::string_view variable = first_variable(
            key, [&scheme](std::string_view each) { return !changes_with(each, scheme).empty(); });
        const bool changes = !variable.empty() && holds_event(key, scheme);
        if (!changes) {
            variable =
                first_variable(key, [&conf](std::string_view each) { return is_free(each, conf); });
        }
        if (variable.empty()) return;
        LooseKey& loose = changes ? changing : open;
        if (loose.key == nullptr) loose = {&key, variable};
    }
    if (changing.key != nullptr) {
        warn(cf,
             in_quotes("key=" + changing.key->text) + " in \"webhook_dedup\" is another one " +
                 std::string(changes_with(changing.variable, scheme)) +
                 ": the event is delivered twice",
             dedup.place);
    }
    if (open.key != nullptr) {
        remark(cf, NGX_LOG_NOTICE,
               "the signature of " + in_quotes(scheme.name) + " does not cover " +
                   in_quotes("$" + std::string(open.variable)) + " of " +
                   in_quotes("key=" + open.key->text) +
                   ": a captured delivery passes again with another, unless there is "
                   "\"key=$webhook_event_key\", too,",
               dedup.place);
    }
}

bool event_key_holds_timestamp(const Scheme& scheme) {
    return std::ranges::any_of(scheme.event_key, [&scheme](const TemplatePart& part) {
        if (part.kind == TemplatePart::Kind::timestamp) return scheme.timestamp.has_value();
        const ValueLocation header{ValueLocation::Kind::header, part.header, {}};
        return part.kind == TemplatePart::Kind::header && scheme.timestamp &&
               scheme.is_same_place(header, scheme.timestamp->source);
    });
}

// Whether an attempt signed at another time has another event key.
bool event_key_changes_with_time(const Scheme& scheme) {
    if (event_key_holds_timestamp(scheme)) return true;
    if (!scheme.has_timestamp_in_body()) return false;
    return std::ranges::any_of(scheme.event_key, [&scheme](const TemplatePart& part) {
        return part.kind == TemplatePart::Kind::body ||
               (part.kind == TemplatePart::Kind::json &&
                part.text == scheme.timestamp->source.text);
    });
}

// A retry with a new signature has the id of the first attempt, but another time.
void warn_about_event_key_with_time(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup) {
    const Scheme& scheme = *conf.scheme;
    const EventId& id = scheme.event_id;
    if (id.kind == ValueLocation::Kind::none || id.batch || !event_key_holds_timestamp(scheme))
        return;
    const bool by_event_key = std::ranges::all_of(dedup.keys, [](const DedupKey& key) {
        return key.kind == DedupKey::Kind::event_key || key.names_event_key;
    });
    if (!by_event_key) return;
    const std::string advice = id.optional
                                   ? "\"key=$webhook_event_id\" takes it only where there is no id"
                                   : "give \"key=$webhook_event_id\", too";
    warn(cf,
         in_quotes("key=" + dedup.keys.front().text) +
             " in \"webhook_dedup\" is another one when " + in_quotes(scheme.name) +
             " signs a retry anew, since the event key holds the time: the event is delivered "
             "twice; " +
             advice + ",",
         dedup.place);
}

// A replay with another event id passes if the sender does not sign the id.
void report_unsigned_event_id(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup) {
    bool by_event_id = false;
    for (const DedupKey& key : dedup.keys) {
        if (key.kind == DedupKey::Kind::event_key) return;
        if (key.names_event_key && !key.names_event_id) return;
        by_event_id |= key.kind == DedupKey::Kind::event_id ||
                       std::ranges::any_of(key.variables, [&conf](std::string_view each) {
                           return is_event_id(each, *conf.scheme);
                       });
    }
    const Scheme& scheme = *conf.scheme;
    if (!by_event_id || scheme.covers_event_id() || scheme.is_of_many_events(scheme.event_id)) {
        return;
    }
    const std::string keys =
        "\"key=$webhook_event_id key=$webhook_event_key\" in \"webhook_dedup\"";
    std::string advice = "an attacker who saw a delivery can repeat it under another id";
    // Another split between URL and body makes it another event.
    const bool is_open = !conf.url_is_fixed() && !ambiguous_parts(*conf.scheme, false).empty() &&
                         ambiguous_parts(*conf.scheme, true).empty();
    const std::string condition =
        is_open ? advice + "; where \"webhook_url\" has no variables, " : std::string();
    switch (conf.scheme->replay_by_event_key(has_methods(conf))) {
        case Scheme::Replay::nothing_helps:
            advice = condition + keys + " closes the replay";
            // Such an attempt shares only its id with the others.
            if (event_key_changes_with_time(*conf.scheme)) {
                advice += ", but of attempts that were not delivered";
            }
            break;
        case Scheme::Replay::the_method:
            advice = condition + keys + " leaves only a replay by another method";
            break;
        case Scheme::Replay::a_header:
            advice = condition + keys + " leaves only a replay that changes other headers, too";
            break;
        case Scheme::Replay::anything:
            break;
    }
    const std::string message = "the signature of " + in_quotes(conf.scheme->name) +
                                " does not cover the event id: " + advice;
    remark(cf, NGX_LOG_NOTICE, message, dedup.place, "an event id that is not signed");
}

// If the id is signed, no replay has another one. An id in the body is part of the text for the
// other key.
void report_signed_event_id(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup) {
    const Policy& policy = conf.demands.policy;
    const bool by_both =
        policy.remembers(KeyRule::Kind::event_id) && policy.remembers(KeyRule::Kind::event_key);
    const bool in_header = conf.scheme->event_id.kind == ValueLocation::Kind::header;
    if (!by_both || !in_header || !conf.scheme->covers_event_id()) return;
    remark(cf, NGX_LOG_NOTICE,
           "the signature of " + in_quotes(conf.scheme->name) +
               " covers the event id: \"key=$webhook_event_key\" in \"webhook_dedup\" closes no "
               "replay, and loses events that differ by their id alone",
           dedup.place, "an event id that is signed");
}

void check_default_key(ngx_conf_t* cf, const LocConf& conf, const Dedup& dedup,
                       const std::string& where) {
    const Scheme& scheme = *conf.scheme;
    if (scheme.event_id.bodies_repeat) {
        fail("\"webhook_dedup\" needs \"key=\" with the scheme " + in_quotes(scheme.name) + where +
                 ": it has no event id, and different events may have the same body",
             dedup.place);
    }
    if (!scheme.assumes_event_key) return;
    remark(cf, NGX_LOG_NOTICE,
           "the scheme " + in_quotes(scheme.name) +
               " has neither \"event_id\" nor \"event_key\": \"webhook_dedup\" takes deliveries "
               "with the same body for one event; if they can be different ones, add \"event_id\" "
               "or \"event_id none\"; if not, \"key=$webhook_event_key\" says so",
           dedup.place);
}

void check_dedup(ngx_conf_t* cf, const LocConf& parent, const LocConf& conf, const Level& here) {
    if (conf.dedup == nullptr) return;
    const Dedup& dedup = *conf.dedup;
    const std::string where = where_inherited(conf.dedup_directive == parent.dedup_directive, here);
    if (conf.dedup_directive->keys.empty()) check_default_key(cf, conf, dedup, where);
    check_keys(cf, here, dedup, where);
    check_name(cf, conf);
    check_ttl(conf, dedup, where);
    check_wait(cf, dedup);
    check_loose_parts(cf, conf, dedup);
    warn_about_event_key_with_time(cf, conf, dedup);
    report_unsigned_event_id(cf, conf, dedup);
    report_signed_event_id(cf, conf, dedup);
}

}  // namespace

#if (NGX_PCRE)
namespace {

bool captures(const ngx_conf_t* cf, const ngx_http_regex_t* regex, std::string_view name) {
    if (regex == nullptr) return false;
    const auto* core = static_cast<const ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    const auto* used = static_cast<const ngx_http_variable_t*>(core->variables.elts);
    for (ngx_uint_t i = 0; i < regex->nvariables; ++i) {
        if (to_view(used[regex->variables[i].index].name) == name) return true;
    }
    return false;
}

// Statements may have their own regexes.
bool has_statements(const ngx_conf_t* cf, const Level& level) {
    const ngx_module_t* module = find_module(cf, "ngx_http_rewrite_module");
    return module != nullptr && *static_cast<void**>(level.loc_conf[module->ctx_index]) != nullptr;
}

}  // namespace

bool is_captured(const ngx_conf_t* cf, const Level& level, std::string_view name) {
    const ngx_http_regex_t* regex = level.core()->regex;
    if (name == "1") return regex != nullptr && !has_statements(cf, level);
    const auto* names =
        static_cast<const ngx_http_server_name_t*>(level.server()->server_names.elts);
    return captures(cf, regex, name) ||
           std::any_of(names, names + level.server()->server_names.nelts,
                       [&](const auto& each) { return captures(cf, each.regex, name); });
}
#else
bool is_captured(const ngx_conf_t*, const Level&, std::string_view) {
    return false;
}
#endif

void warn_about_chosen_name(ngx_conf_t* cf, const LocConf& conf) {
    // If each tenant has its own secret, another name means another secret.
    if (conf.secrets->have_all_variables()) return;
    warn(cf,
         in_quotes("name=" + conf.gate->name) +
             " of \"webhook\" is what the sender of a request chooses: under another name, a "
             "replay is no duplicate for \"webhook_dedup\"",
         conf.gate->place);
}

void check(ngx_conf_t* cf, const Level& level) {
    const LocConf& parent = *level.outer;
    const LocConf& conf = *level.conf;
    check_secrets(parent, conf, level);
    check_key_indexes(parent, conf, level);
    check_digest_in_url(cf, parent, conf, level);
    check_parameters_of_url(cf, parent, conf, level);
    check_handshake(cf, parent, conf, level);
    check_events(cf, parent, conf, level);
    check_schemas(cf, parent, conf, level);
    check_dedup(cf, parent, conf, level);
}

}  // namespace webhook::ngx
