#include "scheme/scheme.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "scheme/boundaries.h"
#include "scheme/native.h"
#include "scheme/vocabulary.h"
#include "scheme_fixture.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::expect_refused;
using testing::kHmac;
using testing::kToken;
using testing::kUnsigned;
using testing::kWithoutSignature;
using testing::parsed;

void describe(std::ostream& stream, const Scheme& scheme, const ValueLocation& source) {
    switch (source.kind) {
        case ValueLocation::Kind::none:
            stream << "nowhere";
            break;
        case ValueLocation::Kind::header:
            stream << "header " << scheme.headers.at(source.header);
            break;
        case ValueLocation::Kind::item:
            stream << "item " << webhook::in_quotes(source.text);
            break;
        case ValueLocation::Kind::json:
            stream << "json " << webhook::in_quotes(source.text);
            break;
        case ValueLocation::Kind::query:
            stream << "query " << webhook::in_quotes(source.text);
            break;
        case ValueLocation::Kind::claim:
            stream << "claim " << webhook::in_quotes(source.text);
            break;
        case ValueLocation::Kind::field:
            stream << "field " << webhook::in_quotes(source.text);
            break;
    }
}

std::string described(const Scheme& scheme) {
    static const std::map<TemplatePart::Kind, std::string> kParts{
        {TemplatePart::Kind::literal, "literal"},     {TemplatePart::Kind::body, "body"},
        {TemplatePart::Kind::timestamp, "timestamp"}, {TemplatePart::Kind::id, "id"},
        {TemplatePart::Kind::method, "method"},       {TemplatePart::Kind::header, "header"}};
    std::ostringstream stream;
    stream << "name " << webhook::in_quotes(scheme.name) << "\nalgorithm " << int(scheme.algorithm)
           << "\nhash " << int(scheme.hash) << "\nkey " << int(scheme.key) << "\nsigned";
    for (const TemplatePart& part : scheme.signed_parts) {
        stream << ' ' << kParts.at(part.kind) << webhook::in_quotes(part.text);
        if (part.kind == TemplatePart::Kind::header) stream << scheme.headers.at(part.header);
    }
    stream << "\nsignature " << scheme.headers.at(scheme.signatures.front().source.header)
           << " split " << webhook::in_quotes(scheme.signatures.front().separators) << " prefix "
           << webhook::in_quotes(scheme.signatures.front().prefix) << " encoding "
           << int(scheme.signatures.front().encoding) << "\ntimestamp ";
    if (scheme.timestamp) {
        describe(stream, scheme, scheme.timestamp->source);
        stream << " unit " << int(scheme.timestamp->unit) << " tolerance "
               << scheme.timestamp->tolerance.past.count() << ' '
               << scheme.timestamp->tolerance.future.count();
    }
    stream << "\nevent_id ";
    describe(stream, scheme, scheme.event_id);
    stream << "\nevent_type ";
    describe(stream, scheme, scheme.event_type);
    stream << "\nheaders";
    for (const std::string& header : scheme.headers) stream << ' ' << header;
    return stream.str();
}

TEST(Scheme, OfTheDesignsExample) {
    const Scheme scheme = parsed(R"(
        algorithm   hmac-sha256;
        key         whsec;
        signed      "{id}.{timestamp}.{body}";
        signature   header=Acme-Signature split=" " prefix="v1," encoding=base64;
        timestamp   header=Acme-Timestamp unit=s tolerance=5m;
        event_id    header=Acme-Id;
        event_type  json=/type;
    )");
    EXPECT_EQ("acme", scheme.name);
    EXPECT_EQ(Algorithm::hmac, scheme.algorithm);
    EXPECT_EQ(Hash::sha256, scheme.hash);
    EXPECT_EQ(KeyEncoding::whsec, scheme.key);
    ASSERT_EQ(5U, scheme.signed_parts.size());
    EXPECT_EQ(TemplatePart::Kind::id, scheme.signed_parts[0].kind);
    EXPECT_EQ(TemplatePart::Kind::literal, scheme.signed_parts[1].kind);
    EXPECT_EQ(".", scheme.signed_parts[1].text);
    EXPECT_EQ(TemplatePart::Kind::timestamp, scheme.signed_parts[2].kind);
    EXPECT_EQ(TemplatePart::Kind::body, scheme.signed_parts[4].kind);
    EXPECT_EQ("acme-signature", scheme.headers.at(scheme.signatures.front().source.header));
    EXPECT_EQ(" ", scheme.signatures.front().separators);
    EXPECT_EQ("v1,", scheme.signatures.front().prefix);
    EXPECT_EQ(TextEncoding::base64, scheme.signatures.front().encoding);
    ASSERT_TRUE(scheme.timestamp);
    EXPECT_EQ(ValueLocation::Kind::header, scheme.timestamp->source.kind);
    EXPECT_EQ("acme-timestamp", scheme.headers.at(scheme.timestamp->source.header));
    EXPECT_EQ(TimestampUnit::seconds, scheme.timestamp->unit);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.past);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.future);
    EXPECT_EQ(ValueLocation::Kind::header, scheme.event_id.kind);
    EXPECT_EQ("acme-id", scheme.headers.at(scheme.event_id.header));
    EXPECT_EQ(ValueLocation::Kind::json, scheme.event_type.kind);
    EXPECT_EQ("/type", scheme.event_type.text);
}

