#include "webhook/scheme.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "webhook/text.h"

namespace webhook {
namespace {

constexpr Milliseconds kDefaultTolerance = std::chrono::minutes(5);

[[noreturn]] void fail(const std::string& message) {
    throw ConfigError(message);
}

struct AlgorithmName {
    std::string_view name;
    Algorithm algorithm;
    Hash hash;
};

constexpr std::array<AlgorithmName, 5> kAlgorithms{{
    {"hmac-sha1", Algorithm::hmac, Hash::sha1},
    {"hmac-sha256", Algorithm::hmac, Hash::sha256},
    {"hmac-sha384", Algorithm::hmac, Hash::sha384},
    {"hmac-sha512", Algorithm::hmac, Hash::sha512},
    {"token", Algorithm::token, Hash::sha256},
}};

struct KeyEncodingName {
    std::string_view name;
    KeyEncoding encoding;
};

constexpr std::array<KeyEncodingName, 4> kKeyEncodings{{
    {"utf8", KeyEncoding::utf8},
    {"base64", KeyEncoding::base64},
    {"hex", KeyEncoding::hex},
    {"whsec", KeyEncoding::whsec},
}};

struct PlaceholderName {
    std::string_view name;
    SignedPart::Kind kind;
};

constexpr std::array<PlaceholderName, 4> kPlaceholders{{
    {"body", SignedPart::Kind::body},
    {"timestamp", SignedPart::Kind::timestamp},
    {"id", SignedPart::Kind::id},
    {"method", SignedPart::Kind::method},
}};

template <typename Rows>
std::string names(const Rows& rows) {
    std::vector<std::string_view> list;
    for (const auto& row : rows) list.push_back(row.name);
    return joined(list);
}

template <typename Rows>
const auto& row_named(const Rows& rows, std::string_view name, std::string_view what) {
    for (const auto& row : rows) {
        if (row.name == name) return row;
    }
    fail("unknown " + std::string(what) + " " + quoted(name) + ", allowed: " + names(rows));
}

const std::string& single(std::span<const std::string> arguments, std::string_view field) {
    if (arguments.size() != 1) {
        fail("invalid number of arguments in " + quoted(field) + ": it takes one");
    }
    return arguments.front();
}

// The `name=value` arguments of one statement.
class Options {
  public:
    Options(std::string_view field, std::span<const std::string> arguments,
            const std::vector<std::string_view>& allowed)
        : field_(field) {
        for (const std::string_view argument : arguments) {
            const std::size_t equals = argument.find('=');
            const std::string_view name = argument.substr(0, equals);
            if (equals == std::string_view::npos || std::ranges::count(allowed, name) == 0) {
                fail("unknown parameter " + quoted(argument) + " of " + quoted(field) +
                     ", allowed: " + joined(allowed));
            }
            if (find(name)) fail("duplicate parameter " + quoted(name) + " of " + quoted(field));
            values_.emplace_back(name, argument.substr(equals + 1));
        }
    }

    std::optional<std::string_view> find(std::string_view name) const {
        for (const auto& [known, value] : values_) {
            if (known == name) return value;
        }
        return std::nullopt;
    }

    std::string_view get(std::string_view name) const { return find(name).value_or(""); }

    [[noreturn]] void reject(std::string_view name, std::string_view allowed) const {
        fail("invalid " + quoted(std::string(name) + "=" + std::string(get(name))) + " of " +
             quoted(field_) + ", allowed: " + std::string(allowed));
    }

    Milliseconds duration(std::string_view name, Milliseconds otherwise) const {
        if (!find(name)) return otherwise;
        const auto value = parse_duration(get(name));
        if (!value || *value <= Milliseconds(0)) reject(name, "a time above zero, such as 5m");
        return *value;
    }

  private:
    std::string_view field_;
    std::vector<std::pair<std::string_view, std::string_view>> values_;
};

// Takes the statements of a scheme one by one.
class SchemeBuilder {
  public:
    explicit SchemeBuilder(std::string_view name) { scheme_.name = name; }

    void add(const Statement& statement);

    // The scheme; the builder is of no use afterwards.
    Scheme finish();

  private:
    using Arguments = std::span<const std::string>;

    struct Field {
        std::string_view name;
        void (SchemeBuilder::*set)(Arguments);
    };
    static std::span<const Field> fields();

    void set_algorithm(Arguments arguments);
    void set_key(Arguments arguments);
    void set_signed(Arguments arguments);
    void set_signature(Arguments arguments);
    void set_timestamp(Arguments arguments);
    void set_event_id(Arguments arguments);
    void set_event_type(Arguments arguments);

    SignedPart placeholder(std::string_view name);
    Source event_source(std::string_view field, Arguments arguments);
    HeaderIndex header_index(std::string_view name);

