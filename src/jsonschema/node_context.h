// One subschema while it is compiled: its keywords, and what compiling them needs.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jsonschema/json_text.h"
#include "jsonschema/keywords.h"
#include "jsonschema/references.h"
#include "jsonschema/schema.h"

namespace webhook {

// What all subschemas of one schema share while they are compiled. The index of a subschema's place
// is that of its node.
struct Compilation {
    SchemaReferences& references;
    Schema& schema;
    std::vector<std::string>& warnings;
    JsonArrayWriter constants{};
    // The names that a `$dynamicRef` asks for, with a number each.
    std::map<std::string, std::uint32_t, std::less<>> dynamic_names{};
};

class NodeContext {
  public:
    using Value = std::optional<JsonValue>;

    // Throws ConfigError if the subschema has a keyword with a value that it does not take.
    NodeContext(Compilation& shared, const SchemaPlace& place);

    Compilation& shared() const { return shared_; }
    Schema& schema() const { return shared_.schema; }
    const SchemaPlace& place() const { return place_; }
    Draft draft() const { return draft_; }
    DocumentValue in_document(const JsonValue& value) const { return {document_, value}; }

    // The value of a keyword that the draft has.
    const Value& at(Keyword keyword) const { return found_[static_cast<std::size_t>(keyword)]; }
    bool has(Keyword keyword) const { return at(keyword).has_value(); }

    // The node of the schema that a keyword has; kNoNode if the keyword is missing.
    NodeIndex child(Keyword keyword) const;
    NodeIndex node_at(const std::string& pointer) const;
    // Those of an array of schemas.
    Range children(Keyword keyword) const;
    std::uint64_t count_at(Keyword keyword, std::uint64_t otherwise) const;

    Range add_text(std::string_view text) const;
    Range add_list(const std::vector<std::uint32_t>& items) const;
    std::uint32_t add_pattern(const std::string& pointer, std::string_view text) const;

    std::string pointer(Keyword keyword) const {
        return pointer_to(place_.pointer, name_of(keyword));
    }
    [[noreturn]] void fail(const std::string& pointer, std::string_view message) const;
    void warn(const std::string& pointer, std::string_view message) const;

  private:
    void collect(const JsonMember& member);
    void drop_all_beside_reference();

    Compilation& shared_;
    // A copy, since places are added while references are resolved.
    const SchemaPlace place_;
    const Draft draft_;
    const JsonDocument& document_;
    std::array<Value, kKeywords> found_;
};

}  // namespace webhook
