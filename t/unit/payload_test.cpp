// The payload of a verified delivery: its event's type decides whether it passes, and what two
// readers of the same bytes could read differently is refused.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "delivery.h"
#include "inspect/inspection.h"
#include "schema_support.h"
#include "scheme/presets.h"

namespace webhook {
namespace {

using testing::Delivery;
using testing::hmac_hex;
using testing::policy_for;
using testing::secret;
using testing::TestBody;
using testing::TestRequest;
using namespace std::chrono_literals;

constexpr Milliseconds kNow = 1'700'000'000s;
constexpr std::string_view kKey = "a signing secret of the usual length";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";

// A location, and the judgement of the deliveries that it gets.
class Gate {
  public:
    explicit Gate(std::string_view statements)
        : scheme_(std::make_shared<const Scheme>(parse_scheme("s", statements))) {}
    static Gate of_preset(std::string_view name) {
        return Gate(std::make_shared<const Scheme>(preset_scheme(name).value()));
    }

    Gate& events(const std::vector<std::string>& patterns) {
        filter_ = {};
        for (const std::string& pattern : patterns) filter_.add(pattern);
        return *this;
    }
    Gate& schema(std::string text, std::optional<std::string_view> type = std::nullopt) {
        PayloadSchema added;
        added.schema = compile_text(std::move(text)).schema;
        if (type) added.type.emplace(*type);
        schemas_.push_back(added);
        return *this;
    }
    Gate& remember(std::vector<KeyRule> keys = {{KeyRule::Kind::event_id, "$webhook_event_id"}}) {
        keys_ = std::move(keys);
        return *this;
    }
    Gate& want_event() {
        wanted_.event = true;
        return *this;
    }
    Gate& payload_max(std::size_t bytes) {
        payload_max_ = bytes;
        return *this;
    }

    Reason judge(const Delivery& delivery) {
        std::vector<SigningSecret> secrets;
        secrets.push_back(secret(*scheme_, kKey));
        Policy policy = policy_for(*scheme_, delivery);
        policy.scheme = scheme_;
        policy.events = filter_;
        policy.schemas = schemas_;
        policy.keys = keys_;
        policy.payload_max = payload_max_;
        TestRequest request(delivery, secrets);
        Inspection inspection(policy, wanted_, request.head(), request);
        auto outcome = inspection.before_body(kNow);
        Objection objection;
        if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
            objection = *refusal;
        } else {
            auto& of_body = std::get<BodyInspection>(outcome);
            of_body.update(delivery.body);
            TestBody body(delivery.body, request.json_document());
            objection = of_body.finish(body, kNow);
        }
        id = inspection.event().id;
        type = inspection.event().type;
        schema_error = inspection.event().schema_error;
        key_count = inspection.keys().size();
        cause = objection ? text_of(objection->cause) : "";
        return objection ? objection->reason : Reason::accepted;
    }

    // Of the last delivery.
    std::string id;
    std::string type;
    std::string cause;
    std::string schema_error;
    std::size_t key_count = 0;

  private:
    explicit Gate(std::shared_ptr<const Scheme> scheme) : scheme_(std::move(scheme)) {}

    std::shared_ptr<const Scheme> scheme_;
    EventFilter filter_;
    std::vector<PayloadSchema> schemas_;
    std::vector<KeyRule> keys_;
    Wanted wanted_;
    std::size_t payload_max_ = kDefaultPayloadMax;
};

constexpr std::string_view kInJson =
    "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_id json=/id; "
    "event_type json=/event/type;";
constexpr std::string_view kInForm =
    "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_id json=/id; "
    "event_type json=/event/type; payload field=payload;";

Delivery signed_body(const std::string& body, std::string_view content_type = "application/json") {
    return {{{"X-Sign", hmac_hex(kKey, body)}, {"Content-Type", std::string(content_type)}}, body};
}

std::string with_type(const std::string& type) {
    return R"({"id":"1","event":{"type":)" + type + "}}";
}

TEST(Payload, ATypeInJsonIsFiltered) {
    Gate gate(kInJson);
    gate.events({"paid", "re*"});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("\"paid\""))));
    EXPECT_EQ("paid", gate.type);
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("\"refunded\""))));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(with_type("\"failed\""))));
    EXPECT_EQ("", gate.cause) << "no value of the payload";
    gate.events({"7", "true"});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("7"))));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("true"))));
}

