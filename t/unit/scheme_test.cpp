#include "scheme/scheme.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "scheme/boundaries.h"
#include "scheme/builder.h"
#include "scheme/native.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

void describe(std::ostream& stream, const Scheme& scheme, const Source& source) {
    switch (source.kind) {
        case Source::Kind::none:
            stream << "nowhere";
            break;
        case Source::Kind::header:
            stream << "header " << scheme.headers.at(source.header);
            break;
        case Source::Kind::item:
            stream << "item " << webhook::in_quotes(source.text);
            break;
        case Source::Kind::json:
            stream << "json " << webhook::in_quotes(source.text);
            break;
        case Source::Kind::query:
            stream << "query " << webhook::in_quotes(source.text);
            break;
        case Source::Kind::claim:
            stream << "claim " << webhook::in_quotes(source.text);
            break;
        case Source::Kind::field:
            stream << "field " << webhook::in_quotes(source.text);
            break;
    }
}

std::string described(const Scheme& scheme) {
    static const std::map<TextPart::Kind, std::string> kParts{
        {TextPart::Kind::literal, "literal"},     {TextPart::Kind::body, "body"},
        {TextPart::Kind::timestamp, "timestamp"}, {TextPart::Kind::id, "id"},
        {TextPart::Kind::method, "method"},       {TextPart::Kind::header, "header"}};
    std::ostringstream stream;
    stream << "name " << webhook::in_quotes(scheme.name) << "\nalgorithm " << int(scheme.algorithm)
           << "\nhash " << int(scheme.hash) << "\nkey " << int(scheme.key) << "\nsigned";
    for (const TextPart& part : scheme.signed_parts) {
        stream << ' ' << kParts.at(part.kind) << webhook::in_quotes(part.text);
        if (part.kind == TextPart::Kind::header) stream << scheme.headers.at(part.header);
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

void expect_refused(const std::string& text, const std::vector<std::string>& mentioned = {}) {
    SCOPED_TRACE(text);
    const std::string message = refusal([&] { parse_scheme("acme", text); });
    EXPECT_FALSE(message.empty());
    for (const std::string& word : mentioned) {
        EXPECT_NE(std::string::npos, message.find(word))
            << webhook::in_quotes(word) << " in: " << message;
    }
}

const std::string kToken = "algorithm token; signature header=Token;";
const std::string kHmac = "algorithm hmac-sha256; signed '{body}'; signature header=Signature;";
// Whatever has to follow a `signed` of its own.
const std::string kUnsigned = "algorithm hmac-sha256; signature header=Signature;";
const std::string kWithoutSignature = "algorithm hmac-sha256; signed '{body}';";

Scheme parsed(const std::string& text) {
    return parse_scheme("acme", text);
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
    EXPECT_EQ(TextPart::Kind::id, scheme.signed_parts[0].kind);
    EXPECT_EQ(TextPart::Kind::literal, scheme.signed_parts[1].kind);
    EXPECT_EQ(".", scheme.signed_parts[1].text);
    EXPECT_EQ(TextPart::Kind::timestamp, scheme.signed_parts[2].kind);
    EXPECT_EQ(TextPart::Kind::body, scheme.signed_parts[4].kind);
    EXPECT_EQ("acme-signature", scheme.headers.at(scheme.signatures.front().source.header));
    EXPECT_EQ(" ", scheme.signatures.front().separators);
    EXPECT_EQ("v1,", scheme.signatures.front().prefix);
    EXPECT_EQ(TextEncoding::base64, scheme.signatures.front().encoding);
    ASSERT_TRUE(scheme.timestamp);
    EXPECT_EQ(Source::Kind::header, scheme.timestamp->source.kind);
    EXPECT_EQ("acme-timestamp", scheme.headers.at(scheme.timestamp->source.header));
    EXPECT_EQ(TimestampUnit::seconds, scheme.timestamp->unit);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.past);
    EXPECT_EQ(5min, scheme.timestamp->tolerance.future);
    EXPECT_EQ(Source::Kind::header, scheme.event_id.kind);
    EXPECT_EQ("acme-id", scheme.headers.at(scheme.event_id.header));
    EXPECT_EQ(Source::Kind::json, scheme.event_type.kind);
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
    EXPECT_EQ(Source::Kind::none, scheme.event_id.kind);
    EXPECT_EQ(Source::Kind::none, scheme.event_type.kind);
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
    EXPECT_EQ(Source::Kind::item, scheme.timestamp->source.kind);
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
    const std::vector<std::pair<TextPart::Kind, std::string>> expected{
        {TextPart::Kind::literal, "<"},  {TextPart::Kind::method, ""},
        {TextPart::Kind::literal, "|"},  {TextPart::Kind::header, ""},
        {TextPart::Kind::id, ""},        {TextPart::Kind::literal, "\n"},
        {TextPart::Kind::timestamp, ""}, {TextPart::Kind::body, ""},
        {TextPart::Kind::literal, ">"}};
    ASSERT_EQ(expected.size(), scheme.signed_parts.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, scheme.signed_parts[i].kind) << i;
        EXPECT_EQ(expected[i].second, scheme.signed_parts[i].text) << i;
    }
    EXPECT_EQ("x-date", scheme.headers.at(scheme.signed_parts[3].header));
    for (TextPart::Kind kind :
         {TextPart::Kind::literal, TextPart::Kind::body, TextPart::Kind::timestamp,
          TextPart::Kind::id, TextPart::Kind::method, TextPart::Kind::header}) {
        EXPECT_TRUE(scheme.signs(kind));
    }
}

