#include "jsonschema/keywords.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace webhook {
namespace {

constexpr bool kYes = true;
constexpr bool kNo = false;

// Name; in draft 7; in draft 2020-12; value; types; asserts.
constexpr KeywordRow kRows[] = {
    {Keyword::schema, "$schema", kYes, kYes, Takes::text, kAllTypes, kNo},
    {Keyword::id, "$id", kYes, kYes, Takes::text, kAllTypes, kNo},
    {Keyword::vocabulary, "$vocabulary", kNo, kYes, Takes::object, kAllTypes, kNo},
    {Keyword::anchor, "$anchor", kNo, kYes, Takes::text, kAllTypes, kNo},
    {Keyword::dynamic_anchor, "$dynamicAnchor", kNo, kYes, Takes::text, kAllTypes, kNo},
    {Keyword::ref, "$ref", kYes, kYes, Takes::text, kAllTypes, kYes},
    {Keyword::dynamic_ref, "$dynamicRef", kNo, kYes, Takes::text, kAllTypes, kYes},
    // Draft 7 does not know `$defs`, but nothing is wrong with it there.
    {Keyword::defs, "$defs", kYes, kYes, Takes::named_schemas, kAllTypes, kNo},
    {Keyword::definitions, "definitions", kYes, kYes, Takes::named_schemas, kAllTypes, kNo},
    {Keyword::type, "type", kYes, kYes, Takes::types, kAllTypes, kYes},
    {Keyword::enumeration, "enum", kYes, kYes, Takes::list, kAllTypes, kYes},
    {Keyword::constant, "const", kYes, kYes, Takes::anything, kAllTypes, kYes},
    {Keyword::all_of, "allOf", kYes, kYes, Takes::schemas, kAllTypes, kYes},
    {Keyword::any_of, "anyOf", kYes, kYes, Takes::schemas, kAllTypes, kYes},
    {Keyword::one_of, "oneOf", kYes, kYes, Takes::schemas, kAllTypes, kYes},
    {Keyword::negation, "not", kYes, kYes, Takes::schema, kAllTypes, kYes},
    {Keyword::condition, "if", kYes, kYes, Takes::schema, kAllTypes, kYes},
    {Keyword::then_schema, "then", kYes, kYes, Takes::schema, kAllTypes, kYes},
    {Keyword::else_schema, "else", kYes, kYes, Takes::schema, kAllTypes, kYes},
    {Keyword::minimum, "minimum", kYes, kYes, Takes::number, kNumberTypes, kYes},
    {Keyword::maximum, "maximum", kYes, kYes, Takes::number, kNumberTypes, kYes},
    {Keyword::exclusive_minimum, "exclusiveMinimum", kYes, kYes, Takes::number, kNumberTypes, kYes},
    {Keyword::exclusive_maximum, "exclusiveMaximum", kYes, kYes, Takes::number, kNumberTypes, kYes},
    {Keyword::multiple_of, "multipleOf", kYes, kYes, Takes::number, kNumberTypes, kYes},
    {Keyword::min_length, "minLength", kYes, kYes, Takes::count, kStringType, kYes},
    {Keyword::max_length, "maxLength", kYes, kYes, Takes::count, kStringType, kYes},
    {Keyword::pattern, "pattern", kYes, kYes, Takes::text, kStringType, kYes},
    {Keyword::format, "format", kYes, kYes, Takes::text, kStringType, kYes},
    {Keyword::prefix_items, "prefixItems", kNo, kYes, Takes::schemas, kArrayType, kYes},
    {Keyword::items, "items", kYes, kYes, Takes::schema_or_schemas, kArrayType, kYes},
    {Keyword::additional_items, "additionalItems", kYes, kNo, Takes::schema, kArrayType, kYes},
    {Keyword::contains, "contains", kYes, kYes, Takes::schema, kArrayType, kYes},
    {Keyword::min_contains, "minContains", kNo, kYes, Takes::count, kArrayType, kYes},
    {Keyword::max_contains, "maxContains", kNo, kYes, Takes::count, kArrayType, kYes},
    {Keyword::min_items, "minItems", kYes, kYes, Takes::count, kArrayType, kYes},
    {Keyword::max_items, "maxItems", kYes, kYes, Takes::count, kArrayType, kYes},
    {Keyword::unique_items, "uniqueItems", kYes, kYes, Takes::boolean, kArrayType, kYes},
    {Keyword::unevaluated_items, "unevaluatedItems", kNo, kYes, Takes::schema, kArrayType, kYes},
    {Keyword::properties, "properties", kYes, kYes, Takes::named_schemas, kObjectType, kYes},
    {Keyword::pattern_properties, "patternProperties", kYes, kYes, Takes::named_schemas,
     kObjectType, kYes},
    {Keyword::additional_properties, "additionalProperties", kYes, kYes, Takes::schema, kObjectType,
     kYes},
    {Keyword::property_names, "propertyNames", kYes, kYes, Takes::schema, kObjectType, kYes},
    {Keyword::required, "required", kYes, kYes, Takes::names, kObjectType, kYes},
    {Keyword::min_properties, "minProperties", kYes, kYes, Takes::count, kObjectType, kYes},
    {Keyword::max_properties, "maxProperties", kYes, kYes, Takes::count, kObjectType, kYes},
    {Keyword::dependent_required, "dependentRequired", kNo, kYes, Takes::lists_of_names,
     kObjectType, kYes},
    {Keyword::dependent_schemas, "dependentSchemas", kNo, kYes, Takes::named_schemas, kObjectType,
     kYes},
    // Draft 2020-12 has two keywords for it, but lets a validator know the old one.
    {Keyword::dependencies, "dependencies", kYes, kYes, Takes::schemas_or_names, kObjectType, kYes},
    {Keyword::unevaluated_properties, "unevaluatedProperties", kNo, kYes, Takes::schema,
     kObjectType, kYes},
    {Keyword::content_encoding, "contentEncoding", kYes, kYes, Takes::text, kStringType, kNo},
    {Keyword::content_media_type, "contentMediaType", kYes, kYes, Takes::text, kStringType, kNo},
    {Keyword::content_schema, "contentSchema", kNo, kYes, Takes::schema, kStringType, kNo},
    {Keyword::title, "title", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::description, "description", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::comment, "$comment", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::default_value, "default", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::examples, "examples", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::read_only, "readOnly", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::write_only, "writeOnly", kYes, kYes, Takes::anything, kAllTypes, kNo},
    {Keyword::deprecated, "deprecated", kYes, kYes, Takes::anything, kAllTypes, kNo},
};

constexpr bool rows_are_in_order() {
    for (std::size_t index = 0; index < std::size(kRows); ++index) {
        if (static_cast<std::size_t>(kRows[index].keyword) != index) return false;
    }
    return std::size(kRows) == kKeywords;
}
static_assert(rows_are_in_order());

struct ForeignWord {
    std::string_view name;
    std::string_view remark;
};

// Words of other drafts and of OpenAPI.
constexpr ForeignWord kForeignWords[] = {
    {"id", "draft 4 has it; later drafts have \"$id\""},
    {"divisibleBy", "draft 3 has it; later drafts have \"multipleOf\""},
    {"extends", "draft 3 has it; later drafts have \"allOf\""},
    {"disallow", "draft 3 has it; later drafts have \"not\""},
    {"optional", "members are optional unless \"required\" names them"},
    {"nullable", "OpenAPI has it; JSON Schema has \"type\": [\"...\", \"null\"]"},
    {"discriminator", "OpenAPI has it; JSON Schema has \"oneOf\" or \"if\""},
    {"$recursiveRef", "draft 2019-09 has it; draft 2020-12 has \"$dynamicRef\""},
    {"$recursiveAnchor", "draft 2019-09 has it; draft 2020-12 has \"$dynamicAnchor\""},
};

// They resemble keywords, and are none by intent.
constexpr std::string_view kHarmlessWords[] = {"example", "xml", "externalDocs", "$async",
                                               "tsType"};

struct TypeRow {
    std::string_view name;
    TypeSet types;
};

constexpr TypeRow kTypes[] = {
    {"null", kNullType},     {"boolean", kBooleanType}, {"object", kObjectType},
    {"array", kArrayType},   {"number", kNumberTypes},  {"integer", kIntegerType},
    {"string", kStringType},
};

std::string_view nearest_keyword(std::string_view word, Draft draft) {
    std::vector<std::string_view> names;
    for (const KeywordRow& row : kRows) {
        if (row.is_in(draft)) names.push_back(row.name);
    }
    return nearest(word, names);
}

}  // namespace

