#include "scheme/native.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/json_document.h"

namespace webhook {
namespace {

using namespace std::string_literals;

std::string hmac_sha256(std::string_view key, std::string_view text) {
    std::string code(32, '\0');
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(code.data()), nullptr);
    return code;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(std::string::npos, at) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;
    std::string target;
    Headers headers;
    std::string body;

    void set(std::string_view name, std::string value) {
        std::ranges::find(headers, name, &Headers::value_type::first)->second = std::move(value);
    }

    SignedItems items(SignedItems (*function)(const NativeRequest&)) const {
        const std::string url = "https://app.example" + target;
        std::vector<char> padded(body.begin(), body.end());
        padded.resize(body.size() + json_padding());
        JsonDocument json;
        const bool is_json = json.parse({padded.data(), body.size()});
        NativeRequest request;
        request.method = method;
        request.url = url;
        request.body = body;
        request.header = [this](std::string_view name) { return header(name); };
        request.json = is_json ? &json : nullptr;
        return function(request);
    }

  private:
    std::optional<std::string_view> header(std::string_view wanted) const {
        std::optional<std::string_view> found;
        for (const auto& [name, value] : headers) {
            if (name != wanted) continue;
            if (found) return std::nullopt;
            found = value;
        }
        return found;
    }
};

TEST(Native, AreFoundByTheirExactNames) {
    EXPECT_EQ(contentful_items, find_native("contentful")->items);
    EXPECT_EQ(aws_sns_items, find_native("aws-sns")->items);
    EXPECT_EQ(adyen_payments_items, find_native("adyen-payments")->items);
    EXPECT_FALSE(find_native("contentful")->reads_json);
    EXPECT_TRUE(find_native("aws-sns")->reads_json);
    EXPECT_TRUE(find_native("adyen-payments")->reads_json);
    for (const char* name : {"", "Contentful", "contentful ", "aws", "adyen"}) {
        EXPECT_EQ(nullptr, find_native(name)) << name;
    }
}

// Signed by @contentful/node-apps-toolkit 3.16.1 (npm) under a secret of 64 times `s`.
const std::vector<Request> kContentfulRequests{
    {"GET",
     "/",
     {{"x-contentful-signature",
       "8a4e9a9010e76101278d5d2ab582d460344d1a922f69a4c0abb6b925c7114124"},
      {"x-contentful-signed-headers", "x-contentful-signed-headers,x-contentful-timestamp"},
      {"x-contentful-timestamp", "1700000000123"}},
     ""},
    {"POST",
     "/hooks/contentful",
     {{"x-contentful-topic", "ContentManagement.Entry.publish"},
      {"content-type", " application/json; charset=utf-8 "},
      {"x-contentful-signature",
       "4dcce4a36f20e314c19b2507f15b74a4b1de2ae49ef1a294b02700e7dde4c192"},
      {"x-contentful-signed-headers",
       "content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"},
      {"x-contentful-timestamp", "1700000000123"}},
     "{\"sys\":{\"id\":\"a\"}}"},
    {"PUT",
     "/a%20b/c?x=1&y=a%20b+c",
     {{"z-header", "1"},
      {"a-header", "2"},
      {"x-contentful-crn", "crn:x"},
      {"x-contentful-signature",
       "c702f96b556db632430e5b8c8dce61ac10542b8920cf26f88701b40a06680360"},
      {"x-contentful-signed-headers",
       "a-header,x-contentful-crn,x-contentful-signed-headers,x-contentful-timestamp,z-header"},
      {"x-contentful-timestamp", "1700000000123"}},
     "body\012with lines\012"},
    {"DELETE",
     "/p?",
     {{"x-contentful-signature",
       "58ff98024f2a2b2cea4402a3e299e4fae741a578807ab58f6c15f63ab8de7408"},
      {"x-contentful-signed-headers", "x-contentful-signed-headers,x-contentful-timestamp"},
      {"x-contentful-timestamp", "1700000000123"}},
     ""},
    {"PATCH",
     "/!*'()~;,/:@&=+$#\303\251\342\202\254?q=!*'()~;,/:@&=+$#\303\251[]",
     {{"x-contentful-signature",
       "4882ae5b8d6ca97b94f8368830b2031bccfda857db71593d1f3979370091d18c"},
      {"x-contentful-signed-headers", "x-contentful-signed-headers,x-contentful-timestamp"},
      {"x-contentful-timestamp", "1700000000123"}},
     ""},
    {"POST",
     "/p?a=b%26c%3Dd&list[]=1",
     {{"x-a", ""},
      {"x-b", "\011 v "},
      {"x-contentful-signature",
       "b891eafb6dd3de1570a1a1cbeecc452ee1130eeff39aa25793719b1432e0724a"},
      {"x-contentful-signed-headers", "x-a,x-b,x-contentful-signed-headers,x-contentful-timestamp"},
      {"x-contentful-timestamp", "1700000000123"}},
     "{}"},
};

// The text, where it is what was signed.
std::optional<std::string> contentful_text(const Request& request) {
    const auto items = request.items(contentful_items);
    if (!items || items->size() != 1) return std::nullopt;
    const std::string code = hmac_sha256(std::string(64, 's'), items->front().text);
    if (decode(TextEncoding::hex, items->front().signature) != code) return std::nullopt;
    return items->front().text;
}

TEST(Contentful, SignsAsTheToolkitDoes) {
    for (const Request& request : kContentfulRequests) {
        EXPECT_TRUE(contentful_text(request)) << request.target;
    }
}

TEST(Contentful, SignsMethodPathHeadersAndBody) {
    const Request request = kContentfulRequests[2];
    EXPECT_EQ(
        "PUT\n/a%2520b/c?x%253D1%2526y%253Da%252520b%252Bc\n"
        "a-header:2;x-contentful-crn:crn:x;"
        "x-contentful-signed-headers:a-header,x-contentful-crn,x-contentful-signed-headers,"
        "x-contentful-timestamp,z-header;x-contentful-timestamp:1700000000123;z-header:1\n"
        "body\nwith lines\n",
        contentful_text(request));
    Request other = request;
    other.method = "POST";
    EXPECT_EQ(std::nullopt, contentful_text(other));
    other = request;
    other.target += "d";
    EXPECT_EQ(std::nullopt, contentful_text(other));
    other = request;
    other.body += "\n";
    EXPECT_EQ(std::nullopt, contentful_text(other));
    for (const auto& [name, value] : request.headers) {
        other = request;
        other.set(name, value + "1");
        EXPECT_EQ(std::nullopt, contentful_text(other)) << name;
    }
}

TEST(Contentful, OrderOfTheListDoesNotMatter) {
    Request request = kContentfulRequests[0];
    request.set("x-contentful-signed-headers",
                " x-contentful-timestamp,x-contentful-signed-headers ");
    EXPECT_TRUE(contentful_text(request));
}

TEST(Contentful, ListHoldsItselfAndTheTime) {
    for (const char* list :
         {"", ",", "x-contentful-timestamp", "x-contentful-signed-headers",
          "x-contentful-signed-headers,x-contentful-timestamp,",
          ",x-contentful-signed-headers,x-contentful-timestamp",
          "x-contentful-signed-headers,,x-contentful-timestamp",
          "x-contentful-signed-headers, x-contentful-timestamp",
          "x-contentful-signed-headers;x-contentful-timestamp",
          "X-Contentful-Signed-Headers,x-contentful-timestamp",
          "x-contentful-signed-headers,X-Contentful-Timestamp",
          "x-contentful-signed-headers,x-contentful-timestamp,x-missing",
          "x-contentful-signed-headers,x-contentful-timestamp,x-contentful-timestamp",
          "x-contentful-signed-headers,x-contentful-signed-headers,x-contentful-timestamp",
          "x-contentful-signed-headers,x-contentful-timestamp,x y"}) {
        Request request = kContentfulRequests[0];
        request.set("x-contentful-signed-headers", list);
        EXPECT_FALSE(request.items(contentful_items)) << list;
    }
}

TEST(Contentful, ListHoldsNamesInLowerCaseOnly) {
    for (const auto& [name, is_read] : std::vector<std::pair<std::string, bool>>{
             {"x-a", true}, {"X-A", false}, {"x y", false}, {"x:", false}, {"", false}}) {
        Request request = kContentfulRequests[0];
        request.headers.emplace_back(name, "1");
        request.set("x-contentful-signed-headers",
                    "x-contentful-signed-headers,x-contentful-timestamp," + name);
        EXPECT_EQ(is_read, request.items(contentful_items).has_value()) << name;
    }
}

TEST(Contentful, EveryHeaderOfTheListIsThereOnce) {
    const Request& request = kContentfulRequests[2];
    ASSERT_TRUE(request.items(contentful_items));
    for (std::size_t i = 0; i < request.headers.size(); ++i) {
        Request other = request;
        other.headers.erase(other.headers.begin() + static_cast<long>(i));
        EXPECT_FALSE(other.items(contentful_items)) << request.headers[i].first;
        other = request;
        other.headers.push_back(request.headers[i]);
        EXPECT_FALSE(other.items(contentful_items)) << request.headers[i].first;
    }
    Request other = request;
    other.headers.emplace_back("x-unsigned", "1");
    other.headers.emplace_back("x-unsigned", "2");
    EXPECT_TRUE(contentful_text(other));
}

TEST(Contentful, NoHeaderIsAPartOfAnother) {
    Request request = kContentfulRequests[0];
    request.headers.insert(request.headers.end(), {{"x-a", "1"}, {"x-b", "2"}});
    request.set("x-contentful-signed-headers",
                "x-a,x-b,x-contentful-signed-headers,x-contentful-timestamp");
    const auto is_read = [&request](std::string a, std::string b) {
        request.set("x-a", std::move(a));
        request.set("x-b", std::move(b));
        return request.items(contentful_items).has_value();
    };
    EXPECT_TRUE(is_read("p", "q"));
    EXPECT_TRUE(is_read("text/plain; charset=utf-8", "a;b:c;x-c:d;x-b ; x-b:;;"));
    EXPECT_FALSE(is_read("p;x-b:q", "r"));
    EXPECT_FALSE(is_read("p", "q;x-b:r"));
    EXPECT_FALSE(is_read("p", "q;;x-a:r"));
    EXPECT_FALSE(is_read("p;x;x-contentful-timestamp:1", "q"));
}

TEST(Contentful, NothingIsLeftUnsignedBehindASecondQuestionMark) {
    Request request = kContentfulRequests[2];
    request.target += "?d=e";
    EXPECT_FALSE(request.items(contentful_items));
    request = kContentfulRequests[0];
    request.target = "/??";
    EXPECT_FALSE(request.items(contentful_items));
}

TEST(Contentful, UrlWithoutPathIsThatOfTheRoot) {
    Request request = kContentfulRequests[0];
    request.target.clear();
    EXPECT_TRUE(contentful_text(request));
}

struct Message {
    std::string body;
    std::string text;
};

// What sns-validator 0.3.5 (npm) verifies.
const std::vector<Message> kSnsMessages{
    {R"({"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"Hello world!","Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"1","SigningCertURL":"https://sns.us-west-2.amazonaws.com/x.pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe","Signature":"c2ln"})",
     "Message\012Hello "
     "world!\012MessageId\01222b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\012Timestamp\0122012-05-02T00:54:"
     "06.655Z\012TopicArn\012arn:aws:sns:us-west-2:123456789012:"
     "MyTopic\012Type\012Notification\012"},
    {R"({"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"Hello world!","Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"1","SigningCertURL":"https://sns.us-west-2.amazonaws.com/x.pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe","Subject":"My First Message","Signature":"c2ln"})",
     "Message\012Hello "
     "world!\012MessageId\01222b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\012Subject\012My First "
     "Message\012Timestamp\0122012-05-02T00:54:06.655Z\012TopicArn\012arn:aws:sns:us-west-2:"
     "123456789012:MyTopic\012Type\012Notification\012"},
    {R"({"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"","Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"1","SigningCertURL":"https://sns.us-west-2.amazonaws.com/x.pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe","Subject":"","Signature":"c2ln"})",
     "Message\012\012MessageId\01222b80b92-fdea-4c2c-8f9d-"
     "bdfb0c7bf324\012Subject\012\012Timestamp\0122012-05-02T00:54:06.655Z\012TopicArn\012arn:aws:"
     "sns:us-west-2:123456789012:MyTopic\012Type\012Notification\012"},
    {R"({"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"a\nMessageId\nb\n{\"k\":\"é\"}\n","Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"1","SigningCertURL":"https://sns.us-west-2.amazonaws.com/x.pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe","Subject":null,"Signature":"c2ln"})",
     "Message\012a\012MessageId\012b\012{\"k\":\"\303\251\"}\012\012MessageId\01222b80b92-fdea-"
     "4c2c-8f9d-bdfb0c7bf324\012Timestamp\0122012-05-02T00:54:06.655Z\012TopicArn\012arn:aws:sns:"
     "us-west-2:123456789012:MyTopic\012Type\012Notification\012"},
    {R"({"Type":"SubscriptionConfirmation","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"You have chosen to subscribe\nvisit.","Timestamp":"2012-05-02T00:54:06.655Z","SignatureVersion":"1","SigningCertURL":"https://sns.us-west-2.amazonaws.com/x.pem","UnsubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe","Token":"2336412f37","SubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37","Signature":"c2ln"})",
     "Message\012You have chosen to "
     "subscribe\012visit.\012MessageId\01222b80b92-fdea-4c2c-8f9d-"
     "bdfb0c7bf324\012SubscribeURL\012https://sns.us-west-2.amazonaws.com/"
     "?Action=ConfirmSubscription&Token=2336412f37\012Timestamp\0122012-05-02T00:54:06."
     "655Z\012Token\0122336412f37\012TopicArn\012arn:aws:sns:us-west-2:123456789012:"
     "MyTopic\012Type\012SubscriptionConfirmation\012"},
};

