// The scripts, and the model of them that other tests use, against a real server. Without one
// (Debian: redis-server), these tests are skipped.

#include "redis/scripts.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "process_fixture.h"
#include "redis/claims.h"
#include "redis/server_error.h"
#include "redis/session.h"
#include "redis_model.h"

namespace webhook::redis {
namespace {

using Kind = Reply::Kind;

// A server with a socket in a directory of its own, and a connection to it.
class Server {
  public:
    Server()
        : process_([this] {
              dup2(output_[1], STDOUT_FILENO);
              const std::string socket = path();
              execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket.c_str(),
                     "--save", "", "--dir", folder_.path().c_str(), nullptr);
              return false;
          }) {
        close(output_[1]);
        is_running_ = await("eady to accept connections");
        if (is_running_) connect_to_it();
    }
    ~Server() {
        close(output_[0]);
        close(connection_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    bool is_running() const { return is_running_; }

    Reply ask(std::string_view command) {
        if (send(connection_, command.data(), command.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(command.size())) {
            throw std::runtime_error("cannot send");
        }
        while (true) {
            if (auto reply = reader_.next()) return *reply;
            std::array<char, 4096> bytes;
            const ssize_t size = read(connection_, bytes.data(), bytes.size());
            if (size <= 0) throw std::runtime_error("the server has hung up");
            reader_.feed({bytes.data(), static_cast<std::size_t>(size)});
        }
    }
    Reply ask(std::initializer_list<std::string_view> words) {
        std::string command;
        append_command(command, std::span(words.begin(), words.size()));
        return ask(command);
    }

    void connect_to_it() {
        close(connection_);
        reader_ = ReplyReader();
        connection_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        if (connect(connection_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0) {
            throw std::runtime_error("cannot connect");
        }
    }

  private:
    std::string path() const { return folder_.file("redis.sock"); }

    // Whether the server says so before it ends.
    bool await(std::string_view words) const {
        std::string said;
        char byte = 0;
        while (said.find(words) == std::string::npos && read(output_[0], &byte, 1) == 1) {
            said += byte;
        }
        return said.find(words) != std::string::npos;
    }

    static std::array<int, 2> new_pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        return ends;
    }

    testing::Folder folder_;
    std::array<int, 2> output_ = new_pipe();
    testing::Child process_;
    int connection_ = -1;
    bool is_running_ = false;
    ReplyReader reader_;
};

EventKey key_of(std::size_t number) {
    EventKey key{};
    key.bytes.back() = static_cast<std::uint8_t>(number);
    return key;
}

std::string by_name(const Call& call) {
    std::string command;
    append_evalsha(command, call);
    return command;
}
std::string by_text(const Call& call) {
    std::string command;
    append_eval(command, call);
    return command;
}

class RedisScripts : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!server_.is_running()) GTEST_SKIP() << "no redis-server";
    }

    // By the script's text, so that each call is known.
    Reply claim(std::string_view token, Milliseconds lease, std::size_t number = 1) {
        const std::array keys{key_of(number)};
        return server_.ask(by_text(claim_call({"z", keys}, token, lease)));
    }

