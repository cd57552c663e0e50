// A delivery and a sender for tests: what is signed here is computed by OpenSSL's one-call
// functions, apart from the library under test.

#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "base/url.h"
#include "inspect/inspection.h"
#include "jsonschema/validator.h"
#include "scheme/builder.h"
#include "verify/credentials.h"
#include "verify/reason.h"
#include "verify/signing_key.h"
#include "verify/verification.h"

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

inline std::string base64url(std::string_view bytes) {
    std::string text = base64(bytes);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    while (text.ends_with('=')) text.pop_back();
    return text;
}

inline std::string hashed(const EVP_MD* hash, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, hash, nullptr);
    return {digest.begin(), digest.begin() + size};
}

inline std::string sha256_hex(std::string_view text) {
    return hex(hashed(EVP_sha256(), text));
}

// A key pair of a sender.
class KeyPair {
  public:
    // Made once for each kind: RSA takes its time.
    static const KeyPair& ed25519() {
        static const KeyPair pair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), nullptr);
        return pair;
    }
    static const KeyPair& ecdsa() {
        static const KeyPair pair(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_sha256());
        return pair;
    }
    static const KeyPair& rsa() {
        static const KeyPair pair(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}),
                                  EVP_sha256());
        return pair;
    }

    // Ed25519 has no hash of its own choice.
    std::string sign(std::string_view text) const { return sign(text, hash_); }
    std::string sign(std::string_view text, const EVP_MD* hash) const {
        std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
        EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_.get());
        std::string signature(1024, '\0');
        std::size_t size = signature.size();
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size());
        signature.resize(size);
        return signature;
    }
    // As a token holds it (RFC 7518, section 3.4): two numbers of 32 bytes.
    std::string sign_as_numbers(std::string_view text) const {
        const std::string der = sign(text);
        const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
        std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> signature(
            d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())), ECDSA_SIG_free);
        std::string numbers(64, '\0');
        auto* output = reinterpret_cast<unsigned char*>(numbers.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), output, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), output + 32, 32);
        return numbers;
    }

    std::string der() const {
        unsigned char* bytes = nullptr;
        const int size = i2d_PUBKEY(key_.get(), &bytes);
        std::string text(bytes, bytes + size);
        OPENSSL_free(bytes);
        return text;
    }
    std::string pem() const {
        std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_PUBKEY(memory.get(), key_.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(memory.get(), &text);
        return {text, text + size};
    }
    // The 32 bytes of an Ed25519 key, which end its DER.
    std::string raw() const { return der().substr(der().size() - 32); }
    std::string jwk() const {
        if (hash_ == nullptr) {
            return R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(raw()) + "\"}";
        }
        if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
            return R"({"kty":"RSA","n":")" + number("n") + R"(","e":")" + number("e") + "\"}";
        }
        const std::string point = der().substr(der().size() - 64);
        return R"({"kty":"EC","crv":"P-256","x":")" + base64url(point.substr(0, 32)) +
               R"(","y":")" + base64url(point.substr(32)) + "\"}";
    }

  private:
    KeyPair(EVP_PKEY* key, const EVP_MD* hash) : key_(key, EVP_PKEY_free), hash_(hash) {}

    std::string number(const char* name) const {
        BIGNUM* number = nullptr;
        EVP_PKEY_get_bn_param(key_.get(), name, &number);
        std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
        BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
        BN_free(number);
        return base64url(bytes);
    }

    std::shared_ptr<EVP_PKEY> key_;
    const EVP_MD* hash_;
};

// A JSON Web Token: `sign` makes the signature of a text.
template <typename Sign>
std::string token(std::string_view header, std::string_view claims, Sign sign) {
    const std::string text = base64url(header) + '.' + base64url(claims);
    return text + '.' + base64url(sign(text));
}

inline std::string hs256_token(std::string_view claims, std::string_view key) {
    return token(R"({"alg":"HS256","typ":"JWT"})", claims,
                 [key](std::string_view text) { return hmac(EVP_sha256(), key, text); });
}

struct Delivery {
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::string method = "POST";
    // As the sender saw it.
    std::string url = "https://hooks.example/in";
    bool url_is_fixed = false;
    // The parameters that the scheme reads, where they are others than the URL's.
    std::optional<std::string> query = std::nullopt;
    // The query of the request line, where it is another one than the URL's.
    std::optional<std::string> sent_query = std::nullopt;

    std::string_view parameters() const { return query ? *query : query_of(url); }

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
        offered.offer_query(parameters());
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

// A body as verification wants it: with bytes behind it that are no part of it.
class PaddedBody {
  public:
    explicit PaddedBody(const std::string& body)
        : padded_(body + std::string(json_padding(), '}')), size_(body.size()) {}

