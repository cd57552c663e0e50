#include "scheme/vocabulary.h"

#include <algorithm>
#include <array>

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;

constexpr std::array<AlgorithmName, 11> kAlgorithms{{
    {"hmac-sha1", Algorithm::hmac, Hash::sha1},
    {"hmac-sha256", Algorithm::hmac, Hash::sha256},
    {"hmac-sha384", Algorithm::hmac, Hash::sha384},
    {"hmac-sha512", Algorithm::hmac, Hash::sha512},
    {"sha256", Algorithm::hash, Hash::sha256},
    {"ed25519", Algorithm::ed25519, Hash::sha512},
    {"ecdsa-p256-sha256", Algorithm::ecdsa_p256, Hash::sha256},
    {"rsa-sha1", Algorithm::rsa, Hash::sha1},
    {"rsa-sha256", Algorithm::rsa, Hash::sha256},
    {"token", Algorithm::token, Hash::sha256},
    {"basic", Algorithm::basic, Hash::sha256},
}};

// In the order of JwtAlgorithm.
constexpr std::array<JwtAlgorithmName, 6> kJwtAlgorithms{{
    {"HS256", JwtAlgorithm::hs256, Algorithm::hmac, Hash::sha256},
    {"HS384", JwtAlgorithm::hs384, Algorithm::hmac, Hash::sha384},
    {"HS512", JwtAlgorithm::hs512, Algorithm::hmac, Hash::sha512},
    {"ES256", JwtAlgorithm::es256, Algorithm::ecdsa_p256, Hash::sha256},
    {"RS256", JwtAlgorithm::rs256, Algorithm::rsa, Hash::sha256},
    {"EdDSA", JwtAlgorithm::eddsa, Algorithm::ed25519, Hash::sha512},
}};

constexpr std::array<KeyEncodingName, 8> kKeyEncodings{{
    {"utf8", KeyEncoding::utf8},
    {"base64", KeyEncoding::base64},
    {"hex", KeyEncoding::hex},
    {"whsec", KeyEncoding::whsec},
    {"whpk", KeyEncoding::whpk},
    {"pem", KeyEncoding::pem},
    {"spki", KeyEncoding::spki},
    {"jwk", KeyEncoding::jwk},
}};

constexpr std::array<PlaceholderName, 16> kSignedPlaceholders{{
    {"body", Kind::body, false},
    {"timestamp", Kind::timestamp, false},
    {"id", Kind::id, false},
    {"method", Kind::method, false},
    {"url", Kind::url, false},
    {"url:hubspot", Kind::url_hubspot, false},
    {"url:ports", Kind::url_ports, false},
    {"secret", Kind::secret, false},
    {"secret_id", Kind::secret_id, false},
    {"form", Kind::form, false},
    {"crc32:body", Kind::crc32_of_body, false},
    {"sha256:body", Kind::sha256_of_body, false},
    {"header", Kind::header, true},
    {"json", Kind::json, true},
    {"field", Kind::field, true},
    {"query", Kind::query, true},
}};

constexpr std::array<PlaceholderName, 2> kClaimPlaceholders{{
    {"url", Kind::url, false},
    {"url:qsh", Kind::url_qsh, false},
}};

constexpr std::array<PlaceholderName, 9> kEventKeyPlaceholders{{
    {"body", Kind::body, false},
    {"type", Kind::event_type, false},
    {"timestamp", Kind::timestamp, false},
    {"token", Kind::token, false},
    {"method", Kind::method, false},
    {"url", Kind::url, false},
    {"header", Kind::header, true},
    {"json", Kind::json, true},
    {"query", Kind::query, true},
}};

constexpr std::array<PlaceholderName, 6> kAnswerPlaceholders{{
    {"header", Kind::header, true},
    {"json", Kind::json, true},
    {"query", Kind::query, true},
    {"field", Kind::field, true},
    {"hmac-sha256-hex", Kind::hmac_hex, true},
    {"hmac-sha256-base64", Kind::hmac_base64, true},
}};

// Some values may be a misplaced token.
std::string_view shown_value(std::string_view name, std::string_view value) {
    const std::size_t colon = value.find(':');
    const bool names_place = name == "verify" || name == "header";
    if (names_place && colon != std::string_view::npos) return value.substr(0, colon + 1);
    const bool may_be_token = names_place || name == "encoding";
    const bool is_word = !shown_word(value).empty() && value.find('=') == std::string_view::npos;
    return may_be_token && !is_word ? std::string_view() : value;
}

}  // namespace

