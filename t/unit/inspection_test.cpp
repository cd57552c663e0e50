// The order of the gate's steps, and what each of them sees: a delivery that is wrong in everything
// is mended step by step.

#include "inspect/inspection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "delivery.h"
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

const Scheme& timed() {
    static const Scheme scheme =
        parse_scheme("timed",
                     "algorithm hmac-sha256; signed '{timestamp}.{body}'; signature header=X-Sign;"
                     "timestamp header=X-Time unit=s tolerance=5m; event_id header=X-Id; "
                     "event_type json=/type;");
    return scheme;
}

Delivery signed_at(Milliseconds time, const std::string& body) {
    const std::string seconds = std::to_string(time.count() / 1000);
    return {{{"X-Sign", hmac_hex(kKey, seconds + "." + body)}, {"X-Time", seconds}, {"X-Id", "7"}},
            body};
}

// A request whose surroundings a test sets.
class Surroundings final : public RequestAccess {
  public:
    Surroundings(const Delivery& delivery, std::vector<SigningSecret>& secrets)
        : request_(delivery, secrets), head(request_.head()) {}

    void offer_headers(SchemeHeaders& headers) override {
        steps.emplace_back("headers");
        request_.offer_headers(headers);
    }
    void offer_headers(ContentCharset& charset) override { request_.offer_headers(charset); }
    bool source_is_allowed() override {
        steps.emplace_back("source");
        return !denied;
    }
    ConfiguredUrl url() override { return request_.url(); }
    RequestSecrets secrets(Milliseconds now) override {
        steps.emplace_back("secrets");
        return request_.secrets(now);
    }
    std::string_view value_of_key(std::size_t key) override { return values.at(key); }
    std::string_view keep(std::string_view text) override { return request_.keep(text); }
    JsonDocument& json_document() override { return request_.json_document(); }
    SchemaValidator& schema_validator() override { return request_.schema_validator(); }

  private:
    TestRequest request_;

  public:
    RequestHead head;
    bool denied = false;
    std::vector<std::string> values;
    std::vector<std::string> steps;
};

struct Body final : BodyAccess {
    Body(const std::string& text, JsonDocument& reader) : body(text, reader) {}

    std::int64_t sent_size() const override { return body.sent_size(); }
    std::int64_t size() const override { return body.size(); }
    bool is_as_declared() const override { return whole_body; }
    bool is_sound() const override { return sound; }
    WholeBody& whole() override { return body.whole(); }
    void hash(HashStream& hash) override { body.hash(hash); }

    TestBody body;
    bool whole_body = true;
    bool sound = true;
};

// All of one inspection, with everything that it borrows.
class Inspected {
  public:
    explicit Inspected(const Scheme& scheme, const Delivery& delivery)
        : delivery_(delivery),
          secrets_{secret(scheme, kKey, "first")},
          policy(policy_for(scheme, delivery_)),
          request(delivery_, secrets_),
          body(delivery_.body, request.json_document()) {
        policy.keys = {{KeyRule::Kind::event_id, "$webhook_event_id"}};
    }

    Objection before_body(Milliseconds now = kNow) {
        auto outcome = inspection.emplace(policy, wanted, request.head, request).before_body(now);
        if (const auto* refusal = std::get_if<Refusal>(&outcome)) return *refusal;
        of_body_ = std::get<BodyInspection>(outcome);
        return std::nullopt;
    }
    Objection finish(Milliseconds now = kNow) {
        of_body_->update(delivery_.body);
        return of_body_->finish(body, now);
    }
    Reason reason(Milliseconds now = kNow, Milliseconds ended = kNow) {
        auto objection = before_body(now);
        if (!objection) objection = finish(ended);
        return objection ? objection->reason : Reason::accepted;
    }

  private:
    Delivery delivery_;
    std::vector<SigningSecret> secrets_;
    std::optional<BodyInspection> of_body_;

  public:
    Policy policy;
    Wanted wanted;
    Surroundings request;
    Body body;
    std::optional<Inspection> inspection;
};

