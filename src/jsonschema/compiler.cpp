#include "jsonschema/compiler.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/errors.h"
#include "base/text.h"
#include "jsonschema/conjunction.h"
#include "jsonschema/equality.h"
#include "jsonschema/node_compiler.h"
#include "jsonschema/progress.h"
#include "jsonschema/references.h"

namespace webhook {
namespace {

// The values are those that the schema's files hold, so that their size bounds the time.
Steps unbounded() {
    return Steps(std::numeric_limits<std::uint32_t>::max());
}

void finish_constants(Schema& schema, const JsonArrayWriter& constants) {
    if (constants.count() == 0) return;
    schema.constants_text = constants.text();
    const std::size_t size = schema.constants_text.size();
    schema.constants_text.resize(size + json_padding());
    schema.constants_document = std::make_unique<JsonDocument>();
    JsonDocument& document = *schema.constants_document;
    if (!document.parse(std::string_view(schema.constants_text).substr(0, size))) {
        throw std::logic_error("the constants of a schema are not JSON");
    }
    for (const JsonValue value : document.root()->elements()) schema.constants.push_back(value);
    for (Choice& choice : schema.choices) {
        Steps steps = unbounded();
        choice.hash = hash_of({document, schema.constants[choice.constant]}, kChoiceSeed, steps);
    }
    for (const Enumeration& each : schema.enumerations) {
        const auto begin = schema.choices.begin();
        std::sort(begin + each.choices.begin, begin + each.choices.end,
                  [](const Choice& left, const Choice& right) { return left.hash < right.hash; });
    }
}

void finish_dynamic_anchors(const Compilation& shared) {
    const auto& resources = shared.references.resources();
    for (const auto& [name, number] : shared.dynamic_names) {
        for (std::uint32_t index = 0; index < resources.size(); ++index) {
            const auto& anchors = resources[index].dynamic_anchors;
            const auto anchor = anchors.find(name);
            if (anchor == anchors.end()) continue;
            shared.schema.dynamic_anchors.push_back({index, number, anchor->second});
        }
    }
    std::ranges::sort(shared.schema.dynamic_anchors, [](const auto& left, const auto& right) {
        return std::pair(left.name, left.resource) < std::pair(right.name, right.resource);
    });
}

void shorten(std::vector<std::string>& warnings, std::size_t before, const std::string& path) {
    const std::size_t count = warnings.size() - before;
    if (count <= kMostSchemaWarnings) return;
    warnings.resize(before + kMostSchemaWarnings);
    warnings.push_back(schema_message(
        path, "", "is warned of " + std::to_string(count - kMostSchemaWarnings) + " more times"));
}

std::shared_ptr<const Schema> compile(const std::string& path, SchemaFiles& files,
                                      std::vector<std::string>& warnings) {
    auto schema = std::make_shared<Schema>();
    SchemaReferences references(path, files);
    Compilation shared{references, *schema, warnings};
    // A reference may lead to what no keyword told was a schema.
    for (NodeIndex index = 0; index < references.places().size(); ++index) {
        schema->nodes.push_back(compile_node(shared, index));
    }
    finish_constants(*schema, shared.constants);
    finish_dynamic_anchors(shared);
    check_progress(*schema, references);
    take_over_conjuncts(*schema);
    return schema;
}

}  // namespace

std::shared_ptr<const Schema> compile_schema(const std::string& path, SchemaFiles& files,
                                             std::vector<std::string>& warnings) {
    const std::size_t before = warnings.size();
    try {
        auto schema = compile(path, files, warnings);
        shorten(warnings, before, path);
        return schema;
    } catch (const ConfigError&) {
        shorten(warnings, before, path);
        throw;
    }
}

}  // namespace webhook