TEST(Scheme, SignsOnlyWhatItsTextNames) {
    const Scheme scheme = parsed(kHmac + "timestamp header=T; event_id header=Id;");
    EXPECT_TRUE(scheme.signs(TextPart::Kind::body));
    for (TextPart::Kind kind :
         {TextPart::Kind::literal, TextPart::Kind::timestamp, TextPart::Kind::id,
          TextPart::Kind::method, TextPart::Kind::header}) {
        EXPECT_FALSE(scheme.signs(kind));
    }
    EXPECT_FALSE(parsed(kToken).signs(TextPart::Kind::body));
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

using Kind = TextPart::Kind;

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
    EXPECT_EQ(Source::Kind::json, json.signatures.front().source.kind);
    EXPECT_EQ("/a/b", json.signatures.front().source.text);
    EXPECT_EQ(std::vector<std::string>{}, json.headers);
    const Scheme numbered = parsed(kWithoutSignature + "signature header=X-Sign-*;");
    EXPECT_EQ(Source::Kind::header, numbered.signatures.front().source.kind);
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
    EXPECT_EQ(Source::Kind::json, json.timestamp->source.kind);
    EXPECT_EQ("/at", json.timestamp->source.text);
    const Scheme claim = parsed("algorithm jwt=HS256; signature header=S; timestamp claim=iat;");
    EXPECT_EQ(Source::Kind::claim, claim.timestamp->source.kind);
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
    for (const TextPart& part : parsed(statements).event_key) {
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

TEST(SchemeErrors, EventKeyNamesWhatThereIs) {
    expect_refused(kHmac + "event_key '';", {"\"event_key\" holds no placeholder"});
    expect_refused(kHmac + "event_key body;", {"\"event_key\" holds no placeholder"});
    expect_refused(kHmac + "event_key '{id}';", {"{id}", "{body}", "{type}"});
    for (const std::string type : {"", "event_type json=/t;", "event_type field=t;"}) {
        expect_refused(kHmac + type + "event_key '{type}';",
                       {"{type}", "no \"event_type\"", "\"header=\"", "\"query=\"", "\"claim=\""});
    }
    expect_refused(kHmac + "event_key '{timestamp}{body}';", {"{timestamp}", "no \"timestamp\""});
    expect_refused(kHmac + "event_key '{token}{body}';", {"{token}", "algorithm jwt=..."});
    expect_refused(kHmac + "event_type json=/t in_body;", {"in_body", "header="});
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
    EXPECT_EQ(Source::Kind::query, scheme.digest->source.kind);
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
        Source::Kind::claim,
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
        EXPECT_EQ(Source::Kind::none, scheme.signatures.front().source.kind);
        EXPECT_EQ(name == "aws-sns", scheme.names_secret_id());
    }
    EXPECT_EQ(nullptr, parsed(kHmac).native);
}

Handshake handshake(const std::string& parameters) {
    return parsed(kHmac + "handshake " + parameters + ";").handshakes.at(0);
}

TEST(Scheme, HandshakeHasDefaults) {
    const Handshake plain = handshake("when=json:/a");
    EXPECT_EQ("POST", plain.method);
    EXPECT_EQ(Handshake::Check::signature, plain.check);
    EXPECT_EQ(200, plain.status);
    EXPECT_EQ("text/plain", plain.content_type);
    EXPECT_TRUE(plain.body.empty());
    EXPECT_EQ("", plain.header_name);
    EXPECT_TRUE(plain.header_value.empty());
    EXPECT_TRUE(parsed(kHmac).handshakes.empty());
}

TEST(Scheme, HandshakeConditions) {
    const Scheme scheme = parsed(kHmac +
                                 "handshake when=json:/type=a=b when=header:X-A when=!query:q "
                                 "when=json:/empty= when=!json:;");
    const auto& conditions = scheme.handshakes.at(0).conditions;
    using Test = Handshake::Condition::Test;
    ASSERT_EQ(5U, conditions.size());
    EXPECT_EQ(Source::Kind::json, conditions[0].source.kind);
    EXPECT_EQ("/type", conditions[0].source.text);
    EXPECT_EQ(Test::equals, conditions[0].test);
    EXPECT_EQ("a=b", conditions[0].value);
    EXPECT_EQ(Source::Kind::header, conditions[1].source.kind);
    EXPECT_EQ("x-a", scheme.headers.at(conditions[1].source.header));
    EXPECT_EQ(Test::present, conditions[1].test);
    EXPECT_EQ(Source::Kind::query, conditions[2].source.kind);
    EXPECT_EQ("q", conditions[2].source.text);
    EXPECT_EQ(Test::absent, conditions[2].test);
    EXPECT_EQ(Test::equals, conditions[3].test);
    EXPECT_EQ("", conditions[3].value);
    EXPECT_EQ(Test::absent, conditions[4].test);
    EXPECT_TRUE(scheme.handshakes[0].reads_body());
    EXPECT_FALSE(handshake("when=header:X when=query:q").reads_body());
    EXPECT_TRUE(handshake("when=field:f=1 when=query:q").reads_body());
    EXPECT_TRUE(handshake("when=query:q verify=token:field:f").reads_body());
    EXPECT_TRUE(handshake("when=query:q answer='{field:f}'").reads_body());
}

TEST(Scheme, HandshakeAnswer) {
    const Scheme scheme =
        parsed(kHmac +
               "handshake method=HEAD verify=token:query:t status=203 type=application/json"
               " answer='{\"a\":{\"b\":\"{query:q}\"},\"c\":[{header:X}{json:/j}]}'"
               " header='X-Y: {hmac-sha256-hex:header:X}-{hmac-sha256-base64:json:/j}';");
    const Handshake& head = scheme.handshakes.at(0);
    EXPECT_EQ("HEAD", head.method);
    EXPECT_EQ(Handshake::Check::token, head.check);
    EXPECT_EQ(Source::Kind::query, head.token.kind);
    EXPECT_EQ("t", head.token.text);
    EXPECT_EQ(203, head.status);
    EXPECT_EQ("application/json", head.content_type);
    const std::vector<std::pair<Kind, std::string>> expected{{Kind::literal, "{\"a\":{\"b\":\""},
                                                             {Kind::query, "q"},
                                                             {Kind::literal, "\"},\"c\":["},
                                                             {Kind::header, ""},
                                                             {Kind::json, "/j"},
                                                             {Kind::literal, "]}"}};
    ASSERT_EQ(expected.size(), head.body.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, head.body[i].kind) << i;
        EXPECT_EQ(expected[i].second, head.body[i].text) << i;
    }
    EXPECT_EQ("X-Y", head.header_name);
    ASSERT_EQ(3U, head.header_value.size());
    EXPECT_EQ(Kind::hmac_hex, head.header_value[0].kind);
    EXPECT_EQ(Source::Kind::header, head.header_value[0].source.kind);
    EXPECT_EQ("x", scheme.headers.at(head.header_value[0].source.header));
    EXPECT_EQ("-", head.header_value[1].text);
    EXPECT_EQ(Kind::hmac_base64, head.header_value[2].kind);
    EXPECT_EQ("/j", head.header_value[2].source.text);
    EXPECT_EQ(Handshake::Check::none, handshake("method=HEAD verify=none when=query:a").check);
    EXPECT_EQ(Source::Kind::header, handshake("method=HEAD verify=token:header:T").token.kind);
}

