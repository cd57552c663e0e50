#include "jsonschema/conjunction.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace webhook {
namespace {

// Those of a node, by their groups.
using Rules = std::array<std::vector<SchemaRule>, kRuleGroups>;

constexpr auto kAny = static_cast<std::size_t>(RuleGroup::any);

void append(const Schema& schema, const SchemaNode& node, Rules& rules) {
    auto begin = schema.rules.begin() + node.rules;
    for (std::size_t group = 0; group < kRuleGroups; ++group) {
        const auto end = schema.rules.begin() + node.rules + node.ends[group];
        rules[group].insert(rules[group].end(), begin, end);
        begin = end;
    }
}

// A node with marks of its own, or with another scope for `$dynamicRef`, stays a subschema.
bool is_small(const SchemaNode& child, const SchemaNode& parent) {
    return child.types != 0 && !child.tracks && child.resource == parent.resource &&
           child.ends.back() <= kMostRulesTakenOver;
}

void take_over(const Schema& schema, NodeIndex index, Rules& rules) {
    const SchemaNode& child = schema.nodes[index];
    if (child.types != kAllTypes) {
        rules[kAny].push_back({.kind = Rule::type, .owner = index, .third = child.types});
    }
    append(schema, child, rules);
}

void arrange(Schema& schema, SchemaNode& node, const Rules& rules) {
    node.rules = static_cast<std::uint32_t>(schema.rules.size());
    for (std::size_t group = 0; group < kRuleGroups; ++group) {
        schema.rules.insert(schema.rules.end(), rules[group].begin(), rules[group].end());
        node.ends[group] = static_cast<RuleCount>(schema.rules.size() - node.rules);
    }
}

void take_over_conjuncts_of(Schema& schema, SchemaNode& node) {
    Rules rules;
    append(schema, node, rules);
    const auto all_of = std::ranges::find(rules[kAny], Rule::all_of, &SchemaRule::kind);
    if (all_of == rules[kAny].end()) return;
    const Range children{all_of->second, all_of->third};
    std::size_t room = std::numeric_limits<RuleCount>::max() - node.ends.back();
    const auto fits = [&](NodeIndex index) {
        const std::size_t count = schema.nodes[index].ends.back() + std::size_t{1};
        if (!is_small(schema.nodes[index], node) || count > room) return false;
        room -= count;
        return true;
    };
    std::vector<NodeIndex> taken;
    std::vector<NodeIndex> others;
    for (std::uint32_t at = children.begin; at < children.end; ++at) {
        (fits(schema.lists[at]) ? taken : others).push_back(schema.lists[at]);
    }
    if (taken.empty()) return;
    if (others.empty()) {
        rules[kAny].erase(all_of);
    } else {
        all_of->second = static_cast<std::uint32_t>(schema.lists.size());
        schema.lists.insert(schema.lists.end(), others.begin(), others.end());
        all_of->third = static_cast<std::uint32_t>(schema.lists.size());
    }
    for (const NodeIndex index : taken) {
        take_over(schema, index, rules);
        node.steps += schema.nodes[index].steps;
    }
    arrange(schema, node, rules);
}

}  // namespace

void take_over_conjuncts(Schema& schema) {
    // A node stands before its subschemas, so that theirs are taken over first.
    for (std::size_t index = schema.nodes.size(); index-- > 0;) {
        take_over_conjuncts_of(schema, schema.nodes[index]);
    }
}

}  // namespace webhook
