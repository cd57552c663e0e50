#include "ngx_http_webhook/directives.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>

#include "base/errors.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"
#include "ngx_http_webhook/capture.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/redis_server.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/schemas.h"
#include "ngx_http_webhook/status.h"
#include "redis/url.h"
#include "report/page.h"
#include "scheme/boundaries.h"
#include "scheme/builder.h"
#include "scheme/presets.h"
#include "scheme/statements.h"
#include "scheme/variable_traits.h"
#include "verify/secret_text.h"

namespace webhook::ngx {
namespace {

constexpr Milliseconds kDefaultTtl = std::chrono::hours(72);
constexpr Milliseconds kLongestTtl = std::chrono::hours(24 * 365);

using Words = std::vector<std::string_view>;

// The part of an invalid value that may be shown, since it may be a misplaced secret: all of it if
// it is short and without capital letters, or has only characters of times and addresses.
std::string shown_value(std::string_view argument) {
    constexpr std::size_t kLongestValue = 15;
    constexpr std::string_view kOfTimesAndAddresses = "0123456789abcdefTZ.:/+-,";
    const std::size_t equals = argument.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? argument : argument.substr(equals + 1);
    const bool has_capital = std::ranges::any_of(
        value, [](char character) { return character >= 'A' && character <= 'Z'; });
    const bool is_short = value.size() <= kLongestValue && !has_capital;
    const bool is_time_or_address =
        value.find_first_not_of(kOfTimesAndAddresses) == std::string_view::npos &&
        value.find_first_of(".:") != std::string_view::npos;
    if (is_short || is_time_or_address) return " " + in_quotes(argument);
    return equals == std::string_view::npos ? std::string() : shown_word(argument);
}

// A directive as it is written in the configuration.
class Directive {
  public:
    explicit Directive(ngx_conf_t* cf) : cf(cf) {
        const auto* words = static_cast<ngx_str_t*>(cf->args->elts);
        for (ngx_uint_t i = 0; i < cf->args->nelts; ++i) words_.push_back(to_view(words[i]));
    }

    std::string_view name() const { return words_.front(); }
    std::span<const std::string_view> words() const { return words_; }
    std::span<const std::string_view> arguments() const { return words().subspan(1); }
    std::string_view argument(std::size_t i) const { return arguments()[i]; }
    bool is(std::string_view only_argument) const {
        return words_.size() == 2 && words_[1] == only_argument;
    }

    ConfigPosition place() const {
        if (cf->conf_file == nullptr) return {};
        return {std::string(to_view(cf->conf_file->file.name)), cf->conf_file->line};
    }

    // The offset up to which nginx has read the file.
    off_t at() const {
        if (cf->conf_file == nullptr || cf->conf_file->buffer == nullptr) return 0;
        const ngx_buf_t* buffer = cf->conf_file->buffer;
        return cf->conf_file->file.offset - (buffer->last - buffer->pos);
    }

    // Paths of the configuration are relative to the directory of nginx.conf.
    std::string path(std::string_view path) const { return full_path(path, 1); }
    // Paths that nginx writes to are relative to its prefix.
    std::string runtime_path(std::string_view path) const { return full_path(path, 0); }

    // Null if the text has no variable.
    ngx_http_complex_value_t* compile(std::string_view text) const {
        ngx_http_complex_value_t* complex = compile_any(text);
        return complex->lengths == nullptr ? nullptr : complex;
    }

    ngx_http_complex_value_t* compile_any(std::string_view text) const {
        ngx_http_complex_value_t* complex = compile_value(cf, text);
        if (complex == nullptr) throw ConfigError("invalid variable in " + in_quotes(name()));
        return complex;
    }

    // nginx reads quotes around a whole word, not within one.
    void warn_about_quotes(std::string_view argument, std::string_view value) const {
        const auto is_quote = [](char character) { return character == '"' || character == '\''; };
        if (value.empty() || (!is_quote(value.front()) && !is_quote(value.back()))) return;
        const std::string name(argument.substr(0, argument.find('=')));
        warn("the quotes in the value of " + in_quotes(name + "=") + " in " +
             in_quotes(this->name()) + " are part of it: quote all of \"" + name + "=...\"");
    }

    // One byte of any other kind in a name would make a whole report useless.
    void require_utf8(std::string_view what, std::string_view text) const {
        if (is_utf8(text)) return;
        throw ConfigError(std::string(what) + " in " + in_quotes(name()) + " is not UTF-8");
    }

    void warn(const std::string& message) const { remark(cf, NGX_LOG_WARN, message, place()); }

    [[noreturn]] void reject(std::string_view argument, std::string_view allowed) const {
        const std::string shown = shown_value(argument);
        throw ConfigError("invalid" + (shown.empty() ? " value" : shown) + " in " +
                          in_quotes(name()) + ", allowed: " + std::string(allowed));
    }

    // The same for a text that may be a misplaced secret.
    [[noreturn]] void reject_unknown(std::string_view argument, std::string_view allowed) const {
        const std::string shown = shown_word(argument);
        throw ConfigError("invalid" + (shown.empty() ? " parameter" : shown) + " in " +
                          in_quotes(name()) + ", allowed: " + std::string(allowed));
    }

    ngx_conf_t* const cf;

  private:
    std::string full_path(std::string_view path, ngx_uint_t conf_prefix) const {
        ngx_str_t name = copy_to_pool(cf->pool, path);
        if (path.empty() || ngx_conf_full_name(cf->cycle, &name, conf_prefix) != NGX_OK) {
            throw ConfigError("invalid path " + in_quotes(path) + " in " + in_quotes(this->name()));
        }
        return std::string(to_view(name));
    }

    Words words_;
};

// Whether a text is only this variable, in any of nginx's notations.
bool is_variable(std::string_view text, std::string_view name) {
    if (!text.starts_with('$')) return false;
    text.remove_prefix(1);
    if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
    return equals_ignoring_case(text, name);
}

// nginx would print the supposed name of a variable, which may be a piece of a secret.
bool has_open_brace(std::string_view text) {
    for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
        at = text.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", at + 2);
        if (at == std::string_view::npos || text[at] != '}') return true;
    }
    return false;
}

// The variables of a text, without the text between them.
std::string without_text(std::string_view text) {
    std::string kept;
    for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$')) {
        text.remove_prefix(at + 1);
        if (begins_capture(text)) {
            kept.append("$").append(text.substr(0, 1));
            text.remove_prefix(1);
            continue;
        }
        if (text.starts_with('{')) text.remove_prefix(1);
        const auto end = text.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        kept.append("${").append(text.substr(0, end)).append("}");
    }
    return kept;
}

// Refuses variables that can never work: the gate evaluates them before the body is read, and a
// sender cannot sign with, or for, a value that differs for each request.
void refuse_variables(const Directive& directive, const std::vector<std::string>& names,
                      bool also_of_request) {
    for (const std::string& name : names) {
        if (has_trait(name, Trait::unknown_yet)) {
            throw ConfigError(in_quotes("$" + name) + " in " + in_quotes(directive.name()) +
                              " is empty when it is looked up");
        }
        if (also_of_request && has_trait(name, Trait::of_request)) {
            throw ConfigError(in_quotes("$" + name) + " in " + in_quotes(directive.name()) +
                              " is another one for each request: no signature could be right");
        }
    }
}

// Records them for the audit, when all variables are known.
void record_variables(const Directive& directive, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        main_conf(directive.cf)
            .used_variables.push_back({directive.name(), name, directive.place()});
    }
}

void require_first(bool first, const Directive& directive) {
    if (!first) throw ConfigError(in_quotes(directive.name()) + " directive is duplicate");
}

[[noreturn]] void fail_duplicate(const Directive& directive, std::string_view parameter) {
    throw ConfigError("duplicate parameter " + in_quotes(parameter) + " in " +
                      in_quotes(directive.name()));
}

