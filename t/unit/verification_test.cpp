#include "verify/verification.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json_document.h"
#include "delivery.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::bare;
using testing::bare_scheme;
using testing::base64;
using testing::Delivery;
using testing::flipped;
using testing::hex;
using testing::hmac;
using testing::hmac_base64;
using testing::hmac_hex;
using testing::judge;
using testing::Judgement;
using testing::kBad;
using testing::KeyPair;
using testing::kNow;
using testing::kSecret;
using testing::kTime;
using testing::secret;

const std::string kUrl = "https://hooks.example/in?a=1";

Scheme list_scheme() {
    return parse_scheme("list",
                        "algorithm hmac-sha256; signed '{body}';"
                        "signature header=X-Sign split=, prefix=v1=;");
}

TEST(Verification, BodyMayComeInPiecesCutAnywhere) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    const Delivery delivery =
        bare(R"({"id": "evt_1", "type": "push", "text": ")" + std::string(150, 'x') + "\"}");
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    const Delivery tampered = [&] {
        Delivery other = delivery;
        other.body = flipped(other.body, 100);
        return other;
    }();
    std::vector<std::size_t> every_cut;
    for (std::size_t cut = 0; cut <= delivery.body.size(); ++cut) {
        EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, {cut}).reason) << cut;
        EXPECT_EQ(Reason::bad_signature, judge(scheme, secrets, tampered, kNow, {cut}).reason);
        every_cut.push_back(cut);
    }
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, every_cut).reason);
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, {5, 5, 5, 90}).reason);
}

TEST(Verification, EmptyBodyIsABody) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    Delivery delivery = bare("");
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.body = "\0"s;
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery = bare("not empty");
    delivery.body = "";
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

TEST(Verification, BodyThatNeverComesIsEmpty) {
    const Scheme scheme = bare_scheme();
    const SigningSecret key = secret(scheme, kSecret);
    const std::vector<const SigningSecret*> secrets{&key};
    for (const std::string& body : {""s, "body"s}) {
        const Delivery delivery = bare(body);
        const SchemeHeaders headers = delivery.offered_to(scheme);
        Credentials presented;
        ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, std::nullopt, presented));
        const std::optional<Tolerance> tolerance;
        Verification verification(
            scheme, secrets, {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
        EXPECT_EQ(body.empty() ? std::nullopt : std::optional(Reason::bad_signature),
                  verification.verify_signature(nullptr, kNow));
        EXPECT_EQ(body.empty() ? &key : nullptr, verification.secret());
    }
}

TEST(Verification, BodyIsSignedByteForByte) {
    const Scheme scheme = bare_scheme();
    std::string body;
    for (int i = 0; i < 256; ++i) body += static_cast<char>(i);
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    Delivery delivery = bare(body);
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    for (const std::string& other : {body + "\n", body.substr(1), body.substr(0, 255), " " + body,
                                     body + body, body + "\0"s}) {
        delivery.body = other;
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    }
}

TEST(Verification, EveryHash) {
    const std::vector<std::pair<std::string, const EVP_MD*>> hashes{{"sha1", EVP_sha1()},
                                                                    {"sha256", EVP_sha256()},
                                                                    {"sha384", EVP_sha384()},
                                                                    {"sha512", EVP_sha512()}};
    for (const auto& [name, hash] : hashes) {
        for (const std::string& encoding : {"hex"s, "base64"s}) {
            const Scheme scheme = parse_scheme(
                "test", "algorithm hmac-" + name +
                            "; signed '{body}'; signature header=X-Sign encoding=" + encoding +
                            ";");
            const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
            const std::string code = hmac(hash, kSecret, "body");
            Delivery delivery{{}, "body", "POST"};
            for (std::size_t i = 0; i <= code.size(); ++i) {
                const std::string given = i == code.size() ? code : flipped(code, i);
                delivery.set("X-Sign", encoding == "hex" ? hex(given) : base64(given));
                ASSERT_EQ(i == code.size() ? Reason::accepted : Reason::bad_signature,
                          judge(scheme, secrets, delivery, kNow).reason)
                    << name << ' ' << i;
            }
        }
    }
}

TEST(Verification, CodeOfAnotherHashIsNoSignature) {
    const Scheme scheme = bare_scheme();
    Delivery delivery{{}, "body", "POST"};
    for (const EVP_MD* hash : {EVP_sha1(), EVP_sha384(), EVP_sha512()}) {
        delivery.set("X-Sign", hex(hmac(hash, kSecret, "body")));
        EXPECT_EQ(Reason::malformed_signature,
                  judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
    }
    delivery.set("X-Sign", hex(hmac(EVP_sha512_256(), kSecret, "body")));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow));
}

TEST(Verification, AnySecretMayMatchAndTheOneThatDidIsTold) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, "first secret", "1"),
                                             secret(scheme, "second secret", "2"),
                                             secret(scheme, "third secret", "3")};
    EXPECT_EQ((Judgement{Reason::accepted, "1"}),
              judge(scheme, secrets, bare("body", "first secret"), kNow, {2}));
    EXPECT_EQ((Judgement{Reason::accepted, "2"}),
              judge(scheme, secrets, bare("body", "second secret"), kNow, {2}));
    EXPECT_EQ((Judgement{Reason::accepted, "3"}),
              judge(scheme, secrets, bare("body", "third secret"), kNow, {2}));
    EXPECT_EQ(kBad, judge(scheme, secrets, bare("body", "fourth secret"), kNow, {2}));
}

