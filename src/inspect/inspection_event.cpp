// The second part of an inspection: what event a delivery is of, once its signature is right.

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "inspect/event_key.h"
#include "inspect/inspection.h"

namespace webhook {
namespace {

// What an event is remembered under that is known by its body alone, and by more than that.
constexpr std::string_view kBodyHashKey = "$webhook_body_sha256";
constexpr std::string_view kEventKey = "$webhook_event_key";
// What an event id is remembered under. It is short, so that a hash of it and of a usual id takes
// one block.
constexpr std::string_view kEventIdKey = "id";

// Of a form, what no JSON would hold is no value, either.
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

// Nothing where the body cannot be read at all.
std::optional<std::string> Inspection::value_in_body(BodyAccess& body,
                                                     const ValueLocation& source) const {
    if (source.kind == ValueLocation::Kind::field) return field_in_body(body, source.text);
    WholeBody* known = whole(body);
    const JsonDocument* json = known == nullptr ? nullptr : known->json();
    return json == nullptr ? std::nullopt
                           : std::optional(json->first_value_at(source.text).value_or(""));
}

// Nothing where the body is no form, or holds the field twice. A body is not read otherwise for
// another Content-Type: that would make another event of the same bytes.
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
        // Nobody asked for it before the delivery turned out to have no event id.
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

// Where the headers hold all that the keys need, the memory that will be looked at can be on its
// way while the body is hashed.
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
    // What stands for the event id may be a key of its own, too.
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

// Where an event without an id goes by its key, what else stands in a key goes with it: a mark, or
// the name of a tenant.
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

// An expression that comes to no more than the event's id, or its key, is the same memory as that:
// what stands beside it, such as the mark of an event that is let through again, may be empty. What
// counts is what the key names: the sender of an id that nobody signs gives it any value.
std::string_view Inspection::name_of_expression(const KeyRule& rule, std::string_view value) const {
    const bool by_id = rule.names_event_id && !rule.names_event_key;
    const bool by_key = rule.names_event_key && !rule.names_event_id;
    if (by_id && value == event_.id) return kEventIdKey;
    return by_key && value == event_.key ? name_of_event_key() : std::string_view(rule.text);
}

// What is JSON and what is none is signed; what is a form is not.
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
