#include "inspect/event_key.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/url.h"
#include "scheme/native.h"

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;

// Lengths separate the values.
void append(std::string& text, std::string_view value) {
    text.append(std::to_string(value.size())).append(":").append(value);
}

bool is_signed_form(const Scheme& scheme, const Identified& delivery) {
    return scheme.signs_form() && !scheme.takes_unsigned_fields() &&
           is_form_type(delivery.headers->value(*scheme.content_type));
}

// The values of a form as they are signed, since the same form can be written in other bytes.
std::vector<std::string> signed_values(const Scheme& scheme, const Form& form) {
    std::vector<std::string> values;
    const ValueLocation& signature = scheme.signatures.front().source;
    const bool holds_signature = signature.kind == ValueLocation::Kind::field;
    for (const TemplatePart& part : scheme.signed_parts) {
        if (part.kind == Kind::form) {
            values.push_back(form.sorted_text(holds_signature ? signature.text : ""));
        }
        if (part.kind == Kind::timestamp &&
            scheme.timestamp->source.kind == ValueLocation::Kind::field) {
            values.emplace_back(form.only(scheme.timestamp->source.text).value_or(""));
        }
        if (part.kind == Kind::field) values.emplace_back(form.only(part.text).value_or(""));
    }
    return values;
}

// The values of the body that the signature covers. Empty if there is no body: an empty form, as
// `&`, has the same signature as no body.
std::vector<std::string> body_values(const Scheme& scheme, const Identified& delivery) {
    if (!delivery.has_body) return {};
    const bool is_form = is_signed_form(scheme, delivery) && delivery.body != nullptr;
    const Form* form = is_form ? delivery.body->form() : nullptr;
    if (form == nullptr) return {std::string(delivery.body_sha256)};
    std::vector<std::string> values = signed_values(scheme, *form);
    const bool has_text = !std::ranges::all_of(values, &std::string::empty);
    return has_text ? values : std::vector<std::string>();
}

void append_body(std::string& text, const std::vector<std::string>& values) {
    for (const std::string& value : values) append(text, value);
}

// An ECDSA signature of a token can be written in two ways, its signed text only in one.
std::string_view signed_token(const Identified& delivery) {
    const std::string_view token = delivery.presented->token;
    return token.substr(0, token.rfind('.'));
}

std::string_view timestamp_of(const Identified& delivery) {
    return delivery.presented->timestamp;
}

std::string json_value(const TemplatePart& part, const Identified& delivery) {
    const JsonDocument* json = delivery.body == nullptr ? nullptr : delivery.body->json();
    return json == nullptr ? "" : json->value_at(part.text).value_or("");
}

// Returns false if the delivery does not have it.
bool append_part(std::string& text, const TemplatePart& part, const Identified& delivery) {
    std::string value;
    switch (part.kind) {
        case Kind::token:
            value = signed_token(delivery);
            break;
        case Kind::event_type:
            value = delivery.event_type;
            break;
        case Kind::timestamp:
            value = timestamp_of(delivery);
            break;
        case Kind::method:
            value = delivery.method;
            break;
        case Kind::url:
            value = delivery.url;
            break;
        case Kind::header:
            value = delivery.headers->value(part.header);
            break;
        case Kind::json:
            value = json_value(part, delivery);
            break;
        case Kind::query:
            value = query_value(delivery.query, part.text).value_or("");
            break;
        default:
            value = part.text;
            break;
    }
    append(text, value);
    return !value.empty();
}

// Appends all signed values of a delivery besides its body. Unsigned values are left out: changing
// one would make another event of a replay. Returns false if there are none.
bool append_signed(std::string& text, const Scheme& scheme, const Identified& delivery) {
    const std::size_t size = text.size();
    const bool signs_request = scheme.native != nullptr && scheme.native->signs_request();
    if (signs_request || scheme.signs(Kind::method)) append(text, delivery.method);
    if (scheme.native != nullptr ? signs_request : scheme.reads_url()) append(text, delivery.url);
    if (scheme.algorithm == Algorithm::jwt) append(text, signed_token(delivery));
    if (scheme.timestamp && scheme.covers_timestamp()) append(text, timestamp_of(delivery));
    if (scheme.signs(Kind::id)) append(text, delivery.presented->event_id);
    for (const TemplatePart& part : scheme.signed_parts) {
        if (part.kind != Kind::header && part.kind != Kind::query) continue;
        append_part(text, part, delivery);
    }
    return text.size() > size;
}

bool is_told_by_raw_body(const Scheme& scheme, const Identified& delivery) {
    return scheme.event_key.size() == 1 && scheme.event_key.front().kind == Kind::body &&
           delivery.has_body && !is_signed_form(scheme, delivery);
}

}  // namespace

std::string identity_of(const Scheme& scheme, const Identified& delivery) {
    if (is_told_by_raw_body(scheme, delivery)) return std::string(delivery.body_sha256);
    const std::vector<std::string> body = body_values(scheme, delivery);
    std::string text;
    bool complete = true;
    for (const TemplatePart& part : scheme.event_key) {
        if (part.kind == Kind::body) {
            append_body(text, body);
        } else {
            complete &= append_part(text, part, delivery);
        }
    }
    if (!complete) append_body(text, body);
    if (body.empty() && !append_signed(text, scheme, delivery)) {
        append(text, delivery.method);
        append(text, delivery.url);
    }
    return to_hex(sha256(text));
}

}  // namespace webhook
