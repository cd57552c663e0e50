// No byte of what a sender signed can be moved from one value to another. What is tried here
// follows from the schemes themselves: every preset is taken as it is, and signed, and its signed
// text is cut at every other place.

#include "scheme/boundaries.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "delivery.h"
#include "scheme/presets.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::Delivery;
using testing::judge;
using testing::KeyPair;
using testing::secret;
using Kind = TemplatePart::Kind;

constexpr Milliseconds kNow{1'614'265'330'000};
const std::string kKey = "0123456789abcdef0123456789abcdef";

// -- a sender of any scheme

std::string secret_text(const Scheme& scheme) {
    switch (scheme.key) {
        case KeyEncoding::hex:
            return testing::hex(scheme.has_public_key() ? KeyPair::ed25519().raw() : kKey);
        case KeyEncoding::base64:
            return testing::base64(scheme.has_public_key() ? KeyPair::ed25519().raw() : kKey);
        case KeyEncoding::whsec:
            return "whsec_" + testing::base64(kKey);
        case KeyEncoding::whpk:
            return "whpk_" + testing::base64(KeyPair::ed25519().raw());
        case KeyEncoding::spki:
            return testing::base64(KeyPair::ecdsa().der());
        case KeyEncoding::pem:
            return KeyPair::rsa().pem();
        default:
            return kKey;
    }
}

std::string signature_of(const Scheme& scheme, std::string_view text) {
    switch (scheme.algorithm) {
        case Algorithm::ed25519:
            return KeyPair::ed25519().sign(text);
        case Algorithm::ecdsa_p256:
            return KeyPair::ecdsa().sign(text);
        case Algorithm::rsa:
            return KeyPair::rsa().sign(text, openssl_hash(scheme.hash));
        case Algorithm::hash:
            return testing::hashed(openssl_hash(scheme.hash), text);
        default:
            return testing::hmac(openssl_hash(scheme.hash), kKey, text);
    }
}

std::string encoded(TextEncoding encoding, std::string_view bytes) {
    switch (encoding) {
        case TextEncoding::hex:
            return testing::hex(bytes);
        case TextEncoding::base64:
            return testing::base64(bytes);
        default:
            return testing::base64url(bytes);
    }
}

// One value for each part of the signed text.
using Values = std::vector<std::string>;

std::string joined(const Values& values) {
    std::string text;
    for (const std::string& value : values) text += value;
    return text;
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') json += '\\';
        json += character;
    }
    return json + '"';
}

// Of pointers with one or two steps.
std::string json_with(const std::map<std::string, std::string>& values) {
    std::map<std::string, std::string> members;
    for (const auto& [pointer, value] : values) {
        const std::size_t second = pointer.find('/', 1);
        const std::string first = pointer.substr(1, second - 1);
        std::string& member = members[first];
        if (second == std::string::npos) {
            member = json_string(value);
        } else {
            member += (member.empty() ? "" : ",") + json_string(pointer.substr(second + 1)) + ':' +
                      json_string(value);
        }
    }
    std::string json = "{";
    for (const auto& [name, text] : members) {
        const bool is_object = !text.starts_with('"') || text.find("\":") != std::string::npos;
        json += (json.size() > 1 ? "," : "") + json_string(name) + ':' +
                (is_object ? '{' + text + '}' : text);
    }
    return json + '}';
}

std::vector<std::string> times(const Scheme& scheme) {
    if (!scheme.timestamp) return {"1614265330"};
    switch (scheme.timestamp->unit) {
        case TimestampUnit::seconds:
            return {"1614265330", "1614265300"};
        case TimestampUnit::milliseconds:
            return {"1614265330000", "1614265330007"};
        case TimestampUnit::rfc3339:
            return {"2021-02-25T15:02:10Z", "2021-02-25T07:02:10.000002021-08:00"};
    }
    return {};
}

class Sender {
  public:
    explicit Sender(const Scheme& scheme)
        : scheme_(scheme), secret_(secret(scheme, secret_text(scheme))) {}

