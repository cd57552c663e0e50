// The senders whose signed text no template describes: each is one function that builds it.
//
// Every function returns what was signed, as items of text and signature (as the sender wrote it),
// all of which have to be right; nothing where the request does not hold what it needs. A function
// never decides anything about a signature, and takes the algorithm and the key from no request.

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
    // The value of the only header of this name (in lower case); nothing where there is none, or
    // more than one.
    std::function<std::optional<std::string_view>(std::string_view)> header;
    // Has parsed the body; null where the body is not JSON, or was not asked for.
    const JsonDocument* json = nullptr;
};

struct SignedItem {
    std::string text;
    std::string signature;
    // The `id=` that the secret has to have, where the key alone does not tell whom it signed for.
    std::optional<std::string> secret_id = {};
};

using SignedItems = std::optional<std::vector<SignedItem>>;

// Contentful request verification: the method, the path with its query, the headers that
// x-contentful-signed-headers names (itself and x-contentful-timestamp among them), and the body.
// Nothing where the URL has a second `?`: what follows it is not signed.
// https://www.contentful.com/developers/docs/extensibility/app-framework/request-verification/
SignedItems contentful_items(const NativeRequest& request);

// The path and the query as they are signed; nothing where the URL has a second `?`.
std::optional<std::string> contentful_path(std::string_view url);

// Amazon SNS signs for all its customers with the same key, so that the secret's id has to be the
// topic's ARN. Signed are the members that a message of its type has, each as a line of its name
// and a line of its value. Nothing where a value but that of Message has several lines, so that no
// text is that of two messages, and where the message has a member that only other types sign.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
SignedItems aws_sns_items(const NativeRequest& request);

// An Adyen notification with more items is refused; as JSON, Adyen sends them one by one.
inline constexpr std::size_t kMostAdyenItems = 100;

// Adyen payments: eight members of every notification item, joined by colons; each item carries its
// own signature. Nothing where a member but merchantReference holds a colon, so that no text is
// that of two items. What else an item says is not signed.
// https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures/
SignedItems adyen_payments_items(const NativeRequest& request);

struct Native {
    std::string_view name;
    SignedItems (*items)(const NativeRequest&);
    // Whether the function reads the body as JSON.
    bool reads_json;
    // Whether its items name the secret's id.
    bool names_secret_id;
    // The JSON pointer of an event id that is signed; empty: none.
    std::string_view signed_event_id;
    // The URL as its items hold it, besides the method and the body; null: they hold nothing of
    // these.
    std::optional<std::string> (*signed_url)(std::string_view url);

    // The headers that the function reads by their names, that of the signature the first.
    std::span<const std::string_view> headers = {};

    bool signs_request() const { return signed_url != nullptr; }
};

std::span<const Native> natives();

// The function with exactly this name; null where there is none.
const Native* find_native(std::string_view name);

}  // namespace webhook
