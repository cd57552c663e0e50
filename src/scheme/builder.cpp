#include "scheme/builder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/errors.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "scheme/boundaries.h"
#include "scheme/native.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;

constexpr Milliseconds kDefaultTolerance = std::chrono::minutes(5);
constexpr std::size_t kHighestKeyIndex = 15;

[[noreturn]] void fail(const std::string& message) {
    throw ConfigError(message);
}

const std::string& single(std::span<const std::string> arguments, std::string_view field) {
    if (arguments.size() != 1) {
        fail("invalid number of arguments in " + in_quotes(field) + ": it takes one");
    }
    return arguments.front();
}

// `name` and `value` of an argument `name=value`.
std::pair<std::string_view, std::string_view> pair_of(std::string_view argument,
                                                      std::string_view field) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        const std::string shown = shown_word(argument);
        fail("invalid" + (shown.empty() ? " value" : shown) + " of " + in_quotes(field) +
             ", allowed: Name=Value");
    }
    return {argument.substr(0, equals), argument.substr(equals + 1)};
}

// Values of the payload must be known before the text is hashed.
bool is_in_payload(const TemplatePart& part) {
    return part.kind == Kind::json || part.kind == Kind::form || part.kind == Kind::field;
}

// Whether the text in front of the body is known only when the body is.
bool is_late(const TemplatePart& part) {
    return part.kind == Kind::crc32_of_body || part.kind == Kind::sha256_of_body;
}

bool wants_whole_body(const Scheme& scheme) {
    if (scheme.native != nullptr) return true;
    if (scheme.signatures.front().source.is_in_body()) return true;
    if (scheme.signs(Kind::body) && scheme.algorithm == Algorithm::ed25519) return true;
    if (scheme.has_timestamp_in_body() && scheme.signs(Kind::timestamp)) return true;
    const auto& parts = scheme.signed_parts;
    const auto body = std::ranges::find(parts, Kind::body, &TemplatePart::kind);
    return std::ranges::any_of(parts, is_in_payload) ||
           (body != parts.end() && std::any_of(parts.begin(), body, is_late));
}

bool wants_other_headers(const Scheme& scheme) {
    return scheme.native != nullptr ||
           std::ranges::any_of(scheme.signatures, [](const SignatureSource& source) {
               return !source.numbered_headers.empty();
           });
}

// Whether fields of a form are read, in the verification or elsewhere.
bool reads_form(const Scheme& scheme) {
    const auto is_field = [](const ValueLocation& source) {
        return source.kind == ValueLocation::Kind::field;
    };
    return scheme.verifies_form() || !scheme.payload_field.empty() || is_field(scheme.event_id) ||
           is_field(scheme.event_type) ||
           std::ranges::any_of(scheme.handshakes, [](const Handshake& handshake) {
               return handshake.reads(ValueLocation::Kind::field);
           });
}

// The characters of the encoding. Base64url may have no padding.
bool is_of_encoding(TextEncoding encoding, char character) {
    if (encoding == TextEncoding::hex) {
        return is_digit(character) || (to_lower(character) >= 'a' && to_lower(character) <= 'f');
    }
    const std::string_view signs = encoding == TextEncoding::base64 ? "+/=" : "-_";
    return is_letter(character) || is_digit(character) || signs.find(character) != signs.npos;
}

// Whether the value is only known when the signature is.
bool holds_signature(const Scheme& scheme, const TemplatePart& part,
                     const ValueLocation& signature) {
    switch (part.kind) {
        case Kind::body:
        case Kind::crc32_of_body:
        case Kind::sha256_of_body:
            return signature.is_in_body();
        case Kind::header:
            return signature.kind == ValueLocation::Kind::header && part.header == signature.header;
        case Kind::id:
            return signature.kind == ValueLocation::Kind::header &&
                   scheme.event_id.header == signature.header;
        case Kind::query:
            return signature.kind == ValueLocation::Kind::header &&
                   scheme.headers[signature.header] == kParameterMark + part.text;
        case Kind::json:
            return signature.kind == ValueLocation::Kind::json && part.text == signature.text;
        case Kind::field:
            return signature.kind == ValueLocation::Kind::field && part.text == signature.text;
        default:
            return false;
    }
}

// Whether no request can meet both.
bool exclude(const Handshake::Condition& one, const Handshake::Condition& other) {
    using Test = Handshake::Condition::Test;
    const bool same = one.source.kind == other.source.kind &&
                      one.source.header == other.source.header &&
                      one.source.text == other.source.text;
    if (!same) return false;
    if (one.test == Test::equals && other.test == Test::equals) return one.value != other.value;
    return (one.test == Test::absent) != (other.test == Test::absent);
}

// Whether every delivery that can be accepted has the condition's value.
bool is_in_every_delivery(const Scheme& scheme, const ValueLocation& source) {
    const auto is = [&](const ValueLocation& other) { return scheme.is_same_place(source, other); };
    if (scheme.signatures.size() == 1 && is(scheme.signatures.front().source)) return true;
    if (scheme.timestamp && is(scheme.timestamp->source)) return true;
    if (is(scheme.event_type) || (is(scheme.event_id) && !scheme.event_id.optional)) return true;
    const auto is_signed = [&](const TemplatePart& part) {
        switch (part.kind) {
            case Kind::header:
                return is({ValueLocation::Kind::header, part.header, {}});
            case Kind::json:
                return is({ValueLocation::Kind::json, 0, part.text});
            case Kind::field:
                return is({ValueLocation::Kind::field, 0, part.text});
            case Kind::query:
                return is({ValueLocation::Kind::query, 0, part.text});
            default:
                return false;
        }
    };
    if (std::ranges::any_of(scheme.signed_parts, is_signed)) return true;
    if (source.kind != ValueLocation::Kind::header) return false;
    constexpr std::string_view kOfHttp[] = {"host", "content-type", "content-length", "user-agent"};
    return std::ranges::count(kOfHttp, scheme.headers[source.header]) != 0 ||
           std::ranges::count(scheme.required_headers, source.header, &RequiredHeader::header) != 0;
}

bool tells_from_delivery(const Scheme& scheme, const Handshake::Condition& condition) {
    using Test = Handshake::Condition::Test;
    const bool is_any_json =
        condition.source.kind == ValueLocation::Kind::json && condition.source.text.empty();
    if (is_any_json && condition.test != Test::absent) return false;
    if (condition.test != Test::equals) {
        return (condition.test == Test::absent) == is_in_every_delivery(scheme, condition.source);
    }
    return std::ranges::none_of(scheme.required_headers, [&](const RequiredHeader& required) {
        return condition.source.kind == ValueLocation::Kind::header &&
               condition.source.header == required.header && condition.value == required.value;
    });
}