// No parameter of the directive except `repeatable` may occur twice.
void require_single_parameters(const Directive& directive, std::string_view repeatable = "") {
    std::vector<std::string_view> seen;
    for (std::string_view argument : directive.arguments()) {
        const std::string_view name = argument.substr(0, argument.find('=') + 1);
        if (name.empty() || name == repeatable) continue;
        if (std::ranges::count(seen, name) != 0) fail_duplicate(directive, name);
        seen.push_back(name);
    }
}

// Returns `value` of an argument `name=value`, or nullopt for any other argument.
std::optional<std::string_view> option(std::string_view argument, std::string_view name) {
    if (!argument.starts_with(name) || !argument.substr(name.size()).starts_with('=')) {
        return std::nullopt;
    }
    return argument.substr(name.size() + 1);
}

Milliseconds duration(const Directive& directive, std::string_view argument,
                      std::string_view value) {
    const auto time = parse_duration(value);
    if (!time) directive.reject(argument, "a time, such as 300s, 5m or 72h");
    return *time;
}

Milliseconds ttl(const Directive& directive, std::string_view argument, std::string_view value) {
    const Milliseconds time = duration(directive, argument, value);
    if (time < std::chrono::seconds(1) || time > kLongestTtl) {
        directive.reject(argument, "a time from 1s to 365d");
    }
    return time;
}

bool on_or_off(const Directive& directive) {
    const std::string_view argument = directive.argument(0);
    if (argument != "on" && argument != "off") directive.reject(argument, "on, off");
    return argument == "on";
}

// webhook_scheme NAME { ... }

// The text of a block, from after its `{` to its `}`. nginx's own parser knows quotes only around
// whole words, and would not accept `split=" "`.
class BlockReader {
  public:
    explicit BlockReader(ngx_conf_file_t& file) : file_(file) {}

    std::string read() {
        BlockEnd end;
        ngx_uint_t line = file_.line;
        for (std::string text;;) {
            const char character = next();
            if (end.is(character)) return text;
            // An unclosed quote ends at the next quote. So the first one that extends beyond its
            // line is the unclosed one.
            if (!end.in_quotes()) line = file_.line;
            if (end.in_quotes() && character == '\n' && open_quote_ == 0) open_quote_ = line;
            text += character;
        }
    }

  private:
    char next() {
        ngx_buf_t& buffer = *file_.buffer;
        if (buffer.pos == buffer.last) refill(buffer);
        const auto character = static_cast<char>(*buffer.pos++);
        if (character == '\n') ++file_.line;
        return character;
    }

    void refill(ngx_buf_t& buffer) {
        const off_t left = ngx_file_size(&file_.file.info) - file_.file.offset;
        const auto wanted =
            static_cast<std::size_t>(std::min<off_t>(left, buffer.end - buffer.start));
        if (file_.file.fd == NGX_INVALID_FILE || wanted == 0) {
            if (open_quote_ == 0) throw ConfigError("unexpected end of file, expecting \"}\"");
            file_.line = open_quote_;
            throw ConfigError("a quote has no end");
        }
        const ssize_t size = ngx_read_file(&file_.file, buffer.start, wanted, file_.file.offset);
        if (size <= 0) throw ConfigError("cannot read the block");
        buffer.pos = buffer.start;
        buffer.last = buffer.start + size;
        // The text for `nginx -T`.
        if (file_.dump != nullptr) {
            file_.dump->last =
                ngx_cpymem(file_.dump->last, buffer.start, static_cast<std::size_t>(size));
        }
    }

    ngx_conf_file_t& file_;
    // The line on which it began; 0: none.
    ngx_uint_t open_quote_ = 0;
};

bool names_variable(std::string_view text) {
    const auto names = variables_in(text);
    return std::ranges::any_of(names, [](const std::string& name) { return !name.empty(); });
}

// Warns of the attacks that a scheme allows after one delivery was seen.
void warn_about_weakness(ngx_conf_t* cf, const Scheme& scheme, const ConfigPosition& place) {
    const std::string name = "the scheme " + in_quotes(scheme.name);
    const auto warn = [&](const std::string& weakness) {
        remark(cf, NGX_LOG_WARN, "the signature of " + name + " " + weakness, place);
    };
    if (!scheme.event_key_tells_events_apart()) {
        remark(cf, NGX_LOG_WARN, "the event_key of " + name + " is the same for different events",
               place);
    }
    for (const TemplatePart& part : scheme.signed_parts) {
        if (part.kind != TemplatePart::Kind::literal || !names_variable(part.text)) continue;
        remark(cf, NGX_LOG_WARN,
               "\"signed\" of " + name + " takes " + in_quotes(part.text) +
                   " as it stands: a header's value is \"{header:Name}\"",
               place);
    }
    if (scheme.presents_secret()) return;
    if (scheme.takes_unsigned_fields()) {
        warn("does not cover the other fields of the form");
    } else if (!scheme.covers_body()) {
        warn("does not cover the body");
    }
    if (!scheme.covers_timestamp()) warn("does not cover the timestamp");
    if (scheme.signs(TemplatePart::Kind::form)) {
        warn("does not tell where names and values of \"{form}\" begin and end");
    }
    const std::string parts = ambiguous_parts(scheme, true);
    if (!parts.empty()) warn("does not tell where " + parts + " begin and end");
}

void define_scheme(const Directive& directive, MainConf& conf) {
    const std::string_view name = directive.argument(0);
    if (name.empty() || has_control_character(name) || name == "off") {
        directive.reject(name, "a name other than \"off\"");
    }
    directive.require_utf8("the name", name);
    if (preset_scheme(name)) {
        throw ConfigError("the scheme " + in_quotes(name) + " is a preset, choose another name");
    }
    if (conf.schemes.contains(name)) throw ConfigError("duplicate scheme " + in_quotes(name));
    ngx_conf_file_t& file = *directive.cf->conf_file;
    const ConfigPosition place = directive.place();
    const std::string text = BlockReader(file).read();
    try {
        auto scheme = std::make_shared<const Scheme>(parse_user_scheme(name, text));
        warn_about_weakness(directive.cf, *scheme, place);
        conf.schemes.emplace(name, std::move(scheme));
    } catch (const SchemeTextError& error) {
        // For the message that nginx ends with the line.
        file.line = place.line + error.line - 1;
        throw ConfigError("invalid scheme " + in_quotes(name) + ": " + error.what());
    } catch (const ConfigError& error) {
        throw ConfigError("invalid scheme " + in_quotes(name) + ": " + error.what());
    }
}

// webhook SCHEME [name=ENDPOINT] | off

void set_webhook(const Directive& directive, LocConf& conf) {
    require_first(!conf.gate, directive);
    auto gate = std::make_shared<GateDirective>();
    gate->place = directive.place();
    gate->on = directive.argument(0) != "off";
    gate->scheme = directive.argument(0);
    if (directive.arguments().size() > 1) {
        const auto name = option(directive.argument(1), "name");
        if (!name || name->empty() || has_control_character(*name) || !gate->on) {
            directive.reject_unknown(directive.argument(1), "name=ENDPOINT, not with \"off\"");
        }
        directive.require_utf8("\"name=\"", *name);
        if (name->size() > kLongestEndpoint) {
            throw ConfigError("\"name=\" in \"webhook\" is longer than " +
                              std::to_string(kLongestEndpoint) + " bytes");
        }
        directive.warn_about_quotes(directive.argument(1), *name);
        gate->name = *name;
        gate->name_variables = directive.compile(*name);
        gate->variables = variables_in(*name);
        gate->has_capture = has_capture(*name);
        record_variables(directive, gate->variables);
        for (const std::string& variable : gate->variables) {
            if (!has_trait(variable, Trait::of_delivery)) continue;
            directive.reject(directive.argument(1),
                             "no variable of a delivery, which has the name");
        }
        refuse_variables(directive, gate->variables, false);
    }
    conf.gate = std::move(gate);
}