    // `signature` is that of some text, whatever the values are.
    Delivery deliver(const Values& values, const std::string& signature) const {
        Delivery delivery;
        std::map<std::string, std::string> json;
        for (std::size_t i = 0; i < values.size(); ++i) {
            place(scheme_.signed_parts[i], values[i], delivery, json);
        }
        const bool has_header =
            scheme_.timestamp && scheme_.timestamp->source.kind == ValueLocation::Kind::header;
        if (has_header && !scheme_.signs(Kind::timestamp)) {
            delivery.set(scheme_.headers[scheme_.timestamp->source.header], times(scheme_).front());
        }
        for (const RequiredHeader& required : scheme_.required_headers) {
            delivery.set(scheme_.headers[required.header], required.value);
        }
        for (const ValueLocation* source :
             {static_cast<const ValueLocation*>(&scheme_.event_id), &scheme_.event_type}) {
            const bool is_header = source->kind == ValueLocation::Kind::header;
            if (is_header && !scheme_.signs(Kind::id))
                delivery.add(scheme_.headers[source->header], "1");
        }
        const SignatureSource& source = scheme_.signatures.front();
        const std::string item = source.prefix + signature;
        if (source.source.kind == ValueLocation::Kind::json) {
            json[source.source.text] = item;
        } else {
            delivery.set(scheme_.headers[source.source.header], items_before(values) + item);
        }
        if (!json.empty()) delivery.body = json_with(json);
        return delivery;
    }

    std::string sign(std::string_view text) const {
        return encoded(scheme_.signatures.front().encoding, signature_of(scheme_, text));
    }

    Reason judged(const Values& values, const std::string& signature) const {
        return judge(scheme_, {secret_}, deliver(values, signature), kNow).reason;
    }

  private:
    void place(const TemplatePart& part, const std::string& value, Delivery& delivery,
               std::map<std::string, std::string>& json) const {
        switch (part.kind) {
            case Kind::body:
                delivery.body = value;
                break;
            case Kind::timestamp:
                if (scheme_.timestamp->source.kind == ValueLocation::Kind::header) {
                    delivery.set(scheme_.headers[scheme_.timestamp->source.header], value);
                } else if (scheme_.timestamp->source.kind == ValueLocation::Kind::json) {
                    json[scheme_.timestamp->source.text] = value;
                }
                break;
            case Kind::id:
                delivery.set(scheme_.headers[scheme_.event_id.header], value);
                break;
            case Kind::header:
                delivery.set(scheme_.headers[part.header], value);
                break;
            case Kind::method:
                delivery.method = value;
                break;
            case Kind::json:
                json[part.text] = value;
                break;
            default:
                if (part.is_url()) delivery.url = value;
        }
    }

    // The timestamp, where it is an item of the signature's header.
    std::string items_before(const Values& values) const {
        if (!scheme_.timestamp || scheme_.timestamp->source.kind != ValueLocation::Kind::item)
            return "";
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (scheme_.signed_parts[i].kind != Kind::timestamp) continue;
            return scheme_.timestamp->source.text + values[i] +
                   scheme_.signatures.front().separators.front();
        }
        return "";
    }

    const Scheme& scheme_;
    SigningSecret secret_;
};

// -- what it sends

// Bodies that hold what stands between the values, and look like them.
std::vector<std::string> bodies(const Scheme& scheme) {
    std::vector<std::string> all{
        "",  "{}", "[]",       "[[]]", "[1,2]", " {\"a\":1}\n", R"({"a":"]}\"["})",
        "0", "7",  "a=1&b=[]", "a b"};
    for (const std::string& time : {times(scheme).front()}) {
        std::string holder;
        for (const TemplatePart& part : scheme.signed_parts) {
            if (part.kind == Kind::literal) holder += part.text + time;
        }
        holder += time;
        all.push_back("{\"a\":\"" + holder + "x" + holder + "\"}");
        all.push_back("x" + holder + "0" + holder);
        all.push_back(holder + "{}");
    }
    return all;
}

