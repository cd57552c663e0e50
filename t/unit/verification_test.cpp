#include "verify/verification.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/errors.h"
#include "base/url.h"
#include "delivery.h"
#include "scheme/native_url.h"
#include "scheme/presets.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::base64;
using testing::Delivery;
using testing::hex;
using testing::hmac;
using testing::hmac_base64;
using testing::hmac_hex;
using testing::judge;
using testing::Judgement;
using testing::KeyPair;
using testing::secret;

constexpr Milliseconds kNow{1'614'265'330'000};
const std::string kTime = "1614265330";
const Judgement kBad{Reason::bad_signature, ""};

std::string flipped(std::string text, std::size_t position) {
    text[position] = static_cast<char>(text[position] ^ 1);
    return text;
}

struct KnownAnswer {
    std::string preset;
    std::string secret;
    Milliseconds now;
    Delivery delivery;
};

// Published by the senders.
std::vector<KnownAnswer> known_answers() {
    std::vector<KnownAnswer> answers;
    answers.push_back(
        {"github",
         "It's a Secret to Everybody",
         0s,
         {{{"X-Hub-Signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
          "Hello, World!",
          "POST"}});
    answers.push_back(
        {"slack",
         "8f742231b10e8888abcd99yyyzzz85a5",
         1531420618s,
         {{{"X-Slack-Request-Timestamp", "1531420618"},
           {"X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
          "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
          "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
          "&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
          "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
          "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
          "POST"}});
    for (const std::string& name : {"Webhook"s, "Svix"s}) {
        answers.push_back(
            {name == "Svix" ? "svix" : "standard-webhooks",
             "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
             1614265330s,
             {{{name + "-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
               {name + "-Timestamp", "1614265330"},
               {name + "-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
              R"({"test": 2432232314})",
              "POST"}});
    }
    return answers;
}

TEST(KnownAnswers, AreAccepted) {
    for (const KnownAnswer& answer : known_answers()) {
        SCOPED_TRACE(answer.preset);
        try {
            const Scheme scheme = preset_scheme(answer.preset).value();
            EXPECT_EQ(
                (Judgement{Reason::accepted, "k"}),
                judge(scheme, {secret(scheme, answer.secret, "k")}, answer.delivery, answer.now));
        } catch (const ConfigError& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

TEST(KnownAnswers, AreRefusedUnderAnotherSecretOrWithAnotherBody) {
    for (const KnownAnswer& answer : known_answers()) {
        SCOPED_TRACE(answer.preset);
        try {
            const Scheme scheme = preset_scheme(answer.preset).value();
            EXPECT_EQ(kBad, judge(scheme, {secret(scheme, "another secret")}, answer.delivery,
                                  answer.now));
            Delivery delivery = answer.delivery;
            for (std::size_t i = 0; i < delivery.body.size(); ++i) {
                delivery.body = flipped(answer.delivery.body, i);
                ASSERT_EQ(kBad,
                          judge(scheme, {secret(scheme, answer.secret)}, delivery, answer.now));
            }
        } catch (const ConfigError& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

const std::string kSecret = "a secret of some length";

Scheme bare_scheme() {
    return parse_scheme("bare", "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign;");
}

Delivery bare(const std::string& body, const std::string& key = kSecret) {
    return {{{"X-Sign", hmac_hex(key, body)}}, body, "POST"};
}

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
        Presented presented;
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
    Presented presented;
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
    Presented presented{};
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
    Presented presented_;
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

// The senders' forms of a header, signed here.
TEST(Senders, AcceptWhatTheirSendersSign) {
    const std::string body = R"({"id":"evt_1","type":"push"})";
    const std::string key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const Scheme stripe = preset_scheme("stripe").value();
    const std::string code = hmac_hex(key, kTime + "." + body);
    Delivery delivery{
        {{"Stripe-Signature", "t=" + kTime + ",v1=" + code + ",v0=" + std::string(64, '0')}},
        body,
        "POST"};
    EXPECT_EQ(Reason::accepted, judge(stripe, {secret(stripe, key)}, delivery, kNow).reason);
    EXPECT_EQ(Reason::accepted, judge(stripe, {secret(stripe, key)}, delivery, kNow + 300s).reason);
    EXPECT_EQ(Reason::stale_timestamp,
              judge(stripe, {secret(stripe, key)}, delivery, kNow + 301s).reason);
    delivery.set("Stripe-Signature", "t=1614265331,v1=" + code);
    EXPECT_EQ(kBad, judge(stripe, {secret(stripe, key)}, delivery, kNow));
    delivery.set("Stripe-Signature", "t=" + kTime + ",v0=" + code);
    EXPECT_EQ(Reason::malformed_signature,
              judge(stripe, {secret(stripe, key)}, delivery, kNow).reason);

    const Scheme shopify = preset_scheme("shopify").value();
    delivery = {{{"X-Shopify-Hmac-Sha256", hmac_base64(key, body)}}, body, "POST"};
    EXPECT_EQ(Reason::accepted, judge(shopify, {secret(shopify, key)}, delivery, kNow).reason);

    const Scheme pagerduty = preset_scheme("pagerduty").value();
    delivery = {{{"X-PagerDuty-Signature",
                  "v1=" + hmac_hex("rotated", body) + ",v1=" + hmac_hex(key, body)}},
                body,
                "POST"};
    EXPECT_EQ(Reason::accepted, judge(pagerduty, {secret(pagerduty, key)}, delivery, kNow).reason);

    const Scheme gitlab = preset_scheme("gitlab").value();
    delivery = {{{"X-Gitlab-Token", key}}, body, "POST"};
    EXPECT_EQ(Reason::accepted, judge(gitlab, {secret(gitlab, key)}, delivery, kNow).reason);

    const Scheme openrouter = preset_scheme("openrouter").value();
    delivery = {{{"X-Webhook-Signature", key}}, body, "POST"};
    EXPECT_EQ(Reason::accepted,
              judge(openrouter, {secret(openrouter, key)}, delivery, kNow).reason);
}

TEST(Senders, QuoteIsNoSeparatorOfItems) {
    const Scheme scheme = preset_scheme("pagerduty").value();
    const Delivery delivery{
        {{"X-PagerDuty-Signature", "x\"v1=" + hmac_hex(kSecret, "body")}}, "body", "POST"};
    EXPECT_EQ(Reason::malformed_signature,
              judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
}

TEST(Senders, StandardWebhooksTakesAListOfSignatures) {
    const Scheme scheme = preset_scheme("standard-webhooks").value();
    const std::string key(24, 'k');
    const std::string code = hmac_base64(key, "msg_1." + kTime + ".body");
    const std::vector<SigningSecret> secrets{secret(scheme, "whsec_" + base64(key))};
    Delivery delivery{
        {{"webhook-id", "msg_1"},
         {"webhook-timestamp", kTime},
         {"webhook-signature", "v1a,xyz v1," + hmac_base64("old", "") + " v1," + code}},
        "body",
        "POST"};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("webhook-id", "msg_2");
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("webhook-id", "msg_1");
    delivery.set("webhook-signature", "v1a," + code);
    EXPECT_EQ(Reason::malformed_signature, judge(scheme, secrets, delivery, kNow).reason);
    delivery.set("webhook-signature", code);
    EXPECT_EQ(Reason::malformed_signature, judge(scheme, secrets, delivery, kNow).reason);
}

// -- other algorithms

struct PublicScheme {
    std::string algorithm;
    std::string key;
    std::string secret;
    std::string (*sign)(const std::string&);
};

std::vector<PublicScheme> public_schemes() {
    const auto ed25519 = [](const std::string& text) { return KeyPair::ed25519().sign(text); };
    const auto ecdsa = [](const std::string& text) { return KeyPair::ecdsa().sign(text); };
    const auto rsa_sha1 = [](const std::string& text) {
        return KeyPair::rsa().sign(text, EVP_sha1());
    };
    const auto rsa_sha256 = [](const std::string& text) { return KeyPair::rsa().sign(text); };
    return {{"ed25519", "hex", hex(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "base64", base64(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "whpk", "whpk_" + base64(KeyPair::ed25519().raw()), ed25519},
            {"ed25519", "pem", KeyPair::ed25519().pem(), ed25519},
            {"ecdsa-p256-sha256", "spki", base64(KeyPair::ecdsa().der()), ecdsa},
            {"ecdsa-p256-sha256", "jwk", KeyPair::ecdsa().jwk(), ecdsa},
            {"rsa-sha1", "pem", KeyPair::rsa().pem(), rsa_sha1},
            {"rsa-sha256", "spki", base64(KeyPair::rsa().der()), rsa_sha256},
            {"rsa-sha256", "jwk", KeyPair::rsa().jwk(), rsa_sha256}};
}

Scheme timed_scheme(const PublicScheme& one) {
    return parse_scheme("test", "algorithm " + one.algorithm + "; key " + one.key +
                                    "; signed '{timestamp}.{body}.end'; timestamp header=X-Time;"
                                    "signature header=X-Sign encoding=base64;");
}

TEST(Verification, EveryPublicKeyAlgorithm) {
    for (const PublicScheme& one : public_schemes()) {
        SCOPED_TRACE(one.algorithm + " " + one.key);
        const Scheme scheme = timed_scheme(one);
        const std::string code = one.sign(kTime + ".body.end");
        Delivery delivery{{{"X-Time", kTime}, {"X-Sign", base64(code)}}, "body"};
        const std::vector<SigningSecret> secrets{secret(scheme, one.secret, "k")};
        for (std::size_t cut = 0; cut <= 4; ++cut) {
            EXPECT_EQ((Judgement{Reason::accepted, "k"}),
                      judge(scheme, secrets, delivery, kNow, {cut}));
        }
        for (const std::string& other : {""s, "bodY"s, "body "s, "body.end"s}) {
            delivery.body = other;
            EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << other;
        }
        delivery.body = "body";
        for (std::size_t i = 0; i < code.size(); i += 7) {
            delivery.set("X-Sign", base64(flipped(code, i)));
            EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << i;
        }
        delivery.set("X-Sign", base64(code.substr(1)));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
        delivery.set("X-Sign", base64(code + "x"));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
        delivery.set("X-Sign", base64(hmac(EVP_sha256(), one.secret, kTime + ".body.end")));
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    }
}

TEST(Verification, HashOfAnRsaSignatureIsTheSchemes) {
    for (const std::string& hash : {"sha1"s, "sha256"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm rsa-" + hash +
                        "; key pem; signed '{body}'; signature header=X-Sign encoding=base64;");
        for (const EVP_MD* own : {EVP_sha1(), EVP_sha256(), EVP_sha512()}) {
            const bool same = own == (hash == "sha1" ? EVP_sha1() : EVP_sha256());
            const Delivery delivery{{{"X-Sign", base64(KeyPair::rsa().sign("body", own))}}, "body"};
            EXPECT_EQ(same ? Reason::accepted : Reason::bad_signature,
                      judge(scheme, {secret(scheme, KeyPair::rsa().pem())}, delivery, kNow).reason);
        }
    }
}

TEST(Verification, AnyPublicKeyMayMatchAnyCandidate) {
    const PublicScheme one = public_schemes().front();
    const Scheme scheme = parse_scheme("test",
                                       "algorithm ed25519; key hex; signed '{body}';"
                                       "signature header=X-Sign split=, encoding=hex;");
    const std::string other =
        hex(decode(TextEncoding::base64, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").value());
    const std::string code = one.sign("body");
    const Delivery delivery{{{"X-Sign", hex(flipped(code, 0)) + "," + hex(code)}}, "body"};
    EXPECT_EQ((Judgement{Reason::accepted, "2"}),
              judge(scheme, {secret(scheme, other, "1"), secret(scheme, one.secret, "2")}, delivery,
                    kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, other, "1")}, delivery, kNow));
}

TEST(Verification, PlainHashHoldsTheSecret) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm sha256; signed '{secret}|{body}|{secret}';"
                                       "signature header=X-Sign encoding=base64;");
    const std::vector<SigningSecret> secrets{secret(scheme, "another", "1"),
                                             secret(scheme, kSecret, "2")};
    const auto code = [](const std::string& text) {
        return base64(testing::hashed(EVP_sha256(), text));
    };
    Delivery delivery{{{"X-Sign", code(kSecret + "|body|" + kSecret)}}, "body"};
    for (std::size_t cut = 0; cut <= 4; ++cut) {
        EXPECT_EQ((Judgement{Reason::accepted, "2"}),
                  judge(scheme, secrets, delivery, kNow, {cut}));
    }
    delivery.set("X-Sign", code("|body|"));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("X-Sign", base64(hmac(EVP_sha256(), kSecret, "body")));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
    delivery.set("X-Sign", code(kSecret + "|body|another"));
    EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow));
}

TEST(Verification, BasicIsUserAndPasswordInBase64) {
    const Scheme scheme =
        parse_scheme("test", "algorithm basic; signature header=Authorization 'prefix=Basic ';");
    const std::vector<SigningSecret> secrets{secret(scheme, "other:password", "1"),
                                             secret(scheme, "user:pass:word", "2")};
    const auto judged = [&](const std::string& value) {
        return judge(scheme, secrets, {{{"Authorization", value}}, "any body"}, kNow);
    };
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), judged("Basic " + base64("user:pass:word")));
    EXPECT_EQ((Judgement{Reason::accepted, "1"}), judged("Basic " + base64("other:password")));
    for (const std::string& value :
         {base64("user:pass"), base64("User:pass:word"), base64("user:pass:word\n"), base64("user"),
          "user:pass:word"s, "!"s, hex("user:pass:word")}) {
        EXPECT_EQ(kBad, judged("Basic " + value)) << value;
    }
    EXPECT_EQ(Reason::malformed_signature, judged("Basic ").reason);
    EXPECT_EQ(Reason::malformed_signature, judged("Bearer " + base64("user:pass:word")).reason);
}

// -- the key index

TEST(Verification, SignatureIsUnderItsOwnKeyOnly) {
    const Scheme scheme = preset_scheme("box").value();
    const std::string time = "2021-02-25T15:02:10Z";
    const auto with = [&](const std::string& header, const std::string& key) {
        return Delivery{{{"Box-Delivery-Timestamp", time},
                         {"Box-Signature-Version", "1"},
                         {"Box-Signature-Algorithm", "HmacSHA256"},
                         {header, hmac_base64(key, "body" + time)}},
                        "body"};
    };
    const std::vector<SigningSecret> both{secret(scheme, "primary key", "p"),
                                          secret(scheme, "secondary key", "s")};
    const std::string primary = "Box-Signature-Primary";
    const std::string secondary = "Box-Signature-Secondary";
    EXPECT_EQ((Judgement{Reason::accepted, "p"}),
              judge(scheme, both, with(primary, "primary key"), kNow));
    EXPECT_EQ((Judgement{Reason::accepted, "s"}),
              judge(scheme, both, with(secondary, "secondary key"), kNow));
    EXPECT_EQ(kBad, judge(scheme, both, with(secondary, "primary key"), kNow));
    EXPECT_EQ(kBad, judge(scheme, both, with(primary, "secondary key"), kNow));
    Delivery delivery = with(primary, "rotated away");
    delivery.add(secondary, hmac_base64("secondary key", "body" + time));
    EXPECT_EQ((Judgement{Reason::accepted, "s"}), judge(scheme, both, delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {both[0]}, with(secondary, "primary key"), kNow));
    delivery = with(primary, "primary key");
    delivery.set("Box-Signature-Version", "2");
    EXPECT_EQ(Reason::missing_header, judge(scheme, both, delivery, kNow).reason);
    delivery.remove("Box-Signature-Version");
    EXPECT_EQ(Reason::missing_header, judge(scheme, both, delivery, kNow).reason);
    delivery = with(primary, "primary key");
    delivery.remove(primary);
    EXPECT_EQ(Reason::missing_signature, judge(scheme, both, delivery, kNow).reason);
}

TEST(Verification, PlaceOfASecretDoesNotShiftWhenAnotherExpires) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign key_index=1;");
    const std::vector<SigningSecret> secrets{secret(scheme, "first", "1", kNow),
                                             secret(scheme, "second", "2"),
                                             secret(scheme, "third", "3")};
    EXPECT_EQ((Judgement{Reason::accepted, "2"}),
              judge(scheme, secrets, bare("body", "second"), kNow));
    EXPECT_EQ(kBad, judge(scheme, secrets, bare("body", "third"), kNow));
    EXPECT_EQ(kBad, judge(scheme, secrets, bare("body", "first"), kNow));
}

// -- the URL, the query and the secret's id

TEST(Verification, UrlIsSignedAsTheSenderSawIt) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{url}{body}'; signature header=X-Sign;");
    Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "https://a.example/x?q=1{}")}}, "{}"};
    delivery.url = "https://a.example/x?q=1";
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret)};
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    for (const std::string& url : {"http://a.example/x?q=1"s, "https://a.example/x?q=2"s,
                                   "https://a.example:443/x?q=1"s, "https://a.example/X?q=1"s}) {
        delivery.url = url;
        EXPECT_EQ(kBad, judge(scheme, secrets, delivery, kNow)) << url;
    }
}

TEST(Verification, UrlMayBeSignedWithOrWithoutItsPort) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{url:ports}{body}'; signature header=X-Sign;");
    const std::vector<SigningSecret> secrets{secret(scheme, "another", "1"),
                                             secret(scheme, kSecret, "2")};
    const auto judged = [&](const std::string& url, const std::string& signed_url) {
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_url + "{}")}}, "{}"};
        delivery.url = url;
        return judge(scheme, secrets, delivery, kNow);
    };
    const Judgement right{Reason::accepted, "2"};
    const std::string bare_url = "https://a.example/x";
    EXPECT_EQ(right, judged(bare_url, bare_url));
    EXPECT_EQ(right, judged(bare_url, "https://a.example:443/x"));
    EXPECT_EQ(right, judged("https://a.example:443/x", bare_url));
    EXPECT_EQ(right, judged("https://a.example:8443/x", bare_url));
    EXPECT_EQ(right, judged("http://a.example/x", "http://a.example:80/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://a.example:80/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://a.example:8443/x"));
    EXPECT_EQ(kBad, judged("https://a.example:8443/x", "https://a.example:443/x"));
    EXPECT_EQ(kBad, judged(bare_url, "https://b.example/x"));
    EXPECT_EQ(kBad, judged(bare_url, ""));
    EXPECT_EQ(right, judged("/x", "/x"));
    EXPECT_EQ(kBad, judged("/x", ""));
}

