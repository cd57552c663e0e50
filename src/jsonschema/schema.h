// A JSON Schema, compiled: plain data that a validator walks without allocation.
//
// A node is a subschema. Its rules are sorted by the kind of value that they apply to, so that a
// value meets only those that say something of it. Everything refers to everything else by index.

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_document.h"
#include "base/json_value.h"
#include "jsonschema/formats.h"
#include "jsonschema/number.h"
#include "jsonschema/pattern.h"

namespace webhook {

// A set of JSON Schema's types. A number is an integer or another number.
using TypeSet = std::uint8_t;

inline constexpr TypeSet kNullType = 1;
inline constexpr TypeSet kBooleanType = 2;
inline constexpr TypeSet kIntegerType = 4;
inline constexpr TypeSet kFractionType = 8;
inline constexpr TypeSet kNumberTypes = kIntegerType | kFractionType;
inline constexpr TypeSet kStringType = 16;
inline constexpr TypeSet kArrayType = 32;
inline constexpr TypeSet kObjectType = 64;
inline constexpr TypeSet kAllTypes = 127;

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = 0xffffffff;
inline constexpr std::uint32_t kNoMark = 0xffffffff;
// For minItems and the like; no text is as long.
inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

// A part of one of the vectors.
struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;

    std::uint32_t size() const { return end - begin; }
    bool empty() const { return begin == end; }
};

enum class Rule : std::uint8_t {
    minimum,
    maximum,
    exclusive_minimum,
    exclusive_maximum,
    multiple_of,
    min_length,
    max_length,
    pattern,
    format,
    array,
    object,
    enumeration,
    constant,
    all_of,
    any_of,
    one_of,
    negation,
    condition,
    reference,
    dynamic_reference,
    // Of a subschema that was taken over (conjunction.h). A node's own types are not among its
    // rules.
    type,
    unevaluated_items,
    unevaluated_properties
};

// `first` and `second` are what the rule's kind makes of them: an index, a range, or a limit.
struct SchemaRule {
    Rule kind;
    // How many subschemas a value enters with this rule, which were taken over (conjunction.h).
    std::uint8_t enters = 0;
    // The node of the subschema that has the keyword.
    NodeIndex owner = kNoNode;
    std::uint64_t first = 0;
    std::uint32_t second = 0;
    std::uint32_t third = 0;
};

// The kinds of value that rules are sorted by. Those of `any` apply to each value, but for rules
// that were taken over; those of `last` need to know what all the others looked at.
enum class RuleGroup : std::uint8_t { number, string, array, object, any, last };
inline constexpr std::size_t kRuleGroups = 6;

// The kind of value that a rule says something of. `any`: of each.
constexpr RuleGroup group_of(Rule rule) {
    if (rule <= Rule::multiple_of) return RuleGroup::number;
    if (rule <= Rule::format) return RuleGroup::string;
    if (rule == Rule::array) return RuleGroup::array;
    return rule == Rule::object ? RuleGroup::object : RuleGroup::any;
}

// How many rules a node has.
using RuleCount = std::uint16_t;

struct SchemaNode {
    TypeSet types = kAllTypes;
    // Has rules of the group `last`.
    bool tracks = false;
    // Where each group ends, counted from `rules`.
    std::array<RuleCount, kRuleGroups> ends{};
    std::uint32_t rules = 0;
    // The JSON pointer of the subschema, in `Schema::text`.
    Range place;
    // The schema with an `$id` that it belongs to, for `$dynamicRef`.
    std::uint32_t resource = 0;
};

struct ArrayRule {
    // Nodes in `lists`: a schema for each of the first elements, and one for the others.
    Range prefix;
    NodeIndex rest = kNoNode;
    NodeIndex contains = kNoNode;
    // Whether `unevaluatedItems` leaves alone what `contains` found.
    bool contains_evaluates = false;
    bool unique = false;
    std::uint64_t min_contains = 1;
    std::uint64_t max_contains = kNoLimit;
    std::uint64_t min_items = 0;
    std::uint64_t max_items = kNoLimit;

    bool looks_at_elements() const {
        return !prefix.empty() || rest != kNoNode || contains != kNoNode;
    }
};

// A member's name that a schema names.
struct SchemaName {
    // In `Schema::text`.
    Range text;
    // Its schema in `properties`.
    NodeIndex schema = kNoNode;
    // The bit that notes that an object has it, where a rule asks for that.
    std::uint32_t mark = kNoMark;
};

struct NameSlot {
    std::uint32_t hash = 0;
    // One more than the index of a name; 0 is an empty slot.
    std::uint32_t name = 0;
};

struct PatternRule {
    std::uint32_t pattern = 0;
    NodeIndex schema = kNoNode;
};

// What an object must have or satisfy if it has a member.
struct Dependency {
    std::uint32_t trigger = kNoMark;
    // Marks in `lists`.
    Range needed;
    NodeIndex schema = kNoNode;
    // Of draft 7's `dependencies`; otherwise of dependentRequired or dependentSchemas.
    bool is_old = false;
};

struct ObjectRule {
    // A hashed table; its size is a power of two, or 0.
    Range slots;
    // The number of marks in use.
    std::uint32_t marks = 0;
    // Marks in `lists`, in the order of the schema.
    Range required;
    Range patterns;
    Range dependencies;
    NodeIndex additional = kNoNode;
    NodeIndex names = kNoNode;
    std::uint64_t min_properties = 0;
    std::uint64_t max_properties = kNoLimit;

    bool looks_at_members() const {
        return !slots.empty() || !patterns.empty() || additional != kNoNode || names != kNoNode;
    }
    bool refuses_nothing() const {
        return !looks_at_members() && min_properties == 0 && max_properties == kNoLimit;
    }
};

struct Choice {
    std::uint64_t hash = 0;
    std::uint32_t constant = 0;
};

// The values of an `enum`, sorted by their hashes.
struct Enumeration {
    TypeSet types = 0;
    Range choices;
};

struct DynamicAnchor {
    std::uint32_t resource = 0;
    std::uint32_t name = 0;
    NodeIndex node = kNoNode;
};

struct Schema {
    Schema() = default;
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;

    std::vector<SchemaNode> nodes;
    NodeIndex root = 0;
    std::vector<SchemaRule> rules;
    std::vector<std::uint32_t> lists;
    // Views into `numbers`, which does not move its elements.
    std::vector<NumberLimit> limits;
    std::deque<std::string> numbers;
    std::vector<ArrayRule> arrays;
    std::vector<ObjectRule> objects;
    std::vector<NameSlot> slots;
    std::vector<SchemaName> names;
    std::vector<PatternRule> pattern_rules;
    std::vector<Dependency> dependencies;
    std::vector<Pattern> patterns;
    std::vector<Format> formats;
    std::vector<Enumeration> enumerations;
    std::vector<Choice> choices;
    // The values of `const` and `enum`, which are the elements of a document of their own.
    std::vector<JsonValue> constants;
    std::unique_ptr<JsonDocument> constants_document;
    std::string constants_text;
    // Sorted by name and resource. Empty if no `$dynamicRef` depends on the way taken.
    std::vector<DynamicAnchor> dynamic_anchors;
    // Names and places.
    std::string text;

    std::string_view text_of(Range range) const {
        return std::string_view(text).substr(range.begin, range.size());
    }
};

// For the hashes of `Schema::choices`.
inline constexpr std::uint64_t kChoiceSeed = 0x2545f4914f6cdd1d;

std::uint32_t hash_name(std::string_view name);

// The entry of a name in a table of names, or nullptr.
const SchemaName* find_name(const Schema& schema, Range slots, std::string_view name);

}  // namespace webhook