TEST(Verification, AnyCandidateMayMatchUnderAnySecret) {
    const Scheme scheme = list_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, "first secret", "1"),
                                             secret(scheme, "second secret", "2")};
    const std::string wrong = "v1=" + hmac_hex("wrong", "body");
    for (std::size_t count = 1; count <= kMostCandidates; ++count) {
        for (std::size_t right = 0; right < count; ++right) {
            for (const auto& [key, id] :
                 {std::pair("first secret"s, "1"s), std::pair("second secret"s, "2"s)}) {
                std::string value;
                for (std::size_t i = 0; i < count; ++i) {
                    value +=
                        (i == 0 ? "" : ",") + (i == right ? "v1=" + hmac_hex(key, "body") : wrong);
                }
                const Delivery delivery{{{"X-Sign", value}}, "body", "POST"};
                ASSERT_EQ((Judgement{Reason::accepted, id}), judge(scheme, secrets, delivery, kNow))
                    << right << " of " << count;
            }
        }
    }
}

TEST(Verification, SeventeenthCandidateIsNotLookedAt) {
    const Scheme scheme = list_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    const std::string right = "v1=" + hmac_hex(kSecret, "body");
    std::string crowd;
    for (int i = 0; i < 10'000; ++i) crowd += ",v1=" + hmac_hex("wrong", "body");
    Delivery delivery{{{"X-Sign", right + crowd}}, "body", "POST"};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("X-Sign", crowd + "," + right);
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

TEST(Verification, CandidateWithoutThePrefixDoesNotCount) {
    const Scheme scheme = list_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    const std::string right = hmac_hex(kSecret, "body");
    const std::string wrong = hmac_hex("wrong", "body");
    Delivery delivery{{{"X-Sign", "v0=" + right + ",v1=" + wrong}}, "body", "POST"};
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("X-Sign", "v0=" + wrong + ",v1=" + right);
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
}

TEST(Verification, SecretTakesNoPartFromItsNotAfterOn) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> both{secret(scheme, "new secret", "new"),
                                          secret(scheme, "old secret", "old", kNow)};
    const Delivery delivery = bare("body", "old secret");
    EXPECT_EQ((Judgement{Reason::accepted, "old"}), judge(scheme, both, delivery, kNow - 1ms));
    EXPECT_EQ(kBad, judge(scheme, both, delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, both, delivery, kNow + 1ms));
    EXPECT_EQ((Judgement{Reason::accepted, "new"}),
              judge(scheme, both, bare("body", "new secret"), kNow + 1ms));
}

TEST(Verification, WithoutAUsableSecretNothingMatches) {
    const Scheme scheme = bare_scheme();
    const Delivery delivery = bare("body");
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented;
    ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, std::nullopt, presented));
    const SigningSecret expired = secret(scheme, kSecret, "", kNow);
    const std::optional<Tolerance> tolerance;
    const SignedRequest request{"POST", "", "", &headers, &presented, &tolerance, nullptr};
    for (const std::vector<const SigningSecret*>& secrets :
         {std::vector<const SigningSecret*>{}, {&expired}, {&expired, &expired}}) {
        Verification verification(scheme, secrets, request, kNow);
        EXPECT_EQ(verification.secret_count(), 0U);
        EXPECT_EQ(nullptr, verification.secret_for_answers(kNow));
        verification.update("body");
        EXPECT_EQ(Reason::no_secret, verification.verify_signature(nullptr, kNow));
        EXPECT_EQ(nullptr, verification.secret());
    }
    const std::vector<const SigningSecret*> secrets{&expired};
    const Verification verification(scheme, secrets, request, kNow - 1ms);
    EXPECT_EQ(verification.secret_count(), 1U);
}

TEST(Verification, WhatIsSignedCannotBeChanged) {
    const Scheme scheme = parse_scheme("full", R"(
        algorithm   hmac-sha256;
        signed      '{method}|{header:X-Date}|{id}|{timestamp}|{body}|end';
        signature   header=X-Sign encoding=base64;
        timestamp   header=X-Time;
        event_id    header=X-Id;
        event_type  header=X-Type;
    )");
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    const Delivery right{
        {{"X-Date", "today"},
         {"X-Id", "evt_1"},
         {"X-Time", kTime},
         {"X-Type", "push"},
         {"X-Sign", hmac_base64(kSecret, "PUT|today|evt_1|" + kTime + "|{\"a\":1}|end")}},
        "{\"a\":1}",
        "PUT"};
    ASSERT_EQ(Reason::accepted, judge(scheme, secrets, right, kNow).reason);
    ASSERT_EQ(Reason::accepted, judge(scheme, secrets, right, kNow, {3}).reason);

    Delivery delivery = right;
    delivery.set("X-Type", "pull");
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);

    delivery = right;
    delivery.body = "{\"a\":2}";
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery = right;
    delivery.method = "POST";
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.method = "put";
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    for (const auto& [name, value] :
         {std::pair("X-Date"s, "Today"s), std::pair("X-Date"s, ""s), std::pair("X-Id"s, "evt_2"s),
          std::pair("X-Id"s, "evt_1 "s), std::pair("X-Time"s, "1614265331"s),
          std::pair("X-Sign"s,
                    hmac_base64("another", "PUT|today|evt_1|" + kTime + "|{\"a\":1}|end")),
          std::pair("X-Sign"s, hmac_base64(kSecret, "PUT|today|evt_1|" + kTime + "|{\"a\":1}|"))}) {
        delivery = right;
        delivery.set(name, value);
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << name << ' ' << value;
    }
}

