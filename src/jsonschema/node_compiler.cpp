#include "jsonschema/node_compiler.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "jsonschema/number.h"
#include "jsonschema/object_compiler.h"
#include "jsonschema/shape.h"
#include "jsonschema/uri.h"

namespace webhook {
namespace {

struct ValueRule {
    Keyword keyword;
    Rule rule;
};

constexpr ValueRule kLimits[] = {
    {Keyword::minimum, Rule::minimum},
    {Keyword::maximum, Rule::maximum},
    {Keyword::exclusive_minimum, Rule::exclusive_minimum},
    {Keyword::exclusive_maximum, Rule::exclusive_maximum},
};

constexpr ValueRule kLengths[] = {
    {Keyword::min_length, Rule::min_length},
    {Keyword::max_length, Rule::max_length},
};

constexpr ValueRule kLists[] = {
    {Keyword::all_of, Rule::all_of},
    {Keyword::any_of, Rule::any_of},
    {Keyword::one_of, Rule::one_of},
};

constexpr Keyword kKeywordsOfArrays[] = {
    Keyword::prefix_items, Keyword::items,     Keyword::additional_items, Keyword::contains,
    Keyword::min_items,    Keyword::max_items, Keyword::unique_items};

// Keywords that say nothing without another one.
constexpr std::pair<Keyword, Keyword> kPartners[] = {
    {Keyword::then_schema, Keyword::condition},  {Keyword::else_schema, Keyword::condition},
    {Keyword::min_contains, Keyword::contains},  {Keyword::max_contains, Keyword::contains},
    {Keyword::additional_items, Keyword::items},
};

constexpr std::pair<Keyword, Keyword> kCounts[] = {
    {Keyword::min_length, Keyword::max_length},
    {Keyword::min_items, Keyword::max_items},
    {Keyword::min_contains, Keyword::max_contains},
    {Keyword::min_properties, Keyword::max_properties},
};

TypeSet types_of(const DocumentValue& value) {
    if (value.is_number()) return kNumberTypes;
    switch (value.value.kind()) {
        case JsonKind::boolean:
            return kBooleanType;
        case JsonKind::string:
            return kStringType;
        case JsonKind::array:
            return kArrayType;
        case JsonKind::object:
            return kObjectType;
        default:
            return kNullType;
    }
}

class NodeCompiler {
  public:
    NodeCompiler(Compilation& shared, const SchemaPlace& place, NodeIndex index)
        : context_(shared, place), schema_(shared.schema), index_(index) {}

    void compile(SchemaNode& node) {
        node.types = allowed_types();
        warn_of_no_effect(node.types);
        add_references();
        add_number_rules();
        add_string_rules();
        add_array_rule();
        add_object_rule();
        add_constants();
        add_combinations();
        add_unevaluated();
        arrange(node);
    }

  private:
    bool has(Keyword keyword) const { return context_.has(keyword); }
    const JsonValue& at(Keyword keyword) const { return *context_.at(keyword); }
    DocumentValue value_at(Keyword keyword) const { return context_.in_document(at(keyword)); }

    TypeSet allowed_types() const {
        if (!has(Keyword::type)) return kAllTypes;
        if (const auto name = at(Keyword::type).string()) return *find_type(*name);
        TypeSet types = 0;
        for (const JsonValue name : at(Keyword::type).elements()) {
            types |= *find_type(*name.string());
        }
        return types;
    }

    void warn_of_no_effect(TypeSet types) const {
        for (const KeywordRow& row : keyword_rows()) {
            if (!row.asserts || !has(row.keyword) || (row.types & types) != 0) continue;
            context_.warn(context_.pointer(row.keyword),
                          "has no effect: \"type\" allows no " + word_for(row.types));
        }
        for (const auto& [keyword, partner] : kPartners) {
            if (!has(keyword) || has(partner)) continue;
            context_.warn(context_.pointer(keyword),
                          "has no effect without " + in_quotes(name_of(partner)));
        }
        // Whatever a condition evaluates counts for `unevaluated` keywords, even alone.
        const bool is_used = has(Keyword::then_schema) || has(Keyword::else_schema) ||
                             context_.shared().references.has_unevaluated();
        if (has(Keyword::condition) && !is_used) {
            context_.warn(context_.pointer(Keyword::condition),
                          "has no effect without \"then\" or \"else\"");
        }
        for (const auto& [least, most] : kCounts) {
            if (!has(least) || !has(most)) continue;
            if (context_.count_at(least, 0) > context_.count_at(most, 0))
                warn_of_no_value(least, most);
        }
    }

    static std::string word_for(TypeSet types) {
        if (types == kStringType) return "string";
        if (types == kArrayType) return "array";
        return types == kObjectType ? "object" : "number";
    }

    void warn_of_no_value(Keyword least, Keyword most) const {
        context_.warn(context_.pointer(least),
                      "no value satisfies this: it is larger than " + in_quotes(name_of(most)));
    }

    void add(RuleGroup group, SchemaRule rule) {
        rule.owner = index_;
        rules_[static_cast<std::size_t>(group)].push_back(rule);
    }

