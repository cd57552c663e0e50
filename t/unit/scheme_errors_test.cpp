#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "scheme/builder.h"
#include "scheme/statements.h"
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
         "event_type, event_key, require, body, payload, digest, claims, handshake"});
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

}  // namespace
}  // namespace webhook