// As in JSON: what does not look like a placeholder is text.
TEST(Scheme, BracesInAnAnswerAreTextUnlessTheyLookLikeAPlaceholder) {
    const auto literal = [](const std::string& text) {
        const Handshake one = handshake("method=HEAD answer='" + text + "'");
        if (one.body.empty()) return ""s;
        EXPECT_EQ(1U, one.body.size()) << text;
        EXPECT_EQ(Kind::literal, one.body[0].kind) << text;
        return one.body[0].text;
    };
    for (const std::string& text :
         {""s, "{"s, "}"s, "{}"s, "{{}}"s, "}{"s, "{\"type\":1}"s, "{query:q"s, "query:q}"s,
          "{Query:q}"s, "{ query:q}"s, "{1}"s, "[{},{}]"s, "{query\"}"s, "{\"a\":{\"b\":{}}}"s}) {
        EXPECT_EQ(text, literal(text));
    }
    const Handshake nested = handshake("method=HEAD answer='{{query:q}}'");
    ASSERT_EQ(3U, nested.body.size());
    EXPECT_EQ("{", nested.body[0].text);
    EXPECT_EQ(Kind::query, nested.body[1].kind);
    EXPECT_EQ("}", nested.body[2].text);
}

const std::vector<std::string> kFields{"algorithm", "key",      "signed",    "signature",
                                       "timestamp", "event_id", "event_type"};

TEST(SchemeErrors, UnknownField) {
    std::vector<std::string> mentioned = kFields;
    mentioned.push_back("\"algoritm\"");
    expect_refused("algoritm hmac-sha256;", mentioned);
    expect_refused(kHmac + "Key utf8;", {"unknown field, allowed"});
    expect_refused(kHmac + "\"\" utf8;", {"\"\""});
}

TEST(SchemeErrors, UnknownValueNamesWhatIsAllowed) {
    const std::vector<std::string> algorithms{"hmac-sha1", "hmac-sha256", "hmac-sha384",
                                              "hmac-sha512", "token"};
    for (const std::string& name : {"hmac-md5"s, "none"s, "HMAC-SHA256"s, "sha512"s}) {
        std::vector<std::string> mentioned = algorithms;
        mentioned.push_back(webhook::shown_word(name));
        expect_refused("algorithm " + name + "; signed '{body}'; signature header=S;", mentioned);
    }
    expect_refused(kHmac + "key base32;", {"\"base32\"", "utf8", "base64", "hex", "whsec"});
    expect_refused(kWithoutSignature + "signature header=S encoding=base32;",
                   {"base32", "\"signature\"", "hex", "base64", "base64url"});
    expect_refused(kHmac + "timestamp header=T unit=us;",
                   {"us", "\"timestamp\"", "s, ms, rfc3339"});
}

TEST(SchemeErrors, UnknownParameterNamesWhatIsAllowed) {
    expect_refused(kWithoutSignature + "signature header=S separator=,;",
                   {"\"separator=\"", "\"signature\"", "header", "split", "prefix", "encoding"});
    expect_refused(
        kHmac + "timestamp header=T leeway=5m;",
        {"\"leeway=\"", "\"timestamp\"", "header", "item", "unit", "tolerance", "future"});
    expect_refused(kHmac + "event_id body=id;", {"\"body=\"", "\"event_id\"", "header", "json"});
    expect_refused(kHmac + "event_type body=/id;",
                   {"\"body=\"", "\"event_type\"", "header", "json"});
    expect_refused(kWithoutSignature + "signature Header=S;", {"unknown parameter of", "header"});
    expect_refused(kWithoutSignature + "signature Acme-Signature;",
                   {"unknown parameter of", "header"});
    expect_refused(kWithoutSignature + "signature header;", {"header"});
    expect_refused(kWithoutSignature + "signature header=S \"\";", {"\"\""});
    expect_refused(kWithoutSignature + "signature header=S =x;", {"\"=\""});
}

TEST(SchemeErrors, UnknownPlaceholderNamesWhatIsAllowed) {
    for (const std::string& placeholder :
         {"{uri}"s, "{}"s, "{BODY}"s, "{ body}"s, "{body }"s, "{headers:X}"s, "{crc32:id}"s}) {
        expect_refused(kUnsigned + "signed \"" + placeholder + "\";",
                       {placeholder, "{body}", "{timestamp}", "{id}", "{method}", "{header:"});
    }
}

TEST(SchemeErrors, DuplicateField) {
    expect_refused(kHmac + "algorithm token;", {"duplicate", "\"algorithm\""});
    expect_refused(kHmac + "signed '{body}';", {"duplicate", "\"signed\""});
    for (const std::string& statement : {"key utf8;"s, "timestamp header=T;"s,
                                         "event_id header=Id;"s, "event_type header=Type;"s}) {
        expect_refused(kHmac + statement + statement,
                       {"duplicate", webhook::in_quotes(statement.substr(0, statement.find(' ')))});
    }
}

TEST(SchemeErrors, DuplicateParameter) {
    expect_refused(kWithoutSignature + "signature header=S header=S;",
                   {"duplicate", "\"header\"", "\"signature\""});
    expect_refused(kWithoutSignature + "signature header=S prefix= prefix=;",
                   {"duplicate", "\"prefix\""});
    expect_refused(kHmac + "timestamp header=T unit=s unit=ms;", {"duplicate", "\"unit\""});
    expect_refused(kHmac + "event_id json=/id json=/id;", {"duplicate", "\"json\""});
}

TEST(SchemeErrors, Missing) {
    expect_refused("", {"\"algorithm\""});
    expect_refused("signature header=S;", {"\"algorithm\""});
    expect_refused("algorithm hmac-sha256; signed '{body}';", {"\"signature\""});
    expect_refused("algorithm token;", {"\"signature\""});
    expect_refused(kUnsigned, {"\"signed\""});
    expect_refused(kUnsigned + "signed \"\";", {"\"signed\""});
    expect_refused(kWithoutSignature + "signature prefix=v1=;", {"\"signature\"", "header="});
    expect_refused(kWithoutSignature + "signature;", {"\"signature\"", "header="});
    expect_refused(kHmac + "timestamp unit=s;", {"\"timestamp\"", "header=", "item="});
    expect_refused(kHmac + "timestamp;", {"\"timestamp\"", "header=", "item="});
    expect_refused(kHmac + "event_id;", {"\"event_id\"", "header=", "json="});
    expect_refused(kHmac + "event_type;", {"\"event_type\"", "header=", "json="});
}

TEST(SchemeErrors, Contradictory) {
    expect_refused(kToken + "signed '{body}';", {"\"signed\"", "token"});
    expect_refused(kToken + "signed '';", {"\"signed\""});
    expect_refused("algorithm token; signature header=Token split=' ';", {"split=", "token"});
    expect_refused(
        "algorithm hmac-sha256; signed '{body}'; signature header=S split=,;"
        "timestamp header=T item=t=;",
        {"\"timestamp\"", "header=", "item="});
    expect_refused(kHmac + "event_id header=I json=/id;", {"\"event_id\"", "header=", "json="});
    expect_refused(kHmac + "event_type header=T json=/t;", {"\"event_type\"", "header=", "json="});
    expect_refused(kHmac + "timestamp item=t=;", {"item=", "split="});
    expect_refused(kWithoutSignature + "signature header=S split=; timestamp item=t=;",
                   {"item=", "split="});
    expect_refused(kUnsigned + "signed '{body}.{body}';", {"{body}", "more than once"});
}

