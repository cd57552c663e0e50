// A delivery and a sender for tests: what is signed here is computed by OpenSSL's one-call HMAC,
// apart from the library under test.

#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "webhook/presented.h"
#include "webhook/reason.h"
#include "webhook/scheme.h"
#include "webhook/signing_key.h"
#include "webhook/text.h"
#include "webhook/verification.h"

namespace webhook {

inline void PrintTo(Reason reason, std::ostream* stream) {
    *stream << info(reason).name;
}

namespace testing {

inline std::string hmac(const EVP_MD* hash, std::string_view key, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    unsigned size = 0;
    ::HMAC(hash, key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(), &size);
    return {code.begin(), code.begin() + size};
}

inline std::string hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (unsigned char byte : bytes) {
        text += kDigits[byte / 16];
        text += kDigits[byte % 16];
    }
    return text;
}

inline std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

inline std::string hmac_hex(std::string_view key, std::string_view text) {
    return hex(hmac(EVP_sha256(), key, text));
}

inline std::string hmac_base64(std::string_view key, std::string_view text) {
    return base64(hmac(EVP_sha256(), key, text));
}

struct Delivery {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string method = "POST";

    void add(std::string_view name, std::string_view value) { headers.emplace_back(name, value); }

    void remove(std::string_view name) {
        std::erase_if(headers, [name](const auto& header) {
            return equals_ignoring_case(header.first, name);
        });
    }

    void set(std::string_view name, std::string_view value) {
        remove(name);
        add(name, value);
    }

    SchemeHeaders offered_to(const Scheme& scheme) const {
        SchemeHeaders offered(scheme);
        for (const auto& [name, value] : headers) offered.offer(name, value);
        return offered;
    }
};

inline SigningSecret secret(const Scheme& scheme, std::string_view text, std::string id = "",
                            std::optional<Milliseconds> not_after = std::nullopt) {
    return {std::move(id), not_after, SigningKey(scheme, text)};
}

struct Judgement {
    Reason reason;
    // Of the secret that matched.
    std::string secret_id;

    friend bool operator==(const Judgement&, const Judgement&) = default;
};

inline void PrintTo(const Judgement& judgement, std::ostream* stream) {
    *stream << info(judgement.reason).name << " by \"" << judgement.secret_id << '"';
}

// What the gate would answer; the body comes in pieces that end at the `cuts`.
inline Judgement judge(const Scheme& scheme, const std::vector<SigningSecret>& secrets,
                       const Delivery& delivery, Milliseconds now,
                       const std::vector<std::size_t>& cuts = {}) {
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Presented presented;
    if (const auto reason = read_headers(scheme, headers, now, std::nullopt, presented)) {
        return {*reason, ""};
    }
    std::vector<const SigningSecret*> pointers;
    for (const SigningSecret& one : secrets) pointers.push_back(&one);
    Verification verification(scheme, pointers, {delivery.method, &headers, &presented}, now);
    if (verification.secret_count() == 0) return {Reason::no_secret, ""};
    std::string_view rest = delivery.body;
    std::size_t position = 0;
    for (std::size_t cut : cuts) {
        verification.update(rest.substr(0, cut - position));
        rest.remove_prefix(cut - position);
        position = cut;
    }
    verification.update(rest);
    const SigningSecret* matched = verification.finish();
    if (matched == nullptr) return {Reason::bad_signature, ""};
    return {Reason::accepted, matched->id};
}

}  // namespace testing
}  // namespace webhook