TEST(Payload, NothingIsFilteredWithoutAFilter) {
    Gate gate(kInJson);
    for (const std::string body : {"", "{", "\xff", "[1]"}) {
        EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body))) << body;
    }
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("\"failed\""))));
    EXPECT_EQ("", gate.type) << "nobody asked";
}

TEST(Payload, OnlyAVerifiedDeliveryIsFiltered) {
    Gate gate(kInJson);
    gate.events({"paid"});
    Delivery forged = signed_body(with_type("\"failed\""));
    forged.set("X-Sign", std::string(64, '0'));
    EXPECT_EQ(Reason::bad_signature, gate.judge(forged));
}

TEST(Payload, ATypeInAHeaderIsFilteredWithoutAPayload) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_id json=/id; "
        "event_type header=X-Type;");
    gate.events({"paid"}).remember();
    Delivery other = signed_body("no JSON at all");
    other.add("X-Type", "failed");
    EXPECT_EQ(Reason::filtered, gate.judge(other));
    EXPECT_EQ(0U, gate.key_count) << "and there is nothing to remember";
    other.set("X-Type", "paid");
    EXPECT_EQ(Reason::invalid_payload, gate.judge(other));
    other.add("X-Type", "failed");
    EXPECT_EQ(Reason::malformed_header, gate.judge(other)) << "repeated";
    Delivery untyped = signed_body(R"({"id":1})");
    EXPECT_EQ(Reason::filtered, gate.judge(untyped));
    EXPECT_EQ("the delivery has no event type", gate.cause);
    gate.events({"paid", ""});
    EXPECT_EQ(Reason::accepted, gate.judge(untyped));
}

TEST(Payload, ATypeInATokenIsFiltered) {
    Gate gate(
        "algorithm jwt=HS256; signature header=X-Sign; digest claim=hash; "
        "event_type claim=type; event_id claim=jti;");
    gate.events({"paid"}).remember();
    const auto deliver = [&](const std::string& claims) {
        const std::string body = "anything";
        return gate.judge(
            {{{"X-Sign",
               testing::hs256_token(
                   "{\"hash\":\"" + testing::sha256_hex(body) + "\"" + claims + "}", kKey)}},
             body});
    };
    EXPECT_EQ(Reason::accepted, deliver(R"(,"jti":"1","type":"paid")"));
    EXPECT_EQ(Reason::filtered, deliver(R"(,"jti":"1","type":"failed")"));
    EXPECT_EQ(Reason::filtered, deliver(R"(,"jti":"1")"));
    EXPECT_EQ(Reason::invalid_payload, deliver(R"(,"jti":"1","type":"paid","type":"failed")"));
    EXPECT_EQ(Reason::invalid_payload, deliver(R"(,"jti":"1","jti":"2","type":"paid")"));
    EXPECT_EQ(Reason::invalid_payload, deliver(R"(,"jti":"1","type":"paid","x":1,"x":1)"));
}

TEST(Payload, ATypeInAFieldIsFiltered) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; "
        "event_type field=type;");
    gate.events({"paid"});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("a=1&type=paid", kForm)));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body("a=1&type=failed", kForm)));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body("a=1", kForm)));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body("", kForm)));
    gate.events({"paid", ""});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("a=1", kForm)));
    for (const std::string& body : std::vector<std::string>{
             "type=paid&type=failed", "type=%0a", "type=%zz", "type=" + std::string(513, 'a')}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body, kForm))) << body;
    }
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body("type=paid", "text/plain")));
}

TEST(Payload, WithoutATypeOnlyTheEmptyPatternHelps) {
    Gate gate(kInJson);
    for (const std::string body : {R"({"id":1})", R"({"event":{}})", R"({"event":{"type":null}})",
                                   R"({"event":{"type":""}})", R"({"event":"x"})", R"([])", ""}) {
        gate.events({"paid"});
        EXPECT_EQ(Reason::filtered, gate.judge(signed_body(body))) << body;
        EXPECT_EQ("the delivery has no event type", gate.cause) << body;
        gate.events({"paid", ""});
        EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body))) << body;
    }
}

// What cannot be read is not empty.
TEST(Payload, ATypeThatIsNoneIsRefused) {
    Gate gate(kInJson);
    gate.events({"*"});
    for (const std::string& type :
         std::vector<std::string>{R"({"a":1})", "[]", "1.5", "1e400", R"("a\nb")", R"("\ud83d")",
                                  "\"" + std::string(513, 'a') + "\""}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(with_type(type)))) << type;
        EXPECT_EQ("the payload has no single value at \"/event/type\"", gate.cause);
    }
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body(R"({"event":{"type":"paid","Type":"failed"}})")))
        << "some readers take the other";
    for (const std::string body : {"{", "type=paid", "{\"event\":{\"type\":\"paid\"}} {}"}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body))) << body;
        EXPECT_EQ("the body is not JSON", gate.cause);
    }
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body("{\"event\":{\"type\":\"paid\"},\"x\":\"\xc3\"}")));
    EXPECT_EQ("the body is not valid UTF-8", gate.cause);
}

