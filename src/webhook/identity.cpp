#include "webhook/identity.h"

#include "webhook/encoding.h"
#include "webhook/url.h"

namespace webhook {
namespace {

using Kind = TextPart::Kind;

// Lengths keep two values apart.
void append(std::string& text, std::string_view value) {
    text.append(std::to_string(value.size())).append(":").append(value);
}

bool is_signed_form(const Scheme& scheme, const Identified& delivery) {
    return scheme.signs_form() && !scheme.takes_unsigned_fields() &&
           is_form_type(delivery.headers->value(*scheme.content_type));
}

// A form in the form in which it is signed: it can be written in other bytes.
void append_form(std::string& text, const Scheme& scheme, const Form& form) {
    const Source& signature = scheme.signatures.front().source;
    const bool holds_signature = signature.kind == Source::Kind::field;
    for (const TextPart& part : scheme.signed_parts) {
        if (part.kind == Kind::form) {
            append(text, form.sorted_text(holds_signature ? signature.text : std::string_view()));
        }
        if (part.kind == Kind::timestamp && scheme.timestamp->source.kind == Source::Kind::field) {
            append(text, form.only(scheme.timestamp->source.text).value_or(""));
        }
        if (part.kind == Kind::field) append(text, form.only(part.text).value_or(""));
    }
}

void append_body(std::string& text, const Scheme& scheme, const Identified& delivery) {
    const Form* form = nullptr;
    if (is_signed_form(scheme, delivery) && delivery.body != nullptr) form = delivery.body->form();
    if (form != nullptr) {
        append_form(text, scheme, *form);
    } else {
        append(text, delivery.body_sha256);
    }
}

std::string_view timestamp_of(const Identified& delivery) {
    return delivery.presented->timestamp;
}

std::string json_value(const TextPart& part, const Identified& delivery) {
    const JsonReader* json = delivery.body == nullptr ? nullptr : delivery.body->json();
    return json == nullptr ? "" : json->signed_value_at(part.text).value_or("");
}

// Returns false where the delivery does not have it.
bool append_part(std::string& text, const Scheme& scheme, const TextPart& part,
                 const Identified& delivery) {
    std::string value;
    switch (part.kind) {
        case Kind::body:
            append_body(text, scheme, delivery);
            return true;
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

// The signature of a token can be written in two ways (ECDSA), what it signs cannot.
std::string_view moment_of(const Scheme& scheme, const Identified& delivery) {
    if (scheme.algorithm != Algorithm::jwt) return timestamp_of(delivery);
    const std::string_view token = delivery.presented->token;
    return token.substr(0, token.rfind('.'));
}

bool is_told_by_raw_body(const Scheme& scheme, const Identified& delivery) {
    return scheme.event_key.size() == 1 && scheme.event_key.front().kind == Kind::body &&
           delivery.has_body && !is_signed_form(scheme, delivery);
}

}  // namespace

std::string identity_of(const Scheme& scheme, const Identified& delivery) {
    if (is_told_by_raw_body(scheme, delivery)) return std::string(delivery.body_sha256);
    std::string text;
    bool complete = true;
    for (const TextPart& part : scheme.event_key) {
        complete &= append_part(text, scheme, part, delivery);
    }
    if (!complete) append_body(text, scheme, delivery);
    if (!delivery.has_body) {
        append(text, delivery.method);
        append(text, delivery.url);
        append(text, moment_of(scheme, delivery));
    }
    return to_hex(sha256(text));
}

}  // namespace webhook