std::optional<std::string> sns_text(const std::string& body) {
    const auto items = Request{"POST", "/", {}, body}.items(aws_sns_items);
    if (!items || items->size() != 1) return std::nullopt;
    EXPECT_EQ("c2ln", items->front().signature);
    return items->front().text;
}

TEST(AwsSns, SignsWhatTheValidatorVerifies) {
    for (const auto& [body, text] : kSnsMessages) EXPECT_EQ(text, sns_text(body)) << body;
}

// The validator leaves the token out; the documentation does not.
TEST(AwsSns, UnsubscribeConfirmationIsSignedAsASubscriptionConfirmation) {
    const auto& [body, text] = kSnsMessages.back();
    EXPECT_EQ(replaced(text, "SubscriptionConfirmation", "UnsubscribeConfirmation"),
              sns_text(replaced(body, "SubscriptionConfirmation", "UnsubscribeConfirmation")));
}

TEST(AwsSns, UnknownTypeIsRefused) {
    for (const char* type : {R"("")", R"("notification")", R"("Notification\n")", R"("Other")",
                             "null", "1", R"(["Notification"])"}) {
        const std::string body = replaced(kSnsMessages[0].body, R"("Notification")", type);
        EXPECT_EQ(std::nullopt, sns_text(body)) << type;
    }
}

