#include "webhook/scheme.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "webhook/presets.h"
#include "webhook/text.h"

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
            stream << "item " << webhook::quoted(source.text);
            break;
        case Source::Kind::json:
            stream << "json " << webhook::quoted(source.text);
            break;
    }
}

std::string described(const Scheme& scheme) {
    static const std::map<SignedPart::Kind, std::string> kParts{
        {SignedPart::Kind::literal, "literal"},     {SignedPart::Kind::body, "body"},
        {SignedPart::Kind::timestamp, "timestamp"}, {SignedPart::Kind::id, "id"},
        {SignedPart::Kind::method, "method"},       {SignedPart::Kind::header, "header"}};
    std::ostringstream stream;
    stream << "name " << webhook::quoted(scheme.name) << "\nalgorithm " << int(scheme.algorithm)
           << "\nhash " << int(scheme.hash) << "\nkey " << int(scheme.key) << "\nsigned";
    for (const SignedPart& part : scheme.signed_parts) {
        stream << ' ' << kParts.at(part.kind) << webhook::quoted(part.literal);
        if (part.kind == SignedPart::Kind::header) stream << scheme.headers.at(part.header);
    }
    stream << "\nsignature " << scheme.headers.at(scheme.signature.header) << " split "
           << webhook::quoted(scheme.signature.separators) << " prefix "
           << webhook::quoted(scheme.signature.prefix) << " encoding "
           << int(scheme.signature.encoding) << "\ntimestamp ";
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
            << webhook::quoted(word) << " in: " << message;
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
    EXPECT_EQ(SignedPart::Kind::id, scheme.signed_parts[0].kind);
    EXPECT_EQ(SignedPart::Kind::literal, scheme.signed_parts[1].kind);
    EXPECT_EQ(".", scheme.signed_parts[1].literal);
    EXPECT_EQ(SignedPart::Kind::timestamp, scheme.signed_parts[2].kind);
    EXPECT_EQ(SignedPart::Kind::body, scheme.signed_parts[4].kind);
    EXPECT_EQ("acme-signature", scheme.headers.at(scheme.signature.header));
    EXPECT_EQ(" ", scheme.signature.separators);
    EXPECT_EQ("v1,", scheme.signature.prefix);
    EXPECT_EQ(TextEncoding::base64, scheme.signature.encoding);
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
        EXPECT_EQ(encoding, scheme.signature.encoding) << name;
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
    EXPECT_EQ("", scheme.signature.separators);
    EXPECT_EQ("", scheme.signature.prefix);
    EXPECT_EQ(TextEncoding::hex, scheme.signature.encoding);
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
    EXPECT_EQ(one.headers.at(one.signature.header), other.headers.at(other.signature.header));
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
    EXPECT_EQ("a b; ", scheme.signed_parts[0].literal);
}

TEST(Scheme, EveryPlaceholder) {
    const Scheme scheme = parsed(kUnsigned +
                                 "event_id header=Id; timestamp header=T;"
                                 "signed \"<{method}|{header:X-Date}{id}\n{timestamp}{body}>\";");
    const std::vector<std::pair<SignedPart::Kind, std::string>> expected{
        {SignedPart::Kind::literal, "<"},  {SignedPart::Kind::method, ""},
        {SignedPart::Kind::literal, "|"},  {SignedPart::Kind::header, ""},
        {SignedPart::Kind::id, ""},        {SignedPart::Kind::literal, "\n"},
        {SignedPart::Kind::timestamp, ""}, {SignedPart::Kind::body, ""},
        {SignedPart::Kind::literal, ">"}};
    ASSERT_EQ(expected.size(), scheme.signed_parts.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(expected[i].first, scheme.signed_parts[i].kind) << i;
        EXPECT_EQ(expected[i].second, scheme.signed_parts[i].literal) << i;
    }
    EXPECT_EQ("x-date", scheme.headers.at(scheme.signed_parts[3].header));
    for (SignedPart::Kind kind :
         {SignedPart::Kind::literal, SignedPart::Kind::body, SignedPart::Kind::timestamp,
          SignedPart::Kind::id, SignedPart::Kind::method, SignedPart::Kind::header}) {
        EXPECT_TRUE(scheme.signs(kind));
    }
}

