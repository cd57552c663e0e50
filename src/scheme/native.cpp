#include "scheme/native.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/json_document.h"
#include "base/text.h"
#include "base/url.h"

namespace webhook {
namespace {

// Characters that encodeURIComponent and encodeURI of ECMAScript keep.
constexpr std::string_view kComponentKeeps = "-_.!~*'()";
constexpr std::string_view kUriKeeps = ";,/?:@&=+$-_.!~*'()#";

constexpr std::string_view kSignedHeaders = "x-contentful-signed-headers";
constexpr std::string_view kTimestamp = "x-contentful-timestamp";
constexpr std::string_view kSignature = "x-contentful-signature";
constexpr std::string_view kContentfulHeaders[] = {kSignature, kSignedHeaders};

enum class Presence : std::uint8_t { required, optional, refused };

struct SnsMember {
    std::string_view name;
    Presence in_notification;
    Presence in_confirmation;
};

constexpr std::array kSnsMembers{
    SnsMember{"Message", Presence::required, Presence::required},
    SnsMember{"MessageId", Presence::required, Presence::required},
    SnsMember{"Subject", Presence::optional, Presence::refused},
    SnsMember{"SubscribeURL", Presence::refused, Presence::required},
    SnsMember{"Timestamp", Presence::required, Presence::required},
    SnsMember{"Token", Presence::refused, Presence::required},
    SnsMember{"TopicArn", Presence::required, Presence::required},
    SnsMember{"Type", Presence::required, Presence::required},
};

struct AdyenMember {
    std::string_view pointer;
    bool may_hold_colon;
};

constexpr std::array kAdyenMembers{
    AdyenMember{"/pspReference", false},        AdyenMember{"/originalReference", false},
    AdyenMember{"/merchantAccountCode", false}, AdyenMember{"/merchantReference", true},
    AdyenMember{"/amount/value", false},        AdyenMember{"/amount/currency", false},
    AdyenMember{"/eventCode", false},           AdyenMember{"/success", false},
};

constexpr std::array kNatives{
    Native{"contentful", contentful_items, false, false, "", contentful_path, kContentfulHeaders},
    Native{"aws-sns", aws_sns_items, true, true, "/MessageId", nullptr},
    Native{"adyen-payments", adyen_payments_items, true, false, "", nullptr},
};

// Returns the sorted names of a list, or nullopt if one is not a header name, or occurs twice.
std::optional<std::vector<std::string_view>> header_names(std::string_view list) {
    std::vector<std::string_view> names;
    for (bool more = true; more;) {
        const std::string_view name = list.substr(0, list.find(','));
        if (!is_header_name(name) || to_lower(name) != name) return std::nullopt;
        names.push_back(name);
        more = name.size() < list.size();
        list.remove_prefix(std::min(name.size() + 1, list.size()));
    }
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) != names.end()) return std::nullopt;
    return names;
}

// Whether a part of a value could be another header of the text, which separates headers by `;`.
bool holds_header(std::string_view value, const std::vector<std::string_view>& names) {
    for (auto at = value.find(';'); at != std::string_view::npos; at = value.find(';')) {
        value.remove_prefix(at + 1);
        const std::size_t colon = value.find(':');
        if (colon == std::string_view::npos) return false;
        if (std::ranges::binary_search(names, value.substr(0, colon))) return true;
    }
    return false;
}

// Returns the headers as they are signed, or nullopt if one of them is missing. The list of their
// names is one of them, and is signed in order.
std::optional<std::string> contentful_headers(const NativeRequest& request) {
    const auto list = request.header(kSignedHeaders);
    const auto names = header_names(list ? without_padding(*list) : std::string_view());
    if (!names || !std::ranges::binary_search(*names, kSignedHeaders) ||
        !std::ranges::binary_search(*names, kTimestamp)) {
        return std::nullopt;
    }
    std::string sorted_list;
    for (std::string_view name : *names) {
        if (!sorted_list.empty()) sorted_list += ',';
        sorted_list += name;
    }
    std::string text;
    for (std::string_view name : *names) {
        const auto value = name == kSignedHeaders ? std::optional<std::string_view>(sorted_list)
                                                  : request.header(name);
        if (!value || holds_header(*value, *names)) return std::nullopt;
        if (!text.empty()) text += ';';
        text.append(name).append(":").append(without_padding(*value));
    }
    return text;
}

