#include "jsonschema/object_compiler.h"

#include <bit>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace webhook {
namespace {

constexpr Keyword kKeywordsOfObjects[] = {
    Keyword::properties,     Keyword::pattern_properties, Keyword::additional_properties,
    Keyword::property_names, Keyword::required,           Keyword::min_properties,
    Keyword::max_properties, Keyword::dependent_required, Keyword::dependent_schemas,
    Keyword::dependencies};

class ObjectCompiler {
  public:
    explicit ObjectCompiler(const NodeContext& context) : context_(context) {}

    ObjectRule compile() {
        add_properties();
        add_required();
        add_dependencies(Keyword::dependent_required);
        add_dependencies(Keyword::dependent_schemas);
        add_dependencies(Keyword::dependencies);
        add_patterns();
        warn_of_impossible_names();
        rule_.additional = context_.child(Keyword::additional_properties);
        rule_.names = context_.child(Keyword::property_names);
        rule_.min_properties = context_.count_at(Keyword::min_properties, 0);
        rule_.max_properties = context_.count_at(Keyword::max_properties, kNoLimit);
        finish_dependencies();
        finish_table();
        return rule_;
    }

  private:
    struct Name {
        std::string_view text;
        NodeIndex schema = kNoNode;
        std::uint32_t mark = kNoMark;
    };

    Name& name(std::string_view text) {
        const auto [found, is_new] = indexes_.emplace(text, names_.size());
        if (is_new) names_.push_back({text});
        return names_[found->second];
    }

    std::uint32_t mark(std::string_view text) {
        Name& marked = name(text);
        if (marked.mark == kNoMark) marked.mark = rule_.marks++;
        return marked.mark;
    }

    std::vector<std::uint32_t> marks(const JsonValue& names) {
        std::vector<std::uint32_t> result;
        for (const JsonValue element : names.elements()) result.push_back(mark(*element.string()));
        return result;
    }

    void add_properties() {
        if (!context_.has(Keyword::properties)) return;
        const std::string pointer = context_.pointer(Keyword::properties);
        for (const JsonMember member : context_.at(Keyword::properties)->members()) {
            name(member.name).schema = context_.node_at(pointer_to(pointer, member.name));
        }
    }

    void add_required() {
        if (!context_.has(Keyword::required)) return;
        rule_.required = context_.add_list(marks(*context_.at(Keyword::required)));
    }

    void add_dependencies(Keyword keyword) {
        if (!context_.has(keyword)) return;
        const bool is_old = keyword == Keyword::dependencies;
        if (is_old && context_.draft() == Draft::draft2020) {
            context_.warn(context_.pointer(keyword),
                          "is of older drafts; draft 2020-12 has \"dependentRequired\" and "
                          "\"dependentSchemas\"");
        }
        for (const JsonMember member : context_.at(keyword)->members()) {
            Dependency dependency;
            dependency.is_old = is_old;
            dependency.trigger = mark(member.name);
            if (member.value.kind() == JsonKind::array) {
                dependency.needed = context_.add_list(marks(member.value));
            } else {
                dependency.schema =
                    context_.node_at(pointer_to(context_.pointer(keyword), member.name));
            }
            dependencies_.push_back(dependency);
        }
    }

    void add_patterns() {
        auto& rules = context_.schema().pattern_rules;
        rule_.patterns.begin = static_cast<std::uint32_t>(rules.size());
        if (context_.has(Keyword::pattern_properties)) {
            const std::string pointer = context_.pointer(Keyword::pattern_properties);
            for (const JsonMember member : context_.at(Keyword::pattern_properties)->members()) {
                const std::string at = pointer_to(pointer, member.name);
                rules.push_back({context_.add_pattern(at, member.name), context_.node_at(at)});
            }
        }
        rule_.patterns.end = static_cast<std::uint32_t>(rules.size());
    }

    // A misspelt name in `required` refuses every value where nothing else may be there.
    void warn_of_impossible_names() {
        const auto& additional = context_.at(Keyword::additional_properties);
        const bool is_closed = additional && additional->boolean() == false;
        if (!is_closed || !rule_.patterns.empty() || !context_.has(Keyword::required)) return;
        std::vector<std::string_view> known;
        for (const Name& each : names_) {
            if (each.schema != kNoNode) known.push_back(each.text);
        }
        std::size_t index = 0;
        for (const JsonValue element : context_.at(Keyword::required)->elements()) {
            const std::string at = pointer_to(context_.pointer(Keyword::required), index++);
            if (name(*element.string()).schema != kNoNode) continue;
            const std::string_view similar = nearest(*element.string(), known);
            context_.warn(
                at,
                "no object satisfies this: " + excerpt_in_quotes(*element.string()) +
                    " is required, but \"additionalProperties\": false allows only "
                    "what \"properties\" names" +
                    (similar.empty() ? "" : "; did you mean " + excerpt_in_quotes(similar) + "?"));
        }
    }

    void finish_dependencies() {
        auto& all = context_.schema().dependencies;
        rule_.dependencies.begin = static_cast<std::uint32_t>(all.size());
        all.insert(all.end(), dependencies_.begin(), dependencies_.end());
        rule_.dependencies.end = static_cast<std::uint32_t>(all.size());
    }

    void finish_table() {
        if (names_.empty()) return;
        Schema& schema = context_.schema();
        const auto size = static_cast<std::uint32_t>(std::bit_ceil(2 * names_.size()));
        const auto begin = static_cast<std::uint32_t>(schema.slots.size());
        rule_.slots = {begin, begin + size};
        schema.slots.resize(begin + size);
        for (const Name& each : names_) {
            schema.names.push_back({context_.add_text(each.text), each.schema, each.mark});
            const std::uint32_t hash = hash_name(each.text);
            std::uint32_t at = hash & (size - 1);
            while (schema.slots[begin + at].name != 0) at = (at + 1) & (size - 1);
            schema.slots[begin + at] = {hash, static_cast<std::uint32_t>(schema.names.size())};
        }
    }

    const NodeContext& context_;
    ObjectRule rule_;
    std::vector<Name> names_;
    std::unordered_map<std::string_view, std::size_t> indexes_;
    std::vector<Dependency> dependencies_;
};

}  // namespace

std::optional<ObjectRule> compile_object_rule(const NodeContext& context) {
    for (const Keyword keyword : kKeywordsOfObjects) {
        if (context.has(keyword)) return ObjectCompiler(context).compile();
    }
    return std::nullopt;
}

}  // namespace webhook
