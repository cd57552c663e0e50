#include "queue/target_url.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace webhook {
namespace {

std::string refusal(const std::string& url) {
    try {
        parse_target_url(url);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

TEST(TargetUrl, Hosts) {
    EXPECT_EQ(parse_target_url("http://ci.internal"),
              (TargetUrl{"ci.internal", 80, "", "/", "ci.internal"}));
    EXPECT_EQ(parse_target_url("http://127.0.0.1:9100/audit?a=b"),
              (TargetUrl{"127.0.0.1", 9100, "", "/audit?a=b", "127.0.0.1:9100"}));
    EXPECT_EQ(parse_target_url("http://[::1]:8080/x"),
              (TargetUrl{"::1", 8080, "", "/x", "[::1]:8080"}));
    EXPECT_EQ(parse_target_url("http://[::1]"), (TargetUrl{"::1", 80, "", "/", "[::1]"}));
    EXPECT_EQ(parse_target_url("http://host?q"), (TargetUrl{"host", 80, "", "/?q", "host"}));
    EXPECT_EQ(parse_target_url("http://host/a:b@c"), (TargetUrl{"host", 80, "", "/a:b@c", "host"}));
}

TEST(TargetUrl, Sockets) {
    EXPECT_EQ(parse_target_url("http://unix:/run/deliver.sock:/ci"),
              (TargetUrl{"", 80, "/run/deliver.sock", "/ci", "localhost"}));
    EXPECT_EQ(parse_target_url("http://unix:/run/deliver.sock"),
              (TargetUrl{"", 80, "/run/deliver.sock", "/", "localhost"}));
    EXPECT_EQ(parse_target_url("http://unix:/run/deliver.sock:").uri, "/");
    EXPECT_EQ(parse_target_url("http://unix:/run/deliver.sock:/a:b").uri, "/a:b");
}

TEST(TargetUrl, RefusesAllElse) {
    const auto invalid = [](const std::string& url, const std::string& why) {
        EXPECT_EQ(refusal(url), "invalid URL \"" + url + "\": " + why);
    };
    const std::string form =
        "it must be \"http://host[:port]/path\" or \"http://unix:/path.sock:/uri\"";
    invalid("ftp://host", form);
    invalid("host/path", form);
    invalid("", form);
    invalid("https://host",
            "\"https://\" is not spoken; name a \"listen unix:\" server that does proxy_pass");
    invalid("http://", "the host is missing");
    invalid("http:///path", "the host is missing");
    invalid("http://:80/", "the host is missing");
    invalid("http://host:0/", "the port must be 1 to 65535");
    invalid("http://host:65536/", "the port must be 1 to 65535");
    invalid("http://host:/", "the port must be 1 to 65535");
    invalid("http://host:80:80/", "the port must be 1 to 65535");
    invalid("http://user:secret@host/", "a user and a password do not belong there");
    invalid("http://ho$t/", "the host is no name or address");
    invalid("http://[::1/", "\"]\" is missing");
    invalid("http://[host]/", "brackets hold an IPv6 address");
    invalid("http://[::1]80/", "a port follows \"]\" after \":\"");
    invalid("http://host/#a", "a fragment is never sent");
    const std::string plain =
        "spaces, control characters and what is not ASCII must be written as %XX";
    invalid("http://host/a b", plain);
    EXPECT_NE(refusal("http://host/a\r\nHost: b"), "");
    EXPECT_NE(refusal("http://host/\xc3\xa4"), "");
    invalid("http://unix:run.sock:/", "the path of the socket must be absolute");
    invalid("http://unix:/run.sock:uri", "what follows the socket must begin with \"/\"");
    EXPECT_EQ(parse_target_url("http://unix:/" + std::string(106, 's')).socket.size(), 107U);
    EXPECT_NE(refusal("http://unix:/" + std::string(107, 's')), "");
}

}  // namespace
}  // namespace webhook
