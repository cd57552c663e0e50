#include "capture/redaction.h"

#include <algorithm>
#include <array>

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

int hex_value(char digit) {
    if (is_digit(digit)) return digit - '0';
    const char lowered = to_lower(digit);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

// Also of a text that other readers refuse: a `%` without two digits stands for itself.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_code = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                             hex_value(text[i + 2]) >= 0;
        if (is_code) {
            result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            result += text[i] == '+' ? ' ' : text[i];
        }
    }
    return result;
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
    : scheme_(scheme) {
    add_secrets(secrets);
    add_places(scheme);
    add_signed_headers(scheme, headers);
}

void Redaction::add_secrets(std::span<const std::string_view> secrets) {
    encoded_.reserve(secrets.size());
    for (std::string_view secret : secrets) {
        if (secret.empty()) continue;
        secrets_.push_back(secret);
        if (scheme_.algorithm == Algorithm::basic) {
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(secret.data());
            secrets_.push_back(encoded_.emplace_back(to_base64({bytes, secret.size()})));
        }
        // Senders that show a secret may leave out its prefix.
        const std::size_t mark = secret.find("whsec_");
        const std::string_view rest = mark == std::string_view::npos ? "" : secret.substr(mark + 6);
        if (!rest.empty()) secrets_.push_back(rest);
    }
    std::ranges::sort(secrets_, std::ranges::greater{}, &std::string_view::size);
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

// A part of the target: a parameter, or a step of the path.
std::string Redaction::segment(std::string_view text) const {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = decoded(text.substr(0, equals));
    const std::string value = decoded(text.substr(std::min(equals + 1, text.size())));
    const bool is_token = std::ranges::any_of(parameter_places_, [&](const Place& place) {
        return equals_ignoring_case(place.name, name) && !(place.takes_jwt && is_jwt(value));
    });
    if (is_token && equals < text.size()) {
        return std::string(text.substr(0, equals + 1)) + redacted(value);
    }
    const std::string whole = decoded(text);
    return whole != text && holds_secret(whole) ? redacted(whole) : std::string(text);
}

std::string Redaction::request_line(std::string_view line) const {
    // A parameter also begins where a wrong mark stands, as in `?a=b?token=c`.
    constexpr std::string_view kEnds = "/?&;# ";
    const std::string raw = without_secrets(line);
    std::string shown;
    std::string_view rest = raw;
    while (true) {
        const std::size_t end = std::min(rest.find_first_of(kEnds), rest.size());
        shown += segment(rest.substr(0, end));
        if (end == rest.size()) return shown;
        shown += rest[end];
        rest.remove_prefix(end + 1);
    }
}

bool Redaction::holds_secret(std::string_view text) const {
    return std::ranges::any_of(secrets_, [text](std::string_view secret) {
        return text.find(secret) != std::string_view::npos;
    });
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

std::string Redaction::without_secrets(std::string_view text) const {
    std::string shown(text);
    for (std::string_view secret : secrets_) {
        const std::string instead = redacted(secret);
        for (std::size_t at = shown.find(secret); at != std::string::npos;
             at = shown.find(secret, at + instead.size())) {
            shown.replace(at, secret.size(), instead);
        }
    }
    return shown;
}

}  // namespace webhook