// Whether a header that one statement reads a signature from has none for the other. A header that
// is one item must be read by both.
bool exclude(const SignatureSource& one, const SignatureSource& other) {
    const bool same =
        one.source.kind == other.source.kind && one.source.header == other.source.header &&
        one.source.text == other.source.text && one.numbered_headers == other.numbered_headers;
    return same && one.separators.empty() && other.separators.empty() &&
           (one.encoding != other.encoding || one.prefix != other.prefix);
}

// A field that is the timestamp is signed as such, whatever its name.
void name_timestamp(const std::optional<TimestampSource>& timestamp, Template& parts) {
    if (!timestamp || timestamp->source.kind != ValueLocation::Kind::field) return;
    for (TemplatePart& part : parts) {
        if (part.kind != Kind::field || part.text != timestamp->source.text) continue;
        part = {Kind::timestamp, 0, {}, {}};
    }
}

bool is_beside_body(const ValueLocation& type) {
    return type.kind == ValueLocation::Kind::header || type.kind == ValueLocation::Kind::claim;
}

// The default event key of a scheme: all signed values of the request, except its time and its id,
// and the type from its headers or claims.
Template derived_event_key(const Scheme& scheme) {
    Template key;
    const auto add = [&key](Kind kind) { key.push_back({kind, 0, {}, {}}); };
    if (is_beside_body(scheme.event_type) && !scheme.type_in_body) add(Kind::event_type);
    const bool signs_request = scheme.native != nullptr && scheme.native->signs_request();
    if (signs_request || scheme.signs(Kind::method)) add(Kind::method);
    if (scheme.native != nullptr ? signs_request : scheme.reads_url()) add(Kind::url);
    for (const TemplatePart& part : scheme.signed_parts) {
        const auto& id = scheme.event_id;
        const bool is_id = id.kind == ValueLocation::Kind::header && id.header == part.header;
        const bool is_time = scheme.timestamp &&
                             scheme.timestamp->source.kind == ValueLocation::Kind::header &&
                             scheme.timestamp->source.header == part.header;
        const bool is_header = part.kind == Kind::header && !is_id && !is_time;
        if (is_header || part.kind == Kind::query) key.push_back(part);
    }
    // All that is signed may be in the claims.
    if (scheme.algorithm == Algorithm::jwt && !scheme.covers_body()) add(Kind::token);
    add(Kind::body);
    return key;
}

// Takes the statements of a scheme one by one.
class SchemeBuilder {
  public:
    explicit SchemeBuilder(std::string_view name) { scheme_.name = name; }

    void add(const Statement& statement);

    // Returns the scheme. The builder must not be used afterwards.
    Scheme finish();

  private:
    using Arguments = std::span<const std::string>;
    // Strict: every brace belongs to a placeholder. Lenient: other braces are text, as in JSON.
    enum class Braces { strict, lenient };

    struct Field {
        std::string_view name;
        void (SchemeBuilder::*set)(Arguments);
        bool repeatable = false;
    };
    static std::span<const Field> fields();

    [[noreturn]] void refuse_like(Arguments arguments);
    void set_algorithm(Arguments arguments);
    void set_jwt_algorithms(std::string_view names);
    void set_key(Arguments arguments);
    void set_native(Arguments arguments);
    void set_signed(Arguments arguments);
    void locate_signature(const Options& options, SignatureSource& signature);
    void add_signature(Arguments arguments);
    void set_timestamp(Arguments arguments);
    void set_event_id(Arguments arguments);
    void set_event_type(Arguments arguments);
    void set_event_key(Arguments arguments);
    void add_required_headers(Arguments arguments);
    void set_body(Arguments arguments);
    void set_payload(Arguments arguments);
    void set_digest(Arguments arguments);
    void add_claims(Arguments arguments);
    void add_handshake(Arguments arguments);

    Handshake::Condition condition(const Options& options, std::string_view text);
    void set_check(Handshake& handshake, const Options& options);
    void check_conditions(const Handshake& handshake, const Options& options) const;
    void set_answer_header(Handshake& handshake, const Options& options);

    Template parse_text(std::string_view text, std::string_view field,
                        std::span<const PlaceholderName> known, Braces braces);
    TemplatePart placeholder(std::string_view text, std::string_view field,
                             std::span<const PlaceholderName> known);
    ValueLocation source_of(std::string_view kind, std::string_view text);
    ValueLocation early_source_of(std::string_view kind, std::string_view text);
    ValueLocation named_source(std::string_view text);
    HeaderIndex header_index(std::string_view name);
    HeaderIndex slot_of(const std::string& name);
    std::optional<TextEncoding> text_encoding(const Options& options) const;

    // Checks of all statements together, which report the line of the wrong one.
    void check_key() const;
    void check_what_presents_the_secret() const;
    void check_native() const;
    void check_signed() const;
    void check_that_signature_is_not_signed() const;
    void check_jwt() const;
    void check_signatures() const;
    void check_header_of(const SignatureSource& signature) const;
    void check_header_of_timestamp() const;
    void check_digest() const;
    void check_digest_header() const;
    void check_body() const;
    void check_payload() const;
    void check_timestamp_field() const;
    void check_timestamp() const;
    void check_handshakes() const;
    void check_event_key() const;

    bool has(std::string_view field) const { return lines_.contains(field); }
    [[noreturn]] void blame(std::string_view field, const std::string& message) const {
        throw SchemeTextError(message, lines_.find(field)->second);
    }
    void refuse_options(std::initializer_list<std::string_view> names) const {
        for (std::string_view name : names) {
            if (!signature_options_.contains(name)) continue;
            blame("signature", in_quotes(std::string(name) + "=") + " has no meaning with " +
                                   in_quotes("algorithm " + algorithm_name_));
        }
    }
    void refuse(std::string_view field) const {
        if (has(field)) {
            blame(field, in_quotes(field) + " has no meaning with " +
                             in_quotes("algorithm " + algorithm_name_));
        }
    }

    Scheme scheme_;
    std::string algorithm_name_;
    // The lines of the fields. For a repeated field, the last.
    std::map<std::string, std::size_t, std::less<>> lines_;
    std::vector<std::size_t> handshake_lines_;
    std::set<std::string_view> signature_options_;
};