TEST(Scheme, DoesNotDependOnHowItIsWritten) {
    EXPECT_EQ(
        described(parsed(R"(
        # As the documentation has it.
        algorithm   hmac-sha256;
        key         whsec;
        signed      "{id}.{timestamp}.{body}";
        signature   header=Acme-Signature split=" " prefix="v1," encoding=base64; # one or more
        timestamp   header=Acme-Timestamp unit=ms tolerance=5m future=10s;
        event_id    header=Acme-Id;
        event_type  json="/event type";
    )")),
        described(parsed("algorithm 'hmac-sha256';\"key\" whsec;signed '{id}.{timestamp}.{body}';"
                         "signature header=acme-signature 'split= ' prefix=v1, "
                         "encoding=base64;timestamp\nheader=ACME-TIMESTAMP\tunit=ms "
                         "tolerance=300s future=10000ms;event_id \"header=Acme-Id\";"
                         "event_type json=/event' 'type;")));
}

TEST(Scheme, EveryAlgorithm) {
    const std::map<std::string, Hash> hashes{{"hmac-sha1", Hash::sha1},
                                             {"hmac-sha256", Hash::sha256},
                                             {"hmac-sha384", Hash::sha384},
                                             {"hmac-sha512", Hash::sha512}};
    for (const auto& [name, hash] : hashes) {
        const Scheme scheme =
            parsed("algorithm " + name + "; signed '{body}'; signature header=Signature;");
        EXPECT_EQ(Algorithm::hmac, scheme.algorithm) << name;
        EXPECT_EQ(hash, scheme.hash) << name;
    }
    EXPECT_EQ(Algorithm::token, parsed(kToken).algorithm);
}

TEST(Scheme, EveryKeyEncoding) {
    const std::map<std::string, KeyEncoding> encodings{{"utf8", KeyEncoding::utf8},
                                                       {"base64", KeyEncoding::base64},
                                                       {"hex", KeyEncoding::hex},
                                                       {"whsec", KeyEncoding::whsec}};
    for (const auto& [name, encoding] : encodings) {
        EXPECT_EQ(encoding, parsed(kHmac + "key " + name + ";").key) << name;
    }
}

TEST(Scheme, EverySignatureEncoding) {
    const std::map<std::string, TextEncoding> encodings{{"hex", TextEncoding::hex},
                                                        {"base64", TextEncoding::base64},
                                                        {"base64url", TextEncoding::base64url}};
    for (const auto& [name, encoding] : encodings) {
        const Scheme scheme =
            parsed(kWithoutSignature + "signature header=S encoding=" + name + ";");
        EXPECT_EQ(encoding, scheme.signatures.front().encoding) << name;
    }
}

TEST(Scheme, EveryTimestampUnit) {
    const std::map<std::string, TimestampUnit> units{{"s", TimestampUnit::seconds},
                                                     {"ms", TimestampUnit::milliseconds},
                                                     {"rfc3339", TimestampUnit::rfc3339}};
    for (const auto& [name, unit] : units) {
        EXPECT_EQ(unit, parsed(kHmac + "timestamp header=T unit=" + name + ";").timestamp->unit);
    }
}

TEST(Scheme, WhatIsNotSaidHasADefault) {
    const Scheme scheme = parsed(kHmac + "timestamp header=T;");
    EXPECT_EQ(KeyEncoding::utf8, scheme.key);
    EXPECT_EQ("", scheme.signatures.front().separators);
    EXPECT_EQ("", scheme.signatures.front().prefix);
    EXPECT_EQ(TextEncoding::hex, scheme.signatures.front().encoding);
    EXPECT_EQ(TimestampUnit::seconds, scheme.timestamp->unit);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.past);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.future);
    EXPECT_EQ(ValueLocation::Kind::none, scheme.event_id.kind);
    EXPECT_EQ(ValueLocation::Kind::none, scheme.event_type.kind);
    EXPECT_FALSE(parsed(kHmac).timestamp);
}

TEST(Scheme, FutureToleranceIsThatOfThePastUnlessGiven) {
    const auto tolerance = [](const std::string& parameters) {
        return parsed(kHmac + "timestamp header=T " + parameters + ";").timestamp->tolerance;
    };
    EXPECT_EQ(30min, tolerance("tolerance=30m").past);
    EXPECT_EQ(30min, tolerance("tolerance=30m").future);
    EXPECT_EQ(30min, tolerance("tolerance=30m future=1500ms").past);
    EXPECT_EQ(1500ms, tolerance("tolerance=30m future=1500ms").future);
    EXPECT_EQ(5min, tolerance("future=1s").past);
    EXPECT_EQ(1s, tolerance("future=1s tolerance=5m").future);
}

TEST(Scheme, TimestampMayBeAnItemOfTheSignatureHeader) {
    const Scheme scheme = parsed(
        "algorithm hmac-sha256; signed '{timestamp}.{body}';"
        "signature header=S split=, prefix=v1=; timestamp item=t= unit=ms;");
    EXPECT_EQ(ValueLocation::Kind::item, scheme.timestamp->source.kind);
    EXPECT_EQ("t=", scheme.timestamp->source.text);
    EXPECT_EQ(std::vector<std::string>{"s"}, scheme.headers);
}

