#include "verify/length_extension.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"

// The parts of SHA-256 that an attacker needs are deprecated, and there is no other way to them.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace webhook {
namespace {

using testing::Delivery;
using testing::hex;
using testing::judge;
using testing::secret;
using testing::sha256_hex;

constexpr Milliseconds kNow{1'614'265'330'000};

// What SHA-256 puts behind a text of this size before it hashes the last block.
std::string padding_of(std::size_t size) {
    std::string padding = "\x80";
    while ((size + padding.size()) % 64 != 56) padding += '\0';
    const std::uint64_t bits = size * 8;
    for (int shift = 56; shift >= 0; shift -= 8) padding += static_cast<char>(bits >> shift);
    return padding;
}

// As an attacker does it: the hash of a text that is not known, but for its hash and its size, with
// its padding and `more` behind it.
std::string extended_hash(const std::string& hash, std::size_t size, const std::string& more) {
    SHA256_CTX context;
    SHA256_Init(&context);
    for (int i = 0; i < 8; ++i) {
        std::uint32_t word = 0;
        for (int byte = 0; byte < 4; ++byte) {
            word = word << 8 |
                   static_cast<unsigned char>(hash[static_cast<std::size_t>(i * 4 + byte)]);
        }
        context.h[i] = word;
    }
    const std::uint64_t bits = (size + padding_of(size).size()) * 8;
    context.Nl = static_cast<SHA_LONG>(bits);
    context.Nh = static_cast<SHA_LONG>(bits >> 32);
    SHA256_Update(&context, more.data(), more.size());
    std::string extended(SHA256_DIGEST_LENGTH, '\0');
    SHA256_Final(reinterpret_cast<unsigned char*>(extended.data()), &context);
    return extended;
}

bool found_in(const std::string& text, const std::vector<std::size_t>& cuts = {}) {
    LengthExtension extension;
    std::size_t position = 0;
    for (const std::size_t cut : cuts) {
        extension.update(std::string_view(text).substr(position, cut - position));
        position = cut;
    }
    extension.update(std::string_view(text).substr(position));
    return extension.found();
}

TEST(LengthExtension, IsFoundBehindATextOfAnySize) {
    for (std::size_t size = 0; size < 300; ++size) {
        const std::string text(size, 's');
        const std::string extended = text + padding_of(size);
        EXPECT_FALSE(found_in(text)) << size;
        EXPECT_TRUE(found_in(extended)) << size;
        EXPECT_TRUE(found_in(extended + "x")) << size;
        EXPECT_TRUE(found_in(extended + std::string(1000, 'x'))) << size;
        EXPECT_FALSE(found_in(extended.substr(0, extended.size() - 1))) << size;
    }
}

TEST(LengthExtension, IsFoundHoweverTheTextIsCut) {
    for (const std::size_t size : {0U, 1U, 54U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 200U}) {
        const std::string text = std::string(size, 's') + padding_of(size) + "more";
        for (std::size_t first = 0; first <= text.size(); ++first) {
            ASSERT_TRUE(found_in(text, {first})) << size << " cut at " << first;
            for (std::size_t second = first; second <= text.size(); second += 3) {
                ASSERT_TRUE(found_in(text, {first, second})) << size;
            }
        }
        std::vector<std::size_t> every(text.size());
        for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
        EXPECT_TRUE(found_in(text, every)) << size;
    }
}

TEST(LengthExtension, WhatIsNoPaddingOfWhatIsBeforeItIsNotTakenForOne) {
    const std::string right = std::string(70, 's') + padding_of(70);
    for (std::size_t i = 70; i < right.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string other = right;
            other[i] = static_cast<char>(other[i] ^ (1 << bit));
            EXPECT_FALSE(found_in(other)) << i << ' ' << bit;
        }
    }
    EXPECT_FALSE(found_in("x" + right)) << "elsewhere in its block";
    EXPECT_FALSE(found_in(std::string(64, 'x') + right)) << "behind more than it says";
    EXPECT_FALSE(found_in(std::string(64, '\0')));
    EXPECT_FALSE(found_in(std::string(1 << 16, '\0')));
    EXPECT_FALSE(found_in(std::string(1 << 16, '\x80')));
    // A block of zeros too many: no hash has such a padding.
    std::string longer = std::string(70, 's') + "\x80" + std::string(64, '\0');
    longer += padding_of(70).substr(1);
    EXPECT_FALSE(found_in(longer));
}

TEST(LengthExtension, BodiesOfAnyBytesHaveNone) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        std::string text(random() % 1000, '\0');
        // Mostly the bytes that a padding is made of.
        for (char& byte : text) {
            const auto kind = random() % 4;
            byte = kind == 0 ? '\x80' : kind == 1 ? static_cast<char>(random()) : '\0';
        }
        EXPECT_FALSE(found_in("secret" + text));
    }
}