TEST(AwsSns, EveryMemberIsNeeded) {
    for (const auto& [message, names] : std::vector<std::pair<Message, std::vector<std::string>>>{
             {kSnsMessages[0],
              {"Type", "MessageId", "TopicArn", "Message", "Timestamp", "Signature"}},
             {kSnsMessages.back(),
              {"Type", "MessageId", "TopicArn", "Message", "Timestamp", "Token", "SubscribeURL",
               "Signature"}}}) {
        ASSERT_TRUE(sns_text(message.body));
        for (const std::string& name : names) {
            const std::string key = '"' + name + "\":";
            EXPECT_EQ(std::nullopt, sns_text(replaced(message.body, key, "\"x\":"))) << name;
            EXPECT_EQ(std::nullopt, sns_text(replaced(message.body, key, key + "null,\"x\":")))
                << name;
            EXPECT_EQ(std::nullopt, sns_text(replaced(message.body, key, key + "[],\"x\":")))
                << name;
        }
    }
}

TEST(AwsSns, RepeatedMembersAreRefused) {
    for (const char* member :
         {R"("Message":"Hello world!")", R"("message":"x")", R"("Subject":"a","Subject":"b")",
          R"("subject":"a")", R"("Subject":null,"Subject":null)", R"("Type":"Notification")",
          R"("\u0054ype":"Notification")", R"("Signature":"c2ln")", R"("signature":"c2ln")",
          R"("TYPE":"Other")", R"("SUBJECT":null)"}) {
        const std::string body = replaced(kSnsMessages[0].body, "{", "{"s + member + ",");
        EXPECT_EQ(std::nullopt, sns_text(body)) << member;
    }
    EXPECT_TRUE(sns_text(replaced(kSnsMessages[0].body, "{", R"({"Other":1,"Other":2,)")));
}

