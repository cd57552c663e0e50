#include "redis/server_error.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace webhook::redis {
namespace {

// As Redis 6.2, 7.0 and 7.2 write them.
TEST(ServerError, HasAConsequence) {
    struct Row {
        std::string_view error;
        Consequence consequence;
        std::string_view text;
    };
    const std::vector<Row> rows = {
        {"NOSCRIPT No matching script. Please use EVAL.", Consequence::eval,
         "does not know a script (NOSCRIPT)"},
        {"NOSCRIPT", Consequence::eval, "does not know a script (NOSCRIPT)"},
        {"LOADING Redis is loading the dataset in memory", Consequence::later,
         "is loading its data (LOADING)"},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
         Consequence::later, "is busy with a script (BUSY)"},
        {"UNKILLABLE Sorry the script already executed write commands", Consequence::later,
         "is busy with a script that cannot be stopped (UNKILLABLE)"},
        {"CLUSTERDOWN Hash slot not served", Consequence::later,
         "is in a cluster that is down (CLUSTERDOWN)"},
        {"TRYAGAIN Multiple keys request during rehashing of slot", Consequence::later,
         "is moving keys to another server (TRYAGAIN)"},
        {"NOREPLICAS Not enough good replicas to write. script: 6e81, on @user_script:1.",
         Consequence::later, "has too few replicas to be written to (NOREPLICAS)"},
        {"MISCONF Errors writing to the AOF file: No space left on device", Consequence::later,
         "cannot write to its disk (MISCONF)"},
        {"ERR max number of clients reached", Consequence::later, "has too many clients (ERR)"},
        {"READONLY You can't write against a read only replica. script: 6e81, on @user_script:1.",
         Consequence::other_server, "is a replica (READONLY)"},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
         Consequence::other_server, "is a replica that has lost its primary (MASTERDOWN)"},
        {"OOM command not allowed when used memory > 'maxmemory'. script: 6e81, on @user_script:1.",
         Consequence::full, "has no memory left (OOM)"},
        {"NOAUTH Authentication required.", Consequence::configuration,
         "asks for a password (NOAUTH)"},
        {"WRONGPASS invalid username-password pair or user is disabled.",
         Consequence::configuration, "does not accept the user and the password (WRONGPASS)"},
        {"NOPERM this user has no permissions to access one of the keys used as arguments",
         Consequence::configuration, "does not permit its user a command or a key (NOPERM)"},
        {"ERR The user executing the script can't run this command or subcommand script: 620c, on "
         "@user_script:1.",
         Consequence::configuration, "does not permit its user a command of the scripts (ERR)"},
        {"ERR AUTH <password> called without any password configured for the default user. Are you "
         "sure your configuration is correct?",
         Consequence::configuration, "has no password for its default user (ERR)"},
        {"ERR DB index is out of range", Consequence::configuration, "has no such database (ERR)"},
        {"ERR SELECT is not allowed in cluster mode", Consequence::configuration,
         "is in a cluster, which has no database but 0 (ERR)"},
        {"ERR unknown command 'EVALSHA', with args beginning with: ", Consequence::configuration,
         "does not know a command (ERR)"},
        {"DENIED Redis is running in protected mode because", Consequence::configuration,
         "is in its protected mode (DENIED)"},
        {"CROSSSLOT Keys in request don't hash to the same slot", Consequence::failed,
         "is in a cluster that has the keys on several servers (CROSSSLOT)"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", Consequence::failed,
         "has a value of another type under a key (WRONGTYPE)"},
        {"ERR value is not an integer or out of range", Consequence::failed,
         "has answered with an error (ERR)"},
        {"SOMETHING NEW", Consequence::failed, "has answered with an error (SOMETHING)"},
        {"BUSYKEY Target key name already exists.", Consequence::failed,
         "has answered with an error (BUSYKEY)"},
        {"", Consequence::failed, "has answered with an error"},
    };
    for (const Row& row : rows) {
        const ServerError error = read_error(row.error);
        EXPECT_EQ(error.consequence, row.consequence) << row.error;
        EXPECT_EQ(error.text, row.text) << row.error;
        EXPECT_EQ(error.redirect, std::nullopt);
    }
}