TEST(Verification, PartsMayStandOnEitherSideOfTheBody) {
    const std::vector<std::pair<std::string, std::string>> texts{
        {"{body}", "BODY"},
        {"{timestamp}{body}", kTime + "BODY"},
        {"{body}{timestamp}", "BODY" + kTime},
        {"v0:{timestamp}:{body}", "v0:" + kTime + ":BODY"},
        {"{body}.{method}.{timestamp}.{header:X-Date}", "BODY.POST." + kTime + ".today"},
        {"{timestamp}{timestamp}{body}{timestamp}", kTime + kTime + "BODY" + kTime},
        {"{id}.{body}.{id}", "evt_1.BODY.evt_1"},
    };
    for (const auto& [signed_text, expected] : texts) {
        const Scheme scheme =
            parse_scheme("test",
                         "algorithm hmac-sha256; signature header=X-Sign; timestamp header=X-Time;"
                         "event_id header=X-Id; signed \"" +
                             signed_text + "\";");
        const Delivery delivery{{{"X-Sign", hmac_hex(kSecret, expected)},
                                 {"X-Time", kTime},
                                 {"X-Id", "evt_1"},
                                 {"X-Date", "today"}},
                                "BODY",
                                "POST"};
        const std::vector<SigningSecret> secrets{secret(scheme, "another"),
                                                 secret(scheme, kSecret)};
        for (std::size_t cut = 0; cut <= 4; ++cut) {
            EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, {cut}).reason)
                << signed_text;
        }
    }
}

TEST(Verification, BodyIsIgnoredWhereItIsNotSigned) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm hmac-sha256; signed '{timestamp}.{method}';"
                                       "signature header=X-Sign; timestamp header=X-Time;");
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    Delivery delivery{
        {{"X-Sign", hmac_hex(kSecret, kTime + ".POST")}, {"X-Time", kTime}}, "any body", "POST"};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, {3}).reason);
    delivery.method = "GET";
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));

    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented{};
    const std::optional<Tolerance> tolerance;
    const SignedRequest values{"POST", "", "", &headers, &presented, &tolerance, nullptr};
    EXPECT_TRUE(Verification(scheme, {}, values, kNow).ignores_body());
    const Scheme signs_body = bare_scheme();
    EXPECT_FALSE(Verification(signs_body, {}, values, kNow).ignores_body());
}

TEST(Verification, TokenIsTheSecretItself) {
    const Scheme scheme = parse_scheme("test", "algorithm token; signature header=X-Token;");
    const std::vector<SigningSecret> secrets{secret(scheme, "first-token-0123", "1"),
                                             secret(scheme, "second-token-0123", "2")};
    const auto judged = [&](const std::string& token) {
        const Delivery delivery{{{"X-Token", token}}, "any body", "POST"};
        return judge(scheme, secrets, delivery, kNow, {3});
    };
    EXPECT_EQ((Judgement{Reason::accepted, "1"}), judged("first-token-0123"));
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), judged("second-token-0123"));
    for (const std::string& token :
         {"first-token-012"s, "first-token-01234"s, "irst-token-0123"s, "First-token-0123"s,
          "first-token-0123 "s, " first-token-0123"s, "first-token-0123\0"s, "x"s, "\0"s,
          "first-token-0123second-token-0123"s, std::string(1'000'000, 'x')}) {
        EXPECT_EQ(kBad, judged(token)) << token.size();
    }
    EXPECT_EQ(Reason::malformed_signature, judged("").reason);
}

TEST(Verification, TokenBehindAPrefix) {
    const Scheme scheme =
        parse_scheme("test", "algorithm token; signature header=Authorization \"prefix=Bearer \";");
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    Delivery delivery{{{"Authorization", "Bearer " + kSecret}}, "", "POST"};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("Authorization", "Bearer Bearer " + kSecret);
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

TEST(Verification, TokenSecretExpiresToo) {
    const Scheme scheme = parse_scheme("test", "algorithm token; signature header=X-Token;");
    const Delivery delivery{{{"X-Token", kSecret}}, "", "POST"};
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret, "", kNow),
                                             secret(scheme, "another secret")};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow - 1ms).reason);
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

// One verification under way, with everything that it borrows from.
class Ongoing {
  public:
    Ongoing(const Scheme& scheme, const std::vector<const SigningSecret*>& secrets,
            const std::string& key, const std::string& body)
        : delivery_(bare(body, key)),
          headers_(delivery_.offered_to(scheme)),
          reason_(read_headers(scheme, headers_, kNow, std::nullopt, presented_)),
          verification_(scheme, secrets,
                        {"POST", "", "", &headers_, &presented_, &tolerance_, nullptr}, kNow) {}
    Ongoing(const Ongoing&) = delete;
    Ongoing& operator=(const Ongoing&) = delete;

    void take(std::size_t size) {
        verification_.update(std::string_view(delivery_.body).substr(position_, size));
        position_ = std::min(position_ + size, delivery_.body.size());
    }
    const SigningSecret* finish() {
        take(delivery_.body.size());
        return verification_.verify_signature(nullptr, kNow) ? nullptr : verification_.secret();
    }

  private:
    Delivery delivery_;
    SchemeHeaders headers_;
    Credentials presented_;
    std::optional<Tolerance> tolerance_;
    std::optional<Reason> reason_;
    Verification verification_;
    std::size_t position_ = 0;
};