TEST(AwsSns, MemberThatOnlyOtherTypesSignIsRefused) {
    for (const char* member :
         {R"("Token":"x")", R"("SubscribeURL":"x")", R"("token":"x")", R"("SubscribeURL":[])"}) {
        const std::string body = replaced(kSnsMessages[0].body, "{", "{"s + member + ",");
        EXPECT_EQ(std::nullopt, sns_text(body)) << member;
    }
    EXPECT_EQ(std::nullopt,
              sns_text(replaced(kSnsMessages.back().body, "{", R"({"Subject":"x",)")));
    EXPECT_TRUE(sns_text(replaced(kSnsMessages[0].body, "{", R"({"Token":null,)")));
}

TEST(AwsSns, OnlyTheMessageHasLines) {
    EXPECT_TRUE(sns_text(replaced(kSnsMessages[0].body, "Hello", R"(Hello\n)")));
    for (const char* start : {"22b80b92", "arn:aws", "2012-05"}) {
        const std::string body = replaced(kSnsMessages[0].body, start, R"(\n)"s + start);
        EXPECT_EQ(std::nullopt, sns_text(body)) << start;
    }
    EXPECT_EQ(std::nullopt, sns_text(replaced(kSnsMessages[1].body, "My First", R"(My\nFirst)")));
    for (const char* start :
         {"\"2336412f37", "\"https://sns.us-west-2.amazonaws.com/?Action=Confirm"}) {
        const std::string body = replaced(kSnsMessages.back().body, start, R"("\n)"s + (start + 1));
        EXPECT_EQ(std::nullopt, sns_text(body)) << start;
    }
}