TEST(Verification, UrlOfHubSpotIsDecodedInPart) {
    const Scheme scheme = preset_scheme("hubspot-v3").value();
    Delivery delivery{{{"X-HubSpot-Signature-v3",
                        hmac_base64(kSecret, "POSThttps://a.example/x?a=:/%20%25b[]1614265330000")},
                       {"X-HubSpot-Request-Timestamp", "1614265330000"}},
                      "[]"};
    delivery.url = "https://a.example/x?a=%3A%2F%20%25b";
    EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
}

// What else it holds is its own: that nothing can be moved to it is boundaries_test.cpp's.
TEST(Verification, UrlAndParameterMayHoldWhatTheyLike) {
    for (const std::string& text : {"{url}{body}"s, "{body}{url}"s, "{url:hubspot}{body}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed \"" + text + "\";");
        for (const std::string& more : {"a"s, "a=1&b=%7B"s, "a{"s, "[]=1"s, "a\""s, "a|"s, "a]"s}) {
            const std::string url = "https://a.example/x?" + more;
            const std::string code =
                hmac_hex(kSecret, text.starts_with("{body") ? "[]" + url : url + "[]");
            Delivery delivery{{{"X-Sign", code}}, "[]"};
            delivery.url = url;
            EXPECT_EQ(Reason::accepted,
                      judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << more;
        }
    }
    for (const std::string& text : {"{query:id}{body}"s, "{body}{query:id}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text + "';");
        for (const std::string& id : {"a1"s, "2021-02-25"s, "[1"s, "a=b"s, "a}"s, ""s, " a "s}) {
            const bool first = text.starts_with("{query");
            Delivery delivery{{{"X-Sign", hmac_hex(kSecret, first ? id + "{}" : "{}" + id)}}, "{}"};
            delivery.url = "https://a.example/x?id=" + percent_encoded(id, "");
            const Reason reason = judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
            if (id.empty() || id == " a ") {
                EXPECT_NE(Reason::accepted, reason) << text;
            } else {
                EXPECT_EQ(Reason::accepted, reason) << text << ' ' << id;
            }
        }
    }
}

// Where a reader separates parameters by it, another one of the name could stand behind it.
TEST(Verification, ParameterIsReadOfNoQueryWithASemicolon) {
    const std::pair<const char*, const char*> texts[] = {
        {"signed '{query:id}.{body}';", "a.body"},
        {"signed '{id}.{body}'; event_id query=id;", "a.body"},
        {"signed '{timestamp}.{body}'; timestamp query=t;", "1614265330.body"}};
    for (const auto& [text, signed_text] : texts) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=X-Sign;"s + text);
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_text)}}, "body"};
        for (const auto& [query, expected] :
             {std::pair("x=1%3Bid=b%3Bt=1&id=a&t=1614265330", Reason::accepted),
              {"x=1;id=b;t=1&id=a&t=1614265330", Reason::bad_signature},
              {"id=a&t=1614265330&x=1;id=b;t=1", Reason::bad_signature}}) {
            delivery.url = "https://a.example/x?"s + query;
            EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << query;
        }
    }
    const Scheme unsigned_id = parse_scheme(
        "test", "algorithm hmac-sha256; signature header=S; signed '{body}'; event_id query=id;");
    Delivery delivery{{{"S", hmac_hex(kSecret, "body")}}, "body"};
    delivery.url = "https://a.example/x?x=1;id=b&id=a";
    EXPECT_EQ(Reason::accepted,
              judge(unsigned_id, {secret(unsigned_id, kSecret)}, delivery, kNow).reason);
}

