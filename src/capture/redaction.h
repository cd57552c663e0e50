// What a capture shows of a delivery's head: which headers are kept, and what takes the place of
// secrets.
//
// Kept are the headers that the scheme reads, and those that say what the body is. A signature or
// a JSON Web Token is kept, since it is what is to be explained. A static token or a password is
// the secret itself, so its length and its fingerprint stand in its place: the fingerprint tells
// whether it is the secret that somebody has, and not what it is.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/secret_finder.h"
#include "scheme/scheme.h"

namespace webhook {

// A shorter value could be found by trying all values for its fingerprint.
inline constexpr std::size_t kShortestFingerprinted = 16;

// Eight hex digits of a hash of the value and a fixed label.
std::string fingerprint(std::string_view secret);

// `[redacted:LENGTH:FINGERPRINT]`, or `[redacted:LENGTH]` for a short value.
std::string redacted(std::string_view secret);

using HeaderField = std::pair<std::string_view, std::string_view>;

class Redaction {
  public:
    // `secrets` are texts that must not be shown, wherever they stand, encoded or not. They are
    // copied; all else is borrowed.
    Redaction(const Scheme& scheme, std::span<const std::string_view> secrets,
              std::span<const HeaderField> headers);
    Redaction(const Redaction&) = delete;
    Redaction& operator=(const Redaction&) = delete;

    // Returns the value as it may be shown, or nullopt if the header is left out.
    std::optional<std::string> header(std::string_view name, std::string_view value) const;
    // The request line, without what the scheme reads there as a token.
    std::string request_line(std::string_view line) const;
    // The text with something else in place of each of the secrets, and of their encoded forms.
    std::string without_secrets(std::string_view text) const;
    // Whether the text holds any of the secrets, or of their encoded forms.
    bool holds_secret(std::string_view text) const;
    // Whether a secret stands in each body, since the scheme reads one there.
    static bool has_secret_in_body(const Scheme& scheme, bool answers_handshakes);
    // The most bytes that any form of the secrets takes.
    static std::size_t longest_form(std::span<const std::string_view> secrets);

  private:
    // A place where the sender presents a secret.
    struct Place {
        // A header, or a parameter of the query.
        std::string_view name;
        // What stands before it and is no secret.
        std::string_view prefix;
        // Whether the name is followed by a number.
        bool is_numbered = false;
        // Whether a JSON Web Token stands there.
        bool takes_jwt = false;
    };

    // A part of a text, in whose place a secret's length and fingerprint stand.
    struct Hidden {
        std::size_t begin;
        std::size_t end;
        std::string secret;
    };

    void add_places(const Scheme& scheme);
    void add_place(const Scheme& scheme, const ValueLocation& source, Place place);
    void add_signed_headers(const Scheme& scheme, std::span<const HeaderField> headers);
    bool is_kept(std::string_view name) const;
    std::optional<std::string> credential(std::string_view name, std::string_view value) const;
    bool is_of_scheme(std::string_view authorization) const;
    std::optional<Hidden> token_at(std::string_view line, std::size_t begin, std::size_t end) const;
    std::vector<Hidden> secrets_in(std::string_view text) const;
    static std::string shown(std::string_view text, std::vector<Hidden> hidden);

    const Scheme& scheme_;
    const SecretFinder finder_;
    std::vector<Place> header_places_;
    std::vector<Place> parameter_places_;
    // Headers that a header of the sender's own algorithm names.
    std::vector<std::string_view> signed_headers_;
};

}  // namespace webhook
