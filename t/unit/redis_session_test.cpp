#include "redis/session.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace webhook::redis {
namespace {

using State = Session::State;

constexpr std::string_view kMaster = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";

std::vector<std::vector<std::string>> commands_of(const Login& login) {
    std::string bytes;
    Session::append_commands(bytes, login);
    ReplyReader reader;
    reader.feed(bytes);
    std::vector<std::vector<std::string>> commands;
    while (const auto command = reader.next()) {
        commands.emplace_back();
        for (const Reply& word : command->elements) commands.back().push_back(word.text);
    }
    return commands;
}

// The session after these replies; each but the last leaves it talking.
Session session_after(const Login& login, std::string_view replies) {
    Session session(login);
    ReplyReader reader;
    reader.feed(replies);
    while (const auto reply = reader.next()) {
        EXPECT_EQ(session.state(), State::talking) << replies;
        session.take(*reply);
    }
    return session;
}

TEST(RedisSession, SendsWhatItNeeds) {
    using Commands = std::vector<std::vector<std::string>>;
    EXPECT_EQ(commands_of({"", "", 0}), (Commands{{"ROLE"}}));
    EXPECT_EQ(commands_of({"", "s3cret", 0}), (Commands{{"AUTH", "s3cret"}, {"ROLE"}}));
    EXPECT_EQ(commands_of({"gate", "s3 cret", 0}),
              (Commands{{"AUTH", "gate", "s3 cret"}, {"ROLE"}}));
    EXPECT_EQ(commands_of({"", "", 3}), (Commands{{"SELECT", "3"}, {"ROLE"}}));
    EXPECT_EQ(commands_of({"gate", "x", 65535}),
              (Commands{{"AUTH", "gate", "x"}, {"SELECT", "65535"}, {"ROLE"}}));
    EXPECT_EQ(commands_of({"gate", "", 0}), (Commands{{"ROLE"}}));
}

TEST(RedisSession, IsReadyAfterARole) {
    const std::string master(kMaster);
    for (const std::string& replies : {master, std::string("*1\r\n$7\r\nprimary\r\n")}) {
        const Session session = session_after({"", "", 0}, replies);
        EXPECT_EQ(session.state(), State::ready) << replies;
        EXPECT_EQ(session.remark(), "");
    }
    EXPECT_EQ(session_after({"", "x", 0}, "+OK\r\n").state(), State::talking);
    EXPECT_EQ(session_after({"", "x", 0}, "+OK\r\n" + master).state(), State::ready);
    EXPECT_EQ(session_after({"", "", 1}, "+OK\r\n" + master).state(), State::ready);
    EXPECT_EQ(session_after({"", "x", 1}, "+OK\r\n+OK\r\n").state(), State::talking);
    EXPECT_EQ(session_after({"", "x", 1}, "+OK\r\n+OK\r\n" + master).state(), State::ready);
}

TEST(RedisSession, IsReadyWithARemark) {
    struct Row {
        std::string_view reply;
        std::string_view remark;
    };
    for (const Row& row : {
             Row{"-NOPERM this user has no permissions to run the 'role' command\r\n",
                 "does not permit its user a command or a key (NOPERM): it may be a replica"},
             Row{"-ERR unknown command 'ROLE', with args beginning with: \r\n",
                 "does not know a command (ERR): it may be a replica"},
             Row{"*1\r\n$4\r\nking\r\n", "has a role that is not known: it may be a replica"},
         }) {
        const Session session = session_after({"", "", 0}, row.reply);
        EXPECT_EQ(session.state(), State::ready) << row.reply;
        EXPECT_EQ(session.remark(), row.remark);
    }
}

TEST(RedisSession, FailsInWords) {
    struct Row {
        Login login;
        std::string_view replies;
        Consequence consequence;
        std::string_view text;
    };
    const std::vector<Row> rows = {
        {{"", "x", 0},
         "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
         Consequence::configuration,
         "does not accept the user and the password (WRONGPASS)"},
        {{"", "x", 0},
         "-ERR AUTH <password> called without any password configured for the default user.\r\n",
         Consequence::configuration,
         "has no password for its default user (ERR)"},
        {{"", "x", 0}, "+QUEUED\r\n", Consequence::failed, "has answered AUTH in an unknown way"},
        {{"", "x", 0}, "$2\r\nOK\r\n", Consequence::failed, "has answered AUTH in an unknown way"},
        {{"", "x", 1},
         "+OK\r\n-ERR DB index is out of range\r\n",
         Consequence::configuration,
         "has no such database (ERR)"},
        {{"", "x", 1},
         "+OK\r\n:1\r\n",
         Consequence::failed,
         "has answered SELECT in an unknown way"},
        {{"", "", 0},
         "-NOAUTH Authentication required.\r\n",
         Consequence::configuration,
         "asks for a password (NOAUTH)"},
        {{"", "", 0},
         "-LOADING Redis is loading\r\n",
         Consequence::later,
         "is loading its data (LOADING)"},
        {{"", "", 0},
         "-MOVED 1 host:1\r\n",
         Consequence::failed,
         "does not have the slot of a key (MOVED)"},
        {{"", "", 0},
         "-ASK 1 host:1\r\n",
         Consequence::failed,
         "is moving the slot of a key (ASK)"},
        {{"", "", 0}, "-NOSCRIPT\r\n", Consequence::failed, "does not know a script (NOSCRIPT)"},
        {{"", "", 0},
         "*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$7\r\nconnect\r\n:-1\r\n",
         Consequence::other_server,
         "is a replica"},
        {{"", "", 0}, "*1\r\n$7\r\nreplica\r\n", Consequence::other_server, "is a replica"},
        {{"", "", 0},
         "*2\r\n$8\r\nsentinel\r\n*0\r\n",
         Consequence::configuration,
         "is a Sentinel, which has no data"},
        {{"", "", 0}, "*0\r\n", Consequence::failed, "has answered ROLE in an unknown way"},
        {{"", "", 0}, "*1\r\n:1\r\n", Consequence::failed, "has answered ROLE in an unknown way"},
        {{"", "", 0},
         "*1\r\n-master\r\n",
         Consequence::failed,
         "has answered ROLE in an unknown way"},
        {{"", "", 0}, "+master\r\n", Consequence::failed, "has answered ROLE in an unknown way"},
        {{"", "", 0}, "$-1\r\n", Consequence::failed, "has answered ROLE in an unknown way"},
    };
    for (const Row& row : rows) {
        const Session session = session_after(row.login, row.replies);
        EXPECT_EQ(session.state(), State::failed) << row.replies;
        EXPECT_EQ(session.consequence(), row.consequence) << row.replies;
        EXPECT_EQ(session.text(), row.text) << row.replies;
        EXPECT_EQ(session.remark(), "");
    }
}

}  // namespace
}  // namespace webhook::redis