std::span<const SchemeBuilder::Field> SchemeBuilder::fields() {
    static constexpr std::array<Field, 16> kFields{{
        {"like", &SchemeBuilder::refuse_like, true},
        {"algorithm", &SchemeBuilder::set_algorithm},
        {"key", &SchemeBuilder::set_key},
        {"native", &SchemeBuilder::set_native},
        {"signed", &SchemeBuilder::set_signed},
        {"signature", &SchemeBuilder::add_signature, true},
        {"timestamp", &SchemeBuilder::set_timestamp},
        {"event_id", &SchemeBuilder::set_event_id},
        {"event_type", &SchemeBuilder::set_event_type},
        {"event_key", &SchemeBuilder::set_event_key},
        {"require", &SchemeBuilder::add_required_headers, true},
        {"body", &SchemeBuilder::set_body},
        {"payload", &SchemeBuilder::set_payload},
        {"digest", &SchemeBuilder::set_digest},
        {"claims", &SchemeBuilder::add_claims, true},
        {"handshake", &SchemeBuilder::add_handshake, true},
    }};
    return kFields;
}

void SchemeBuilder::add(const Statement& statement) {
    try {
        const Field& field = row_named(fields(), statement.words.front(), "field");
        if (has(field.name) && !field.repeatable) fail("duplicate field " + in_quotes(field.name));
        lines_.insert_or_assign(std::string(field.name), statement.line);
        if (field.name == "handshake") handshake_lines_.push_back(statement.line);
        (this->*field.set)(Arguments(statement.words).subspan(1));
    } catch (const ConfigError& error) {
        throw SchemeTextError(error.what(), statement.line);
    }
}

Scheme SchemeBuilder::finish() {
    for (std::string_view required : {"algorithm", "signature"}) {
        if (!has(required)) fail("no " + in_quotes(required));
    }
    name_timestamp(scheme_.timestamp, scheme_.signed_parts);
    scheme_.signed_kinds = 0;
    for (const TemplatePart& part : scheme_.signed_parts) {
        scheme_.signed_kinds |= 1U << static_cast<unsigned>(part.kind);
    }
    check_key();
    check_what_presents_the_secret();
    check_native();
    check_signed();
    check_jwt();
    check_signatures();
    check_digest();
    check_timestamp();
    check_handshakes();
    check_event_key();
    check_that_signature_is_not_signed();
    if (!has("event_key")) scheme_.event_key = derived_event_key(scheme_);
    check_body();
    check_payload();
    if (reads_form(scheme_)) scheme_.content_type = header_index("Content-Type");
    scheme_.wants_whole_body = wants_whole_body(scheme_);
    scheme_.wants_parameters = std::ranges::any_of(
        scheme_.headers, [](const std::string& name) { return name.starts_with(kParameterMark); });
    scheme_.wants_other_headers = wants_other_headers(scheme_);
    scheme_.joins = joins_of(scheme_, false);
    scheme_.joins_at_fixed_url = joins_of(scheme_, !scheme_.body_is_json);
    return std::move(scheme_);
}

// Where it is allowed, the preset's statements have already replaced it.
void SchemeBuilder::refuse_like(Arguments) {
    fail("\"like\" stands only as the first statement");
}

void SchemeBuilder::set_algorithm(Arguments arguments) {
    constexpr std::string_view kJwt = "jwt=";
    algorithm_name_ = single(arguments, "algorithm");
    if (algorithm_name_.starts_with(kJwt)) {
        set_jwt_algorithms(std::string_view(algorithm_name_).substr(kJwt.size()));
        algorithm_name_ = "jwt";
        return;
    }
    const auto known = algorithm_names();
    const auto row = std::ranges::find(known, algorithm_name_, &AlgorithmName::name);
    if (row == known.end()) {
        fail("unknown algorithm" + shown_word(algorithm_name_) + ", allowed: " + names_of(known) +
             ", jwt=ALG[,ALG]");
    }
    scheme_.algorithm = row->algorithm;
    scheme_.hash = row->hash;
}

void SchemeBuilder::set_jwt_algorithms(std::string_view names) {
    scheme_.algorithm = Algorithm::jwt;
    for (;;) {
        const std::size_t comma = names.find(',');
        const JwtAlgorithmName& row =
            row_named(jwt_algorithm_names(), names.substr(0, comma), "JWT algorithm");
        auto& pinned = scheme_.jwt_algorithms;
        if (std::ranges::count(pinned, row.algorithm) != 0) {
            fail("duplicate JWT algorithm " + in_quotes(row.name));
        }
        // A public key that could be taken for an HMAC key is the oldest hole in JWT.
        if (!pinned.empty() && info(pinned.front()).key_algorithm != row.key_algorithm) {
            fail("JWT algorithms " + in_quotes(info(pinned.front()).name) + " and " +
                 in_quotes(row.name) + " take different keys");
        }
        pinned.push_back(row.algorithm);
        if (comma == std::string_view::npos) break;
        names.remove_prefix(comma + 1);
    }
    scheme_.hash = info(scheme_.jwt_algorithms.front()).hash;
}

void SchemeBuilder::set_key(Arguments arguments) {
    scheme_.key = row_named(key_encoding_names(), single(arguments, "key"), "key").encoding;
}

void SchemeBuilder::set_native(Arguments arguments) {
    const std::string& name = single(arguments, "native");
    scheme_.native = find_native(name);
    if (scheme_.native == nullptr) {
        fail("unknown native" + shown_word(name) + ", allowed: " + names_of(natives()));
    }
}

void SchemeBuilder::set_signed(Arguments arguments) {
    const std::string& text = single(arguments, "signed");
    if (text.empty()) fail("empty \"signed\"");
    scheme_.signed_parts = parse_text(text, "signed", signed_placeholders(), Braces::strict);
}

void SchemeBuilder::locate_signature(const Options& options, SignatureSource& signature) {
    const std::string_view header = options.get("header");
    const std::vector<std::string_view> kinds{"header", "json", "field", "query"};
    const bool is_anywhere =
        std::ranges::any_of(kinds, [&](std::string_view kind) { return options.has(kind); });
    if (header.ends_with('*')) {
        const std::string_view stem = header.substr(0, header.size() - 1);
        if (!is_header_name(stem)) fail("invalid header name " + in_quotes(header));
        signature.source.kind = ValueLocation::Kind::header;
        signature.numbered_headers = to_lower(stem);
    } else if (is_anywhere) {
        const std::string_view kind = options.exactly_one_of(kinds);
        signature.source = early_source_of(kind, options.get(kind));
    }
}

