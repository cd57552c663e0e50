// The input is a schema on the first line, and a document. Its validation is bounded, tells no more
// than it may, and is the opposite of that against `not`.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"
#include "base/text.h"
#include "fuzz.h"
#include "jsonschema/compiler.h"
#include "jsonschema/instance.h"
#include "jsonschema/validator.h"

namespace {

using webhook::fuzz::require;

constexpr std::uint32_t kSteps = 50'000;

class Files : public webhook::SchemaFiles {
  public:
    Files(std::string_view root, std::string_view schema) : root_(root), schema_(schema) {}

    std::string read(const std::string& path) override {
        if (path == "/root.json") return root_;
        if (path == "/schema.json") return schema_;
        throw webhook::ConfigError("no such file");
    }

  private:
    std::string root_;
    std::string schema_;
};

std::shared_ptr<const webhook::Schema> compile(std::string_view root, std::string_view text) {
    Files files(root, text);
    std::vector<std::string> warnings;
    try {
        return webhook::compile_schema("/root.json", files, warnings);
    } catch (const webhook::ConfigError&) {
        return nullptr;
    }
}

std::optional<webhook::Violation> check(const webhook::Schema& schema,
                                        webhook::JsonDocument& document) {
    static webhook::SchemaValidator used;
    webhook::SchemaValidator fresh;
    webhook::Steps steps(kSteps);
    webhook::Steps same_steps(kSteps);
    const auto violation = fresh.validate(schema, document, steps);
    const auto same = used.validate(schema, document, same_steps);
    require(violation.has_value() == same.has_value(), "a used validator judges as a new one");
    require(steps.left() == same_steps.left(), "a used validator needs no other steps");
    if (!violation) return violation;
    for (const std::string& pointer : {violation->instance, violation->schema}) {
        require(pointer.size() <= webhook::kLongestShownPointer, "a pointer is bounded");
        require(!webhook::has_control_character(pointer), "a pointer has no control character");
    }
    require(violation->bound != "steps" || steps.exhausted(), "a bound is hit before it is told");
    return violation;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [text, document_text] =
        webhook::fuzz::first_line(webhook::fuzz::as_text(data, size));
    const auto schema = compile(R"({"$ref": "schema.json"})", text);
    const auto opposite = compile(R"({"not": {"$ref": "schema.json"}})", text);
    require((schema == nullptr) == (opposite == nullptr),
            "a schema may be referred to from anywhere");
    if (!schema) return 0;
    webhook::JsonDocument document;
    std::string padded(document_text);
    padded.resize(document_text.size() + webhook::json_padding());
    if (!document.parse(std::string_view(padded).substr(0, document_text.size()))) return 0;
    const auto violation = check(*schema, document);
    const auto denial = check(*opposite, document);
    if (violation && !violation->bound.empty()) return 0;
    if (denial && !denial->bound.empty()) return 0;
    require(violation.has_value() != denial.has_value(), "either a schema or its opposite holds");
    return 0;
}