TEST(SchemeErrors, SignedTextNamesWhatTheSchemeDoesNotDefine) {
    expect_refused(kUnsigned + "signed '{timestamp}{body}';", {"{timestamp}", "\"timestamp\""});
    expect_refused(kUnsigned + "signed '{id}{body}';", {"{id}", "event_id"});
    expect_refused(kUnsigned + "signed '{id}{body}'; event_id json=/id;", {"{id}", "event_id"});
    expect_refused(kUnsigned + "signed '{id}{body}'; event_type header=Id;", {"{id}", "event_id"});
}

TEST(SchemeErrors, UnbalancedBraces) {
    for (const std::string& text : {"{body"s, "body}"s, "{body}}"s, "}{body}{"s, "{"s, "}"s,
                                    "{body}{"s, "a}b"s, "{body}{timestamp"s}) {
        expect_refused(kUnsigned + "timestamp header=T; signed \"" + text + "\";",
                       {"unbalanced braces in \"signed\""});
    }
    expect_refused(kUnsigned + "signed '{{body}}';");
    expect_refused(kUnsigned + "signed '{header:{body}}';");
}

TEST(SchemeErrors, NumberOfArguments) {
    for (const std::string& field : {"algorithm"s, "key"s, "signed"s}) {
        expect_refused(field + ";", {webhook::in_quotes(field), "one"});
        expect_refused(field + " token token;", {webhook::in_quotes(field), "one"});
    }
}

TEST(SchemeErrors, HeaderThatCannotBeNamedSo) {
    for (const std::string& name : {""s, "X Y"s, "X:Y"s, "X-\xc3\xa4"s, "X\tY"s, "X/Y"s}) {
        const std::vector<std::string> mentioned{webhook::in_quotes(name)};
        expect_refused(kWithoutSignature + "signature \"header=" + name + "\";", mentioned);
        expect_refused(kHmac + "timestamp \"header=" + name + "\";", mentioned);
        expect_refused(kHmac + "event_id \"header=" + name + "\";", mentioned);
        expect_refused(kHmac + "event_type \"header=" + name + "\";", mentioned);
        expect_refused(kUnsigned + "signed \"{header:" + name + "}{body}\";", mentioned);
    }
    expect_refused(kWithoutSignature + "signature header=X\0;"s);
}

TEST(SchemeErrors, TimeThatIsNone) {
    for (const std::string& time :
         {""s, "0"s, "0s"s, "-5m"s, "5 m"s, "soon"s, "1.5h"s, "99999999999999999999"s}) {
        expect_refused(kHmac + "timestamp header=T \"tolerance=" + time + "\";",
                       {"tolerance=" + time, "\"timestamp\""});
    }
    for (const std::string& time : {"1ms"s, "999ms"s}) {
        expect_refused(kHmac + "timestamp header=T tolerance=" + time + ";",
                       {"tolerance=" + time, "at least 1s"});
    }
    EXPECT_EQ(1s, parsed(kHmac + "timestamp header=T tolerance=1s;").timestamp->tolerance.past);
    expect_refused(kHmac + "timestamp header=T future=soon;", {"future=soon"});
    expect_refused(
        "algorithm hmac-sha256; signed '{body}'; signature header=S split=,; timestamp item=;",
        {"item="});
}

TEST(SchemeErrors, PointerThatIsNone) {
    for (const std::string& pointer : {"id"s, "id/x"s, "#/id"s, "/a~"s, "/a~2"s, "/~~0"s, "~0"s}) {
        expect_refused(kHmac + "event_id json=" + pointer + ";", {webhook::in_quotes(pointer)});
        expect_refused(kHmac + "event_type json=" + pointer + ";", {webhook::in_quotes(pointer)});
    }
}

TEST(SchemeErrors, StatementsWithoutAnEnd) {
    expect_refused("algorithm token; signature header=S", {"\"signature\"", ";"});
    expect_refused("algorithm", {"\"algorithm\"", ";"});
    expect_refused(kUnsigned + "signed \"{body};", {"quote"});
    expect_refused("\"", {"quote"});
    expect_refused(kUnsigned + "signed {body};", {"\"{\""});
    expect_refused(";", {";"});
    expect_refused(kHmac + ";", {";"});
}

std::size_t blamed_line(const std::string& text) {
    try {
        parse_scheme("acme", text);
    } catch (const SchemeTextError& error) {
        return error.line;
    } catch (const ConfigError&) {
        return 0;
    }
    ADD_FAILURE() << "no ConfigError: " << text;
    return 0;
}

TEST(SchemeErrors, BlameTheLineOfTheStatement) {
    const std::string good = "algorithm\nhmac-sha256;\nsigned '{body}';\nsignature header=S;\n";
    EXPECT_EQ(5U, blamed_line(good + "nonsense\nof many\nlines;"));
    EXPECT_EQ(6U, blamed_line(good + "\nkey\n\nbase32;"));
    EXPECT_EQ(6U, blamed_line(good + "key utf8; event_id json=/id;\nkey\nutf8;"));
    EXPECT_EQ(5U, blamed_line(good + "event_type header=;"));
    EXPECT_EQ(1U, blamed_line("signed '{id}';\n" + kUnsigned));
    EXPECT_EQ(2U, blamed_line("\nsigned '{timestamp}';\n" + kUnsigned));
    EXPECT_EQ(1U, blamed_line("signed\n'{body}{body}';\n" + kUnsigned));
    EXPECT_EQ(3U, blamed_line(kToken + "\n\nsigned '{body}';"));
    EXPECT_EQ(5U, blamed_line(good + "timestamp item=t=;"));
}

TEST(SchemeErrors, BlameNoLineForWhatIsMissing) {
    EXPECT_EQ(0U, blamed_line(""));
    EXPECT_EQ(0U, blamed_line("algorithm token;"));
    EXPECT_EQ(0U, blamed_line(kUnsigned));
}

TEST(SchemeErrors, UnknownFieldNamesEveryField) {
    expect_refused(
        "algoritm hmac-sha256;",
        {"unknown field \"algoritm\"",
         "allowed: like, algorithm, key, native, signed, signature, timestamp, event_id, "
         "event_type, event_key, require, body, digest, claims, handshake"});
}