TEST(Scheme, FieldsComeInAnyOrder) {
    const std::vector<std::string> statements{
        "event_type json=/type;",     "event_id header=Id;",  "timestamp item=t=;",
        "signed '{id}{timestamp}';",  "algorithm hmac-sha1;", "key hex;",
        "signature header=S split=,;"};
    std::string forwards;
    std::string backwards;
    for (const std::string& statement : statements) {
        forwards += statement;
        backwards = statement + backwards;
    }
    Scheme one = parsed(forwards);
    Scheme other = parsed(backwards);
    EXPECT_EQ(one.hash, other.hash);
    EXPECT_EQ(one.key, other.key);
    EXPECT_EQ(one.signed_parts.size(), other.signed_parts.size());
    EXPECT_EQ(one.headers.at(one.signatures.front().source.header),
              other.headers.at(other.signatures.front().source.header));
    EXPECT_EQ(one.headers.at(one.event_id.header), other.headers.at(other.event_id.header));
    EXPECT_EQ(one.timestamp->source.text, other.timestamp->source.text);
}

TEST(Scheme, SpaceAndLinesMayStandBetweenWords) {
    EXPECT_EQ(described(parsed(kHmac)),
              described(parsed("\n\talgorithm\r\n\thmac-sha256 ;signed\n'{body}' ;\r\n signature"
                               "\t\theader=Signature;\n\n")));
    EXPECT_EQ(
        described(parsed(kHmac)),
        described(parsed("algorithm hmac-sha256;signed '{body}';signature header=Signature;")));
}

TEST(Scheme, QuotedArgumentMayHoldSpacesAndSemicolons) {
    const Scheme scheme = parsed(kUnsigned + "signed \"a b; {body}\";");
    ASSERT_EQ(2U, scheme.signed_parts.size());
    EXPECT_EQ("a b; ", scheme.signed_parts[0].text);
}

TEST(Scheme, EveryPlaceholder) {
    const Scheme scheme = parsed(kUnsigned +
                                 "event_id header=Id; timestamp header=T;"
                                 "signed \"<{method}|{header:X-Date}{id}\n{timestamp}{body}>\";");
    const std::vector<std::pair<TemplatePart::Kind, std::string>> expected{
        {TemplatePart::Kind::literal, "<"},  {TemplatePart::Kind::method, ""},
        {TemplatePart::Kind::literal, "|"},  {TemplatePart::Kind::header, ""},
        {TemplatePart::Kind::id, ""},        {TemplatePart::Kind::literal, "\n"},
        {TemplatePart::Kind::timestamp, ""}, {TemplatePart::Kind::body, ""},
        {TemplatePart::Kind::literal, ">"}};
    ASSERT_EQ(expected.size(), scheme.signed_parts.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, scheme.signed_parts[i].kind) << i;
        EXPECT_EQ(expected[i].second, scheme.signed_parts[i].text) << i;
    }
    EXPECT_EQ("x-date", scheme.headers.at(scheme.signed_parts[3].header));
    for (TemplatePart::Kind kind :
         {TemplatePart::Kind::literal, TemplatePart::Kind::body, TemplatePart::Kind::timestamp,
          TemplatePart::Kind::id, TemplatePart::Kind::method, TemplatePart::Kind::header}) {
        EXPECT_TRUE(scheme.signs(kind));
    }
}

TEST(Scheme, SignsOnlyWhatItsTextNames) {
    const Scheme scheme = parsed(kHmac + "timestamp header=T; event_id header=Id;");
    EXPECT_TRUE(scheme.signs(TemplatePart::Kind::body));
    for (TemplatePart::Kind kind :
         {TemplatePart::Kind::literal, TemplatePart::Kind::timestamp, TemplatePart::Kind::id,
          TemplatePart::Kind::method, TemplatePart::Kind::header}) {
        EXPECT_FALSE(scheme.signs(kind));
    }
    EXPECT_FALSE(parsed(kToken).signs(TemplatePart::Kind::body));
}

TEST(Scheme, OneHeaderReadTwiceHasOnePlace) {
    const Scheme scheme = parsed(
        "algorithm hmac-sha256; signed '{header:ACME-ID}{header:x-b}{body}';"
        "signature header=Acme-Signature; event_id header=acme-id; event_type header=X-B;");
    EXPECT_EQ((std::set<std::string>{"acme-signature", "acme-id", "x-b"}),
              (std::set<std::string>(scheme.headers.begin(), scheme.headers.end())));
    EXPECT_EQ(3U, scheme.headers.size());
}

TEST(Scheme, HasAtMostTwelveHeaders) {
    ASSERT_EQ(12U, kMostHeaders);
    std::string text = "{body}";
    for (int i = 1; i < 12; ++i) text += "{header:X-" + std::to_string(i) + "}";
    EXPECT_EQ(12U, parsed(kUnsigned + "signed '" + text + "';").headers.size());
    EXPECT_EQ(12U, parsed(kUnsigned + "signed '" + text + "{header:X-1}';").headers.size());
    expect_refused(kUnsigned + "signed '" + text + "{header:X-12}';", {"12"});
}

TEST(Scheme, HasTheEventInTheBody) {
    EXPECT_FALSE(parsed(kHmac).has_event_in_body());
    EXPECT_FALSE(parsed(kHmac + "event_id header=I; event_type query=t;").has_event_in_body());
    EXPECT_TRUE(parsed(kHmac + "event_id json=/id;").has_event_in_body());
    EXPECT_TRUE(parsed(kHmac + "event_id field=id;").has_event_in_body());
    EXPECT_TRUE(parsed(kHmac + "event_id header=I; event_type json=/type;").has_event_in_body());
    EXPECT_TRUE(parsed(kHmac + "event_id header=I; event_type field=t;").has_event_in_body());
}