TEST(Verification, SeveralAtOnceDoNotMixAndTheAbandonedLeaveNoTrace) {
    const Scheme scheme = bare_scheme();
    const SigningSecret first = secret(scheme, "first secret", "1");
    const SigningSecret second = secret(scheme, "second secret", "2");
    const std::vector<const SigningSecret*> secrets{&first, &second};
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<Ongoing>> all;
        for (std::size_t i = 0; i < 40; ++i) {
            const std::string key = i % 3 == 0 ? "first secret" : "second secret";
            const std::string body(50 + i * 7, static_cast<char>('a' + i % 26));
            all.push_back(std::make_unique<Ongoing>(scheme, secrets, key, body));
        }
        for (std::size_t size : {1UL, 20UL, 0UL, 64UL}) {
            for (const auto& ongoing : all) ongoing->take(size);
        }
        for (std::size_t i = 0; i < all.size(); i += 5) all[i].reset();
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!all[i]) continue;
            EXPECT_EQ(i % 3 == 0 ? &first : &second, all[i]->finish()) << i;
        }
        all.clear();
        Ongoing next(scheme, secrets, "second secret", "the next body");
        EXPECT_EQ(&second, next.finish());
    }
}

TEST(Verification, ForgedDeliveryLeavesNoTrace) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(kBad, judge(scheme, secrets, bare("forged", "wrong"), kNow));
        EXPECT_EQ(Reason::accepted, judge(scheme, secrets, bare("true"), kNow).reason);
    }
}

TEST(Verification, HashesOfTheBody) {
    // Of "123456789", as every description of CRC-32 has it, and of nothing.
    const std::vector<std::pair<std::string, std::string>> bodies{{"123456789", "3421780262"},
                                                                  {"", "0"}};
    const std::vector<std::string> texts{"{crc32:body}",
                                         "{sha256:body}",
                                         "{crc32:body}.{sha256:body}",
                                         "{crc32:body}.{body}",
                                         "{sha256:body}.{body}",
                                         "{body}.{crc32:body}",
                                         "{body}.{sha256:body}",
                                         "{method}.{sha256:body}.{body}.{crc32:body}"};
    for (const auto& [body, crc] : bodies) {
        for (const std::string& text : texts) {
            SCOPED_TRACE(text + " " + body);
            const Scheme scheme = parse_scheme(
                "test", "algorithm hmac-sha256; signed '" + text + "'; signature header=X-Sign;");
            std::string expected = text;
            for (const auto& [mark, value] :
                 {std::pair("{crc32:body}"s, crc),
                  std::pair("{sha256:body}"s, testing::sha256_hex(body)),
                  std::pair("{body}"s, body), std::pair("{method}"s, "POST"s)}) {
                const std::size_t at = expected.find(mark);
                if (at != std::string::npos) expected.replace(at, mark.size(), value);
            }
            Delivery delivery{{{"X-Sign", hmac_hex(kSecret, expected)}}, body};
            const std::vector<SigningSecret> secrets{secret(scheme, "another"),
                                                     secret(scheme, kSecret)};
            for (std::size_t cut = 0; cut <= body.size(); ++cut) {
                EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow, {cut}).reason);
            }
            delivery.body += '1';
            EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
        }
    }
}

TEST(Verification, HashesOfTheBodyMayStandTwice) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm hmac-sha256; signature header=X-Sign;"
                                       "signed '{sha256:body}{crc32:body}.{body}{sha256:body}';");
    const std::string digest = testing::sha256_hex("123456789");
    const Delivery delivery{
        {{"X-Sign", hmac_hex(kSecret, digest + "3421780262.123456789" + digest)}}, "123456789"};
    EXPECT_EQ(Reason::accepted,
              judge(scheme, {secret(scheme, kSecret)}, delivery, kNow, {4}).reason);
}