// Each try hashes the whole text.
TEST(Verification, FewSignaturesOfALongTextAreTriedWithEd25519) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm ed25519; key hex; signed '{body}';"
                                       "signature header=X-Sign split=, encoding=hex;");
    const std::vector<SigningSecret> secrets{secret(scheme, hex(KeyPair::ed25519().raw()))};
    const auto judged = [&](std::size_t size, std::size_t wrong) {
        const std::string body(size, 'b');
        std::string value;
        for (std::size_t i = 0; i < wrong; ++i) value += std::string(128, '0') + ",";
        const Delivery delivery{{{"X-Sign", value + hex(KeyPair::ed25519().sign(body))}}, body};
        return judge(scheme, secrets, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged(1000, 15));
    EXPECT_EQ(Reason::bad_signature, judged(1000, 16));
    EXPECT_EQ(Reason::accepted, judged(1'000'000, 3));
    EXPECT_EQ(Reason::bad_signature, judged(1'000'000, 4));
    EXPECT_EQ(Reason::accepted, judged(8'000'000, 2));
    EXPECT_EQ(Reason::bad_signature, judged(8'000'000, 3));
}

TEST(Verification, ParameterOfTheQueryIsSigned) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{query:id}.{body}'; signature header=X-Sign;");
    const auto judged = [&](const std::string& query) {
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "a b.body")}}, "body"};
        delivery.url = "https://a.example/x?" + query;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow);
    };
    EXPECT_EQ(Reason::accepted, judged("id=a+b").reason);
    EXPECT_EQ(Reason::accepted, judged("x=1&id=a%20b").reason);
    for (const std::string& query :
         {"id=a"s, ""s, "ID=a+b"s, "id=a+b&id=a+b"s, "id=a+b&id=c"s, "id=a%zz"s, "id="s}) {
        EXPECT_EQ(kBad, judged(query)) << query;
    }
}

TEST(Verification, ParameterThatIsNotThereIsNotTheEmptyOne) {
    for (const std::string& text :
         {"{method}{query:id}"s, "{query:id}|{method}{sha256:body}"s, "{query:id}{sha256:body}"s}) {
        const Scheme scheme = parse_scheme(
            "test", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text + "';");
        std::string signed_text = text == "{method}{query:id}" ? "POST" : "";
        if (text.find('|') != std::string::npos) signed_text = "|POST";
        if (text.ends_with("{sha256:body}")) signed_text += testing::sha256_hex("body");
        Delivery delivery{{{"X-Sign", hmac_hex(kSecret, signed_text)}}, "body"};
        EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow)) << text;
        delivery.url = "https://a.example/x?id=";
        EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << text;
    }
}