void SchemeBuilder::add_signature(Arguments arguments) {
    const Options options(
        "signature", arguments,
        {{"header", "json", "field", "query", "split", "prefix", "encoding", "key_index"},
         {"alone"},
         {}});
    for (std::string_view name : {"split", "prefix", "encoding", "key_index"}) {
        if (options.has(name)) signature_options_.insert(name);
    }
    SignatureSource signature;
    locate_signature(options, signature);
    signature.alone = options.flag("alone");
    if (signature.alone && signature.source.kind != ValueLocation::Kind::field) {
        fail("\"alone\" has no meaning without \"field=\"");
    }
    signature.separators = options.get("split");
    signature.prefix = options.get("prefix");
    if (signature.prefix.find_first_of(signature.separators) != std::string::npos) {
        options.reject("prefix", "without the characters of \"split=\"");
    }
    signature.encoding = text_encoding(options).value_or(TextEncoding::hex);
    if (std::ranges::any_of(signature.separators, [&signature](char character) {
            return is_of_encoding(signature.encoding, character);
        })) {
        options.reject("split", "characters that no signature holds in its \"encoding=\"");
    }
    if (options.has("key_index")) {
        const auto index = parse_digits(options.get("key_index"));
        if (!index || *index > static_cast<std::int64_t>(kHighestKeyIndex)) {
            options.reject("key_index", "0 to " + std::to_string(kHighestKeyIndex));
        }
        signature.key_index = static_cast<std::size_t>(*index);
    }
    scheme_.signatures.push_back(std::move(signature));
}

void SchemeBuilder::set_timestamp(Arguments arguments) {
    const Options options(
        "timestamp", arguments,
        {{"header", "item", "json", "field", "query", "claim", "unit", "tolerance", "future"},
         {"may_repeat"},
         {}});
    TimestampSource timestamp;
    const std::string_view kind =
        options.exactly_one_of({"header", "item", "json", "field", "query", "claim"});
    timestamp.source = early_source_of(kind, options.get(kind));
    if (options.has("unit")) {
        const auto unit = find_timestamp_unit(options.get("unit"));
        if (!unit) options.reject("unit", "s, ms, rfc3339");
        timestamp.unit = *unit;
    }
    timestamp.tolerance.past = options.duration("tolerance", kDefaultTolerance);
    if (timestamp.tolerance.past < std::chrono::seconds(1)) {
        options.reject("tolerance", "a time of at least 1s");
    }
    timestamp.tolerance.future = options.duration("future", timestamp.tolerance.past);
    timestamp.may_repeat = options.flag("may_repeat");
    if (timestamp.may_repeat && kind != "item") {
        fail("\"may_repeat\" has no meaning without \"item=\"");
    }
    scheme_.timestamp = std::move(timestamp);
}

void SchemeBuilder::set_event_id(Arguments arguments) {
    if (arguments.size() == 1 && arguments.front() == "none") {
        scheme_.event_id.bodies_repeat = true;
        return;
    }
    const Options options(
        "event_id", arguments,
        {{"header", "json", "field", "query", "claim"}, {"batch", "optional"}, {}});
    const std::string_view kind =
        options.exactly_one_of({"header", "json", "field", "query", "claim"});
    static_cast<ValueLocation&>(scheme_.event_id) = early_source_of(kind, options.get(kind));
    scheme_.event_id.batch = options.flag("batch");
    scheme_.event_id.optional = options.flag("optional");
}

void SchemeBuilder::set_event_type(Arguments arguments) {
    const Options options("event_type", arguments,
                          {{"header", "json", "field", "query", "claim"}, {"in_body"}, {}});
    const std::string_view kind =
        options.exactly_one_of({"header", "json", "field", "query", "claim"});
    scheme_.event_type = early_source_of(kind, options.get(kind));
    scheme_.type_in_body = options.flag("in_body");
    if (scheme_.type_in_body && scheme_.event_type.kind != ValueLocation::Kind::header) {
        fail("\"in_body\" has no meaning without \"header=\"");
    }
}

void SchemeBuilder::set_event_key(Arguments arguments) {
    const std::string& text = single(arguments, "event_key");
    scheme_.event_key = parse_text(text, "event_key", event_key_placeholders(), Braces::strict);
    std::erase_if(scheme_.event_key,
                  [](const TemplatePart& part) { return part.kind == Kind::literal; });
    if (scheme_.event_key.empty()) fail("\"event_key\" holds no placeholder");
}

void SchemeBuilder::add_required_headers(Arguments arguments) {
    if (arguments.empty()) fail("\"require\" names no header, allowed: Name=Value");
    for (std::string_view argument : arguments) {
        const auto [name, value] = pair_of(argument, "require");
        if (!is_header_name(name)) {
            fail("invalid header name in \"require\", allowed: Name=Value");
        }
        if (without_padding(value) != value || has_control_character(value)) {
            fail(
                "invalid value of " + in_quotes(name) +
                " in \"require\": no header has one with a space at an end or a control character");
        }
        const HeaderIndex header = header_index(name);
        if (std::ranges::count(scheme_.required_headers, header, &RequiredHeader::header) != 0) {
            fail("duplicate header " + in_quotes(name) + " of \"require\"");
        }
        scheme_.required_headers.push_back({header, std::string(value)});
    }
}

// The body as nginx passes it on, or as it was before it was compressed.
void SchemeBuilder::set_body(Arguments arguments) {
    const std::string& form = single(arguments, "body");
    if (form == "json") {
        scheme_.body_is_json = true;
    } else if (form == "decoded") {
        scheme_.content_encoding = header_index("Content-Encoding");
    } else {
        fail("invalid value" + shown_word(form) + " of \"body\", allowed: decoded, json");
    }
}

// JSON that some senders put into a field of a form.
void SchemeBuilder::set_payload(Arguments arguments) {
    const Options options("payload", arguments, {{"field"}, {}, {}});
    scheme_.payload_field = options.get("field");
    if (scheme_.payload_field.empty()) fail("no name in \"payload\", allowed: field=NAME");
}

void SchemeBuilder::set_digest(Arguments arguments) {
    const Options options(
        "digest", arguments,
        {{"query", "claim", "header", "algorithm", "encoding"}, {"optional"}, {}});
    DigestSource digest;
    const std::string_view kind = options.exactly_one_of({"query", "claim", "header"});
    digest.source = source_of(kind, options.get(kind));
    if (equals_ignoring_case(options.get("header"), "Digest")) {
        digest.syntax = DigestSyntax::rfc3230;
    } else if (equals_ignoring_case(options.get("header"), "Content-Digest")) {
        digest.syntax = DigestSyntax::rfc9530;
    }
    if (digest.syntax != DigestSyntax::plain && options.has("encoding")) {
        options.reject("encoding", "none, since this header is always in base64");
    }
    if (options.has("algorithm")) {
        const auto hash = find_hash(options.get("algorithm"));
        if (!hash || *hash == Hash::sha1) options.reject("algorithm", "sha256, sha384, sha512");
        digest.hash = *hash;
    }
    const bool is_list = digest.syntax != DigestSyntax::plain;
    digest.encoding =
        text_encoding(options).value_or(is_list ? TextEncoding::base64 : TextEncoding::hex);
    digest.optional = options.flag("optional");
    if (digest.optional && kind == "header") {
        fail("\"optional\" has no meaning with \"header=\": what is signed has to be there");
    }
    scheme_.digest = std::move(digest);
}

