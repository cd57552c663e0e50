// Schemas and documents for the tests of JSON Schema.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"
#include "jsonschema/compiler.h"
#include "jsonschema/validator.h"

namespace webhook {

// Files that are known by heart. It notes which ones were asked for.
class KnownFiles : public SchemaFiles {
  public:
    explicit KnownFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}

    std::string read(const std::string& path) override {
        asked_for.push_back(path);
        const auto file = files_.find(path);
        if (file == files_.end()) throw ConfigError("open() \"" + path + "\" failed");
        return file->second;
    }

    std::vector<std::string> asked_for;

  private:
    std::map<std::string, std::string> files_;
};

struct Compiled {
    std::shared_ptr<const Schema> schema;
    std::vector<std::string> warnings;
    // Why there is no schema.
    std::string error;
};

inline Compiled compile_files(std::map<std::string, std::string> texts) {
    KnownFiles files(std::move(texts));
    Compiled compiled;
    try {
        compiled.schema = compile_schema("/etc/a.json", files, compiled.warnings);
    } catch (const ConfigError& error) {
        compiled.error = error.what();
    }
    return compiled;
}

inline Compiled compile_text(std::string text) {
    return compile_files({{"/etc/a.json", std::move(text)}});
}

// The message of what is wrong with a schema, without `schema "/etc/a.json"`.
inline std::string error_of(const std::string& text) {
    const std::string error = compile_text(text).error;
    constexpr std::string_view kPrefix = "schema \"/etc/a.json\" ";
    return error.starts_with(kPrefix) ? error.substr(kPrefix.size()) : error;
}

// The only warning of a schema, alike. Several of them are one text.
inline std::string warning_of(const std::string& text) {
    const Compiled compiled = compile_text(text);
    EXPECT_EQ(compiled.error, "");
    std::string all;
    for (const std::string& warning : compiled.warnings) {
        if (!all.empty()) all += '\n';
        constexpr std::string_view kPrefix = "schema \"/etc/a.json\" ";
        all += warning.starts_with(kPrefix) ? warning.substr(kPrefix.size()) : warning;
    }
    return all;
}

inline std::optional<Violation> violation_of(const Schema& schema, const std::string& text) {
    JsonDocument document;
    std::string padded = text;
    padded.resize(text.size() + json_padding());
    EXPECT_TRUE(document.parse(std::string_view(padded).substr(0, text.size()))) << text;
    SchemaValidator validator;
    return validator.validate(schema, document);
}

// `INSTANCE SCHEMA`, with the bound after it if one was hit; `valid` if there is no violation.
inline std::string verdict(const Schema& schema, const std::string& text) {
    const auto violation = violation_of(schema, text);
    if (!violation) return "valid";
    return violation->instance + ' ' + violation->schema +
           (violation->bound.empty() ? "" : ' ' + std::string(violation->bound));
}

inline std::string verdict(const std::string& schema, const std::string& text) {
    const Compiled compiled = compile_text(schema);
    if (!compiled.schema) return compiled.error;
    return verdict(*compiled.schema, text);
}

inline std::string repeated(std::string_view text, std::size_t count) {
    std::string result;
    for (std::size_t index = 0; index < count; ++index) result += text;
    return result;
}

}  // namespace webhook