TEST(ServerError, IsFoundWhereRedis62WrapsIt) {
    const std::string wrapper = "ERR Error running script (call to f_6e811b139564201b18ee3136): ";
    struct Row {
        std::string_view cause;
        Consequence consequence;
        std::string_view text;
    };
    const std::vector<Row> rows = {
        {"@user_script:1: @user_script: 1: -OOM command not allowed when used memory > "
         "'maxmemory'.",
         Consequence::full, "has no memory left (OOM)"},
        {"@user_script:7: @user_script: 7: -READONLY You can't write against a read only replica.",
         Consequence::other_server, "is a replica (READONLY)"},
        {"@user_script:1: WRONGTYPE Operation against a key holding the wrong kind of value",
         Consequence::failed, "has a value of another type under a key (WRONGTYPE)"},
        {"@user_script:1: @user_script: 1: -MISCONF Errors writing to the AOF file: No space left",
         Consequence::later, "cannot write to its disk (MISCONF)"},
        {"@user_script:1: @user_script: 1: The user executing the script can't run this command",
         Consequence::configuration, "does not permit its user a command of the scripts"},
        {"@user_script:1: something else", Consequence::failed, "has answered with an error (ERR)"},
        {"@user_script", Consequence::failed, "has answered with an error (ERR)"},
        {"", Consequence::failed, "has answered with an error (ERR)"},
    };
    for (const Row& row : rows) {
        const ServerError error = read_error(wrapper + std::string(row.cause));
        EXPECT_EQ(error.consequence, row.consequence) << row.cause;
        EXPECT_EQ(error.text, row.text) << row.cause;
    }
}

TEST(ServerError, RepeatsNothingThatMayBeOurs) {
    for (const std::string_view text :
         {"s3cret", "S3CRET", "ERR s3cret", "s3cret ERR", "ERR unknown command 's3cret'",
          "MOVED s3cret", "ERR Error running script (call to f_1): s3cret",
          "ERR Error running script (call to f_1): @user_script:1: s3cret", "AUTH\ts3cret",
          "ERR\ns3cret"}) {
        EXPECT_EQ(read_error(text).text.find("s3cret"), std::string::npos) << text;
        EXPECT_EQ(read_error(text).text.find("S3CRET"), std::string::npos) << text;
    }
    EXPECT_EQ(read_error(std::string(33, 'A')).text, "has answered with an error");
    EXPECT_EQ(read_error(std::string(32, 'A')).text,
              "has answered with an error (" + std::string(32, 'A') + ')');
}

TEST(Redirect, NamesATarget) {
    struct Row {
        std::string_view target;
        Redirect redirect;
    };
    const std::vector<Row> rows = {
        {"3999 127.0.0.1:6381", {3999, "127.0.0.1", 6381}},
        {"0 redis-1.example.com:1", {0, "redis-1.example.com", 1}},
        {"16383 2001:db8::1:65535", {16383, "2001:db8::1", 65535}},
        {"1 :6381", {1, "", 6381}},
        {"1 a:6381 more", {1, "a", 6381}},
    };
    for (const Row& row : rows) {
        const ServerError moved = read_error("MOVED " + std::string(row.target));
        EXPECT_EQ(moved.consequence, Consequence::moved) << row.target;
        EXPECT_EQ(moved.redirect, row.redirect) << row.target;
        EXPECT_EQ(moved.text, "does not have the slot of a key (MOVED)");
        const ServerError ask = read_error("ASK " + std::string(row.target));
        EXPECT_EQ(ask.consequence, Consequence::ask) << row.target;
        EXPECT_EQ(ask.redirect, row.redirect) << row.target;
        EXPECT_EQ(ask.text, "is moving the slot of a key (ASK)");
    }
}

TEST(Redirect, ToNoAddressIsAFailure) {
    const std::string long_host(254, 'h');
    for (const std::string& target :
         {std::string(), std::string("1"), std::string("1 "), std::string("1 host"),
          std::string("x host:1"), std::string("-1 host:1"), std::string("16384 host:1"),
          std::string("1 host:"), std::string("1 host:0"), std::string("1 host:65536"),
          std::string("1 host:-1"), std::string("1 host:1x"), std::string("1 ?:6381"),
          std::string("1 ho/st:1"), std::string("1 [::1]:1"), std::string("1 user@host:1"),
          std::string("1 h\nt:1"), "1 " + long_host + ":1"}) {
        const ServerError error = read_error("MOVED " + target);
        EXPECT_EQ(error.consequence, Consequence::failed) << target;
        EXPECT_EQ(error.redirect, std::nullopt) << target;
        EXPECT_EQ(error.text, "redirects to no address (MOVED)") << target;
    }
    EXPECT_TRUE(read_error("MOVED 1 " + long_host.substr(1) + ":1").redirect);
}

}  // namespace
}  // namespace webhook::redis