TEST(Scheme, ReadsParametersOfTheQueryAsHeaders) {
    const Scheme scheme = parsed(
        "algorithm hmac-sha256; signed '{timestamp}.{body}'; signature query=Sig;"
        "timestamp query=t; event_id query=id; event_type header=Sig;");
    EXPECT_EQ((std::vector<std::string>{"?Sig", "?t", "?id", "sig"}), scheme.headers);
    EXPECT_TRUE(scheme.wants_parameters);
    EXPECT_FALSE(parsed(kHmac).wants_parameters);
    EXPECT_FALSE(scheme.covers_event_id());
    EXPECT_TRUE(scheme.covers_timestamp());
    EXPECT_TRUE(parsed(kHmac + "event_id query=id;").covers_event_id() ==
                parsed(kHmac + "event_id header=id;").covers_event_id());
    const std::string by_url =
        "algorithm hmac-sha256; signature header=S; event_id query=id; signed ";
    EXPECT_TRUE(parsed(by_url + "'{url}{body}';").covers_event_id());
    EXPECT_TRUE(parsed(by_url + "'{query:id}.{body}';").covers_event_id());
    EXPECT_FALSE(parsed(by_url + "'{query:other}.{body}';").covers_event_id());
}

TEST(Scheme, TellsWhetherTheSecretStandsInTheQuery) {
    EXPECT_TRUE(parsed("algorithm token; signature query=token;").has_secret_in_query());
    EXPECT_TRUE(parsed("algorithm jwt=HS256; signature query=jwt;").has_secret_in_query());
    EXPECT_FALSE(parsed("algorithm token; signature header=Token;").has_secret_in_query());
    EXPECT_FALSE(parsed("algorithm token; signature json=/token;").has_secret_in_query());
    EXPECT_FALSE(
        parsed("algorithm hmac-sha256; signed '{body}'; signature query=s;").has_secret_in_query());
}

// A form that carries its own signature has other fields as well, which nobody signs.
TEST(Scheme, DoesNotCoverTheFieldsThatItLeavesOut) {
    const std::string route =
        "algorithm hmac-sha256; signed '{field:timestamp}{field:token}'; timestamp "
        "field=timestamp; event_id field=";
    const Scheme lenient = parsed(route + "token; signature field=s;");
    EXPECT_TRUE(lenient.takes_unsigned_fields());
    EXPECT_FALSE(lenient.covers_body());
    EXPECT_TRUE(lenient.covers_timestamp());
    EXPECT_TRUE(lenient.covers_event_id());
    EXPECT_EQ("", ambiguous_parts(lenient, false));
    EXPECT_FALSE(parsed(route + "other; signature field=s;").covers_event_id());
    const Scheme strict = parsed(route + "token; signature field=s alone;");
    EXPECT_FALSE(strict.takes_unsigned_fields());
    EXPECT_TRUE(strict.covers_body());
    const Scheme whole = parsed("algorithm hmac-sha256; signed '{form}'; signature field=s;");
    EXPECT_FALSE(whole.takes_unsigned_fields());
    EXPECT_TRUE(whole.covers_body());
}

TEST(Scheme, CoversTheEventIdThatItSigns) {
    EXPECT_FALSE(parsed(kHmac).covers_event_id());
    EXPECT_FALSE(parsed(kHmac + "event_id header=Id;").covers_event_id());
    EXPECT_TRUE(parsed(kHmac + "event_id json=/id;").covers_event_id());
    EXPECT_TRUE(parsed(kUnsigned + "signed '{id}{body}'; event_id header=Id;").covers_event_id());
    EXPECT_TRUE(
        parsed(kUnsigned + "signed '{header:iD}{body}'; event_id header=Id;").covers_event_id());
    EXPECT_FALSE(
        parsed(kUnsigned + "signed '{header:Other}{body}'; event_id header=Id;").covers_event_id());
    EXPECT_FALSE(parsed(kUnsigned + "signed '{timestamp}'; timestamp header=T; event_id json=/id;")
                     .covers_event_id());
    EXPECT_FALSE(parsed(kToken + "event_id header=Id;").covers_event_id());
    EXPECT_FALSE(parsed(kToken + "event_id json=/id;").covers_event_id());
}

using Kind = TemplatePart::Kind;

TEST(Scheme, EveryAlgorithmThatIsNoHmac) {
    struct Expected {
        std::string statements;
        Algorithm algorithm;
        Hash hash;
        bool presents_secret;
        bool has_public_key;
    };
    const std::string signs = "signed '{body}'; signature header=S;";
    const std::vector<Expected> all{
        {"algorithm sha256; signed '{secret}{body}'; signature header=S;", Algorithm::hash,
         Hash::sha256, false, false},
        {"algorithm ed25519; key hex;" + signs, Algorithm::ed25519, Hash::sha512, false, true},
        {"algorithm ecdsa-p256-sha256; key pem;" + signs, Algorithm::ecdsa_p256, Hash::sha256,
         false, true},
        {"algorithm rsa-sha1; key pem;" + signs, Algorithm::rsa, Hash::sha1, false, true},
        {"algorithm rsa-sha256; key jwk;" + signs, Algorithm::rsa, Hash::sha256, false, true},
        {"algorithm token; signature header=S;", Algorithm::token, Hash::sha256, true, false},
        {"algorithm basic; signature header=S;", Algorithm::basic, Hash::sha256, true, false},
        {"algorithm jwt=HS512; signature header=S;", Algorithm::jwt, Hash::sha512, false, false},
        {"algorithm jwt=ES256; key jwk; signature header=S;", Algorithm::jwt, Hash::sha256, false,
         true},
        {"algorithm jwt=RS256; key spki; signature header=S;", Algorithm::jwt, Hash::sha256, false,
         true},
        {"algorithm jwt=EdDSA; key whpk; signature header=S;", Algorithm::jwt, Hash::sha512, false,
         true},
    };
    for (const Expected& expected : all) {
        SCOPED_TRACE(expected.statements);
        const Scheme scheme = parsed(expected.statements);
        EXPECT_EQ(expected.algorithm, scheme.algorithm);
        EXPECT_EQ(expected.hash, scheme.hash);
        EXPECT_EQ(expected.presents_secret, scheme.presents_secret());
        EXPECT_EQ(expected.has_public_key, scheme.has_public_key());
    }
}