TEST(Verification, IdOfTheSecretIsSigned) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{secret_id}.{body}'; signature header=X-Sign;");
    const Delivery delivery{{{"X-Sign", hmac_hex(kSecret, "two.body")}}, "body"};
    EXPECT_EQ((Judgement{Reason::accepted, "two"}),
              judge(scheme, {secret(scheme, kSecret, "one"), secret(scheme, kSecret, "two")},
                    delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret, "one")}, delivery, kNow));
    EXPECT_EQ(kBad, judge(scheme, {secret(scheme, kSecret, "")}, delivery, kNow));
}

TEST(Verification, SecretOfATopicIsThatOfNoOther) {
    const Scheme scheme = preset_scheme("aws-sns").value();
    const auto notification = [](const std::string& topic) {
        const std::string time = "2021-02-25T15:02:10.000Z";
        const std::string text = "Message\nm\nMessageId\ni\nTimestamp\n" + time + "\nTopicArn\n" +
                                 topic + "\nType\nNotification\n";
        return Delivery{{},
                        R"({"Type":"Notification","MessageId":"i","Message":"m","Timestamp":")" +
                            time + R"(","TopicArn":")" + topic + R"(","Signature":")" +
                            base64(KeyPair::rsa().sign(text)) + "\"}"};
    };
    const auto judged = [&](const std::string& id, const std::string& topic) {
        return judge(scheme, {secret(scheme, KeyPair::rsa().pem(), id)}, notification(topic), kNow)
            .reason;
    };
    EXPECT_EQ(Reason::accepted, judged("arn:mine", "arn:mine"));
    EXPECT_EQ(Reason::bad_signature, judged("arn:mine", "arn:other"));
    EXPECT_EQ(Reason::bad_signature, judged("", "arn:mine"));
    EXPECT_NE(Reason::accepted, judged("arn:mine", ""));
}

// -- codes of the body in front of it and behind it

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
        Presented presented;
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
        Presented presented;
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
    Presented presented;
    const std::optional<Tolerance> tolerance;
    ASSERT_EQ(std::nullopt, read_headers(linear, headers, kNow, tolerance, presented));
    Verification verification(linear, secrets,
                              {"POST", "", "", &headers, &presented, &tolerance, nullptr}, kNow);
    verification.update("body");
    EXPECT_EQ(std::nullopt, verification.verify_signature(nullptr, kNow));
    EXPECT_EQ(Reason::invalid_payload, verification.verify_timestamp(nullptr, kNow));
}

// -- values of a JSON body

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

// -- forms

const std::string kForm = "application/x-www-form-urlencoded";
const std::string kUrl = "https://hooks.example/in?a=1";

Delivery twilio(const std::string& signed_text, const std::string& type, const std::string& body,
                const std::string& url = kUrl) {
    Delivery delivery{{{"X-Twilio-Signature", base64(hmac(EVP_sha1(), kSecret, signed_text))}},
                      body};
    if (!type.empty()) delivery.add("Content-Type", type);
    delivery.url = url;
    return delivery;
}

Reason judged_by(const std::string& preset, const Delivery& delivery) {
    const Scheme scheme = preset_scheme(preset).value();
    return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
}

TEST(Twilio, FormIsSignedSortedAndDecoded) {
    for (const std::string& preset : {"twilio"s, "twilio-form"s}) {
        const auto judged = [&](const std::string& type, const std::string& body) {
            return judged_by(preset, twilio(kUrl + "A1Bx yC", type, body));
        };
        EXPECT_EQ(Reason::accepted, judged(kForm, "C=&B=x+y&A=1"));
        EXPECT_EQ(Reason::accepted, judged(kForm + "; charset=UTF-8", "A=1&B=x%20y&C="));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+z&C="));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+y"));
        EXPECT_EQ(Reason::bad_signature, judged(kForm, "A=1&B=x+y&C=&D=1"));
        EXPECT_EQ(Reason::invalid_payload, judged(kForm, "A=1&B=x+y&C=%zz"));
        EXPECT_EQ(Reason::missing_signature, judged_by(preset, {{{"Content-Type", kForm}}, ""}));
    }
}

// Captured deliveries, replayed with something else that the sender did not sign.
TEST(Twilio, CapturedJsonIsNothingElse) {
    const std::string body = R"({"a":1})";
    const std::string url = kUrl + "&bodySHA256=" + testing::sha256_hex(body);
    const std::string json = "application/json";
    for (const std::string& preset : {"twilio"s, "twilio-json"s}) {
        SCOPED_TRACE(preset);
        const auto judged = [&](const std::string& type, const std::string& other) {
            return judged_by(preset, twilio(url, type, other, url));
        };
        EXPECT_EQ(Reason::accepted, judged(json, body));
        EXPECT_EQ(Reason::accepted, judged("", body));
        EXPECT_NE(Reason::accepted, judged(json, R"({"a":2})"));
        EXPECT_NE(Reason::accepted, judged(json, ""));
        EXPECT_NE(Reason::accepted, judged("", ""));
        EXPECT_NE(Reason::accepted, judged(kForm, ""));
        EXPECT_NE(Reason::accepted, judged(kForm, "&"));
        EXPECT_NE(Reason::accepted, judged(kForm, "="));
        EXPECT_NE(Reason::accepted, judged(kForm, "a=1"));
        for (const std::string& other_url :
             {kUrl, kUrl + "&bodySHA256=" + testing::sha256_hex("x"),
              url + "&bodySHA256=" + testing::sha256_hex("x"), url + "#", kUrl + "&bodySHA256="}) {
            EXPECT_NE(Reason::accepted, judged_by(preset, twilio(url, json, "x", other_url)))
                << other_url;
        }
    }
    // Only a form is a form here; and `twilio` signs one that comes with a digest, too.
    EXPECT_NE(Reason::accepted, judged_by("twilio", twilio(url, kForm, body, url)));
    EXPECT_NE(Reason::accepted, judged_by("twilio-form", twilio(url, json, body, url)));
}

TEST(Twilio, CapturedFormIsNothingElse) {
    for (const std::string& preset : {"twilio"s, "twilio-form"s, "twilio-json"s}) {
        SCOPED_TRACE(preset);
        const std::string text = kUrl + "A1";
        if (preset != "twilio-json") {
            EXPECT_EQ(Reason::accepted, judged_by(preset, twilio(text, kForm, "A=1")));
        }
        for (const std::string& type :
             {"application/json"s, "text/plain"s, "multipart/form-data; boundary=x"s, ""s}) {
            for (const std::string& body : {"A=1"s, "A=2"s, "{}"s, ""s}) {
                EXPECT_NE(Reason::accepted, judged_by(preset, twilio(text, type, body)))
                    << type << ' ' << body;
            }
        }
        Delivery delivery = twilio(text, kForm, "A=1");
        delivery.add("Content-Type", "application/json");
        EXPECT_NE(Reason::accepted, judged_by(preset, delivery));
    }
}

// Signed is then the URL alone.
TEST(Twilio, DeliveryWithoutAFormHasNoOtherBody) {
    for (const std::string& type : {""s, "application/json"s, "text/plain"s, kForm}) {
        EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(kUrl, type, ""))) << type;
        EXPECT_EQ(Reason::accepted, judged_by("twilio-form", twilio(kUrl, type, ""))) << type;
        EXPECT_EQ(Reason::bad_signature, judged_by("twilio-json", twilio(kUrl, type, "")));
        for (const std::string& preset : {"twilio"s, "twilio-form"s, "twilio-json"s}) {
            for (const std::string& body : {"{}"s, "x"s, "a=1"s, " "s, "\0"s}) {
                EXPECT_NE(Reason::accepted, judged_by(preset, twilio(kUrl, type, body)))
                    << preset << ' ' << type << ' ' << body;
            }
        }
    }
}