TEST(Scheme, SignsOnlyWhatItsTextNames) {
    const Scheme scheme = parsed(kHmac + "timestamp header=T; event_id header=Id;");
    EXPECT_TRUE(scheme.signs(SignedPart::Kind::body));
    for (SignedPart::Kind kind :
         {SignedPart::Kind::literal, SignedPart::Kind::timestamp, SignedPart::Kind::id,
          SignedPart::Kind::method, SignedPart::Kind::header}) {
        EXPECT_FALSE(scheme.signs(kind));
    }
    EXPECT_FALSE(parsed(kToken).signs(SignedPart::Kind::body));
}

TEST(Scheme, OneHeaderReadTwiceHasOnePlace) {
    const Scheme scheme = parsed(
        "algorithm hmac-sha256; signed '{header:ACME-ID}{header:x-b}{body}';"
        "signature header=Acme-Signature; event_id header=acme-id; event_type header=X-B;");
    EXPECT_EQ((std::set<std::string>{"acme-signature", "acme-id", "x-b"}),
              (std::set<std::string>(scheme.headers.begin(), scheme.headers.end())));
    EXPECT_EQ(3U, scheme.headers.size());
}

TEST(Scheme, HasAtMostSixteenHeaders) {
    ASSERT_EQ(16U, kMostHeaders);
    std::string text = "{body}";
    for (int i = 1; i < 16; ++i) text += "{header:X-" + std::to_string(i) + "}";
    EXPECT_EQ(16U, parsed(kUnsigned + "signed '" + text + "';").headers.size());
    EXPECT_EQ(16U, parsed(kUnsigned + "signed '" + text + "{header:X-1}';").headers.size());
    expect_refused(kUnsigned + "signed '" + text + "{header:X-16}';", {"16"});
}

TEST(Scheme, ReadsJsonWhereTheEventStandsInTheBody) {
    EXPECT_FALSE(parsed(kHmac).reads_json());
    EXPECT_FALSE(parsed(kHmac + "event_id header=I; event_type header=T;").reads_json());
    EXPECT_TRUE(parsed(kHmac + "event_id json=/id;").reads_json());
    EXPECT_TRUE(parsed(kHmac + "event_id header=I; event_type json=/type;").reads_json());
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

const std::vector<std::string> kFields{"algorithm", "key",      "signed",    "signature",
                                       "timestamp", "event_id", "event_type"};

TEST(SchemeErrors, UnknownField) {
    std::vector<std::string> mentioned = kFields;
    mentioned.push_back("\"algoritm\"");
    expect_refused("algoritm hmac-sha256;", mentioned);
    expect_refused(kHmac + "Key utf8;", {"\"Key\""});
    expect_refused(kHmac + "\"\" utf8;", {"\"\""});
}

TEST(SchemeErrors, UnknownValueNamesWhatIsAllowed) {
    const std::vector<std::string> algorithms{"hmac-sha1", "hmac-sha256", "hmac-sha384",
                                              "hmac-sha512", "token"};
    for (const std::string& name : {"hmac-md5"s, "none"s, "HMAC-SHA256"s, "sha256"s}) {
        std::vector<std::string> mentioned = algorithms;
        mentioned.push_back(webhook::quoted(name));
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
                   {"separator=,", "\"signature\"", "header", "split", "prefix", "encoding"});
    expect_refused(kHmac + "timestamp header=T leeway=5m;",
                   {"leeway=5m", "\"timestamp\"", "header", "item", "unit", "tolerance", "future"});
    expect_refused(kHmac + "event_id query=id;", {"query=id", "\"event_id\"", "header", "json"});
    expect_refused(kHmac + "event_type body=/id;",
                   {"body=/id", "\"event_type\"", "header", "json"});
    expect_refused(kWithoutSignature + "signature Header=S;", {"Header=S"});
    expect_refused(kWithoutSignature + "signature Acme-Signature;", {"Acme-Signature"});
    expect_refused(kWithoutSignature + "signature header;", {"header"});
    expect_refused(kWithoutSignature + "signature header=S \"\";", {"\"\""});
    expect_refused(kWithoutSignature + "signature header=S =x;", {"=x"});
}

TEST(SchemeErrors, UnknownPlaceholderNamesWhatIsAllowed) {
    for (const std::string& placeholder :
         {"{url}"s, "{}"s, "{BODY}"s, "{ body}"s, "{body }"s, "{headers:X}"s, "{secret}"s}) {
        expect_refused(kUnsigned + "signed \"" + placeholder + "\";",
                       {placeholder, "{body}", "{timestamp}", "{id}", "{method}", "{header:"});
    }
}

TEST(SchemeErrors, DuplicateField) {
    expect_refused(kHmac + "algorithm token;", {"duplicate", "\"algorithm\""});
    expect_refused(kHmac + "signed '{body}';", {"duplicate", "\"signed\""});
    expect_refused(kHmac + "signature header=S;", {"duplicate", "\"signature\""});
    for (const std::string& statement : {"key utf8;"s, "timestamp header=T;"s,
                                         "event_id header=Id;"s, "event_type header=Type;"s}) {
        expect_refused(kHmac + statement + statement,
                       {"duplicate", webhook::quoted(statement.substr(0, statement.find(' ')))});
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
                       {"braces", webhook::quoted(text)});
    }
    expect_refused(kUnsigned + "signed '{{body}}';");
    expect_refused(kUnsigned + "signed '{header:{body}}';");
}