    // What only all statements together can show, with the line of the one to blame.
    void check_signed() const;
    void check_timestamp() const;

    bool has(std::string_view field) const { return lines_.contains(field); }
    [[noreturn]] void blame(std::string_view field, const std::string& message) const {
        throw SchemeTextError(message, lines_.find(field)->second);
    }

    Scheme scheme_;
    std::map<std::string, std::size_t, std::less<>> lines_;
};

std::span<const SchemeBuilder::Field> SchemeBuilder::fields() {
    static constexpr std::array<Field, 7> kFields{{
        {"algorithm", &SchemeBuilder::set_algorithm},
        {"key", &SchemeBuilder::set_key},
        {"signed", &SchemeBuilder::set_signed},
        {"signature", &SchemeBuilder::set_signature},
        {"timestamp", &SchemeBuilder::set_timestamp},
        {"event_id", &SchemeBuilder::set_event_id},
        {"event_type", &SchemeBuilder::set_event_type},
    }};
    return kFields;
}

void SchemeBuilder::add(const Statement& statement) {
    try {
        const Field& field = row_named(fields(), statement.words.front(), "field");
        if (has(field.name)) fail("duplicate field " + quoted(field.name));
        lines_.emplace(field.name, statement.line);
        (this->*field.set)(Arguments(statement.words).subspan(1));
    } catch (const ConfigError& error) {
        throw SchemeTextError(error.what(), statement.line);
    }
}

Scheme SchemeBuilder::finish() {
    for (std::string_view required : {"algorithm", "signature"}) {
        if (!has(required)) fail("no " + quoted(required));
    }
    check_signed();
    check_timestamp();
    return std::move(scheme_);
}

void SchemeBuilder::set_algorithm(Arguments arguments) {
    const AlgorithmName& row = row_named(kAlgorithms, single(arguments, "algorithm"), "algorithm");
    scheme_.algorithm = row.algorithm;
    scheme_.hash = row.hash;
}

void SchemeBuilder::set_key(Arguments arguments) {
    scheme_.key = row_named(kKeyEncodings, single(arguments, "key"), "key").encoding;
}

void SchemeBuilder::set_signed(Arguments arguments) {
    const std::string& text = single(arguments, "signed");
    if (text.empty()) fail("empty \"signed\"");
    auto& parts = scheme_.signed_parts;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t open = rest.find_first_of("{}");
        if (open != 0) {
            parts.push_back({SignedPart::Kind::literal, 0, std::string(rest.substr(0, open))});
        }
        if (open == std::string_view::npos) return;
        const std::size_t close = rest.find('}', open);
        if (rest[open] == '}' || close == std::string_view::npos) {
            fail("unbalanced braces in " + quoted(text));
        }
        parts.push_back(placeholder(rest.substr(open + 1, close - open - 1)));
        rest.remove_prefix(close + 1);
    }
}

void SchemeBuilder::set_signature(Arguments arguments) {
    const Options options("signature", arguments, {"header", "split", "prefix", "encoding"});
    if (!options.find("header")) fail("\"signature\" has no \"header=\"");
    scheme_.signature.header = header_index(options.get("header"));
    scheme_.signature.separators = options.get("split");
    scheme_.signature.prefix = options.get("prefix");
    if (options.find("encoding")) {
        const auto encoding = find_text_encoding(options.get("encoding"));
        if (!encoding) options.reject("encoding", "hex, base64, base64url");
        scheme_.signature.encoding = *encoding;
    }
}

void SchemeBuilder::set_timestamp(Arguments arguments) {
    const Options options("timestamp", arguments,
                          {"header", "item", "unit", "tolerance", "future"});
    if (options.find("header").has_value() == options.find("item").has_value()) {
        fail("\"timestamp\" takes either \"header=\" or \"item=\"");
    }
    TimestampSource timestamp;
    if (options.find("header")) {
        timestamp.source.kind = Source::Kind::header;
        timestamp.source.header = header_index(options.get("header"));
    } else {
        timestamp.source.kind = Source::Kind::item;
        timestamp.source.text = options.get("item");
        if (timestamp.source.text.empty()) options.reject("item", "what the item starts with");
    }
    if (options.find("unit")) {
        const auto unit = find_timestamp_unit(options.get("unit"));
        if (!unit) options.reject("unit", "s, ms, rfc3339");
        timestamp.unit = *unit;
    }
    timestamp.tolerance.past = options.duration("tolerance", kDefaultTolerance);
    timestamp.tolerance.future = options.duration("future", timestamp.tolerance.past);
    scheme_.timestamp = std::move(timestamp);
}

void SchemeBuilder::set_event_id(Arguments arguments) {
    scheme_.event_id = event_source("event_id", arguments);
}

void SchemeBuilder::set_event_type(Arguments arguments) {
    scheme_.event_type = event_source("event_type", arguments);
}

Source SchemeBuilder::event_source(std::string_view field, Arguments arguments) {
    const Options options(field, arguments, {"header", "json"});
    if (options.find("header").has_value() == options.find("json").has_value()) {
        fail(quoted(field) + " takes either \"header=\" or \"json=\"");
    }
    Source source;
    if (options.find("header")) {
        source.kind = Source::Kind::header;
        source.header = header_index(options.get("header"));
    } else {
        source.kind = Source::Kind::json;
        source.text = options.get("json");
        check_json_pointer(source.text);
    }
    return source;
}

HeaderIndex SchemeBuilder::header_index(std::string_view name) {
    if (!is_header_name(name)) fail("invalid header name " + quoted(name));
    const std::string lowered = to_lower(name);
    const auto known = std::ranges::find(scheme_.headers, lowered);
    if (known != scheme_.headers.end()) {
        return static_cast<HeaderIndex>(known - scheme_.headers.begin());
    }
    if (scheme_.headers.size() == kMostHeaders) {
        fail("too many headers, allowed: " + std::to_string(kMostHeaders));
    }
    scheme_.headers.push_back(lowered);
    return static_cast<HeaderIndex>(scheme_.headers.size() - 1);
}

SignedPart SchemeBuilder::placeholder(std::string_view name) {
    constexpr std::string_view kHeader = "header:";
    if (name.starts_with(kHeader)) {
        return {SignedPart::Kind::header, header_index(name.substr(kHeader.size())), {}};
    }
    for (const PlaceholderName& row : kPlaceholders) {
        if (row.name == name) return {row.kind, 0, {}};
    }
    fail("unknown placeholder " + quoted("{" + std::string(name) + "}") + " in \"signed\"" +
         ", allowed: {body}, {timestamp}, {id}, {method}, {header:Name}");
}

void SchemeBuilder::check_signed() const {
    if (scheme_.algorithm == Algorithm::token) {
        if (has("signed")) blame("signed", "\"signed\" has no meaning with \"algorithm token\"");
        if (!scheme_.signature.separators.empty()) {
            blame("signature", "\"split=\" has no meaning with \"algorithm token\"");
        }
        return;
    }
    if (!has("signed")) fail("no \"signed\"");
    const auto& parts = scheme_.signed_parts;
    if (std::ranges::count(parts, SignedPart::Kind::body, &SignedPart::kind) > 1) {
        blame("signed", "\"{body}\" stands more than once in \"signed\"");
    }
    if (scheme_.signs(SignedPart::Kind::timestamp) && !scheme_.timestamp) {
        blame("signed", "\"signed\" names \"{timestamp}\", but there is no \"timestamp\"");
    }
    if (scheme_.signs(SignedPart::Kind::id) && scheme_.event_id.kind != Source::Kind::header) {
        blame("signed", "\"signed\" names \"{id}\", but there is no \"event_id header=\"");
    }
}

void SchemeBuilder::check_timestamp() const {
    if (!scheme_.timestamp || scheme_.timestamp->source.kind != Source::Kind::item) return;
    if (scheme_.signature.separators.empty()) {
        blame("timestamp", "\"timestamp item=\" needs \"split=\" in \"signature\"");
    }
}

}  // namespace

