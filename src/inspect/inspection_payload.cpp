// The part of an inspection that reads the payload of a verified delivery: its event, and whether
// the event is wanted. What two readers of the same bytes could read differently is refused.

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "inspect/inspection.h"
#include "jsonschema/validator.h"
#include "scheme/native.h"

namespace webhook {
namespace {

bool is_unfit(std::string_view value) {
    return value.size() > kLongestPayloadValue || has_control_character(value) || !is_utf8(value);
}

// A JSON object or array. No form begins so: its encoder writes these characters as `%7B` and
// `%5B`.
bool begins_as_json(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// Whether `visit` returns true for one of the JSON pointers whose values the verification takes.
template <typename Visit>
bool any_verified_pointer(const Scheme& scheme, Visit visit) {
    const auto is_one = [&visit](const ValueLocation& source) {
        return source.kind == ValueLocation::Kind::json && visit(source.text);
    };
    for (const TemplatePart& part : scheme.signed_parts) {
        if (part.kind == TemplatePart::Kind::json && visit(part.text)) return true;
    }
    if (std::ranges::any_of(scheme.signatures, is_one, &SignatureSource::source)) return true;
    return scheme.timestamp && is_one(scheme.timestamp->source);
}

Refusal name_repeated() {
    return {Reason::invalid_payload, Cause::Kind::name_repeated};
}

}  // namespace

Objection Inspection::check_payload(BodyAccess& body) {
    const bool is_type_known = !scheme().event_type.is_in_body();
    if (is_type_known && is_filtered()) return filtered();
    if (const auto objection = check_signed_values(body)) return objection;
    if (const auto objection = read_event(body)) return objection;
    if (!is_type_known && is_filtered()) return filtered();
    return check_schema(body);
}

bool Inspection::is_filtered() const {
    return !policy_.events.empty() && !policy_.events.lets_through(event_.type);
}

Refusal Inspection::filtered() const {
    return {Reason::filtered, event_.type.empty() ? Cause::Kind::type_missing : Cause::Kind::none};
}

Objection Inspection::check_schema(BodyAccess& body) {
    const auto applies = [this](const PayloadSchema& each) {
        return !each.type || each.type->matches(event_.type);
    };
    const auto wanted = std::ranges::find_if(policy_.schemas, applies);
    if (wanted == policy_.schemas.end()) return std::nullopt;
    const Payload known = payload(body);
    if (known.json == nullptr) return Refusal(Reason::invalid_payload, known.cause);
    if (known.json->repeats_a_name()) return name_repeated();
    const auto violation = access_.schema_validator().validate(*wanted->schema, *known.json);
    if (!violation) return std::nullopt;
    event_.schema_error = access_.keep(violation->instance + " " + violation->schema);
    return Refusal(Reason::schema_violation,
                   violation->bound.empty() ? Cause::Kind::schema : Cause::Kind::schema_bound,
                   event_.schema_error);
}

bool Inspection::needs_payload() const {
    if (!scheme().has_event_in_body()) return false;
    return wanted_.event ||
           (scheme().event_id.is_in_body() && policy_.remembers(KeyRule::Kind::event_id)) ||
           (scheme().event_type.is_in_body() && policy_.decides_by_type());
}

Objection Inspection::check_signed_values(BodyAccess& body) const {
    const bool is_native = scheme().native != nullptr && scheme().native->reads_json;
    const auto any = [](std::string_view) { return true; };
    const bool verifies_json = is_native || any_verified_pointer(scheme(), any);
    if (!verifies_json && !scheme().verifies_form()) return std::nullopt;
    WholeBody* known = body.size() == 0 ? nullptr : whole(body);
    if (known == nullptr) return std::nullopt;
    if (const auto other = other_charset(known->text(), is_form())) {
        return Refusal(Reason::invalid_payload, *other);
    }
    const JsonDocument* json = verifies_json ? known->json() : nullptr;
    if (json == nullptr) return std::nullopt;
    const bool is_ambiguous =
        is_native ? json->repeats_a_name()
                  : any_verified_pointer(scheme(), [json](std::string_view pointer) {
                        return json->repeats_a_name_above(pointer);
                    });
    return is_ambiguous ? Objection(name_repeated()) : std::nullopt;
}

Objection Inspection::check_values_of_event_key(BodyAccess& body) const {
    const auto is_json = [](const TemplatePart& part) {
        return part.kind == TemplatePart::Kind::json;
    };
    if (std::ranges::none_of(scheme().event_key, is_json)) return std::nullopt;
    WholeBody* known = body.size() == 0 ? nullptr : whole(body);
    const JsonDocument* json = known == nullptr ? nullptr : known->json();
    if (json == nullptr) return std::nullopt;
    if (const auto other = other_charset(known->text(), false)) {
        return Refusal(Reason::invalid_payload, *other);
    }
    const bool is_ambiguous = std::ranges::any_of(scheme().event_key, [&](const auto& part) {
        return is_json(part) && json->repeats_a_name_above(part.text);
    });
    return is_ambiguous ? Objection(name_repeated()) : std::nullopt;
}

std::optional<Cause> Inspection::other_charset(std::string_view body, bool is_form) const {
    ContentCharset charset;
    access_.offer_headers(charset);
    if (!charset.differs()) return std::nullopt;
    const bool is_in_ascii = is_form ? is_percent_encoded_ascii(body) : is_ascii(body);
    if (is_in_ascii && !charset.differs_for_ascii()) return std::nullopt;
    return Cause{Cause::Kind::other_charset, charset.name()};
}

// -- the JSON of a body

Inspection::Payload Inspection::payload(BodyAccess& body) const {
    if (body.size() == 0) return {Payload::State::none, {Cause::Kind::not_json}};
    WholeBody* known = whole(body);
    if (known == nullptr) return {Payload::State::unreadable, {Cause::Kind::not_json}};
    const bool in_form = !scheme().payload_field.empty() && is_form();
    if (const auto other = other_charset(known->text(), in_form)) {
        return {Payload::State::broken, *other};
    }
    if (in_form) return payload_of_form(*known);
    if (JsonDocument* json = known->json()) return {Payload::State::json, {}, json};
    const auto state =
        begins_as_json(known->text()) ? Payload::State::broken : Payload::State::unreadable;
    return {state, {is_utf8(known->text()) ? Cause::Kind::not_json : Cause::Kind::not_utf8}};
}

// No signature covers the Content-Type, so it must not make a form of signed JSON, a part of which
// anyone may have written.
Inspection::Payload Inspection::payload_of_form(WholeBody& body) const {
    const std::string& field = scheme().payload_field;
    if (begins_as_json(body.text())) {
        return {Payload::State::broken, {Cause::Kind::json_as_form}};
    }
    const Form* form = body.form();
    if (form == nullptr) return {Payload::State::unreadable, {Cause::Kind::not_form}};
    const auto count = std::ranges::count(form->fields(), field, &Form::Field::first);
    if (count != 1) {
        return {count == 0 ? Payload::State::none : Payload::State::broken,
                {Cause::Kind::field_unfit, field}};
    }
    JsonDocument* json = body.json_in_field(*form->only(field));
    if (json != nullptr) return {Payload::State::json, {}, json};
    return {Payload::State::broken, {Cause::Kind::field_not_json, field}};
}

// -- the event

Objection Inspection::read_event(BodyAccess& body) {
    if (!needs_payload()) return std::nullopt;
    const auto is_json = [](const ValueLocation& source) {
        return source.kind == ValueLocation::Kind::json;
    };
    Payload json;
    if (is_json(scheme().event_id) || is_json(scheme().event_type)) json = payload(body);
    if (json.json != nullptr) {
        for (const ValueLocation* source :
             {static_cast<const ValueLocation*>(&scheme().event_id), &scheme().event_type}) {
            if (is_json(*source) && json.json->repeats_a_name_above(source->text)) {
                return name_repeated();
            }
        }
    }
    read_event_id(body, json);
    return read_event_type(body, json);
}

void Inspection::read_event_id(BodyAccess& body, const Payload& json) {
    const EventId& id = scheme().event_id;
    if (id.kind == ValueLocation::Kind::field) {
        const FieldValue field = field_in_body(body, id.text);
        if (!field.is_readable) id_fault_ = field.fault;
        event_.id = access_.keep(field.text);
    } else if (id.kind == ValueLocation::Kind::json && json.json != nullptr) {
        event_.id = access_.keep(json.json->first_value_at(id.text).value_or(""));
    } else if (id.kind == ValueLocation::Kind::json) {
        id_fault_ = json.cause;
        is_payload_broken_ = json.state == Payload::State::broken;
    }
}

// A type that decides whether the delivery passes must be the same for every reader. One that is
// only shown may also be none.
Objection Inspection::read_event_type(BodyAccess& body, const Payload& json) {
    const ValueLocation& type = scheme().event_type;
    if (type.kind == ValueLocation::Kind::field) {
        const FieldValue field = field_in_body(body, type.text);
        if (field.fault && policy_.decides_by_type())
            return Refusal(Reason::invalid_payload, *field.fault);
        event_.type = access_.keep(field.text);
    }
    if (type.kind != ValueLocation::Kind::json) return std::nullopt;
    if (json.json == nullptr) {
        const bool is_none = json.state == Payload::State::none || !policy_.decides_by_type();
        return is_none ? std::nullopt : Objection(Refusal(Reason::invalid_payload, json.cause));
    }
    auto text = json.json->first_value_at(type.text);
    if (policy_.decides_by_type()) {
        const auto only = json.json->value_at(type.text);
        if (only != text || (!text && !json.json->lacks(type.text))) {
            return Refusal(Reason::invalid_payload, Cause::Kind::json_missing, type.text);
        }
    }
    event_.type = access_.keep(text.value_or(""));
    return std::nullopt;
}

// An honest sender never says that its form is none, or has the field twice.
Inspection::FieldValue Inspection::field_in_body(BodyAccess& body, const std::string& name) const {
    if (body.size() == 0) return {};
    const Form* known = form(body);
    if (known == nullptr) return {"", Cause{Cause::Kind::not_form}, false};
    if (const auto other = other_charset(whole(body)->text(), true)) return {"", other, false};
    const auto count = std::ranges::count(known->fields(), name, &Form::Field::first);
    if (count == 0) return {};
    const auto value = known->only(name);
    if (!value || is_unfit(*value)) {
        return {"", Cause{Cause::Kind::field_unfit, name}, value.has_value()};
    }
    return {std::string(*value)};
}

}  // namespace webhook