std::vector<std::string> values_for(const Scheme& scheme, const TemplatePart& part) {
    switch (part.kind) {
        case Kind::literal:
            return {part.text};
        case Kind::body:
            return bodies(scheme);
        case Kind::timestamp:
            return times(scheme);
        case Kind::secret:
            return {kKey};
        case Kind::secret_id:
            return {""};
        case Kind::method:
            return {"POST", "GET"};
        case Kind::id:
            return {"id-1", "id0", "a=="};
        case Kind::header:
            return {"2021-02-25T15:02:10Z", "1614265330", "{}", "x]", "a-", "-b--c"};
        case Kind::json:
            return {"token", "0", "17"};
        default:
            return {"https://hooks.example/in?x=1000", "https://hooks.example/in?x=[]", "/in.0"};
    }
}

// Every choice of one value for each part.
void for_each_choice(const std::vector<std::vector<std::string>>& choices,
                     const std::function<void(const Values&)>& use, Values chosen = {}) {
    if (chosen.size() == choices.size()) return use(chosen);
    for (const std::string& value : choices[chosen.size()]) {
        Values more = chosen;
        more.push_back(value);
        for_each_choice(choices, use, std::move(more));
    }
}

// -- what a thief makes of it

bool is_fixed(const TemplatePart& part) {
    return part.kind == Kind::literal || part.kind == Kind::secret || part.kind == Kind::secret_id;
}

// Whether it can come: nginx lets no other method through.
bool can_come(const Scheme& scheme, const Values& values) {
    static const std::set<std::string> methods{"GET",    "HEAD",  "POST",   "PUT",
                                               "DELETE", "PATCH", "OPTIONS"};
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (scheme.signed_parts[i].kind == Kind::method && !methods.contains(values[i]))
            return false;
    }
    return true;
}

// Every way to cut the text from the part at `index` on into values, of which at most `moved`
// boundaries differ from how it was cut.
void for_each_cut(const Scheme& scheme, const Values& original, std::size_t moves,
                  std::string_view rest, const Values& cut,
                  const std::function<void(const Values&)>& use) {
    const std::size_t index = cut.size();
    if (index == original.size()) {
        if (rest.empty()) use(cut);
        return;
    }
    const TemplatePart& part = scheme.signed_parts[index];
    const auto go_on = [&](std::size_t size, std::size_t left) {
        Values more = cut;
        more.emplace_back(rest.substr(0, size));
        for_each_cut(scheme, original, left, rest.substr(size), more, use);
    };
    const std::size_t size = original[index].size();
    if (is_fixed(part)) {
        if (rest.starts_with(original[index])) go_on(size, moves);
        return;
    }
    if (index + 1 == original.size()) return go_on(rest.size(), moves);
    for (std::size_t taken = 0; taken <= rest.size(); ++taken) {
        if (taken == size) {
            go_on(taken, moves);
        } else if (moves > 0) {
            go_on(taken, moves - 1);
        }
    }
}

struct Tried {
    std::size_t sent = 0;
    std::size_t moved = 0;
};

Tried try_all(const Scheme& scheme) {
    Tried tried;
    const Sender sender(scheme);
    std::vector<std::vector<std::string>> choices;
    std::size_t values = 0;
    for (const TemplatePart& part : scheme.signed_parts) {
        choices.push_back(values_for(scheme, part));
        values += is_fixed(part) ? 0 : 1;
    }
    if (values < 2) return tried;
    for_each_choice(choices, [&](const Values& sent) {
        const std::string text = joined(sent);
        const std::string signature = sender.sign(text);
        if (sender.judged(sent, signature) != Reason::accepted) return;
        ++tried.sent;
        for_each_cut(scheme, sent, 2, text, {}, [&](const Values& moved) {
            if (moved == sent || !can_come(scheme, moved)) return;
            ++tried.moved;
            const Reason reason = sender.judged(moved, signature);
            EXPECT_NE(Reason::accepted, reason)
                << scheme.name << ": " << ::testing::PrintToString(sent) << " sent as "
                << ::testing::PrintToString(moved);
        });
    });
    return tried;
}

bool is_template(const Scheme& scheme) {
    return !scheme.signed_parts.empty() && !scheme.signs_form();
}

// -- the tests