void SchemeBuilder::add_claims(Arguments arguments) {
    if (arguments.empty()) fail("\"claims\" names no claim, allowed: name=value");
    for (std::string_view argument : arguments) {
        const auto [name, value] = pair_of(argument, "claims");
        for (const RequiredClaim& known : scheme_.claims) {
            if (known.name == name) fail("duplicate claim " + in_quotes(name));
        }
        scheme_.claims.push_back(
            {std::string(name), parse_text(value, "claims", claim_placeholders(), Braces::strict)});
    }
}

void SchemeBuilder::add_handshake(Arguments arguments) {
    const Options options(
        "handshake", arguments,
        {{"method", "when", "verify", "status", "type", "header", "answer"}, {}, "when"});
    Handshake handshake;
    if (options.has("method")) handshake.method = options.get("method");
    const bool is_method =
        !handshake.method.empty() && std::ranges::all_of(handshake.method, [](char character) {
            return character >= 'A' && character <= 'Z';
        });
    if (!is_method) options.reject("method", "a method in capitals, such as GET");
    for (std::string_view text : options.all("when")) {
        handshake.conditions.push_back(condition(options, text));
    }
    // Otherwise every delivery would be answered as a handshake. See also check_handshakes().
    const auto tells_apart = [](const Handshake::Condition& condition) {
        return condition.test != Handshake::Condition::Test::absent &&
               (condition.source.kind != ValueLocation::Kind::json ||
                !condition.source.text.empty());
    };
    const bool is_delivery = handshake.method != "GET" && handshake.method != "HEAD";
    if (is_delivery && std::ranges::none_of(handshake.conditions, tells_apart)) {
        fail("\"handshake\" has no \"when=\" that tells it from a delivery, which \"method=" +
             handshake.method + "\" needs");
    }
    set_check(handshake, options);
    check_conditions(handshake, options);
    if (options.has("status")) {
        const auto status = parse_digits(options.get("status"));
        if (!status || *status < 200 || *status > 299) options.reject("status", "200 to 299");
        handshake.status = static_cast<std::uint16_t>(*status);
    }
    if (options.has("type")) handshake.content_type = options.get("type");
    if (handshake.content_type.empty() || has_control_character(handshake.content_type)) {
        options.reject("type", "a media type, such as text/plain");
    }
    handshake.body =
        parse_text(options.get("answer"), "handshake", answer_placeholders(), Braces::lenient);
    constexpr std::uint16_t kWithoutBody[] = {204, 205};
    if (!options.get("answer").empty() && std::ranges::count(kWithoutBody, handshake.status) != 0) {
        options.reject("status", "200 to 299 other than 204 and 205, which have no answer=");
    }
    if (options.has("header")) set_answer_header(handshake, options);
    scheme_.handshakes.push_back(std::move(handshake));
}

// `json:/type=value` (equals), `json:/type` (is present), `!json:/type` (is absent).
Handshake::Condition SchemeBuilder::condition(const Options& options, std::string_view text) {
    const std::string_view whole = text;
    using Test = Handshake::Condition::Test;
    Handshake::Condition condition{};
    const bool negated = text.starts_with('!');
    if (negated) text.remove_prefix(1);
    const std::size_t equals = text.find('=');
    condition.test = negated                            ? Test::absent
                     : equals == std::string_view::npos ? Test::present
                                                        : Test::equals;
    condition.source = named_source(text.substr(0, equals));
    const bool contradicts = negated && equals != std::string_view::npos;
    if (condition.source.kind == ValueLocation::Kind::none || contradicts) {
        // The value that it is compared with may be a token.
        options.reject_argument("when=" + std::string(whole.substr(0, whole.find('='))) +
                                    (text.find('=') == std::string_view::npos ? "" : "="),
                                "header:Name, json:/pointer, field:name or query:name, behind it "
                                "=VALUE, or before it ! where it must not be there");
    }
    if (condition.test == Test::equals) condition.value = text.substr(equals + 1);
    return condition;
}

void SchemeBuilder::set_check(Handshake& handshake, const Options& options) {
    constexpr std::string_view kToken = "token:";
    const std::string_view check = options.find("verify").value_or("signature");
    if (check == "none") {
        handshake.check = Handshake::Check::none;
    } else if (check.starts_with(kToken)) {
        handshake.check = Handshake::Check::token;
        handshake.token = named_source(check.substr(kToken.size()));
    }
    const bool wants_token = handshake.check == Handshake::Check::token;
    const bool has_token = handshake.token.kind != ValueLocation::Kind::none;
    const bool known = check == "signature" || check == "none" || wants_token;
    if (!known || wants_token != has_token) {
        options.reject("verify",
                       "signature, none, token:header:Name, token:query:name, token:json:/pointer, "
                       "token:field:name");
    }
}

// No request would be recognised.
void SchemeBuilder::check_conditions(const Handshake& handshake, const Options& options) const {
    const auto texts = options.all("when");
    const auto& conditions = handshake.conditions;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (!exclude(conditions[i], conditions[j])) continue;
            fail("\"when=" + std::string(texts[j]) + "\" and \"when=" + std::string(texts[i]) +
                 "\" exclude each other");
        }
        const bool has_body = handshake.method != "GET" && handshake.method != "HEAD";
        if (has_body || !conditions[i].source.is_in_body()) continue;
        if (conditions[i].test == Handshake::Condition::Test::absent) continue;
        fail("\"when=" + std::string(texts[i]) + "\" looks into the body, which a request with " +
             "\"method=" + handshake.method + "\" does not have");
    }
}

