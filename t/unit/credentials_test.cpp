#include "verify/credentials.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::Delivery;

constexpr Milliseconds kNow{1'614'265'330'000};
const std::string kTime = "1614265330";
const std::string kCode(64, 'a');

// What read_headers() made of a delivery, with everything that the views borrow from.
class Reading {
  public:
    Reading(const std::string& text, Delivery delivery, Milliseconds now = kNow,
            const std::optional<Tolerance>& tolerance = std::nullopt)
        : scheme(parse_scheme("test", text)),
          delivery_(std::move(delivery)),
          headers(delivery_.offered_to(scheme)),
          reason(read_headers(scheme, headers, now, tolerance, presented)) {}
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    Credentials presented;
    Scheme scheme;

  private:
    Delivery delivery_;

  public:
    SchemeHeaders headers;
    std::optional<Reason> reason;
};

const std::string kBare = "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign;";
const std::string kPrefixed =
    "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign prefix=sha256=;";
const std::string kList =
    "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign split=, prefix=v1=;";
const std::string kTimed =
    "algorithm hmac-sha256; signed '{timestamp}.{body}'; signature header=X-Sign;"
    "timestamp header=X-Time unit=s tolerance=5m;";
const std::string kItem =
    "algorithm hmac-sha256; signed '{timestamp}.{body}';"
    "signature header=X-Sign split=, prefix=v1=; timestamp item=t= tolerance=5m;";
const std::string kToken = "algorithm token; signature header=X-Token;";
const std::string kIdentified =
    "algorithm hmac-sha256; signed '{id}.{timestamp}.{body}'; signature header=X-Sign;"
    "timestamp header=X-Time tolerance=5m; event_id header=X-Id; event_type header=X-Type;";

Delivery with(std::vector<std::pair<std::string, std::string>> headers) {
    return Delivery{std::move(headers), "", "POST"};
}

void expect_reason(std::optional<Reason> reason, const std::string& scheme, Delivery delivery) {
    const Reading reading(scheme, std::move(delivery));
    EXPECT_EQ(reason, reading.reason);
}

std::string repeated(const std::string& item, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += item;
    return text;
}

TEST(SchemeHeaders, KeepsOnlyWhatTheSchemeReads) {
    const Scheme scheme = parse_scheme("test", kIdentified);
    SchemeHeaders headers(scheme);
    for (HeaderIndex i = 0; i < scheme.headers.size(); ++i) {
        EXPECT_TRUE(headers.missing(i));
        EXPECT_FALSE(headers.repeated(i));
        EXPECT_EQ("", headers.value(i));
    }
    headers.offer("X-Other", "other");
    headers.offer("", "nameless");
    headers.offer("X-I", "shorter");
    headers.offer("X-Idd", "longer");
    EXPECT_TRUE(headers.missing(scheme.event_id.header));
    headers.offer("x-ID", "42");
    EXPECT_EQ("42", headers.value(scheme.event_id.header));
    EXPECT_FALSE(headers.missing(scheme.event_id.header));
    EXPECT_FALSE(headers.repeated(scheme.event_id.header));
    headers.offer("X-Id", "42");
    EXPECT_TRUE(headers.repeated(scheme.event_id.header));
    EXPECT_FALSE(headers.missing(scheme.event_id.header));
    EXPECT_TRUE(headers.missing(scheme.event_type.header));
}

// CGI and nginx's variables know one name for all of them.
TEST(SchemeHeaders, ATwinWithAnotherSignIsARepetition) {
    const Scheme scheme = parse_scheme("test", kIdentified);
    for (const std::string twin : {"x_id", "X.Id", "x~id", "x!ID", "x\xc3id"}) {
        for (const bool twin_first : {true, false}) {
            SchemeHeaders headers(scheme);
            if (twin_first) headers.offer(twin, "1");
            headers.offer("x-id", "2");
            if (!twin_first) headers.offer(twin, "1");
            headers.offer("x_other", "3");
            EXPECT_TRUE(headers.repeated(scheme.event_id.header)) << twin;
            EXPECT_EQ("2", headers.value(scheme.event_id.header)) << twin;
        }
        SchemeHeaders alone(scheme);
        alone.offer(twin, "1");
        EXPECT_EQ(std::nullopt, alone.only(scheme.event_id.header)) << twin;
    }
    for (const std::string other : {"xaid", "x1id", "x..id", "x-ie", "xid"}) {
        SchemeHeaders headers(scheme);
        headers.offer("x-id", "2");
        headers.offer(other, "1");
        EXPECT_FALSE(headers.repeated(scheme.event_id.header)) << other;
    }
}

// Two that a scheme names are two; a parameter is none of the headers.
TEST(SchemeHeaders, ATwinOfAHeaderThatTheSenderNamesIsARepetition) {
    const Scheme scheme = preset_scheme("contentful").value();
    const auto found = [&scheme](std::vector<std::string> names) {
        SchemeHeaders headers(scheme);
        for (const std::string& name : names) headers.offer(name, "1");
        return headers.only("x-acme-tenant").has_value();
    };
    EXPECT_TRUE(found({"X-Acme-Tenant"}));
    EXPECT_TRUE(found({"x-acme-tenant", "x-acme-tenants", "x-acme", "x_acme"}));
    EXPECT_FALSE(found({"x-acme-tenant", "X-Acme-Tenant"}));
    for (const std::string twin : {"X_Acme_Tenant", "x.acme-tenant", "X-ACME~TENANT"}) {
        EXPECT_FALSE(found({twin})) << twin;
        EXPECT_FALSE(found({"x-acme-tenant", twin})) << twin;
        EXPECT_FALSE(found({twin, "x-b", "x-acme-tenant"})) << twin;
    }
}