TEST(Boundaries, NoByteOfAPresetCanBeMoved) {
    std::set<std::string> joined_presets;
    for (const Preset& preset : presets()) {
        const Scheme scheme = preset_scheme(preset.name).value();
        if (!is_template(scheme) || !ambiguous_parts(scheme, false).empty()) continue;
        // Its certificate and its CRC are of a kind of their own: see its headers below.
        if (scheme.signs(Kind::crc32_of_body)) continue;
        const Tried tried = try_all(scheme);
        if (::testing::Test::HasFailure()) return;
        if (tried.moved > 0) joined_presets.insert(scheme.name);
        std::size_t values = 0;
        for (const TemplatePart& part : scheme.signed_parts) values += is_fixed(part) ? 0 : 1;
        EXPECT_TRUE(values < 2 || tried.sent > 0) << scheme.name << ": nothing was accepted";
    }
    for (const char* name :
         {"box", "discord", "hubspot-v2", "hubspot-v3", "klaviyo", "mailgun", "sendgrid", "square",
          "standard-webhooks", "trello", "twitch", "zendesk"}) {
        EXPECT_TRUE(joined_presets.contains(name)) << name;
    }
}

TEST(Boundaries, WhatLetsBytesBeMovedIsKnown) {
    std::set<std::string> open;
    for (const Preset& preset : presets()) {
        const Scheme scheme = preset_scheme(preset.name).value();
        if (!ambiguous_parts(scheme, false).empty()) open.insert(scheme.name);
        EXPECT_EQ("", ambiguous_parts(scheme, true)) << scheme.name;
    }
    EXPECT_EQ((std::set<std::string>{"twilio", "twilio-form"}), open);
}

Scheme own(const std::string& text, const std::string& unit = "s") {
    return parse_scheme("own", "algorithm hmac-sha256; signature header=X-Sign; signed '" + text +
                                   "'; timestamp header=X-Time unit=" + unit +
                                   "; event_id header=X-Id;");
}

TEST(Boundaries, NoByteOfASchemeThatIsNotWarnedOfCanBeMoved) {
    for (const std::string& unit : {"s"s, "rfc3339"s}) {
        for (const std::string& text :
             {"{id}{timestamp}{body}"s, "{timestamp}{id}.{body}"s, "{header:X-A}{body}"s,
              "{body}{header:X-A}"s, "{id}.{timestamp}.{body}"s, "{url}.{timestamp}.{body}"s,
              "{body}.{url}"s, "{header:X-A}--{header:X-B}"s, "{header:X-A}.{header:X-B}.{body}"s,
              "{method}{url}{timestamp}{body}"s, "{timestamp}{body}"s, "{body}{timestamp}"s,
              "{body}.{timestamp}.{id}"s, "{method} {url} {body}"s, "{timestamp}{url}{body}"s,
              "{body}{timestamp}{url}"s}) {
            const Scheme scheme = own(text, unit);
            SCOPED_TRACE(text + " " + unit);
            ASSERT_EQ("", ambiguous_parts(scheme, false));
            const Tried tried = try_all(scheme);
            EXPECT_LT(0U, tried.sent);
            EXPECT_LT(0U, tried.moved);
            if (::testing::Test::HasFailure()) return;
        }
    }
}