void SchemeBuilder::set_answer_header(Handshake& handshake, const Options& options) {
    const std::string_view text = options.get("header");
    const std::size_t colon = text.find(": ");
    handshake.header_name = text.substr(0, colon);
    if (colon == std::string_view::npos || !is_header_name(handshake.header_name) ||
        has_control_character(text)) {
        options.reject("header", "\"Name: value\"");
    }
    // These headers frame the response, or are set by nginx.
    for (std::string_view name : {"connection", "content-length", "content-type", "date", "server",
                                  "trailer", "transfer-encoding", "upgrade"}) {
        if (equals_ignoring_case(handshake.header_name, name)) {
            options.reject("header", "no header that nginx itself sends");
        }
    }
    handshake.header_value =
        parse_text(text.substr(colon + 2), "handshake", answer_placeholders(), Braces::lenient);
}

Template SchemeBuilder::parse_text(std::string_view text, std::string_view field,
                                   std::span<const PlaceholderName> known, Braces braces) {
    Template parts;
    const auto add_literal = [&parts](std::string_view literal) {
        if (literal.empty()) return;
        if (!parts.empty() && parts.back().kind == Kind::literal) {
            parts.back().text += literal;
        } else {
            parts.push_back({Kind::literal, 0, std::string(literal), {}});
        }
    };
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t open = rest.find_first_of("{}");
        add_literal(rest.substr(0, open));
        if (open == std::string_view::npos) break;
        rest.remove_prefix(open);
        const std::size_t close = rest.find_first_of("}\"{", 1);
        const bool closed =
            rest.front() == '{' && close != std::string_view::npos && rest[close] == '}';
        const bool looks_like_one = closed && rest[1] >= 'a' && rest[1] <= 'z';
        if (braces == Braces::lenient && !looks_like_one) {
            add_literal(rest.substr(0, 1));
            rest.remove_prefix(1);
            continue;
        }
        if (!closed) fail("unbalanced braces in " + in_quotes(field));
        parts.push_back(placeholder(rest.substr(1, close - 1), field, known));
        rest.remove_prefix(close + 1);
    }
    return parts;
}

TemplatePart SchemeBuilder::placeholder(std::string_view text, std::string_view field,
                                        std::span<const PlaceholderName> known) {
    const std::size_t colon = text.find(':');
    for (const PlaceholderName& row : known) {
        TemplatePart part{row.kind, 0, {}, {}};
        if (!row.takes_argument) {
            if (row.name == text) return part;
            continue;
        }
        if (colon == std::string_view::npos || row.name != text.substr(0, colon)) continue;
        const std::string_view argument = text.substr(colon + 1);
        switch (row.kind) {
            case Kind::header:
                part.header = header_index(argument);
                return part;
            case Kind::json:
                check_json_pointer(argument);
                break;
            case Kind::hmac_hex:
            case Kind::hmac_base64:
                part.source = named_source(argument);
                if (part.source.kind == ValueLocation::Kind::none) {
                    fail("invalid placeholder " + in_quotes("{" + std::string(text) + "}") +
                         ", allowed behind it: header:Name, json:/pointer, query:name, field:name");
                }
                return part;
            default:
                if (argument.empty()) {
                    fail("no name in placeholder " + in_quotes("{" + std::string(text) + "}"));
                }
        }
        part.text = argument;
        return part;
    }
    std::vector<std::string> allowed;
    for (const PlaceholderName& row : known) {
        allowed.push_back("{" + std::string(row.name) + (row.takes_argument ? ":...}" : "}"));
    }
    fail("unknown placeholder " + in_quotes("{" + std::string(text) + "}") + " in " +
         in_quotes(field) + ", allowed: " + joined({allowed.begin(), allowed.end()}));
}

ValueLocation SchemeBuilder::source_of(std::string_view kind, std::string_view text) {
    ValueLocation source;
    source.text = text;
    if (kind == "header") {
        source.kind = ValueLocation::Kind::header;
        source.text.clear();
        source.header = header_index(text);
        return source;
    }
    if (kind == "json") {
        check_json_pointer(text);
        source.kind = ValueLocation::Kind::json;
        return source;
    }
    if (text.empty()) fail("empty " + in_quotes(std::string(kind) + "="));
    source.kind = kind == "item"    ? ValueLocation::Kind::item
                  : kind == "query" ? ValueLocation::Kind::query
                  : kind == "field" ? ValueLocation::Kind::field
                                    : ValueLocation::Kind::claim;
    return source;
}

// The same for values read before the body: a parameter of the query counts as a header.
ValueLocation SchemeBuilder::early_source_of(std::string_view kind, std::string_view text) {
    if (kind != "query") return source_of(kind, text);
    if (text.empty()) fail("empty \"query=\"");
    return {ValueLocation::Kind::header, slot_of(kParameterMark + std::string(text)), {}};
}

// `header:Name`, `json:/pointer`, `query:name` or `field:name`; of no kind if it is none of these.
ValueLocation SchemeBuilder::named_source(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    if (colon == std::string_view::npos) return {};
    if (kind != "header" && kind != "json" && kind != "query" && kind != "field") return {};
    return source_of(kind, text.substr(colon + 1));
}

HeaderIndex SchemeBuilder::header_index(std::string_view name) {
    if (!is_header_name(name)) fail("invalid header name " + in_quotes(name));
    return slot_of(to_lower(name));
}

HeaderIndex SchemeBuilder::slot_of(const std::string& name) {
    const auto known = std::ranges::find(scheme_.headers, name);
    if (known != scheme_.headers.end()) {
        return static_cast<HeaderIndex>(known - scheme_.headers.begin());
    }
    if (scheme_.headers.size() == kMostHeaders) {
        fail("too many headers, allowed: " + std::to_string(kMostHeaders));
    }
    scheme_.headers.push_back(name);
    return static_cast<HeaderIndex>(scheme_.headers.size() - 1);
}

std::optional<TextEncoding> SchemeBuilder::text_encoding(const Options& options) const {
    if (!options.has("encoding")) return std::nullopt;
    const auto encoding = find_text_encoding(options.get("encoding"));
    if (!encoding) options.reject("encoding", "hex, base64, base64url");
    return encoding;
}

void SchemeBuilder::check_key() const {
    const Algorithm algorithm = scheme_.algorithm == Algorithm::jwt
                                    ? info(scheme_.jwt_algorithms.front()).key_algorithm
                                    : scheme_.algorithm;
    const auto fitting = key_encodings_for(algorithm);
    if (std::ranges::count(fitting, scheme_.key) != 0) return;
    std::vector<std::string_view> names;
    for (const KeyEncodingName& row : key_encoding_names()) {
        if (std::ranges::count(fitting, row.encoding) != 0) names.push_back(row.name);
    }
    if (!has("key")) {
        fail("no \"key\" for " + in_quotes("algorithm " + algorithm_name_) +
             ", allowed: " + joined(names));
    }
    blame("key", "this \"key\" does not fit " + in_quotes("algorithm " + algorithm_name_) +
                     ", allowed: " + joined(names));
}