    NodeIndex resolve(Keyword keyword) {
        return context_.shared().references.resolve(context_.place(), keyword,
                                                    *at(keyword).string());
    }

    void add_references() {
        if (has(Keyword::ref)) {
            add(RuleGroup::any, {.kind = Rule::reference, .second = resolve(Keyword::ref)});
        }
        if (!has(Keyword::dynamic_ref)) return;
        const NodeIndex target = resolve(Keyword::dynamic_ref);
        const auto name = dynamic_name(target);
        if (!name) {
            add(RuleGroup::any, {.kind = Rule::reference, .second = target, .third = 1});
        } else {
            add(RuleGroup::any,
                {.kind = Rule::dynamic_reference, .second = target, .third = *name});
        }
    }

    // A `$dynamicRef` is a `$ref` unless it names a `$dynamicAnchor`.
    std::optional<std::uint32_t> dynamic_name(NodeIndex target) {
        const auto fragment = fragment_of(*at(Keyword::dynamic_ref).string());
        if (!fragment) return std::nullopt;
        const SchemaReferences& references = context_.shared().references;
        const auto& anchors =
            references.resources()[references.places()[target].resource].dynamic_anchors;
        const auto anchor = anchors.find(*fragment);
        if (anchor == anchors.end() || anchor->second != target) return std::nullopt;
        auto& names = context_.shared().dynamic_names;
        return names.emplace(*fragment, static_cast<std::uint32_t>(names.size())).first->second;
    }

    std::uint32_t add_limit(const JsonValue& value) {
        const DocumentValue source = context_.in_document(value);
        std::string text(source.document.number_text(value));
        schema_.numbers.push_back(std::move(text));
        schema_.limits.push_back(limit_of(schema_.numbers.back()));
        return static_cast<std::uint32_t>(schema_.limits.size() - 1);
    }

    void add_number_rules() {
        for (const auto& [keyword, rule] : kLimits) {
            if (has(keyword))
                add(RuleGroup::number, {.kind = rule, .second = add_limit(at(keyword))});
        }
        if (has(Keyword::minimum) && has(Keyword::maximum) &&
            std::is_gt(compare(JsonNumber(value_at(Keyword::minimum)),
                               JsonNumber(value_at(Keyword::maximum))))) {
            warn_of_no_value(Keyword::minimum, Keyword::maximum);
        }
        if (!has(Keyword::multiple_of)) return;
        const std::uint32_t limit = add_limit(at(Keyword::multiple_of));
        const Decimal& divisor = schema_.limits[limit].exact;
        if (!is_divisor(divisor)) {
            const bool is_positive = !divisor.is_zero() && !divisor.is_negative;
            context_.fail(context_.pointer(Keyword::multiple_of),
                          is_positive ? "must have " + std::to_string(kMostDivisorDigits) +
                                            " significant digits or fewer"
                                      : "must be more than 0");
        }
        add(RuleGroup::number, {.kind = Rule::multiple_of, .second = limit});
    }

    void add_string_rules() {
        for (const auto& [keyword, rule] : kLengths) {
            if (has(keyword)) {
                add(RuleGroup::string, {.kind = rule, .first = context_.count_at(keyword, 0)});
            }
        }
        if (has(Keyword::pattern)) {
            const std::uint32_t pattern = context_.add_pattern(context_.pointer(Keyword::pattern),
                                                               *at(Keyword::pattern).string());
            add(RuleGroup::string, {.kind = Rule::pattern, .second = pattern});
        }
        if (has(Keyword::format)) add_format(*at(Keyword::format).string());
    }

    void add_format(std::string_view name) {
        const auto format = format_of(name);
        if (!format) {
            context_.warn(context_.pointer(Keyword::format), excerpt_in_quotes(name) +
                                                                 " is not checked: only " +
                                                                 joined(format_names()) + " are");
            return;
        }
        schema_.formats.push_back(*format);
        add(RuleGroup::string, {.kind = Rule::format,
                                .second = static_cast<std::uint32_t>(schema_.formats.size() - 1)});
    }

    void add_array_rule() {
        if (std::ranges::none_of(kKeywordsOfArrays, [this](Keyword each) { return has(each); }))
            return;
        ArrayRule rule;
        add_items(rule);
        rule.contains = context_.child(Keyword::contains);
        rule.contains_evaluates = context_.draft() == Draft::draft2020;
        rule.unique = has(Keyword::unique_items) && *at(Keyword::unique_items).boolean();
        rule.min_contains = context_.count_at(Keyword::min_contains, 1);
        rule.max_contains = context_.count_at(Keyword::max_contains, kNoLimit);
        rule.min_items = context_.count_at(Keyword::min_items, 0);
        rule.max_items = context_.count_at(Keyword::max_items, kNoLimit);
        schema_.arrays.push_back(rule);
        add(RuleGroup::array,
            {.kind = Rule::array, .second = static_cast<std::uint32_t>(schema_.arrays.size() - 1)});
    }