TEST(Scheme, JwtPinsItsAlgorithms) {
    EXPECT_EQ((std::vector{JwtAlgorithm::hs384, JwtAlgorithm::hs256, JwtAlgorithm::hs512}),
              parsed("algorithm jwt=HS384,HS256,HS512; signature header=S;").jwt_algorithms);
    EXPECT_EQ(std::vector{JwtAlgorithm::rs256},
              parsed("algorithm jwt=RS256; key pem; signature header=S;").jwt_algorithms);
    EXPECT_EQ(std::vector<JwtAlgorithm>{}, parsed(kHmac).jwt_algorithms);
}

// Which encodings of a key fit which algorithm.
TEST(Scheme, KeyFitsItsAlgorithm) {
    const std::string shared = "utf8 base64 hex whsec";
    const std::map<std::string, std::string> fitting{{"hmac-sha1", shared},
                                                     {"hmac-sha512", shared},
                                                     {"sha256", shared},
                                                     {"token", shared},
                                                     {"basic", "utf8"},
                                                     {"jwt=HS256", shared},
                                                     {"ed25519", "base64 hex whpk pem spki jwk"},
                                                     {"jwt=EdDSA", "base64 hex whpk pem spki jwk"},
                                                     {"ecdsa-p256-sha256", "pem spki jwk"},
                                                     {"jwt=ES256", "pem spki jwk"},
                                                     {"rsa-sha1", "pem spki jwk"},
                                                     {"rsa-sha256", "pem spki jwk"},
                                                     {"jwt=RS256", "pem spki jwk"}};
    const std::map<std::string, KeyEncoding> encodings{
        {"utf8", KeyEncoding::utf8},   {"base64", KeyEncoding::base64}, {"hex", KeyEncoding::hex},
        {"whsec", KeyEncoding::whsec}, {"whpk", KeyEncoding::whpk},     {"pem", KeyEncoding::pem},
        {"spki", KeyEncoding::spki},   {"jwk", KeyEncoding::jwk}};
    for (const auto& [algorithm, names] : fitting) {
        std::string rest = "signature header=S;";
        const bool presents = algorithm == "token" || algorithm == "basic";
        if (algorithm == "sha256") {
            rest += "signed '{secret}{body}';";
        } else if (!presents && !algorithm.starts_with("jwt")) {
            rest += "signed '{body}';";
        }
        const std::string shown = algorithm.substr(0, algorithm.find('='));
        for (const auto& [name, encoding] : encodings) {
            const std::string text = "algorithm " + algorithm + "; key " + name + ";" + rest;
            if ((" " + names + " ").find(" " + name + " ") != std::string::npos) {
                EXPECT_EQ(encoding, parsed(text).key) << text;
                continue;
            }
            std::vector<std::string> mentioned{"\"key\" does not fit", "algorithm " + shown};
            std::istringstream words(names);
            for (std::string word; words >> word;) mentioned.push_back(word);
            expect_refused(text, mentioned);
        }
        if (names.find("utf8") == std::string::npos) {
            expect_refused("algorithm " + algorithm + ";" + rest,
                           {"no \"key\"", "algorithm " + shown, "pem, spki, jwk"});
        }
    }
}

TEST(Scheme, EveryPlaceholderOfTheUrlAndTheBody) {
    const Scheme scheme = parsed(
        "algorithm sha256; signature header=S;"
        "signed '{url}{url:hubspot}{url:ports}{secret}{secret_id}{form}{json:/a}{field:b}"
        "{query:c}{crc32:body}{sha256:body}';");
    const std::vector<std::pair<Kind, std::string>> expected{
        {Kind::url, ""},           {Kind::url_hubspot, ""},    {Kind::url_ports, ""},
        {Kind::secret, ""},        {Kind::secret_id, ""},      {Kind::form, ""},
        {Kind::json, "/a"},        {Kind::field, "b"},         {Kind::query, "c"},
        {Kind::crc32_of_body, ""}, {Kind::sha256_of_body, ""},
    };
    ASSERT_EQ(expected.size(), scheme.signed_parts.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, scheme.signed_parts[i].kind) << i;
        EXPECT_EQ(expected[i].second, scheme.signed_parts[i].text) << i;
    }
    EXPECT_TRUE(scheme.names_secret_id());
    EXPECT_FALSE(parsed(kHmac).names_secret_id());
}