// webhook_secret VALUE | file:PATH | env:NAME [id=ID] [not_after=RFC3339]

// The sender of a request could sign it with its own secret.
void warn_about_variables(const Directive& directive, std::string_view value,
                          const std::vector<std::string>& names) {
    const bool all = std::ranges::all_of(names, [](std::string_view name) {
        return has_trait(name, Trait::of_sender) || has_trait(name, Trait::known_to_others);
    });
    if (all && any_has(names, Trait::of_sender)) {
        directive.warn("this webhook_secret is what the sender sends: anyone can sign with it");
    } else if (all && any_has(names, Trait::known_to_others)) {
        directive.warn("this webhook_secret is what others know or guess: anyone can sign with it");
    }
    if (has_capture(value)) {
        directive.warn(
            "\"$\" and a digit in this webhook_secret are what a regular expression "
            "found in the request: a secret with \"$\" in it belongs into "
            "\"file:\" or \"env:\"");
    }
}

constexpr std::string_view kFile = "file:";
constexpr std::string_view kEnvironment = "env:";

bool stands_elsewhere(std::string_view secret) {
    return secret.starts_with(kFile) || secret.starts_with(kEnvironment);
}

SecretFile fixed_secret(const Directive& directive, std::string_view value) {
    SecretFile found{std::string(value), false};
    if (value.starts_with(kFile)) {
        found = secret_from_file(directive.path(value.substr(kFile.size())));
    } else if (value.starts_with(kEnvironment)) {
        found.secret = secret_from_environment(found.secret.substr(kEnvironment.size()));
    }
    if (found.secret.empty()) throw ConfigError("empty " + in_quotes(directive.name()));
    return found;
}

void read_secret(const Directive& directive, std::string_view value, SecretSource& source) {
    SecretFile found = fixed_secret(directive, value);
    source.text = std::move(found.secret);
    // Reported later, when the scheme is known: a public key may be readable.
    source.readable_by_others = found.readable_by_others;
    if (value.starts_with(kFile)) source.path = directive.path(value.substr(kFile.size()));
    if (stands_elsewhere(value)) return;
    const std::vector<std::string> names = variables_in(value);
    if (names.empty() && !has_capture(value)) return;
    if (std::ranges::count(names, "") != 0) {
        throw ConfigError(
            "\"webhook_secret\" has a \"$\" that begins no variable: a secret with \"$\" in it "
            "belongs into \"file:\" or \"env:\"");
    }
    if (has_open_brace(value)) {
        throw ConfigError(
            "\"webhook_secret\" has a \"${\" without a \"}\": a secret with \"$\" in it belongs "
            "into "
            "\"file:\" or \"env:\"");
    }
    if (any_has(names, Trait::of_delivery)) {
        throw ConfigError(
            "the variables of this webhook_secret are of the delivery: anyone can sign with it, "
            "allowed: others than \"webhook_...\"; a secret with \"$\" in it belongs into "
            "\"file:\" or \"env:\"");
    }
    refuse_variables(directive, names, true);
    source.variables = directive.compile(value);
    source.oddity = std::make_shared<SharedNotice>();
    warn_about_variables(directive, value, names);
    record_variables(directive, names);
}

void add_secret(const Directive& directive, LocConf& conf) {
    SecretSource source;
    source.place = directive.place();
    const std::string_view value = directive.argument(0);
    if (directive.arguments().size() > 1 && (value == kFile || value == kEnvironment)) {
        throw ConfigError(
            "a space behind " + in_quotes(value) +
            " in \"webhook_secret\", allowed: " + (value == kFile ? "file:PATH" : "env:NAME"));
    }
    for (std::string_view argument : directive.arguments().subspan(1)) {
        if (const auto id = option(argument, "id")) {
            if (!source.id.empty()) fail_duplicate(directive, "id=");
            if (id->empty() || has_control_character(*id)) {
                directive.reject(argument, "id=ID, not empty");
            }
            directive.require_utf8("\"id=\"", *id);
            directive.warn_about_quotes(argument, *id);
            source.id = *id;
        } else if (const auto time = option(argument, "not_after")) {
            if (source.not_after) fail_duplicate(directive, "not_after=");
            source.not_after = parse_rfc3339(*time);
            if (!source.not_after) {
                directive.reject(argument, "an RFC 3339 time, such as 2026-12-31T00:00:00Z");
            }
        } else {
            // It is not shown, since it may be a piece of a secret that should have been in quotes.
            throw ConfigError(
                "invalid parameter in \"webhook_secret\", allowed: id=ID, not_after=RFC3339");
        }
    }
    read_secret(directive, directive.argument(0), source);
    if (source.not_after) {
        source.expiry = std::make_shared<SharedNotice>();
        if (*source.not_after <= now() && source.expiry->is_first()) {
            directive.warn("the \"not_after\" of this webhook_secret has passed");
        }
    }
    if (!conf.secret_sources) {
        conf.secret_sources = std::make_shared<std::vector<SecretSource>>();
    }
    conf.secret_sources->push_back(std::move(source));
}

void set_mode(const Directive& directive, LocConf& conf) {
    require_first(!conf.mode, directive);
    const std::string_view mode = directive.argument(0);
    if (mode != "enforce" && mode != "monitor") directive.reject(mode, "enforce, monitor");
    conf.mode = mode == "enforce" ? Mode::enforce : Mode::monitor;
}

// webhook_tolerance PAST [FUTURE]

// No sender's retries keep the first timestamp for longer.
constexpr Milliseconds kWideTolerance = std::chrono::hours(24);

void set_tolerance(const Directive& directive, LocConf& conf) {
    require_first(!conf.tolerance, directive);
    Tolerance tolerance{};
    tolerance.past = duration(directive, directive.argument(0), directive.argument(0));
    const std::string_view future = directive.arguments().back();
    tolerance.future = duration(directive, future, future);
    if (tolerance.past < std::chrono::seconds(1)) {
        directive.reject(directive.argument(0), "a time of at least 1s");
    }
    if (std::max(tolerance.past, tolerance.future) > kWideTolerance) {
        ngx_conf_log_error(NGX_LOG_WARN, directive.cf, 0,
                           "this webhook_tolerance is longer than a day, and so is the time in "
                           "which a delivery can be replayed (\"M\" are months, \"m\" minutes)");
    }
    conf.tolerance = tolerance;
}

struct MethodName {
    std::string_view name;
    ngx_uint_t bit;
};

constexpr MethodName kMethods[] = {
    {"GET", NGX_HTTP_GET},         {"HEAD", NGX_HTTP_HEAD},     {"POST", NGX_HTTP_POST},
    {"PUT", NGX_HTTP_PUT},         {"DELETE", NGX_HTTP_DELETE}, {"PATCH", NGX_HTTP_PATCH},
    {"OPTIONS", NGX_HTTP_OPTIONS},
};

void set_methods(const Directive& directive, LocConf& conf) {
    require_first(conf.methods == nullptr, directive);
    Methods methods{0, {}, {}};
    std::vector<std::string_view> names;
    for (const MethodName& row : kMethods) names.push_back(row.name);
    for (std::string_view argument : directive.arguments()) {
        const auto row = std::ranges::find(kMethods, argument, &MethodName::name);
        if (row == std::end(kMethods)) directive.reject(argument, joined(names));
        methods.mask |= row->bit;
    }
    // In a fixed order, since another order is the same demand.
    for (const MethodName& row : kMethods) {
        if ((methods.mask & row.bit) != 0) methods.names.emplace_back(row.name);
    }
    methods.allow = joined({methods.names.begin(), methods.names.end()});
    conf.methods = std::make_shared<const Methods>(std::move(methods));
}