TEST(Verification, TellsWhatItNeedsOfTheBody) {
    struct Needs {
        std::string statements;
        bool ignores;
        bool whole;
        bool whole_for_timestamp;
    };
    const std::string hmac = "algorithm hmac-sha256; signature header=S; signed ";
    const std::string json_time = "timestamp json=/t;";
    const std::vector<Needs> all{
        {hmac + "'{body}';", false, false, false},
        {hmac + "'{method}';", true, false, false},
        {hmac + "'{url}'; digest query=d;", true, false, false},
        {hmac + "'{crc32:body}';", false, false, false},
        {hmac + "'{sha256:body}';", false, false, false},
        {hmac + "'{body}{crc32:body}';", false, false, false},
        {hmac + "'{crc32:body}{body}';", false, true, false},
        {hmac + "'{sha256:body}{body}';", false, true, false},
        {hmac + "'{json:/a}';", false, true, false},
        {hmac + "'{form}';", false, true, false},
        {hmac + "'{field:a}';", false, true, false},
        {hmac + "'{body}';" + json_time, false, false, true},
        {hmac + "'{timestamp}{body}';" + json_time, false, true, true},
        {"algorithm hmac-sha256; signed '{method}'; signature json=/s;", false, true, false},
        {"algorithm ed25519; key hex; signed '{body}'; signature header=S;", false, true, false},
        {"algorithm ed25519; key hex; signed '{method}'; signature header=S;", true, false, false},
        {"algorithm rsa-sha256; key pem; signed '{body}'; signature header=S;", false, false,
         false},
        {"algorithm sha256; signed '{secret}{body}'; signature header=S;", false, false, false},
        {"algorithm token; signature header=S;", true, false, false},
        {"algorithm token; signature json=/s;", false, true, false},
        {"algorithm basic; signature header=S;", true, false, false},
        {"algorithm jwt=HS256; signature header=S; digest claim=d;", true, false, false},
        {"algorithm hmac-sha256; native contentful; signature encoding=hex;", false, true, false},
    };
    const std::optional<Tolerance> tolerance;
    for (const Needs& needs : all) {
        SCOPED_TRACE(needs.statements);
        const Scheme scheme = parse_scheme("test", needs.statements);
        const SchemeHeaders headers(scheme);
        Credentials presented;
        const Verification verification(
            scheme, {}, {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
        EXPECT_EQ(needs.ignores, verification.ignores_body());
        EXPECT_EQ(needs.whole, verification.needs_whole_body());
        EXPECT_EQ(needs.whole_for_timestamp, verification.needs_whole_body_for_timestamp());
    }
}

// The caller has no whole body where it is larger than what may be read at once.
TEST(Verification, BodyThatIsWantedWholeButIsNotThereIsRefused) {
    const std::vector<std::string> all{
        "algorithm hmac-sha256; signature header=S; signed '{sha256:body}{body}';",
        "algorithm hmac-sha256; signature header=S; signed '{json:/a}';",
        "algorithm hmac-sha256; signature header=S; signed '{form}';",
        "algorithm hmac-sha256; signature header=S; signed '{field:a}';",
        "algorithm hmac-sha256; signature header=S; signed '{timestamp}{body}'; timestamp json=/t;",
        "algorithm hmac-sha256; signature json=/s; signed '{method}';",
        "algorithm token; signature json=/s;",
        "algorithm ed25519; key hex; signature header=S; signed '{body}';",
        "algorithm hmac-sha256; native contentful; signature encoding=hex;",
        "algorithm hmac-sha256; native adyen-payments; signature encoding=hex;",
    };
    for (const std::string& statements : all) {
        SCOPED_TRACE(statements);
        const Scheme scheme = parse_scheme("test", statements);
        const SigningSecret key =
            secret(scheme, scheme.has_public_key() ? hex(KeyPair::ed25519().raw()) : kSecret);
        const std::vector<const SigningSecret*> secrets{&key};
        const Delivery delivery{{{"S", hmac_hex(kSecret, "")}}, ""};
        const SchemeHeaders headers = delivery.offered_to(scheme);
        Credentials presented;
        const std::optional<Tolerance> tolerance;
        ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, tolerance, presented));
        Verification verification(
            scheme, secrets, {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
        verification.update("body");
        EXPECT_EQ(Reason::invalid_payload, verification.verify_signature(nullptr, kNow));
        EXPECT_EQ(nullptr, verification.secret());
    }
    const Scheme linear = preset_scheme("linear").value();
    const SigningSecret key = secret(linear, kSecret);
    const std::vector<const SigningSecret*> secrets{&key};
    const Delivery delivery{{{"Linear-Signature", hmac_hex(kSecret, "body")}}, ""};
    const SchemeHeaders headers = delivery.offered_to(linear);
    Credentials presented;
    const std::optional<Tolerance> tolerance;
    ASSERT_EQ(std::nullopt, read_headers(linear, headers, kNow, tolerance, presented));
    Verification verification(linear, secrets,
                              {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
    verification.update("body");
    EXPECT_EQ(std::nullopt, verification.verify_signature(nullptr, kNow));
    EXPECT_EQ(Reason::invalid_payload, verification.verify_timestamp(nullptr, kNow));
}

TEST(Verification, JsonTimestampIsTheTextOfTheNumberOrTheString) {
    const Scheme linear = preset_scheme("linear").value();
    const auto judged = [&](const std::string& body, Milliseconds now = kNow) {
        const Delivery delivery{{{"Linear-Signature", hmac_hex(kSecret, body)}}, body};
        return judge(linear, {secret(linear, kSecret)}, delivery, now).reason;
    };
    EXPECT_EQ(Reason::accepted, judged(R"({"webhookTimestamp":1614265330000})"));
    EXPECT_EQ(Reason::accepted, judged(R"({"webhookTimestamp":"1614265330000"})"));
    EXPECT_EQ(Reason::accepted, judged(R"({"webhookTimestamp":1614265330000})", kNow + 60s));
    EXPECT_EQ(Reason::stale_timestamp,
              judged(R"({"webhookTimestamp":1614265330000})", kNow + 60s + 1ms));
    EXPECT_EQ(Reason::future_timestamp,
              judged(R"({"webhookTimestamp":1614265330000})", kNow - 60s - 1ms));
    for (const std::string& body :
         {"{}"s, R"({"webhookTimestamp":null})"s, R"({"webhookTimestamp":""})"s,
          R"({"webhookTimestamp":[1614265330000]})"s, R"([{"webhookTimestamp":1614265330000}])"s,
          R"({"webhookTimestamp":1614265330000,"webhookTimestamp":1614265330000})"s,
          R"({"webhookTimestamp":1614265330000,"WebhookTimestamp":1})"s}) {
        EXPECT_EQ(Reason::missing_timestamp, judged(body)) << body;
    }
    for (const std::string& time : {"-1"s, "true"s, "\"now\""s, "\" 1614265330000\""s}) {
        EXPECT_EQ(Reason::malformed_timestamp, judged(R"({"webhookTimestamp":)" + time + "}"))
            << time;
    }
    for (const std::string& body : {""s, "no json"s, R"({"webhookTimestamp":1614265330000)"s}) {
        EXPECT_EQ(Reason::invalid_payload, judged(body)) << body;
    }
    const Delivery unsigned_one{{{"Linear-Signature", hmac_hex("x", "no json")}}, "no json"};
    EXPECT_EQ(kBad, judge(linear, {secret(linear, kSecret)}, unsigned_one, kNow));
    const std::string body = R"({"webhookTimestamp":1614265330000})";
    const Delivery old{{{"Linear-Signature", hmac_hex(kSecret, body)}}, body};
    const Tolerance hour{1h, 1h};
    EXPECT_EQ(Reason::accepted,
              judge(linear, {secret(linear, kSecret)}, old, kNow + 1h, {}, hour).reason);
    EXPECT_EQ(Reason::stale_timestamp,
              judge(linear, {secret(linear, kSecret)}, old, kNow + 1h + 1ms, {}, hour).reason);
}

std::string mailgun_body(const std::string& signature) {
    return R"({"signature":{)" + signature + R"(},"event-data":{"id":"evt_1"}})";
}

TEST(Verification, SignatureInTheBody) {
    const Scheme scheme = preset_scheme("mailgun").value();
    const std::string code = hmac_hex(kSecret, kTime + "abc");
    const auto judged = [&](const std::string& body) {
        return judge(scheme, {secret(scheme, "another"), secret(scheme, kSecret, "2")}, {{}, body},
                     kNow, {body.size() / 2});
    };
    const std::string time = R"("timestamp":")" + kTime + "\"";
    const std::string token = R"("token":"abc")";
    const std::string signature = R"("signature":")" + code + "\"";
    const std::string all = time + "," + token + "," + signature;
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), judged(mailgun_body(all)));
    EXPECT_EQ(
        Reason::accepted,
        judged(mailgun_body(R"("timestamp":)" + kTime + "," + token + "," + signature)).reason);
    // Another reader could see another value.
    for (const std::string& more : {token, time, signature, R"("Token":"abc")"s,
                                    R"("TIMESTAMP":"1")"s, R"("Signature":"00")"s}) {
        EXPECT_NE(Reason::accepted, judged(mailgun_body(all + "," + more)).reason) << more;
        EXPECT_NE(Reason::accepted, judged(mailgun_body(more + "," + all)).reason) << more;
    }
    EXPECT_NE(Reason::accepted,
              judged(R"({"signature":{)" + all + R"(},"signature":{)" + all + "}}").reason);
    EXPECT_EQ(Reason::missing_signature, judged(mailgun_body(time + "," + token)).reason);
    EXPECT_EQ(Reason::missing_timestamp, judged(mailgun_body(token + "," + signature)).reason);
    EXPECT_EQ(Reason::invalid_payload, judged(mailgun_body(time + "," + signature)).reason);
    EXPECT_EQ(Reason::malformed_signature,
              judged(mailgun_body(time + "," + token + R"(,"signature":"")")).reason);
    EXPECT_EQ(Reason::malformed_signature,
              judged(mailgun_body(time + "," + token + R"(,"signature":"zz")")).reason);
    EXPECT_EQ(Reason::missing_signature,
              judged(mailgun_body(time + "," + token + R"(,"signature":[1])")).reason);
    EXPECT_EQ(kBad, judged(mailgun_body(time + R"(,"token":"abd",)" + signature)));
    EXPECT_EQ(kBad, judged(mailgun_body(R"("timestamp":"1614265331",)" + token + "," + signature)));
    EXPECT_EQ(Reason::invalid_payload, judged("no json").reason);
    EXPECT_EQ(Reason::invalid_payload, judged("").reason);
    EXPECT_EQ(Reason::invalid_payload, judged(mailgun_body(all) + "}").reason);
}