TEST(Inspection, ChecksInTheOrderOfTheReasons) {
    Delivery delivery = signed_at(kNow - 1h, R"({"type":"paid"})");
    delivery.set("X-Sign", std::string(64, '0'));
    delivery.remove("X-Id");
    Inspected all_wrong(timed(), delivery);
    all_wrong.policy.methods = {"PUT"};
    all_wrong.policy.require_tls = true;
    all_wrong.request.denied = true;
    all_wrong.request.head.endpoint = {};
    all_wrong.body.whole_body = false;

    EXPECT_EQ(Reason::method, all_wrong.reason());
    EXPECT_TRUE(all_wrong.request.steps.empty()) << "nothing is asked for that is not needed";
    all_wrong.policy.methods = {"POST", "PUT"};
    EXPECT_EQ(Reason::insecure, all_wrong.reason());
    all_wrong.request.head.is_over_tls = true;
    EXPECT_EQ(Reason::ip_denied, all_wrong.reason());
    EXPECT_EQ(std::vector<std::string>{"source"}, all_wrong.request.steps);
    all_wrong.request.denied = false;
    EXPECT_EQ(Reason::no_endpoint, all_wrong.reason());
    all_wrong.request.head.endpoint = "e";
    EXPECT_EQ(Reason::stale_timestamp, all_wrong.reason());
    EXPECT_EQ(0, std::ranges::count(all_wrong.request.steps, "secrets"));
    EXPECT_EQ(Reason::incomplete_body, all_wrong.reason(kNow - 1h, kNow - 1h));
    all_wrong.body.whole_body = true;
    EXPECT_EQ(Reason::bad_signature, all_wrong.reason(kNow - 1h, kNow - 1h));
}

TEST(Inspection, KnowsTheEventOfWhatItAccepts) {
    Inspected right(timed(), signed_at(kNow, R"({"type":"paid"})"));
    right.wanted.event = right.wanted.body_sha256 = true;
    ASSERT_EQ(Reason::accepted, right.reason());
    const DeliveredEvent& event = right.inspection->event();
    EXPECT_EQ("7", event.id);
    EXPECT_EQ("paid", event.type);
    EXPECT_EQ("1700000000", event.timestamp);
    EXPECT_EQ("first", event.secret_id);
    EXPECT_EQ(testing::sha256_hex(R"({"type":"paid"})"), event.body_sha256);
    ASSERT_EQ(1U, right.inspection->keys().size());
    EXPECT_EQ((NamedKey{"id", "7"}), right.inspection->keys().front());
}

// A delivery that holds its id, type and time where its scheme says, and nowhere else.
class Told {
  public:
    Told(bool is_token, bool is_form) : is_token_(is_token), is_form_(is_form) {
        statements_ = is_token ? "algorithm jwt=HS256; signature header=X-Sign; digest claim=hash;"
                               : "algorithm hmac-sha256; signed '{body}'; signature header=X-Sign;";
    }

    void put(const std::string& statement, const std::string& kind, const std::string& value) {
        if (kind == "none") return;
        statements_ += statement + " " + kind + "=" + (kind == "json" ? "/" : "") + statement + ";";
        if (kind == "header") delivery_.add(statement, value);
        if (kind == "query") query_ += (query_.empty() ? "" : "&") + statement + "=" + value;
        if (kind == "field") form_ += "&" + statement + "=" + value;
        const bool is_number = statement == "timestamp";
        const std::string text = is_number ? value : "\"" + value + "\"";
        if (kind == "json") json_ += ",\"" + statement + "\":" + text;
        if (kind == "claim") claims_ += ",\"" + statement + "\":" + text;
    }
    Scheme scheme() const { return parse_scheme("told", statements_); }
    Delivery delivery() const {
        Delivery told = delivery_;
        told.body = is_form_ ? "z=1" + form_ : "{\"z\":1" + json_ + "}";
        if (is_form_) told.add("Content-Type", "application/x-www-form-urlencoded");
        if (!query_.empty()) told.url += "?" + query_;
        const std::string claims =
            R"({"hash":")" + testing::sha256_hex(told.body) + "\"" + claims_ + "}";
        told.add("X-Sign",
                 is_token_ ? testing::hs256_token(claims, kKey) : hmac_hex(kKey, told.body));
        return told;
    }
    const std::string& statements() const { return statements_; }

  private:
    bool is_token_;
    bool is_form_;
    std::string statements_;
    Delivery delivery_;
    std::string query_;
    std::string form_;
    std::string json_;
    std::string claims_;
};