TEST(Boundaries, WhatNothingGuardsIsWarnedOf) {
    const auto open = [](const std::string& text, bool url_is_fixed = false,
                         const std::string& unit = "s") {
        return ambiguous_parts(own(text, unit), url_is_fixed);
    };
    EXPECT_EQ(R"("{header:...}" and "{header:...}")", open("{header:X-A}{header:X-B}"));
    EXPECT_EQ(R"("{id}" and "{header:...}")", open("{id}{header:X-B}.{body}"));
    EXPECT_EQ(R"("{id}" and "{header:...}")", open("{id}{timestamp}{header:X-B}"));
    EXPECT_EQ("", open("{id}{timestamp}{header:X-B}", false, "rfc3339"));
    EXPECT_EQ(R"("{json:...}" and "{json:...}")", open("{json:/a}.{json:/b}"));
    EXPECT_EQ(R"("{body}" and "{header:...}")", open("{url}{body}{header:X-A}"));
    EXPECT_EQ("", open("{url}{body}{header:X-A}", true));
    EXPECT_EQ(R"("{url}" and "{header:...}")", open("{url}{header:X-A}"));
    EXPECT_EQ("", open("{url}{header:X-A}", true));
    EXPECT_EQ(R"("{header:...}" and "{crc32:body}")", open("{header:X-A}{crc32:body}"));
    EXPECT_EQ("", open("{header:X-A}0{crc32:body}"));
    EXPECT_EQ(R"("{json:...}" and "{crc32:body}")", open("{json:/a}0{crc32:body}"));
    EXPECT_EQ("", open("{header:X-A}|{crc32:body}"));
    EXPECT_EQ("", open("{json:/a}|{crc32:body}"));
    EXPECT_EQ("", open("{crc32:body}|{json:/a}"));
    EXPECT_EQ(R"("{url}" and "{body}")", open("{url}]{body}"));
    EXPECT_EQ("", open("{url}|{body}"));
}

// Nothing of a fixed URL can be chosen, so that the body beside it may be any.
TEST(Boundaries, ABodyBesideAFixedUrlMayBeAny) {
    const Scheme scheme = own("{url}{body}");
    Delivery delivery;
    delivery.body = "a=1&b=2";
    delivery.set("X-Id", "1");
    delivery.set("X-Time", "1614265330");
    delivery.set("X-Sign", testing::hmac_hex(kKey, delivery.url + delivery.body));
    const std::vector<SigningSecret> secrets{secret(scheme, kKey)};
    EXPECT_EQ(Reason::invalid_payload, judge(scheme, secrets, delivery, kNow).reason);
    delivery.url_is_fixed = true;
    EXPECT_EQ(Reason::accepted, judge(scheme, secrets, delivery, kNow).reason);
    delivery.body += "3";
    EXPECT_EQ(Reason::bad_signature, judge(scheme, secrets, delivery, kNow).reason);
}

// Where the sender has other URLs than this, the body of theirs may begin with the rest of one, and
// end with the beginning.
TEST(Boundaries, SendersOfJsonHaveItBesideAFixedUrlToo) {
    const auto reason = [](const std::string& name, const std::string& signed_text,
                           const std::string& body) {
        const Scheme scheme = preset_scheme(name).value();
        Delivery delivery;
        delivery.body = body;
        delivery.url_is_fixed = true;
        const EVP_MD* hash = name == "trello" ? EVP_sha1() : EVP_sha256();
        const std::string code = testing::base64(testing::hmac(hash, kKey, signed_text));
        delivery.set("X-Trello-Webhook", code);
        delivery.set("X-Square-Hmacsha256-Signature", code);
        delivery.set("X-HubSpot-Signature-v3", code);
        delivery.set("X-HubSpot-Request-Timestamp", "1614265330000");
        return judge(scheme, {secret(scheme, kKey)}, delivery, kNow).reason;
    };
    const std::string url = Delivery().url;
    EXPECT_EQ(Reason::accepted, reason("square", url + "{}", "{}"));
    EXPECT_EQ(Reason::invalid_payload, reason("square", url + "2{}", "2{}"));
    EXPECT_EQ(Reason::accepted, reason("trello", "{}" + url, "{}"));
    EXPECT_EQ(Reason::invalid_payload, reason("trello", "{}http://e/?" + url, "{}http://e/?"));
    EXPECT_EQ(Reason::accepted, reason("hubspot-v3", "POST" + url + "[{}]1614265330000", "[{}]"));
    EXPECT_EQ(Reason::accepted, reason("hubspot-v3", "POST" + url + "1614265330000", ""));
    EXPECT_EQ(Reason::invalid_payload,
              reason("hubspot-v3", "POST" + url + "b[{}]1614265330000", "b[{}]"));
}