void set_require_tls(const Directive& directive, LocConf& conf) {
    require_first(!conf.require_tls, directive);
    conf.require_tls = on_or_off(directive);
}

// webhook_allow ADDRESS | CIDR | unix: | file:PATH[#/json/pointer] ...

std::shared_ptr<AddressFile> address_file(const Directive& directive, std::string_view argument) {
    const std::size_t hash = argument.find('#');
    const std::string path = directive.path(argument.substr(0, hash));
    std::optional<std::string> pointer;
    if (hash != std::string_view::npos) {
        pointer = argument.substr(hash + 1);
        check_json_pointer(*pointer);
    }
    auto& files = main_conf(directive.cf).address_files;
    for (const auto& file : files) {
        if (file->path() == path && file->pointer() == pointer) return file;
    }
    files.push_back(std::make_shared<AddressFile>(path, pointer));
    return files.back();
}

void add_sources(const Directive& directive, LocConf& conf) {
    if (!conf.sources) conf.sources = std::make_shared<Allowlist>();
    for (std::string_view argument : directive.arguments()) {
        if (argument == "unix:") {
            conf.sources->allow_unix();
        } else if (argument.starts_with(kFile)) {
            conf.sources->allow(address_file(directive, argument.substr(kFile.size())));
        } else if (const auto range = parse_address_range(argument)) {
            if (range->host_bits) {
                directive.warn("low address bits of " + std::string(argument) + " are meaningless");
            }
            conf.sources->allow(*range);
        } else {
            directive.reject(argument,
                             "an IPv4 or IPv6 address or CIDR, unix:, file:PATH[#/json/pointer]");
        }
    }
}

// Other users could replace the file.
void warn_about_open_directory(const Directive& directive, const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0) return;
    if ((status.st_mode & S_IWOTH) == 0 || (status.st_mode & S_ISVTX) != 0) return;
    directive.warn("everybody can write to the directory " + in_quotes(directory) +
                   " of the state file, and replace it");
}

void set_name_and_size(const Directive& directive, std::string_view argument,
                       std::string_view name_and_size, DedupZone& zone) {
    const std::size_t colon = name_and_size.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        directive.reject(argument, "zone=NAME:SIZE");
    }
    ngx_str_t text = to_ngx(name_and_size.substr(colon + 1));
    const ssize_t size = ngx_parse_size(&text);
    if (size == NGX_ERROR) {
        directive.reject(argument, "zone=NAME:SIZE, a size in bytes, k or m, such as events:64m");
    }
    zone.name = name_and_size.substr(0, colon);
    zone.size = static_cast<std::size_t>(size);
}

// webhook_dedup_zone zone=NAME:SIZE [ttl=TIME] [full=evict|reject] [state=PATH]
//     [redis=NAME [lease=TIME] [on_error=local|reject]]

constexpr Milliseconds kDefaultLease = std::chrono::seconds(20);
constexpr Milliseconds kShortestLease = std::chrono::seconds(1);
constexpr Milliseconds kLongestLease = std::chrono::hours(1);

Milliseconds lease(const Directive& directive, std::string_view argument, std::string_view value) {
    const Milliseconds time = duration(directive, argument, value);
    if (time < kShortestLease || time > kLongestLease) {
        directive.reject(argument, "a time from 1s to 1h");
    }
    return time;
}

// Returns false for an argument that says nothing of a fleet.
bool read_fleet_option(const Directive& directive, std::string_view argument,
                       FleetDirective& fleet) {
    if (const auto name = option(argument, "redis")) {
        if (name->empty() || name->find(':') != std::string_view::npos) {
            directive.reject(argument, "redis=NAME, the name of a \"webhook_redis\" and not a URL");
        }
        fleet.redis = *name;
    } else if (const auto time = option(argument, "lease")) {
        fleet.lease = lease(directive, argument, *time);
    } else if (const auto what = option(argument, "on_error")) {
        if (*what != "local" && *what != "reject") {
            directive.reject(argument, "on_error=local, on_error=reject");
        }
        fleet.on_error = *what == "local" ? OnError::local : OnError::reject;
    } else {
        return false;
    }
    return true;
}

void add_fleet(const Directive& directive, MainConf& conf, FleetDirective fleet) {
    for (const std::string_view name : {"lease", "on_error"}) {
        const bool is_there = std::ranges::any_of(directive.arguments(), [name](auto argument) {
            return option(argument, name).has_value();
        });
        if (is_there && fleet.redis.empty()) {
            throw ConfigError("\"" + std::string(name) + "=\" in " + in_quotes(directive.name()) +
                              " is of no use without \"redis=\"");
        }
    }
    if (fleet.redis.empty()) return;
    if (fleet.zone->name.find_first_of("{}") != std::string::npos) {
        throw ConfigError("the name of a zone with \"redis=\" may not hold a brace");
    }
    conf.fleet_directives.push_back(std::move(fleet));
}

void define_zone(const Directive& directive, MainConf& conf) {
    require_single_parameters(directive);
    auto& zone = make_in_pool<DedupZone>(directive.cf->pool);
    zone.ttl = kDefaultTtl;
    zone.place = directive.place();
    FleetDirective fleet{&zone, "", kDefaultLease, OnError::local, directive.place()};
    for (std::string_view argument : directive.arguments()) {
        if (const auto name_and_size = option(argument, "zone")) {
            set_name_and_size(directive, argument, *name_and_size, zone);
        } else if (const auto time = option(argument, "ttl")) {
            zone.ttl = ttl(directive, argument, *time);
        } else if (const auto full = option(argument, "full")) {
            if (*full != "evict" && *full != "reject") {
                directive.reject(argument, "full=evict, full=reject");
            }
            zone.when_full = *full == "evict" ? WhenFull::evict : WhenFull::reject;
        } else if (const auto path = option(argument, "state")) {
            zone.state = directive.runtime_path(*path);
            if (zone.state.find(".earlier-", zone.state.rfind('/')) != std::string::npos) {
                throw ConfigError(
                    "invalid \"state=" + std::string(*path) + "\" in " +
                    in_quotes(directive.name()) +
                    ", allowed: a path without \".earlier-\", which marks other files");
            }
        } else if (!read_fleet_option(directive, argument, fleet)) {
            directive.reject_unknown(argument,
                                     "zone=NAME:SIZE, ttl=TIME, full=evict|reject, state=PATH, "
                                     "redis=NAME, lease=TIME, on_error=local|reject");
        }
    }
    if (zone.name.empty()) throw ConfigError(in_quotes(directive.name()) + " has no \"zone=\"");
    directive.require_utf8("\"zone=\"", zone.name);
    for (const auto& [name, other] : conf.zones) {
        if (!zone.state.empty() && canonical_path(other->state) == canonical_path(zone.state)) {
            throw ConfigError("the state file " + in_quotes(zone.state) + " is that of the zone " +
                              in_quotes(name) + " already");
        }
    }
    if (!zone.state.empty()) warn_about_open_directory(directive, zone.state);
    zone.request_memory(directive.cf);
    conf.zones.emplace(zone.name, &zone);
    add_fleet(directive, conf, std::move(fleet));
}

// webhook_redis NAME URL [user=NAME] [password=VALUE|file:PATH|env:NAME] [ca=FILE] [timeout=TIME]

constexpr std::string_view kRedisAllowed =
    "NAME URL, user=NAME, password=VALUE|file:PATH|env:NAME, ca=FILE, timeout=TIME";
constexpr Milliseconds kShortestRedisTimeout(1);
constexpr Milliseconds kLongestRedisTimeout = std::chrono::seconds(10);
constexpr Milliseconds kLongestUsualTimeout = std::chrono::seconds(1);