TEST(Verification, TokenInTheBody) {
    const Scheme scheme = preset_scheme("figma").value();
    const auto judged = [&](const std::string& body) {
        return judge(scheme, {secret(scheme, kSecret)}, {{}, body}, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged(R"({"passcode":")" + kSecret + "\"}"));
    EXPECT_EQ(Reason::bad_signature, judged(R"({"passcode":"x"})"));
    EXPECT_EQ(Reason::malformed_signature, judged(R"({"passcode":""})"));
    EXPECT_EQ(Reason::missing_signature, judged(R"({"Passcode":")" + kSecret + "\"}"));
    EXPECT_EQ(Reason::missing_signature,
              judged(R"({"passcode":")" + kSecret + R"(","passcode":")" + kSecret + "\"}"));
    EXPECT_EQ(Reason::invalid_payload, judged("passcode=" + kSecret));
}

TEST(Verification, EventMayBeClaimsOfAToken) {
    const Scheme scheme = parse_scheme(
        "test",
        "algorithm jwt=HS256; signature query=jwt; event_id claim=jti; event_type claim=t/y;");
    EXPECT_TRUE(scheme.covers_event_id());
    const SigningSecret key = secret(scheme, kSecret);
    const std::vector<const SigningSecret*> keys{&key};
    const Delivery delivery{
        {},
        "",
        "POST",
        "https://a.example/?jwt=" + testing::hs256_token(R"({"jti":"one","t/y":"two"})", kSecret)};
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented;
    ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, std::nullopt, presented));
    JsonDocument json;
    const std::optional<Tolerance> tolerance;
    const SignedRequest request{"POST", "", "", &headers, &presented, &tolerance, &json};
    Verification verification(scheme, keys, request, kNow);
    ASSERT_EQ(std::nullopt, verification.verify_signature(nullptr, kNow));
    EXPECT_EQ("one", verification.event_id());
    EXPECT_EQ("two", verification.event_type());
}

std::string cause_of_contentful(std::vector<std::pair<std::string, std::string>> headers) {
    const Scheme scheme = preset_scheme("contentful").value();
    const SigningSecret key = secret(scheme, std::string(64, 's'));
    const std::vector<const SigningSecret*> keys{&key};
    const Delivery delivery{std::move(headers), ""};
    const SchemeHeaders offered = delivery.offered_to(scheme);
    Credentials presented;
    const std::optional<Tolerance> tolerance;
    const SignedRequest request{"POST",     delivery.url, "",     &offered,
                                &presented, &tolerance,   nullptr};
    Verification verification(scheme, keys, request, kNow);
    JsonDocument json;
    const testing::PaddedBody body("");
    WholeBody whole(body.text(), json);
    const Objection objection = verification.verify_signature(&whole, kNow);
    return objection ? text_of(objection->cause) : "accepted";
}