TEST(SchemeErrors, UnknownAlgorithmNamesEveryAlgorithm) {
    expect_refused("algorithm rsa;",
                   {"unknown algorithm \"rsa\"",
                    "allowed: hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512, sha256, ed25519, "
                    "ecdsa-p256-sha256, rsa-sha1, rsa-sha256, token, basic, jwt=ALG[,ALG]"});
    expect_refused("algorithm jwt;", {"unknown algorithm \"jwt\"", "jwt=ALG[,ALG]"});
}

TEST(SchemeErrors, JwtAlgorithms) {
    for (const std::string& name :
         {""s, "none"s, "NONE"s, "hs256"s, "ES384"s, "PS256"s, "HS256 "s}) {
        expect_refused("algorithm 'jwt=" + name + "';",
                       {"unknown JWT algorithm" + webhook::shown_word(name) + ",",
                        "HS256, HS384, HS512, ES256, RS256, EdDSA"});
    }
    expect_refused("algorithm jwt=HS256,;", {"unknown JWT algorithm \"\""});
    expect_refused("algorithm jwt=,HS256;", {"unknown JWT algorithm \"\""});
    expect_refused("algorithm jwt=HS256,none;", {"unknown JWT algorithm \"none\""});
    expect_refused("algorithm jwt=HS256,HS512,HS256;", {"duplicate JWT algorithm \"HS256\""});
}

// One key text that two families could take is how a public key becomes an HMAC key.
TEST(SchemeErrors, JwtAlgorithmsOfTwoFamilies) {
    const std::vector<std::string> families{"HS256", "ES256", "RS256", "EdDSA"};
    for (const std::string& one : families) {
        for (const std::string& other : families) {
            if (one == other) continue;
            expect_refused("algorithm jwt=" + one + "," + other + ";",
                           {"\"" + one + "\"", "\"" + other + "\"", "take different keys"});
        }
    }
    expect_refused("algorithm jwt=HS256,HS512,RS256;", {"take different keys"});
}

TEST(SchemeErrors, SignatureOptions) {
    expect_refused(kWithoutSignature + "signature header=A json=/b;",
                   {"\"signature\"", "either \"header=\", \"json=\", \"field=\" or \"query=\""});
    for (const std::string& index : {"16"s, "-1"s, "x"s, ""s, "1.0"s, "99999999999999999999"s}) {
        expect_refused(kWithoutSignature + "signature header=A 'key_index=" + index + "';",
                       {"key_index=" + index, "\"signature\"", "0 to 15"});
    }
    for (const std::string& name : {"*"s, "X Y-*"s, "X:*"s}) {
        expect_refused(kWithoutSignature + "signature 'header=" + name + "';",
                       {"invalid header name", webhook::in_quotes(name)});
    }
    expect_refused(kWithoutSignature + "signature json=a;", {"JSON pointer \"a\""});
    expect_refused(kWithoutSignature + "signature json=/a; signature header=B;",
                   {"\"signature\" in the body", "only once"});
    expect_refused(kWithoutSignature + "signature header=B; signature json=/a;",
                   {"\"signature\" in the body", "only once"});
    expect_refused(kWithoutSignature + "signature header=B; signature encoding=hex;",
                   {"either \"header=\", \"json=\", \"field=\" or \"query=\""});
}

TEST(SchemeErrors, WhatPresentsTheSecretSignsNothing) {
    for (const std::string& algorithm : {"token"s, "basic"s}) {
        const std::string start = "algorithm " + algorithm + "; signature header=S";
        const std::string shown = "\"algorithm " + algorithm + "\"";
        expect_refused(start + "; signed '{body}';", {"\"signed\" has no meaning with " + shown});
        expect_refused("algorithm " + algorithm + "; native contentful; signature encoding=hex;",
                       {"\"native\" has no meaning with " + shown});
        expect_refused(start + "; digest query=d;", {"\"digest\" has no meaning with " + shown});
        expect_refused(start + "; timestamp header=T;",
                       {"\"timestamp\" has no meaning with " + shown});
        expect_refused(start + "; claims a=b;", {"\"claims\" has no meaning with " + shown});
        expect_refused(start + "; signature header=T;", {"\"signature\"", "only once", shown});
        expect_refused(start + " split=,;", {"split=", "no meaning with " + shown});
        expect_refused(start + " encoding=hex;", {"encoding=", "no meaning with " + shown});
        expect_refused(start + " key_index=0;", {"key_index=", "no meaning with " + shown});
    }
}

TEST(SchemeErrors, NativeTakesNothingBesides) {
    const std::string native = "algorithm hmac-sha256; native contentful;";
    expect_refused("algorithm hmac-sha256; native paypal; signature encoding=hex;",
                   {"unknown native \"paypal\"", "contentful", "aws-sns", "adyen-payments"});
    expect_refused(native + "signature encoding=hex; signed '{body}';",
                   {"\"signed\" has no meaning with \"native\""});
    for (const std::string& options : {"header=S"s, "json=/s"s, "prefix=v1="s, "split=,"s,
                                       "key_index=0"s, "header=S-*"s, "encoding=hex prefix="s}) {
        expect_refused(native + "signature " + options + ";",
                       {"with \"native\", \"signature\" takes \"encoding=\" only"});
    }
    expect_refused(native + "signature encoding=hex; signature encoding=hex;",
                   {"\"encoding=\" only"});
    expect_refused("algorithm jwt=HS256; native contentful; signature encoding=hex;",
                   {"\"native\" has no meaning with \"algorithm jwt\""});
    expect_refused("algorithm sha256; native contentful; signature encoding=hex;",
                   {"\"native\" has no meaning with \"algorithm sha256\""});
    expect_refused(native, {"no \"signature\""});
    expect_refused(native + "signature encoding=hex; digest query=d;", {"\"digest query=\""});
}

TEST(SchemeErrors, SecretStandsInAPlainHashOnly) {
    const std::string rest = " signature header=S;";
    expect_refused("algorithm sha256; signed '{body}';" + rest,
                   {"\"algorithm sha256\" needs \"{secret}\""});
    for (const std::string& algorithm :
         {"hmac-sha256"s, "ed25519; key hex"s, "rsa-sha256; key pem"s}) {
        expect_refused("algorithm " + algorithm + "; signed '{secret}{body}';" + rest,
                       {"\"{secret}\" stands only with \"algorithm sha256\""});
    }
    expect_refused("algorithm sha256;" + rest, {"no \"signed\""});
}

