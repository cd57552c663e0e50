// The input is a schema, and the file that it may refer to by `b.json`. Compiling it ends in a
// schema or in a message; the schema is harmless, also to itself.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"
#include "fuzz.h"
#include "jsonschema/compiler.h"
#include "jsonschema/validator.h"

namespace {

using webhook::fuzz::require;

class Files : public webhook::SchemaFiles {
  public:
    explicit Files(std::string_view text) : text_(text) {}

    std::string read(const std::string& path) override {
        require(path.starts_with("/d/"), "files are read below the directory");
        require((path + '/').find("/../") == std::string::npos, "no path leads upwards");
        if (path != "/d/a.json" && path != "/d/b.json") throw webhook::ConfigError("no such file");
        return text_;
    }

  private:
    std::string text_;
};

std::string padded_text(std::string_view text) {
    std::string padded(text);
    padded.resize(text.size() + webhook::json_padding());
    return padded;
}

std::shared_ptr<const webhook::Schema> compile(std::string_view text) {
    Files files(text);
    std::vector<std::string> warnings;
    std::shared_ptr<const webhook::Schema> schema;
    try {
        schema = webhook::compile_schema("/d/a.json", files, warnings);
    } catch (const webhook::ConfigError& error) {
        require(std::string_view(error.what()).starts_with("schema \"/d/"),
                "an error names the file");
    }
    require(warnings.size() <= webhook::kMostSchemaWarnings + 1, "warnings are bounded");
    for (const std::string& warning : warnings) {
        require(warning.starts_with("schema \"/d/"), "a warning names the file");
    }
    return schema;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint32_t kSteps = 20'000;
    const std::string_view text = webhook::fuzz::as_text(data, size);
    const auto schema = compile(text);
    if (!schema) return 0;
    require(!schema->nodes.empty(), "a schema has a node");
    webhook::SchemaValidator validator;
    for (const std::string_view document_text :
         {text, std::string_view("{}"), std::string_view("[\"a\", 1, 1e400]")}) {
        webhook::JsonDocument document;
        const std::string padded = padded_text(document_text);
        if (!document.parse(std::string_view(padded).substr(0, document_text.size()))) continue;
        webhook::Steps first(kSteps);
        webhook::Steps second(kSteps);
        const bool valid = !validator.validate(*schema, document, first);
        require(!validator.validate(*schema, document, second) == valid, "a verdict stands");
        require(first.left() == second.left(), "a verdict costs what it did");
    }
    return 0;
}