bool has_line_break(std::string_view text) {
    return text.find('\n') != std::string_view::npos;
}

// Returns the lines of one member, empty if it is optional and absent. Returns nullopt if it is
// malformed.
std::optional<std::string> sns_lines(const JsonDocument& json, std::string_view name,
                                     Presence presence) {
    const std::string pointer = '/' + std::string(name);
    if (presence != Presence::required && json.lacks(pointer)) return "";
    if (presence == Presence::refused) return std::nullopt;
    const auto value = json.value_at(pointer);
    if (!value || (name != "Message" && has_line_break(*value))) return std::nullopt;
    return std::string(name) + '\n' + *value + '\n';
}

std::optional<SignedItem> adyen_item(const JsonDocument& json, const std::string& item) {
    auto signature = json.value_at(item + "/additionalData/hmacSignature");
    if (!signature) return std::nullopt;
    std::string text;
    for (const auto& [member, may_hold_colon] : kAdyenMembers) {
        const std::string pointer = item + std::string(member);
        const auto value = json.lacks(pointer) ? "" : json.value_at(pointer);
        if (!value || (!may_hold_colon && value->find(':') != std::string::npos)) {
            return std::nullopt;
        }
        if (member != kAdyenMembers.front().pointer) text += ':';
        text += *value;
    }
    return SignedItem{std::move(text), std::move(*signature)};
}

}  // namespace

// The query is escaped once, and then once more with the path.
std::optional<std::string> contentful_path(std::string_view url) {
    const std::string_view target = target_of(url);
    const std::size_t mark = std::min(target.find('?'), target.size());
    std::string path(target.substr(0, mark));
    if (!path.starts_with('/')) path.insert(path.begin(), '/');
    const std::string_view query = target.substr(std::min(mark + 1, target.size()));
    if (query.find('?') != std::string_view::npos) return std::nullopt;
    if (!query.empty()) path += '?' + percent_encoded(query, kComponentKeeps);
    return percent_encoded(path, kUriKeeps);
}

SignedItems contentful_items(const NativeRequest& request) {
    const auto path = contentful_path(request.url);
    const auto headers = contentful_headers(request);
    const auto signature = request.header(kSignature);
    if (!path || !headers || !signature) return std::nullopt;
    std::string text(request.method);
    text.append("\n").append(*path).append("\n").append(*headers).append("\n");
    text += request.body;
    return std::vector{SignedItem{std::move(text), std::string(without_padding(*signature))}};
}

SignedItems aws_sns_items(const NativeRequest& request) {
    if (request.json == nullptr) return std::nullopt;
    const auto type = request.json->value_at("/Type");
    const bool notification = type == "Notification";
    if (!notification && type != "SubscriptionConfirmation" && type != "UnsubscribeConfirmation") {
        return std::nullopt;
    }
    auto signature = request.json->value_at("/Signature");
    if (!signature) return std::nullopt;
    std::string text;
    for (const auto& [name, in_notification, in_confirmation] : kSnsMembers) {
        const auto lines =
            sns_lines(*request.json, name, notification ? in_notification : in_confirmation);
        if (!lines) return std::nullopt;
        text += *lines;
    }
    return std::vector{
        SignedItem{std::move(text), std::move(*signature), *request.json->value_at("/TopicArn")}};
}

SignedItems adyen_payments_items(const NativeRequest& request) {
    if (request.json == nullptr) return std::nullopt;
    const auto count = request.json->array_size_at("/notificationItems");
    if (!count || *count == 0 || *count > kMostAdyenItems) return std::nullopt;
    std::vector<SignedItem> items;
    for (std::size_t i = 0; i < *count; ++i) {
        auto item = adyen_item(
            *request.json, "/notificationItems/" + std::to_string(i) + "/NotificationRequestItem");
        if (!item) return std::nullopt;
        items.push_back(std::move(*item));
    }
    return items;
}

std::span<const Native> natives() {
    return kNatives;
}

const Native* find_native(std::string_view name) {
    const auto* const found = std::ranges::find(kNatives, name, &Native::name);
    return found != kNatives.end() ? found : nullptr;
}

}  // namespace webhook
