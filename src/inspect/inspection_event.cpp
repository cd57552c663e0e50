// The second part of an inspection: the event of a delivery, once its signature is verified.

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "inspect/event_key.h"
#include "inspect/inspection.h"

namespace webhook {
namespace {

// The keys of an event that is identified by its body alone, and by more than its body.
constexpr std::string_view kBodyHashKey = "$webhook_body_sha256";
constexpr std::string_view kEventKey = "$webhook_event_key";
// The name of the key of an event id. It is short, so that hashing it with a usual id takes one
// block.
constexpr std::string_view kEventIdKey = "id";

// A value of a form is subject to the same limits as one of JSON.
std::string form_value(const Form& form, const std::string& name) {
    const auto value = form.only(name);
    if (!value || value->size() > kLongestPayloadValue || has_control_character(*value)) return {};
    return std::string(*value);
}

Cause::Kind fault_of_header(const SchemeHeaders& headers, HeaderIndex header) {
    if (headers.missing(header)) return Cause::Kind::header_missing;
    return headers.repeated(header) ? Cause::Kind::header_repeated : Cause::Kind::header_empty;
}

}  // namespace

bool Inspection::needs_payload() const {
    if (!scheme().has_event_in_body()) return false;
    return wanted_.event ||
           (scheme().event_id.is_in_body() && policy_.remembers(KeyRule::Kind::event_id));
}

void Inspection::read_payload(BodyAccess& body) {
    if (!needs_payload()) return;
    const auto read = [&](const ValueLocation& source, std::string_view& value) {
        if (!source.is_in_body()) return true;
        const auto found = value_in_body(body, source);
        value = access_.keep(found.value_or(""));
        return found.has_value();
    };
    payload_is_unreadable_ = !read(scheme().event_id, event_.id);
    read(scheme().event_type, event_.type);
}

// Returns nullopt if the body cannot be read.
std::optional<std::string> Inspection::value_in_body(BodyAccess& body,
                                                     const ValueLocation& source) const {
    if (source.kind == ValueLocation::Kind::field) return field_in_body(body, source.text);
    WholeBody* known = whole(body);
    const JsonDocument* json = known == nullptr ? nullptr : known->json();
    return json == nullptr ? std::nullopt
                           : std::optional(json->first_value_at(source.text).value_or(""));
}

// Returns nullopt if the body is not a form, or has the field twice. The Content-Type does not
// change how the body is read: that would make another event of the same bytes.
std::optional<std::string> Inspection::field_in_body(BodyAccess& body,
                                                     const std::string& name) const {
    if (body.size() == 0) return "";
    const Form* known = form(body);
    if (known == nullptr) return std::nullopt;
    if (std::ranges::count(known->fields(), name, &Form::Field::first) > 1) return std::nullopt;
    return form_value(*known, name);
}

bool Inspection::wants_event_key() const {
    if (wanted_.event_key) return true;
    if (policy_.keys.empty()) return false;
    const bool has_no_id = scheme().event_id.optional && event_.id.empty();
    return has_no_id || policy_.remembers(KeyRule::Kind::event_key);
}

void Inspection::find_event_key(BodyAccess& body) {
    if (event_.body_sha256.empty()) {
        // The hash was not needed before the delivery turned out to have no event id.
        HashStream hash(Hash::sha256);
        body.hash(hash);
        std::array<std::uint8_t, kLargestHash> digest;
        event_.body_sha256 = access_.keep(to_hex(hash.finish(digest)));
    }
    const std::string signed_url = verification_->signed_url();
    const Identified identified{head_.method,
                                signed_url.empty() ? head_.target : std::string_view(signed_url),
                                head_.query,
                                event_.type,
                                &headers_,
                                &presented_,
                                event_.body_sha256,
                                body.size() > 0,
                                scheme().event_key_reads_body() ? whole(body) : nullptr};
    event_.key = access_.keep(identity_of(scheme(), identified));
}

// If the headers have everything for the keys, the memory of the look-up can be prefetched while
// the body is hashed.
void Inspection::find_early_keys() {
    const bool is_in_header = scheme().event_id.kind == ValueLocation::Kind::header;
    const bool needs_more =
        policy_.remembers(KeyRule::Kind::event_key) || policy_.remembers(KeyRule::Kind::expression);
    if (wanted_.keys && is_in_header && !event_.id.empty() && !needs_more) find_keys();
}

Objection Inspection::find_keys() {
    if (!wanted_.keys || key_count_ > 0) return std::nullopt;
    for (std::size_t i = 0; i < policy_.keys.size(); ++i) {
        if (const auto objection = add_key(i)) return objection;
    }
    return std::nullopt;
}

Objection Inspection::add_key(std::size_t index) {
    const KeyRule& rule = policy_.keys[index];
    const bool wants_id = rule.kind == KeyRule::Kind::event_id || rule.names_event_id;
    const bool has_no_id = wants_id && event_.id.empty();
    if (has_no_id && !may_lack_event_id()) return no_event_id();
    const NamedKey key = has_no_id ? key_without_id(index) : key_of(index);
    if (key.value.empty()) {
        return Refusal(Reason::missing_event_id, Cause::Kind::key_empty, rule.text);
    }
    // The substitute for the event id may also be a key of its own.
    const auto known = keys();
    if (std::ranges::find(known, key) == known.end()) keys_[key_count_++] = key;
    return std::nullopt;
}

NamedKey Inspection::key_of(std::size_t index) {
    const KeyRule& rule = policy_.keys[index];
    switch (rule.kind) {
        case KeyRule::Kind::event_id:
            return {kEventIdKey, event_.id};
        case KeyRule::Kind::event_key:
            return {name_of_event_key(), event_.key};
        case KeyRule::Kind::expression:
            break;
    }
    const std::string_view value = access_.value_of_key(index);
    return {name_of_expression(rule, value), value};
}

// For an event without an id, its event key replaces the id, together with the rest of the key: a
// mark, or the name of a tenant.
NamedKey Inspection::key_without_id(std::size_t index) {
    if (policy_.keys[index].kind == KeyRule::Kind::event_id) {
        return {name_of_event_key(), event_.key};
    }
    const std::string_view rest = access_.value_of_key(index);
    return {name_of_event_key(), access_.keep(std::string(event_.key).append(rest))};
}

std::string_view Inspection::name_of_event_key() const {
    return event_.key == event_.body_sha256 ? kBodyHashKey : kEventKey;
}

// An expression that evaluates to just the event's id, or its event key, is the same key: text
// beside it, such as the mark of an event that is let through again, may be empty. Its variables
// decide, not its value: the sender of an unsigned id gives it any value.
std::string_view Inspection::name_of_expression(const KeyRule& rule, std::string_view value) const {
    const bool by_id = rule.names_event_id && !rule.names_event_key;
    const bool by_key = rule.names_event_key && !rule.names_event_id;
    if (by_id && value == event_.id) return kEventIdKey;
    return by_key && value == event_.key ? name_of_event_key() : std::string_view(rule.text);
}

// Whether a body is JSON is signed; whether it is a form is not.
bool Inspection::may_lack_event_id() const {
    const EventId& id = scheme().event_id;
    return id.optional && !(id.kind == ValueLocation::Kind::field && payload_is_unreadable_);
}

Refusal Inspection::no_event_id() const {
    const EventId& id = scheme().event_id;
    const bool is_field = id.kind == ValueLocation::Kind::field;
    if (payload_is_unreadable_) {
        return {Reason::invalid_payload, is_field ? Cause::Kind::not_form : Cause::Kind::not_json};
    }
    switch (id.kind) {
        case ValueLocation::Kind::header:
            return {Reason::missing_event_id, fault_of_header(headers_, id.header),
                    scheme().headers[id.header]};
        case ValueLocation::Kind::json:
            return {Reason::missing_event_id, Cause::Kind::json_missing, id.text};
        case ValueLocation::Kind::field:
            return {Reason::missing_event_id, Cause::Kind::field_unfit, id.text};
        case ValueLocation::Kind::claim:
            return {Reason::missing_event_id, Cause::Kind::claim_missing, id.text};
        default:
            return Reason::missing_event_id;
    }
}

}  // namespace webhook
