#include "base/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "scheme/scheme.h"

namespace webhook {
namespace {

using namespace std::string_literals;

// Read by the C library, apart from the parser under test.
Address address(const std::string& text) {
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return Address::ipv4(bytes.data());
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return Address::ipv6(bytes.data());
    ADD_FAILURE() << "no address: " << text;
    return {};
}

AddressSet set_of(const std::vector<std::string>& texts) {
    std::vector<AddressRange> ranges;
    for (const std::string& text : texts) {
        const auto range = parse_address_range(text);
        if (range) {
            ranges.push_back(*range);
        } else {
            ADD_FAILURE() << "no range: " << text;
        }
    }
    return AddressSet(std::move(ranges));
}

void expect_members(const AddressSet& set, const std::vector<std::string>& inside,
                    const std::vector<std::string>& outside) {
    for (const std::string& text : inside) EXPECT_TRUE(set.contains(address(text))) << text;
    for (const std::string& text : outside) EXPECT_FALSE(set.contains(address(text))) << text;
}

template <typename Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const ConfigError& error) {
        return error.what();
    }
    ADD_FAILURE() << "no ConfigError";
    return "";
}

std::string list_refusal(const std::string& text) {
    SCOPED_TRACE(text);
    return refusal([&] { parse_address_list(text); });
}

std::string json_refusal(const std::string& text, const std::string& pointer) {
    SCOPED_TRACE(text + " at " + pointer);
    return refusal([&] { parse_address_json(text, pointer); });
}

bool mentions(const std::string& message, const std::string& word) {
    return message.find(word) != std::string::npos;
}

TEST(Address, FamilyAndBytes) {
    EXPECT_EQ(Address::Family::ipv4, address("192.0.2.1").family);
    EXPECT_EQ(192, address("192.0.2.1").bytes[0]);
    EXPECT_EQ(1, address("192.0.2.1").bytes[3]);
    EXPECT_EQ(Address::Family::ipv6, address("2001:db8::1").family);
    EXPECT_EQ(0x20, address("2001:db8::1").bytes[0]);
    EXPECT_EQ(1, address("2001:db8::1").bytes[15]);
}

TEST(Address, MappedIntoIpv6IsIpv4) {
    const Address mapped = address("::ffff:192.0.2.1");
    EXPECT_EQ(Address::Family::ipv4, mapped.family);
    EXPECT_EQ(address("192.0.2.1").bytes, mapped.bytes);
    for (const std::string& text : {"::192.0.2.1"s, "::fffe:192.0.2.1"s, "::1:ffff:192.0.2.1"s,
                                    "1::ffff:192.0.2.1"s, "64:ff9b::192.0.2.1"s}) {
        EXPECT_EQ(Address::Family::ipv6, address(text).family) << text;
    }
}

TEST(AddressRange, OfOneAddress) {
    expect_members(set_of({"192.0.2.1"}), {"192.0.2.1", "::ffff:192.0.2.1"},
                   {"192.0.2.0", "192.0.2.2", "::192.0.2.1", "193.0.2.1"});
    expect_members(set_of({"2001:db8::1"}), {"2001:db8::1", "2001:0DB8:0:0:0:0:0:1"},
                   {"2001:db8::", "2001:db8::2", "2001:db8:0:1::1"});
}

