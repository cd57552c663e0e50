#include "jsonschema/source.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/errors.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "jsonschema/syntax.h"

namespace webhook {
namespace {

// What the parser lets through; deeper texts are found to be too deep by the check below.
constexpr JsonLimits kLimits{.deepest_nesting = JsonLimits::kDeepestNesting, .repairs = true};

// A pointer in a message, in bytes: deeper than schemas are in earnest, and nginx shows messages of
// a kilobyte.
constexpr std::size_t kLongestShownPlace = 250;

// Checks what no keyword looks at: the depth, and that names are told apart.
class StructureCheck {
  public:
    explicit StructureCheck(const std::string& path) : path_(path) {}

    void check(const JsonValue& value, const std::string& pointer, std::size_t depth) {
        const JsonKind kind = value.kind();
        if (kind != JsonKind::array && kind != JsonKind::object) return;
        if (depth == kDeepestSchema) {
            throw_schema_error(
                path_, pointer,
                "is nested more than " + std::to_string(kDeepestSchema) + " levels deep");
        }
        check_names(value, pointer);
        std::size_t index = 0;
        for (const JsonValue element : value.elements()) {
            check(element, pointer_to(pointer, index++), depth + 1);
        }
        for (const JsonMember member : value.members()) {
            check(member.value, pointer_to(pointer, member.name), depth + 1);
        }
    }

  private:
    void check_names(const JsonValue& object, const std::string& pointer) {
        std::vector<std::string_view> names;
        for (const JsonMember member : object.members()) names.push_back(member.name);
        std::ranges::sort(names);
        const auto repeated = std::ranges::adjacent_find(names);
        if (repeated == names.end()) return;
        throw_schema_error(path_, pointer, "has " + excerpt_in_quotes(*repeated) + " twice");
    }

    const std::string& path_;
};

}  // namespace

std::unique_ptr<SchemaSource> read_schema(std::string path, std::string name, std::string text) {
    if (text.size() > kLargestSchemaFile) {
        throw_schema_error(path, "",
                           "is larger than " + std::to_string(kLargestSchemaFile) + " bytes");
    }
    const std::size_t size = text.size();
    text.resize(size + json_padding());
    auto source = std::make_unique<SchemaSource>(
        SchemaSource{std::move(path), std::move(name), JsonDocument(kLimits), {}, std::move(text)});
    const std::string_view content = std::string_view(source->padded_text).substr(0, size);
    if (!source->document.parse(content)) {
        const std::string error = find_syntax_error(content);
        throw_schema_error(source->path, "", "is not JSON" + (error.empty() ? "" : ": " + error));
    }
    source->root = source->document.root();
    StructureCheck(source->path).check(*source->root, "", 0);
    return source;
}

std::string schema_message(const std::string& path, const std::string& pointer,
                           std::string_view message) {
    std::string text = "schema " + in_quotes(path);
    if (!pointer.empty()) text += " at " + excerpt_in_quotes(pointer, kLongestShownPlace);
    return text + (message.starts_with("is ") && pointer.empty() ? " " : ": ") +
           std::string(message);
}

void throw_schema_error(const std::string& path, const std::string& pointer,
                        std::string_view message) {
    throw ConfigError(schema_message(path, pointer, message));
}

std::string pointer_to(std::string_view pointer, std::string_view step) {
    std::string longer(pointer);
    append_step(longer, step);
    return longer;
}

std::string pointer_to(std::string_view pointer, std::size_t index) {
    return std::string(pointer) + '/' + std::to_string(index);
}

std::optional<JsonValue> find_member(const JsonValue& object, std::string_view name) {
    for (const JsonMember member : object.members()) {
        if (member.name == name) return member.value;
    }
    return std::nullopt;
}

std::optional<JsonValue> find_child(const JsonValue& value, std::string_view step) {
    if (value.kind() == JsonKind::object) return find_member(value, step);
    const bool is_plain = step == "0" || !step.starts_with('0');
    const auto index = is_plain ? parse_digits(step) : std::nullopt;
    if (!index) return std::nullopt;
    std::int64_t at = 0;
    for (const JsonValue element : value.elements()) {
        if (at++ == *index) return element;
    }
    return std::nullopt;
}

std::string_view kind_with_article(JsonKind kind) {
    switch (kind) {
        case JsonKind::null:
            return "null";
        case JsonKind::boolean:
            return "a boolean";
        case JsonKind::integer:
        case JsonKind::large_integer:
            return "an integer";
        case JsonKind::fraction:
            return "a number";
        case JsonKind::string:
            return "a string";
        case JsonKind::array:
            return "an array";
        case JsonKind::object:
            break;
    }
    return "an object";
}

}  // namespace webhook