// Twilio appends it: elsewhere it is the caller's, and no reason to do without.
TEST(Twilio, DigestIsTheLastParameter) {
    const std::string hash = testing::sha256_hex("A=1");
    const auto judged = [&](const std::string& query, const std::string& body) {
        const std::string url = kUrl + query;
        const std::string form = body.empty() ? "" : "A1";
        return judged_by("twilio", twilio(url + form, kForm, body, url));
    };
    EXPECT_EQ(Reason::accepted, judged("&bodySHA256=" + hash, "A=1"));
    EXPECT_EQ(Reason::accepted, judged("&b=1", "A=1"));
    for (const std::string& query :
         {"&bodySHA256=" + hash + "&b=1", "&bodySHA256=" + hash + "&bodySHA256=" + hash,
          "&bodySHA256=" + hash + "&b=%zz", "&bodySHA256="s}) {
        EXPECT_EQ(Reason::bad_signature, judged(query, "A=1")) << query;
        EXPECT_EQ(Reason::bad_signature, judged(query, "")) << query;
    }
}

TEST(Twilio, UrlMayHaveAPort) {
    const std::string with_port = "https://hooks.example:443/in?a=1";
    EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(with_port + "A1", kForm, "A=1")));
    EXPECT_EQ(Reason::accepted, judged_by("twilio", twilio(kUrl + "A1", kForm, "A=1", with_port)));
    EXPECT_EQ(Reason::bad_signature,
              judged_by("twilio", twilio("https://hooks.example:444/in?a=1A1", kForm, "A=1")));
}

TEST(Verification, DigestInTheUrl) {
    const Scheme scheme = parse_scheme("test",
                                       "algorithm hmac-sha256; signed '{url}'; signature header=S;"
                                       "digest query=d algorithm=sha384 encoding=base64url;");
    const std::string digest = testing::base64url(testing::hashed(EVP_sha384(), "body"));
    const auto judged = [&](const std::string& query, const std::string& body) {
        const std::string url = "https://a.example/x" + query;
        Delivery delivery{{{"S", hmac_hex(kSecret, url)}}, body};
        delivery.url = url;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow, {body.size() / 2}).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("?d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest, "bodY"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest, ""));
    EXPECT_EQ(Reason::bad_signature, judged("", "body"));
    EXPECT_EQ(Reason::bad_signature, judged("", ""));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest + "&d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?D=" + digest, "body"));
    EXPECT_EQ(Reason::accepted, judged("?a=1&d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest + "&a=1", "body"));
    EXPECT_EQ(Reason::bad_signature, judged("#?d=" + digest, "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=" + digest.substr(4), "body"));
    EXPECT_EQ(Reason::bad_signature, judged("?d=", "body"));
}

TEST(Verification, FieldOfAFormComesAlone) {
    const Scheme scheme = preset_scheme("gitea-form").value();
    const auto judged = [&](const std::string& type, const std::string& body) {
        Delivery delivery{{{"X-Gitea-Signature", hmac_hex(kSecret, "{\"a\": 1}")}}, body};
        if (!type.empty()) delivery.add("Content-Type", type);
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    const std::string field = "payload=%7B%22a%22:+1%7D";
    EXPECT_EQ(Reason::accepted, judged(kForm, field));
    EXPECT_EQ(Reason::accepted, judged("Application/X-WWW-Form-Urlencoded;charset=utf-8", field));
    EXPECT_EQ(Reason::bad_signature, judged(kForm, "payload=%7B%22a%22:+2%7D"));
    for (const std::string& body :
         {""s, field + "&" + field, field + "&x=1", "x&" + field, "Payload=%7B%22a%22:+1%7D"s,
          field + "&payload=", field + "&=", field + "%", "payload"s + "x=1", "x=1"s}) {
        EXPECT_NE(Reason::accepted, judged(kForm, body)) << body;
    }
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, field + "&x=1"));
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, field + "&" + field));
    EXPECT_EQ(Reason::invalid_payload, judged(kForm, ""));
    for (const std::string& type : {""s, "application/json"s, "text/plain"s, kForm + "x"}) {
        EXPECT_EQ(Reason::invalid_payload, judged(type, field)) << type;
        EXPECT_EQ(Reason::invalid_payload, judged(type, "")) << type;
    }
}

// What a reader that separates fields by it finds behind it is no field that was signed.
TEST(Verification, FormThatIsSignedDecodedHoldsNoSemicolon) {
    struct Row {
        const char* statements;
        const char* signed_text;
        const char* body;
        Reason expected;
    };
    const char* const field = "signed '{field:a}';";
    const char* const form = "signed '{url}{form}';";
    const char* const raw = "signed '{body}'; event_id field=b;";
    const char* const both = "signed '{field:a}|{sha256:body}';";
    const std::string hashed = "1;b=2|" + testing::sha256_hex("a=1;b=2");
    const Row rows[] = {
        {field, "1;b=2", "a=1%3Bb%3D2", Reason::accepted},
        {field, "1;b=2", "a=1%3bb=2", Reason::accepted},
        {field, "1;b=2", "a=1;b=2", Reason::invalid_payload},
        {field, "1;a=2", "a=1;a=2", Reason::invalid_payload},
        {form, "https://h/xa1;b=2", "a=1%3Bb=2", Reason::accepted},
        {form, "https://h/xa1;b=2", "a=1;b=2", Reason::invalid_payload},
        {raw, "a=1;b=2", "a=1;b=2", Reason::accepted},
        {both, hashed.c_str(), "a=1;b=2", Reason::accepted},
    };
    for (const auto& [statements, signed_text, body, expected] : rows) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=S;"s + statements);
        Delivery delivery{{{"S", hmac_hex(kSecret, signed_text)}, {"Content-Type", kForm}}, body};
        delivery.url = "https://h/x";
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << ' ' << body;
    }
    const Scheme scheme = preset_scheme("twilio-json").value();
    Delivery json{{{"Content-Type", "application/json"}}, R"({"a":"1;b"})"};
    json.url = "https://h/x?bodySHA256=" + testing::sha256_hex(json.body);
    json.add("X-Twilio-Signature", base64(hmac(EVP_sha1(), kSecret, json.url)));
    EXPECT_EQ(Reason::accepted, judge(scheme, {secret(scheme, kSecret)}, json, kNow).reason);
}