TEST(SchemeHeaders, WhatASchemeNamesIsNobodysTwin) {
    const Scheme scheme =
        parse_scheme("test",
                     "algorithm hmac-sha256; signed '{header:X-A}|{header:X.A}|{timestamp}.{body}';"
                     "signature header=X-Sign; timestamp query=id;");
    SchemeHeaders headers(scheme);
    headers.offer("x-a", "1");
    headers.offer("x.a", "2");
    headers.offer_query("id=3");
    headers.offer("-id", "4");
    headers.offer("_id", "5");
    for (HeaderIndex i = 0; i < scheme.headers.size(); ++i) EXPECT_FALSE(headers.repeated(i)) << i;
    EXPECT_EQ("3", headers.only(scheme.timestamp->source.header));
}

TEST(SchemeHeaders, OtherHeadersAreFoundByTheirNames) {
    const Scheme scheme = preset_scheme("contentful").value();
    SchemeHeaders headers(scheme);
    headers.offer("X-Twice", "1");
    headers.offer("Z-Last", "2");
    headers.offer("x-twice", "3");
    headers.offer("A_First", "4");
    EXPECT_EQ("4", headers.only("a_first"));
    EXPECT_EQ("2", headers.only("z-last"));
    for (const char* name : {"x-twice", "x-twic", "x-twice-", "", "b"}) {
        EXPECT_EQ(std::nullopt, headers.only(name)) << name;
    }
    headers.offer("x-new", "5");
    EXPECT_EQ("5", headers.only("x-new"));
}