bool Scheme::signs(SignedPart::Kind kind) const {
    return std::ranges::any_of(signed_parts,
                               [kind](const SignedPart& part) { return part.kind == kind; });
}

bool Scheme::covers_event_id() const {
    switch (event_id.kind) {
        case Source::Kind::json:
            return signs(SignedPart::Kind::body);
        case Source::Kind::header:
            return signs(SignedPart::Kind::id) ||
                   std::ranges::any_of(signed_parts, [this](const SignedPart& part) {
                       return part.kind == SignedPart::Kind::header &&
                              part.header == event_id.header;
                   });
        default:
            return false;
    }
}

bool Scheme::reads_json() const {
    return event_id.kind == Source::Kind::json || event_type.kind == Source::Kind::json;
}

Scheme parse_scheme(std::string_view name, std::string_view text) {
    SchemeBuilder builder(name);
    for (const Statement& statement : parse_statements(text)) builder.add(statement);
    return builder.finish();
}

void check_json_pointer(std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') {
        fail("invalid JSON pointer " + quoted(pointer) + ": it must start with \"/\"");
    }
    for (std::size_t i = pointer.find('~'); i != std::string_view::npos;
         i = pointer.find('~', i + 1)) {
        if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) {
            fail("invalid JSON pointer " + quoted(pointer) + ": \"~\" stands only in ~0 and ~1");
        }
    }
}

}  // namespace webhook