std::string redis_password(const Directive& directive, std::string_view value) {
    if (!stands_elsewhere(value) && value.find('$') != std::string_view::npos) {
        throw ConfigError("the \"password=\" of " + in_quotes(directive.name()) +
                          " may not hold variables: one with \"$\" in it belongs into \"file:\" or "
                          "\"env:\"");
    }
    if (value.empty()) throw ConfigError("empty \"password=\" in " + in_quotes(directive.name()));
    SecretFile found = fixed_secret(directive, value);
    if (found.readable_by_others) {
        directive.warn(readable_by_others(directive.path(value.substr(kFile.size()))));
    }
    for (const std::string_view oddity : oddities_of(found.secret)) {
        directive.warn("the \"password=\" of this webhook_redis " + std::string(oddity));
    }
    return std::move(found.secret);
}

ngx_msec_t redis_timeout(const Directive& directive, std::string_view argument,
                         std::string_view value) {
    const Milliseconds time = duration(directive, argument, value);
    if (time < kShortestRedisTimeout || time > kLongestRedisTimeout) {
        directive.reject(argument, "a time from 1ms to 10s, such as 50ms");
    }
    if (time > kLongestUsualTimeout) {
        directive.warn(
            "the \"timeout=\" of this webhook_redis may delay each delivery for twice as "
            "long: a second is far more than a Redis needs");
    }
    return static_cast<ngx_msec_t>(time.count());
}

void read_redis_name(const Directive& directive, const MainConf& conf, RedisServer& server) {
    server.name = directive.argument(0);
    const bool is_name = !server.name.empty() && !has_control_character(server.name) &&
                         server.name.find_first_of("=:/") == std::string::npos;
    if (!is_name) directive.reject_unknown(server.name, "a name, then a URL");
    directive.require_utf8("the name", server.name);
    if (conf.redis_servers.contains(server.name)) {
        throw ConfigError("duplicate " + in_quotes(directive.name()) + " " +
                          in_quotes(server.name));
    }
}

void read_redis_url(const Directive& directive, RedisServer& server) {
    try {
        server.address = redis::parse_url(directive.argument(1));
    } catch (const ConfigError& error) {
        throw ConfigError(in_quotes(directive.name()) + ": " + error.what());
    }
}

void read_redis_option(const Directive& directive, std::string_view argument, RedisServer& server,
                       std::string& ca) {
    if (const auto user = option(argument, "user")) {
        if (user->empty()) directive.reject(argument, "user=NAME, not empty");
        server.login.user = *user;
    } else if (const auto password = option(argument, "password")) {
        server.login.password = redis_password(directive, *password);
    } else if (const auto file = option(argument, "ca")) {
        ca = directive.path(*file);
    } else if (const auto time = option(argument, "timeout")) {
        server.timeout = redis_timeout(directive, argument, *time);
    } else {
        directive.reject_unknown(argument, kRedisAllowed);
    }
}

void set_redis_tls(const Directive& directive, RedisServer& server, const std::string& ca) {
    if (!ca.empty() && !server.address.is_tls) {
        throw ConfigError("\"ca=\" in " + in_quotes(directive.name()) +
                          " is of no use without \"rediss://\"");
    }
    if (!server.address.is_tls) return;
    try {
        server.tls = std::make_unique<PeerTls>(directive.cf, ca);
    } catch (const ConfigError& error) {
        throw ConfigError(in_quotes(directive.name()) + ": " + error.what());
    }
}

void define_redis(const Directive& directive, MainConf& conf) {
    require_single_parameters(directive);
    auto server = std::make_unique<RedisServer>();
    server->place = directive.place();
    read_redis_name(directive, conf, *server);
    read_redis_url(directive, *server);
    std::string ca;
    for (std::string_view argument : directive.arguments().subspan(2)) {
        read_redis_option(directive, argument, *server, ca);
    }
    if (!server->login.user.empty() && server->login.password.empty()) {
        throw ConfigError("\"user=\" in " + in_quotes(directive.name()) +
                          " has no \"password=\" beside it");
    }
    set_redis_tls(directive, *server, ca);
    server->login.database = server->address.database;
    conf.redis_servers.emplace(server->name, std::move(server));
}

// webhook_dedup zone=NAME [key=VALUE]... [ttl=TIME] [wait=TIME] | off

DedupKey dedup_key(const Directive& directive, std::string_view argument, std::string_view value) {
    directive.warn_about_quotes(argument, value);
    DedupKey key{{DedupKey::Kind::expression, std::string(value)}};
    key.variables = variables_in(value);
    if (has_capture(value)) key.variables.emplace_back("1");
    key.names_event_id = std::ranges::count(key.variables, "webhook_event_id") != 0;
    key.names_event_key = std::ranges::count(key.variables, "webhook_event_key") != 0;
    if (is_variable(value, "webhook_event_id")) {
        key.kind = DedupKey::Kind::event_id;
        key.text = "$webhook_event_id";
    } else if (is_variable(value, "webhook_event_key") ||
               is_variable(value, "webhook_body_sha256")) {
        key.kind = DedupKey::Kind::event_key;
    } else {
        key.expression = directive.compile(value);
        const std::string alone = without_text(value);
        if (key.expression != nullptr && alone.size() != value.size()) {
            key.without_text = directive.compile(alone);
        }
        record_variables(directive, variables_in(value));
        if (key.expression == nullptr) {
            directive.reject(argument, "a value with a variable, such as key=$webhook_event_id");
        }
    }
    return key;
}

void set_dedup(const Directive& directive, LocConf& conf) {
    require_first(conf.dedup_directive == nullptr, directive);
    require_single_parameters(directive, "key=");
    auto dedup = std::make_shared<Dedup>();
    dedup->place = directive.place();
    dedup->on = !directive.is("off");
    for (std::string_view argument : directive.arguments()) {
        if (!dedup->on) break;
        if (const auto zone = option(argument, "zone")) {
            dedup->zone_name = *zone;
        } else if (const auto key = option(argument, "key")) {
            dedup->keys.push_back(dedup_key(directive, argument, *key));
        } else if (const auto time = option(argument, "ttl")) {
            dedup->ttl = ttl(directive, argument, *time);
        } else if (const auto wait = option(argument, "wait")) {
            dedup->wait = duration(directive, argument, *wait);
        } else {
            directive.reject_unknown(argument,
                                     "zone=NAME, key=VALUE, ttl=TIME, wait=TIME, or off alone");
        }
    }
    if (dedup->on && dedup->zone_name.empty()) {
        throw ConfigError(in_quotes(directive.name()) + " has no \"zone=\"");
    }
    if (dedup->keys.size() > kMostKeys) {
        throw ConfigError("too many \"key=\" in " + in_quotes(directive.name()) +
                          ", allowed: " + std::to_string(kMostKeys));
    }
    conf.dedup_directive = std::move(dedup);
}

// webhook_url STRING

// The text is hashed as it is. One that begins with a `/`, or a variable, may be the whole signed
// URL.
void warn_about_url_without_scheme(const Directive& directive, std::string_view url) {
    const auto begins_with = [url](std::string_view text) { return url.starts_with(text); };
    const bool is_host = std::ranges::any_of(
        std::initializer_list<std::string_view>{"$host", "${host}", "$http_host", "${http_host}",
                                                "$server_name", "${server_name}"},
        begins_with);
    const bool may_be_whole = url.starts_with('/') || (url.starts_with('$') && !is_host);
    if (may_be_whole || url.find("://") != std::string_view::npos) return;
    directive.warn(
        "this webhook_url does not begin with \"https://\" or \"http://\", which "
        "senders sign with it");
}

// Without a proxy that sets it, any client can choose it.
void warn_about_chosen_url(const Directive& directive, std::string_view url) {
    for (const std::string& variable : variables_in(url)) {
        const bool is_chosen = variable != "http_host" && has_trait(variable, Trait::of_sender) &&
                               (variable.starts_with("http_") || variable.starts_with("arg_") ||
                                variable.starts_with("cookie_"));
        if (!is_chosen) continue;
        ngx_conf_log_error(NGX_LOG_WARN, directive.cf, 0,
                           "the sender of a request chooses \"$%s\" of this webhook_url, unless "
                           "a proxy before nginx sets it for every request",
                           variable.c_str());
    }
}