// Readers that merge the two could take the parameter for the field.
TEST(Verification, QueryHasNoNameOfAFieldThatIsSigned) {
    struct Row {
        const char* statements;
        const char* signed_text;
        const char* body;
        const char* query;
        Reason expected;
    };
    const char* const field = "signed '{field:a}';";
    const char* const form = "signed '{form}';";
    const char* const url = "signed '{url}{form}';";
    const char* const raw = "signed '{body}'; event_id field=b;";
    const char* const type = "signed '{field:a}'; event_type query=a;";
    const char* const both = "signed '{field:a}|{query:a}';";
    const Row rows[] = {
        {field, "1", "a=1", "", Reason::accepted},
        {field, "1", "a=1", "b=1&aa=2&c=a", Reason::accepted},
        {field, "1", "a=1", "a=2", Reason::invalid_payload},
        {field, "1", "a=1", "a", Reason::invalid_payload},
        {field, "1", "a=1", "b=1&A=2", Reason::invalid_payload},
        {field, "1", "a=1", "b=1;%61=2", Reason::invalid_payload},
        {field, "1", "a=1", "b=%zz&a=2", Reason::invalid_payload},
        {form, "a1b2", "b=2&a=1", "c=1", Reason::accepted},
        {form, "a1b2", "b=2&a=1", "b=1", Reason::invalid_payload},
        {url, "https://h/x?a=2a1", "a=1", "a=2", Reason::accepted},
        {raw, "a=1", "a=1", "a=2", Reason::accepted},
        {type, "1", "a=1", "a=2", Reason::accepted},
        {both, "1|2", "a=1", "a=2", Reason::accepted},
    };
    for (const auto& [statements, signed_text, body, query, expected] : rows) {
        const Scheme scheme =
            parse_scheme("test", "algorithm hmac-sha256; signature header=S;"s + statements);
        Delivery delivery{{{"S", hmac_hex(kSecret, signed_text)}, {"Content-Type", kForm}}, body};
        delivery.url = "https://h/x?"s + query;
        delivery.query = query;
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << ' ' << query;
        if (scheme.reads_url()) continue;
        // An upstream may get the one that was sent, or what became of it since.
        delivery.sent_query = "";
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << " handed on with " << query;
        if (scheme.signs_parameter()) continue;
        delivery.query = "";
        delivery.sent_query = query;
        EXPECT_EQ(expected, judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
            << statements << " sent with " << query;
    }
}

// As routes of mail services send it: the time and a token are signed, and stand with the signature
// among the fields of the message.
class SignedForm : public ::testing::Test {
  protected:
    static std::string statements(const std::string& signature = "signature field=sig") {
        return "algorithm hmac-sha256; signed '{field:ts}{field:token}'; timestamp field=ts;" +
               signature + ";";
    }
    static Reason judged(const std::string& body, const std::string& statements,
                         const std::string& type = kForm, const std::string& query = "") {
        const Scheme scheme = parse_scheme("test", statements);
        const Delivery delivery{{{"Content-Type", type}}, body, "POST", "https://h/x?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    }
    static std::string form(const std::string& more = "", const std::string& ts = "1614265330") {
        return "ts=" + ts + "&token=a%62c&sig=" + hmac_hex(kSecret, ts + "abc") + more;
    }
};

TEST_F(SignedForm, IsVerified) {
    EXPECT_EQ(Reason::accepted, judged(form(), statements()));
    EXPECT_EQ(Reason::accepted, judged(form("&subject=hello"), statements()));
    EXPECT_EQ(Reason::accepted, judged("subject=hello&" + form(), statements()));
    EXPECT_EQ(Reason::bad_signature,
              judged(form("").replace(form().find("c&sig"), 1, "d"), statements()));
    EXPECT_EQ(Reason::stale_timestamp, judged(form("", "1614265029"), statements()));
    EXPECT_EQ(Reason::future_timestamp, judged(form("", "1614265631"), statements()));
    EXPECT_EQ(Reason::malformed_timestamp, judged(form("", "1614265330x"), statements()));
}

// What stands twice could be another thing to another reader.
TEST_F(SignedForm, HasEachOfItsFieldsOnce) {
    EXPECT_EQ(Reason::missing_signature, judged(form("&sig=00"), statements()));
    EXPECT_EQ(Reason::missing_timestamp, judged(form("&ts=1614265330"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&token=abc"), statements()));
    EXPECT_EQ(Reason::missing_signature, judged("ts=1614265330&token=abc", statements()));
    EXPECT_EQ(Reason::malformed_signature, judged("ts=1614265330&token=abc&sig=zz", statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&a=%zz"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged("", statements(), "application/json"));
}

TEST_F(SignedForm, IsNothingButAForm) {
    for (const std::string& type : {""s, "application/json"s, "multipart/form-data; boundary=x"s}) {
        EXPECT_EQ(Reason::invalid_payload, judged(form(), statements(), type)) << type;
    }
}

// No byte may move between the time and what stands behind it.
TEST_F(SignedForm, KeepsItsTimeApart) {
    const std::string code = hmac_hex(kSecret, "16142653305abc");
    EXPECT_EQ(Reason::accepted, judged("ts=1614265330&token=5abc&sig=" + code, statements()));
    EXPECT_NE(Reason::accepted, judged("ts=16142653305&token=abc&sig=" + code, statements()));
    EXPECT_NE(Reason::accepted, judged("ts=161426533&token=05abc&sig=" + code, statements()));
}

TEST_F(SignedForm, HoldsNoSemicolon) {
    EXPECT_EQ(Reason::accepted, judged(form("&subject=a%3Btoken=b"), statements()));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&subject=a;token=b"), statements()));
    EXPECT_EQ(Reason::accepted,
              judged("a=1;b=2&token=" + kSecret, "algorithm token; signature field=token;"));
    const std::string time_alone =
        "algorithm hmac-sha256; signed '{timestamp}|x'; timestamp field=ts; signature field=sig;";
    const std::string sent = "ts=1614265330&sig=" + hmac_hex(kSecret, "1614265330|x");
    EXPECT_EQ(Reason::accepted, judged(sent + "&a=b", time_alone));
    EXPECT_EQ(Reason::invalid_payload, judged(sent + "&a=b;ts=1", time_alone));
}

// Its token may have the name of one that the operator put into the address.
TEST_F(SignedForm, HasNoSignedFieldInTheQuery) {
    const std::string with_id = statements("signature field=sig; event_id field=token");
    for (const std::string& each : {statements(), with_id}) {
        EXPECT_EQ(Reason::accepted, judged(form("&subject=x"), each, kForm, "subject=y"));
        EXPECT_EQ(Reason::invalid_payload, judged(form(), each, kForm, "ts=1614265331"));
        EXPECT_EQ(Reason::invalid_payload, judged(form(), each, kForm, "sig=00"));
    }
    EXPECT_EQ(Reason::invalid_payload, judged(form(), statements(), kForm, "token=x"));
    EXPECT_EQ(Reason::accepted, judged(form(), with_id, kForm, "token=x"));
    const std::string alone = statements("signature field=sig alone; event_id field=token");
    EXPECT_EQ(Reason::invalid_payload, judged(form(), alone, kForm, "token=x"));
}

TEST_F(SignedForm, MayHaveToComeAlone) {
    const std::string alone = statements("signature field=sig alone");
    EXPECT_EQ(Reason::accepted, judged(form(), alone));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&subject=hello"), alone));
    EXPECT_EQ(Reason::invalid_payload, judged(form("&="), alone));
}

TEST_F(SignedForm, MayBeSignedAsAWhole) {
    const std::string whole = "algorithm hmac-sha256; signed '{form}'; signature field=sig;";
    const std::string code = hmac_hex(kSecret, "a1b2");
    EXPECT_EQ(Reason::accepted, judged("b=2&a=1&sig=" + code, whole));
    EXPECT_EQ(Reason::bad_signature, judged("b=2&a=1&c=3&sig=" + code, whole));
    EXPECT_EQ(Reason::missing_signature, judged("b=2&a=1&sig=" + code + "&sig=" + code, whole));
}

TEST_F(SignedForm, MayHoldAToken) {
    const std::string token = "algorithm token; signature field=token;";
    EXPECT_EQ(Reason::accepted, judged("a=1&token=" + kSecret, token));
    EXPECT_EQ(Reason::bad_signature, judged("a=1&token=" + kSecret + "x", token));
    EXPECT_EQ(Reason::missing_signature, judged("a=1", token));
}

TEST(Verification, SignatureMayStandInTheQuery) {
    const Scheme scheme =
        parse_scheme("test",
                     "algorithm hmac-sha256; signed '{timestamp}.{body}'; signature query=sig;"
                     "timestamp query=t; event_id query=id;");
    const std::string sig = "&sig=" + hmac_hex(kSecret, "1614265330.body");
    const auto judged = [&](const std::string& query,
                            std::vector<std::pair<std::string, std::string>> headers = {}) {
        const Delivery delivery{std::move(headers), "body", "POST", "https://a.example/?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("t=1614265330" + sig));
    EXPECT_EQ(Reason::accepted, judged("%74=161426533%30&a=1" + sig));
    EXPECT_EQ(Reason::bad_signature, judged("t=1614265331" + sig));
    EXPECT_EQ(Reason::stale_timestamp, judged("t=1614265000" + sig));
    EXPECT_EQ(Reason::missing_signature, judged("t=1614265330"));
    EXPECT_EQ(Reason::missing_signature, judged("t=1614265330&Sig=00"));
    EXPECT_EQ(Reason::malformed_signature, judged("t=1614265330" + sig + sig));
    EXPECT_EQ(Reason::malformed_signature, judged("t=1614265330&sig=zz"));
    EXPECT_EQ(Reason::missing_timestamp, judged(sig));
    EXPECT_EQ(Reason::malformed_timestamp, judged("t=1614265330&t=1614265330" + sig));
    EXPECT_EQ(Reason::malformed_header, judged("t=1614265330&id=1&id=2" + sig));
    // A query that does not decode is read by nobody in the same way.
    EXPECT_EQ(Reason::missing_signature, judged("a=%zz&t=1614265330" + sig));
    // No header passes for a parameter.
    EXPECT_EQ(Reason::missing_signature,
              judged("t=1614265330", {{"?sig", hmac_hex(kSecret, "1614265330.body")},
                                      {"sig", hmac_hex(kSecret, "1614265330.body")}}));
}

TEST(Verification, TokenMayStandInTheQuery) {
    const Scheme scheme = parse_scheme("test", "algorithm token; signature query=token;");
    const auto judged = [&](const std::string& query) {
        const Delivery delivery{{}, "", "POST", "https://a.example/?" + query};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("token=" + kSecret));
    EXPECT_EQ(Reason::bad_signature, judged("token=" + kSecret + "x"));
    EXPECT_EQ(Reason::malformed_signature, judged("token="));
    EXPECT_EQ(Reason::malformed_signature, judged("token=" + kSecret + "&token=" + kSecret));
}

// -- digests in headers

Reason judged_with_digest(const std::string& name, const std::string& value,
                          const std::string& options = "", const std::string& body = "body") {
    const Scheme scheme =
        parse_scheme("test", "algorithm hmac-sha256; signed '{header:" + name +
                                 "}'; signature header=S; digest header=" + name + options + ";");
    const Delivery delivery{{{"S", hmac_hex(kSecret, value)}, {name, value}}, body};
    return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
}

TEST(DigestHeader, OfRfc3230) {
    const std::string digest = base64(testing::hashed(EVP_sha256(), "body"));
    for (const std::string& list :
         {"SHA-256=" + digest, "sha-256=" + digest, "unixsum=30637, SHA-256=" + digest,
          "SHA-256=" + digest + ",SHA-512=AAAA", "\tSHA=x ,, SHA-256 = " + digest}) {
        EXPECT_EQ(Reason::accepted, judged_with_digest("Digest", list)) << list;
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Digest", list, "", "other")) << list;
    }
    for (const std::string& list :
         {""s, digest, "SHA-512=" + digest, "SHA-256=" + digest + ",SHA-256=" + digest,
          "SHA-256=" + digest + ",sha-256=x", "SHA-256=:" + digest + ":", "SHA-256="s, "SHA-256"s,
          "SHA-256=" + digest + "=", "xSHA-256=" + digest}) {
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Digest", list)) << list;
    }
    const std::string longer = base64(testing::hashed(EVP_sha512(), "body"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Digest", "SHA-256=x,SHA-512=" + longer, " algorithm=sha512"));
}

TEST(DigestHeader, OfRfc9530) {
    const std::string digest = base64(testing::hashed(EVP_sha256(), "body"));
    EXPECT_EQ(Reason::accepted, judged_with_digest("Content-Digest", "sha-256=:" + digest + ":"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Content-Digest", "md5=:AA==:, sha-256=:" + digest + ":"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Content-Digest", "sha-256=:" + digest + ":;a=1;b, md5=:AA==:"));
    for (const std::string& list :
         {"sha-256=" + digest, "SHA-256=:" + digest + ":", "sha-256=:" + digest,
          "sha-256=:" + digest + ":a=1", "sha-256=:" + digest + "::", "sha-256=:"s, "sha-256=::"s,
          "sha-256=:" + digest + ":,sha-256=:" + digest + ":"}) {
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Content-Digest", list)) << list;
    }
}

// Published: RFC 9530, appendix B.1.
TEST(DigestHeader, IsThatOfTheRfc) {
    const std::string body = "{\"hello\": \"world\"}\n";
    EXPECT_EQ(
        Reason::accepted,
        judged_with_digest("Content-Digest",
                           "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", "", body));
}

TEST(DigestHeader, OfAnotherNameIsTheDigestItself) {
    EXPECT_EQ(Reason::accepted, judged_with_digest("X-Hash", testing::sha256_hex("body")));
    EXPECT_EQ(Reason::bad_signature, judged_with_digest("X-Hash", testing::sha256_hex("other")));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("X-Hash", base64(testing::hashed(EVP_sha256(), "body")),
                                 " encoding=base64"));
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
    Presented presented;
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
    Presented presented;
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
    Presented presented;
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

TEST(Verification, FieldsOfAFormMayBeSeveral) {
    const Scheme scheme = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{field:a}.{field:b}'; signature header=S;");
    const auto judged = [&](const std::string& body) {
        const Delivery delivery{{{"S", hmac_hex(kSecret, "1.2")}, {"Content-Type", kForm}}, body};
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, judged("a=1&b=2"));
    EXPECT_EQ(Reason::accepted, judged("b=2&a=1"));
    EXPECT_EQ(Reason::bad_signature, judged("a=2&b=1"));
    EXPECT_EQ(Reason::invalid_payload, judged("a=1"));
    EXPECT_EQ(Reason::invalid_payload, judged("a=1&b=2&c=3"));
}

// -- several headers and times

TEST(Senders, DocuSignNumbersItsHeaders) {
    const Scheme scheme = preset_scheme("docusign").value();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret, "k")};
    const std::string right = hmac_base64(kSecret, "body");
    const std::string wrong = hmac_base64("wrong", "body");
    const auto judged = [&](std::vector<std::pair<std::string, std::string>> headers) {
        return judge(scheme, secrets, {std::move(headers), "body"}, kNow).reason;
    };
    const std::string stem = "X-DocuSign-Signature-";
    EXPECT_EQ(Reason::accepted, judged({{stem + "1", right}}));
    EXPECT_EQ(Reason::accepted, judged({{"x-docusign-signature-7", right}}));
    EXPECT_EQ(Reason::accepted, judged({{stem + "1", wrong}, {stem + "2", right}}));
    EXPECT_EQ(Reason::accepted,
              judged({{stem + "2", wrong}, {"X-Other", "1"}, {stem + "1", right}}));
    EXPECT_EQ(Reason::bad_signature, judged({{stem + "1", wrong}, {stem + "2", wrong}}));
    for (const std::string& name : {stem, stem + "x"s, stem + "1x"s, "Y-" + stem + "1", stem + "-1",
                                    "X-DocuSign-Signature"s, stem + " 1"s}) {
        EXPECT_EQ(Reason::missing_signature, judged({{name, right}})) << name;
    }
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "1", right}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "01", right}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", right}, {stem + "2", "?"}}));
    EXPECT_EQ(Reason::malformed_signature, judged({{stem + "1", ""}}));
}

TEST(Senders, CandidatesOfAllHeadersAreLimited) {
    const Scheme scheme = preset_scheme("docusign").value();
    const std::vector<SigningSecret> secrets{secret(scheme, kSecret, "k")};
    for (const std::size_t right : {0UL, 14UL, 15UL, 16UL, 40UL}) {
        Delivery delivery{{}, "body"};
        for (std::size_t i = 0; i <= 40; ++i) {
            delivery.add("X-DocuSign-Signature-" + std::to_string(i),
                         hmac_base64(i == right ? kSecret : "wrong", "body"));
        }
        EXPECT_EQ(right < kMostCandidates ? Reason::accepted : Reason::bad_signature,
                  judge(scheme, secrets, delivery, kNow).reason)
            << right;
    }
}

TEST(Senders, PersonaMayRepeatTheSameTime) {
    const Scheme scheme = preset_scheme("persona").value();
    const std::string right = hmac_hex(kSecret, kTime + ".body");
    const std::string wrong = hmac_hex("wrong", kTime + ".body");
    const auto judged = [&](const std::string& value) {
        return judge(scheme, {secret(scheme, kSecret)}, {{{"Persona-Signature", value}}, "body"},
                     kNow)
            .reason;
    };
    const std::string time = "t=" + kTime;
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + right));
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + wrong + " " + time + ",v1=" + right));
    EXPECT_EQ(Reason::accepted, judged(time + ",v1=" + right + " " + time + ",v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged(time + ",v1=" + right + " t=1614265331,v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged("t=1614265331,v1=" + wrong + " " + time + ",v1=" + right));
    EXPECT_EQ(Reason::malformed_timestamp,
              judged(time + ",v1=" + right + " t=0" + kTime + ",v1=" + wrong));
    EXPECT_EQ(Reason::malformed_timestamp, judged(time + ",v1=" + right + " t="));
    EXPECT_EQ(Reason::malformed_timestamp, judged("t= " + time + ",v1=" + right));
    EXPECT_EQ(Reason::missing_timestamp, judged("v1=" + right));
    EXPECT_EQ(Reason::bad_signature, judged(time + ",v1=" + wrong));
}

TEST(Verification, SecretForAnswersIsTheOneThatMatchedOrTheFirst) {
    const Scheme scheme = bare_scheme();
    const SigningSecret expired = secret(scheme, "expired", "0", kNow);
    const SigningSecret first = secret(scheme, "first secret", "1");
    const SigningSecret second = secret(scheme, "second secret", "2");
    const std::vector<const SigningSecret*> secrets{&expired, &first, &second};
    const Delivery delivery = bare("body", "second secret");
    const SchemeHeaders headers = delivery.offered_to(scheme);
    Presented presented;
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
    Presented presented;
    const std::optional<Tolerance> tolerance;
    const Verification verification(
        scheme, secrets, {"POST", kUrl, "", &headers, &presented, &tolerance, nullptr}, kNow);
    EXPECT_EQ(2U, verification.secret_count());
}

// -- handshakes that anyone is answered

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

// What nobody signed is read by those who go by the query, or merge it with the body.
TEST(Verification, TheQueryIsThatOfTheSignedUrl) {
    struct Row {
        const char* scheme;
        const char* url;
        const char* sent;
        Reason expected;
    };
    const char* const by_url = "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S;";
    const char* const by_qsh = "algorithm jwt=HS256; signature header=S; claims qsh='{url:qsh}';";
    const char* const by_claim = "algorithm jwt=HS256; signature header=S; claims aud='{url}';";
    const char* const by_query =
        "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S; event_id query=id;";
    const char* const by_type =
        "algorithm hmac-sha256; signed '{url}|{body}'; signature header=S; event_type query=type;";
    const Row rows[] = {
        {by_url, "https://h/x?a=1+b;c", "a=1+b;c", Reason::accepted},
        {by_type, "https://h/x?a=1+b;c", "a=1+b;c&type=1", Reason::accepted},
        {by_type, "https://h/x?a=1+b", "a=1%20b&type=1", Reason::bad_signature},
        {by_type, "https://h/x?a=1+b&c=%41", "a=1+b&type=1&c=A", Reason::accepted},
        {by_type, "https://h/x", "type=a+b", Reason::accepted},
        {by_type, "https://h/x", "type=a;b=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=a#b=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=a#&b=1", Reason::bad_signature},
        {by_type, "https://h/x", "b=1;type=a", Reason::bad_signature},
        {by_type, "https://h/x?type=a;b", "type=a", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "type=a", Reason::accepted},
        {by_type, "https://h/x?type=a", "type=%61", Reason::accepted},
        {by_type, "https://h/x?type=a", "type=b", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "", Reason::bad_signature},
        {by_type, "https://h/x?type=a", "type=a&type=b", Reason::bad_signature},
        {by_type, "https://h/x?t%79pe=a", "type=b", Reason::bad_signature},
        {by_type, "https://h/x?b=1;type=a", "b=1;type=a&type=b", Reason::bad_signature},
        {by_type, "https://h/x", "%zz=1&type=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=%zz", Reason::accepted},
        {by_type, "https://h/x?a", "a=&type=1", Reason::bad_signature},
        {by_type, "https://h/x?a", "%61&type=1", Reason::accepted},
        {by_type, "https://h/x", "&", Reason::bad_signature},
        {by_type, "https://h/x", "&=1&type=1", Reason::bad_signature},
        {by_url, "https://h/x", "", Reason::accepted},
        {by_url, "https://h/x", "a=1", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1", Reason::accepted},
        {by_url, "https://h/x?a=1", "", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=2", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1&b=2", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1#b", Reason::bad_signature},
        {by_url, "https://h/x?a=1#b", "a=1", Reason::accepted},
        {by_url, "https://h/x?a=1&b", "b&a=1", Reason::bad_signature},
        {by_url, "https://h/x?a=1&b", "a=1&b=", Reason::bad_signature},
        {by_url, "https://h/x?a[]=b:/", "a%5B%5D=b%3a%2F", Reason::accepted},
        {by_url, "https://h/x?a=%2B", "a=+", Reason::bad_signature},
        {by_url, "https://h/x?a=%20", "a=+", Reason::bad_signature},
        {by_url, "https://h/x?a=%26b", "a=&b", Reason::bad_signature},
        {by_url, "https://h/x?a=1%3Bb", "a=1;b", Reason::bad_signature},
        {by_url, "https://h/x?a=1%23b", "a=1#b", Reason::bad_signature},
        {by_url, "https://h/x?a=1", "a=1%", Reason::bad_signature},
        {by_query, "https://h/x?id=1", "id=1", Reason::accepted},
        {by_query, "https://h/x?id=1", "id=1&a=1", Reason::bad_signature},
        {by_query, "https://h/x", "id=1", Reason::bad_signature},
        {by_type, "https://h/x", "type=1", Reason::accepted},
        {by_type, "https://h/x", "type=1&a=1", Reason::bad_signature},
        {by_qsh, "https://h/x", "", Reason::accepted},
        {by_qsh, "https://h/x", "a=1", Reason::bad_signature},
        {by_claim, "https://h/x?a=1", "a=1", Reason::accepted},
        {by_claim, "https://h/x?a=1", "a=2", Reason::bad_signature},
    };
    for (const auto& [text, url, sent, expected] : rows) {
        const Scheme scheme = parse_scheme("test", text);
        Delivery delivery{{}, "{}"};
        delivery.url = url;
        delivery.sent_query = sent;
        const std::string claims = R"({"aud":")"s + url + R"(","qsh":")" +
                                   atlassian_qsh("POST", url, "").value_or("") + "\"}";
        delivery.set("S", scheme.algorithm == Algorithm::jwt ? testing::hs256_token(claims, kSecret)
                                                             : hmac_hex(kSecret, url + "|{}"s));
        for (const bool fixed : {false, true}) {
            delivery.url_is_fixed = fixed;
            // No URL of a request may have a fragment.
            const bool has_fragment = delivery.url.find('#') != std::string::npos;
            EXPECT_EQ(fixed || !has_fragment ? expected : Reason::bad_signature,
                      judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason)
                << text << ' ' << url << " asked with " << sent << (fixed ? ", fixed" : "");
        }
    }
}

// A sender that signs a parameter by itself may leave it out of the URL, which is a fixed one then.
TEST(Verification, ParameterThatIsSignedByItselfMayBeMissingInTheUrl) {
    const auto judged = [](const std::string& text, const std::string& sent) {
        const Scheme scheme = parse_scheme("test",
                                           "algorithm hmac-sha256; signature header=S;"
                                           "event_id query=id; timestamp query=t;" +
                                               text);
        Delivery delivery{{{"S", hmac_hex(kSecret, "https://h/x|a b|1614265330|{}")}}, "{}"};
        delivery.url = "https://h/x";
        delivery.url_is_fixed = true;
        delivery.query = delivery.sent_query = sent;
        return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
    };
    const std::string by_values = "signed '{url}|{id}|{timestamp}|{body}';";
    const std::string by_queries = "signed '{url}|{query:id}|{query:t}|{body}';";
    for (const std::string& text : {by_values, by_queries}) {
        EXPECT_EQ(Reason::accepted, judged(text, "id=a+b&t=1614265330")) << text;
        EXPECT_EQ(Reason::accepted, judged(text, "t=1614265330&id=a%20b")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+b&t=1614265330&a=1")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+c&t=1614265330")) << text;
        EXPECT_EQ(Reason::bad_signature, judged(text, "id=a+b&t=1614265331")) << text;
    }
    EXPECT_EQ(Reason::bad_signature,
              judged("signed '{url}|a b|{timestamp}|{body}';", "id=a+b&t=1614265330"));
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
            Presented presented;
            ASSERT_FALSE(read_headers(scheme, headers, kNow, tolerance, presented));
            const SignedRequest request{method, "", "", &headers, &presented, &tolerance, nullptr};
            Verification verification(scheme, pointers, request, kNow);
            verification.note_sent_size(size);
            EXPECT_FALSE(verification.verify_signature(nullptr, kNow));
            EXPECT_EQ(size == 20 && method != "POST"s, verification.verify_body().has_value());
        }
    }
}

}  // namespace
}  // namespace webhook
