#include "verify/cause.h"

#include <gtest/gtest.h>

#include <string>

#include "verify/credentials.h"

namespace webhook {
namespace {

using Kind = Cause::Kind;

TEST(Cause, NothingIsSaidWhereThereIsNothingToSay) {
    EXPECT_EQ("", text_of({}));
    EXPECT_EQ("", text_of(Refusal(Reason::internal).cause));
}

TEST(Cause, EveryKindHasItsPhrase) {
    for (int kind = 1; kind <= static_cast<int>(Kind::key_empty); ++kind) {
        const std::string text = text_of({static_cast<Kind>(kind), "X", 1, 2});
        EXPECT_NE("", text) << kind;
        EXPECT_EQ(std::string::npos, text.find_first_of("{}")) << text;
    }
}

TEST(Cause, NamesWhatItIsAbout) {
    EXPECT_EQ("the header \"x-id\" is missing", text_of({Kind::header_missing, "x-id"}));
    EXPECT_EQ("the header \"x-id\" is repeated", text_of({Kind::header_repeated, "x-id"}));
    EXPECT_EQ("the hashed URL is \"http://a/b?c\"", text_of({Kind::hashed_url, "http://a/b?c"}));
    EXPECT_EQ("the body has 1500000 bytes, \"webhook_payload_max\" is 1048576",
              text_of({Kind::body_too_large, {}, 1'500'000, 1'048'576}));
}

TEST(Cause, CountsAreNoTimes) {
    EXPECT_EQ("secrets tried: 2", text_of({Kind::no_match, {}, 2}));
    EXPECT_EQ("secrets tried: 2, length of the body: 1500",
              text_of({Kind::no_match_of_body, {}, 2, 1500}));
    EXPECT_EQ("secrets tried: 1, of others the \"not_after\" has passed, length of the body: 15",
              text_of({Kind::no_match_of_body_beside_expired, {}, 1, 15}));
}

TEST(Cause, TimesAreInWholeSecondsAndNeverLookAllowed) {
    EXPECT_EQ("400s old, 300s allowed", text_of({Kind::too_old, {}, 400'000, 300'000}));
    EXPECT_EQ("301s old, 300s allowed", text_of({Kind::too_old, {}, 300'001, 300'000}));
    EXPECT_EQ("61s ahead of this clock, 60s allowed",
              text_of({Kind::too_early, {}, 60'001, 60'000}));
}

TEST(Cause, NothingBreaksOutOfTheLine) {
    const std::string text = text_of({Kind::hashed_url, "http://a/\r\n\"\\\x1b\x80 b"});
    EXPECT_EQ(R"(the hashed URL is "http://a/\x0d\x0a\x22\x5c\x1b\x80 b")", text);
    EXPECT_GT(600U, text_of({Kind::hashed_url, std::string(5000, 'u')}).size());
    EXPECT_GT(2200U, text_of({Kind::method, std::string(5000, '\n')}).size());
}

TEST(Cause, ATimestampTellsHowFarItIsOff) {
    using namespace std::chrono_literals;
    const TimestampSource source{{}, TimestampUnit::seconds, {5min, 1min}, false};
    const auto told = [&](Milliseconds now) {
        const auto objection = check_timestamp(source, "1000000", now, std::nullopt);
        return objection ? text_of(objection->cause) : "fresh";
    };
    EXPECT_EQ("fresh", told(1'000'300s));
    EXPECT_EQ("400s old, 300s allowed", told(1'000'400s));
    EXPECT_EQ("100s ahead of this clock, 60s allowed", told(999'900s));
}

}  // namespace
}  // namespace webhook