    std::string_view text() const { return std::string_view(padded_).substr(0, size_); }

  private:
    std::string padded_;
    std::size_t size_;
};

// The pieces of a body that end at the `cuts`.
template <typename Consumer>
void update(Consumer& consumer, std::string_view body, const std::vector<std::size_t>& cuts) {
    std::size_t position = 0;
    for (std::size_t cut : cuts) {
        consumer.update(body.substr(position, cut - position));
        position = cut;
    }
    consumer.update(body.substr(position));
}

// What the inspection asks for, out of a delivery and its secrets.
class TestRequest final : public RequestAccess {
  public:
    // The first secret is that of index 0, and so on.
    TestRequest(const Delivery& delivery, std::vector<SigningSecret>& secrets)
        : delivery_(delivery) {
        for (SigningSecret& secret : secrets) {
            secret.index = secrets_.size();
            secrets_.push_back(&secret);
        }
        target_ = target_of(delivery.url);
        if (!delivery.sent_query) return;
        target_ = target_.substr(0, target_.find('?'));
        if (!delivery.sent_query->empty()) target_ += '?' + *delivery.sent_query;
    }

    RequestHead head() const {
        RequestHead head;
        head.method = delivery_.method;
        head.target = target_;
        head.query = delivery_.parameters();
        head.endpoint = "endpoint";
        head.server = "hooks.example";
        head.declared_size = static_cast<std::int64_t>(delivery_.body.size());
        return head;
    }

    void offer_headers(SchemeHeaders& headers) override {
        for (const auto& [name, value] : delivery_.headers) headers.offer(name, value);
    }
    void offer_headers(ContentCharset& charset) override {
        for (const auto& [name, value] : delivery_.headers) charset.offer(name, value);
    }
    bool source_is_allowed() override { return true; }
    ConfiguredUrl url() override { return {delivery_.url, std::nullopt}; }
    RequestSecrets secrets(Milliseconds) override { return {secrets_, false}; }
    std::string_view value_of_key(std::size_t) override { return {}; }
    std::string_view keep(std::string_view text) override { return kept_.emplace_back(text); }
    JsonDocument& json_document() override { return json_; }
    SchemaValidator& schema_validator() override { return validator_; }

  private:
    const Delivery& delivery_;
    std::string target_;
    std::vector<const SigningSecret*> secrets_;
    std::deque<std::string> kept_;
    JsonDocument json_;
    SchemaValidator validator_;
};

// A body that has been read, with bytes behind it that are no part of it.
class TestBody final : public BodyAccess {
  public:
    TestBody(const std::string& body, JsonDocument& reader)
        : padded_(body), whole_(padded_.text(), reader) {}

    std::int64_t sent_size() const override { return size(); }
    std::int64_t size() const override { return static_cast<std::int64_t>(padded_.text().size()); }
    bool is_as_declared() const override { return true; }
    bool is_sound() const override { return true; }
    WholeBody& whole() override { return whole_; }
    void hash(HashStream& hash) override { hash.update(padded_.text()); }

  private:
    PaddedBody padded_;
    WholeBody whole_;
};

// A location that takes the delivery's method, and no other demand than its scheme's.
inline Policy policy_for(const Scheme& scheme, const Delivery& delivery) {
    Policy policy;
    policy.scheme = std::shared_ptr<const Scheme>(&scheme, [](const Scheme*) {});
    policy.methods = {delivery.method};
    policy.url_is_fixed = delivery.url_is_fixed;
    policy.payload_max = delivery.body.size();
    return policy;
}

// What the gate answers; the body comes in pieces that end at the `cuts`, and is complete at
// `ended`. `identity` is given the event's key.
inline Judgement judge(const Scheme& scheme, std::vector<SigningSecret> secrets,
                       const Delivery& delivery, Milliseconds now,
                       const std::vector<std::size_t>& cuts = {},
                       const std::optional<Tolerance>& tolerance = std::nullopt,
                       std::optional<Milliseconds> ended = std::nullopt,
                       std::string* identity = nullptr) {
    Policy policy = policy_for(scheme, delivery);
    policy.tolerance = tolerance;
    TestRequest request(delivery, secrets);
    Wanted wanted;
    wanted.event_key = identity != nullptr;
    Inspection inspection(policy, wanted, request.head(), request);
    auto outcome = inspection.before_body(now);
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) return {*refusal, ""};
    auto& of_body = std::get<BodyInspection>(outcome);
    update(of_body, delivery.body, cuts);
    TestBody body(delivery.body, request.json_document());
    if (const auto objection = of_body.finish(body, ended.value_or(now))) return {*objection, ""};
    if (identity != nullptr) *identity = inspection.event().key;
    return {Reason::accepted, std::string(inspection.event().secret_id)};
}

}  // namespace testing
}  // namespace webhook
