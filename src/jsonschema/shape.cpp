#include "jsonschema/shape.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "jsonschema/formats.h"
#include "jsonschema/source.h"

namespace webhook {
namespace {

std::string_view expectation(Takes takes, Draft draft) {
    switch (takes) {
        case Takes::anything:
            return "anything";
        case Takes::text:
            return "a string";
        case Takes::boolean:
            return "a boolean";
        case Takes::number:
            return "a number";
        case Takes::count:
            return "an integer of 0 or more";
        case Takes::types:
            return "the name of a type, or an array of such names";
        case Takes::list:
            return "an array of values";
        case Takes::names:
            return "an array of names";
        case Takes::lists_of_names:
            return "an object of arrays of names";
        case Takes::schema:
            return "a schema (an object or a boolean)";
        case Takes::schemas:
            return "an array of schemas";
        case Takes::schema_or_schemas:
            return draft == Draft::draft7 ? "a schema, or an array of schemas"
                                          : "a schema (an object or a boolean)";
        case Takes::named_schemas:
            return "an object of schemas";
        case Takes::schemas_or_names:
            return "an object of schemas or arrays of names";
        case Takes::object:
            break;
    }
    return "an object";
}

// What was probably meant, where other drafts have another value.
struct Hint {
    Keyword keyword;
    JsonKind kind;
    std::string_view text;
};

constexpr Hint kHints[] = {
    {Keyword::exclusive_minimum, JsonKind::boolean,
     "; it is the limit itself, in place of \"minimum\""},
    {Keyword::exclusive_maximum, JsonKind::boolean,
     "; it is the limit itself, in place of \"maximum\""},
    {Keyword::required, JsonKind::boolean,
     "; name the member in \"required\" of the object that has it"},
    {Keyword::items, JsonKind::array,
     "; without brackets, one schema is for every element; \"prefixItems\" has one for each place"},
    {Keyword::properties, JsonKind::array, "; the names of the members are its keys"},
};

std::string hint_for(Keyword keyword, JsonKind kind) {
    for (const Hint& hint : kHints) {
        if (hint.keyword == keyword && hint.kind == kind) return std::string(hint.text);
    }
    return {};
}

ShapeError not_a_name(const std::string& pointer, const DocumentValue& value) {
    return {pointer, "must be a name (a string), not " + described(value)};
}

ShapeError check_names(const std::string& pointer, const DocumentValue& value) {
    std::size_t index = 0;
    for (const JsonValue element : value.value.elements()) {
        if (element.kind() != JsonKind::string) {
            return not_a_name(pointer_to(pointer, index), {value.document, element});
        }
        ++index;
    }
    return {};
}

ShapeError check_lists(const std::string& pointer, const DocumentValue& value) {
    for (const JsonMember member : value.value.members()) {
        const std::string at = pointer_to(pointer, member.name);
        const DocumentValue list{value.document, member.value};
        if (member.value.kind() != JsonKind::array) {
            return {at, "must be an array of names, not " + described(list)};
        }
        if (auto error = check_names(at, list); !error.message.empty()) return error;
    }
    return {};
}

ShapeError check_lists_among_schemas(const std::string& pointer, const DocumentValue& value) {
    for (const JsonMember member : value.value.members()) {
        const DocumentValue list{value.document, member.value};
        auto error = check_names(pointer_to(pointer, member.name), list);
        if (!error.message.empty()) return error;
    }
    return {};
}

// `bool` and `int`, too. Empty if it is none of them.
std::string_view meant_type(std::string_view name) {
    constexpr std::size_t kShortest = 3;
    const std::vector<std::string_view> names = {"null",   "boolean", "object", "array",
                                                 "number", "integer", "string"};
    for (const std::string_view each : names) {
        if (name.size() >= kShortest && each.starts_with(to_lower(name))) return each;
    }
    return nearest(name, names);
}

ShapeError check_type_name(const std::string& pointer, const DocumentValue& value) {
    const auto name = value.value.string();
    if (!name) return not_a_name(pointer, value);
    if (find_type(*name)) return {};
    constexpr std::string_view kAll = "null, boolean, object, array, number, integer or string";
    std::string text = excerpt_in_quotes(*name) + " is no type: it may be " + std::string(kAll);
    const std::string_view meant = meant_type(*name);
    if (!meant.empty()) text += "; did you mean " + in_quotes(meant) + "?";
    if (format_of(*name)) text += "; \"format\" may be " + in_quotes(*name);
    return {pointer, text};
}

ShapeError check_types(const std::string& pointer, const DocumentValue& value) {
    if (value.value.kind() == JsonKind::string) return check_type_name(pointer, value);
    std::size_t index = 0;
    for (const JsonValue element : value.value.elements()) {
        auto error = check_type_name(pointer_to(pointer, index++), {value.document, element});
        if (!error.message.empty()) return error;
    }
    if (index == 0) return {pointer, "must name a type: no value satisfies an empty array"};
    return {};
}

// Whether a string holds in quotes what the keyword takes without.
bool is_quoted(Takes takes, const DocumentValue& value) {
    const std::string_view text = value.value.string().value_or("");
    if (takes == Takes::number || takes == Takes::count) {
        return !text.empty() && text.find_first_not_of("-.0123456789") == std::string_view::npos;
    }
    const bool may_be_boolean =
        takes == Takes::schema || takes == Takes::schema_or_schemas || takes == Takes::boolean;
    return may_be_boolean && (text == "true" || text == "false");
}

bool is_count(const DocumentValue& value) {
    if (!value.is_number()) return false;
    const JsonNumber number(value);
    return number.is_integral() && (number.exact().is_zero() || !number.exact().is_negative);
}

bool has_kind(Takes takes, Draft draft, const DocumentValue& value) {
    const JsonKind kind = value.value.kind();
    const bool is_schema = kind == JsonKind::object || kind == JsonKind::boolean;
    switch (takes) {
        case Takes::anything:
            return true;
        case Takes::text:
            return kind == JsonKind::string;
        case Takes::boolean:
            return kind == JsonKind::boolean;
        case Takes::number:
            return value.is_number();
        case Takes::count:
            return is_count(value);
        case Takes::types:
            return kind == JsonKind::string || kind == JsonKind::array;
        case Takes::list:
        case Takes::names:
        case Takes::schemas:
            return kind == JsonKind::array;
        case Takes::schema:
            return is_schema;
        case Takes::schema_or_schemas:
            return is_schema || (kind == JsonKind::array && draft == Draft::draft7);
        case Takes::lists_of_names:
        case Takes::named_schemas:
        case Takes::schemas_or_names:
        case Takes::object:
            break;
    }
    return kind == JsonKind::object;
}

}  // namespace

std::string described(const DocumentValue& value) {
    if (const auto text = value.value.string()) return "the string " + excerpt_in_quotes(*text);
    // A number that no double is near to stands in the document as null.
    const bool is_hidden = value.is_number() && value.value.kind() == JsonKind::null;
    return std::string(is_hidden ? "a number" : kind_with_article(value.value.kind()));
}

ShapeError check_shape(const KeywordRow& row, Draft draft, const DocumentValue& value) {
    const std::string pointer = pointer_to("", row.name);
    if (!has_kind(row.takes, draft, value)) {
        const bool says_more = row.takes == Takes::count && value.is_number();
        return {pointer, "must be " + std::string(expectation(row.takes, draft)) +
                             (says_more ? "" : ", not " + described(value)) +
                             (is_quoted(row.takes, value) ? "; write it without quotes" : "") +
                             hint_for(row.keyword, value.value.kind())};
    }
    switch (row.takes) {
        case Takes::types:
            return check_types(pointer, value);
        case Takes::names:
            return check_names(pointer, value);
        case Takes::lists_of_names:
            return check_lists(pointer, value);
        case Takes::schemas_or_names:
            return check_lists_among_schemas(pointer, value);
        case Takes::schemas:
            if (value.value.array_size() == 0) return {pointer, "must have a schema in it"};
            return {};
        default:
            return {};
    }
}

}  // namespace webhook
