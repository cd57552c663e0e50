#include "webhook/verification.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery.h"
#include "webhook/presets.h"

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
                  verification.verify_signature(nullptr));
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
        EXPECT_EQ(nullptr, verification.secret_for_answers());
        verification.update("body");
        EXPECT_EQ(Reason::bad_signature, verification.verify_signature(nullptr));
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
          std::pair("X-Time"s, "0" + kTime),
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
        {"{id}{body}{id}", "evt_1BODYevt_1"},
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
        return verification_.verify_signature(nullptr) ? nullptr : verification_.secret();
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
TEST(Presets, AcceptWhatTheirSendersSign) {
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

TEST(Presets, QuoteIsNoSeparatorOfItems) {
    const Scheme scheme = preset_scheme("pagerduty").value();
    const Delivery delivery{
        {{"X-PagerDuty-Signature", "x\"v1=" + hmac_hex(kSecret, "body")}}, "body", "POST"};
    EXPECT_EQ(Reason::malformed_signature,
              judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason);
}

TEST(Presets, StandardWebhooksTakesAListOfSignatures) {
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

}  // namespace
}  // namespace webhook
