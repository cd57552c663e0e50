// The words of the scheme language, and the parser of a statement's `name=value` arguments.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "scheme/scheme.h"

namespace webhook {

struct AlgorithmName {
    std::string_view name;
    Algorithm algorithm;
    Hash hash;
};

// All except `jwt=`, which names its algorithms.
std::span<const AlgorithmName> algorithm_names();

struct JwtAlgorithmName {
    std::string_view name;
    JwtAlgorithm algorithm;
    // The algorithm that the key must be for.
    Algorithm key_algorithm;
    Hash hash;
};

std::span<const JwtAlgorithmName> jwt_algorithm_names();
const JwtAlgorithmName& info(JwtAlgorithm algorithm);

struct KeyEncodingName {
    std::string_view name;
    KeyEncoding encoding;
};

std::span<const KeyEncodingName> key_encoding_names();

// The encodings in which a key for this algorithm may be written.
std::vector<KeyEncoding> key_encodings_for(Algorithm algorithm);

struct PlaceholderName {
    std::string_view name;
    TemplatePart::Kind kind;
    // `{name:argument}`
    bool takes_argument;
};

// The placeholders of `signed`, of a claim's value, and of the answer to a handshake.
std::span<const PlaceholderName> signed_placeholders();
std::span<const PlaceholderName> claim_placeholders();
std::span<const PlaceholderName> answer_placeholders();
// The placeholders of `event_key`.
std::span<const PlaceholderName> event_key_placeholders();

// A placeholder of a signed text, for messages: `{body}`, `{header:...}`.
std::string placeholder_text(const TemplatePart& part);

template <typename Rows>
std::string names_of(const Rows& rows) {
    std::vector<std::string_view> list;
    for (const auto& row : rows) list.push_back(row.name);
    return joined(list);
}

// Throws ConfigError if no row has the name.
template <typename Rows>
const auto& row_named(const Rows& rows, std::string_view name, std::string_view what) {
    for (const auto& row : rows) {
        if (row.name == name) return row;
    }
    throw ConfigError("unknown " + std::string(what) + shown_word(name) +
                      ", allowed: " + names_of(rows));
}

// The `name=value` arguments, and the flags, of one statement. Views are borrowed.
class Options {
  public:
    struct Allowed {
        std::vector<std::string_view> names;
        std::vector<std::string_view> flags = {};
        std::string_view repeatable = {};
    };

    // Throws ConfigError if an argument is unknown or repeated.
    Options(std::string_view field, std::span<const std::string> arguments, const Allowed& allowed);

    std::optional<std::string_view> find(std::string_view name) const;
    bool has(std::string_view name) const { return find(name).has_value(); }
    // Empty if it is not given.
    std::string_view get(std::string_view name) const { return find(name).value_or(""); }
    std::vector<std::string_view> all(std::string_view name) const;
    bool flag(std::string_view name) const;

    // Returns the given one of these names. Throws ConfigError unless exactly one is given.
    std::string_view exactly_one_of(const std::vector<std::string_view>& names) const;

    [[noreturn]] void reject(std::string_view name, std::string_view allowed) const;
    [[noreturn]] void reject_argument(std::string_view argument, std::string_view allowed) const;

    Milliseconds duration(std::string_view name, Milliseconds otherwise) const;

  private:
    std::string_view field_;
    std::vector<std::pair<std::string_view, std::string_view>> values_;
    std::vector<std::string_view> flags_;
};

}  // namespace webhook
