#include "redis/url.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"

namespace webhook::redis {
namespace {

Address network(std::string host, std::uint16_t port = kDefaultPort, std::uint16_t database = 0) {
    Address address;
    address.host = std::move(host);
    address.port = port;
    address.database = database;
    return address;
}

Address tls(Address address) {
    address.is_tls = true;
    return address;
}

Address socket(std::string path, std::uint16_t database = 0) {
    Address address;
    address.path = std::move(path);
    address.database = database;
    return address;
}

std::string failure_of(std::string_view url) {
    try {
        parse_url(url);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

TEST(RedisUrl, IsReadAndWritten) {
    struct Row {
        std::string_view url;
        Address address;
        std::string_view written;
    };
    const std::string longest_path = '/' + std::string(106, 'p');
    const std::vector<Row> rows = {
        {"redis://redis", network("redis"), "redis://redis:6379"},
        {"redis://redis/", network("redis"), "redis://redis:6379"},
        {"redis://redis.example.com:6380/15", network("redis.example.com", 6380, 15),
         "redis://redis.example.com:6380/15"},
        {"REDIS://192.0.2.1:65535", network("192.0.2.1", 65535), "redis://192.0.2.1:65535"},
        {"redis://a_b-c.:1/65535", network("a_b-c.", 1, 65535), "redis://a_b-c.:1/65535"},
        {"redis://[2001:db8::1]", network("2001:db8::1"), "redis://[2001:db8::1]:6379"},
        {"redis://[::1]:7000/0", network("::1", 7000), "redis://[::1]:7000"},
        {"redis://[::ffff:192.0.2.1]/3", network("::ffff:192.0.2.1", 6379, 3),
         "redis://[::ffff:192.0.2.1]:6379/3"},
        {"rediss://redis", tls(network("redis")), "rediss://redis:6379"},
        {"rediss://[::1]:7000/2", tls(network("::1", 7000, 2)), "rediss://[::1]:7000/2"},
        {"unix:/run/redis.sock", socket("/run/redis.sock"), "unix:/run/redis.sock"},
        {"unix:/run/redis.sock:/", socket("/run/redis.sock"), "unix:/run/redis.sock"},
        {"unix:/run/redis.sock:/7", socket("/run/redis.sock", 7), "unix:/run/redis.sock:/7"},
        {"unix:/run/redis@main/a.sock", socket("/run/redis@main/a.sock"),
         "unix:/run/redis@main/a.sock"},
    };
    for (const Row& row : rows) {
        const Address address = parse_url(row.url);
        EXPECT_EQ(address, row.address) << row.url;
        EXPECT_EQ(text_of(address), row.written);
        EXPECT_EQ(parse_url(text_of(address)), row.address) << row.url;
    }
    EXPECT_EQ(parse_url("unix:" + longest_path), socket(longest_path));
    EXPECT_EQ(parse_url("redis://" + std::string(253, 'h')).host.size(), 253);
}

TEST(RedisUrl, IsRefusedInWords) {
    struct Row {
        std::string_view url;
        std::string_view failure;
    };
    constexpr std::string_view kHost =
        "invalid host, allowed: a name, an IPv4 address, an IPv6 address in brackets";
    constexpr std::string_view kPort = "invalid port, allowed: 1 to 65535";
    constexpr std::string_view kDatabase = "invalid database, allowed: 0 to 65535";
    constexpr std::string_view kIpv6 = "invalid IPv6 address in brackets";
    constexpr std::string_view kQuery = "a URL with a query or a fragment";
    constexpr std::string_view kRelative = "the path of a socket does not begin with \"/\"";
    constexpr std::string_view kSchemes = ", allowed: \"redis://\", \"rediss://\", \"unix:\"";
    const std::string unknown = "unknown scheme \"http://\"" + std::string(kSchemes);
    const std::string missing = "a URL without a scheme" + std::string(kSchemes);
    const std::string long_path = "unix:/" + std::string(107, 'p');
    const std::string long_host = "redis://" + std::string(254, 'h');
    const std::vector<Row> rows = {
        {"http://redis", unknown},
        {"", missing},
        {"redis", missing},
        {"redis:/redis", missing},
        {"my secret://redis", missing},
        {"redis://", "a URL without a host"},
        {"redis:///1", "a URL without a host"},
        {"redis://:6379", "a URL without a host"},
        {"redis://re dis", kHost},
        {"redis://$host", kHost},
        {"redis://a,b", kHost},
        {"redis://2001:db8::1", kPort},
        {long_host, kHost},
        {"redis://[]", kIpv6},
        {"redis://[::1", kIpv6},
        {"redis://[::1]7000", kIpv6},
        {"redis://[192.0.2.1]", kIpv6},
        {"redis://[fe80::1%eth0]", kIpv6},
        {"redis://[2001:db8::", kIpv6},
        {"redis://redis:", kPort},
        {"redis://redis:0", "invalid port \"0\", allowed: 1 to 65535"},
        {"redis://redis:65536", "invalid port \"65536\", allowed: 1 to 65535"},
        {"redis://redis:99999999999999999999", kPort},
        {"redis://redis:-1", kPort},
        {"redis://redis:63 79", kPort},
        {"redis://redis/65536", "invalid database \"65536\", allowed: 0 to 65535"},
        {"redis://redis/-1", kDatabase},
        {"redis://redis/main", kDatabase},
        {"redis://redis/1/2", kDatabase},
        {"redis://redis?db=1", kQuery},
        {"redis://redis/1#x", kQuery},
        {"unix:/run/redis.sock?db=1", kQuery},
        {"unix:", kRelative},
        {"unix:run/redis.sock", kRelative},
        {"unix::/1", kRelative},
        {"unix:/run/redis.sock:1", "a path of a socket, expecting \":/DB\""},
        {"unix:/run/redis.sock:", "a path of a socket, expecting \":/DB\""},
        {"unix:/run/redis.sock:/x", kDatabase},
        {"unix:/run/re\ndis.sock", "invalid path of a socket"},
        {long_path, "the path of a socket is longer than 107 bytes"},
    };
    for (const Row& row : rows) EXPECT_EQ(failure_of(row.url), row.failure) << row.url;
}

TEST(RedisUrl, QuotesNothingOfALogin) {
    for (const std::string_view url : {
             "redis://:s3cret@redis",
             "redis://user:s3cret@redis/1",
             "rediss://s3cret@redis:6380",
             "redis://:s3/cret@redis",
             "redis://:s3?cret@redis",
             "http://:s3cret@redis",
             "s3cret@redis",
             "unix://user:s3cret@/run/redis.sock",
         }) {
        EXPECT_EQ(failure_of(url),
                  "a URL with a user or a password: use \"user=\" and \"password=\"")
            << url;
    }
    for (const std::string_view url :
         {"redis://:s3cret", "redis://redis:s3cret", "redis://redis/s3cret",
          "redis://redis?password=s3cret", "redis://s3cret!", "s3cret", "s3cret://redis",
          "unix:s3cret", "unix:/a:s3cret", "redis://[s3cret]"}) {
        EXPECT_NE(failure_of(url), "") << url;
        if (!url.starts_with("s3cret:")) {
            EXPECT_EQ(failure_of(url).find("s3cret"), std::string::npos) << url;
        }
    }
}

}  // namespace
}  // namespace webhook::redis