TEST(Boundaries, ADeliveryByGetHasNoBody) {
    for (const char* method : {"GET", "HEAD", "POST", "DELETE"}) {
        const Scheme scheme = own("{timestamp}.{body}");
        const bool has_none = method == "GET"s || method == "HEAD"s;
        for (const std::string& body : {""s, "{}"s}) {
            Delivery delivery;
            delivery.method = method;
            delivery.body = body;
            delivery.set("X-Id", "1");
            delivery.set("X-Time", "1614265330");
            delivery.set("X-Sign", testing::hmac_hex(kKey, "1614265330." + body));
            const Reason expected =
                has_none && !body.empty() ? Reason::invalid_payload : Reason::accepted;
            EXPECT_EQ(expected, judge(scheme, {secret(scheme, kKey)}, delivery, kNow).reason)
                << method << ' ' << body;
        }
    }
    const Scheme token = preset_scheme("bearer").value();
    Delivery delivery{{{"Authorization", "Bearer " + kKey}}, "x", "GET"};
    EXPECT_EQ(Reason::invalid_payload, judge(token, {secret(token, kKey)}, delivery, kNow).reason);
}

// A path or a query that was cut off the URL would be the beginning of a name.
TEST(Boundaries, NoPathBecomesTheNameOfAField) {
    const Scheme scheme = preset_scheme("twilio").value();
    const auto reason = [&](const std::string& url, const std::string& form, bool fixed = false) {
        const std::string text = "https://hooks.example/sms/a?x=1AccountSidAC1BodyHi";
        Delivery delivery{
            {{"X-Twilio-Signature", testing::base64(testing::hmac(EVP_sha1(), kKey, text))},
             {"Content-Type", "application/x-www-form-urlencoded"}},
            form,
            "POST",
            url,
            fixed};
        return judge(scheme, {secret(scheme, kKey)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted,
              reason("https://hooks.example/sms/a?x=1", "AccountSid=AC1&Body=Hi"));
    EXPECT_EQ(Reason::bad_signature,
              reason("https://hooks.example/sms", "%2Fa%3Fx%3D1AccountSid=AC1&Body=Hi"));
    EXPECT_EQ(Reason::bad_signature,
              reason("https://hooks.example/sms/a", "%3Fx%3D1AccountSid=AC1&Body=Hi"));
    EXPECT_EQ(Reason::bad_signature,
              reason("https://hooks.example/sms/a?x", "%3D1AccountSid=AC1&Body=Hi"));
    for (const auto& [url, form] : {
             std::pair{"", "=%2Fa%3Fx%3D1&AccountSid=AC1&Body=Hi"},
             std::pair{"/a", "=%3Fx%3D1&AccountSid=AC1&Body=Hi"},
             std::pair{"/a?x", "=%3D1AccountSidAC1BodyHi"},
             std::pair{"/a?x=", "=1&AccountSid=AC1&Body=Hi"},
             std::pair{"/a?x=", "1=&AccountSid=AC1&Body=Hi"},
         }) {
        const std::string start = std::string("https://hooks.example/sms") + url;
        EXPECT_EQ(Reason::bad_signature, reason(start, form)) << start << ' ' << form;
    }
    EXPECT_EQ(Reason::bad_signature,
              reason("https://hooks.example/sms/a", "%3Fx%3D1AccountSid=AC1&Body=Hi", true));
    EXPECT_EQ(Reason::bad_signature,
              reason("https://hooks.example/sms/a", "=%3Fx%3D1AccountSidAC1BodyHi", true));
}

// -- JsonFrame

bool is_whole(std::string_view text) {
    JsonFrame frame;
    frame.update(text);
    return frame.is_whole();
}

TEST(JsonFrame, IsAnObjectOrAnArray) {
    for (const char* text :
         {"{}", "[]", R"({"a":1})", "[1]", R"([{"a":"]}"}])", R"({"a":"\""})", R"({"a":"\\"})",
          R"([""])", " [1] ", "\r\n\t{}\n", R"({"\u007b":"{"})", R"({"a":{"b":[{}]}})"}) {
        EXPECT_TRUE(is_whole(text)) << text;
    }
    for (const char* text : {"",
                             " ",
                             "1",
                             "true",
                             "null",
                             "\"a\"",
                             "{",
                             "[",
                             "}",
                             "]",
                             "{}x",
                             "x{}",
                             "{}{}",
                             "{} []",
                             R"({"a":"})",
                             R"({"a":"\"})",
                             R"({\"a":1})",
                             R"(["\x"])",
                             "\xEF\xBB\xBF{}",
                             "\f{}",
                             "{}\v",
                             "a=1",
                             "<a/>",
                             R"({"a":1}2026)",
                             R"([1]])"}) {
        EXPECT_FALSE(is_whole(text)) << text;
    }
}

