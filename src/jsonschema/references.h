// The files of a schema, its subschemas, and where `$ref` leads among them.
//
// A subschema is found where a keyword has one. A resource is a file, or a subschema with an `$id`:
// what a relative reference is relative to.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jsonschema/files.h"
#include "jsonschema/keywords.h"
#include "jsonschema/source.h"

namespace webhook {

// In all files of one schema together.
inline constexpr std::size_t kMostSubschemas = 100'000;
inline constexpr std::size_t kMostSchemaFiles = 100;

struct SchemaPlace {
    std::uint32_t source;
    std::uint32_t resource;
    std::string pointer;
    JsonValue value;
};

struct SchemaResource {
    std::string uri;
    Draft draft;
    // Places, by name. A dynamic anchor is an anchor, too.
    std::map<std::string, std::uint32_t, std::less<>> anchors;
    std::map<std::string, std::uint32_t, std::less<>> dynamic_anchors;
};

class SchemaReferences {
  public:
    // Reads the schema at a path and all files that it refers to.
    SchemaReferences(const std::string& path, SchemaFiles& files);

    // The subschemas. The first one is the schema itself; resolve() may add others.
    const std::vector<SchemaPlace>& places() const { return places_; }
    const std::vector<SchemaResource>& resources() const { return resources_; }
    SchemaSource& source(const SchemaPlace& place) const { return *sources_[place.source]; }
    Draft draft(const SchemaPlace& place) const { return resources_[place.resource].draft; }

    // Whether any of them has an `unevaluated` keyword.
    bool has_unevaluated() const { return has_unevaluated_; }

    // The subschema at a pointer into the file of another one.
    std::uint32_t place_at(const SchemaPlace& neighbour, const std::string& pointer) const;

    // Where the text of a `$ref` or `$dynamicRef` leads. Throws ConfigError for `keyword`.
    std::uint32_t resolve(const SchemaPlace& from, Keyword keyword, std::string_view reference);

  private:
    using PlacesByPointer = std::unordered_map<std::string, std::uint32_t>;

    // Both return the resource. The draft is that of a file without `$schema`.
    std::uint32_t add_file(const std::string& name, std::string text, Draft draft);
    std::uint32_t add_resource(std::string uri, Draft draft, std::uint32_t root);

    // Finds the subschemas of a value, and itself.
    std::uint32_t scan(std::uint32_t source, std::uint32_t resource, std::string pointer,
                       JsonValue value);
    void scan_keywords(const SchemaPlace& place);
    void scan_value(const SchemaPlace& place, const KeywordRow& row, const JsonValue& value);
    void scan_all(const SchemaPlace& place, const std::string& pointer, const JsonValue& value);
    void identify(SchemaPlace& place);
    void note_draft(SchemaPlace& place, std::optional<JsonValue> id);
    void note_id(SchemaPlace& place, std::string_view id);
    void note_anchors(const SchemaPlace& place);
    void note_anchor(const SchemaPlace& place, Keyword keyword, std::string_view name);
    void note_uri(const SchemaPlace& place, std::string uri);

    // Reads the files that references name, so that every `$id` is known before one is looked for.
    void load_referenced();
    std::optional<std::uint32_t> find_resource(const SchemaPlace& from, std::string_view reference);
    bool is_file(std::uint32_t resource) const;
    std::optional<std::uint32_t> find_file(const std::string& base, std::string_view reference);
    std::uint32_t follow_pointer(const SchemaPlace& from, Keyword keyword,
                                 std::string_view reference, std::uint32_t resource,
                                 std::string_view pointer);
    [[noreturn]] void fail(const SchemaPlace& place, Keyword keyword,
                           std::string_view message) const;
    [[noreturn]] void fail_unknown(const SchemaPlace& from, Keyword keyword,
                                   std::string_view reference) const;

    SchemaFiles& files_;
    std::string directory_;
    std::vector<std::unique_ptr<SchemaSource>> sources_;
    std::vector<SchemaResource> resources_;
    std::vector<std::uint32_t> roots_;  // the place of each resource
    std::vector<SchemaPlace> places_;
    std::vector<PlacesByPointer> by_pointer_;  // for each source
    std::map<std::string, std::uint32_t, std::less<>> by_uri_;
    std::map<std::string, std::string, std::less<>> unreadable_;
    bool has_unevaluated_ = false;
};

}  // namespace webhook