struct Forged {
    const char* preset;
    std::string before_body;
    Delivery delivery;
};

TEST(LengthExtension, NobodyExtendsADeliveryOfHubspot) {
    const std::string key = "a secret of hubspot";
    const std::string body = R"([{"eventId":1}])";
    const Forged all[] = {
        {"hubspot-v1", key, {{{"X-HubSpot-Signature-Version", "v1"}}, body}},
        {"hubspot-v2",
         key + "POSThttps://hooks.example/in",
         {{{"X-HubSpot-Signature-Version", "v2"}}, body}},
    };
    for (const Forged& forged : all) {
        SCOPED_TRACE(forged.preset);
        const Scheme scheme = preset_scheme(forged.preset).value();
        const std::string text = forged.before_body + body;
        const std::string seen = testing::hashed(EVP_sha256(), text);
        Delivery delivery = forged.delivery;
        delivery.set("X-HubSpot-Signature", hex(seen));
        ASSERT_EQ(Reason::accepted, judge(scheme, {secret(scheme, key)}, delivery, kNow).reason);
        for (const std::string& more : {std::string(), std::string("x"),
                                        std::string(R"([{"a":1}])"), std::string(200, ' ')}) {
            const std::string forged_body = body + padding_of(text.size()) + more;
            // That it is the hash of this text, which the secret is in.
            const std::string hash = extended_hash(seen, text.size(), more);
            ASSERT_EQ(sha256_hex(forged.before_body + forged_body), hex(hash));
            delivery.body = forged_body;
            delivery.set("X-HubSpot-Signature", hex(hash));
            for (std::size_t cut = 0; cut <= forged_body.size(); ++cut) {
                EXPECT_EQ(Reason::bad_signature,
                          judge(scheme, {secret(scheme, key)}, delivery, kNow, {cut}).reason)
                    << cut;
            }
        }
    }
}

// The log tells such an attack from a wrong secret.
TEST(LengthExtension, TheCauseTellsOfIt) {
    const Scheme scheme = preset_scheme("hubspot-v1").value();
    const SigningSecret key = secret(scheme, "0123456789abcdef");
    const std::string text = "0123456789abcdef{}";
    const std::string padding = padding_of(text.size());
    const auto cause_of = [&](const std::string& body, const std::string& hash) {
        const Delivery delivery{
            {{"X-HubSpot-Signature-Version", "v1"}, {"X-HubSpot-Signature", hex(hash)}}, body};
        const SchemeHeaders headers = delivery.offered_to(scheme);
        Credentials presented;
        const std::optional<Tolerance> tolerance;
        EXPECT_EQ(std::nullopt, read_headers(scheme, headers, kNow, tolerance, presented));
        JsonDocument json;
        const SigningSecret* secrets[] = {&key};
        Verification verification(scheme, secrets,
                                  {"POST", "", "", &headers, &presented, &tolerance, &json}, kNow);
        verification.update(body);
        return verification.verify_signature(nullptr, kNow).value().cause;
    };
    const std::string seen = testing::hashed(EVP_sha256(), text);
    EXPECT_EQ(Cause::Kind::extended,
              cause_of("{}" + padding + "x", extended_hash(seen, text.size(), "x")).kind);
    const Cause wrong = cause_of("{ }", seen);
    EXPECT_EQ(Cause::Kind::no_match_of_body, wrong.kind);
    EXPECT_EQ(1, wrong.amount);
    EXPECT_EQ(3, wrong.allowed);
}

// Behind the text, the secret cannot be extended over.
TEST(LengthExtension, IsLookedForWhereTheTextCanBeExtendedOnly) {
    const auto can_be = [](const std::string& text) {
        return parse_scheme("test",
                            "algorithm sha256; signed \"" + text + "\"; signature header=S;")
            .can_be_extended();
    };
    EXPECT_TRUE(can_be("{secret}{body}"));
    EXPECT_TRUE(can_be("{body}{secret}."));
    EXPECT_TRUE(can_be("{secret}.{body}.{method}"));
    EXPECT_FALSE(can_be("{body}{secret}"));
    EXPECT_FALSE(can_be("{secret}{body}{secret}"));
    EXPECT_FALSE(preset_scheme("github")->can_be_extended());
    EXPECT_FALSE(preset_scheme("sendgrid")->can_be_extended());

    const Scheme behind =
        parse_scheme("test", R"(algorithm sha256; signed "{body}{secret}"; signature header=S;)");
    const std::string body = padding_of(0) + "x";
    const Delivery delivery{{{"S", sha256_hex(body + "a secret")}}, body};
    EXPECT_EQ(Reason::accepted, judge(behind, {secret(behind, "a secret")}, delivery, kNow).reason);
}

}  // namespace
}  // namespace webhook