TEST(Scheme, NamesOfFieldsAndParametersMayHoldColons) {
    const Scheme scheme = parsed(kUnsigned + "signed '{field:a:b}{query:c:d}{json:/e:f}';");
    EXPECT_EQ("a:b", scheme.signed_parts[0].text);
    EXPECT_EQ("c:d", scheme.signed_parts[1].text);
    EXPECT_EQ("/e:f", scheme.signed_parts[2].text);
}

TEST(Scheme, ReadsTheContentTypeWhereItSignsAForm) {
    for (const std::string& text : {"{form}"s, "{field:a}"s}) {
        const Scheme scheme = parsed(kUnsigned + "signed '" + text + "';");
        ASSERT_TRUE(scheme.content_type) << text;
        EXPECT_EQ("content-type", scheme.headers.at(*scheme.content_type));
        EXPECT_TRUE(scheme.signs_form());
        EXPECT_TRUE(scheme.covers_body());
    }
    EXPECT_FALSE(parsed(kHmac).content_type);
    EXPECT_FALSE(parsed(kHmac).signs_form());
}

TEST(Scheme, ReadsTheUrlWhereItTakesPart) {
    for (const std::string& text : {"{url}"s, "{url:hubspot}"s, "{url:ports}"s}) {
        EXPECT_TRUE(parsed(kUnsigned + "signed '" + text + "{body}';").reads_url()) << text;
    }
    for (const std::string& text : {"{body}"s, "{method}{query:a}{form}{header:X}{secret_id}"s}) {
        EXPECT_FALSE(parsed(kUnsigned + "signed '" + text + "';").reads_url()) << text;
    }
    const std::string jwt = "algorithm jwt=HS256; signature header=S; claims ";
    EXPECT_TRUE(parsed(jwt + "iss=a 'aud={url}';").reads_url());
    EXPECT_TRUE(parsed(jwt + "'qsh={url:qsh}';").reads_url());
    EXPECT_FALSE(parsed(jwt + "iss=a;").reads_url());
    EXPECT_TRUE(
        parsed("algorithm hmac-sha256; native contentful; signature encoding=hex;").reads_url());
}

TEST(Scheme, ReadsOtherHeadersOnlyWhereItCannotNameThem) {
    EXPECT_FALSE(parsed(kHmac).wants_other_headers);
    EXPECT_TRUE(parsed(kWithoutSignature + "signature header=S-*;").wants_other_headers);
    EXPECT_TRUE(parsed(kWithoutSignature + "signature header=S; signature header=T-*;")
                    .wants_other_headers);
    EXPECT_TRUE(parsed("algorithm hmac-sha256; native contentful; signature encoding=hex;")
                    .wants_other_headers);
}

TEST(Scheme, CoversTheBodyThatItSigns) {
    const auto covers = [](const std::string& text) {
        return parsed(kUnsigned + "signed '" + text + "';").covers_body();
    };
    EXPECT_TRUE(covers("{body}"));
    EXPECT_TRUE(covers("{sha256:body}"));
    EXPECT_TRUE(covers("{form}"));
    EXPECT_TRUE(covers("{field:a}"));
    EXPECT_FALSE(covers("{crc32:body}"));
    EXPECT_FALSE(covers("{json:/a}"));
    EXPECT_FALSE(covers("{method}{url}{query:a}{header:X}"));
    EXPECT_TRUE(parsed(kUnsigned + "signed '{url}'; digest query=d;").covers_body());
    EXPECT_FALSE(parsed(kToken).covers_body());
    EXPECT_FALSE(parsed("algorithm jwt=HS256; signature header=S;").covers_body());
    EXPECT_TRUE(parsed("algorithm jwt=HS256; signature header=S; digest claim=d;").covers_body());
    EXPECT_FALSE(parsed(kUnsigned + "signed '{crc32:body}'; event_id json=/id;").covers_event_id());
    EXPECT_TRUE(parsed(kUnsigned + "signed '{sha256:body}'; event_id json=/id;").covers_event_id());
}

TEST(Scheme, SignatureMayStandInTheBodyOrInNumberedHeaders) {
    const Scheme json =
        parsed("algorithm hmac-sha256; signed '{json:/c}'; signature json=/a/b encoding=base64;");
    EXPECT_EQ(ValueLocation::Kind::json, json.signatures.front().source.kind);
    EXPECT_EQ("/a/b", json.signatures.front().source.text);
    EXPECT_EQ(std::vector<std::string>{}, json.headers);
    const Scheme numbered = parsed(kWithoutSignature + "signature header=X-Sign-*;");
    EXPECT_EQ(ValueLocation::Kind::header, numbered.signatures.front().source.kind);
    EXPECT_EQ("x-sign-", numbered.signatures.front().numbered_headers);
    EXPECT_EQ(std::vector<std::string>{}, numbered.headers);
    EXPECT_EQ("", parsed(kHmac).signatures.front().numbered_headers);
}

TEST(Scheme, SignatureMayBeRepeatedWithKeysOfTheirOwn) {
    const Scheme scheme = parsed(kWithoutSignature +
                                 "signature header=A key_index=0 encoding=hex;"
                                 "signature header=B key_index=15 encoding=base64url;"
                                 "signature header=C;");
    ASSERT_EQ(3U, scheme.signatures.size());
    EXPECT_EQ(0U, scheme.signatures[0].key_index);
    EXPECT_EQ(15U, scheme.signatures[1].key_index);
    EXPECT_EQ(std::nullopt, scheme.signatures[2].key_index);
    EXPECT_EQ(TextEncoding::base64url, scheme.signatures[1].encoding);
    EXPECT_EQ("b", scheme.headers.at(scheme.signatures[1].source.header));
}