TEST(JsonFrame, IsTheSameInPieces) {
    for (const std::string& text : {R"( [{"a\\":"]\"}"}, {}] )"s, R"([{"a":"\u1234"}]])"s, "{}"s}) {
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            JsonFrame frame;
            frame.update(std::string_view(text).substr(0, cut));
            frame.update("");
            frame.update(std::string_view(text).substr(cut));
            EXPECT_EQ(is_whole(text), frame.is_whole()) << text << ' ' << cut;
        }
    }
}

// What all that is said of bodies rests on, for every text of these characters.
TEST(JsonFrame, NoneBeginsOrEndsWithAnother) {
    constexpr std::string_view kCharacters = "{}[]\"\\ a";
    std::size_t whole = 0;
    for (std::size_t size = 1; size <= 6; ++size) {
        std::vector<std::size_t> digits(size, 0);
        std::string text(size, kCharacters.front());
        for (bool more = true; more;) {
            if (text.front() != ' ' && text.back() != ' ' && is_whole(text)) {
                ++whole;
                for (std::size_t i = 1; i < size; ++i) {
                    const std::string_view view = text;
                    ASSERT_FALSE(is_whole(view.substr(i))) << text;
                    ASSERT_FALSE(is_whole(view.substr(0, i)) && view[i - 1] != ' ') << text;
                }
            }
            more = false;
            for (std::size_t i = 0; i < size && !more; ++i) {
                digits[i] = (digits[i] + 1) % kCharacters.size();
                text[i] = kCharacters[digits[i]];
                more = digits[i] != 0;
            }
        }
    }
    EXPECT_LT(100U, whole);
}

// What a longer URL of the same sender ends with, where the URL is fixed.
TEST(Boundaries, OnlyALetterBeginsTheFormBehindAFixedUrl) {
    const Scheme scheme = preset_scheme("twilio-form").value();
    const auto reason = [&](const std::string& rest) {
        const std::string text = "https://hooks.example/sms" + rest + "AccountSidAC1";
        std::string name = rest;
        for (std::size_t i = 0; (i = name.find_first_of("&+%", i)) != name.npos; i += 3) {
            name.replace(i, 1, "%2B");
        }
        Delivery delivery{
            {{"X-Twilio-Signature", testing::base64(testing::hmac(EVP_sha1(), kKey, text))},
             {"Content-Type", "application/x-www-form-urlencoded"}},
            name + "AccountSid=AC1",
            "POST",
            "https://hooks.example/sms",
            true};
        return judge(scheme, {secret(scheme, kKey)}, delivery, kNow).reason;
    };
    EXPECT_EQ(Reason::accepted, reason(""));
    EXPECT_EQ(Reason::accepted, reason("x"));
    for (const char* rest : {"-status", "2", "_in", ".php", "/in", "?a", "~", ":80"}) {
        EXPECT_EQ(Reason::bad_signature, reason(rest)) << rest;
    }
    EXPECT_TRUE(scheme.continues_behind_url("mail"));
    for (const char* rest : {"-status", "2", "/in", "?a=1"}) {
        EXPECT_FALSE(scheme.continues_behind_url(rest)) << rest;
    }
    EXPECT_TRUE(own("{url}{body}").continues_behind_url("/in"));
    EXPECT_FALSE(preset_scheme("square").value().continues_behind_url("/in"));
    EXPECT_FALSE(preset_scheme("trello").value().continues_behind_url("/in"));
    EXPECT_FALSE(preset_scheme("github").value().continues_behind_url("x"));
}

}  // namespace
}  // namespace webhook
