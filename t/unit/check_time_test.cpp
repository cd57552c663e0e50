// A sender decides how long its body takes, and an event in flight how long a delivery waits: what
// was in time when the headers came is judged again by the time that it is then.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"
#include "verify/verification.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using testing::Delivery;
using testing::hmac_base64;
using testing::hmac_hex;
using testing::hs256_token;
using testing::judge;
using testing::Judgement;
using testing::secret;

const std::string kSecret = "a secret of the tests";
constexpr Milliseconds kNow{1'614'265'330'000};

// What becomes of a delivery that began at kNow and whose body ended at `ended`.
Reason reason_at(const Scheme& scheme, std::vector<SigningSecret> secrets, const Delivery& delivery,
                 Milliseconds ended) {
    return judge(scheme, std::move(secrets), delivery, kNow, {}, std::nullopt, ended).reason;
}

struct Timed {
    const char* preset;
    Delivery delivery;
    Milliseconds window;
};

// A time in a header, in an item of the signature, in the body, in a token, and the end of one.
std::vector<Timed> timed_deliveries() {
    const std::string body = R"({"webhookTimestamp":1614265330000})";
    const auto plaid = [&body](std::string_view claims) {
        const std::string hash = testing::sha256_hex(body);
        const std::string text = std::string(claims) + R"("request_body_sha256":")" + hash + "\"}";
        return testing::token(R"({"alg":"ES256"})", text, [](std::string_view signed_text) {
            return testing::KeyPair::ecdsa().sign_as_numbers(signed_text);
        });
    };
    return {
        {"slack",
         {{{"X-Slack-Request-Timestamp", "1614265330"},
           {"X-Slack-Signature", "v0=" + hmac_hex(kSecret, "v0:1614265330:" + body)}},
          body},
         5min},
        {"stripe",
         {{{"Stripe-Signature", "t=1614265330,v1=" + hmac_hex(kSecret, "1614265330." + body)}},
          body},
         5min},
        {"linear",
         {{{"Linear-Signature", hmac_hex(kSecret, body)}, {"Linear-Delivery", "1"}}, body},
         1min},
        {"plaid", {{{"Plaid-Verification", plaid(R"({"iat":1614265330,)")}}, body}, 5min},
        {"monday",
         {{{"Authorization",
            hs256_token(R"({"aud":"https://hooks.example/in","exp":1614265390})", kSecret)}},
          body},
         59'999ms},
    };
}

SigningSecret secret_of(const Scheme& scheme) {
    const bool is_public = scheme.has_public_key();
    return secret(scheme, is_public ? testing::KeyPair::ecdsa().jwk() : kSecret);
}

TEST(CheckTime, ABodyThatEndsAfterTheWindowIsTooLate) {
    for (const Timed& timed : timed_deliveries()) {
        SCOPED_TRACE(timed.preset);
        const Scheme scheme = preset_scheme(timed.preset).value();
        const auto at = [&](Milliseconds ended) {
            return reason_at(scheme, {secret_of(scheme)}, timed.delivery, ended);
        };
        EXPECT_EQ(Reason::accepted, at(kNow));
        EXPECT_EQ(Reason::accepted, at(kNow + timed.window));
        EXPECT_EQ(Reason::stale_timestamp, at(kNow + timed.window + 1ms));
        EXPECT_EQ(Reason::stale_timestamp, at(kNow + 100h));
    }
}

TEST(CheckTime, AClockThatIsSetBackMakesItTooEarly) {
    for (const Timed& timed : timed_deliveries()) {
        const Scheme scheme = preset_scheme(timed.preset).value();
        if (!scheme.timestamp) continue;
        SCOPED_TRACE(timed.preset);
        EXPECT_EQ(Reason::future_timestamp, reason_at(scheme, {secret_of(scheme)}, timed.delivery,
                                                      kNow - timed.window - 1ms));
    }
}

Delivery github(const std::string& key) {
    return {{{"X-Hub-Signature-256", "sha256=" + hmac_hex(key, "{}")}, {"X-GitHub-Delivery", "1"}},
            "{}"};
}

// As a request of then would be answered.
TEST(CheckTime, ASecretThatEndedMeanwhileMatchesNothing) {
    const Scheme scheme = preset_scheme("github").value();
    const SigningSecret old = secret(scheme, kSecret, "old", kNow + 10s);
    const SigningSecret next = secret(scheme, "another secret of it", "next");
    const Delivery delivery = github(kSecret);
    EXPECT_EQ(Reason::accepted, reason_at(scheme, {old, next}, delivery, kNow + 9'999ms));
    EXPECT_EQ(Reason::bad_signature, reason_at(scheme, {old, next}, delivery, kNow + 10s));
    EXPECT_EQ(Reason::no_secret, reason_at(scheme, {old}, delivery, kNow + 10s));
}

TEST(CheckTime, ASecretThatIsShownIsAskedForAgain) {
    const Scheme scheme = preset_scheme("bearer").value();
    const SigningSecret old = secret(scheme, kSecret, "old", kNow + 10s);
    const SigningSecret next = secret(scheme, "another secret of it", "next");
    const Delivery delivery{{{"Authorization", "Bearer " + kSecret}}, "{}"};
    EXPECT_EQ(Reason::accepted, reason_at(scheme, {old, next}, delivery, kNow + 9'999ms));
    EXPECT_EQ(Reason::bad_signature, reason_at(scheme, {old, next}, delivery, kNow + 10s));
    EXPECT_EQ(Reason::no_secret, reason_at(scheme, {old}, delivery, kNow + 10s));
}

// One verification after its body, as a delivery that waits for its twin has it.
class Verified {
  public:
    Verified(const Scheme& scheme, std::vector<SigningSecret> secrets, const Delivery& delivery)
        : secrets_(std::move(secrets)), headers_(delivery.offered_to(scheme)) {
        for (const SigningSecret& one : secrets_) pointers_.push_back(&one);
        EXPECT_EQ(std::nullopt, read_headers(scheme, headers_, kNow, tolerance_, presented_));
        verification_.emplace(
            scheme, pointers_,
            SignedRequest{"POST", "", "", &headers_, &presented_, &tolerance_, &json_}, kNow);
        verification_->update(delivery.body);
        EXPECT_EQ(std::nullopt, verification_->verify_signature(nullptr, kNow));
    }
    Verification* operator->() { return &*verification_; }

  private:
    std::vector<SigningSecret> secrets_;
    SchemeHeaders headers_;
    std::vector<const SigningSecret*> pointers_;
    Credentials presented_;
    std::optional<Tolerance> tolerance_;
    JsonDocument json_;
    std::optional<Verification> verification_;
};

TEST(CheckTime, WhileADeliveryWaitsTimeGoesOn) {
    for (const Timed& timed : timed_deliveries()) {
        const std::string_view name = timed.preset;
        if (name != "slack" && name != "stripe") continue;
        const Scheme scheme = preset_scheme(name).value();
        Verified verified(scheme, {secret_of(scheme)}, timed.delivery);
        EXPECT_EQ(std::nullopt, verified->check_time(kNow + 5min));
        EXPECT_EQ(Reason::stale_timestamp, verified->check_time(kNow + 5min + 1ms));
    }
}

TEST(CheckTime, TheSecretThatHasSignedCounts) {
    const Scheme scheme = preset_scheme("github").value();
    const SigningSecret old = secret(scheme, kSecret, "old", kNow + 10s);
    const SigningSecret next = secret(scheme, "another secret of it", "next");
    Verified by_old(scheme, {next, old}, github(kSecret));
    EXPECT_EQ(std::nullopt, by_old->check_time(kNow + 9'999ms));
    const Objection late = by_old->check_time(kNow + 10s);
    EXPECT_EQ(Reason::bad_signature, late);
    EXPECT_EQ(Cause::Kind::secret_expired, late->cause.kind);
    Verified by_next(scheme, {old, next}, github("another secret of it"));
    EXPECT_EQ(std::nullopt, by_next->check_time(kNow + 100h));
}

// During a rotation a sender signs with both.
TEST(CheckTime, AnotherSignatureOutlastsTheFirst) {
    const Scheme scheme = preset_scheme("stripe").value();
    const Tolerance any{1000h, 1000h};
    const std::string text = "1614265330.{}";
    const Delivery delivery{
        {{"Stripe-Signature", "t=1614265330,v1=" + hmac_hex("one secret", text) +
                                  ",v1=" + hmac_hex("two secret", text)}},
        "{}"};
    const auto at = [&](std::optional<Milliseconds> one, std::optional<Milliseconds> two,
                        Milliseconds ended) {
        const std::vector<SigningSecret> secrets{secret(scheme, "one secret", "1", one),
                                                 secret(scheme, "two secret", "2", two)};
        return judge(scheme, secrets, delivery, kNow, {}, any, ended);
    };
    EXPECT_EQ((Judgement{Reason::accepted, "1"}), at(kNow + 10s, std::nullopt, kNow + 9s));
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), at(kNow + 10s, std::nullopt, kNow + 10s));
    EXPECT_EQ((Judgement{Reason::accepted, "2"}), at(kNow + 10s, kNow + 20s, kNow + 19s));
    EXPECT_EQ(Reason::no_secret, at(kNow + 10s, kNow + 20s, kNow + 20s).reason);

    const std::vector<SigningSecret> secrets{secret(scheme, "one secret", "1", kNow + 10s),
                                             secret(scheme, "two secret", "2", kNow + 20s),
                                             secret(scheme, "a secret of no signature", "3")};
    Verified verified(scheme, secrets, delivery);
    EXPECT_EQ("1", verified->secret()->id);
    EXPECT_EQ(std::nullopt, verified->check_time(kNow + 19'999ms));
    EXPECT_EQ(Reason::bad_signature, verified->check_time(kNow + 20s));
}

TEST(CheckTime, TheOtherUnitIsToldOf) {
    const auto refused = [](TimestampUnit unit, std::string_view text) {
        const TimestampSource source{{}, unit, {5min, 5min}};
        const auto objection = check_timestamp(source, text, kNow, std::nullopt);
        return objection ? std::pair(objection->reason, objection->cause.kind)
                         : std::pair(Reason::accepted, Cause::Kind::none);
    };
    using Kind = Cause::Kind;
    EXPECT_EQ(std::pair(Reason::malformed_timestamp, Kind::time_in_milliseconds),
              refused(TimestampUnit::seconds, "1614265330000"));
    EXPECT_EQ(std::pair(Reason::stale_timestamp, Kind::time_in_seconds),
              refused(TimestampUnit::milliseconds, "1614265330"));
    EXPECT_EQ(std::pair(Reason::malformed_timestamp, Kind::header_not_a_time),
              refused(TimestampUnit::seconds, "1514265330000"));
    EXPECT_EQ(std::pair(Reason::stale_timestamp, Kind::too_old),
              refused(TimestampUnit::milliseconds, "1514265330"));
    EXPECT_EQ(std::pair(Reason::stale_timestamp, Kind::too_old),
              refused(TimestampUnit::seconds, "1614265"));
}

}  // namespace
}  // namespace webhook