std::span<const AlgorithmName> algorithm_names() {
    return kAlgorithms;
}

std::span<const JwtAlgorithmName> jwt_algorithm_names() {
    return kJwtAlgorithms;
}

const JwtAlgorithmName& info(JwtAlgorithm algorithm) {
    return kJwtAlgorithms.at(static_cast<std::size_t>(algorithm));
}

std::span<const KeyEncodingName> key_encoding_names() {
    return kKeyEncodings;
}

std::vector<KeyEncoding> key_encodings_for(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::ed25519:
            return {KeyEncoding::base64, KeyEncoding::hex,  KeyEncoding::whpk,
                    KeyEncoding::pem,    KeyEncoding::spki, KeyEncoding::jwk};
        case Algorithm::ecdsa_p256:
        case Algorithm::rsa:
            return {KeyEncoding::pem, KeyEncoding::spki, KeyEncoding::jwk};
        case Algorithm::basic:
            return {KeyEncoding::utf8};
        default:
            return {KeyEncoding::utf8, KeyEncoding::base64, KeyEncoding::hex, KeyEncoding::whsec};
    }
}

std::span<const PlaceholderName> signed_placeholders() {
    return kSignedPlaceholders;
}

std::span<const PlaceholderName> claim_placeholders() {
    return kClaimPlaceholders;
}

std::span<const PlaceholderName> answer_placeholders() {
    return kAnswerPlaceholders;
}

std::span<const PlaceholderName> event_key_placeholders() {
    return kEventKeyPlaceholders;
}

std::string placeholder_text(const TemplatePart& part) {
    const auto row = std::ranges::find(kSignedPlaceholders, part.kind, &PlaceholderName::kind);
    if (row == kSignedPlaceholders.end()) return part.text;
    return std::string("{").append(row->name).append(row->takes_argument ? ":...}" : "}");
}

Options::Options(std::string_view field, std::span<const std::string> arguments,
                 const Allowed& allowed)
    : field_(field) {
    for (const std::string_view argument : arguments) {
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const bool is_flag = equals == std::string_view::npos;
        if (std::ranges::count(is_flag ? allowed.flags : allowed.names, name) == 0) {
            std::vector<std::string_view> all = allowed.names;
            all.insert(all.end(), allowed.flags.begin(), allowed.flags.end());
            throw ConfigError("unknown parameter" + shown_word(argument) + " of " +
                              in_quotes(field) + ", allowed: " + joined(all));
        }
        if ((has(name) || flag(name)) && name != allowed.repeatable) {
            throw ConfigError("duplicate parameter " + in_quotes(name) + " of " + in_quotes(field));
        }
        if (is_flag) {
            flags_.push_back(name);
        } else {
            values_.emplace_back(name, argument.substr(equals + 1));
        }
    }
}

std::optional<std::string_view> Options::find(std::string_view name) const {
    for (const auto& [known, value] : values_) {
        if (known == name) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Options::all(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const auto& [known, value] : values_) {
        if (known == name) found.push_back(value);
    }
    return found;
}

bool Options::flag(std::string_view name) const {
    return std::ranges::count(flags_, name) != 0;
}

std::string_view Options::exactly_one_of(const std::vector<std::string_view>& names) const {
    std::vector<std::string_view> found;
    std::string allowed;
    for (std::string_view name : names) {
        if (has(name)) found.push_back(name);
        if (!allowed.empty()) allowed += name == names.back() ? " or " : ", ";
        allowed += in_quotes(std::string(name) + "=");
    }
    if (found.size() != 1) throw ConfigError(in_quotes(field_) + " takes either " + allowed);
    return found.front();
}

void Options::reject(std::string_view name, std::string_view allowed) const {
    reject_argument(std::string(name) + "=" + std::string(shown_value(name, get(name))), allowed);
}

void Options::reject_argument(std::string_view argument, std::string_view allowed) const {
    throw ConfigError("invalid " + in_quotes(argument) + " of " + in_quotes(field_) +
                      ", allowed: " + std::string(allowed));
}

Milliseconds Options::duration(std::string_view name, Milliseconds otherwise) const {
    if (!has(name)) return otherwise;
    const auto value = parse_duration(get(name));
    if (!value || *value <= Milliseconds(0)) reject(name, "a time above zero, such as 5m");
    return *value;
}

}  // namespace webhook