TEST(Payload, NumbersAndSurrogatesThatNoTypeHoldsStayReadable) {
    Gate gate(kInJson);
    gate.events({"paid"});
    const std::string around = R"({"id":1e999,"n":123456789012345678901234567890,"s":"\udc00",)";
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(around + R"("event":{"type":"paid"}})")));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(around + R"("event":{"type":"late"}})")));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("\xef\xbb\xbf" + with_type("\"paid\""))))
        << "a byte order mark";
}

TEST(Payload, ABodyThatIsTooLargeIsRefusedWhereItsTypeDecides) {
    const std::string body = with_type("\"paid\"");
    Gate gate(kInJson);
    gate.events({"paid"}).payload_max(body.size());
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body)));
    gate.payload_max(body.size() - 1);
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body)));
    EXPECT_NE(std::string::npos, gate.cause.find("\"webhook_payload_max\" is")) << gate.cause;
    gate.events({});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body)));
    gate.want_event();
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body))) << "a variable refuses nothing";
    EXPECT_EQ("", gate.type);
}

// -- names that are repeated

TEST(Payload, ARepeatedNameAboveTheIdOrTheTypeIsRefused) {
    const std::vector<std::string> bodies{
        R"({"id":"1","id":"2","event":{"type":"paid"}})",
        R"({"id":"1","\u0069d":"1","event":{"type":"paid"}})",
        R"({"id":"1","event":{"type":"paid"},"event":{"type":"failed"}})",
        R"({"id":"1","event":{"type":"paid","type":"failed"}})",
        R"({"id":"1","event":{"type":"paid","x":1,"x":1}})",
        R"({"id":"1","x":1,"x":2,"event":{"type":"paid"}})",
    };
    for (const std::string& body : bodies) {
        Gate by_type(kInJson);
        EXPECT_EQ(Reason::invalid_payload, by_type.events({"paid"}).judge(signed_body(body)))
            << body;
        EXPECT_EQ("an object holds a name twice, and readers differ about its value",
                  by_type.cause);
        Gate by_id(kInJson);
        EXPECT_EQ(Reason::invalid_payload, by_id.remember().judge(signed_body(body))) << body;
        Gate shown(kInJson);
        EXPECT_EQ(Reason::invalid_payload, shown.want_event().judge(signed_body(body))) << body;
        Gate unread(kInJson);
        EXPECT_EQ(Reason::accepted, unread.judge(signed_body(body))) << "nobody reads it";
    }
}

TEST(Payload, ARepeatedNameElsewhereIsTheUpstreams) {
    Gate gate(kInJson);
    gate.events({"paid"}).remember();
    EXPECT_EQ(
        Reason::accepted,
        gate.judge(signed_body(
            R"({"id":"1","event":{"type":"paid","data":{"a":1,"a":2}},"x":[{"b":1,"b":2}]})")));
    EXPECT_EQ("1", gate.id);
}

TEST(Payload, ARepeatedNameBesideASignedValueIsRefused) {
    Gate gate(
        "algorithm hmac-sha256; signed '{timestamp}{json:/signed/token}'; "
        "signature json=/signed/signature; "
        "timestamp json=/signed/time unit=s tolerance=5m; event_id none;");
    const auto deliver = [&](const std::string& beside, const std::string& above = "") {
        const std::string signature = hmac_hex(kKey, "1700000000t");
        return gate.judge({{},
                           R"({"signed":{"token":"t","time":1700000000,"signature":")" + signature +
                               "\"" + beside + "}" + above + "}"});
    };
    EXPECT_EQ(Reason::accepted, deliver(""));
    EXPECT_EQ(Reason::accepted, deliver("", R"(,"x":{"a":1,"a":1})"));
    EXPECT_EQ(Reason::invalid_payload, deliver(R"(,"x":1,"x":1)"));
    EXPECT_EQ(Reason::invalid_payload, deliver("", R"(,"x":1,"x":1)"));
    EXPECT_EQ(Reason::invalid_payload, deliver(R"(,"token":"u")"));
}

