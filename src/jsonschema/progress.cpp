#include "jsonschema/progress.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace webhook {
namespace {

enum class Visit : std::uint8_t { none, open, done };

// The subschemas that are applied to the same value as this one.
class SameValue {
  public:
    explicit SameValue(const Schema& schema) : schema_(schema) {}

    std::vector<NodeIndex> of(NodeIndex index) {
        nodes_.clear();
        const SchemaNode& node = schema_.nodes[index];
        const std::uint32_t end = node.rules + node.ends.back();
        for (std::uint32_t rule = node.rules; rule < end; ++rule) add(schema_.rules[rule]);
        return nodes_;
    }

  private:
    void add(const SchemaRule& rule) {
        switch (rule.kind) {
            case Rule::all_of:
            case Rule::any_of:
            case Rule::one_of:
                add_list({rule.second, rule.third});
                break;
            case Rule::condition:
                add_list({rule.second, rule.second + 3});
                break;
            case Rule::negation:
            case Rule::reference:
            case Rule::dynamic_reference:
                nodes_.push_back(rule.second);
                break;
            case Rule::object: {
                const Range range = schema_.objects[rule.second].dependencies;
                for (std::uint32_t at = range.begin; at < range.end; ++at) {
                    add_node(schema_.dependencies[at].schema);
                }
                break;
            }
            default:
                break;
        }
    }

    void add_list(Range range) {
        for (std::uint32_t at = range.begin; at < range.end; ++at) add_node(schema_.lists[at]);
    }

    void add_node(NodeIndex node) {
        if (node != kNoNode) nodes_.push_back(node);
    }

    const Schema& schema_;
    std::vector<NodeIndex> nodes_;
};

struct Step {
    NodeIndex node;
    std::vector<NodeIndex> next;
};

[[noreturn]] void fail(const std::vector<Step>& way, NodeIndex again,
                       const SchemaReferences& references) {
    constexpr std::size_t kMostShown = 5;
    constexpr std::size_t kLongestShown = 80;
    const auto shown_place = [&references](NodeIndex node) {
        return excerpt_in_quotes("#" + references.places()[node].pointer, kLongestShown);
    };
    const SchemaPlace& place = references.places()[way.back().node];
    auto at = std::ranges::find(way, again, &Step::node);
    std::string circle;
    for (std::size_t shown = 0; at != way.end() && shown < kMostShown; ++at, ++shown) {
        circle += shown_place(at->node) + " -> ";
    }
    if (at != way.end()) circle += "... -> ";
    circle += shown_place(again);
    throw_schema_error(references.source(place).path, place.pointer,
                       "leads back to itself for the same value: " + circle +
                           "; a schema may refer to itself only for a part of the value, by "
                           "\"properties\" or \"items\"");
}

}  // namespace

void check_progress(const Schema& schema, const SchemaReferences& references) {
    std::vector<Visit> visits(schema.nodes.size(), Visit::none);
    SameValue same_value(schema);
    std::vector<Step> way;
    for (NodeIndex start = 0; start < schema.nodes.size(); ++start) {
        if (visits[start] != Visit::none) continue;
        visits[start] = Visit::open;
        way.push_back({start, same_value.of(start)});
        while (!way.empty()) {
            if (way.back().next.empty()) {
                visits[way.back().node] = Visit::done;
                way.pop_back();
                continue;
            }
            const NodeIndex next = way.back().next.back();
            way.back().next.pop_back();
            if (visits[next] == Visit::open) fail(way, next, references);
            if (visits[next] == Visit::done) continue;
            visits[next] = Visit::open;
            way.push_back({next, same_value.of(next)});
        }
    }
}

}  // namespace webhook