// The text of both would be the same.
TEST(AwsSns, NoMemberMovesIntoAnother) {
    EXPECT_EQ(std::nullopt,
              sns_text(replaced(kSnsMessages[1].body, R"(7bf324")",
                                R"(7bf324\nSubject\nMy First Message","Unsigned":")")));
    const std::string moved =
        replaced(kSnsMessages[1].body, R"("Subject":"My First Message")", R"("x":1)");
    EXPECT_EQ(std::nullopt,
              sns_text(replaced(moved, "7bf324", R"(7bf324\nSubject\nMy First Message)")));
}

TEST(AwsSns, OtherBodiesAreRefused) {
    for (const char* body : {"", "text", "null", "[]", "{}", "[{}]", R"("Notification")"}) {
        EXPECT_EQ(std::nullopt, sns_text(body)) << body;
    }
    EXPECT_EQ(std::nullopt, sns_text("[" + kSnsMessages[0].body + "]"));
}

TEST(AwsSns, HalfASurrogatePairIsRefused) {
    EXPECT_EQ(std::nullopt, sns_text(replaced(kSnsMessages[0].body, "Hello", R"(Hello\ud800)")));
    EXPECT_TRUE(sns_text(replaced(kSnsMessages[0].body, "Hello", R"(Hello\ufffd)")));
}

struct AdyenItem {
    std::string json;
    std::string text;
    std::string signature;
};

// Signed by @adyen/api-library 32.1.0 (npm); the first is the example of Adyen's documentation.
const std::vector<AdyenItem> kAdyenItems{
    {R"({"pspReference":"7914073381342284","merchantAccountCode":"TestMerchant","merchantReference":"TestPayment-1407325143704","amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true","additionalData":{"hmacSignature":"coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}})",
     "7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true",
     "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    {R"({"pspReference":"7914073381342284","originalReference":"9913140798220028","merchantAccountCode":"TestMerchant","merchantReference":"order:17\\a:b","amount":{"currency":"EUR","value":0},"eventCode":"REFUND","success":"false","reason":"x:y","additionalData":{"a":"b","hmacSignature":"/QQsYSikq/eq5TF7eHmQXGdvrZrjhdVUsHW+pL01DNM="}})",
     "7914073381342284:9913140798220028:TestMerchant:order:17\\a:b:0:EUR:REFUND:false",
     "/QQsYSikq/eq5TF7eHmQXGdvrZrjhdVUsHW+pL01DNM="},
    {R"({"pspReference":"8412534564722331","originalReference":null,"merchantAccountCode":"T","merchantReference":"é€\"\n","amount":{"value":"12","currency":"EUR"},"eventCode":"CAPTURE","success":true,"additionalData":{"hmacSignature":"l7LiLr5VY93PvnOuWarK2lpGGBj9KOO+0MFMHKMFfqw="}})",
     "8412534564722331::T:\303\251\342\202\254\"\012:12:EUR:CAPTURE:true",
     "l7LiLr5VY93PvnOuWarK2lpGGBj9KOO+0MFMHKMFfqw="},
    {R"({"amount":{},"eventCode":"REPORT_AVAILABLE","pspReference":"settlement_detail_report_batch_10.csv","live":false,"additionalData":{"hmacSignature":"oUiBCpUX3fHs0bVkIfoyA2FK9tH+y0pjcPDXSkGg7l0="}})",
     "settlement_detail_report_batch_10.csv::::::REPORT_AVAILABLE:",
     "oUiBCpUX3fHs0bVkIfoyA2FK9tH+y0pjcPDXSkGg7l0="},
};

