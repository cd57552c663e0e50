// Senders whose signed text cannot be described by a template: one function for each builds it.
//
// Every function returns items of signed text and signature (as the sender wrote it), all of which
// must be valid, or nullopt if the request lacks something that it needs. A function never judges a
// signature, and never takes the algorithm or the key from a request.

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

class JsonDocument;

struct NativeRequest {
    std::string_view method;
    // As the sender saw it.
    std::string_view url;
    std::string_view body;
    // Returns the value of the only header of this name (in lower case), or nullopt if there is
    // none or more than one.
    std::function<std::optional<std::string_view>(std::string_view)> header;
    // The parsed body. Null if the body is not JSON, or was not asked for.
    const JsonDocument* json = nullptr;
};

struct SignedItem {
    std::string text;
    std::string signature;
    // The `id=` that the secret must have, if the key alone does not tell which customer it signed
    // for.
    std::optional<std::string> secret_id = {};
};

using SignedItems = std::optional<std::vector<SignedItem>>;

// Contentful request verification: the method, the path with its query, the headers that
// x-contentful-signed-headers names (itself and x-contentful-timestamp among them), and the body.
// Returns nullopt if the URL has a second `?`, since the text after it is not signed.
// https://www.contentful.com/developers/docs/extensibility/app-framework/request-verification/
SignedItems contentful_items(const NativeRequest& request);

// Returns the path and the query as they are signed, or nullopt if the URL has a second `?`.
std::optional<std::string> contentful_path(std::string_view url);

// Amazon SNS signs for all its customers with the same key, so the secret's id must be the topic's
// ARN. The signed text has, for each member of a message of its type, a line with its name and a
// line with its value. Returns nullopt if a value other than Message has several lines, so that two
// messages never have the same text, and if the message has a member that only other types sign.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
SignedItems aws_sns_items(const NativeRequest& request);

// An Adyen notification with more items is refused. In JSON, Adyen sends one item at a time.
inline constexpr std::size_t kMostAdyenItems = 100;

// Adyen payments: eight members of every notification item, joined by colons; each item carries its
// own signature. Returns nullopt if a member other than merchantReference contains a colon, so that
// two items never have the same text. The other members of an item are not signed.
// https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures/
SignedItems adyen_payments_items(const NativeRequest& request);

struct Native {
    std::string_view name;
    SignedItems (*items)(const NativeRequest&);
    // Whether the function reads the body as JSON.
    bool reads_json;
    // Whether its items require an id of the secret.
    bool names_secret_id;
    // The JSON pointer of a signed event id. Empty: none.
    std::string_view signed_event_id;
    // Returns the URL as its items hold it, besides the method and the body. Null: they hold none
    // of these.
    std::optional<std::string> (*signed_url)(std::string_view url);

    // The headers that the function reads by name, the signature's first.
    std::span<const std::string_view> headers = {};

    bool signs_request() const { return signed_url != nullptr; }
};

std::span<const Native> natives();

// Returns the function with exactly this name. Null if there is none.
const Native* find_native(std::string_view name);

}  // namespace webhook