TEST(Verification, TellsWhichHeaderOfContentfulIsToBlame) {
    const std::pair<std::string, std::string> signature{"X-Contentful-Signature", "00"};
    const std::pair<std::string, std::string> time{"X-Contentful-Timestamp", "1614265330000"};
    const std::pair<std::string, std::string> list{
        "X-Contentful-Signed-Headers", "x-contentful-signed-headers,x-contentful-timestamp"};
    const auto single = [](const std::string& name) {
        return "the header \"" + name + "\" is missing or repeated";
    };
    EXPECT_EQ(single("x-contentful-signature"), cause_of_contentful({time, list}));
    EXPECT_EQ(single("x-contentful-signature"),
              cause_of_contentful({time, list, signature, signature}));
    EXPECT_EQ(single("x-contentful-signed-headers"), cause_of_contentful({time, signature}));
    const std::string unfit =
        "\"x-contentful-signed-headers\" lacks a name, or a header that it names is missing, "
        "repeated or not allowed as it is";
    EXPECT_EQ(unfit, cause_of_contentful({time, signature, {list.first, ""}}));
    EXPECT_EQ(unfit,
              cause_of_contentful({time, signature, {list.first, list.second + ",x-no-such"}}));
    EXPECT_EQ("the header \"x-contentful-signature\" holds no signature as the scheme writes it",
              cause_of_contentful({time, list, {signature.first, "zz"}}));
    EXPECT_EQ("secrets tried: 1, length of the body: 0",
              cause_of_contentful({time, list, signature}));
}

std::string cause_of_token(const Scheme& scheme, const SigningSecret& key,
                           const std::string& token) {
    const std::vector<const SigningSecret*> keys{&key};
    const Delivery delivery{{{"A", token}}, ""};
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented;
    EXPECT_EQ(std::nullopt, read_headers(scheme, headers, kNow, std::nullopt, presented));
    JsonDocument json;
    const std::optional<Tolerance> tolerance;
    const SignedRequest request{"POST", "", "", &headers, &presented, &tolerance, &json};
    Verification verification(scheme, keys, request, kNow);
    const Objection objection = verification.verify_signature(nullptr, kNow);
    return objection ? text_of(objection->cause) : "accepted";
}

TEST(Verification, TellsOfATimeInMilliseconds) {
    const Scheme scheme = parse_scheme("test", "algorithm jwt=HS256; signature header=A;");
    const auto cause = [&](const std::string& claims) {
        return cause_of_token(scheme, secret(scheme, kSecret),
                              testing::hs256_token(claims, kSecret));
    };
    for (const std::string& claim : {"exp"s, "nbf"s}) {
        const std::string told =
            "the claim \"" + claim + "\" looks like milliseconds, tokens have seconds";
        EXPECT_EQ(told, cause("{\"" + claim + "\":1893456000000}"));
        EXPECT_EQ(told, cause("{\"" + claim + "\":\"1893456000000\"}"));
        for (const std::string& value : {"null"s, "-1"s, "\"soon\""s, "{}"s}) {
            EXPECT_EQ("the claim \"" + claim + "\" is missing or has another value than required",
                      cause("{\"" + claim + "\":" + value + "}"));
        }
    }
}

