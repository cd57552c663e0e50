#include "capture/redaction.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/text.h"
#include "scheme/native.h"

namespace webhook {
namespace {

// What the body is, and who sent it when.
constexpr std::string_view kAlwaysKept[] = {
    "host",       "content-type", "content-length", "content-encoding", "transfer-encoding",
    "user-agent", "date",
};

// Credentials of others. That they were sent may explain a refusal.
constexpr std::string_view kCredentials[] = {"authorization", "proxy-authorization", "cookie"};

// As many headers as a sender of this kind signs, and more.
constexpr std::size_t kMostSignedHeaders = 64;

// nginx's variables, and so other readers, take `X_Id` for `X-Id`.
char as_variable(char character) {
    return is_letter(character) || is_digit(character) ? to_lower(character) : '_';
}

bool is_same_name(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, as_variable, as_variable);
}

bool is_among(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::any_of(names,
                               [name](std::string_view each) { return is_same_name(each, name); });
}

bool has_number(std::string_view stem, std::string_view name) {
    return name.size() > stem.size() && is_same_name(stem, name.substr(0, stem.size())) &&
           parse_digits(name.substr(stem.size()));
}

bool begins_ignoring_case(std::string_view text, std::string_view prefix) {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// Whether the text has the form of a signed JSON Web Token (RFC 7515, section 3.1).
bool is_jwt(std::string_view text) {
    const std::size_t first = text.find('.');
    const std::size_t last = text.rfind('.');
    return first != std::string_view::npos && first > 0 && last > first + 1 &&
           consists_of(text, "-_.") && std::ranges::count(text, '.') == 2;
}

// Also of a text that other readers refuse: a `%` without two digits stands for itself.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = percent_escape(text.substr(i));
        result += byte ? *byte : text[i] == '+' ? ' ' : text[i];
        if (byte) i += 2;
    }
    return result;
}

// Takes one character, encoded or not.
char take_character(std::string_view& text) {
    const auto byte = percent_escape(text);
    const char character = byte ? *byte : text.front();
    text.remove_prefix(byte ? 3 : 1);
    return character;
}

// What follows the parameter's name and `=`, encoded or not, if the text begins with them.
std::optional<std::string_view> behind_name(std::string_view text, std::string_view name) {
    for (char expected : name) {
        if (text.empty()) return std::nullopt;
        const bool is_plus = text.front() == '+';
        const char found = take_character(text);
        const bool is_it = to_lower(found) == to_lower(expected) || (is_plus && expected == ' ');
        if (!is_it) return std::nullopt;
    }
    if (text.empty() || take_character(text) != '=') return std::nullopt;
    return text;
}

// Where the target ends: before ` HTTP/1.1`.
std::size_t end_of_target(std::string_view line) {
    constexpr std::string_view kVersion = " HTTP/";
    const std::size_t at = line.rfind(kVersion);
    if (at == std::string_view::npos) return line.size();
    const std::string_view version = line.substr(at + kVersion.size());
    const bool is_version = std::ranges::all_of(
        version, [](char character) { return is_digit(character) || character == '.'; });
    return is_version ? at : line.size();
}

// A shorter key may stand in a text by chance.
constexpr std::size_t kShortestKey = 8;

std::string_view without_prefix(std::string_view secret) {
    constexpr std::string_view kPrefix = "whsec_";
    const std::size_t mark = secret.find(kPrefix);
    return mark == std::string_view::npos ? "" : secret.substr(mark + kPrefix.size());
}

// The bytes that the text stands for, if it is no key itself.
std::string key_of(KeyEncoding encoding, std::string_view secret) {
    constexpr std::string_view kVersion = "v1,";
    std::optional<std::string> key;
    if (encoding == KeyEncoding::whsec) {
        const std::string_view rest = without_prefix(secret);
        if (secret.starts_with(kVersion)) secret.remove_prefix(kVersion.size());
        key = decode(TextEncoding::base64, rest.empty() ? secret : rest);
    } else if (encoding == KeyEncoding::base64) {
        key = decode(TextEncoding::base64, secret);
    } else if (encoding == KeyEncoding::hex) {
        key = decode(TextEncoding::hex, secret);
    }
    return key && key->size() >= kShortestKey ? *key : "";
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// With padding and without.
void add_base64(std::vector<std::string>& texts, std::string text) {
    texts.push_back(text);
    texts.push_back(std::move(text.erase(text.find_last_not_of('=') + 1)));
}

void add_key(std::vector<std::string>& texts, const std::string& key) {
    const std::string hex = to_hex(bytes_of(key));
    std::string upper = hex;
    std::ranges::transform(upper, upper.begin(), [](char digit) {
        return static_cast<char>(is_digit(digit) ? digit : digit - 'a' + 'A');
    });
    std::string url = to_base64(bytes_of(key));
    add_base64(texts, url);
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    add_base64(texts, url);
    texts.insert(texts.end(), {key, hex, upper});
}

// As the sender presents it, and without its user.
void add_password(std::vector<std::string>& texts, std::string_view secret) {
    add_base64(texts, to_base64(bytes_of(secret)));
    const std::string_view password = secret.substr(std::min(secret.find(':') + 1, secret.size()));
    if (password.size() >= kShortestKey) texts.emplace_back(password);
}

// What must not be shown of these secrets.
std::vector<std::string> forms_of(const Scheme& scheme, std::span<const std::string_view> secrets) {
    std::vector<std::string> texts;
    for (std::string_view secret : secrets) {
        if (secret.empty()) continue;
        texts.emplace_back(secret);
        // Senders that show a secret may leave out its prefix.
        texts.emplace_back(without_prefix(secret));
        if (scheme.algorithm == Algorithm::basic) add_password(texts, secret);
        const std::string key = key_of(scheme.key, secret);
        if (!key.empty()) add_key(texts, key);
    }
    return texts;
}

std::string shown_length(std::string_view value) {
    return "[redacted:" + std::to_string(value.size()) + "]";
}

}  // namespace