void SchemeBuilder::check_what_presents_the_secret() const {
    if (!scheme_.presents_secret()) return;
    for (std::string_view field : {"signed", "native", "digest", "timestamp"}) refuse(field);
    refuse_options({"split", "encoding", "key_index"});
}

void SchemeBuilder::check_native() const {
    if (scheme_.native == nullptr) return;
    if (has("signed")) blame("signed", "\"signed\" has no meaning with \"native\"");
    if (scheme_.algorithm == Algorithm::jwt || scheme_.algorithm == Algorithm::hash) {
        refuse("native");
    }
    const bool has_other_options =
        std::ranges::any_of(signature_options_, [](auto name) { return name != "encoding"; });
    if (scheme_.signatures.size() > 1 || has_other_options ||
        scheme_.signatures.front().source.kind != ValueLocation::Kind::none) {
        blame("signature", "with \"native\", \"signature\" takes \"encoding=\" only");
    }
}

void SchemeBuilder::check_signed() const {
    const Algorithm algorithm = scheme_.algorithm;
    if (scheme_.presents_secret() || scheme_.native != nullptr) return;
    if (algorithm == Algorithm::jwt) return refuse("signed");
    if (!has("signed")) fail("no \"signed\"");
    const auto& parts = scheme_.signed_parts;
    if (std::ranges::count(parts, Kind::body, &TemplatePart::kind) > 1) {
        blame("signed", "\"{body}\" stands more than once in \"signed\"");
    }
    if (scheme_.signs(Kind::timestamp) && !scheme_.timestamp) {
        blame("signed", "\"signed\" names \"{timestamp}\", but there is no \"timestamp\"");
    }
    if (scheme_.signs(Kind::id) && scheme_.event_id.kind != ValueLocation::Kind::header) {
        blame("signed", "\"signed\" names \"{id}\", but there is no \"event_id header=\"");
    }
    if (scheme_.signs(Kind::secret) != (algorithm == Algorithm::hash)) {
        blame("signed", algorithm == Algorithm::hash
                            ? "\"algorithm sha256\" needs \"{secret}\" in \"signed\""
                            : "\"{secret}\" stands only with \"algorithm sha256\"");
    }
}

void SchemeBuilder::check_that_signature_is_not_signed() const {
    for (const SignatureSource& signature : scheme_.signatures) {
        if (!signature.numbered_headers.empty()) continue;
        for (const TemplatePart& part : scheme_.signed_parts) {
            if (!holds_signature(scheme_, part, signature.source)) continue;
            const bool is_whole = signature.source.is_in_body() && part.text.empty();
            blame("signed", is_whole ? "\"signed\" names the body, which holds the signature itself"
                                     : "\"signed\" names a value that is the signature itself");
        }
    }
}

void SchemeBuilder::check_jwt() const {
    if (scheme_.algorithm == Algorithm::jwt) {
        refuse_options({"split", "encoding", "key_index"});
        const auto& signatures = scheme_.signatures;
        const bool in_one_header = signatures.size() == 1 &&
                                   signatures.front().source.kind == ValueLocation::Kind::header &&
                                   signatures.front().numbered_headers.empty();
        if (!in_one_header) {
            blame("signature",
                  "\"algorithm jwt\" takes one \"signature\", with \"header=\" or \"query=\"");
        }
        return;
    }
    refuse("claims");
    for (const auto& [field, source] :
         {std::pair<std::string_view, const ValueLocation*>{"event_id", &scheme_.event_id},
          std::pair<std::string_view, const ValueLocation*>{"event_type", &scheme_.event_type}}) {
        if (source->kind != ValueLocation::Kind::claim) continue;
        blame(field, in_quotes(std::string(field) + " claim=") + " needs \"algorithm jwt\"");
    }
    if (scheme_.timestamp && scheme_.timestamp->source.kind == ValueLocation::Kind::claim) {
        blame("timestamp", "\"timestamp claim=\" needs \"algorithm jwt\"");
    }
}

void SchemeBuilder::check_signatures() const {
    if (scheme_.native != nullptr) return;
    for (const SignatureSource& signature : scheme_.signatures) {
        if (signature.source.kind == ValueLocation::Kind::none) {
            blame("signature",
                  "\"signature\" takes either \"header=\", \"json=\", \"field=\" or \"query=\"");
        }
        if (signature.alone && scheme_.presents_secret()) {
            blame("signature",
                  "\"alone\" has no meaning with " + in_quotes("algorithm " + algorithm_name_));
        }
        check_header_of(signature);
        const bool is_idle = std::ranges::any_of(
            scheme_.signatures, [&](const auto& other) { return exclude(signature, other); });
        if (is_idle) {
            blame("signature",
                  "two \"signature\" read one header in two ways, and no delivery passes both");
        }
        const bool presents = scheme_.presents_secret() || scheme_.algorithm == Algorithm::jwt;
        if (scheme_.signatures.size() > 1 && presents) {
            blame("signature", "\"signature\" stands only once with " +
                                   in_quotes("algorithm " + algorithm_name_));
        }
        if (scheme_.signatures.size() > 1 && signature.source.is_in_body()) {
            blame("signature", "a \"signature\" in the body stands only once");
        }
    }
}

// A header cannot be a signature and another value at once.
void SchemeBuilder::check_header_of(const SignatureSource& signature) const {
    if (signature.source.kind != ValueLocation::Kind::header ||
        !signature.numbered_headers.empty()) {
        return;
    }
    const HeaderIndex header = signature.source.header;
    const auto& time = scheme_.timestamp;
    if (time && time->source.kind == ValueLocation::Kind::header && time->source.header == header) {
        blame("timestamp",
              "\"timestamp\" is the whole of what \"signature\" is, allowed: \"item=\", where both "
              "stand in one header");
    }
    if (std::ranges::count(scheme_.required_headers, header, &RequiredHeader::header) != 0) {
        blame("require",
              "\"require\" names the header of \"signature\": it would have to be the "
              "same for every delivery");
    }
}

void SchemeBuilder::check_header_of_timestamp() const {
    const auto& time = scheme_.timestamp;
    if (!time || time->source.kind != ValueLocation::Kind::header) return;
    if (std::ranges::count(scheme_.required_headers, time->source.header,
                           &RequiredHeader::header) == 0) {
        return;
    }
    blame("require",
          "\"require\" names the header of \"timestamp\": it would have to be the same for every "
          "delivery");
}