constexpr std::string_view kAdyenKey =
    "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

std::string adyen_body(const std::vector<std::string>& items) {
    std::string list;
    for (const std::string& item : items) {
        if (!list.empty()) list += ',';
        list += R"({"NotificationRequestItem":)" + item + '}';
    }
    return R"({"live":"false","notificationItems":[)" + list + "]}";
}

SignedItems adyen_items(const std::vector<std::string>& items) {
    return Request{"POST", "/", {}, adyen_body(items)}.items(adyen_payments_items);
}

SignedItems changed_adyen_item(std::string_view from, std::string_view to) {
    return adyen_items({replaced(kAdyenItems[1].json, from, to)});
}

TEST(AdyenPayments, SignsAsTheLibraryDoes) {
    const std::string key = decode(TextEncoding::hex, kAdyenKey).value();
    for (const auto& [json, text, signature] : kAdyenItems) {
        const auto items = adyen_items({json});
        ASSERT_TRUE(items) << json;
        ASSERT_EQ(1U, items->size());
        EXPECT_EQ(text, items->front().text);
        EXPECT_EQ(signature, items->front().signature);
        EXPECT_EQ(decode(TextEncoding::base64, signature), hmac_sha256(key, text));
    }
}

TEST(AdyenPayments, EveryItemIsSignedForItself) {
    const auto items =
        adyen_items({kAdyenItems[0].json, kAdyenItems[1].json, kAdyenItems[2].json}).value();
    ASSERT_EQ(3U, items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_EQ(kAdyenItems[i].text, items[i].text);
        EXPECT_EQ(kAdyenItems[i].signature, items[i].signature);
    }
    const std::string unsigned_item = replaced(kAdyenItems[1].json, "hmacSignature", "other");
    EXPECT_FALSE(adyen_items({kAdyenItems[0].json, unsigned_item}));
    EXPECT_FALSE(adyen_items({kAdyenItems[0].json, "{}"}));
    EXPECT_FALSE(adyen_items({kAdyenItems[0].json, "null"}));
}

TEST(AdyenPayments, HasAnItemAndNotTooMany) {
    EXPECT_FALSE(adyen_items({}));
    const std::vector<std::string> most(kMostAdyenItems, kAdyenItems[0].json);
    EXPECT_EQ(kMostAdyenItems, adyen_items(most).value().size());
    EXPECT_FALSE(adyen_items(std::vector(kMostAdyenItems + 1, kAdyenItems[0].json)));
}

TEST(AdyenPayments, OtherBodiesAreRefused) {
    const std::string body = adyen_body({kAdyenItems[0].json});
    for (const std::string& other :
         {""s, "[]"s, "{}"s, R"({"notificationItems":{"0":{}}})"s, R"({"notificationItems":null})"s,
          '[' + body + ']', replaced(body, "NotificationRequestItem", "notificationRequestItem"),
          replaced(body, "notificationItems", "NotificationItems"),
          replaced(body, "{", R"({"notificationItems":[],)"),
          replaced(body, "{", R"({"NOTIFICATIONITEMS":[],)"),
          replaced(body, R"({"Not)", R"({"NotificationRequestItem":{},"Not)")}) {
        EXPECT_FALSE((Request{"POST", "/", {}, other}.items(adyen_payments_items))) << other;
    }
}

TEST(AdyenPayments, OnlyTheMerchantsReferenceHoldsColons) {
    ASSERT_TRUE(changed_adyen_item("order:17", "order:18:::"));
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"7914073381342284", "7914073381342284:"},
                                                          {"9913140798220028", ":9913140798220028"},
                                                          {"TestMerchant", "Test:Merchant"},
                                                          {"\"EUR\"", "\"E:UR\""},
                                                          {"\"value\":0", "\"value\":\"0:0\""},
                                                          {"REFUND", "REFUND:"},
                                                          {"\"false\"", "\"false:\""}}) {
        EXPECT_FALSE(changed_adyen_item(from, to)) << to;
    }
}