TEST(Scheme, TimestampMayStandInTheBodyOrInAToken) {
    const Scheme json = parsed(kHmac + "timestamp json=/at unit=ms tolerance=1m;");
    EXPECT_EQ(ValueLocation::Kind::json, json.timestamp->source.kind);
    EXPECT_EQ("/at", json.timestamp->source.text);
    const Scheme claim = parsed("algorithm jwt=HS256; signature header=S; timestamp claim=iat;");
    EXPECT_EQ(ValueLocation::Kind::claim, claim.timestamp->source.kind);
    EXPECT_EQ("iat", claim.timestamp->source.text);
    const std::string list = "signature header=S split=,; timestamp item=t=";
    EXPECT_FALSE(
        parsed("algorithm hmac-sha256; signed '{body}';" + list + ";").timestamp->may_repeat);
    EXPECT_TRUE(parsed("algorithm hmac-sha256; signed '{body}';" + list + " may_repeat;")
                    .timestamp->may_repeat);
}

TEST(Scheme, EventIdMayBeTheFirstOfManyOrMissing) {
    const auto event_id = [](const std::string& parameters) {
        return parsed(kHmac + "event_id " + parameters + ";").event_id;
    };
    EXPECT_FALSE(event_id("json=/id").batch);
    EXPECT_FALSE(event_id("json=/id").optional);
    EXPECT_TRUE(event_id("json=/id batch").batch);
    EXPECT_FALSE(event_id("json=/id batch").optional);
    EXPECT_TRUE(event_id("optional header=X").optional);
    EXPECT_FALSE(event_id("optional header=X").batch);
}

std::string key_of(const std::string& statements) {
    std::string text;
    for (const TemplatePart& part : parsed(statements).event_key) {
        const auto rows = event_key_placeholders();
        const auto row = std::ranges::find(rows, part.kind, &PlaceholderName::kind);
        text += (text.empty() ? "" : " ") + std::string(row->name);
    }
    return text;
}

TEST(Scheme, EventKeyHoldsWhatIsSignedAndAHeadersType) {
    EXPECT_EQ("body", key_of(kHmac));
    EXPECT_EQ("body", key_of(kHmac + "event_type json=/type;"));
    EXPECT_EQ("type body", key_of(kHmac + "event_type header=T;"));
    EXPECT_EQ("body", key_of(kHmac + "event_type header=T in_body;"));
    EXPECT_EQ("method url body", key_of(kUnsigned + "signed '{method}{url:hubspot}{body}';"));
    EXPECT_EQ("url body", key_of(kUnsigned + "signed '{url:ports}{form}';"));
    EXPECT_EQ("header query body", key_of(kUnsigned + "signed '{header:A}.{query:b}.{body}';"));
    EXPECT_EQ("url token body",
              key_of("algorithm jwt=HS256; signature header=A; claims 'aud={url}';"));
    EXPECT_EQ("type token body",
              key_of("algorithm jwt=HS256; signature header=A; event_type header=T;"));
    EXPECT_EQ("body", key_of("algorithm jwt=HS256; signature header=A; digest claim=d;"));
    EXPECT_EQ("type body", key_of("algorithm jwt=HS256; signature header=A; digest claim=d; "
                                  "event_type claim=t;"));
    EXPECT_EQ("type method url body", key_of("algorithm hmac-sha256; native contentful; signature "
                                             "encoding=hex; event_type header=T;"));
    EXPECT_EQ("body", key_of("algorithm hmac-sha256; native adyen-payments; signature "
                             "encoding=base64;"));
    // The id and the time are those of a delivery, and not of its event.
    EXPECT_EQ("body", key_of(kUnsigned + "signed '{header:I}.{id}.{timestamp}.{header:T}.{body}';"
                                         "event_id header=I; timestamp header=T;"));
}

TEST(Scheme, EventKeyCanBeSaid) {
    EXPECT_EQ("timestamp body",
              key_of(kHmac + "timestamp header=T; event_key '{timestamp}{body}';"));
    EXPECT_EQ("type body", key_of("algorithm jwt=HS256; signature header=A; digest claim=d; "
                                  "event_type claim=t; event_key '{type}{body}';"));
    EXPECT_EQ("type header json query method url",
              key_of(kHmac + "event_type header=T; event_key "
                             "'{type}:{header:A} {json:/b}{query:c}{method}{url}';"));
}

TEST(Scheme, RequiresHeaders) {
    const Scheme scheme = parsed(kHmac + "require A=1 'B=x y=z'; require C=;");
    ASSERT_EQ(3U, scheme.required_headers.size());
    EXPECT_EQ("a", scheme.headers.at(scheme.required_headers[0].header));
    EXPECT_EQ("1", scheme.required_headers[0].value);
    EXPECT_EQ("x y=z", scheme.required_headers[1].value);
    EXPECT_EQ("", scheme.required_headers[2].value);
}

