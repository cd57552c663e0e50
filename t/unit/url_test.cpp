#include "base/url.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::string_literals;

TEST(Url, TargetIsBehindTheHost) {
    EXPECT_EQ("/a?b#c", target_of("https://host/a?b#c"));
    EXPECT_EQ("/a?b", target_of("http://user:pw@[::1]:80/a?b"));
    EXPECT_EQ("?b", target_of("https://host?b"));
    EXPECT_EQ("#c", target_of("https://host#c"));
    EXPECT_EQ("", target_of("https://host"));
    EXPECT_EQ("", target_of("https://"));
    EXPECT_EQ("", target_of(""));
    EXPECT_EQ("/a?u=http://host/b", target_of("/a?u=http://host/b"));
    EXPECT_EQ("//a", target_of("//a"));
    EXPECT_EQ("/http://b", target_of("https://host/http://b"));
}

TEST(Url, QueryIsBehindTheFirstQuestionMark) {
    EXPECT_EQ("a=1&b", query_of("https://host/p?a=1&b"));
    EXPECT_EQ("a?b", query_of("/p?a?b"));
    EXPECT_EQ("a", query_of("/p?a#b?c"));
    EXPECT_EQ("", query_of("/p#?a"));
    EXPECT_EQ("", query_of("/p?"));
    EXPECT_EQ("", query_of("/p"));
    EXPECT_EQ("", query_of(""));
}

TEST(Url, QueryValueIsTheOnlyOne) {
    EXPECT_EQ("x y", query_value("a=1&b=x+y", "b"));
    EXPECT_EQ("", query_value("a", "a"));
    EXPECT_EQ(std::nullopt, query_value("a=1&a=1", "a"));
    EXPECT_EQ(std::nullopt, query_value("a=1", "b"));
    EXPECT_EQ(std::nullopt, query_value("a=1&b=%", "a"));
    EXPECT_EQ(std::nullopt, query_value("", "a"));
}

TEST(Url, PercentEncodes) {
    EXPECT_EQ("azAZ09%20%25%2F%00%FF-", percent_encoded("azAZ09 %/\0\xff-"s, "-"));
    EXPECT_EQ("%60%7B%40%5B%2F%3A", percent_encoded("`{@[/:", ""));
    EXPECT_EQ("", percent_encoded("", ""));
}

struct Pair {
    std::string from;
    std::string to;
};

// Of the two URLs that twilio 6.2.0 (npm) tries, the other one.
const std::vector<Pair> kTwilioUrls{
    {"https://h.example/x", "https://h.example:443/x"},
    {"https://h.example:443/x", "https://h.example/x"},
    {"https://h.example:8443/x", "https://h.example/x"},
    {"http://h.example/x?y=1:2", "http://h.example:80/x?y=1:2"},
    {"http://h.example:80", "http://h.example"},
    {"https://h.example", "https://h.example:443"},
    {"HTTPS://H.example/x", "HTTPS://H.example:443/x"},
    {"https://user:pw@h.example/x", "https://user:pw@h.example:443/x"},
    {"https://user:pw@h.example:443/x", "https://user:pw@h.example/x"},
    {"https://[::1]/x", "https://[::1]:443/x"},
    {"https://[::1]:443/x", "https://[::1]/x"},
    {"https://u:p@[2001:db8::1]/", "https://u:p@[2001:db8::1]:443/"},
    {"https://h.example?a=b", "https://h.example:443?a=b"},
    {"https://h.example:443?a=b", "https://h.example?a=b"},
    {"https://h.example#f", "https://h.example:443#f"},
    {"https://a@b@h.example/@:9/", "https://a@b@h.example:443/@:9/"},
    {"http://h.example:443/x", "http://h.example/x"},
};

TEST(Url, OtherPortIsThatOfTwilio) {
    for (const auto& [url, other] : kTwilioUrls) EXPECT_EQ(other, with_other_port(url)) << url;
}

TEST(Url, UserMayHoldColonsAndAtSigns) {
    EXPECT_EQ("https://a@b:9@host:443/x", with_other_port("https://a@b:9@host/x"));
    EXPECT_EQ("https://a:1@host/x", with_other_port("https://a:1@host:1/x"));
    EXPECT_EQ("https://a@[b]:1@host:443/x", with_other_port("https://a@[b]:1@host/x"));
}

TEST(Url, OtherPortOfTheOtherPortIsTheSame) {
    for (const char* url : {"https://host/x", "http://host", "https://user@[::1]?a"}) {
        EXPECT_EQ(url, with_other_port(with_other_port(url).value())) << url;
    }
}

TEST(Url, WhatHasNoHostHasNoOtherPort) {
    for (const char* url : {"",
                            "/",
                            "/x",
                            "host",
                            "host/x",
                            "https:",
                            "https:/",
                            "https://",
                            "https:///x",
                            "https://:443/x",
                            "https://?a",
                            "https://user@/x",
                            "https://user@:443/x",
                            "https://[::1/x",
                            "https://[::1]x/",
                            "https://[::1]:x/",
                            "https://host:/x",
                            "https://host:x",
                            "https://host:4a",
                            "https://host:123456",
                            "https://host:-1",
                            "https://::1/x",
                            "ftp://host/x",
                            "ws://host/",
                            " https://host/",
                            "httpss://host/",
                            "https//host",
                            "xhttps://host/"}) {
        EXPECT_EQ(std::nullopt, with_other_port(url)) << url;
    }
}