TEST(AddressRange, OfABlockHoldsBothEnds) {
    expect_members(set_of({"192.30.252.0/22"}), {"192.30.252.0", "192.30.253.77", "192.30.255.255"},
                   {"192.30.251.255", "193.0.0.0", "192.31.0.0"});
    expect_members(set_of({"2001:db8::/32"}),
                   {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
                   {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"});
    expect_members(set_of({"10.0.0.4/31"}), {"10.0.0.4", "10.0.0.5"}, {"10.0.0.3", "10.0.0.6"});
    expect_members(set_of({"10.0.0.4/32"}), {"10.0.0.4"}, {"10.0.0.3", "10.0.0.5"});
    expect_members(set_of({"2001:db8::8/125"}), {"2001:db8::8", "2001:db8::f"},
                   {"2001:db8::7", "2001:db8::10"});
    expect_members(set_of({"2001:db8::8/128"}), {"2001:db8::8"}, {"2001:db8::9", "2001:db8::7"});
}

TEST(AddressRange, BitsBehindThePrefixAreNoted) {
    for (const std::string& text :
         {"192.30.254.255/22"s, "10.0.0.1/31"s, "2001:db8::1/32"s, "::ffff:10.0.0.1/104"s}) {
        EXPECT_TRUE(parse_address_range(text).value().host_bits) << text;
    }
    for (const std::string& text :
         {"192.30.252.0/22"s, "10.0.0.1/32"s, "10.0.0.1"s, "0.0.0.0/0"s, "::/0"s, "2001:db8::/32"s,
          "2001:db8::1"s, "::ffff:10.0.0.0/104"s}) {
        EXPECT_FALSE(parse_address_range(text).value().host_bits) << text;
    }
}

TEST(AddressRange, BitsBehindThePrefixAreIgnored) {
    expect_members(set_of({"192.30.254.255/22"}), {"192.30.252.0", "192.30.255.255"},
                   {"192.30.251.255", "192.31.0.0"});
    expect_members(set_of({"2001:db8:1::1/32"}), {"2001:db8::", "2001:db8:ffff::"}, {"2001:db9::"});
}

TEST(AddressRange, OfAllOfOneFamily) {
    expect_members(set_of({"0.0.0.0/0"}), {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"},
                   {"::", "::1", "ffff::"});
    expect_members(set_of({"::/0"}),
                   {"::", "::1", "2001:db8::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                   {"1.2.3.4"});
}

TEST(AddressRange, EveryPrefixKeepsItsBits) {
    const Address ones = address("255.255.255.255");
    for (int prefix = 0; prefix <= 32; ++prefix) {
        const auto range = parse_address_range("255.255.255.255/" + std::to_string(prefix));
        ASSERT_TRUE(range);
        EXPECT_EQ(ones.bytes, range->last.bytes);
        std::uint32_t first = 0;
        for (std::size_t i = 0; i < 4; ++i) first = first << 8 | range->first.bytes[i];
        EXPECT_EQ(prefix == 0 ? 0 : 0xffffffffU << (32 - prefix), first) << prefix;
    }
    for (int prefix = 0; prefix <= 128; ++prefix) {
        const auto range = parse_address_range("2001:db8::/" + std::to_string(prefix));
        ASSERT_TRUE(range);
        for (int bit = 0; bit < 128; ++bit) {
            const auto at = [bit](const Address& one) {
                return one.bytes[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1;
            };
            const int own = at(address("2001:db8::"));
            ASSERT_EQ(bit < prefix ? own : 0, at(range->first)) << prefix << ' ' << bit;
            ASSERT_EQ(bit < prefix ? own : 1, at(range->last)) << prefix << ' ' << bit;
        }
    }
}

TEST(AddressRange, MappedBlockIsAnIpv4Block) {
    expect_members(set_of({"::ffff:192.0.2.0/120"}), {"192.0.2.0", "192.0.2.255"},
                   {"192.0.1.255", "192.0.3.0", "::192.0.2.0"});
    expect_members(set_of({"::ffff:192.0.2.9"}), {"192.0.2.9"}, {"192.0.2.8"});
    expect_members(set_of({"::ffff:192.0.2.9/128"}), {"192.0.2.9"}, {"192.0.2.8", "192.0.2.10"});
}

TEST(AddressRange, AnyOtherTextIsNone) {
    for (const std::string& text : {""s,
                                    " "s,
                                    "/"s,
                                    "/24"s,
                                    "192.0.2"s,
                                    "192.0.2.1.1"s,
                                    "192.0.2.256"s,
                                    "192.0.2.-1"s,
                                    "192.0.2.1/"s,
                                    "192.0.2.1/33"s,
                                    "192.0.2.1/-1"s,
                                    "192.0.2.1/+8"s,
                                    "192.0.2.1/8/8"s,
                                    "192.0.2.1/ 8"s,
                                    "192.0.2.1 /8"s,
                                    " 192.0.2.1"s,
                                    "192.0.2.1 "s,
                                    "192.0.2.1/255.0.0.0"s,
                                    "192.0.2.1/0x8"s,
                                    "192.0.2.1/99999999999999999999"s,
                                    "0x7f.0.0.1"s,
                                    "2130706433"s,
                                    "localhost"s,
                                    "example.com"s,
                                    "unix:"s,
                                    "::1/129"s,
                                    "::1/"s,
                                    ":::"s,
                                    "1:2:3:4:5:6:7"s,
                                    "1:2:3:4:5:6:7:8:9"s,
                                    "::1%lo"s,
                                    "[::1]"s,
                                    "[::1]:80"s,
                                    "192.0.2.1:80"s,
                                    "g::1"s,
                                    "12345::1"s,
                                    "192.0.2.1\0"s,
                                    "192.0.2.1\0/8"s,
                                    "192.0.2.1/8\0"s,
                                    "\0"s,
                                    "::1\0x"s,
                                    "192.0.2.1-192.0.2.9"s,
                                    "*"s,
                                    "all"s,
                                    std::string(100'000, '1')}) {
        EXPECT_FALSE(parse_address_range(text)) << webhook::in_quotes(text);
    }
}

TEST(AddressSet, OfNothingHoldsNothing) {
    EXPECT_TRUE(AddressSet().empty());
    EXPECT_TRUE(AddressSet(std::vector<AddressRange>{}).empty());
    expect_members(AddressSet(), {}, {"0.0.0.0", "::", "127.0.0.1"});
    EXPECT_FALSE(set_of({"::1"}).empty());
    EXPECT_FALSE(set_of({"127.0.0.1"}).empty());
}

TEST(AddressSet, BlocksMayOverlapTouchAndNest) {
    const AddressSet set = set_of({"10.0.0.128/25", "10.0.0.0/24", "10.0.0.5", "10.0.1.0/24",
                                   "10.0.0.0/25", "10.0.3.0/24", "10.0.0.0/30", "10.0.3.0/24"});
    expect_members(set,
                   {"10.0.0.0", "10.0.0.5", "10.0.0.200", "10.0.0.255", "10.0.1.0", "10.0.1.255",
                    "10.0.3.0", "10.0.3.255"},
                   {"9.255.255.255", "10.0.2.0", "10.0.2.255", "10.0.4.0"});
}

TEST(AddressSet, NestedBlockDoesNotEndTheOuterOne) {
    expect_members(set_of({"10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"}),
                   {"10.0.0.1", "10.1.1.1", "10.1.1.2", "10.2.0.0", "10.255.255.255"},
                   {"11.0.0.0", "9.255.255.255"});
    expect_members(set_of({"2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::1"}),
                   {"2001:db8::", "2001:db8:1::2", "2001:db8:ffff::"}, {"2001:db9::"});
}

TEST(AddressSet, FamiliesAreKeptApart) {
    const AddressSet set = set_of({"1.2.3.4", "102:304::"});
    expect_members(set, {"1.2.3.4", "102:304::"}, {"::1.2.3.4", "::102:304"});
    expect_members(set_of({"102:304::"}), {}, {"1.2.3.4"});
    expect_members(set_of({"1.2.3.4"}), {}, {"102:304::"});
}

TEST(AddressSet, AgreesWithLookingAtEveryBlock) {
    std::mt19937 random(3);
    for (int round = 0; round < 50; ++round) {
        std::vector<AddressRange> ranges;
        for (std::size_t i = 0; i < 1 + random() % 40; ++i) {
            const std::string host =
                std::to_string(random() % 4) + "." + std::to_string(random() % 256);
            const std::string text = "10.0." + host + "/" + std::to_string(20 + random() % 13);
            ranges.push_back(parse_address_range(text).value());
        }
        const AddressSet set(ranges);
        for (int i = 0; i < 1024; ++i) {
            const Address one =
                address("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
            const bool expected = std::ranges::any_of(ranges, [&](const AddressRange& range) {
                return range.first.bytes <= one.bytes && one.bytes <= range.last.bytes;
            });
            ASSERT_EQ(expected, set.contains(one)) << i;
        }
    }
}

TEST(AddressList, HasOneAddressOnALine) {
    const AddressSet set = parse_address_list(
        "# GitHub\n"
        "192.30.252.0/22\n"
        "\n"
        "   \t  \n"
        "\t10.0.0.1  # the office\r\n"
        "#10.0.0.2\r\n"
        "\r\n"
        "2001:db8::/32#no space\n"
        "  10.0.0.3\n");
    expect_members(set, {"192.30.252.1", "10.0.0.1", "10.0.0.3", "2001:db8::1"},
                   {"10.0.0.2", "10.0.0.4"});
    expect_members(parse_address_list("10.0.0.1\r\n"), {"10.0.0.1"}, {"10.0.0.2"});
    expect_members(parse_address_list("\n\n10.0.0.1\n\n"), {"10.0.0.1"}, {"10.0.0.2"});
}

// However a list is cut short, it is refused or lets in nobody beyond the whole list.
TEST(AddressList, CutShortLetsNobodyElseIn) {
    const std::string text = "10.0.0.7 # the office\n64.0.0.0/26\n127.200.0.64/26\n2001:db8::/32\n";
    const AddressSet whole = parse_address_list(text);
    std::size_t lists = 0;
    for (std::size_t size = 0; size < text.size(); ++size) {
        try {
            const AddressSet cut = parse_address_list(text.substr(0, size));
            ++lists;
            for (const auto* outside :
                 {"10.0.0.8", "64.0.1.0", "127.1.0.1", "200.0.0.1", "2001:db9::"}) {
                ASSERT_FALSE(whole.contains(address(outside)));
                EXPECT_FALSE(cut.contains(address(outside))) << size << ' ' << outside;
            }
        } catch (const ConfigError&) {
        }
    }
    EXPECT_EQ(3U, lists);
}

TEST(AddressList, LastLineWithoutAnEndIsRefused) {
    for (const std::string& text : {"10.0.0.1"s, "10.0.0.1\n10.0.0.2"s, "10.0.0.1\n# commen"s,
                                    "10.0.0.1\n "s, "10.0.0.1\n\r"s}) {
        EXPECT_TRUE(mentions(list_refusal(text), "the last line has no end"));
    }
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1\n10.0.0.2"), "line 2"));
}

TEST(AddressList, NetworkWithHostBitsIsRefused) {
    for (const std::string& network : {"127.200.0.64/2"s, "10.0.0.1/31"s, "2001:db8::1/127"s,
                                       "::ffff:10.0.0.1/120"s, "10.0.0.1/0"s, "::1/0"s}) {
        const std::string message = list_refusal("10.0.0.1\n" + network + "\n");
        EXPECT_TRUE(mentions(message, "line 2: the network \"" + network + '"')) << message;
        const std::string json = json_refusal("{\"hooks\": [\"" + network + "\"]}", "/hooks");
        EXPECT_TRUE(mentions(json, '"' + network + "\" has bits set behind its prefix")) << json;
    }
}

TEST(AddressList, RefusalNamesTheLine) {
    EXPECT_TRUE(mentions(list_refusal("localhost\n"), "line 1"));
    const std::string message =
        list_refusal("10.0.0.1\r\n\r\n# comment\n  10.0.0.0/33 # why\n::1\n");
    EXPECT_TRUE(mentions(message, "line 4")) << message;
    EXPECT_TRUE(mentions(message, "\"10.0.0.0/33\"")) << message;
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1 10.0.0.2\n"), "line 1: invalid"));
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1\n10.0.0.2;\n"), "line 2: invalid"));
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1,10.0.0.2\n"), "line 1: invalid"));
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1\n10.0.0.1\0\n"s), "line 2: invalid"));
    EXPECT_TRUE(mentions(list_refusal("10.0.0.1\r10.0.0.2\n"), "line 1: invalid"));
    EXPECT_TRUE(mentions(list_refusal("{\"hooks\": []}\n"), "line 1: invalid"));
}

TEST(AddressList, WithoutAnAddressIsRefused) {
    for (const std::string& text : {""s, "\n"s, "# nothing\n# at all\n"s, "\r\n \t\r\n"s, "#\n"s}) {
        EXPECT_EQ("no address in it", list_refusal(text));
    }
}

TEST(AddressJson, StringOrArrayOrObjectOfThem) {
    const std::string text = R"({"hooks": ["192.30.252.0/22", "2001:db8::/32"],
                                 "regions": {"us": ["10.0.0.1"], "eu": ["10.0.0.2", ["10.0.0.3"]]},
                                 "one": "10.0.0.4"})";
    expect_members(parse_address_json(text, "/hooks"), {"192.30.252.1", "2001:db8::1"},
                   {"10.0.0.1"});
    expect_members(parse_address_json(text, "/regions"), {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
                   {"10.0.0.4"});
    expect_members(parse_address_json(text, "/regions/eu"), {"10.0.0.2"}, {"10.0.0.1"});
    expect_members(parse_address_json(text, "/regions/eu/0"), {"10.0.0.2"}, {"10.0.0.3"});
    expect_members(parse_address_json(text, "/one"), {"10.0.0.4"}, {"10.0.0.1"});
    expect_members(parse_address_json(text, ""), {"10.0.0.4", "192.30.252.1", "10.0.0.3"},
                   {"10.0.0.5"});
    expect_members(parse_address_json(R"(["10.0.0.1"])", ""), {"10.0.0.1"}, {"10.0.0.2"});
    expect_members(parse_address_json(R"("10.0.0.1")", ""), {"10.0.0.1"}, {"10.0.0.2"});
}

TEST(AddressJson, EmptyMembersAreNoHarmBesideOthers) {
    expect_members(parse_address_json(R"({"us": [], "eu": ["10.0.0.1"], "ap": {}})", ""),
                   {"10.0.0.1"}, {"10.0.0.2"});
}

TEST(AddressJson, StarStandsForEveryMember) {
    const std::string text = R"({"items": [{"cidr": "10.0.0.0/30", "mask": 30},
                                           {"cidr": "10.0.1.0/30", "mask": 30}],
                                 "cells": {"a": {"ip_ranges": ["10.1.0.1"]},
                                           "b": {"ip_ranges": ["10.1.0.2"]}}})";
    expect_members(parse_address_json(text, "/items/*/cidr"), {"10.0.0.1", "10.0.1.1"},
                   {"10.1.0.1"});
    expect_members(parse_address_json(text, "/cells/*/ip_ranges"), {"10.1.0.1", "10.1.0.2"},
                   {"10.0.0.1"});
    expect_members(parse_address_json(text, "/cells/*/ip_ranges/*"), {"10.1.0.1", "10.1.0.2"},
                   {"10.0.0.1"});
    expect_members(parse_address_json(text, "/cells/*/*"), {"10.1.0.1", "10.1.0.2"}, {"10.0.0.1"});
    expect_members(parse_address_json(text, "/cells/*"), {"10.1.0.1", "10.1.0.2"}, {"10.0.0.1"});
}

TEST(AddressJson, MembersMayLackWhatOthersHave) {
    const std::string text = R"({"prefixes": [{"ipv4Prefix": "10.0.0.0/30"},
                                              {"ipv6Prefix": "2001:db8::/32"},
                                              {"ipv4Prefix": "10.0.1.0/30"}]})";
    expect_members(parse_address_json(text, "/prefixes/*/ipv4Prefix"), {"10.0.0.1", "10.0.1.1"},
                   {"2001:db8::1"});
    expect_members(parse_address_json(text, "/*/*/ipv6Prefix"), {"2001:db8::1"}, {"10.0.0.1"});
    EXPECT_TRUE(mentions(json_refusal(text, "/prefixes/*/ipv5Prefix"), "ipv5Prefix"));
    EXPECT_TRUE(mentions(json_refusal(text, "/*/*/ipv5Prefix"), "ipv5Prefix"));
}

TEST(AddressFile, MayBeginWithAByteOrderMark) {
    expect_members(parse_address_list("\xef\xbb\xbf"
                                      "10.0.0.1\n"),
                   {"10.0.0.1"}, {"10.0.0.2"});
    expect_members(parse_address_json("\xef\xbb\xbf[\"10.0.0.1\"]", ""), {"10.0.0.1"},
                   {"10.0.0.2"});
    EXPECT_TRUE(looks_like_json("\xef\xbb\xbf [\"10.0.0.1\"]"));
    EXPECT_TRUE(looks_like_json("\n{"));
    EXPECT_FALSE(
        looks_like_json("\xef\xbb\xbf"
                        "10.0.0.1\n"));
    EXPECT_FALSE(looks_like_json(""));
    EXPECT_FALSE(list_refusal("10.0.0.1\n\xef\xbb\xbf"
                              "10.0.0.2\n")
                     .empty());
}

TEST(AddressJson, PointerUnescapesItsSteps) {
    const std::string text = R"({"a/b": {"m~n": ["10.0.0.1"]}, "": ["10.0.0.2"]})";
    expect_members(parse_address_json(text, "/a~1b/m~0n"), {"10.0.0.1"}, {"10.0.0.2"});
    expect_members(parse_address_json(text, "/"), {"10.0.0.2"}, {"10.0.0.1"});
}

TEST(AddressJson, PointerThatLeadsNowhereIsRefused) {
    const std::string text = R"({"hooks": ["10.0.0.1"], "list": [{"ip": "10.0.0.1"}, {"no": 1}]})";
    for (const std::string& pointer :
         {"/hook"s, "/hooks/1"s, "/hooks/-"s, "/hooks/x"s, "/hooks/0/x"s, "/Hooks"s, "/"s, "hooks"s,
          "hooks/0"s, "/hooks/"s, "/list/*/ips"s, "/hooks/0/*"s, "/hooks/*/*"s, "/list/0/ip/*"s,
          "/hooks~2"s, "#/hooks"s}) {
        EXPECT_FALSE(json_refusal(text, pointer).empty());
    }
    EXPECT_TRUE(mentions(json_refusal(text, "/nowhere/x"), "nowhere"));
}

TEST(AddressJson, ValueThatIsNoAddressIsRefused) {
    for (const std::string& value :
         {"1"s, "1.5"s, "true"s, "null"s, "[1]"s, "[null]"s, "{\"a\": 3232235777}"s,
          "[\"10.0.0.1\", 7]"s, "[\"10.0.0.1\", null]"s, "[\"\"]"s, "[\" 10.0.0.1\"]"s,
          "[\"10.0.0.1\\u0000\"]"s, "[\"10.0.0.0/33\"]"s, "[\"example.com\"]"s}) {
        EXPECT_FALSE(json_refusal("{\"hooks\": " + value + "}", "/hooks").empty());
    }
    EXPECT_TRUE(mentions(json_refusal("[\"10.0.0.1\", null]", ""),
                         "there is something that is no address"));
    EXPECT_TRUE(mentions(json_refusal(R"({"hooks": ["10.0.0.300"]})", "/hooks"), "\"10.0.0.300\""));
    // It may be a secret of another file.
    EXPECT_FALSE(mentions(json_refusal(R"({"hooks": ["example.com"]})", "/hooks"), "example.com"));
}

TEST(AddressJson, WithoutAnAddressIsRefused) {
    for (const std::string& value : {"[]"s, "{}"s, "[[], {}]"s, "{\"a\": []}"s}) {
        json_refusal("{\"hooks\": " + value + "}", "/hooks");
    }
    json_refusal(R"({"items": []})", "/items/*/cidr");
    json_refusal(R"({"items": []})", "/items/*");
}

TEST(AddressJson, InvalidTextIsRefused) {
    for (const std::string& text :
         {""s, " "s, "{"s, "[\"10.0.0.1\""s, "[\"10.0.0.1\",]"s, "[\"10.0.0.1\"] x"s,
          "[\"10.0.0.1\"]\0"s, "10.0.0.1"s, "# 10.0.0.1"s, "[\"\xff\"]"s,
          std::string(100'000, '[') + std::string(100'000, ']')}) {
        EXPECT_THROW(parse_address_json(text, ""), ConfigError) << text.substr(0, 20);
    }
}

}  // namespace
}  // namespace webhook