TEST(Scheme, Digest) {
    const std::string url = kUnsigned + "signed '{url}';";
    const Scheme scheme = parsed(url + "digest query=d;");
    EXPECT_EQ(ValueLocation::Kind::query, scheme.digest->source.kind);
    EXPECT_EQ("d", scheme.digest->source.text);
    EXPECT_EQ(Hash::sha256, scheme.digest->hash);
    EXPECT_EQ(TextEncoding::hex, scheme.digest->encoding);
    EXPECT_FALSE(scheme.digest->optional);
    const Scheme other = parsed(url + "digest query=d optional algorithm=sha512 encoding=base64;");
    EXPECT_EQ(Hash::sha512, other.digest->hash);
    EXPECT_EQ(TextEncoding::base64, other.digest->encoding);
    EXPECT_TRUE(other.digest->optional);
    EXPECT_TRUE(parsed(kUnsigned + "signed '{url:ports}'; digest query=d;").digest);
    EXPECT_EQ(
        ValueLocation::Kind::claim,
        parsed("algorithm jwt=HS256; signature header=S; digest claim=h;").digest->source.kind);
}

TEST(Scheme, Claims) {
    const Scheme scheme = parsed(
        "algorithm jwt=HS256; signature header=S; claims iss=me 'aud=<{url}>'; claims sub=a=b;");
    ASSERT_EQ(3U, scheme.claims.size());
    EXPECT_EQ("iss", scheme.claims[0].name);
    EXPECT_EQ("me", scheme.claims[0].value.at(0).text);
    ASSERT_EQ(3U, scheme.claims[1].value.size());
    EXPECT_EQ(Kind::url, scheme.claims[1].value[1].kind);
    EXPECT_EQ("a=b", scheme.claims[2].value.at(0).text);
}

TEST(Scheme, Native) {
    for (const std::string& name : {"contentful"s, "aws-sns"s, "adyen-payments"s}) {
        const Scheme scheme =
            parsed("algorithm hmac-sha256; native " + name + "; signature encoding=base64;");
        ASSERT_NE(nullptr, scheme.native);
        EXPECT_EQ(name, scheme.native->name);
        EXPECT_EQ(TextEncoding::base64, scheme.signatures.front().encoding);
        EXPECT_EQ(ValueLocation::Kind::none, scheme.signatures.front().source.kind);
        EXPECT_EQ(name == "aws-sns", scheme.names_secret_id());
    }
    EXPECT_EQ(nullptr, parsed(kHmac).native);
}

TEST(Scheme, TellsWhatIsTheSameForDifferentEvents) {
    const auto is_id = [](const std::string& source, const std::string& more = "") {
        const Scheme scheme = parsed(kHmac + more + "event_id " + source + ";");
        return !scheme.is_of_many_events(scheme.event_id);
    };
    for (const std::string& name : {"Content-Type"s, "Host"s, "User-Agent"s, "Authorization"s}) {
        EXPECT_FALSE(is_id("header=" + name)) << name;
    }
    EXPECT_FALSE(is_id("json=/type", "event_type json=/type;"));
    EXPECT_FALSE(is_id("header=T", "timestamp header=T;"));
    EXPECT_FALSE(is_id("query=t", "timestamp query=t;"));
    EXPECT_FALSE(is_id("header=R", "require R=1;"));
    EXPECT_TRUE(is_id("header=X", "require R=1; event_type header=Y; timestamp header=T;"));
    EXPECT_TRUE(is_id("header=Signature"));
    EXPECT_TRUE(is_id("json=/id", "event_type json=/type;"));
    EXPECT_TRUE(is_id("query=id", "event_type header=id;"));
    const auto is_id_of = [](const std::string& text) {
        const Scheme scheme = parsed(text);
        return !scheme.is_of_many_events(scheme.event_id);
    };
    EXPECT_FALSE(is_id_of("algorithm token; signature query=t; event_id query=t;"));
    EXPECT_FALSE(is_id_of("algorithm token; signature header=T; event_id header=T;"));
    EXPECT_FALSE(is_id_of("algorithm jwt=HS256; signature header=A; event_id claim=iss;"));
    EXPECT_TRUE(is_id_of("algorithm jwt=HS256; signature header=A; event_id claim=jti;"));
    EXPECT_TRUE(
        is_id_of("algorithm jwt=HS256; signature header=Authorization; "
                 "event_id header=Authorization;"));
}

TEST(Scheme, TellsWhetherItsKeyIsTheSameForDifferentEvents) {
    const std::string start =
        kHmac + "event_type header=T; timestamp header=W; require R=1; event_key ";
    for (const std::string& key : {"{header:Content-Type}"s, "{header:T}{header:Host}"s,
                                   "{header:User-Agent}{method}"s, "{header:R}"s}) {
        EXPECT_FALSE(parsed(start + "'" + key + "';").event_key_tells_events_apart()) << key;
    }
    for (const std::string& key : {"{header:Content-Type}{body}"s, "{header:X}"s, "{timestamp}"s,
                                   "{header:W}"s, "{header:Signature}"s}) {
        EXPECT_TRUE(parsed(start + "'" + key + "';").event_key_tells_events_apart()) << key;
    }
}

TEST(Scheme, CoversTheIdThatItsNativeSigns) {
    const auto covers = [](const std::string& native, const std::string& pointer) {
        return parsed("algorithm hmac-sha256; native " + native +
                      "; signature encoding=hex; event_id json=" + pointer + ";")
            .covers_event_id();
    };
    EXPECT_TRUE(covers("aws-sns", "/MessageId"));
    EXPECT_FALSE(covers("aws-sns", "/UnsubscribeURL"));
    EXPECT_FALSE(
        covers("adyen-payments", "/notificationItems/0/NotificationRequestItem/eventDate"));
}

}  // namespace
}  // namespace webhook