// Every byte is hashed, and no sender has these.
void warn_about_odd_url(const Directive& directive, std::string_view url) {
    const std::string_view text = without_padding(url, " \t\r\n\v\f");
    if (text.size() < url.size()) directive.warn("this webhook_url has white space at an end");
    if (has_control_character(text)) directive.warn("this webhook_url holds control characters");
    if (text.find('#') != std::string_view::npos)
        directive.warn("this webhook_url has a fragment, which hardly any sender signs");
}

void set_url(const Directive& directive, LocConf& conf) {
    require_first(conf.url == nullptr, directive);
    if (directive.argument(0).empty()) throw ConfigError("empty " + in_quotes(directive.name()));
    conf.url = directive.compile_any(directive.argument(0));
    refuse_variables(directive, variables_in(directive.argument(0)), true);
    record_variables(directive, variables_in(directive.argument(0)));
    const std::string_view host = host_variables(directive.argument(0));
    if (!host.empty()) conf.url_host = directive.compile_any(host);
    warn_about_odd_url(directive, directive.argument(0));
    warn_about_url_without_scheme(directive, directive.argument(0));
    warn_about_chosen_url(directive, directive.argument(0));
}

// webhook_handshake on | off [token=VALUE | token=file:PATH | token=env:NAME]

void set_handshake(const Directive& directive, LocConf& conf) {
    require_first(conf.handshake == nullptr, directive);
    auto handshake = std::make_shared<HandshakeSwitch>();
    handshake->place = directive.place();
    handshake->on = directive.argument(0) == "on";
    // The wrong argument is not shown, since it may be a token.
    if (!handshake->on && directive.argument(0) != "off") {
        throw ConfigError("invalid parameter in \"webhook_handshake\", allowed: on, off");
    }
    if (directive.arguments().size() > 1) {
        const auto token = option(directive.argument(1), "token");
        if (!token || !handshake->on) {
            throw ConfigError(
                "invalid parameter in \"webhook_handshake\", allowed: token=VALUE, "
                "not with \"off\"");
        }
        if (!stands_elsewhere(*token) && token->find('$') != std::string_view::npos) {
            throw ConfigError(
                "the \"token=\" of \"webhook_handshake\" may not hold variables: one with \"$\" in "
                "it "
                "belongs into \"file:\" or \"env:\"");
        }
        const auto [text, readable] = fixed_secret(directive, *token);
        if (readable) {
            directive.warn(readable_by_others(directive.path(token->substr(kFile.size()))));
        }
        for (std::string_view oddity : oddities_of(text)) {
            directive.warn("the \"token=\" of this webhook_handshake " + std::string(oddity));
        }
        handshake->token = sha256(text);
    }
    conf.handshake = std::move(handshake);
}

// webhook_events PATTERN ...

// A type that no sender has, so that every event would be lost in silence.
void warn_about_odd_pattern(const Directive& directive, std::string_view pattern) {
    if (pattern.find(',') != std::string_view::npos) {
        directive.warn("the \",\" in " + in_quotes(pattern) +
                       " of this webhook_events is part of it: patterns are separated by spaces");
    }
    if (pattern.starts_with('~') || pattern.starts_with('^')) {
        directive.warn(in_quotes(pattern) +
                       " of this webhook_events is no regular expression: \"*\" stands for any "
                       "characters");
    }
}

void set_events(const Directive& directive, LocConf& conf) {
    require_first(conf.events == nullptr, directive);
    auto events = std::make_shared<Events>();
    events->place = directive.place();
    for (std::string_view pattern : directive.arguments()) {
        if (has_control_character(pattern)) {
            throw ConfigError("a pattern of " + in_quotes(directive.name()) +
                              " holds a control character");
        }
        try {
            events->filter.add(pattern);
        } catch (const ConfigError& error) {
            throw ConfigError(error.what() + (" in " + in_quotes(directive.name())));
        }
        warn_about_odd_pattern(directive, pattern);
    }
    conf.events = std::move(events);
}

// webhook_schema FILE [type=PATTERN] | off

std::optional<EventPattern> type_of_schema(const Directive& directive) {
    if (directive.arguments().size() == 1) return std::nullopt;
    const std::string_view argument = directive.argument(1);
    const auto type = option(argument, "type");
    if (!type || has_control_character(*type) || type->starts_with('!')) {
        directive.reject(argument, "type=PATTERN without \"!\"");
    }
    if (*type == "\"\"") return EventPattern("");
    directive.warn_about_quotes(argument, *type);
    return EventPattern(*type);
}

// The first schema that is for a type counts.
void warn_about_hidden_schema(const Directive& directive, const Schemas& earlier,
                              const std::optional<EventPattern>& type) {
    const bool is_hidden = std::ranges::any_of(earlier.rules, [&type](const Schemas::Rule& rule) {
        return !rule.type || rule.type == type;
    });
    if (is_hidden) {
        directive.warn("this webhook_schema is never used: an earlier one is for the same types");
    }
}

void add_schema(const Directive& directive, LocConf& conf) {
    const std::string_view file = directive.argument(0);
    const bool is_off = file == "off";
    const bool was_off = conf.schemas && conf.schemas->rules.empty();
    require_first(!was_off && (!is_off || !conf.schemas), directive);
    if (is_off && directive.arguments().size() > 1) {
        directive.reject(directive.argument(1), "\"off\" alone");
    }
    if (!conf.schemas) conf.schemas = std::make_shared<Schemas>();
    if (is_off) return;
    Schemas::Rule rule;
    rule.place = directive.place();
    rule.type = type_of_schema(directive);
    rule.schema = find_schema(directive.cf, directive.path(file), rule.place);
    warn_about_hidden_schema(directive, *conf.schemas, rule.type);
    conf.schemas->rules.push_back(std::move(rule));
}

// webhook_response REASON STATUS [TEXT [type=MEDIA/TYPE]]

// Reasons for which no upstream has the delivery.
constexpr Reason kNotDelivered[] = {
    Reason::incomplete_body, Reason::unavailable, Reason::cached,
    Reason::bad_answer,      Reason::internal,
};

// Reasons caused by the configuration, a clock, a rotated secret or the sender's own payload.
constexpr Reason kOfGenuineSenders[] = {
    Reason::no_endpoint,      Reason::stale_timestamp,  Reason::future_timestamp,
    Reason::no_secret,        Reason::bad_signature,    Reason::invalid_payload,
    Reason::missing_event_id, Reason::schema_violation,
};

bool is_one_of(Reason reason, std::span<const Reason> reasons) {
    return std::ranges::find(reasons, reason) != reasons.end();
}

// A sender that gets a 2xx never sends the event again.
void check_success(const Directive& directive, Reason reason) {
    if (is_one_of(reason, kNotDelivered)) {
        throw ConfigError("a status of 2xx for " + in_quotes(info(reason).name) + " in " +
                          in_quotes(directive.name()) +
                          " loses the event: the sender takes it for delivered, allowed: 4xx, 5xx");
    }
    if (is_one_of(reason, kOfGenuineSenders)) {
        directive.warn("a status of 2xx for " + in_quotes(info(reason).name) +
                       " loses the event of a sender that is genuine: it is not sent again");
    }
    if (reason == Reason::in_flight) {
        directive.warn(
            "a status of 2xx for \"in_flight\" loses the event where the delivery "
            "under way fails: the sender does not send it again");
    }
}

// Reasons whose events the sender has no reason to send again.
struct Settled {
    Reason reason;
    std::string_view event;
};