TEST(Payload, ARepeatedNameAboveAValueOfTheEventKeyIsRefused) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; "
        "event_key '{json:/a/b}';");
    gate.remember({{KeyRule::Kind::event_key, "$webhook_event_key"}});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(R"({"a":{"b":1}})")));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(R"({"a":{"b":1,"c":1,"c":1}})")));
    gate.remember({});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(R"({"a":{"b":1,"c":1,"c":1}})")));
}

// -- an id that may be missing

TEST(Payload, WithoutAnOptionalIdTheBodyMayBeAnythingButBrokenJson) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; "
        "event_id json=/id optional;");
    gate.remember();
    for (const std::string body : {"", "a=1", "\xff\xfe", R"({"a":1})", "\"id\"", "[]"}) {
        EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body))) << body;
        EXPECT_EQ(1U, gate.key_count) << body;
    }
    for (const std::string body : {"{\"id\":\"1\",\"x\":\"\xff\"}", "{\"id\":1", " [1"}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body))) << body;
    }
    EXPECT_EQ(Reason::accepted, gate.payload_max(3).judge(signed_body("{\"id\":1")))
        << "too large to be looked into";
}

// -- JSON in a field of a form

std::string form_of(const std::string& json) {
    std::string text;
    for (const char character : json) {
        const auto byte = static_cast<unsigned char>(character);
        text += "%" + to_hex({&byte, 1});
    }
    return "payload=" + text;
}

TEST(Payload, JsonInAFieldIsReadWhereTheDeliveryIsAForm) {
    Gate gate(kInForm);
    gate.events({"paid"}).remember();
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(form_of(with_type("\"paid\"")), kForm)));
    EXPECT_EQ("1", gate.id);
    EXPECT_EQ("paid", gate.type);
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(form_of(with_type("\"late\"")), kForm)));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("\"paid\""))));
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(with_type("\"late\""))));
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body(form_of(R"({"id":"1","id":"2"})"), kForm)));
}

TEST(Payload, AFormWithoutTheFieldHasNoType) {
    Gate gate(kInForm);
    gate.events({"paid", ""});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("command=/weather", kForm)));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("", kForm)));
    gate.events({"paid"});
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body("command=/weather", kForm)));
}

TEST(Payload, AFieldThatIsNoJsonIsRefused) {
    Gate gate(kInForm);
    gate.events({"*"});
    const auto cause_of = [&](const std::string& body, std::string_view type = kForm) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body, type))) << body;
        return gate.cause;
    };
    EXPECT_EQ("the field \"payload\" of the form is not JSON", cause_of("payload=x"));
    EXPECT_EQ("the field \"payload\" of the form is not JSON", cause_of("payload="));
    EXPECT_EQ("the field \"payload\" of the form is not JSON", cause_of("payload=%22%ff%22"));
    EXPECT_EQ("the form has no single field \"payload\"",
              cause_of(form_of(with_type("\"paid\"")) + "&payload=x"));
    EXPECT_EQ("the body is not a form of the type application/x-www-form-urlencoded",
              cause_of("payload=%zz"));
    EXPECT_EQ("the body is not JSON", cause_of(form_of("{}"), "application/json"));
}

// The Content-Type is not signed, and a part of signed JSON may be anyone's.
TEST(Payload, SignedJsonIsNoFormByAnotherContentType) {
    Gate gate(kInForm);
    gate.events({"paid"});
    const std::string body = R"({"id":"1","event":{"type":"late"},"comment":"&)" +
                             form_of(with_type("\"paid\"")) + R"(&"})";
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(body)));
    for (const std::string before : {"", " ", "\xef\xbb\xbf", "\r\n\t"}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(before + body, kForm)));
        EXPECT_EQ("the body begins as JSON, and its Content-Type is that of a form", gate.cause);
    }
}