TEST(SchemeErrors, NumberOfArguments) {
    for (const std::string& field : {"algorithm"s, "key"s, "signed"s}) {
        expect_refused(field + ";", {webhook::quoted(field), "one"});
        expect_refused(field + " token token;", {webhook::quoted(field), "one"});
    }
}

TEST(SchemeErrors, HeaderThatCannotBeNamedSo) {
    for (const std::string& name : {""s, "X Y"s, "X:Y"s, "X-\xc3\xa4"s, "X\tY"s, "X/Y"s}) {
        const std::vector<std::string> mentioned{webhook::quoted(name)};
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
    expect_refused(kHmac + "timestamp header=T future=soon;", {"future=soon"});
    expect_refused(
        "algorithm hmac-sha256; signed '{body}'; signature header=S split=,; timestamp item=;",
        {"item="});
}

TEST(SchemeErrors, PointerThatIsNone) {
    for (const std::string& pointer : {"id"s, "id/x"s, "#/id"s, "/a~"s, "/a~2"s, "/~~0"s, "~0"s}) {
        expect_refused(kHmac + "event_id json=" + pointer + ";", {webhook::quoted(pointer)});
        expect_refused(kHmac + "event_type json=" + pointer + ";", {webhook::quoted(pointer)});
        EXPECT_THROW(check_json_pointer(pointer), ConfigError) << pointer;
    }
    for (const std::string& pointer : {""s, "/"s, "/id"s, "/a/b/0"s, "//"s, "/a~0b~1c"s, "/~01"s}) {
        EXPECT_NO_THROW(check_json_pointer(pointer)) << pointer;
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

struct ExpectedPreset {
    std::string_view name;
    bool covers_event_id;
    std::string_view scheme;
};

// After providers.md, in the words of described().
const std::vector<ExpectedPreset> kExpectedPresets{
    {"github", false,
     "signed body\"\"\nsignature x-hub-signature-256 split \"\" prefix \"sha256=\" encoding 0\n"
     "timestamp \nevent_id header x-github-delivery\nevent_type header x-github-event\n"},
    {"gitlab", false,
     "signed\nsignature x-gitlab-token split \"\" prefix \"\" encoding 0\n"
     "timestamp \nevent_id header idempotency-key\nevent_type header x-gitlab-event\n"},
    {"shopify", false,
     "signed body\"\"\nsignature x-shopify-hmac-sha256 split \"\" prefix \"\" encoding 1\n"
     "timestamp \nevent_id header x-shopify-webhook-id\nevent_type header x-shopify-topic\n"},
    {"stripe", true,
     "signed timestamp\"\" literal\".\" body\"\"\n"
     "signature stripe-signature split \",\" prefix \"v1=\" encoding 0\n"
     "timestamp item \"t=\" unit 0 tolerance 300000 300000\n"
     "event_id json \"/id\"\nevent_type json \"/type\"\n"},
    {"slack", true,
     "signed literal\"v0:\" timestamp\"\" literal\":\" body\"\"\n"
     "signature x-slack-signature split \"\" prefix \"v0=\" encoding 0\n"
     "timestamp header x-slack-request-timestamp unit 0 tolerance 300000 300000\n"
     "event_id json \"/event_id\"\nevent_type json \"/event/type\"\n"},
    {"standard-webhooks", true,
     "signed id\"\" literal\".\" timestamp\"\" literal\".\" body\"\"\n"
     "signature webhook-signature split \" \" prefix \"v1,\" encoding 1\n"
     "timestamp header webhook-timestamp unit 0 tolerance 300000 300000\n"
     "event_id header webhook-id\nevent_type json \"/type\"\n"},
    {"svix", true,
     "signed id\"\" literal\".\" timestamp\"\" literal\".\" body\"\"\n"
     "signature svix-signature split \" \" prefix \"v1,\" encoding 1\n"
     "timestamp header svix-timestamp unit 0 tolerance 300000 300000\n"
     "event_id header svix-id\nevent_type json \"/type\"\n"},
    {"pagerduty", true,
     "signed body\"\"\n"
     "signature x-pagerduty-signature split \",\" prefix \"v1=\" encoding 0\n"
     "timestamp \nevent_id json \"/event/id\"\nevent_type json \"/event/event_type\"\n"},
    {"openrouter", false,
     "signed\nsignature x-webhook-signature split \"\" prefix \"\" encoding 0\n"
     "timestamp \nevent_id nowhere\nevent_type nowhere\n"},
};

TEST(Presets, EveryOneParses) {
    for (const Preset& preset : presets()) {
        EXPECT_NO_THROW({
            const auto scheme = preset_scheme(preset.name);
            ASSERT_TRUE(scheme) << preset.name;
            EXPECT_EQ(preset.name, scheme->name);
        }) << preset.name;
    }
}

TEST(Presets, AreNamedOnce) {
    std::set<std::string_view> names;
    for (const Preset& preset : presets()) EXPECT_TRUE(names.insert(preset.name).second);
    for (const ExpectedPreset& expected : kExpectedPresets) {
        EXPECT_TRUE(names.contains(expected.name)) << expected.name;
    }
}

TEST(Presets, SignAsTheSenderDocuments) {
    for (const ExpectedPreset& expected : kExpectedPresets) {
        SCOPED_TRACE(expected.name);
        try {
            const std::string scheme = described(preset_scheme(expected.name).value());
            EXPECT_NE(std::string::npos, scheme.find(expected.scheme))
                << scheme << "\nshould hold\n"
                << expected.scheme;
        } catch (const ConfigError& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

TEST(Presets, CoverTheEventIdAsTheSenderDocuments) {
    for (const ExpectedPreset& expected : kExpectedPresets) {
        SCOPED_TRACE(expected.name);
        try {
            EXPECT_EQ(expected.covers_event_id,
                      preset_scheme(expected.name).value().covers_event_id());
        } catch (const ConfigError& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

TEST(Presets, AreFoundByTheirExactName) {
    for (std::string_view name : {"", "GitHub", "github ", "git", "githubs"}) {
        EXPECT_FALSE(preset_scheme(name)) << name;
    }
}

TEST(Presets, ReadTheKeyAsTheSenderIssuesIt) {
    EXPECT_EQ(KeyEncoding::utf8, preset_scheme("stripe").value().key);
    EXPECT_EQ(KeyEncoding::utf8, preset_scheme("github").value().key);
    EXPECT_EQ(KeyEncoding::whsec, preset_scheme("standard-webhooks").value().key);
    EXPECT_EQ(KeyEncoding::whsec, preset_scheme("svix").value().key);
}

}  // namespace
}  // namespace webhook
