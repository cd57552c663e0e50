// The last part of an inspection: the keys of a delivery's event.

#include <algorithm>
#include <cstdint>

#include "base/encoding.h"
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

Cause::Kind fault_of_header(const SchemeHeaders& headers, HeaderIndex header) {
    if (headers.missing(header)) return Cause::Kind::header_missing;
    return headers.repeated(header) ? Cause::Kind::header_repeated : Cause::Kind::header_empty;
}

}  // namespace

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
    const bool is_unclear =
        id_fault_ && (id.kind == ValueLocation::Kind::field || is_payload_broken_);
    return id.optional && !is_unclear;
}

Refusal Inspection::no_event_id() const {
    const EventId& id = scheme().event_id;
    if (id_fault_) return {Reason::invalid_payload, *id_fault_};
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