// No signature covers the charset, and a backend decodes by it.
TEST(Payload, AnotherCharsetIsRefusedWhereAValueIsRead) {
    const std::string utf7 = "application/json; charset=utf-7";
    const std::string latin1 = "application/json; charset=ISO-8859-1";
    const std::string ascii = R"({"event":{"type":"paid"},"id":"1"})";
    const std::string accents = R"({"event":{"type":"paid"},"id":"1","n":"é"})";
    Gate filters(kInJson);
    filters.events({"paid"});
    Gate remembers(kInJson);
    remembers.remember();
    Gate validates(kInJson);
    validates.schema("true");
    for (Gate* gate : {&filters, &remembers, &validates}) {
        EXPECT_EQ(Reason::invalid_payload, gate->judge(signed_body(ascii, utf7)));
        EXPECT_EQ(
            "the Content-Type names the charset \"utf-7\", which reads the body otherwise than "
            "UTF-8",
            gate->cause);
        EXPECT_EQ(Reason::accepted, gate->judge(signed_body(ascii, latin1)));
        EXPECT_EQ(Reason::invalid_payload, gate->judge(signed_body(accents, latin1)));
        EXPECT_EQ(Reason::accepted,
                  gate->judge(signed_body(accents, "application/json; charset=\"UTF-8\"")));
    }
    EXPECT_EQ(Reason::accepted, Gate(kInJson).judge(signed_body(ascii, utf7))) << "nothing is read";
    EXPECT_EQ(Reason::accepted, Gate(kInJson).want_event().judge(signed_body(ascii, utf7)))
        << "what is only shown decides nothing";
}

TEST(Payload, AnotherCharsetOfAFormIsRefusedWhereAValueIsRead) {
    Gate gate(kInForm);
    gate.events({"paid"});
    const std::string form = std::string(kForm);
    const std::string ascii = form_of(R"({"event":{"type":"paid"}})");
    const std::string accents = form_of(R"({"event":{"type":"paid"},"n":"é"})");
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(accents, form + "; charset=utf-8")));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(ascii, form + "; charset=latin1")));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(ascii, form + "; charset=utf-16")));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(accents, form + "; charset=latin1")));
    Gate field(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_id field=id;");
    field.remember();
    EXPECT_EQ(Reason::accepted, field.judge(signed_body("id=1", form)));
    EXPECT_EQ(Reason::invalid_payload, field.judge(signed_body("id=1", form + ";charset=utf-7")));
}

TEST(Payload, AnotherCharsetOfAValueOfTheEventKeyIsRefused) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; "
        "event_key '{json:/id}'; event_id none;");
    gate.remember({{KeyRule::Kind::event_key, "$webhook_event_key"}});
    const std::string body = R"({"id":"1"})";
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(body)));
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body(body, "application/json; charset=utf-7")));
}

TEST(Payload, AFieldThatIsNotUtf8DecidesNothing) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; event_type field=type;");
    gate.events({"!b"});
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("type=a", kForm)));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body("type=b%ff", kForm)));
}

TEST(Payload, AnotherCharsetOfASignedValueIsRefused) {
    Gate gate(
        "algorithm hmac-sha256; signed '{json:/id}.{body}'; signature header=X-Sign; body json;");
    const std::string body = R"({"id":"1"})";
    Delivery delivery{{{"X-Sign", hmac_hex(kKey, "1." + body)},
                       {"Content-Type", "application/json; charset=utf-7"}},
                      body};
    EXPECT_EQ(Reason::invalid_payload, gate.judge(delivery));
    delivery.headers.back().second = "application/json; charset=utf-8";
    EXPECT_EQ(Reason::accepted, gate.judge(delivery));
}

TEST(Payload, ThePresetsKnowTheirFields) {
    const auto sign = [](const std::string& body) { return hmac_hex(kKey, body); };
    {
        Gate slack = Gate::of_preset("slack");
        slack.events({"message"}).remember();
        const auto deliver = [&](const std::string& body, std::string_view type) {
            return slack.judge({{{"X-Slack-Signature", "v0=" + sign("v0:1700000000:" + body)},
                                 {"X-Slack-Request-Timestamp", "1700000000"},
                                 {"Content-Type", std::string(type)}},
                                body});
        };
        const std::string event = R"({"event_id":"E","event":{"type":"message"}})";
        EXPECT_EQ(Reason::accepted, deliver(event, "application/json"));
        EXPECT_EQ(Reason::accepted, deliver(form_of(event), kForm));
        EXPECT_EQ("message", slack.type);
        EXPECT_EQ("E", slack.id);
        EXPECT_EQ(Reason::filtered, deliver("command=%2Fweather", kForm));
        slack.events({"message", ""});
        EXPECT_EQ(Reason::accepted, deliver("command=%2Fweather", kForm));
        EXPECT_EQ(Reason::accepted, deliver(form_of(R"({"type":"block_actions"})"), kForm));
    }
    for (const std::string_view name : {"github", "gitea-form", "slack", "travis-ci"}) {
        EXPECT_EQ("payload", preset_scheme(name)->payload_field) << name;
    }
}

// -- schemas