// Seconds of the processor that it takes to look up each of so many headers.
double lookups(const Scheme& scheme, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back("x-" + std::to_string(1'000'000 + i));
    double best = 1e9;
    for (int run = 0; run < 5; ++run) {
        const std::clock_t start = std::clock();
        for (int i = 0; i < 16'000 / count; ++i) {
            SchemeHeaders headers(scheme);
            for (const std::string& name : names) headers.offer(name, "1");
            for (const std::string& name : names) EXPECT_EQ("1", headers.only(name));
        }
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
}

// In all, the same number of headers is looked up each time.
TEST(SchemeHeaders, ManyHeadersAreLookedUpAsFastAsFew) {
    const Scheme scheme = preset_scheme("contentful").value();
    EXPECT_LT(lookups(scheme, 8000), 10 * lookups(scheme, 80));
}

TEST(SchemeHeaders, EmptyValueIsNotMissing) {
    const Scheme scheme = parse_scheme("test", kBare);
    SchemeHeaders headers(scheme);
    headers.offer("X-Sign", "");
    EXPECT_FALSE(headers.missing(scheme.signatures.front().source.header));
    headers.offer("X-Sign", "");
    EXPECT_TRUE(headers.repeated(scheme.signatures.front().source.header));
}

TEST(ReadHeaders, DecodesTheSignature) {
    const Reading reading(kPrefixed, with({{"X-Sign", "sha256=" + kCode}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    ASSERT_EQ(1U, reading.presented.candidates().size());
    const auto bytes = reading.presented.candidates()[0].bytes();
    EXPECT_EQ(std::vector<std::uint8_t>(32, 0xaa),
              std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
    EXPECT_EQ("", reading.presented.token);
    EXPECT_EQ("", reading.presented.timestamp);
    EXPECT_EQ("", reading.presented.event_id);
    EXPECT_EQ("", reading.presented.event_type);
}

TEST(ReadHeaders, NamesOfHeadersHaveNoCase) {
    for (const std::string& name : {"x-sign"s, "X-SIGN"s, "X-sIGN"s}) {
        expect_reason(std::nullopt, kPrefixed, with({{name, "sha256=" + kCode}}));
    }
    expect_reason(Reason::malformed_signature, kBare, with({{"X-Sign", kCode}, {"x-sign", kCode}}));
}

TEST(ReadHeaders, MissingSignature) {
    for (const std::string& scheme : {kBare, kPrefixed, kList, kTimed, kItem, kIdentified}) {
        expect_reason(Reason::missing_signature, scheme, with({}));
        expect_reason(Reason::missing_signature, scheme,
                      with({{"X-Signature", kCode}, {"X-Time", kTime}, {"X-Id", "1"}}));
    }
    expect_reason(Reason::missing_signature, kToken, with({{"X-Tok", "secret"}}));
}

TEST(ReadHeaders, RepeatedSignatureIsMalformed) {
    expect_reason(Reason::malformed_signature, kBare, with({{"X-Sign", kCode}, {"X-Sign", kCode}}));
    expect_reason(Reason::malformed_signature, kBare, with({{"X-Sign", kCode}, {"X-Sign", ""}}));
    expect_reason(Reason::malformed_signature, kList,
                  with({{"X-Sign", "v1=" + kCode}, {"X-Sign", "v1=" + kCode}}));
    expect_reason(Reason::malformed_signature, kToken,
                  with({{"X-Token", "secret"}, {"X-Token", "secret"}}));
    expect_reason(Reason::malformed_signature, kBare,
                  with({{"X-Sign", kCode}, {"X-Sign", kCode}, {"X-Sign", kCode}}));
}

TEST(ReadHeaders, EmptySignatureIsMalformed) {
    for (const std::string& scheme : {kBare, kPrefixed, kList, kTimed, kItem}) {
        for (const std::string& value : {""s, " "s, ","s, ",,,"s}) {
            expect_reason(Reason::malformed_signature, scheme,
                          with({{"X-Sign", value}, {"X-Time", kTime}}));
        }
    }
    expect_reason(Reason::malformed_signature, kToken, with({{"X-Token", ""}}));
}

TEST(ReadHeaders, SignatureWithoutThePrefixIsMalformed) {
    for (const std::string& value : {kCode, "sha1=" + kCode, "SHA256=" + kCode, "sha256" + kCode,
                                     " sha256=" + kCode, "=sha256=" + kCode, "sha256="s}) {
        expect_reason(Reason::malformed_signature, kPrefixed, with({{"X-Sign", value}}));
    }
    for (const std::string& value :
         {"v0=" + kCode, kCode, "t=1,v0=" + kCode, "V1=" + kCode, " v1=" + kCode}) {
        expect_reason(Reason::malformed_signature, kList, with({{"X-Sign", value}}));
    }
    const std::string bearer =
        "algorithm token; signature header=Authorization \"prefix=Bearer \";";
    expect_reason(Reason::malformed_signature, bearer, with({{"Authorization", "secret"}}));
    expect_reason(Reason::malformed_signature, bearer, with({{"Authorization", "Bearer "}}));
    expect_reason(Reason::malformed_signature, bearer, with({{"Authorization", "bearersecret"}}));
    expect_reason(Reason::malformed_signature, bearer,
                  with({{"Authorization", "Basic Bearer secret"}}));
}

TEST(ReadHeaders, UndecodableSignatureIsMalformed) {
    for (const std::string& code :
         {kCode.substr(1), kCode + "a", "0x" + kCode.substr(2), kCode.substr(1) + "g", kCode + " ",
          " " + kCode, kCode.substr(1) + "\0"s, kCode + "\0"s, "\0"s, kCode + "\n"}) {
        expect_reason(Reason::malformed_signature, kPrefixed, with({{"X-Sign", "sha256=" + code}}));
        expect_reason(Reason::malformed_signature, kList, with({{"X-Sign", "v1=" + code}}));
    }
}

TEST(ReadHeaders, SignatureOfAnotherLengthIsMalformed) {
    for (std::size_t size : {0UL, 2UL, 40UL, 62UL, 66UL, 96UL, 126UL, 128UL, 130UL, 256UL}) {
        expect_reason(Reason::malformed_signature, kBare,
                      with({{"X-Sign", std::string(size, 'a')}}));
    }
    const std::vector<std::pair<std::string, std::size_t>> sizes{
        {"sha1", 20}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}};
    for (const auto& [hash, size] : sizes) {
        for (std::size_t given = 0; given <= 70; ++given) {
            expect_reason(given == size ? std::nullopt : std::optional(Reason::malformed_signature),
                          "algorithm hmac-" + hash + "; signed '{body}'; signature header=X-Sign;",
                          with({{"X-Sign", std::string(2 * given, 'a')}}));
        }
    }
}

TEST(ReadHeaders, OversizedSignatureIsMalformed) {
    for (const std::string& scheme : {kBare, kPrefixed, kList}) {
        expect_reason(Reason::malformed_signature, scheme,
                      with({{"X-Sign", std::string(1'000'000, 'a')}}));
        expect_reason(Reason::malformed_signature, scheme,
                      with({{"X-Sign", "v1=" + std::string(1'000'000, 'a')}}));
    }
}

TEST(ReadHeaders, ItemsThatAreNoSignatureAreLeftOut) {
    const Reading reading(kList,
                          with({{"X-Sign", ",t=1,v0=" + kCode + ",,v1=zz,v1=" + kCode.substr(2) +
                                               ",v1=" + kCode + ",v1=,v2=" + kCode + ","}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ(1U, reading.presented.candidates().size());
}

TEST(ReadHeaders, EverySeparatorCutsItems) {
    const Reading reading(
        "algorithm hmac-sha256; signed '{body}';"
        "signature header=X-Sign \"split=, ;\" prefix=v1=;",
        with({{"X-Sign", "v1=" + kCode + "; v1=" + kCode + ",v1=" + kCode + " v1=" + kCode}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ(4U, reading.presented.candidates().size());
}

TEST(ReadHeaders, HeaderWithoutSeparatorsIsOneItem) {
    expect_reason(Reason::malformed_signature, kPrefixed,
                  with({{"X-Sign", "sha256=" + kCode + ",sha256=" + kCode}}));
    expect_reason(Reason::malformed_signature, kPrefixed,
                  with({{"X-Sign", "sha256=" + kCode + " sha256=" + kCode}}));
}

TEST(ReadHeaders, LooksAtSixteenCandidatesAtMost) {
    ASSERT_EQ(16U, kMostCandidates);
    for (std::size_t count : {1UL, 15UL, 16UL, 17UL, 10'000UL}) {
        const Reading reading(kList, with({{"X-Sign", repeated("v1=" + kCode + ",", count)}}));
        EXPECT_EQ(std::nullopt, reading.reason);
        EXPECT_EQ(std::min(count, kMostCandidates), reading.presented.candidates().size());
    }
}

TEST(ReadHeaders, NothingBehindSixteenCandidatesIsLookedAt) {
    expect_reason(std::nullopt, kList, with({{"X-Sign", repeated("v1=zz,", 15) + "v1=" + kCode}}));
    expect_reason(Reason::malformed_signature, kList,
                  with({{"X-Sign", repeated("v1=zz,", 10'000) + "v1=" + kCode}}));
}

TEST(ReadHeaders, ItemsWithoutThePrefixAreNotCounted) {
    const Reading reading(kList,
                          with({{"X-Sign", repeated("v0=" + kCode + ",", 100) + "v1=" + kCode}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ(1U, reading.presented.candidates().size());
}

TEST(ReadHeaders, TokenIsTheHeaderLessItsPrefix) {
    EXPECT_EQ("secret", Reading(kToken, with({{"X-Token", "secret"}})).presented.token);
    EXPECT_EQ(" se,cret ", Reading(kToken, with({{"x-token", " se,cret "}})).presented.token);
    EXPECT_EQ("a\0b"s, Reading(kToken, with({{"X-Token", "a\0b"s}})).presented.token);
    const Reading bearer("algorithm token; signature header=Authorization \"prefix=Bearer \";",
                         with({{"Authorization", "Bearer Bearer x"}}));
    EXPECT_EQ(std::nullopt, bearer.reason);
    EXPECT_EQ("Bearer x", bearer.presented.token);
    EXPECT_EQ(0U, bearer.presented.candidates().size());
}

TEST(ReadHeaders, TimestampIsTheTextAsReceived) {
    const Reading reading(kTimed, with({{"X-Sign", kCode}, {"X-Time", "1614265330"}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ("1614265330", reading.presented.timestamp);
    EXPECT_EQ("1614265330",
              Reading(kItem, with({{"X-Sign", "t=1614265330,v1=" + kCode}})).presented.timestamp);
    EXPECT_EQ(
        "1614265330",
        Reading(kItem, with({{"X-Sign", "v1=" + kCode + ",t=1614265330"}})).presented.timestamp);
}

TEST(ReadHeaders, MissingTimestamp) {
    expect_reason(Reason::missing_timestamp, kTimed, with({{"X-Sign", kCode}}));
    expect_reason(Reason::missing_timestamp, kItem, with({{"X-Sign", "v1=" + kCode}}));
    expect_reason(Reason::missing_timestamp, kItem,
                  with({{"X-Sign", "T=" + kTime + ", t=" + kTime + ",v1=" + kCode}}));
}

TEST(ReadHeaders, RepeatedTimestampIsMalformedEvenIfIdentical) {
    expect_reason(Reason::malformed_timestamp, kTimed,
                  with({{"X-Sign", kCode}, {"X-Time", kTime}, {"X-Time", kTime}}));
    expect_reason(Reason::malformed_timestamp, kTimed,
                  with({{"X-Sign", kCode}, {"X-Time", kTime}, {"x-time", ""}}));
    expect_reason(Reason::malformed_timestamp, kItem,
                  with({{"X-Sign", "t=" + kTime + ",t=" + kTime + ",v1=" + kCode}}));
    expect_reason(Reason::malformed_timestamp, kItem,
                  with({{"X-Sign", "t=" + kTime + ",v1=" + kCode + ",t=1"}}));
    expect_reason(Reason::malformed_timestamp, kItem,
                  with({{"X-Sign", "t=" + kTime + ",v1=" + kCode + ",t="}}));
}

TEST(ReadHeaders, TimestampItemIsSoughtBehindAnyNumberOfItems) {
    const std::string crowd = repeated("v1=" + kCode + ",", 10'000);
    expect_reason(std::nullopt, kItem, with({{"X-Sign", crowd + "t=" + kTime}}));
    expect_reason(Reason::malformed_timestamp, kItem,
                  with({{"X-Sign", "t=" + kTime + "," + crowd + "t=" + kTime}}));
}

TEST(ReadHeaders, TimestampThatIsNoneIsMalformed) {
    for (const std::string& text :
         {""s, " "s, "now"s, " 1614265330"s, "1614265330 "s, "-1"s, "+1614265330"s, "1614265330.0"s,
          "1614265330\0"s, "\0"s, "2021-02-25T15:02:10Z"s, std::string(1'000'000, '9')}) {
        expect_reason(Reason::malformed_timestamp, kTimed,
                      with({{"X-Sign", kCode}, {"X-Time", text}}));
        expect_reason(Reason::malformed_timestamp, kItem,
                      with({{"X-Sign", "v1=" + kCode + ",t=" + text}}));
    }
}

TEST(ReadHeaders, TimestampIsReadInItsUnit) {
    const auto scheme = [](const std::string& unit) {
        return "algorithm hmac-sha256; signed '{timestamp}{body}'; signature header=X-Sign;"
               "timestamp header=X-Time unit=" +
               unit + ";";
    };
    const auto timed = [](const std::string& time) {
        return with({{"X-Sign", kCode}, {"X-Time", time}});
    };
    expect_reason(std::nullopt, scheme("s"), timed("1614265330"));
    EXPECT_NE(std::nullopt, Reading(scheme("s"), timed("1614265330000")).reason);
    expect_reason(std::nullopt, scheme("ms"), timed("1614265330000"));
    expect_reason(Reason::stale_timestamp, scheme("ms"), timed("1614265330"));
    expect_reason(std::nullopt, scheme("rfc3339"), timed("2021-02-25T15:02:10Z"));
    expect_reason(Reason::malformed_timestamp, scheme("rfc3339"), timed("1614265330"));
}

TEST(ReadHeaders, WindowEndsExactlyAtTheTolerance) {
    const std::string scheme =
        kTimed.substr(0, kTimed.find("tolerance")) + "tolerance=300s future=10s;";
    const auto reason_at = [&](Milliseconds now) {
        return Reading(scheme, with({{"X-Sign", kCode}, {"X-Time", kTime}}), now).reason;
    };
    EXPECT_EQ(std::nullopt, reason_at(kNow + 300s));
    EXPECT_EQ(Reason::stale_timestamp, reason_at(kNow + 300s + 1ms));
    EXPECT_EQ(std::nullopt, reason_at(kNow - 10s));
    EXPECT_EQ(Reason::future_timestamp, reason_at(kNow - 10s - 1ms));
}

TEST(ReadHeaders, GivenToleranceReplacesTheSchemes) {
    const auto reason_at = [&](Milliseconds now, const Tolerance& tolerance) {
        return Reading(kItem, with({{"X-Sign", "t=" + kTime + ",v1=" + kCode}}), now, tolerance)
            .reason;
    };
    EXPECT_EQ(std::nullopt, reason_at(kNow + 1h, {1h, 2s}));
    EXPECT_EQ(Reason::stale_timestamp, reason_at(kNow + 1h + 1ms, {1h, 2s}));
    EXPECT_EQ(std::nullopt, reason_at(kNow - 2s, {1h, 2s}));
    EXPECT_EQ(Reason::future_timestamp, reason_at(kNow - 2s - 1ms, {1h, 2s}));
    EXPECT_EQ(Reason::stale_timestamp, reason_at(kNow + 1ms, {0s, 0s}));
    EXPECT_EQ(std::nullopt, reason_at(kNow, {0s, 0s}));
}

Delivery identified() {
    return with({{"X-Sign", kCode}, {"X-Time", kTime}, {"X-Id", "evt_1"}, {"X-Type", "push"}});
}

TEST(ReadHeaders, EventIsReadFromItsHeaders) {
    const Reading reading(kIdentified, identified());
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ("evt_1", reading.presented.event_id);
    EXPECT_EQ("push", reading.presented.event_type);
}

TEST(ReadHeaders, SignedIdHasToBeThere) {
    Delivery delivery = identified();
    delivery.remove("X-Id");
    expect_reason(Reason::missing_header, kIdentified, delivery);
    delivery.set("X-Id", "");
    expect_reason(Reason::missing_header, kIdentified, delivery);
}

TEST(ReadHeaders, UnsignedEventHeadersMayBeMissing) {
    const std::string scheme = kBare + "event_id header=X-Id; event_type header=X-Type;";
    const Reading reading(scheme, with({{"X-Sign", kCode}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ("", reading.presented.event_id);
    EXPECT_EQ("", reading.presented.event_type);
    Delivery delivery = identified();
    delivery.remove("X-Type");
    expect_reason(std::nullopt, kIdentified, delivery);
}

TEST(ReadHeaders, RepeatedEventHeadersAreRefused) {
    for (const std::string& scheme :
         {kIdentified, kBare + "event_id header=X-Id; event_type header=X-Type;"}) {
        for (const std::string& name : {"X-Id"s, "x-id"s, "X-Type"s}) {
            Delivery delivery = identified();
            delivery.add(name, name == "X-Type" ? "push" : "evt_1");
            expect_reason(Reason::malformed_header, scheme, delivery);
        }
    }
}

TEST(ReadHeaders, EventInTheBodyIsNotRead) {
    const Reading reading(kBare + "event_id json=/id; event_type json=/type;",
                          with({{"X-Sign", kCode}, {"/id", "1"}, {"id", "1"}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ("", reading.presented.event_id);
    EXPECT_EQ("", reading.presented.event_type);
}

TEST(ReadHeaders, LongIdIsKeptWhole) {
    Delivery delivery = identified();
    const std::string id(1'000'000, 'i');
    delivery.set("X-Id", id);
    EXPECT_EQ(id, Reading(kIdentified, delivery).presented.event_id);
}

TEST(ReadHeaders, SignedHeaderStandsExactlyOnce) {
    const std::string scheme =
        "algorithm hmac-sha256; signed '{header:X-Date}{body}'; signature header=X-Sign;";
    expect_reason(std::nullopt, scheme, with({{"X-Sign", kCode}, {"x-date", "today"}}));
    expect_reason(Reason::missing_header, scheme, with({{"X-Sign", kCode}}));
    expect_reason(Reason::malformed_header, scheme,
                  with({{"X-Sign", kCode}, {"X-Date", "today"}, {"X-Date", "today"}}));
}

TEST(ReadHeaders, FirstReasonIsTheOneThatIsCheckedFirst) {
    Delivery delivery = identified();
    delivery.set("X-Time", "1");
    expect_reason(Reason::stale_timestamp, kIdentified, delivery);
    delivery.remove("X-Id");
    expect_reason(Reason::missing_header, kIdentified, delivery);
    delivery.add("X-Time", "1");
    expect_reason(Reason::malformed_timestamp, kIdentified, delivery);
    delivery.remove("X-Time");
    expect_reason(Reason::missing_timestamp, kIdentified, delivery);
    delivery.set("X-Sign", "zz");
    expect_reason(Reason::malformed_signature, kIdentified, delivery);
    delivery.remove("X-Sign");
    expect_reason(Reason::missing_signature, kIdentified, delivery);
}

TEST(ReadHeaders, MalformedTimestampIsFoundBeforeAMissingHeader) {
    Delivery delivery = identified();
    delivery.set("X-Time", "now");
    delivery.remove("X-Id");
    expect_reason(Reason::malformed_timestamp, kIdentified, delivery);
}

TEST(ReadHeaders, NothingStaysOfTheDeliveryReadBefore) {
    const Scheme scheme = parse_scheme("test", kList);
    const Delivery first = with({{"X-Sign", "v1=" + kCode}});
    const Delivery second = with({{"X-Sign", "v1=" + std::string(64, 'b')}});
    const SchemeHeaders first_headers = first.offered_to(scheme);
    const SchemeHeaders second_headers = second.offered_to(scheme);
    Credentials presented;
    EXPECT_EQ(std::nullopt, read_headers(scheme, first_headers, kNow, std::nullopt, presented));
    EXPECT_EQ(std::nullopt, read_headers(scheme, second_headers, kNow, std::nullopt, presented));
    ASSERT_EQ(1U, presented.candidates().size());
    EXPECT_EQ(0xbb, presented.candidates()[0].bytes()[0]);
}

TEST(SchemeHeaders, OthersAreKeptOnlyForSchemesThatReadThem) {
    const Scheme plain = parse_scheme("test", kBare);
    SchemeHeaders headers(plain);
    headers.offer("X-Other", "1");
    EXPECT_TRUE(headers.others().empty());
    EXPECT_EQ(std::nullopt, headers.only("x-other"));
    const Scheme numbered = parse_scheme(
        "test", "algorithm hmac-sha256; signed '{header:X-A}{body}'; signature header=X-Sign-*;");
    SchemeHeaders all(numbered);
    all.offer("X-Other", "1");
    all.offer("X-A", "2");
    all.offer("X-Twice", "3");
    all.offer("x-twice", "3");
    EXPECT_EQ(3U, all.others().size());
    EXPECT_EQ("1", all.only("x-other"));
    EXPECT_EQ("2", all.only("x-a"));
    EXPECT_EQ(std::nullopt, all.only("x-twice"));
    EXPECT_EQ(std::nullopt, all.only("x-none"));
    all.offer("X-A", "2");
    EXPECT_EQ(std::nullopt, all.only("x-a"));
    EXPECT_EQ(std::nullopt, all.only(HeaderIndex{0}));
}

TEST(SchemeHeaders, OnlyIsNothingWhereItIsMissingOrRepeated) {
    const Scheme scheme = parse_scheme("test", kBare);
    const HeaderIndex sign = scheme.signatures.front().source.header;
    SchemeHeaders headers(scheme);
    EXPECT_EQ(std::nullopt, headers.only(sign));
    headers.offer("X-Sign", "");
    EXPECT_EQ("", headers.only(sign));
    headers.offer("X-Sign", "");
    EXPECT_EQ(std::nullopt, headers.only(sign));
}

const std::string kTwo =
    "algorithm hmac-sha256; signed '{body}';"
    "signature header=X-A prefix=a=; signature header=X-B split=, key_index=3;";

TEST(ReadHeaders, AnyOfSeveralHeadersIsEnough) {
    expect_reason(std::nullopt, kTwo, with({{"X-A", "a=" + kCode}}));
    expect_reason(std::nullopt, kTwo, with({{"X-B", kCode}}));
    expect_reason(Reason::missing_signature, kTwo, with({}));
    const Reading both(kTwo, with({{"X-B", kCode + "," + kCode}, {"X-A", "a=" + kCode}}));
    EXPECT_EQ(std::nullopt, both.reason);
    ASSERT_EQ(3U, both.presented.candidates().size());
    EXPECT_EQ(std::nullopt, both.presented.candidates()[0].key_index());
    EXPECT_EQ(3U, both.presented.candidates()[1].key_index());
    EXPECT_EQ(3U, both.presented.candidates()[2].key_index());
}

TEST(ReadHeaders, MalformedOneOfSeveralHeadersIsMalformed) {
    expect_reason(Reason::malformed_signature, kTwo, with({{"X-A", kCode}, {"X-B", kCode}}));
    expect_reason(Reason::malformed_signature, kTwo,
                  with({{"X-A", "a=" + kCode}, {"X-A", "a=" + kCode}, {"X-B", kCode}}));
    expect_reason(Reason::malformed_signature, kTwo, with({{"X-A", "a=" + kCode}, {"X-B", "zz"}}));
    expect_reason(std::nullopt, kTwo, with({{"X-A", ""}, {"X-B", kCode}}));
    expect_reason(Reason::malformed_signature, kTwo, with({{"X-A", ""}, {"X-B", ""}}));
}

TEST(ReadHeaders, SixteenCandidatesOfAllHeaders) {
    const std::string many = repeated(kCode + ",", 20);
    const Reading reading(kTwo, with({{"X-A", "a=" + kCode}, {"X-B", many}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ(kMostCandidates, reading.presented.candidates().size());
    const std::string swapped =
        "algorithm hmac-sha256; signed '{body}';"
        "signature header=X-B split=,; signature header=X-A prefix=a=;";
    const Reading other(swapped, with({{"X-A", "a=" + kCode}, {"X-B", many}}));
    EXPECT_EQ(std::nullopt, other.reason);
    EXPECT_EQ(kMostCandidates, other.presented.candidates().size());
}

TEST(ReadHeaders, SignaturesOfPublicKeysMayBeLong) {
    const std::string rsa =
        "algorithm rsa-sha256; key pem; signed '{body}'; signature header=X-Sign;";
    for (const std::size_t size : {1UL, 64UL, 65UL, 256UL, kLongestSignature}) {
        const Reading reading(rsa, with({{"X-Sign", std::string(2 * size, 'c')}}));
        EXPECT_EQ(std::nullopt, reading.reason) << size;
        ASSERT_EQ(1U, reading.presented.candidates().size());
        const auto bytes = reading.presented.candidates()[0].bytes();
        EXPECT_EQ(std::vector<std::uint8_t>(size, 0xcc),
                  std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
    }
    for (const std::size_t size : {0UL, kLongestSignature + 1}) {
        expect_reason(Reason::malformed_signature, rsa,
                      with({{"X-Sign", std::string(2 * size, 'c')}}));
    }
    const std::string ed25519 =
        "algorithm ed25519; key hex; signed '{body}'; signature header=X-Sign;";
    expect_reason(std::nullopt, ed25519, with({{"X-Sign", std::string(128, 'c')}}));
}

TEST(ReadHeaders, HashHasTheLengthOfItsHash) {
    const std::string hash = "algorithm sha256; signed '{secret}{body}'; signature header=X-Sign;";
    expect_reason(std::nullopt, hash, with({{"X-Sign", kCode}}));
    expect_reason(Reason::malformed_signature, hash, with({{"X-Sign", kCode + "aa"}}));
    expect_reason(Reason::malformed_signature, hash, with({{"X-Sign", kCode.substr(2)}}));
}

TEST(ReadHeaders, JwtIsKeptAsItIs) {
    const Reading reading("algorithm jwt=HS256; signature header=X-Sign 'prefix=Bearer ';",
                          with({{"X-Sign", "Bearer a.b.c"}}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_EQ("a.b.c", reading.presented.token);
    EXPECT_TRUE(reading.presented.candidates().empty());
    EXPECT_TRUE(reading.presented.has_signature());
}

TEST(ReadHeaders, SignatureAndTimeInTheBodyAreNotReadHere) {
    const std::string body =
        "algorithm hmac-sha256; signed '{timestamp}'; signature json=/s; timestamp json=/t;";
    const Reading reading(body, with({}));
    EXPECT_EQ(std::nullopt, reading.reason);
    EXPECT_FALSE(reading.presented.has_signature());
    EXPECT_EQ("", reading.presented.timestamp);
    expect_reason(std::nullopt, "algorithm hmac-sha256; native aws-sns; signature encoding=hex;",
                  with({}));
    expect_reason(std::nullopt, "algorithm jwt=HS256; signature header=S; timestamp claim=iat;",
                  with({{"S", "a"}}));
}

TEST(ReadHeaders, RequiredHeadersAreExact) {
    const std::string scheme = kBare + "require X-A=1 'X-B=a b'; require X-C=;";
    const auto judged = [&](const std::string& name, const std::string& value) {
        Delivery delivery = with({{"X-Sign", kCode}, {"X-A", "1"}, {"X-B", "a b"}, {"X-C", ""}});
        if (!name.empty()) delivery.set(name, value);
        return Reading(scheme, delivery).reason;
    };
    EXPECT_EQ(std::nullopt, judged("", ""));
    EXPECT_EQ(Reason::missing_header, judged("X-A", "2"));
    EXPECT_EQ(Reason::missing_header, judged("X-A", "1 "));
    EXPECT_EQ(Reason::missing_header, judged("X-A", ""));
    EXPECT_EQ(Reason::missing_header, judged("X-B", "A b"));
    EXPECT_EQ(Reason::missing_header, judged("X-C", "1"));
    for (const std::string& name : {"X-A"s, "X-B"s, "X-C"s}) {
        Delivery delivery = with({{"X-Sign", kCode}, {"X-A", "1"}, {"X-B", "a b"}, {"X-C", ""}});
        delivery.remove(name);
        expect_reason(Reason::missing_header, scheme, delivery);
        delivery = with({{"X-Sign", kCode}, {"X-A", "1"}, {"X-B", "a b"}, {"X-C", ""}});
        delivery.add(name, name == "X-A" ? "1" : name == "X-B" ? "a b" : "");
        expect_reason(Reason::malformed_header, scheme, delivery);
    }
}

TEST(ReadHeaders, ContentTypeStandsOnceWhereAFormIsSigned) {
    const std::string form = "algorithm hmac-sha256; signed '{form}'; signature header=X-Sign;";
    expect_reason(std::nullopt, form, with({{"X-Sign", kCode}}));
    expect_reason(std::nullopt, form, with({{"X-Sign", kCode}, {"Content-Type", "a"}}));
    expect_reason(Reason::malformed_header, form,
                  with({{"X-Sign", kCode}, {"Content-Type", "a"}, {"content-type", "a"}}));
    expect_reason(std::nullopt, kBare,
                  with({{"X-Sign", kCode}, {"Content-Type", "a"}, {"Content-Type", "b"}}));
}

TEST(ReadHeaders, TimestampItemMayRepeatOnlyWhereTheSchemeSaysSo) {
    const std::string time = "t=" + kTime;
    const std::string repeating = kItem.substr(0, kItem.size() - 1) + " may_repeat;";
    expect_reason(std::nullopt, repeating,
                  with({{"X-Sign", time + ",v1=" + kCode + "," + time + "," + time}}));
    expect_reason(Reason::malformed_timestamp, kItem,
                  with({{"X-Sign", time + ",v1=" + kCode + "," + time}}));
    expect_reason(Reason::malformed_timestamp, repeating,
                  with({{"X-Sign", time + ",v1=" + kCode + ",t=1614265331"}}));
    expect_reason(Reason::malformed_timestamp, repeating,
                  with({{"X-Sign", "t=,v1=" + kCode + "," + time}}));
    expect_reason(Reason::malformed_timestamp, repeating, with({{"X-Sign", "t=,t=,v1=" + kCode}}));
    expect_reason(Reason::missing_timestamp, repeating, with({{"X-Sign", "v1=" + kCode}}));
}

TEST(CheckTimestamp, IsInTheSchemesUnitAndWindow) {
    const TimestampSource source{{}, TimestampUnit::seconds, {5s, 2s}, false};
    EXPECT_EQ(std::nullopt, check_timestamp(source, kTime, kNow + 5s, std::nullopt));
    EXPECT_EQ(Reason::stale_timestamp, check_timestamp(source, kTime, kNow + 5001ms, std::nullopt));
    EXPECT_EQ(std::nullopt, check_timestamp(source, kTime, kNow - 2s, std::nullopt));
    EXPECT_EQ(Reason::future_timestamp,
              check_timestamp(source, kTime, kNow - 2001ms, std::nullopt));
    EXPECT_EQ(std::nullopt, check_timestamp(source, kTime, kNow + 9s, Tolerance{9s, 0s}));
    EXPECT_EQ(Reason::malformed_timestamp, check_timestamp(source, "", kNow, std::nullopt));
}

// What else it may hold depends on the body (boundaries_test.cpp).
TEST(ReadHeaders, ValueThatTouchesTheBodyIsThere) {
    for (const std::string& text :
         {"{body}{header:X-Id}"s, "{header:X-Id}{body}"s, "{header:X-Id}{method}{body}"s}) {
        const std::string scheme =
            "algorithm hmac-sha256; signature header=X-Sign; signed '" + text + "';";
        for (const std::string& value : {"1614265330"s, "a=b"s, "{\"1\"}"s}) {
            expect_reason(std::nullopt, scheme, with({{"X-Sign", kCode}, {"X-Id", value}}));
        }
        expect_reason(Reason::malformed_header, scheme, with({{"X-Sign", kCode}, {"X-Id", ""}}));
    }
}

// A value may hold the literal beside it only where nothing could be moved over it.
TEST(ReadHeaders, ValueHoldsNoSeparatorBesideIt) {
    const auto expect = [](bool taken, const std::string& text, const std::string& id,
                           const std::string& unit = "s") {
        const std::string time = unit == "s" ? kTime : "2021-02-25T15:02:10Z";
        expect_reason(taken ? std::nullopt : std::optional(Reason::malformed_header),
                      "algorithm hmac-sha256; signature header=X-Sign; event_id header=X-Id;"
                      "timestamp header=X-Time unit=" +
                          unit + "; signed '" + text + "';",
                      with({{"X-Sign", kCode}, {"X-Id", id}, {"X-Time", time}, {"X-B", "b"}}));
    };
    for (const std::string& text : {"{id}.{body}"s, "{id}.{timestamp}.{body}"s, "{body}.{id}"s,
                                    "{id}.{header:X-B}"s, "{id}.{url}"s}) {
        expect(true, text, "evt_1");
        expect(false, text, "evt.1");
        expect(false, text, ".");
    }
    for (const std::string& text :
         {"{id}."s, ".{id}"s, "{method}.{id}"s, "{id}.{method}"s, "{id}.{sha256:body}"s,
          "{timestamp}.{id}"s, "{header:X-B}.{id}"s}) {
        expect(true, text, "evt.1");
    }
    // Of a separator that could begin in the value itself.
    expect(true, "{id}--{body}", "a-b");
    expect(false, "{id}--{body}", "a-");
    expect(true, "{body}--{id}", "a-");
    expect(false, "{body}--{id}", "-a");
    expect(true, "{id}{timestamp}{body}", "evt_1-a=+/.", "rfc3339");
    for (const std::string& id : {"evt:1"s, "evt 1"s, "evt{1"s, "evt,1"s}) {
        expect(false, "{id}{timestamp}{body}", id, "rfc3339");
        expect(false, "{body}{timestamp}{id}", id, "rfc3339");
        expect(true, "{id}{timestamp}{body}", id);
    }
}

}  // namespace
}  // namespace webhook