std::span<const KeywordRow> keyword_rows() {
    return kRows;
}

const KeywordRow& row_of(Keyword keyword) {
    return kRows[static_cast<std::size_t>(keyword)];
}

const KeywordRow* find_keyword(std::string_view name) {
    const auto* found = std::ranges::find(kRows, name, &KeywordRow::name);
    return found == std::end(kRows) ? nullptr : found;
}

std::string remark_on(std::string_view word, Draft draft) {
    const auto* foreign = std::ranges::find(kForeignWords, word, &ForeignWord::name);
    if (foreign != std::end(kForeignWords)) {
        return excerpt_in_quotes(word) + " has no effect: " + std::string(foreign->remark);
    }
    if (word.starts_with("x-") ||
        std::ranges::find(kHarmlessWords, word) != std::end(kHarmlessWords)) {
        return {};
    }
    const std::string_view similar = nearest_keyword(word, draft);
    if (similar.empty()) return {};
    return "unknown keyword " + excerpt_in_quotes(word) + " has no effect; did you mean " +
           in_quotes(similar) + "?";
}

std::optional<TypeSet> find_type(std::string_view name) {
    const auto* found = std::ranges::find(kTypes, name, &TypeRow::name);
    return found == std::end(kTypes) ? std::nullopt : std::optional(found->types);
}

}  // namespace webhook