TEST(Inspection, FindsIdTypeAndTimeWhereverEachStands) {
    std::size_t judged = 0;
    const std::vector<std::string> kinds{"none", "header", "query", "json", "field", "claim"};
    const auto judge = [&judged](Told told, const std::string& id, const std::string& type,
                                 const std::string& time) {
        told.put("event_id", id, "I-1");
        told.put("event_type", type, "paid");
        told.put("timestamp", time, "1700000000");
        const Scheme scheme = told.scheme();
        Inspected right(scheme, told.delivery());
        right.wanted.event = true;
        if (id == "none") right.policy.keys.clear();
        ++judged;
        ASSERT_EQ(Reason::accepted, right.reason()) << told.statements();
        const DeliveredEvent& event = right.inspection->event();
        EXPECT_EQ(id == "none" ? "" : "I-1", event.id) << told.statements();
        EXPECT_EQ(type == "none" ? "" : "paid", event.type) << told.statements();
        EXPECT_EQ(time == "none" ? "" : "1700000000", event.timestamp) << told.statements();
        if (id == "none") return;
        EXPECT_EQ((NamedKey{"id", "I-1"}), right.inspection->keys().front()) << told.statements();
    };
    for (const bool is_token : {false, true}) {
        for (const bool is_form : {false, true}) {
            const auto stands = [&](const std::string& kind) {
                if (kind == "claim") return is_token;
                return kind != (is_form ? "json" : "field");
            };
            for (const std::string& id : kinds) {
                for (const std::string& type : kinds) {
                    for (const std::string& time : kinds) {
                        if (!stands(id) || !stands(type) || !stands(time)) continue;
                        judge(Told(is_token, is_form), id, type, time);
                    }
                }
            }
        }
    }
    EXPECT_EQ(2 * 4 * 4 * 4 + 2 * 5 * 5 * 5, judged);
}

TEST(Inspection, LooksAtTheTimeAgain) {
    Inspected slow(timed(), signed_at(kNow, "{}"));
    EXPECT_EQ(Reason::accepted, slow.reason(kNow, kNow + 5min));
    EXPECT_EQ(Reason::stale_timestamp, slow.reason(kNow, kNow + 5min + 1s));
    ASSERT_EQ(Reason::accepted, slow.reason());
    EXPECT_EQ(std::nullopt, slow.inspection->check_time(kNow + 5min));
    EXPECT_EQ(Reason::stale_timestamp, *slow.inspection->check_time(kNow + 5min + 1s));
}

TEST(Inspection, LooksAtTheSourceAgain) {
    Inspected right(timed(), signed_at(kNow, "{}"));
    ASSERT_EQ(std::nullopt, right.before_body());
    right.request.denied = true;
    EXPECT_EQ(Reason::ip_denied, *right.finish());
}

TEST(Inspection, KeysAreKnownEarlyWhereTheHeadersHoldThem) {
    Inspected right(timed(), signed_at(kNow, "{}"));
    ASSERT_EQ(std::nullopt, right.before_body());
    EXPECT_EQ(1U, right.inspection->keys().size());
    right.policy.keys.push_back({KeyRule::Kind::event_key, "$webhook_event_key"});
    ASSERT_EQ(std::nullopt, right.before_body());
    EXPECT_TRUE(right.inspection->keys().empty());
    ASSERT_EQ(std::nullopt, right.finish());
    EXPECT_EQ(2U, right.inspection->keys().size());
    right.wanted.keys = false;
    ASSERT_EQ(Reason::accepted, right.reason());
    EXPECT_TRUE(right.inspection->keys().empty());
}

TEST(Inspection, KeysThatComeToOneAreOne) {
    Inspected right(timed(), signed_at(kNow, "{}"));
    right.policy.keys.push_back({KeyRule::Kind::expression, "$webhook_event_id$again", true});
    right.policy.keys.push_back({KeyRule::Kind::expression, "$other"});
    right.request.values = {"", "7", "7"};
    ASSERT_EQ(Reason::accepted, right.reason());
    const auto keys = right.inspection->keys();
    ASSERT_EQ(2U, keys.size());
    EXPECT_EQ((NamedKey{"id", "7"}), keys[0]);
    EXPECT_EQ((NamedKey{"$other", "7"}), keys[1]);
    right.request.values = {"", "7", ""};
    EXPECT_EQ(Reason::missing_event_id, right.reason());
}

