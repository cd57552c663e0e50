#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "delivery.h"
#include "scheme/presets.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::Delivery;
using testing::flipped;
using testing::judge;
using testing::Judgement;
using testing::kBad;
using testing::secret;

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

}  // namespace
}  // namespace webhook