    Server server_;
};

// The same but for times, which pass in one of them.
void expect_similar(const Reply& real, const Reply& model, const Call& call) {
    constexpr std::int64_t kMostDifference = 5'000;
    ASSERT_EQ(real.kind, model.kind) << info(call.script).name << ' ' << real.text;
    ASSERT_EQ(real.text, model.text);
    ASSERT_EQ(real.elements.size(), model.elements.size()) << info(call.script).name;
    if (model.kind == Kind::integer && model.integer > kMostDifference) {
        ASSERT_LE(real.integer, model.integer);
        ASSERT_GT(real.integer, model.integer - kMostDifference);
    } else {
        ASSERT_EQ(real.integer, model.integer) << info(call.script).name;
    }
    for (std::size_t i = 0; i < model.elements.size(); ++i) {
        expect_similar(real.elements[i], model.elements[i], call);
    }
}

// Leases differ by more than the test takes, so that both find the same one to be the longest.
TEST_F(RedisScripts, DoWhatTheModelDoes) {
    std::mt19937 random(20'260'101);
    const auto below = [&random](std::size_t bound) { return random() % bound; };
    RedisModel model;
    for (int step = 0; step < 4'000; ++step) {
        std::vector<EventKey> keys;
        for (std::size_t left = 1 + below(3); left > 0; --left) keys.push_back(key_of(below(12)));
        const std::string token = token_text(1, {{1, 1}, below(6)});
        const Milliseconds time(20'000 * (step + 1));
        const std::array calls = {
            claim_call({"z", keys}, token, time), commit_call({"z", keys}, token, 201, time),
            release_call({"z", keys}, token), renew_call({"z", keys}, token, time)};
        // Few are committed, since that is the end of an event.
        const Call& call = calls[below(8) == 0 ? 1 : std::array{0, 2, 3}[below(3)]];
        const std::string command = below(2) == 0 ? by_name(call) : by_text(call);
        ReplyReader reader;
        reader.feed(model.answer(command, Milliseconds(0)));
        expect_similar(server_.ask(command), reader.next().value(), call);
        if (HasFatalFailure()) return;
        if (below(60) == 0) {
            model.flush();
            server_.ask({"FLUSHALL"});
        }
        if (below(60) == 0) {
            model.forget_scripts();
            server_.ask({"SCRIPT", "FLUSH"});
        }
    }
}

TEST_F(RedisScripts, LetALeaseEnd) {
    claim("a", Milliseconds(1));
    while (parse_claim(claim("b", Milliseconds(60'000)), 1)->outcome == ClaimOutcome::in_flight) {
    }
    const auto answer = parse_claim(claim("a", Milliseconds(60'000)), 1);
    EXPECT_EQ(answer->outcome, ClaimOutcome::in_flight);
    EXPECT_EQ(answer->holder, "b");
    EXPECT_GT(answer->left, Milliseconds(50'000));
}

TEST_F(RedisScripts, AreUnknownToANewServer) {
    const std::array keys{key_of(1)};
    const Call call = release_call({"z", keys}, "a");
    const Reply unknown = server_.ask(by_name(call));
    EXPECT_EQ(read_error(unknown.text).consequence, Consequence::eval) << unknown.text;
    EXPECT_EQ(parse_count(server_.ask(by_text(call)), 1), 0);
    EXPECT_EQ(parse_count(server_.ask(by_name(call)), 1), 0);
}

TEST_F(RedisScripts, CopeWithValuesOfStrangers) {
    const std::string name = key_name("z", key_of(1));
    const std::string long_value = 'X' + std::string(100'000, 'x');
    server_.ask({"SET", name, long_value});
    const auto answer = parse_claim(claim("a", Milliseconds(60'000)), 1);
    EXPECT_EQ(answer, (ClaimAnswer{ClaimOutcome::in_flight, 0, std::nullopt,
                                   std::string(kTokenTextSize, 'x')}));
    server_.ask({"SET", name, ""});
    EXPECT_EQ(parse_claim(claim("a", Milliseconds(60'000)), 1)->outcome, ClaimOutcome::in_flight);
    server_.ask({"SET", name, "Dxyz"});
    EXPECT_EQ(parse_claim(claim("a", Milliseconds(60'000)), 1), std::nullopt);
    server_.ask({"DEL", name});
    server_.ask({"LPUSH", name, "x"});
    const Reply error = claim("a", Milliseconds(60'000));
    EXPECT_EQ(error.kind, Kind::error);
    EXPECT_EQ(read_error(error.text).text, "has a value of another type under a key (WRONGTYPE)");
}

TEST_F(RedisScripts, TellWhyTheServerDoesNotWrite) {
    struct Row {
        std::vector<std::string_view> before;
        std::vector<std::string_view> after;
        Consequence consequence;
    };
    const std::vector<Row> rows = {
        {{"CONFIG", "SET", "maxmemory", "1"},
         {"CONFIG", "SET", "maxmemory", "0"},
         Consequence::full},
        {{"CONFIG", "SET", "min-replicas-to-write", "1"},
         {"CONFIG", "SET", "min-replicas-to-write", "0"},
         Consequence::later},
        // Nobody listens there.
        {{"REPLICAOF", "127.0.0.1", "1"}, {"REPLICAOF", "NO", "ONE"}, Consequence::other_server},
        {{"ACL", "SETUSER", "default", "-set"},
         {"ACL", "SETUSER", "default", "+set"},
         Consequence::configuration},
        {{"ACL", "SETUSER", "default", "resetkeys"},
         {"ACL", "SETUSER", "default", "~wh:*"},
         Consequence::configuration},
    };
    const auto ask = [this](const std::vector<std::string_view>& words) {
        std::string command;
        append_command(command, words);
        return server_.ask(command);
    };
    for (const Row& row : rows) {
        EXPECT_EQ(ask(row.before).text, "OK");
        const Reply error = claim("a", Milliseconds(60'000));
        EXPECT_EQ(error.kind, Kind::error) << row.before[1];
        EXPECT_EQ(read_error(error.text).consequence, row.consequence) << error.text;
        EXPECT_EQ(ask(row.after).text, "OK");
        EXPECT_TRUE(parse_claim(claim("a", Milliseconds(60'000)), 1)) << row.before[1];
    }
}

TEST_F(RedisScripts, NeedNoMorePermissionsThanThese) {
    server_.ask({"ACL", "SETUSER", "gate", "on", ">s3cret", "~wh:*", "+eval", "+evalsha", "+get",
                 "+set", "+del", "+pttl", "+pexpire", "+role", "+select"});
    server_.ask({"AUTH", "gate", "s3cret"});
    const std::array keys = {key_of(1)};
    const Milliseconds lease(60'000);
    EXPECT_TRUE(
        parse_claim(server_.ask(by_text(claim_call({"z", keys}, "a", lease))), keys.size()));
    EXPECT_TRUE(
        parse_claim(server_.ask(by_text(claim_call({"z", keys}, "b", lease))), keys.size()));
    EXPECT_EQ(parse_count(server_.ask(by_text(renew_call({"z", keys}, "a", lease))), 1), 1);
    EXPECT_EQ(parse_count(server_.ask(by_text(release_call({"z", keys}, "a"))), 1), 1);
    EXPECT_EQ(parse_count(server_.ask(by_text(commit_call({"z", keys}, "a", 200, lease))), 1), 1);
    EXPECT_TRUE(
        parse_claim(server_.ask(by_text(claim_call({"z", keys}, "b", lease))), keys.size()));
}

class RedisLogin : public RedisScripts {
  protected:
    Session log_in(const Login& login) {
        server_.connect_to_it();
        std::string commands;
        Session::append_commands(commands, login);
        Session session(login);
        session.take(server_.ask(commands));
        while (session.state() == Session::State::talking) session.take(server_.ask(""));
        return session;
    }
};

TEST_F(RedisLogin, EndsAsTheServerWants) {
    EXPECT_EQ(log_in({"", "", 0}).state(), Session::State::ready);
    EXPECT_EQ(log_in({"", "", 15}).state(), Session::State::ready);
    EXPECT_EQ(log_in({"", "", 16}).text(), "has no such database (ERR)");
    EXPECT_EQ(log_in({"", "x", 0}).text(), "has no password for its default user (ERR)");
    EXPECT_EQ(log_in({"gate", "x", 0}).text(),
              "does not accept the user and the password (WRONGPASS)");
    server_.connect_to_it();
    server_.ask({"REPLICAOF", "127.0.0.1", "1"});
    EXPECT_EQ(log_in({"", "", 0}).text(), "is a replica");
    server_.ask({"REPLICAOF", "NO", "ONE"});
    server_.ask({"ACL", "SETUSER", "gate", "on", ">s3cret", "~wh:*", "+select"});
    const Session session = log_in({"gate", "s3cret", 1});
    EXPECT_EQ(session.state(), Session::State::ready);
    EXPECT_EQ(session.remark(),
              "does not permit its user a command or a key (NOPERM): it may be a replica");
    server_.connect_to_it();
    server_.ask({"CONFIG", "SET", "requirepass", "s3cret"});
    EXPECT_EQ(log_in({"", "", 0}).text(), "asks for a password (NOAUTH)");
    EXPECT_EQ(log_in({"", "wrong", 0}).text(),
              "does not accept the user and the password (WRONGPASS)");
    EXPECT_EQ(log_in({"", "s3cret", 0}).state(), Session::State::ready);
}

}  // namespace
}  // namespace webhook::redis
