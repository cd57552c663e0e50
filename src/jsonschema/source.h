// One file of a schema: its text, as a JSON document.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_document.h"
#include "base/json_value.h"

namespace webhook {

// In bytes, in each file.
inline constexpr std::size_t kLargestSchemaFile = 4 * 1024 * 1024;
// Of the text's arrays and objects.
inline constexpr std::size_t kDeepestSchema = 200;

struct SchemaSource {
    // As messages name it.
    std::string path;
    // Below the directory of the schema that was asked for.
    std::string name;
    JsonDocument document;
    std::optional<JsonValue> root;
    std::string padded_text;
};

// Throws ConfigError, with the path, if the text is too large or nested too deeply, is not JSON, or
// repeats a name in an object.
std::unique_ptr<SchemaSource> read_schema(std::string path, std::string name, std::string text);

// `schema "a.json" at "/properties/id": message`.
std::string schema_message(const std::string& path, const std::string& pointer,
                           std::string_view message);
[[noreturn]] void throw_schema_error(const std::string& path, const std::string& pointer,
                                     std::string_view message);

// A pointer, led one step further.
std::string pointer_to(std::string_view pointer, std::string_view step);
std::string pointer_to(std::string_view pointer, std::size_t index);

std::optional<JsonValue> find_member(const JsonValue& object, std::string_view name);

// The element or member that a step of a JSON pointer leads to. The step has no more escapes.
std::optional<JsonValue> find_child(const JsonValue& value, std::string_view step);

// `a string`, `an object`.
std::string_view kind_with_article(JsonKind kind);

}  // namespace webhook