TEST(Verification, TellsOfAKeyThatTheSetDoesNotHave) {
    const Scheme scheme = parse_scheme("test", "algorithm jwt=HS256; signature header=A;");
    const auto cause = [&](const std::string& kid, const std::string& of_set) {
        SigningSecret key = secret(scheme, kSecret);
        key.kid = of_set;
        const std::string text = testing::base64url(R"({"alg":"HS256","kid":)" + kid + "}") + "." +
                                 testing::base64url("{}");
        return cause_of_token(
            scheme, key,
            text + "." + testing::base64url(testing::hmac(EVP_sha256(), "another", text)));
    };
    EXPECT_EQ("no key of the set is named \"new\"", cause(R"("new")", "old"));
    EXPECT_EQ("no key of the set is named \"a\\x22\\x0ab\"", cause(R"("a\"\nb")", "old"));
    EXPECT_GT(600U, cause('"' + std::string(3000, 'k') + '"', "old").size());
    for (const auto& [kid, of_set] : std::vector<std::pair<std::string, std::string>>{
             {R"("old")", "old"}, {"null", "old"}, {R"("new")", ""}}) {
        EXPECT_EQ("secrets tried: 1", cause(kid, of_set).substr(0, 16)) << kid;
    }
}

TEST(Verification, SecretForAnswersIsTheOneThatMatchedOrTheFirst) {
    const Scheme scheme = bare_scheme();
    const SigningSecret expired = secret(scheme, "expired", "0", kNow);
    const SigningSecret first = secret(scheme, "first secret", "1");
    const SigningSecret second = secret(scheme, "second secret", "2");
    const std::vector<const SigningSecret*> secrets{&expired, &first, &second};
    const Delivery delivery = bare("body", "second secret");
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Credentials presented;
    const std::optional<Tolerance> tolerance;
    ASSERT_EQ(std::nullopt, read_headers(scheme, headers, kNow, tolerance, presented));
    Verification verification(scheme, secrets,
                              {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
    EXPECT_EQ(2U, verification.secret_count());
    EXPECT_EQ(nullptr, verification.secret());
    EXPECT_EQ(&first, verification.secret_for_answers(kNow));
    verification.update("body");
    EXPECT_EQ(std::nullopt, verification.verify_signature(nullptr, kNow));
    EXPECT_EQ(&second, verification.secret_for_answers(kNow));
}

TEST(Verification, SecretsAreCountedOnceHoweverManyUrlsThereAre) {
    const Scheme scheme = preset_scheme("twilio").value();
    const SigningSecret first = secret(scheme, "first secret", "1");
    const SigningSecret second = secret(scheme, "second secret", "2");
    const std::vector<const SigningSecret*> secrets{&first, &second};
    const SchemeHeaders headers(scheme);
    Credentials presented;
    const std::optional<Tolerance> tolerance;
    const Verification verification(
        scheme, secrets, {"POST", kUrl, "", &headers, &presented, &tolerance, nullptr}, kNow);
    EXPECT_EQ(2U, verification.secret_count());
}

TEST(Verification, WhatAHandshakeSignsForAnyoneIsNoDelivery) {
    const Scheme x = preset_scheme("x-twitter").value();
    const auto judged = [&](const std::string& body) {
        const Delivery delivery{
            {{"X-Twitter-Webhooks-Signature", "sha256=" + hmac_base64(kSecret, body)}}, body};
        std::set<Reason> reasons;
        for (std::size_t cut = 0; cut <= std::min<std::size_t>(body.size(), 8); ++cut) {
            reasons.insert(judge(x, {secret(x, kSecret)}, delivery, kNow, {cut}).reason);
        }
        EXPECT_EQ(1U, reasons.size()) << body;
        return *reasons.begin();
    };
    for (const std::string& body :
         {""s, "token"s, "abcDEF-._~+/019=="s, "123"s, "true"s, std::string(512, 'a')}) {
        EXPECT_EQ(Reason::bad_signature, judged(body)) << body;
    }
    for (const std::string& body :
         {"{}"s, "a b"s, "a=1&b=2"s, "\"a\""s, "a\n"s, std::string(513, 'a')}) {
        EXPECT_EQ(Reason::accepted, judged(body)) << body;
    }
    // What the text holds besides the body counts, too.
    const auto own = [](const std::string& text, const std::string& verify) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text +
                        "'; timestamp header=X-Time unit=s; handshake method=GET verify=" + verify +
                        " when=query:c answer='{hmac-sha256-hex:query:c}';");
        std::string signed_text = text;
        signed_text.replace(text.find("{timestamp}"), 11, "1614265330");
        signed_text.replace(signed_text.find("{body}"), 6, "token");
        const Delivery delivery{
            {{"X-Sign", hmac_hex(kSecret, signed_text)}, {"X-Time", "1614265330"}}, "token"};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    for (const std::string& verify : {"none"s, "token:query:t"s}) {
        EXPECT_EQ(Reason::bad_signature, own("{timestamp}.{body}", verify));
        EXPECT_EQ(Reason::accepted, own("v0:{timestamp}.{body}", verify));
        EXPECT_EQ(Reason::accepted, own("{timestamp}|{body}", verify));
    }
    EXPECT_EQ(Reason::accepted, own("{timestamp}.{body}", "signature"));
}

// RFC 9110, section 11.1.
TEST(Verification, TheNameOfAnAuthenticationSchemeHasNoCase) {
    const Scheme bearer = preset_scheme("bearer").value();
    const Scheme other = parse_scheme("test", "algorithm token; signature header=X prefix='Key ';");
    const auto reason = [&](const Scheme& scheme, const char* header, const std::string& value) {
        const Delivery delivery{{{header, value}}, "{}"};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    for (const char* name : {"Bearer ", "bearer ", "BEARER "}) {
        EXPECT_EQ(Reason::accepted, reason(bearer, "Authorization", name + kSecret)) << name;
    }
    EXPECT_NE(Reason::accepted, reason(bearer, "Authorization", "Bearer" + kSecret));
    EXPECT_EQ(Reason::accepted, reason(other, "X", "Key " + kSecret));
    EXPECT_NE(Reason::accepted, reason(other, "X", "key " + kSecret));
}

// What is beside a framed body is looked at whatever it is.
TEST(Verification, AValueOfTheBodyLeavesTheBodyItsOwn) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm hmac-sha256; signed '{json:/a}{body}';"
                                       "signature header=S; event_id header=Id;");
    const auto reason = [&](const std::string& value) {
        const std::string body = R"({"a":")" + value + "\"}";
        const Delivery delivery{{{"S", hmac_hex(kSecret, value + body)}, {"Id", " "}}, body};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, reason("x"));
    EXPECT_EQ(Reason::invalid_payload, reason("x "));
}

// A body that was compressed has bytes, also where it holds nothing.
TEST(Verification, AnEmptyBodyIsOneOfWhichNothingWasSent) {
    const Scheme scheme = bare_scheme();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    const std::vector<const SigningSecret*> pointers{&secrets.front()};
    const Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "")}}, ""};
    const SchemeHeaders headers = delivery.offered_to(scheme);
    const std::optional<Tolerance> tolerance;
    for (const char* method : {"GET", "HEAD", "POST"}) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{20}}) {
            Credentials presented;
            ASSERT_FALSE(read_headers(scheme, headers, kNow, tolerance, presented));
            const SignedRequest request{method, "", "", &headers, &presented, &tolerance, nullptr};
            Verification verification(scheme, pointers, request, kNow);
            verification.record_sent_size(size);
            EXPECT_FALSE(verification.verify_signature(nullptr, kNow));
            EXPECT_EQ(size == 20 && method != "POST"s, verification.verify_body().has_value());
        }
    }
}

}  // namespace
}  // namespace webhook