constexpr Settled kSettled[] = {
    {Reason::duplicate, "what was delivered"},
    {Reason::filtered, "what nobody wants"},
};

// A sender takes any other status for a failure.
void warn_about_repeats(const Directive& directive, Reason reason) {
    const auto* row = std::ranges::find(kSettled, reason, &Settled::reason);
    if (row == std::end(kSettled)) return;
    directive.warn("a status of " + std::string(directive.argument(1)) + " for " +
                   in_quotes(info(reason).name) + " makes a sender repeat " +
                   std::string(row->event) + ": 2xx ends it");
}

// Statuses that nginx uses internally and never sends.
constexpr std::int64_t kOfNginx[] = {494, 495, 496, 497, 499};

// For these, the upstream's header has arrived, and only the response can be replaced.
constexpr Reason kInsteadOfAnswer[] = {Reason::cached, Reason::bad_answer};

std::int64_t response_status(const Directive& directive, Reason reason) {
    const std::string_view text = directive.argument(1);
    const auto status = parse_digits(text);
    const bool known =
        status && ((*status >= 200 && *status < 300) || (*status >= 400 && *status < 600));
    if (!known) directive.reject(text, "a status of 2xx, 4xx or 5xx");
    if (std::ranges::count(kOfNginx, *status) != 0) {
        directive.reject(text,
                         "a status of 2xx, 4xx or 5xx other than 494 to 497 and 499, which mean "
                         "something else to nginx; 444 closes the connection");
    }
    if (*status == NGX_HTTP_CLOSE && is_one_of(reason, kInsteadOfAnswer)) {
        directive.reject(text, "a status other than 444, since the upstream has answered");
    }
    if (*status == NGX_HTTP_REQUEST_TIME_OUT && directive.arguments().size() == 2) {
        directive.reject(text, "408 with a text (nginx sends none without), 444");
    }
    return *status;
}

bool has_no_body(ngx_uint_t status) {
    constexpr ngx_uint_t kResetContent = 205;
    return status == NGX_HTTP_NO_CONTENT || status == kResetContent || status == NGX_HTTP_CLOSE;
}

void set_text(const Directive& directive, Reason reason, ResponseOverride& answer) {
    constexpr std::string_view kTypeAllowed = "type=MEDIA/TYPE, behind a text";
    if (option(directive.argument(2), "type"))
        directive.reject(directive.argument(2), kTypeAllowed);
    auto* text = static_cast<ngx_str_t*>(allocate(directive.cf->pool, sizeof(ngx_str_t)));
    *text = copy_to_pool(directive.cf->pool, directive.argument(2));
    if (is_one_of(reason, kInsteadOfAnswer)) {
        directive.reject(directive.argument(2), "no text for " + in_quotes(info(reason).name) +
                                                    ", since the upstream has answered");
    }
    if (has_no_body(answer.status)) {
        const std::string_view status = directive.argument(1);
        directive.reject(status, std::string(status) + " without a text");
    }
    answer.text = text;
    if (directive.arguments().size() == 3) return;
    const auto type = option(directive.argument(3), "type");
    if (!type || !is_media_type(*type)) directive.reject(directive.argument(3), kTypeAllowed);
    answer.type = to_view(copy_to_pool(directive.cf->pool, *type));
}

void set_response(const Directive& directive, LocConf& conf) {
    const std::string_view name = directive.argument(0);
    const auto reason = find_reason(name);
    const auto is_fixed = [](Reason each) {
        return each == Reason::accepted || each == Reason::handshake;
    };
    if (!reason || is_fixed(*reason)) {
        std::vector<std::string_view> names;
        for (const ReasonInfo& row : all_reasons()) {
            if (!is_fixed(row.reason)) names.push_back(row.name);
        }
        directive.reject(name, joined(names));
    }
    auto& answer = conf.answers[static_cast<std::size_t>(*reason)];
    if (answer) throw ConfigError("duplicate \"webhook_response\" for " + in_quotes(name));
    const std::int64_t status = response_status(directive, *reason);
    answer = ResponseOverride{static_cast<ngx_uint_t>(status), nullptr};
    if (status < 300) {
        check_success(directive, *reason);
    } else {
        warn_about_repeats(directive, *reason);
    }
    if (directive.arguments().size() > 2) set_text(directive, *reason, *answer);
}

void set_reason_header(const Directive& directive, LocConf& conf) {
    require_first(!conf.reason_header, directive);
    conf.reason_header = on_or_off(directive);
}

struct LogLevel {
    std::string_view name;
    ngx_uint_t level;
};

constexpr LogLevel kLogLevels[] = {
    {"info", NGX_LOG_INFO},
    {"notice", NGX_LOG_NOTICE},
    {"warn", NGX_LOG_WARN},
    {"error", NGX_LOG_ERR},
};

void set_log_level(const Directive& directive, LocConf& conf) {
    require_first(!conf.log_level, directive);
    const auto row = std::ranges::find(kLogLevels, directive.argument(0), &LogLevel::name);
    if (row == std::end(kLogLevels)) {
        directive.reject(directive.argument(0), "info, notice, warn, error");
    }
    conf.log_level = row->level;
    if (directive.arguments().size() == 1) return;
    const auto limit = option(directive.argument(1), "limit");
    if (limit != "on" && limit != "off") {
        directive.reject(directive.argument(1), "limit=on, limit=off");
    }
    conf.limits_log = limit == "on";
}

void set_payload_max(const Directive& directive, LocConf& conf) {
    require_first(!conf.payload_max, directive);
    ngx_str_t text = to_ngx(directive.argument(0));
    const ssize_t size = ngx_parse_size(&text);
    if (size == NGX_ERROR || size == 0)
        directive.reject(directive.argument(0), "a size above zero in bytes, k or m, such as 1m");
    conf.payload_max = static_cast<std::size_t>(size);
}

struct StatusFormat {
    std::string_view name;
    Status::Format format;
};
constexpr StatusFormat kStatusFormats[] = {
    {"json", Status::Format::json},
    {"prometheus", Status::Format::prometheus},
    {"html", Status::Format::html},
};

struct RecentChoice {
    std::string_view name;
    Status::Recent recent;
};
constexpr RecentChoice kRecentChoices[] = {
    {"on", Status::Recent::on},
    {"off", Status::Recent::off},
    {"anonymous", Status::Recent::anonymous},
};

// webhook_status [json|prometheus|html] [recent=on|off|anonymous]
void set_status(const Directive& directive, LocConf& conf) {
    require_first(!conf.status, directive);
    require_single_parameters(directive);
    auto status = std::make_shared<Status>();
    status->place = directive.place();
    for (const std::string_view argument : directive.arguments()) {
        if (const auto recent = option(argument, "recent")) {
            const auto choice = std::ranges::find(kRecentChoices, *recent, &RecentChoice::name);
            if (choice == std::end(kRecentChoices)) {
                directive.reject(argument, "recent=on, recent=off, recent=anonymous");
            }
            status->recent = choice->recent;
            continue;
        }
        const auto format = std::ranges::find(kStatusFormats, argument, &StatusFormat::name);
        if (format == std::end(kStatusFormats) || argument != directive.argument(0)) {
            directive.reject(argument, "json, prometheus, html, recent=on|off|anonymous");
        }
        status->format = format->format;
    }
    // Hashed now, so that no worker has to.
    content_security_policy();
    conf.status = status;
    auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(directive.cf, ngx_http_core_module));
    core->handler = on_status;
}

// webhook_capture DIR [reasons=LIST] [max=N] [body=SIZE] [keep=TIME] | off

constexpr std::string_view kCaptureAllowed =
    "DIR, reasons=LIST, max=N, body=SIZE, keep=TIME, or off alone";
