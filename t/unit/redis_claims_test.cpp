#include "redis/claims.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "redis/server_error.h"
#include "redis/slots.h"
#include "redis_model.h"

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

constexpr NodeId kNode = 0x0123'4567'89ab'cdef;
constexpr ClaimToken kToken{{0x1a2b3c4d, 7}, 0xfedc'ba98'7654'3210};
constexpr std::string_view kTokenText = "0123456789abcdef1a2b3c4d00000007fedcba9876543210";
constexpr std::string_view kHex = "00112233445566778899aabbccddeeff";
constexpr EventKey kKey{{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                         0xcc, 0xdd, 0xee, 0xff}};
const std::array kOneKey = {kKey};

EventKey key_of(std::uint8_t number) {
    EventKey key{};
    key.bytes.back() = number;
    return key;
}

Reply integer(std::int64_t number) {
    return {Kind::integer, number, {}, {}};
}
Reply bulk(std::string_view text) {
    return {Kind::bulk, 0, std::string(text), {}};
}
Reply array(std::vector<Reply> elements) {
    return {Kind::array, 0, {}, std::move(elements)};
}
Reply error(std::string_view text) {
    return {Kind::error, 0, std::string(text), {}};
}

TEST(RedisToken, IsReadAsItIsWritten) {
    EXPECT_EQ(token_text(kNode, kToken), kTokenText);
    EXPECT_EQ(own_token(kNode, kTokenText), kToken);
    EXPECT_EQ(token_text(0, {}), std::string(kTokenTextSize, '0'));
    const ClaimToken largest{{0xffffffff, 0xffffffff}, 0xffff'ffff'ffff'ffff};
    EXPECT_EQ(own_token(~NodeId{0}, token_text(~NodeId{0}, largest)), largest);
}

TEST(RedisToken, OfAnotherNodeIsNotOurs) {
    EXPECT_EQ(own_token(kNode + 1, kTokenText), std::nullopt);
    EXPECT_EQ(own_token(0, kTokenText), std::nullopt);
    for (std::size_t at = 0; at < kTokenTextSize; ++at) {
        for (const char wrong : {'g', 'A', ' ', '-', '+', '\0'}) {
            std::string text(kTokenText);
            text[at] = wrong;
            EXPECT_EQ(own_token(kNode, text), std::nullopt) << text;
        }
        EXPECT_EQ(own_token(kNode, kTokenText.substr(0, at)), std::nullopt);
    }
    EXPECT_EQ(own_token(kNode, std::string(kTokenText) + '0'), std::nullopt);
}

TEST(RedisKey, SharesASlotWithTheOthersOfItsEndpoint) {
    const std::string hex(kHex);
    EXPECT_EQ(key_name("events", kKey), "wh:events:{" + hex.substr(0, 8) + "}:" + hex.substr(8));
    const auto slot = [](std::string_view endpoint, std::string_view value) {
        return key_slot(key_name("events", event_key(endpoint, "id", value)));
    };
    EXPECT_EQ(slot("github", "1"), slot("github", "2"));
    EXPECT_NE(slot("github", "1"), slot("stripe", "1"));
}

TEST(RedisCall, HasTheWordsOfItsScript) {
    const std::vector<EventKey> keys = {kKey, key_of(1)};
    const std::vector<std::string> names = {key_name("z", kKey), key_name("z", key_of(1))};
    const std::string token(kTokenText);
    EXPECT_EQ(claim_call({"z", keys}, token, Milliseconds(20'000)),
              (Call{Script::claim, names, {token, "20000"}}));
    EXPECT_EQ(commit_call({"z", keys}, token, 204, Milliseconds(86'400'000)),
              (Call{Script::commit, names, {token, "204", "86400000"}}));
    EXPECT_EQ(release_call({"z", keys}, token), (Call{Script::release, names, {token}}));
    EXPECT_EQ(renew_call({"z", keys}, token, Milliseconds(1)),
              (Call{Script::renew, names, {token, "1"}}));
}

TEST(RedisCall, HasNoNumberThatTheServerRefuses) {
    const auto time_of = [](Milliseconds time) {
        return renew_call({"z", kOneKey}, kTokenText, time).arguments.back();
    };
    EXPECT_EQ(time_of(Milliseconds(0)), "1");
    EXPECT_EQ(time_of(Milliseconds(-5)), "1");
    EXPECT_EQ(time_of(Milliseconds::max()), "10000000000000");
    const auto status_of = [](std::uint16_t status) {
        return commit_call({"z", kOneKey}, kTokenText, status, Milliseconds(1)).arguments[1];
    };
    EXPECT_EQ(status_of(0), "200");
    EXPECT_EQ(status_of(299), "299");
    EXPECT_EQ(status_of(65535), "299");
}

TEST(RedisCall, IsSentByNameOrByText) {
    const Call call = release_call({"z", kOneKey}, kTokenText);
    std::string by_name;
    append_evalsha(by_name, call);
    const std::string key_and_token = "$1\r\n1\r\n$40\r\n" + key_name("z", kKey) + "\r\n$48\r\n" +
                                      std::string(kTokenText) + "\r\n";
    EXPECT_EQ(by_name,
              "*5\r\n$7\r\nEVALSHA\r\n$40\r\n" + sha1_of(Script::release) + "\r\n" + key_and_token);
    std::string by_text;
    append_eval(by_text, call);
    const std::string text(info(Script::release).text);
    EXPECT_EQ(by_text, "*5\r\n$4\r\nEVAL\r\n$" + std::to_string(text.size()) + "\r\n" + text +
                           "\r\n" + key_and_token);
}

TEST(RedisScript, HasADifferentNameEach) {
    std::set<std::string> hashes;
    for (std::size_t i = 0; i < kScriptCount; ++i) {
        const auto script = static_cast<Script>(i);
        hashes.insert(sha1_of(script));
        EXPECT_EQ(sha1_of(script).size(), 40);
        // Every argument is used, and none beyond them.
        for (std::size_t argument = 1; argument < 5; ++argument) {
            const std::string word = "ARGV[" + std::to_string(argument) + ']';
            EXPECT_EQ(info(script).text.find(word) != std::string_view::npos,
                      argument <= info(script).arguments)
                << info(script).name << ' ' << word;
        }
    }
    EXPECT_EQ(hashes.size(), kScriptCount);
}

TEST(RedisAnswer, OfAClaimIsRead) {
    const auto granted = parse_claim(array({integer(0)}), 1);
    ASSERT_TRUE(granted);
    EXPECT_EQ(*granted, ClaimAnswer{});
    EXPECT_EQ(granted->outcome, ClaimOutcome::claimed);
    EXPECT_EQ(parse_claim(array({integer(1), integer(204), integer(5000), integer(2)}), 2),
              (ClaimAnswer{ClaimOutcome::duplicate, 204, Milliseconds(5000), "", 1}));
    EXPECT_EQ(parse_claim(array({integer(1), integer(200), integer(0), integer(1)}), 1),
              (ClaimAnswer{ClaimOutcome::duplicate, 200, Milliseconds(0), ""}));
    EXPECT_EQ(parse_claim(array({integer(1), integer(299), integer(-1), integer(1)}), 1),
              (ClaimAnswer{ClaimOutcome::duplicate, 299, std::nullopt, ""}));
    EXPECT_EQ(
        parse_claim(array({integer(2), integer(19'000), bulk(kTokenText)}), 1),
        (ClaimAnswer{ClaimOutcome::in_flight, 0, Milliseconds(19'000), std::string(kTokenText)}));
    EXPECT_EQ(parse_claim(array({integer(2), integer(-1), bulk("")}), 1),
              (ClaimAnswer{ClaimOutcome::in_flight, 0, std::nullopt, ""}));
}

TEST(RedisAnswer, OfAnotherShapeIsNone) {
    const Reply simple{Kind::simple, 0, "0", {}};
    for (const Reply& reply : {
             Reply{},
             integer(0),
             bulk("0"),
             simple,
             error("ERR"),
             array({}),
             array({bulk("0")}),
             array({Reply{}}),
             array({integer(-1)}),
             array({integer(3)}),
             array({integer(0), integer(0)}),
             array({array({integer(0)})}),
             array({integer(1)}),
             array({integer(1), integer(200)}),
             array({integer(1), integer(200), integer(1)}),
             array({integer(1), integer(200), integer(1), integer(0)}),
             array({integer(1), integer(200), integer(1), integer(3)}),
             array({integer(1), integer(200), integer(1), bulk("1")}),
             array({integer(1), integer(200), integer(1), integer(1), integer(1)}),
             array({integer(1), integer(199), integer(1), integer(1)}),
             array({integer(1), integer(300), integer(1), integer(1)}),
             array({integer(1), integer(65736), integer(1), integer(1)}),
             array({integer(1), integer(200), integer(-2), integer(1)}),
             array({integer(1), integer(200), integer(10'000'000'000'001), integer(1)}),
             array({integer(1), bulk("200"), integer(1), integer(1)}),
             array({integer(1), integer(200), bulk("1"), integer(1)}),
             array({integer(1), integer(200), Reply{}, integer(1)}),
             array({integer(2), integer(1)}),
             array({integer(2), integer(-2), bulk("x")}),
             array({integer(2), integer(1), integer(1)}),
             array({integer(2), integer(1), Reply{}}),
             array({integer(2), integer(1), error("x")}),
             array({integer(2), integer(1), bulk(std::string(49, '0'))}),
         }) {
        EXPECT_EQ(parse_claim(reply, 2), std::nullopt);
    }
}

TEST(RedisAnswer, IsANumberOfKeys) {
    EXPECT_EQ(parse_count(integer(0), 1), 0);
    EXPECT_EQ(parse_count(integer(1), 1), 1);
    EXPECT_EQ(parse_count(integer(8), 8), 8);
    for (const Reply& reply : {integer(2), integer(-1), bulk("1"), Reply{}, array({integer(1)})}) {
        EXPECT_EQ(parse_count(reply, 1), std::nullopt);
    }
}

// A node of a fleet, before a server that is a model.
class Fleet : public testing::Test {
  protected:
    Reply send(const Call& call) {
        std::string command;
        append_evalsha(command, call);
        Reply reply = read(server_.answer(command, now_));
        if (reply.kind != Kind::error) return reply;
        EXPECT_EQ(read_error(reply.text).consequence, Consequence::eval);
        command.clear();
        append_eval(command, call);
        return read(server_.answer(command, now_));
    }

    ClaimAnswer claim(std::string_view token, const std::vector<EventKey>& keys) {
        const auto answer = parse_claim(send(claim_call({"z", keys}, token, kLease)), keys.size());
        EXPECT_TRUE(answer);
        return answer.value_or(ClaimAnswer{});
    }
    std::size_t commit(std::string_view token, const std::vector<EventKey>& keys) {
        return count(commit_call({"z", keys}, token, 200, kRemembered));
    }
    std::size_t release(std::string_view token, const std::vector<EventKey>& keys) {
        return count(release_call({"z", keys}, token));
    }
    std::size_t renew(std::string_view token, const std::vector<EventKey>& keys) {
        return count(renew_call({"z", keys}, token, kLease));
    }

    static constexpr Milliseconds kLease{20'000};
    static constexpr Milliseconds kRemembered{86'400'000};
    RedisModel server_;
    Milliseconds now_{1'000'000};

  private:
    static Reply read(std::string_view bytes) {
        ReplyReader reader;
        reader.feed(bytes);
        return reader.next().value();
    }

    std::size_t count(const Call& call) {
        const auto number = parse_count(send(call), call.keys.size());
        EXPECT_TRUE(number);
        return number.value_or(0);
    }
};

TEST_F(Fleet, DeliversAnEventOnce) {
    EXPECT_EQ(claim("a", {kKey}).outcome, ClaimOutcome::claimed);
    now_ += Milliseconds(1'000);
    EXPECT_EQ(claim("b", {kKey}),
              (ClaimAnswer{ClaimOutcome::in_flight, 0, Milliseconds(19'000), "a"}));
    EXPECT_EQ(commit("a", {kKey}), 0);
    EXPECT_EQ(claim("b", {kKey}), (ClaimAnswer{ClaimOutcome::duplicate, 200, kRemembered, ""}));
    EXPECT_EQ(commit("a", {kKey}), 0) << "sent again";
    EXPECT_EQ(release("b", {kKey}), 0);
    now_ += kRemembered;
    EXPECT_EQ(claim("b", {kKey}).outcome, ClaimOutcome::claimed);
}

TEST_F(Fleet, NamesTheHolderThatHoldsLongest) {
    claim("a", {key_of(1)});
    now_ += Milliseconds(1);
    claim("b", {key_of(2)});
    EXPECT_EQ(claim("c", {key_of(1), key_of(2), key_of(3)}).holder, "b");
    EXPECT_EQ(claim("c", {key_of(2), key_of(1), key_of(3)}).holder, "b");
    EXPECT_EQ(claim("d", {key_of(3)}).outcome, ClaimOutcome::claimed) << "all keys, or none";
}

TEST_F(Fleet, LetsADeliveredEventWinOverAnyClaim) {
    claim("a", {kKey});
    now_ += kLease;
    EXPECT_EQ(renew("a", {kKey}), 0) << "the lease is over";
    EXPECT_EQ(claim("b", {kKey}).outcome, ClaimOutcome::claimed);
    EXPECT_EQ(commit("a", {kKey}), 1) << "its claim is lost";
    EXPECT_EQ(release("b", {kKey}), 0);
    EXPECT_EQ(claim("c", {kKey}).outcome, ClaimOutcome::duplicate);
    EXPECT_EQ(claim("c", {key_of(1), kKey}).key, 1U) << "which one";
    EXPECT_EQ(commit("b", {kKey}), 0) << "it is remembered already";
}

TEST_F(Fleet, SendsTheTextToAServerThatHasForgottenTheScripts) {
    EXPECT_EQ(claim("a", {kKey}).outcome, ClaimOutcome::claimed);
    server_.forget_scripts();
    EXPECT_EQ(renew("a", {kKey}), 1);
    EXPECT_EQ(release("a", {kKey}), 1);
}

// Deliveries at random, each by a node of its own, and each call perhaps sent again.
class RandomFleet : public Fleet {
  protected:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    std::vector<EventKey> some_keys() {
        const auto first = static_cast<std::uint8_t>(below(50));
        std::vector<EventKey> keys = {key_of(first)};
        if (below(3) == 0) keys.push_back(key_of(static_cast<std::uint8_t>(first + 1 + below(5))));
        return keys;
    }

    void arrive(const std::string& token) {
        const std::vector<EventKey> keys = some_keys();
        const ClaimAnswer answer = claim(token, keys);
        if (answer.outcome == ClaimOutcome::in_flight) {
            EXPECT_TRUE(holders_.contains(answer.holder));
        }
        if (answer.outcome != ClaimOutcome::claimed) return;
        for (const EventKey& key : keys) {
            EXPECT_FALSE(delivered_.contains(key.bytes.back())) << "is delivered again";
            for (const auto& [holder, held] : holders_) {
                EXPECT_EQ(std::ranges::count(held, key), 0) << "is held by " << holder;
            }
        }
        holders_[token] = keys;
    }

    void end_one() {
        const auto at = std::next(holders_.begin(), static_cast<long>(below(holders_.size())));
        const auto [token, keys] = *at;
        holders_.erase(at);
        EXPECT_EQ(renew(token, keys), keys.size());
        if (below(2) == 0) {
            EXPECT_EQ(claim(token, keys).outcome, ClaimOutcome::claimed);
        }
        const bool is_accepted = below(2) == 0;
        if (is_accepted) {
            EXPECT_EQ(commit(token, keys), 0);
            for (const EventKey& key : keys) delivered_.insert(key.bytes.back());
        } else {
            EXPECT_EQ(release(token, keys), keys.size());
        }
        if (below(2) == 0) {
            EXPECT_EQ(is_accepted ? commit(token, keys) : release(token, keys), 0);
        }
    }

    void forget_all() {
        server_.flush();
        holders_.clear();
        delivered_.clear();
    }

    std::map<std::string, std::vector<EventKey>> holders_;
    std::set<std::uint8_t> delivered_;

  private:
    std::mt19937 random_{20'260'101};
};

// As long as leases hold, whatever is repeated, an event is delivered by one of them, once.
TEST_F(RandomFleet, DeliversAnEventOnce) {
    for (int step = 0; step < 20'000; ++step) {
        arrive(std::to_string(step));
        while (holders_.size() > below(8)) end_one();
        if (below(100) == 0) forget_all();
        if (below(50) == 0) server_.forget_scripts();
    }
}

}  // namespace
}  // namespace webhook::redis