TEST(Inspection, WithoutAnIdThereIsNoKey) {
    Delivery delivery = signed_at(kNow, "{}");
    delivery.remove("X-Id");
    Inspected right(timed(), delivery);
    EXPECT_EQ(Reason::missing_event_id, right.reason());
    right.policy.keys.clear();
    EXPECT_EQ(Reason::accepted, right.reason());
}

TEST(Inspection, ABodyThatIsTooLargeIsSaidToBe) {
    const Scheme scheme =
        parse_scheme("form", "algorithm hmac-sha256; signed '{json:/a}'; signature header=X-Sign;");
    Delivery delivery{{{"X-Sign", hmac_hex(kKey, "1")}}, R"({"a":1})"};
    Inspected right(scheme, delivery);
    right.policy.keys.clear();
    EXPECT_EQ(Reason::accepted, right.reason());
    right.policy.payload_max = delivery.body.size() - 1;
    ASSERT_EQ(std::nullopt, right.before_body());
    const auto objection = right.finish();
    ASSERT_TRUE(objection);
    EXPECT_EQ(Reason::invalid_payload, objection->reason);
    EXPECT_EQ(Cause::Kind::body_too_large, objection->cause.kind);
}

TEST(Inspection, AHandshakeInTheBodyMakesGoodForAMissingSignature) {
    const Scheme monday = preset_scheme("monday").value();
    const Delivery question{{{"Content-Type", "application/json"}}, R"({"challenge":"c1"})"};
    Inspected asked(monday, question);
    asked.policy.keys.clear();
    EXPECT_EQ(Reason::missing_signature, asked.reason());
    asked.policy.handshake.on = true;
    ASSERT_EQ(Reason::handshake, asked.reason());
    EXPECT_EQ(R"({"challenge":"c1"})", asked.inspection->handshake().body);
    Inspected other(monday, {{{"Content-Type", "application/json"}}, R"({"event":"c1"})"});
    other.policy.handshake.on = true;
    EXPECT_EQ(Reason::missing_signature, other.reason());
}

TEST(Inspection, AHostInTheRequestLineHasToBeTheHeaders) {
    const Scheme scheme = parse_scheme(
        "url",
        "algorithm hmac-sha256; signed '{url}\n{body}'; signature header=X-Sign; event_id none;");
    const auto judged = [&](std::optional<std::string_view> host,
                            std::optional<std::string_view> line, std::string_view server) {
        Delivery delivery{{{"X-Sign", hmac_hex(kKey, "https://hooks.example/in\n{}")}}, "{}"};
        Inspected right(scheme, delivery);
        right.policy.keys.clear();
        right.request.head.host = host;
        right.request.head.host_of_line = line;
        right.request.head.server = server;
        return right.reason();
    };
    EXPECT_EQ(Reason::accepted, judged("hooks.example", std::nullopt, "hooks.example"));
    EXPECT_EQ(Reason::accepted, judged("hooks.example", "HOOKS.example", "hooks.example"));
    EXPECT_EQ(Reason::bad_signature, judged("hooks.example", "other.example", "other.example"));
    EXPECT_EQ(Reason::bad_signature, judged(std::nullopt, "hooks.example", "hooks.example"));
    EXPECT_EQ(Reason::bad_signature, judged("hooks.example?x", std::nullopt, "hooks.example"));
    EXPECT_EQ(Reason::bad_signature, judged("hooks.example", std::nullopt, "hooks.example#"));
}

TEST(Policy, EveryDemandMakesAnotherGate) {
    const Policy usual = policy_for(timed(), {});
    EXPECT_EQ(usual, Policy(usual));
    const auto differs = [&usual](auto change) {
        Policy other = usual;
        change(other);
        return !(other == usual);
    };
    EXPECT_TRUE(differs([](Policy& policy) { policy.tolerance = Tolerance{1s, 1s}; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.methods = {"GET"}; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.require_tls = true; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.handshake.on = true; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.payload_max = 7; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.url_is_fixed = true; }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.keys.emplace_back(); }));
    EXPECT_TRUE(differs([](Policy& policy) { policy.scheme = nullptr; }));
}

}  // namespace
}  // namespace webhook