std::string fingerprint(std::string_view secret) {
    constexpr std::size_t kDigits = 8;
    constexpr std::string_view kLabel("webhook capture fingerprint\0", 28);
    return to_hex(sha256(std::string(kLabel).append(secret))).substr(0, kDigits);
}

std::string redacted(std::string_view secret) {
    if (secret.size() < kShortestFingerprinted) return shown_length(secret);
    return "[redacted:" + std::to_string(secret.size()) + ":" + fingerprint(secret) + "]";
}

Redaction::Redaction(const Scheme& scheme, std::span<const std::string_view> secrets,
                     std::span<const HeaderField> headers)
    : scheme_(scheme), finder_(forms_of(scheme, secrets)) {
    add_places(scheme);
    add_signed_headers(scheme, headers);
}

void Redaction::add_places(const Scheme& scheme) {
    const bool takes_jwt = scheme.algorithm == Algorithm::jwt;
    for (const SignatureSource& each : scheme.signatures) {
        if (!scheme.presents_secret() && !takes_jwt) break;
        if (!each.numbered_headers.empty()) {
            header_places_.push_back({each.numbered_headers, each.prefix, true, takes_jwt});
        } else {
            add_place(scheme, each.source, {{}, each.prefix, false, takes_jwt});
        }
    }
    for (const Handshake& each : scheme.handshakes) {
        if (each.check == Handshake::Check::token) add_place(scheme, each.token, {});
    }
}

void Redaction::add_place(const Scheme& scheme, const ValueLocation& source, Place place) {
    if (source.kind == ValueLocation::Kind::query) {
        place.name = source.text;
        parameter_places_.push_back(place);
    }
    if (source.kind != ValueLocation::Kind::header) return;
    place.name = scheme.headers[source.header];
    if (!place.name.starts_with(kParameterMark)) return header_places_.push_back(place);
    place.name.remove_prefix(1);
    parameter_places_.push_back(place);
}

// A sender's own algorithm may sign a list of headers that is itself a header.
void Redaction::add_signed_headers(const Scheme& scheme, std::span<const HeaderField> headers) {
    if (scheme.native == nullptr) return;
    const auto known = scheme.native->headers;
    signed_headers_.assign(known.begin(), known.end());
    for (auto [name, value] : headers) {
        if (!is_among(known, name)) continue;
        while (!value.empty() && signed_headers_.size() < kMostSignedHeaders) {
            const std::size_t end = std::min(value.find(','), value.size());
            signed_headers_.push_back(without_padding(value.substr(0, end)));
            value.remove_prefix(std::min(end + 1, value.size()));
        }
    }
}

bool Redaction::is_kept(std::string_view name) const {
    if (is_among(kAlwaysKept, name)) return true;
    const bool is_read =
        std::ranges::any_of(scheme_.headers,
                            [name](std::string_view known) {
                                return !known.starts_with(kParameterMark) &&
                                       is_same_name(known, name);
                            }) ||
        std::ranges::any_of(scheme_.signatures, [name](const SignatureSource& each) {
            return !each.numbered_headers.empty() && has_number(each.numbered_headers, name);
        });
    return is_read || (!is_among(kCredentials, name) && is_among(signed_headers_, name));
}

// Whether a scheme that signs has its signature there. A password for others may stand there, too.
bool Redaction::is_of_scheme(std::string_view authorization) const {
    const auto is_it = [authorization](const SignatureSource& each) {
        constexpr std::string_view kOfOthers[] = {"basic ", "bearer "};
        return std::ranges::none_of(kOfOthers, [&](std::string_view word) {
            return begins_ignoring_case(authorization, word) &&
                   !begins_ignoring_case(each.prefix, word);
        });
    };
    return std::ranges::all_of(scheme_.signatures, is_it);
}