TEST(PayloadSchema, WhatDoesNotSatisfyItIsRefused) {
    Gate gate(kInJson);
    gate.schema(R"({"properties":{"n":{"minimum":3}},"required":["n"]})").remember();
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(R"({"id":"1","n":3})")));
    EXPECT_EQ("", gate.schema_error);
    EXPECT_EQ(1U, gate.key_count);
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(R"({"id":"1","n":2})")));
    EXPECT_EQ("/n /properties/n/minimum", gate.schema_error);
    EXPECT_EQ("payload and schema differ at \"/n /properties/n/minimum\"", gate.cause);
    EXPECT_EQ(0U, gate.key_count) << "nothing to remember";
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(R"({"id":"1"})")));
    EXPECT_EQ(" /required/0", gate.schema_error);
}

TEST(PayloadSchema, APayloadThatCannotBeReadIsNotValidated) {
    Gate gate(kInJson);
    gate.schema("true");
    for (const std::string body : {"", "a=1", "{", "{\"a\":\"\xff\"}"}) {
        EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(body))) << body;
    }
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("7")));
    EXPECT_EQ(Reason::invalid_payload, gate.payload_max(1).judge(signed_body("77")));
    Gate none(kInJson);
    none.schema("false", "other");
    EXPECT_EQ(Reason::accepted, none.judge(signed_body(R"({"event":{"type":"paid"}})")));
}

TEST(PayloadSchema, ANameTwiceAnywhereIsRefused) {
    Gate gate(kInJson);
    gate.schema("true");
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(R"([{"a":{"b":1}},{"a":{"b":1}}])")));
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body(R"([{"a":{"b":1}},{"a":{"b":1,"b":1}}])")));
    EXPECT_EQ("an object holds a name twice, and readers differ about its value", gate.cause);
}

TEST(PayloadSchema, TheFirstForTheTypeCounts) {
    Gate gate(kInJson);
    gate.schema(R"({"required":["a"]})", "a.*").schema("false", "*.b").schema("true", "");
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(with_type("\"a.b\""))));
    EXPECT_EQ(" /required/0", gate.schema_error);
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(with_type("\"x.b\""))));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(with_type("\"x\""))));
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("{}")));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body(with_type("{}"))))
        << "a type that decides";
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body("x"))) << "a type that decides";
    Gate all(kInJson);
    all.schema("true").schema("false");
    EXPECT_EQ(Reason::accepted, all.judge(signed_body(with_type("{}")))) << "no type is read";
}

TEST(PayloadSchema, WhatIsFilteredIsNotValidated) {
    Gate gate(kInJson);
    gate.events({"paid"}).schema("false");
    EXPECT_EQ(Reason::filtered, gate.judge(signed_body(with_type("\"late\""))));
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(with_type("\"paid\""))));
}

TEST(PayloadSchema, TheJsonInAFieldIsValidated) {
    Gate gate(kInForm);
    gate.schema(R"({"required":["a"]})");
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(form_of(R"({"a":1})"), kForm)));
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(form_of("{}"), kForm)));
    EXPECT_EQ(Reason::invalid_payload,
              gate.judge(signed_body(form_of(R"({"a":{"b":1,"b":1}})"), kForm)));
    EXPECT_EQ(Reason::invalid_payload, gate.judge(signed_body("a=1", kForm)));
    EXPECT_EQ("the form has no single field \"payload\"", gate.cause);
}

// A question in the body is read before, and the event's key after.
TEST(PayloadSchema, OthersReadTheSameBody) {
    Gate gate(
        "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign; payload field=payload; "
        "event_id json=/id; event_key '{json:/id}';");
    gate.schema(R"({"required":["id"]})").remember();
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body(form_of(R"({"id":"1"})"), kForm)));
    EXPECT_EQ("1", gate.id);
}

TEST(PayloadSchema, WhatHitsABoundIsAViolation) {
    Gate gate(kInJson);
    gate.schema(R"({"$ref":"#/$defs/list","$defs":{"list":{"items":{"$ref":"#/$defs/list"}}}})");
    const std::string deep = std::string(5000, '[') + std::string(5000, ']');
    EXPECT_EQ(Reason::schema_violation, gate.judge(signed_body(deep)));
    EXPECT_NE(std::string::npos, gate.cause.find("more work than one validation may take"))
        << gate.cause;
    EXPECT_GT(520U, gate.schema_error.size());
    EXPECT_EQ(Reason::accepted, gate.judge(signed_body("[[[]]]"))) << "and the next is judged";
}

}  // namespace
}  // namespace webhook