constexpr std::size_t kDefaultCaptures = 20;
constexpr std::int64_t kMostCaptures = 1000;
constexpr std::size_t kDefaultCapturedBody = 64 * 1024;
// What the gate hashes at once, before others have their turn.
constexpr std::size_t kLongestCapturedBody = 1024 * 1024;
constexpr Milliseconds kDefaultCaptureTime = std::chrono::hours(1);
constexpr Milliseconds kLongestCaptureTime = std::chrono::hours(24 * 30);

std::bitset<kReasonCount> captured_reasons(const Directive& directive, std::string_view list) {
    std::vector<std::string_view> names;
    for (const ReasonInfo& row : all_reasons()) {
        if (can_be_captured(row.reason)) names.push_back(row.name);
    }
    std::bitset<kReasonCount> reasons;
    while (true) {
        const std::size_t end = list.find(',');
        const std::string_view name = list.substr(0, end);
        const auto reason = find_reason(name);
        if (!reason || !can_be_captured(*reason)) {
            directive.reject("reasons=" + std::string(name), joined(names));
        }
        reasons.set(static_cast<std::size_t>(*reason));
        if (end == std::string_view::npos) return reasons;
        list.remove_prefix(end + 1);
    }
}

std::size_t captured_body(const Directive& directive, std::string_view argument,
                          std::string_view value) {
    ngx_str_t text = to_ngx(value);
    const ssize_t size = ngx_parse_size(&text);
    if (size == NGX_ERROR || static_cast<std::size_t>(size) > kLongestCapturedBody) {
        directive.reject(argument, "a size up to 1m in bytes, k or m, such as 64k");
    }
    return static_cast<std::size_t>(size);
}

std::size_t most_captures(const Directive& directive, std::string_view argument,
                          std::string_view value) {
    const auto number = parse_digits(value);
    if (!number || *number < 1 || *number > kMostCaptures) {
        directive.reject(argument, "a number from 1 to " + std::to_string(kMostCaptures));
    }
    return static_cast<std::size_t>(*number);
}

Milliseconds capture_time(const Directive& directive, std::string_view argument,
                          std::string_view value) {
    const Milliseconds time = duration(directive, argument, value);
    if (time < std::chrono::seconds(1) || time > kLongestCaptureTime) {
        directive.reject(argument, "a time from 1s to 30d");
    }
    return time;
}

// Reads an argument behind the directory.
void read_capture_option(const Directive& directive, std::string_view argument, Capture& capture,
                         CaptureLimits& limits) {
    if (const auto reasons = option(argument, "reasons")) {
        capture.reasons = captured_reasons(directive, *reasons);
    } else if (const auto most = option(argument, "max")) {
        limits.max = most_captures(directive, argument, *most);
    } else if (const auto body = option(argument, "body")) {
        capture.body = captured_body(directive, argument, *body);
    } else if (const auto keep = option(argument, "keep")) {
        limits.keep = capture_time(directive, argument, *keep);
    } else {
        directive.reject_unknown(argument, kCaptureAllowed);
    }
}

// The variable has one value for each request if it has an index.
void set_capture(const Directive& directive, LocConf& conf) {
    require_first(!conf.capture, directive);
    require_single_parameters(directive);
    auto capture = std::make_shared<Capture>();
    conf.capture = capture;
    if (directive.is("off")) return;
    if (directive.argument(0) == "off")
        directive.reject_unknown(directive.argument(1), kCaptureAllowed);
    capture->reasons.set();
    capture->body = kDefaultCapturedBody;
    CaptureLimits limits{kDefaultCaptures, kDefaultCaptureTime};
    for (std::string_view argument : directive.arguments().subspan(1)) {
        read_capture_option(directive, argument, *capture, limits);
    }
    const std::string path = directive.runtime_path(directive.argument(0));
    capture->ring = open_capture_ring(directive.cf, path, limits, directive.place());
    directive.warn("refused deliveries are written to " + in_quotes(capture->ring->path()) +
                   ", with their bodies, as long as this webhook_capture is on");
}

// The entry from nginx for the setter of a directive.
template <auto Set, typename Conf>
char* enter(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept try {
    const Directive directive(cf);
    // Reading a block moves on in the file.
    const Written written{to_view(command->name), directive.place(), directive.at()};
    Set(directive, *static_cast<Conf*>(conf));
    if constexpr (std::is_same_v<Conf, LocConf>) {
        static_cast<LocConf*>(conf)->written.push_back(written);
    }
    return NGX_CONF_OK;
} catch (const std::exception& error) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.what());
    return static_cast<char*>(NGX_CONF_ERROR);
}

constexpr ngx_uint_t kAnyLevel = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

template <void (*Set)(const Directive&, LocConf&)>
constexpr ngx_command_t location_command(ngx_str_t name, ngx_uint_t arguments) {
    return {name, kAnyLevel | arguments, enter<Set, LocConf>, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr};
}

// Only a location has a content handler.
template <void (*Set)(const Directive&, LocConf&)>
constexpr ngx_command_t handler_command(ngx_str_t name, ngx_uint_t arguments) {
    return {name,   NGX_HTTP_LOC_CONF | arguments, enter<Set, LocConf>, NGX_HTTP_LOC_CONF_OFFSET, 0,
            nullptr};
}

template <void (*Set)(const Directive&, MainConf&)>
constexpr ngx_command_t main_command(ngx_str_t name, ngx_uint_t arguments) {
    return {
        name,   NGX_HTTP_MAIN_CONF | arguments, enter<Set, MainConf>, NGX_HTTP_MAIN_CONF_OFFSET, 0,
        nullptr};
}

}  // namespace

ngx_command_t commands[] = {
    main_command<define_scheme>(ngx_string("webhook_scheme"), NGX_CONF_BLOCK | NGX_CONF_TAKE1),
    location_command<set_webhook>(ngx_string("webhook"), NGX_CONF_TAKE12),
    location_command<add_secret>(ngx_string("webhook_secret"), NGX_CONF_TAKE123),
    location_command<set_mode>(ngx_string("webhook_mode"), NGX_CONF_TAKE1),
    location_command<set_url>(ngx_string("webhook_url"), NGX_CONF_TAKE1),
    location_command<set_tolerance>(ngx_string("webhook_tolerance"), NGX_CONF_TAKE12),
    location_command<set_methods>(ngx_string("webhook_methods"), NGX_CONF_1MORE),
    location_command<set_require_tls>(ngx_string("webhook_require_tls"), NGX_CONF_TAKE1),
    location_command<add_sources>(ngx_string("webhook_allow"), NGX_CONF_1MORE),
    main_command<define_redis>(ngx_string("webhook_redis"), NGX_CONF_2MORE),
    main_command<define_zone>(ngx_string("webhook_dedup_zone"), NGX_CONF_1MORE),
    location_command<set_dedup>(ngx_string("webhook_dedup"), NGX_CONF_1MORE),
    location_command<set_handshake>(ngx_string("webhook_handshake"), NGX_CONF_TAKE12),
    location_command<set_events>(ngx_string("webhook_events"), NGX_CONF_1MORE),
    location_command<add_schema>(ngx_string("webhook_schema"), NGX_CONF_TAKE12),
    handler_command<set_status>(ngx_string("webhook_status"), NGX_CONF_NOARGS | NGX_CONF_TAKE12),
    location_command<set_response>(ngx_string("webhook_response"),
                                   NGX_CONF_TAKE23 | NGX_CONF_TAKE4),
    location_command<set_reason_header>(ngx_string("webhook_reason_header"), NGX_CONF_TAKE1),
    location_command<set_log_level>(ngx_string("webhook_log_level"), NGX_CONF_TAKE12),
    location_command<set_capture>(ngx_string("webhook_capture"), NGX_CONF_1MORE),
    location_command<set_payload_max>(ngx_string("webhook_payload_max"), NGX_CONF_TAKE1),
    ngx_null_command,
};

}  // namespace webhook::ngx