TEST(SchemeErrors, JwtSignsNothingButItself) {
    const std::string jwt = "algorithm jwt=HS256; ";
    expect_refused(jwt + "signature header=S; signed '{body}';",
                   {"\"signed\" has no meaning with \"algorithm jwt\""});
    for (const std::string& options : {"split=,"s, "encoding=hex"s, "key_index=0"s}) {
        expect_refused(jwt + "signature header=S " + options + ";",
                       {options.substr(0, options.find('=') + 1), "algorithm jwt"});
    }
    for (const std::string& signature :
         {"signature json=/t;"s, "signature header=S-*;"s,
          "signature header=A; signature header=B;"s, "signature prefix=x;"s}) {
        expect_refused(jwt + signature,
                       {"\"algorithm jwt\" takes one \"signature\", with \"header=\""});
    }
    expect_refused(kHmac + "claims iss=a;",
                   {"\"claims\" has no meaning with \"algorithm hmac-sha256\""});
    expect_refused(kHmac + "timestamp claim=iat;",
                   {"\"timestamp claim=\" needs \"algorithm jwt\""});
}

TEST(SchemeErrors, Claims) {
    const std::string jwt = "algorithm jwt=HS256; signature header=S; ";
    expect_refused(jwt + "claims;", {"\"claims\" names no claim", "name=value"});
    expect_refused(jwt + "claims iss;", {"\"iss\"", "\"claims\""});
    expect_refused(jwt + "claims =a;", {"\"=\"", "\"claims\""});
    expect_refused(jwt + "claims iss=a iss=b;", {"duplicate claim \"iss\""});
    expect_refused(jwt + "claims iss=a; claims iss=a;", {"duplicate claim \"iss\""});
    expect_refused(jwt + "claims 'a={body}';",
                   {"unknown placeholder \"{body}\" in \"claims\"", "{url}", "{url:qsh}"});
    expect_refused(jwt + "claims 'a={url';", {"unbalanced braces"});
    expect_refused(jwt + "claims 'a=}';", {"unbalanced braces"});
}

TEST(SchemeErrors, Require) {
    expect_refused(kHmac + "require;", {"\"require\" names no header", "Name=Value"});
    expect_refused(kHmac + "require A;", {"invalid value of \"require\"", "Name=Value"});
    expect_refused(kHmac + "require =1;", {"invalid \"=\" of \"require\""});
    expect_refused(kHmac + "require 'A B=1';", {"invalid header name in \"require\""});
}

TEST(SchemeErrors, DigestHasToBeSigned) {
    const std::string url = kUnsigned + "signed '{url}';";
    for (const std::string& text : {"{body}"s, "{url:hubspot}{body}"s, "{query:d}"s}) {
        expect_refused(kUnsigned + "signed '" + text + "'; digest query=d;",
                       {"\"digest query=\" needs \"{url}\" in \"signed\""});
    }
    expect_refused(url + "digest claim=d;", {"\"digest claim=\"", "\"algorithm jwt\" only"});
    expect_refused("algorithm jwt=HS256; signature header=S; digest query=d;",
                   {"\"digest query=\"", "all others"});
    expect_refused(url + "digest;",
                   {"\"digest\" takes either \"query=\", \"claim=\" or \"header=\""});
    expect_refused(url + "digest query=a claim=b;",
                   {"either \"query=\", \"claim=\" or \"header=\""});
    expect_refused(url + "digest query=;", {"empty \"query=\""});
    for (const std::string& hash : {"sha1"s, "md5"s, ""s}) {
        expect_refused(url + "digest query=d 'algorithm=" + hash + "';",
                       {"algorithm=" + hash, "\"digest\"", "sha256, sha384, sha512"});
    }
    expect_refused(url + "digest query=d encoding=base32;",
                   {"encoding=base32", "\"digest\"", "hex, base64, base64url"});
    expect_refused(url + "digest query=d needed;", {"needed", "\"digest\"", "optional"});
}

TEST(SchemeErrors, Timestamp) {
    expect_refused(kHmac + "timestamp header=T may_repeat;",
                   {"\"may_repeat\" has no meaning without \"item=\""});
    expect_refused(kHmac + "timestamp json=/t may_repeat;", {"\"may_repeat\""});
    expect_refused(
        kHmac + "timestamp header=T json=/t;",
        {"either \"header=\", \"item=\", \"json=\", \"field=\", \"query=\" or \"claim=\""});
    expect_refused(kHmac + "timestamp claim=;", {"empty \"claim=\""});
    expect_refused(kHmac + "timestamp json=t;", {"JSON pointer \"t\""});
    for (const std::string& signatures :
         {"signature header=A split=,; signature header=B split=,;"s,
          "signature header=A-* split=,;"s, "signature json=/a split=,;"s}) {
        expect_refused(kWithoutSignature + signatures + "timestamp item=t=;",
                       {"\"timestamp item=\" needs \"split=\""});
    }
}

TEST(SchemeErrors, PlaceholdersWithoutAName) {
    expect_refused(kUnsigned + "signed '{field:}';", {"no name in placeholder \"{field:}\""});
    expect_refused(kUnsigned + "signed '{query:}';", {"no name in placeholder \"{query:}\""});
    expect_refused(kUnsigned + "signed '{json:a}';", {"JSON pointer \"a\""});
    expect_refused(kUnsigned + "signed '{field}';", {"unknown placeholder \"{field}\""});
    expect_refused(kUnsigned + "signed '{url:qsh}';", {"unknown placeholder \"{url:qsh}\""});
    expect_refused(kUnsigned + "signed '{hmac-sha256-hex:header:X}';", {"unknown placeholder"});
    expect_refused(kUnsigned + "signed '{body:x}';", {"unknown placeholder \"{body:x}\""});
}

TEST(SchemeErrors, UnknownPlaceholderNamesThemAll) {
    expect_refused(
        kUnsigned + "signed '{uri}';",
        {"unknown placeholder \"{uri}\" in \"signed\"", "{body}", "{timestamp}", "{id}", "{method}",
         "{url}", "{url:hubspot}", "{url:ports}", "{secret}", "{secret_id}", "{form}",
         "{crc32:body}", "{sha256:body}", "{header:", "{json:", "{field:", "{query:"});
}

