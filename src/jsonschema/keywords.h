// The keywords of JSON Schema, a row each.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "jsonschema/schema.h"

namespace webhook {

enum class Draft : std::uint8_t { draft7, draft2020 };

// In the order of the rows.
enum class Keyword : std::uint8_t {
    schema,
    id,
    vocabulary,
    anchor,
    dynamic_anchor,
    ref,
    dynamic_ref,
    defs,
    definitions,
    type,
    enumeration,
    constant,
    all_of,
    any_of,
    one_of,
    negation,
    condition,
    then_schema,
    else_schema,
    minimum,
    maximum,
    exclusive_minimum,
    exclusive_maximum,
    multiple_of,
    min_length,
    max_length,
    pattern,
    format,
    prefix_items,
    items,
    additional_items,
    contains,
    min_contains,
    max_contains,
    min_items,
    max_items,
    unique_items,
    unevaluated_items,
    properties,
    pattern_properties,
    additional_properties,
    property_names,
    required,
    min_properties,
    max_properties,
    dependent_required,
    dependent_schemas,
    dependencies,
    unevaluated_properties,
    content_encoding,
    content_media_type,
    content_schema,
    title,
    description,
    comment,
    default_value,
    examples,
    read_only,
    write_only,
    deprecated
};

inline constexpr std::size_t kKeywords = static_cast<std::size_t>(Keyword::deprecated) + 1;

// What a keyword's value must be.
enum class Takes : std::uint8_t {
    anything,
    text,
    boolean,
    number,
    // An integer of 0 or more.
    count,
    types,
    list,
    names,
    // An object of lists of names.
    lists_of_names,
    schema,
    schemas,
    // Draft 7's `items`.
    schema_or_schemas,
    named_schemas,
    // `dependencies`.
    schemas_or_names,
    object
};

struct KeywordRow {
    Keyword keyword;
    std::string_view name;
    bool in_draft7;
    bool in_draft2020;
    Takes takes;
    // The types of value that it says something of.
    TypeSet types;
    // Whether it can refuse a value, or leads to what can.
    bool asserts;

    bool is_in(Draft draft) const { return draft == Draft::draft7 ? in_draft7 : in_draft2020; }
};

std::span<const KeywordRow> keyword_rows();
const KeywordRow& row_of(Keyword keyword);
inline std::string_view name_of(Keyword keyword) {
    return row_of(keyword).name;
}

// Nullptr if there is none of that name in any draft.
const KeywordRow* find_keyword(std::string_view name);

// What to say of a word that is no keyword: what it resembles, or what other drafts and tools take
// it for. Empty if it says nothing of a mistake.
std::string remark_on(std::string_view word, Draft draft);

// `null`, `boolean`, `object`, `array`, `number`, `integer`, `string`.
std::optional<TypeSet> find_type(std::string_view name);

}  // namespace webhook