// The text of both would be the same.
TEST(AdyenPayments, NoMemberMovesIntoAnother) {
    const std::string moved = replaced(kAdyenItems[1].json, "TestMerchant", "TestMerchant:order");
    EXPECT_FALSE(adyen_items({replaced(moved, "order:17\\\\a:b", "17\\\\a:b")}));
    const std::string currency = replaced(kAdyenItems[1].json, "order:17\\\\a:b", "order:17\\\\a");
    EXPECT_FALSE(adyen_items({replaced(currency, "\"value\":0", "\"value\":\"b:0\"")}));
}

TEST(AdyenPayments, WhatIsLeftOutIsEmpty) {
    const auto items = changed_adyen_item("\"amount\":", "\"x\":").value();
    EXPECT_EQ("7914073381342284:9913140798220028:TestMerchant:order:17\\a:b:::REFUND:false",
              items.front().text);
}

TEST(AdyenPayments, MembersThatAreNoTextAreRefused) {
    for (const char* value : {"[]", "{}", "1.5", "1e400", "99999999999999999999", R"("\ud800")"}) {
        EXPECT_FALSE(changed_adyen_item("\"9913140798220028\"", value)) << value;
        EXPECT_FALSE(changed_adyen_item("\"value\":0", "\"value\":"s + value)) << value;
    }
}

TEST(AdyenPayments, RepeatedMembersAreRefused) {
    for (const char* member :
         {R"("pspReference":"7914073381342284")", R"("PSPREFERENCE":"1")", R"("amount":{})",
          R"("amount":null)", R"("Amount":{"value":1})", R"("succe\u017fs":"true")",
          R"("additionalData":{})", R"("eventCode":"REFUND")"}) {
        EXPECT_FALSE(changed_adyen_item("{", "{"s + member + ",")) << member;
    }
    EXPECT_FALSE(changed_adyen_item("\"value\"", "\"value\":1,\"value\""));
    EXPECT_FALSE(
        changed_adyen_item("\"hmacSignature\"", "\"hmacSignature\":\"\",\"hmacSignature\""));
    EXPECT_FALSE(changed_adyen_item("\"a\":\"b\"", "\"HMACSignature\":\"\""));
    EXPECT_TRUE(changed_adyen_item("\"a\":\"b\"", "\"a\":1,\"a\":2"));
}

// Some readers would find it all the same.
TEST(AdyenPayments, AmountInAnotherCaseIsNotLeftOut) {
    EXPECT_FALSE(changed_adyen_item("\"amount\":", "\"Amount\":"));
    EXPECT_FALSE(changed_adyen_item("\"value\":", "\"Value\":"));
    EXPECT_FALSE(changed_adyen_item("\"originalReference\":", "\"originalreference\":"));
}

// An event is told by what is signed of its URL.
TEST(Native, ContentfulSignsTheSameOfUrlsThatItDoesNotTellApart) {
    EXPECT_EQ("/con", contentful_path("https://h/con"));
    EXPECT_EQ("/con", contentful_path("https://h/con?"));
    EXPECT_EQ("/con", contentful_path("/con"));
    EXPECT_EQ("/con?a%253D1", contentful_path("https://h/con?a=1"));
    EXPECT_FALSE(contentful_path("https://h/con?a=1?b"));
    EXPECT_EQ(contentful_path, find_native("contentful")->signed_url);
    EXPECT_EQ(nullptr, find_native("aws-sns")->signed_url);
    EXPECT_EQ(nullptr, find_native("adyen-payments")->signed_url);
}

}  // namespace
}  // namespace webhook