void SchemeBuilder::check_digest() const {
    if (!scheme_.digest) return;
    if (scheme_.digest->source.kind == ValueLocation::Kind::header) return check_digest_header();
    const bool from_claim = scheme_.digest->source.kind == ValueLocation::Kind::claim;
    if (from_claim != (scheme_.algorithm == Algorithm::jwt)) {
        blame("digest",
              "\"digest claim=\" stands with \"algorithm jwt\" only, and "
              "\"digest query=\" with all others");
    }
    const bool signs_url = scheme_.signs(Kind::url) || scheme_.signs(Kind::url_ports);
    if (!from_claim && !signs_url) {
        blame("digest", "\"digest query=\" needs \"{url}\" in \"signed\": it would not be signed");
    }
}

void SchemeBuilder::check_digest_header() const {
    const HeaderIndex header = scheme_.digest->source.header;
    const bool is_signed = std::ranges::any_of(scheme_.signed_parts, [header](const auto& part) {
        return part.kind == Kind::header && part.header == header;
    });
    if (!is_signed) {
        blame("digest",
              "\"digest header=\" needs that header as \"{header:...}\" in \"signed\": it "
              "would not be signed");
    }
}

// Unsigned fields of a form are refused, so the time could never be found.
void SchemeBuilder::check_timestamp_field() const {
    if (!scheme_.timestamp || scheme_.timestamp->source.kind != ValueLocation::Kind::field) return;
    if (scheme_.takes_unsigned_fields() || scheme_.signs(Kind::timestamp) ||
        scheme_.covers_raw_body() || scheme_.signs(Kind::form)) {
        return;
    }
    blame("timestamp", "\"timestamp field=\" needs that field as \"{field:...}\" in \"signed\"");
}

// A digest of the sent bytes does not cover the body before its compression.
void SchemeBuilder::check_body() const {
    if (!scheme_.content_encoding || !scheme_.digest) return;
    if (scheme_.digest->source.kind != ValueLocation::Kind::header) return;
    blame("body", "\"body decoded\" has no meaning with \"digest header=\"");
}

// What the verification takes of the body is a value of the whole of it.
void SchemeBuilder::check_payload() const {
    if (scheme_.payload_field.empty()) return;
    if (scheme_.body_is_json) blame("payload", "\"payload field=\" contradicts \"body json\"");
    const bool is_signed =
        scheme_.signs(Kind::json) || (scheme_.native != nullptr && scheme_.native->reads_json) ||
        std::ranges::any_of(scheme_.signatures, [](const SignatureSource& signature) {
            return signature.source.kind == ValueLocation::Kind::json;
        });
    const bool is_time =
        scheme_.timestamp && scheme_.timestamp->source.kind == ValueLocation::Kind::json;
    if (!is_signed && !is_time) return;
    blame("payload",
          "\"payload field=\" has no meaning where the signature or the timestamp is in "
          "JSON: the body is then no form");
}

void SchemeBuilder::check_timestamp() const {
    check_timestamp_field();
    check_header_of_timestamp();
    if (!scheme_.timestamp || scheme_.timestamp->source.kind != ValueLocation::Kind::item) return;
    const SignatureSource& signature = scheme_.signatures.front();
    const std::string& prefix = scheme_.timestamp->source.text;
    if (prefix.find_first_of(signature.separators) != std::string::npos) {
        blame("timestamp", "\"item=\" holds a character of \"split=\"");
    }
    if (prefix == signature.prefix) {
        blame("timestamp", "\"item=\" is the \"prefix=\" of \"signature\": an item would be both");
    }
    if (signature.separators.empty() || scheme_.signatures.size() > 1 ||
        signature.source.kind != ValueLocation::Kind::header ||
        !signature.numbered_headers.empty()) {
        blame("timestamp", "\"timestamp item=\" needs \"split=\" in \"signature\"");
    }
}

void SchemeBuilder::check_event_key() const {
    const auto names = [this](Kind kind) {
        return std::ranges::count(scheme_.event_key, kind, &TemplatePart::kind) != 0;
    };
    if (names(Kind::event_type) && !is_beside_body(scheme_.event_type)) {
        blame("event_key",
              "\"event_key\" names \"{type}\", but there is no \"event_type\" with \"header=\", "
              "\"query=\" or \"claim=\"");
    }
    if (names(Kind::timestamp) && !scheme_.timestamp) {
        blame("event_key", "\"event_key\" names \"{timestamp}\", but there is no \"timestamp\"");
    }
    if (names(Kind::token) && scheme_.algorithm != Algorithm::jwt) {
        blame("event_key", "\"event_key\" names \"{token}\", which takes \"algorithm jwt=...\"");
    }
}

void SchemeBuilder::check_handshakes() const {
    for (std::size_t i = 0; i < scheme_.handshakes.size(); ++i) {
        const Handshake& handshake = scheme_.handshakes[i];
        const bool is_delivery = handshake.method != "GET" && handshake.method != "HEAD";
        const bool tells = std::ranges::any_of(handshake.conditions,
                                               [this](const Handshake::Condition& condition) {
                                                   return tells_from_delivery(scheme_, condition);
                                               });
        if (is_delivery && !tells) {
            throw SchemeTextError(
                "each \"when=\" of \"handshake\" is met by every delivery, which would be answered "
                "and lost: one has to tell the two apart",
                handshake_lines_[i]);
        }
        const bool has_key = scheme_.algorithm == Algorithm::hmac && scheme_.hash == Hash::sha256;
        if (scheme_.handshakes[i].proves_secret() && !has_key) {
            throw SchemeTextError("\"{hmac-sha256-...}\" needs \"algorithm hmac-sha256\"",
                                  handshake_lines_[i]);
        }
        const bool answers_anyone = scheme_.handshakes[i].check != Handshake::Check::signature;
        if (scheme_.handshakes[i].proves_secret() && answers_anyone && !scheme_.signs(Kind::body) &&
            scheme_.may_sign_plain_token()) {
            throw SchemeTextError(
                "\"{hmac-sha256-...}\" would sign deliveries for anyone: \"signed\" needs "
                "\"{body}\", or \"verify=\" has to be \"signature\"",
                handshake_lines_[i]);
        }
    }
}

}  // namespace

Scheme build_scheme(std::string_view name, std::span<const Statement> statements) {
    SchemeBuilder builder(name);
    for (const Statement& statement : statements) builder.add(statement);
    return builder.finish();
}

Scheme parse_scheme(std::string_view name, std::string_view text) {
    return build_scheme(name, parse_statements(text));
}

}  // namespace webhook