TEST(Url, AHostIsOneAndNothingElse) {
    for (const char* host :
         {"", "localhost", "hooks.example.com:8443", "[::1]:80", "a_b-c.", "127.0.0.1"}) {
        EXPECT_TRUE(is_host(host)) << host;
    }
    for (const char* host :
         {"a%2Fb", "a?b", "a#", "a/b", "a@b", "a;b", "a b", "a,b", "a\\b", "\x80", "a&b=c"}) {
        EXPECT_FALSE(is_host(host)) << host;
    }
}

TEST(Url, IsCutInOneWayOnly) {
    for (const auto& [url, target] : std::vector<std::pair<const char*, const char*>>{
             {"http://a.example/x?y=/z", "/x?y=/z"},
             {"https://a:80/", "/"},
             {"/x?y", "/x?y"},
             {"https://user:p%40ss@a.example/x", "/x"},
             {"https://a/prefix/x?y", "/x?y"},
             {"http:///x", "/x"},
             {"https://a.example/hooks?id=1", "/other"},
             {"https://a?x", "?x"}}) {
        EXPECT_TRUE(is_unambiguous_url(url, target)) << url;
    }
    for (const auto& [url, target] :
         std::vector<std::pair<const char*, const char*>>{{"http://a%2Ftenant/x", "/x"},
                                                          {"http://x?a=b&jwt=/admin", "/admin"},
                                                          {"http://x#/admin", "/admin"},
                                                          {"http://a/x#", "/x#"},
                                                          {"http://a/x?y#z", "/x?y#z"},
                                                          {"https://x/y?z=://a/x", "/x"},
                                                          {"http://a;b/x", "/x"},
                                                          {"http://a,b/x", "/x"}}) {
        EXPECT_FALSE(is_unambiguous_url(url, target)) << url;
    }
}

TEST(Url, ALogShowsNoUser) {
    EXPECT_EQ("https://***@host/a@b", url_for_log("https://user:pass@host/a@b", "$url"));
    EXPECT_EQ("https://***@host", url_for_log("https://a@b:c@host", "https://a@b:c@host"));
    EXPECT_EQ("https://host/?a=b@c", url_for_log("https://host/?a=b@c", "https://host/$args"));
    EXPECT_EQ("***@host/", url_for_log("user@host/", "user@host/"));
    EXPECT_EQ("", url_for_log("", ""));
}

// What the configuration holds may be a secret; what the request brought is the sender's.
TEST(Url, ALogShowsNoParameterOfTheConfiguration) {
    EXPECT_EQ("https://h/x?token=***",
              url_for_log("https://h/x?token=s3c", "https://h/x?token=s3c"));
    EXPECT_EQ("https://h/x?a=***&***&b=",
              url_for_log("https://h/x?a=1&s3c&b=", "https://h/x?a=1&s3c&b="));
    EXPECT_EQ("https://h/?a=1&t=***",
              url_for_log("https://h/?a=1&t=s3c", "https://h/?$args&t=s3c"));
    EXPECT_EQ("https://h/?a=1&b=2",
              url_for_log("https://h/?a=1&b=2", "https://h/?a=$arg_a&b=${arg_b}"));
    EXPECT_EQ("https://h/?a=***", url_for_log("https://h/?a=s3c1", "https://h/?a=s3c${arg_a}"));
    EXPECT_EQ("https://h/?a=***", url_for_log("https://h/?a=1s3c", "https://h/?a=${arg_a}s3c"));
    EXPECT_EQ("https://h/?a=***", url_for_log("https://h/?a=s3c", "https://h/?$name=s3c"));
    EXPECT_EQ("https://h/?a=b", url_for_log("https://h/?a=b", "https://$host$request_uri"));
    // A query that came before the one of the configuration.
    EXPECT_EQ("https://h/?a=***",
              url_for_log("https://h/?a=b?t=s3c", "https://h$request_uri?t=s3c"));
    EXPECT_EQ("https://h/?", url_for_log("https://h/?", "https://h/?"));
}

TEST(Url, WhereVariablesStandForTheHost) {
    const std::pair<const char*, const char*> rows[] = {
        {"https://$http_x_forwarded_host$request_uri", "$http_x_forwarded_host"},
        {"$scheme://${http_host}/in", "${http_host}"},
        {"https://$tenant.example.com/in", "$tenant"},
        {"https://hooks.$domain:$port$request_uri", "hooks.$domain:$port"},
        {"https://$a$b.example$c", "$a$b"},
        {"https://$host$prefix$request_uri", "$host"},
        {"https://h:80$prefix$request_uri", ""},
        {"https://h$prefix$request_uri", ""},
        {"https://[::1]$prefix$request_uri", ""},
        {"https://u:$p@$host/in", "$host"},
        {"https://h/$tenant", ""},
        {"https://h", ""},
        {"$url", ""},
        {"$scheme://", ""},
        {"https://${broken", "${broken"},
    };
    for (const auto& [url, expected] : rows) EXPECT_EQ(expected, host_variables(url)) << url;
}

}  // namespace
}  // namespace webhook