TEST(SchemeErrors, HandshakeWords) {
    const auto refused = [](const std::string& parameters, const std::vector<std::string>& words) {
        std::vector<std::string> mentioned = words;
        mentioned.push_back("\"handshake\"");
        expect_refused(kHmac + "handshake " + parameters + ";", mentioned);
    };
    refused("when=json:/a methods=GET",
            {"\"methods=\"", "method", "when", "verify", "status", "type", "header", "answer"});
    refused("method=HEAD method=HEAD", {"duplicate parameter \"method\""});
    for (const std::string& method : {""s, "G T"s, "GET/1"s, "get"s, "Get"s, "G-T"s}) {
        refused("when=json:/a 'method=" + method + "'", {"method=" + method});
    }
    for (const std::string& condition :
         {""s, "!"s, "json"s, "/type"s, "item:t="s, "claim:iat"s, "!json:/a=b"s, "!json:/a="s,
          "body:/a"s, "Header:X"s, "=x"s}) {
        refused("'when=" + condition + "'",
                {"when=" + condition.substr(0, condition.find('=')),
                 "header:Name, json:/pointer, field:name or query:name"});
    }
    for (const std::string& check :
         {""s, "signatures"s, "token"s, "token:"s, "token:claim:a"s, "token:item:a"s, "no"s}) {
        refused("method=HEAD 'verify=" + check + "'",
                {"verify=" + check.substr(0, check.find(':')),
                 "signature, none, token:header:Name, token:query:name"});
    }
    for (const std::string& status : {"199"s, "300"s, "0"s, "-200"s, "ok"s, ""s, "200 "s}) {
        refused("method=HEAD 'status=" + status + "'", {"status=" + status, "200 to 299"});
    }
    refused("method=HEAD type=", {"type=", "media type"});
    refused("method=HEAD \"type=text/plain\\r\\nX: y\"", {"media type"});
    for (const std::string& header : {"X"s, ": x"s, "X:x"s, "X Y: x"s, ""s}) {
        refused("method=HEAD 'header=" + header + "'",
                {header == "X" ? "header=\"" : "header=" + header.substr(0, header.find(':')),
                 "Name: value"});
    }
    refused("method=HEAD \"header=X: a\\r\\nY: b\"", {"Name: value"});
    for (const std::string& name : {"Content-Length"s, "content-type"s, "Transfer-Encoding"s,
                                    "CONNECTION"s, "Date"s, "Server"s, "Trailer"s, "Upgrade"s}) {
        refused("method=HEAD 'header=" + name + ": 1'", {name, "nginx itself"});
    }
}

TEST(SchemeErrors, HandshakeThatEveryDeliveryWouldBe) {
    for (const std::string& rest :
         {"verify=none"s, "when=!header:X"s, "when=!json:/a when=!query:q"s, "when=json:"s,
          "when=json:=a when=!header:X"s}) {
        for (const std::string& method : {"POST"s, "PUT"s}) {
            expect_refused(kHmac + "handshake method=" + method + " " + rest + ";",
                           {"\"handshake\"", "\"when=\"", "tells it from a delivery",
                            "\"method=" + method + "\""});
        }
        for (const std::string& method : {"GET"s, "HEAD"s}) {
            if (rest.find("when=json:") != std::string::npos) continue;
            EXPECT_EQ(method, handshake("method=" + method + " " + rest).method);
        }
    }
    expect_refused(kHmac + "handshake;", {"\"handshake\"", "\"when=\""});
    for (const std::string& condition : {"header:X"s, "query:q"s, "json:/a"s, "query:q=1"s}) {
        EXPECT_EQ("POST", handshake("when=" + condition).method);
        EXPECT_EQ("PUT", handshake("method=PUT when=!header:Y when=" + condition).method);
    }
}