    void add_items(ArrayRule& rule) {
        if (context_.draft() == Draft::draft2020) {
            rule.prefix = context_.children(Keyword::prefix_items);
            rule.rest = context_.child(Keyword::items);
            return;
        }
        if (!has(Keyword::items)) return;
        if (at(Keyword::items).kind() != JsonKind::array) {
            rule.rest = context_.child(Keyword::items);
            if (has(Keyword::additional_items)) {
                context_.warn(context_.pointer(Keyword::additional_items),
                              "has no effect: \"items\" is no array");
            }
            return;
        }
        rule.prefix = context_.children(Keyword::items);
        rule.rest = context_.child(Keyword::additional_items);
    }

    void add_object_rule() {
        const auto rule = compile_object_rule(context_);
        if (!rule || rule->refuses_nothing()) return;
        schema_.objects.push_back(*rule);
        add(RuleGroup::object, {.kind = Rule::object,
                                .second = static_cast<std::uint32_t>(schema_.objects.size() - 1)});
    }

    void add_constants() {
        auto& constants = context_.shared().constants;
        if (has(Keyword::constant)) {
            add(RuleGroup::any, {.kind = Rule::constant,
                                 .second = constants.add(value_at(Keyword::constant)),
                                 .third = types_of(value_at(Keyword::constant))});
        }
        if (!has(Keyword::enumeration)) return;
        Enumeration enumeration;
        enumeration.choices.begin = static_cast<std::uint32_t>(schema_.choices.size());
        for (const JsonValue element : at(Keyword::enumeration).elements()) {
            const DocumentValue value = context_.in_document(element);
            enumeration.types |= types_of(value);
            schema_.choices.push_back({0, constants.add(value)});
        }
        enumeration.choices.end = static_cast<std::uint32_t>(schema_.choices.size());
        if (enumeration.choices.empty()) {
            context_.warn(context_.pointer(Keyword::enumeration),
                          "no value satisfies this: it lists none");
        }
        schema_.enumerations.push_back(enumeration);
        add(RuleGroup::any,
            {.kind = Rule::enumeration,
             .second = static_cast<std::uint32_t>(schema_.enumerations.size() - 1)});
    }

    void add_combinations() {
        for (const auto& [keyword, rule] : kLists) {
            if (!has(keyword)) continue;
            const Range nodes = context_.children(keyword);
            add(RuleGroup::any, {.kind = rule, .second = nodes.begin, .third = nodes.end});
        }
        if (has(Keyword::negation)) {
            add(RuleGroup::any,
                {.kind = Rule::negation, .second = context_.child(Keyword::negation)});
        }
        if (!has(Keyword::condition)) return;
        const Range nodes = context_.add_list({context_.child(Keyword::condition),
                                               context_.child(Keyword::then_schema),
                                               context_.child(Keyword::else_schema)});
        add(RuleGroup::any, {.kind = Rule::condition, .second = nodes.begin});
    }

    void add_unevaluated() {
        if (has(Keyword::unevaluated_items)) {
            add(RuleGroup::last, {.kind = Rule::unevaluated_items,
                                  .second = context_.child(Keyword::unevaluated_items)});
        }
        if (has(Keyword::unevaluated_properties)) {
            add(RuleGroup::last, {.kind = Rule::unevaluated_properties,
                                  .second = context_.child(Keyword::unevaluated_properties)});
        }
    }

    void arrange(SchemaNode& node) {
        node.rules = static_cast<std::uint32_t>(schema_.rules.size());
        for (std::size_t group = 0; group < kRuleGroups; ++group) {
            schema_.rules.insert(schema_.rules.end(), rules_[group].begin(), rules_[group].end());
            node.ends[group] = static_cast<RuleCount>(schema_.rules.size() - node.rules);
        }
        node.tracks = !rules_.back().empty();
    }

    NodeContext context_;
    Schema& schema_;
    const NodeIndex index_;
    std::array<std::vector<SchemaRule>, kRuleGroups> rules_;
};

// Files but the first one are named.
std::string shown_place(const Compilation& shared, const SchemaPlace& place) {
    if (place.source == 0) return place.pointer;
    return shared.references.source(place).name + '#' + place.pointer;
}

}  // namespace

SchemaNode compile_node(Compilation& shared, NodeIndex index) {
    const SchemaPlace place = shared.references.places()[index];
    SchemaNode node;
    node.resource = place.resource;
    const auto begin = static_cast<std::uint32_t>(shared.schema.text.size());
    shared.schema.text += shown_place(shared, place);
    node.place = {begin, static_cast<std::uint32_t>(shared.schema.text.size())};
    if (const auto anything = place.value.boolean()) {
        node.types = *anything ? kAllTypes : TypeSet{0};
        return node;
    }
    if (place.value.kind() != JsonKind::object) {
        const SchemaSource& source = shared.references.source(place);
        throw_schema_error(source.path, place.pointer,
                           "must be a schema (an object or a boolean), not " +
                               described({source.document, place.value}));
    }
    NodeCompiler(shared, place, index).compile(node);
    return node;
}

}  // namespace webhook