// Returns nullopt if no credential stands in the header.
std::optional<std::string> Redaction::credential(std::string_view name,
                                                 std::string_view value) const {
    for (const Place& place : header_places_) {
        const bool is_it =
            place.is_numbered ? has_number(place.name, name) : is_same_name(place.name, name);
        if (!is_it) continue;
        const bool has_prefix = begins_ignoring_case(value, place.prefix);
        const std::size_t start = has_prefix ? place.prefix.size() : 0;
        if (place.takes_jwt && is_jwt(value.substr(start))) return std::nullopt;
        return std::string(value.substr(0, start)) + redacted(value.substr(start));
    }
    if (!is_among(kCredentials, name)) return std::nullopt;
    const bool is_signature = is_kept(name) && is_of_scheme(value);
    return is_signature ? std::nullopt : std::optional(shown_length(value));
}

std::optional<std::string> Redaction::header(std::string_view name, std::string_view value) const {
    if (auto shown = credential(name, value)) return shown;
    if (!is_kept(name) || holds_secret(name)) return std::nullopt;
    return without_secrets(value);
}

// The value of a parameter that begins here, if it is a token. It ends where the gate sees its end.
std::optional<Redaction::Hidden> Redaction::token_at(std::string_view line, std::size_t begin,
                                                     std::size_t end) const {
    for (const Place& place : parameter_places_) {
        const auto rest = behind_name(line.substr(begin, end - begin), place.name);
        if (!rest) continue;
        const std::string_view value = rest->substr(0, rest->find('&'));
        std::string token = decoded(value);
        if (place.takes_jwt && is_jwt(token)) continue;
        const std::size_t start = end - rest->size();
        return Hidden{start, start + value.size(), std::move(token)};
    }
    return std::nullopt;
}

std::string Redaction::request_line(std::string_view line) const {
    // A parameter also begins behind a wrong mark, as in `?a=b?token=c`, and in an encoded URL.
    constexpr std::string_view kMarks = "/?&;#";
    std::vector<Hidden> hidden = secrets_in(line);
    const std::size_t end = end_of_target(line);
    std::size_t at = std::min(line.find(' ') + 1, end);
    std::size_t end_of_last = 0;
    for (bool begins = true; at < end && !parameter_places_.empty();) {
        // What ends where another does is hidden already.
        auto token = begins && at >= end_of_last ? token_at(line, at, end) : std::nullopt;
        if (token) {
            end_of_last = token->end;
            hidden.push_back(std::move(*token));
        }
        std::string_view rest = line.substr(at, end - at);
        begins = kMarks.find(take_character(rest)) != std::string_view::npos;
        at = end - rest.size();
    }
    return shown(line, std::move(hidden));
}

std::vector<Redaction::Hidden> Redaction::secrets_in(std::string_view text) const {
    std::vector<Hidden> hidden;
    for (const SecretFinder::Found& each : finder_.find_in(text)) {
        hidden.push_back({each.begin, each.end, std::string(each.secret)});
    }
    return hidden;
}

// What overlaps is hidden as one, under the name of the longest.
std::string Redaction::shown(std::string_view text, std::vector<Hidden> hidden) {
    std::ranges::sort(hidden, [](const Hidden& left, const Hidden& right) {
        return std::pair(left.begin, right.end) < std::pair(right.begin, left.end);
    });
    std::string result;
    std::size_t done = 0;
    for (auto each = hidden.begin(); each != hidden.end();) {
        const Hidden* longest = &*each;
        result.append(text.substr(done, each->begin - done));
        done = each->end;
        while (++each != hidden.end() && each->begin < done) {
            done = std::max(done, each->end);
            if (each->end - each->begin > longest->end - longest->begin) longest = &*each;
        }
        result.append(redacted(longest->secret));
    }
    return result.append(text.substr(done));
}

std::string Redaction::without_secrets(std::string_view text) const {
    return shown(text, secrets_in(text));
}

bool Redaction::holds_secret(std::string_view text) const {
    return finder_.is_in(text);
}

std::size_t Redaction::longest_form(std::span<const std::string_view> secrets) {
    // In hex what was base64, each letter as `\u005cu0041`.
    constexpr std::size_t kMost = 2 * 36;
    std::size_t longest = 0;
    for (std::string_view secret : secrets) longest = std::max(longest, secret.size());
    return kMost * longest;
}

bool Redaction::has_secret_in_body(const Scheme& scheme, bool answers_handshakes) {
    const bool presents = scheme.presents_secret() &&
                          std::ranges::any_of(scheme.signatures, &ValueLocation::is_in_body,
                                              &SignatureSource::source);
    return presents ||
           (answers_handshakes && std::ranges::any_of(scheme.handshakes, [](const Handshake& each) {
                return each.check == Handshake::Check::token && each.token.is_in_body();
            }));
}

}  // namespace webhook