TEST(SchemeErrors, HandshakeByWhatEveryDeliveryHas) {
    const std::string scheme =
        "algorithm hmac-sha256; signature header=S; timestamp query=t; event_id header=I;"
        "signed '{timestamp}.{header:Q}.{json:/n}.{query:p}.{body}';"
        "event_type json=/type; require R=1;";
    for (const std::string& condition :
         {"header:S"s, "query:t"s, "header:I"s, "json:/type"s, "header:Q"s, "json:/n"s, "query:p"s,
          "header:R"s, "header:R=1"s, "header:Host"s, "header:Content-Type"s,
          "header:content-length"s, "header:User-Agent"s, "header:S when=!header:X"s}) {
        SCOPED_TRACE(condition);
        const std::string statement = "handshake when=" + condition;
        expect_refused(scheme + statement + ";", {"\"when=\"", "met by every delivery"});
        EXPECT_EQ(1U, parsed(scheme + statement + " when=json:/challenge;").handshakes.size());
        const bool in_body = condition.find("json:") != std::string::npos;
        if (in_body) continue;
        EXPECT_EQ(1U, parsed(scheme + statement + " method=GET;").handshakes.size());
    }
    for (const std::string& condition :
         {"header:R=2"s, "header:S=x"s, "json:/type=ping"s, "header:I=0"s, "query:i"s,
          "header:Content-Type=text/plain"s, "header:Host when=!header:S"s,
          "header:User-Agent when=!json:/type"s}) {
        SCOPED_TRACE(condition);
        EXPECT_EQ(1U, parsed(scheme + "handshake when=" + condition + ";").handshakes.size());
    }
    // Not every delivery has the id, or this one of two signatures.
    EXPECT_EQ(
        1U,
        parsed(kHmac + "event_id header=I optional; handshake when=header:I;").handshakes.size());
    EXPECT_EQ(1U, parsed(kHmac + "signature header=S; handshake when=header:S;").handshakes.size());
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

TEST(SchemeErrors, OneValueIsNotTwo) {
    const std::string start = "algorithm hmac-sha256; signed '{timestamp}.{body}';";
    const std::string time = "timestamp header=T;";
    expect_refused(start + "signature header=S split=, prefix='v1='; timestamp item='v1=';",
                   {"\"item=\"", "\"prefix=\""});
    expect_refused(start + "signature header=S split=,; timestamp header=T; require T=1;",
                   {"\"require\"", "\"timestamp\""});
    for (const std::string& other :
         {"header=S encoding=base64"s, "header=S prefix='v1='"s, "header=s encoding=base64url"s}) {
        expect_refused(start + time + "signature header=S; signature " + other + ";",
                       {"two \"signature\" read one header in two ways"});
    }
    expect_refused(start + time + "signature header=S-*; signature header=S-* encoding=base64;",
                   {"two \"signature\""});
    for (const std::string& two :
         {"header=S; signature header=Z encoding=base64"s,
          "header=S key_index=0; signature header=S key_index=1"s,
          "header=S split=, prefix=a; signature header=S split=, prefix=b encoding=base64"s,
          "header=S-*; signature header=Z-* encoding=base64"s}) {
        EXPECT_EQ(2U, parsed(start + time + "signature " + two + ";").signatures.size()) << two;
    }
}

TEST(SchemeErrors, HandshakePlaceholders) {
    const auto refused = [](const std::string& text, const std::vector<std::string>& words) {
        expect_refused(kHmac + "handshake method=HEAD answer='" + text + "';", words);
        expect_refused(kHmac + "handshake method=HEAD 'header=X: " + text + "';", words);
    };
    for (const std::string& name : {"body"s, "secret"s, "url"s, "timestamp"s, "challenge"s,
                                    "hmac-sha1-hex:query:q"s, "query"s}) {
        refused("{" + name + "}",
                {"unknown placeholder \"{" + name + "}\" in \"handshake\"",
                 "{header:", "{json:", "{query:", "{hmac-sha256-hex:", "{hmac-sha256-base64:"});
    }
    refused("{query:}", {"no name in placeholder \"{query:}\""});
    refused("{json:x}", {"JSON pointer \"x\""});
    refused("{header:X Y}", {"invalid header name \"X Y\""});
    for (const std::string& source : {"q"s, "body"s, "claim:a"s, "item:a"s, ""s}) {
        refused("{hmac-sha256-hex:" + source + "}",
                {"invalid placeholder \"{hmac-sha256-hex:" + source + "}\"",
                 "header:Name, json:/pointer, query:name"});
    }
    refused("{hmac-sha256-base64:query:}", {"empty \"query=\""});
}

TEST(SchemeErrors, CodesNeedAnHmacKey) {
    const std::string codes =
        "handshake method=HEAD answer='{hmac-sha256-hex:query:q}';"
        "handshake method=HEAD 'header=X: {hmac-sha256-base64:query:q}';";
    EXPECT_EQ(2U, parsed(kHmac + codes).handshakes.size());
    for (const std::string& scheme :
         {kToken, "algorithm hmac-sha1; signed '{body}'; signature header=S;"s,
          "algorithm hmac-sha512; signed '{body}'; signature header=S;"s,
          "algorithm jwt=HS256; signature header=S;"s,
          "algorithm ed25519; key hex; signed '{body}'; signature header=S;"s,
          "algorithm sha256; signed '{secret}{body}'; signature header=S;"s}) {
        const std::size_t second = codes.find("handshake", 1);
        for (const std::string& handshakes : {codes.substr(0, second), codes.substr(second)}) {
            expect_refused(scheme + handshakes, {"needs \"algorithm hmac-sha256\""});
        }
    }
}

TEST(SchemeErrors, BlameTheLineOfTheStatementThatDoesNotFit) {
    const std::string list = "algorithm token;\nsignature header=S;\n";
    EXPECT_EQ(3U, blamed_line(list + "digest query=d;"));
    EXPECT_EQ(3U, blamed_line(list + "key pem;"));
    EXPECT_EQ(0U, blamed_line("algorithm ed25519;\nsigned '{body}';\nsignature header=S;"));
    EXPECT_EQ(2U, blamed_line("algorithm token;\nsignature header=S split=,;"));
    EXPECT_EQ(3U, blamed_line("algorithm hmac-sha256; signed '{body}';\nsignature header=A;\n"
                              "signature json=/b;"));
    EXPECT_EQ(4U, blamed_line(kHmac + "\n\nhandshake method=HEAD;\n"
                                      "handshake method=HEAD status=1;\nhandshake method=HEAD;"));
    EXPECT_EQ(3U, blamed_line(kToken + "\nhandshake method=HEAD;\n"
                                       "handshake method=HEAD 'answer={hmac-sha256-hex:query:q}';\n"
                                       "handshake method=HEAD;"));
    EXPECT_EQ(2U, blamed_line(kHmac + "\nclaims a=b;"));
    EXPECT_EQ(2U, blamed_line(kHmac + "\ntimestamp claim=a;"));
    EXPECT_EQ(1U, blamed_line("algorithm sha256; signed '{body}';\nsignature header=S;"));
}

// A text that anyone can have signed must not be that of a delivery.
TEST(SchemeErrors, CodesForAnyoneAreNoSignaturesOfDeliveries) {
    const std::string event = "event_id header=Id; timestamp header=T;";
    const auto scheme = [&](const std::string& text, const std::string& check) {
        return kUnsigned + event + "signed '" + text + "'; handshake method=HEAD " + check +
               " answer='{hmac-sha256-hex:query:q}';";
    };
    for (const std::string& check : {"verify=none"s, "verify=token:query:t"s}) {
        for (const std::string& text : {"{timestamp}"s, "{id}.{timestamp}"s, "{sha256:body}"s,
                                        "{form}"s, "{field:a}"s, "v0-{json:/a:b}"s}) {
            expect_refused(scheme(text, check), {"would sign deliveries for anyone", "{body}",
                                                 "\"verify=\"", "\"signature\""});
        }
        for (const std::string& text : {"{body}"s, "v0:{timestamp}"s, "{id}|{timestamp}"s}) {
            EXPECT_EQ(1U, parsed(scheme(text, check)).handshakes.size()) << text;
        }
    }
    EXPECT_TRUE(parsed(scheme("{timestamp}", "verify=signature")).handshakes[0].proves_secret());
    EXPECT_FALSE(handshake("method=HEAD answer=x").proves_secret());
}

// By a scheme with the same key whose handshake signs plain tokens for anyone.
TEST(Scheme, TellsWhatAHandshakeOfAnotherCouldForge) {
    using Forgery = Scheme::Forgery;
    const std::string event = "event_id header=Id; timestamp header=T;";
    const auto forgery = [](const std::string& text) {
        return parsed(text).forgery_by_handshake();
    };
    const auto of_text = [&](const std::string& text) {
        return forgery(kUnsigned + event + "signed '" + text + "';");
    };
    for (const std::string text : {"{timestamp}", "{id}.{timestamp}", "{sha256:body}", "{form}",
                                   "{timestamp}{json:/a}", "v0-{field:a}==", "{url}"}) {
        EXPECT_EQ(Forgery::delivery, of_text(text)) << text;
    }
    for (const std::string text : {"{body}", "{id}.{timestamp}.{body}", "{body}{url}"}) {
        EXPECT_EQ(Forgery::token_as_body, of_text(text)) << text;
    }
    for (const std::string text : {"v0:{timestamp}:{body}", "{id}|{timestamp}", "{id}=a{form}"}) {
        EXPECT_EQ(Forgery::none, of_text(text)) << text;
    }
    for (const std::string algorithm : {"hmac-sha1", "hmac-sha512"}) {
        EXPECT_EQ(Forgery::none, forgery("algorithm " + algorithm +
                                         "; signed '{sha256:body}'; signature header=S;"));
    }
    EXPECT_EQ(Forgery::none, forgery("algorithm token; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm sha256; signed '{secret}'; signature header=S;"));
    EXPECT_EQ(Forgery::delivery, forgery("algorithm jwt=HS512,HS256; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm jwt=HS384,HS512; signature header=S;"));
    EXPECT_EQ(Forgery::none, forgery("algorithm jwt=RS256; key pem; signature header=S;"));
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
