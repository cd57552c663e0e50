#include "jsonschema/validator.h"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <utility>
#include <vector>

#include "jsonschema/equality.h"
#include "jsonschema/instance.h"

namespace webhook {
namespace {

constexpr std::size_t kWordBits = 64;
// What forget() leaves, in elements of each vector.
constexpr std::size_t kKeptElements = 1024;

// What a part of a value that is passed over takes in comparison to a byte that is only counted.
constexpr std::size_t kPartWork = 8;
constexpr std::size_t kDependencyWork = 4;
// The whole of a keyword, and not one of its elements.
constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
// Of sorting elements, in steps for each.
constexpr std::uint64_t kSortingSteps = 3;

constexpr TypeSet kTypesOfKind[] = {kNullType,   kBooleanType, kIntegerType, kFractionType,
                                    kStringType, kArrayType,   kObjectType};

constexpr RuleGroup kGroupOfKind[] = {RuleGroup::any,    RuleGroup::any,    RuleGroup::number,
                                      RuleGroup::number, RuleGroup::string, RuleGroup::array,
                                      RuleGroup::object};

struct HashedElement {
    std::uint64_t hash;
    JsonValue value;
};

template <typename Element>
void shrink(std::vector<Element>& vector) {
    vector.clear();
    if (vector.capacity() > kKeptElements) vector.shrink_to_fit();
}

std::size_t kind_index(const Instance& instance) {
    return static_cast<std::size_t>(instance.kind);
}

// The keywords that limit numbers.
std::string_view name_of(Rule rule) {
    switch (rule) {
        case Rule::minimum:
            return "minimum";
        case Rule::maximum:
            return "maximum";
        case Rule::exclusive_minimum:
            return "exclusiveMinimum";
        case Rule::exclusive_maximum:
            return "exclusiveMaximum";
        default:
            return "multipleOf";
    }
}

// In UTF-8, all bytes of a character but the first are 10xxxxxx.
std::size_t count_characters(std::string_view text) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    std::size_t count = text.size();
    for (std::uint64_t word; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
        std::memcpy(&word, text.data(), sizeof word);
        // The product has the sum of its bytes, 0 or 1 each, in the upper one.
        count -= (word >> 7 & ~word >> 6 & kOnes) * kOnes >> 56;
    }
    for (const char byte : text) count -= (static_cast<unsigned char>(byte) & 0xc0) == 0x80 ? 1 : 0;
    return count;
}

}  // namespace

// Bits and the like, of the evaluations that are under way, as stacks.
struct ValidationMemory {
    std::vector<std::uint64_t> marks;
    std::vector<std::uint32_t> scope;
    std::vector<HashedElement> elements;
    std::uint64_t seed = 0;
};

namespace {

// Bits on top of the stack of marks, as long as this object lives.
class Marks {
  public:
    Marks(std::vector<std::uint64_t>& stack, std::size_t bits)
        : stack_(stack), begin_(stack.size()) {
        stack_.resize(begin_ + (bits + kWordBits - 1) / kWordBits);
    }
    ~Marks() { stack_.resize(begin_); }
    Marks(const Marks&) = delete;
    Marks& operator=(const Marks&) = delete;

    void set(std::size_t bit) const {
        stack_[begin_ + bit / kWordBits] |= std::uint64_t{1} << bit % kWordBits;
    }
    bool has(std::size_t bit) const {
        return (stack_[begin_ + bit / kWordBits] >> bit % kWordBits & 1) != 0;
    }
    // Those of an evaluation above this one, for the same value.
    void add(const Marks& other, std::size_t bits) const {
        for (std::size_t word = 0; word < (bits + kWordBits - 1) / kWordBits; ++word) {
            stack_[begin_ + word] |= stack_[other.begin_ + word];
        }
    }

  private:
    std::vector<std::uint64_t>& stack_;
    std::size_t begin_;
};

// One validation. A function returns whether the value satisfies what it is about; it is false
// after a bound was hit, when nothing else is looked at.
class Validation {
  public:
    Validation(const Schema& schema, const JsonDocument& document, ValidationMemory& memory,
               Steps& steps)
        : schema_(schema), document_(document), memory_(memory), steps_(steps) {}

    std::optional<Violation> run() {
        const JsonValue root = *document_.root();
        const Instance instance{root, value_kind_of({document_, root})};
        memory_.scope.clear();
        const bool passed = evaluate(schema_.root, instance, nullptr);
        if (steps_.exhausted()) stop("steps", schema_.nodes[schema_.root], instance);
        if (passed && !stopped_) return std::nullopt;
        return std::move(violation_);
    }

  private:
    struct Evaluation {
        const Instance& instance;
        // Which elements or members a keyword has looked at. Null: no keyword asks for it.
        const Marks* marks;
        // The node of the rule that is followed.
        NodeIndex owner = kNoNode;
    };

    // `outer` are the marks of a subschema that applies this one to the same value.
    bool evaluate(NodeIndex index, const Instance& instance, const Marks* outer) {
        const SchemaNode& node = schema_.nodes[index];
        if (!steps_.take(1)) return stop("steps", node, instance);
        if (!has_type(node.types, instance)) {
            if (steps_.exhausted()) return stop("steps", node, instance);
            return refuse(node, instance, node.types == 0 ? "" : "type");
        }
        if (node.ends.back() == 0) return true;
        if (depth_ == kDeepestValidation) return stop("depth", node, instance);
        ++depth_;
        const bool passed = in_scope(node, instance, outer);
        --depth_;
        return passed;
    }

    bool has_type(TypeSet types, const Instance& instance) {
        if ((types & kTypesOfKind[kind_index(instance)]) != 0) return true;
        // 1.0 is an integer, too.
        return instance.kind == ValueKind::number && (types & kIntegerType) != 0 &&
               is_integral(instance);
    }

    // Numbers that are no integers of 64 bits take more room on the stack than all the rest, so
    // that they are looked at out of line.
    [[gnu::noinline]] bool is_integral(const Instance& instance) {
        const DocumentValue value = source(instance);
        const JsonNumber number(value);
        const bool holds = number.is_integral();
        return take_for(number, steps_) && holds;
    }

    bool in_scope(const SchemaNode& node, const Instance& instance, const Marks* outer) {
        auto& scope = memory_.scope;
        if (schema_.dynamic_anchors.empty() || (!scope.empty() && scope.back() == node.resource)) {
            return tracked(node, instance, outer);
        }
        scope.push_back(node.resource);
        const bool passed = tracked(node, instance, outer);
        scope.pop_back();
        return passed;
    }

    bool tracked(const SchemaNode& node, const Instance& instance, const Marks* outer) {
        if (!node.tracks && outer == nullptr) {
            return follow_rules(node, {instance, nullptr});
        }
        return tracked_for_sure(node, instance, outer);
    }

    bool tracked_for_sure(const SchemaNode& node, const Instance& instance, const Marks* outer) {
        const std::size_t count = instance.value.part_count();
        if (!steps_.take_for(kPartWork * count)) return stop("steps", node, instance);
        const Marks marks(memory_.marks, count);
        if (!follow_rules(node, {instance, &marks})) return false;
        if (outer != nullptr) outer->add(marks, count);
        return true;
    }

    // Those for the value's kind, then those for any kind, behind which the group `last` is.
    bool follow_rules(const SchemaNode& node, Evaluation evaluation) {
        const auto& ends = node.ends;
        const SchemaRule* const rules = schema_.rules.data() + node.rules;
        const RuleGroup kind = kGroupOfKind[kind_index(evaluation.instance)];
        const auto group = static_cast<std::size_t>(kind);
        const std::size_t any = ends[static_cast<std::size_t>(RuleGroup::any) - 1];
        const std::size_t end_of_kind = std::min<std::size_t>(ends[group], any);
        for (std::size_t at = group == 0 ? 0 : ends[group - 1];; ++at) {
            if (at == end_of_kind) at = any;
            if (at == ends.back()) return true;
            const SchemaRule& rule = rules[at];
            evaluation.owner = rule.owner;
            if (rule.enters != 0 && !steps_.take(rule.enters)) return stop("steps", evaluation);
            const RuleGroup wanted = group_of(rule.kind);
            if (wanted != RuleGroup::any && wanted != kind) continue;
            if (!follow(evaluation, rule) || stopped_) return false;
        }
    }

    bool follow(const Evaluation& evaluation, const SchemaRule& rule) {
        switch (rule.kind) {
            case Rule::minimum:
            case Rule::maximum:
            case Rule::exclusive_minimum:
            case Rule::exclusive_maximum:
            case Rule::multiple_of:
                return follow_number(evaluation, rule);
            case Rule::min_length:
            case Rule::max_length:
            case Rule::pattern:
            case Rule::format:
                return follow_string(evaluation, rule);
            case Rule::array:
                return follow_array(evaluation, schema_.arrays[rule.second]);
            case Rule::object:
                return follow_object(evaluation, schema_.objects[rule.second]);
            case Rule::enumeration:
                return follow_enumeration(evaluation, schema_.enumerations[rule.second]);
            case Rule::constant:
                return follow_constant(evaluation, rule);
            case Rule::type:
                return follow_type(evaluation, static_cast<TypeSet>(rule.third));
            case Rule::unevaluated_items:
                return follow_unevaluated_items(evaluation, rule.second);
            case Rule::unevaluated_properties:
                return follow_unevaluated_properties(evaluation, rule.second);
            default:
                return follow_subschemas(evaluation, rule);
        }
    }

    bool follow_type(const Evaluation& evaluation, TypeSet types) {
        if (has_type(types, evaluation.instance)) return true;
        if (steps_.exhausted()) return stop("steps", evaluation);
        return refuse(evaluation, "type");
    }

    bool follow_number(const Evaluation& evaluation, const SchemaRule& rule) {
        if (!steps_.take(1)) return stop("steps", evaluation);
        const NumberLimit& limit = schema_.limits[rule.second];
        const auto small = evaluation.instance.value.integer();
        const bool holds = small && limit.small && rule.kind != Rule::multiple_of
                               ? is_within(*small <=> *limit.small, rule.kind)
                               : is_any_number_within(evaluation.instance, limit, rule.kind);
        if (steps_.exhausted()) return stop("steps", evaluation);
        return holds || refuse(evaluation, name_of(rule.kind));
    }

    [[gnu::noinline]] bool is_any_number_within(const Instance& instance, const NumberLimit& limit,
                                                Rule rule) {
        const DocumentValue value = source(instance);
        const JsonNumber number(value);
        const bool holds = rule == Rule::multiple_of ? is_multiple_of(number, limit)
                                                     : is_within(compare(number, limit), rule);
        return take_for(number, steps_) && holds;
    }

    static bool is_within(std::strong_ordering to_limit, Rule rule) {
        switch (rule) {
            case Rule::minimum:
                return std::is_gteq(to_limit);
            case Rule::maximum:
                return std::is_lteq(to_limit);
            case Rule::exclusive_minimum:
                return std::is_gt(to_limit);
            default:
                return std::is_lt(to_limit);
        }
    }

    bool follow_string(const Evaluation& evaluation, const SchemaRule& rule) {
        const std::string_view text = *evaluation.instance.value.string();
        if (rule.kind == Rule::pattern) {
            const auto found = search(schema_.patterns[rule.second], text, evaluation);
            return found == Found::yes || (found == Found::no && refuse(evaluation, "pattern"));
        }
        const std::size_t work =
            rule.kind == Rule::format ? work_of(schema_.formats[rule.second], text) : text.size();
        if (!steps_.take_for(work)) return stop("steps", evaluation);
        switch (rule.kind) {
            case Rule::min_length:
                // A character has four bytes at most.
                return text.size() / 4 >= rule.first ||
                       (text.size() >= rule.first && count_characters(text) >= rule.first) ||
                       refuse(evaluation, "minLength");
            case Rule::max_length:
                return text.size() <= rule.first || count_characters(text) <= rule.first ||
                       refuse(evaluation, "maxLength");
            default:
                return matches(schema_.formats[rule.second], text) || refuse(evaluation, "format");
        }
    }

    Found search(const Pattern& pattern, std::string_view text, const Evaluation& evaluation) {
        const Found found = pattern.search(text, steps_);
        if (found == Found::exhausted) stop("steps", evaluation);
        return found;
    }

    bool follow_array(const Evaluation& evaluation, const ArrayRule& rule) {
        std::uint64_t found = 0;
        if (rule.looks_at_elements() && !follow_elements(evaluation, rule, found)) return false;
        const std::uint64_t count = evaluation.instance.value.part_count();
        if (count < rule.min_items) return refuse(evaluation, "minItems");
        if (count > rule.max_items) return refuse(evaluation, "maxItems");
        if (rule.contains != kNoNode) {
            if (found < rule.min_contains) {
                return refuse(evaluation, rule.min_contains == 1 ? "contains" : "minContains");
            }
            if (found > rule.max_contains) return refuse(evaluation, "maxContains");
        }
        return !rule.unique || count < 2 || is_unique(evaluation, count);
    }

    // Counts those that `contains` found.
    bool follow_elements(const Evaluation& evaluation, const ArrayRule& rule,
                         std::uint64_t& found) {
        std::size_t index = 0;
        for (const JsonValue value : evaluation.instance.value.elements()) {
            const Instance element = part(evaluation.instance, value, {}, index++);
            if (!follow_element(evaluation, rule, element)) return false;
            if (rule.contains != kNoNode && contains(evaluation, rule, element)) ++found;
            if (stopped_) return false;
        }
        return true;
    }

    bool follow_element(const Evaluation& evaluation, const ArrayRule& rule,
                        const Instance& element) {
        if (!steps_.take(1)) return stop("steps", evaluation);
        NodeIndex node = rule.rest;
        if (element.index < rule.prefix.size())
            node = schema_.lists[rule.prefix.begin + element.index];
        if (node == kNoNode) return true;
        if (evaluation.marks != nullptr) evaluation.marks->set(element.index);
        return evaluate(node, element, nullptr);
    }

    bool contains(const Evaluation& evaluation, const ArrayRule& rule, const Instance& element) {
        ++quiet_;
        const bool found = evaluate(rule.contains, element, nullptr);
        --quiet_;
        if (found && rule.contains_evaluates && evaluation.marks != nullptr) {
            evaluation.marks->set(element.index);
        }
        return found;
    }

    // Equal elements have equal hashes, and are neighbours once they are sorted by them.
    bool is_unique(const Evaluation& evaluation, std::uint64_t count) {
        auto& elements = memory_.elements;
        elements.clear();
        for (const JsonValue value : evaluation.instance.value.elements()) {
            elements.push_back({hash_of({document_, value}, memory_.seed, steps_), value});
            if (steps_.exhausted()) return stop("steps", evaluation);
        }
        const std::uint64_t work = kSortingSteps * count;
        if (!steps_.take(static_cast<std::uint32_t>(std::min<std::uint64_t>(work, UINT32_MAX)))) {
            return stop("steps", evaluation);
        }
        std::sort(elements.begin(), elements.end(),
                  [](const auto& left, const auto& right) { return left.hash < right.hash; });
        for (auto left = elements.begin(); left != elements.end(); ++left) {
            for (auto right = left + 1; right != elements.end() && right->hash == left->hash;
                 ++right) {
                const bool same =
                    equal({document_, left->value}, {document_, right->value}, steps_);
                if (steps_.exhausted()) return stop("steps", evaluation);
                if (same) return refuse(evaluation, "uniqueItems");
            }
        }
        return true;
    }

    bool follow_object(const Evaluation& evaluation, const ObjectRule& rule) {
        // Without a rule for members, none is required, and nothing depends on one.
        if (!rule.looks_at_members()) return has_member_count(evaluation, rule);
        if (!steps_.take_for(rule.marks / 8 + kDependencyWork * rule.dependencies.size())) {
            return stop("steps", evaluation);
        }
        const Marks present(memory_.marks, rule.marks);
        return follow_members(evaluation, rule, present) && has_member_count(evaluation, rule) &&
               has_required(evaluation, rule, present) &&
               follow_dependencies(evaluation, rule, present);
    }

    bool has_member_count(const Evaluation& evaluation, const ObjectRule& rule) {
        const std::uint64_t count = evaluation.instance.value.part_count();
        if (count < rule.min_properties) return refuse(evaluation, "minProperties");
        return count <= rule.max_properties || refuse(evaluation, "maxProperties");
    }

    bool follow_members(const Evaluation& evaluation, const ObjectRule& rule,
                        const Marks& present) {
        std::size_t index = 0;
        const JsonMembers members = evaluation.instance.value.members();
        for (auto at = members.begin(); at != JsonMembers::end(); ++at) {
            const JsonMember member = *at;
            const Instance value = part(evaluation.instance, member.value, member.name, index++);
            if (!steps_.take_for(member.name.size())) return stop("steps", evaluation);
            if (!follow_name(rule, at.name(), value) ||
                !follow_member(evaluation, rule, value, present)) {
                return false;
            }
        }
        return true;
    }

    bool follow_name(const ObjectRule& rule, JsonValue name, const Instance& value) {
        if (rule.names == kNoNode) return true;
        Instance instance = value;
        instance.value = name;
        instance.kind = ValueKind::string;
        return evaluate(rule.names, instance, nullptr);
    }

    bool follow_member(const Evaluation& evaluation, const ObjectRule& rule, const Instance& value,
                       const Marks& present) {
        bool is_known = false;
        if (const SchemaName* name = find_name(schema_, rule.slots, value.name)) {
            if (name->mark != kNoMark) present.set(name->mark);
            is_known = name->schema != kNoNode;
            if (is_known && !evaluate(name->schema, value, nullptr)) return false;
        }
        for (std::uint32_t at = rule.patterns.begin; at < rule.patterns.end; ++at) {
            const PatternRule& each = schema_.pattern_rules[at];
            const Found found = search(schema_.patterns[each.pattern], value.name, evaluation);
            if (found == Found::exhausted) return false;
            if (found == Found::no) continue;
            is_known = true;
            if (!evaluate(each.schema, value, nullptr)) return false;
        }
        if (!is_known && rule.additional != kNoNode) {
            is_known = true;
            if (!evaluate(rule.additional, value, nullptr)) return false;
        }
        if (is_known && evaluation.marks != nullptr) evaluation.marks->set(value.index);
        return true;
    }

    bool has_required(const Evaluation& evaluation, const ObjectRule& rule, const Marks& present) {
        for (std::uint32_t at = 0; at < rule.required.size(); ++at) {
            if (present.has(schema_.lists[rule.required.begin + at])) continue;
            return refuse(evaluation, "required", at);
        }
        return true;
    }

    bool follow_dependencies(const Evaluation& evaluation, const ObjectRule& rule,
                             const Marks& present) {
        for (std::uint32_t at = rule.dependencies.begin; at < rule.dependencies.end; ++at) {
            const Dependency& dependency = schema_.dependencies[at];
            if (!present.has(dependency.trigger)) continue;
            if (!steps_.take_for(kDependencyWork * dependency.needed.size())) {
                return stop("steps", evaluation);
            }
            for (std::uint32_t mark = dependency.needed.begin; mark < dependency.needed.end;
                 ++mark) {
                if (present.has(schema_.lists[mark])) continue;
                return refuse(evaluation, dependency.is_old ? "dependencies" : "dependentRequired");
            }
            if (dependency.schema == kNoNode) continue;
            if (!evaluate(dependency.schema, evaluation.instance, evaluation.marks)) return false;
        }
        return true;
    }

    bool follow_enumeration(const Evaluation& evaluation, const Enumeration& rule) {
        const Instance& instance = evaluation.instance;
        if ((rule.types & kTypesOfKind[kind_index(instance)]) == 0) {
            return refuse(evaluation, "enum");
        }
        const std::uint64_t hash = hash_of(source(instance), kChoiceSeed, steps_);
        const auto end = schema_.choices.begin() + rule.choices.end;
        auto choice = std::lower_bound(
            schema_.choices.begin() + rule.choices.begin, end, hash,
            [](const Choice& each, std::uint64_t wanted) { return each.hash < wanted; });
        bool found = false;
        for (; !found && choice != end && choice->hash == hash; ++choice) {
            found = equals_constant(instance, choice->constant);
        }
        if (steps_.exhausted()) return stop("steps", evaluation);
        return found || refuse(evaluation, "enum");
    }

    bool follow_constant(const Evaluation& evaluation, const SchemaRule& rule) {
        const Instance& instance = evaluation.instance;
        const bool has_type = (rule.third & kTypesOfKind[kind_index(instance)]) != 0;
        const bool found = has_type && equals_constant(instance, rule.second);
        if (steps_.exhausted()) return stop("steps", evaluation);
        return found || refuse(evaluation, "const");
    }

    bool equals_constant(const Instance& instance, std::uint32_t constant) {
        return equal(source(instance), {*schema_.constants_document, schema_.constants[constant]},
                     steps_);
    }

    bool follow_subschemas(const Evaluation& evaluation, const SchemaRule& rule) {
        switch (rule.kind) {
            case Rule::all_of:
                return follow_all(evaluation, {rule.second, rule.third});
            case Rule::any_of:
                return follow_any(evaluation, {rule.second, rule.third});
            case Rule::one_of:
                return follow_one(evaluation, {rule.second, rule.third});
            case Rule::negation:
                return !quietly(rule.second, evaluation.instance, nullptr)
                           ? !stopped_
                           : refuse(evaluation, "not");
            case Rule::condition:
                return follow_condition(evaluation, rule.second);
            case Rule::dynamic_reference:
                return evaluate(dynamic_target(rule), evaluation.instance, evaluation.marks);
            default:
                return evaluate(rule.second, evaluation.instance, evaluation.marks);
        }
    }

    // For subschemas that may refuse the value without consequence.
    bool quietly(NodeIndex node, const Instance& instance, const Marks* marks) {
        ++quiet_;
        const bool passed = evaluate(node, instance, marks);
        --quiet_;
        return passed;
    }

    bool follow_all(const Evaluation& evaluation, Range nodes) {
        for (std::uint32_t at = nodes.begin; at < nodes.end; ++at) {
            if (!evaluate(schema_.lists[at], evaluation.instance, evaluation.marks)) return false;
        }
        return true;
    }

    bool follow_any(const Evaluation& evaluation, Range nodes) {
        bool found = false;
        for (std::uint32_t at = nodes.begin; at < nodes.end; ++at) {
            if (quietly(schema_.lists[at], evaluation.instance, evaluation.marks)) found = true;
            if (stopped_) return false;
            // All of them count for what was looked at.
            if (found && evaluation.marks == nullptr) break;
        }
        return found || refuse(evaluation, "anyOf");
    }

    bool follow_one(const Evaluation& evaluation, Range nodes) {
        std::uint32_t found = 0;
        for (std::uint32_t at = nodes.begin; at < nodes.end && found < 2; ++at) {
            if (quietly(schema_.lists[at], evaluation.instance, evaluation.marks)) ++found;
            if (stopped_) return false;
        }
        return found == 1 || refuse(evaluation, "oneOf");
    }

    bool follow_condition(const Evaluation& evaluation, std::uint32_t list) {
        const bool holds = quietly(schema_.lists[list], evaluation.instance, evaluation.marks);
        if (stopped_) return false;
        const NodeIndex node = schema_.lists[list + (holds ? 1 : 2)];
        return node == kNoNode || evaluate(node, evaluation.instance, evaluation.marks);
    }

    // The anchor of that name in the outermost resource on the way that has one.
    NodeIndex dynamic_target(const SchemaRule& rule) {
        const auto& anchors = schema_.dynamic_anchors;
        for (const std::uint32_t resource : memory_.scope) {
            if (!steps_.take(1)) break;
            const auto found =
                std::lower_bound(anchors.begin(), anchors.end(), std::pair(rule.third, resource),
                                 [](const DynamicAnchor& each, const auto& wanted) {
                                     return std::pair(each.name, each.resource) < wanted;
                                 });
            if (found != anchors.end() && found->name == rule.third &&
                found->resource == resource) {
                return found->node;
            }
        }
        return rule.second;
    }

    bool follow_unevaluated_items(const Evaluation& evaluation, NodeIndex node) {
        if (evaluation.instance.kind != ValueKind::array) return true;
        std::size_t index = 0;
        for (const JsonValue value : evaluation.instance.value.elements()) {
            if (!steps_.take(1)) return stop("steps", evaluation);
            if (!follow_rest(evaluation, node, part(evaluation.instance, value, {}, index++))) {
                return false;
            }
        }
        return true;
    }

    bool follow_unevaluated_properties(const Evaluation& evaluation, NodeIndex node) {
        if (evaluation.instance.kind != ValueKind::object) return true;
        std::size_t index = 0;
        for (const JsonMember member : evaluation.instance.value.members()) {
            if (!steps_.take(1)) return stop("steps", evaluation);
            const Instance value = part(evaluation.instance, member.value, member.name, index++);
            if (!follow_rest(evaluation, node, value)) return false;
        }
        return true;
    }

    bool follow_rest(const Evaluation& evaluation, NodeIndex node, const Instance& value) {
        if (evaluation.marks->has(value.index)) return true;
        evaluation.marks->set(value.index);
        return evaluate(node, value, nullptr);
    }

    Instance part(const Instance& parent, JsonValue value, std::string_view name,
                  std::size_t index) const {
        return {value, value_kind_of({document_, value}), &parent, name, index};
    }

    DocumentValue source(const Instance& instance) const { return {document_, instance.value}; }

    bool refuse(const Evaluation& evaluation, std::string_view keyword,
                std::size_t index = kNoIndex) {
        return refuse(schema_.nodes[evaluation.owner], evaluation.instance, keyword, index);
    }

    // Always false. Out of line, as stop() is, since few values are refused.
    [[gnu::noinline]] bool refuse(const SchemaNode& node, const Instance& instance,
                                  std::string_view keyword, std::size_t index = kNoIndex) {
        if (quiet_ == 0 && !stopped_) note(node, instance, keyword, index);
        return false;
    }

    bool stop(std::string_view bound, const Evaluation& evaluation) {
        return stop(bound, schema_.nodes[evaluation.owner], evaluation.instance);
    }

    [[gnu::noinline]] bool stop(std::string_view bound, const SchemaNode& node,
                                const Instance& instance) {
        if (stopped_) return false;
        stopped_ = true;
        note(node, instance, "", kNoIndex);
        violation_->bound = bound;
        return false;
    }

    void note(const SchemaNode& node, const Instance& instance, std::string_view keyword,
              std::size_t index) {
        std::string place(schema_.text_of(node.place));
        if (!keyword.empty()) place += '/' + std::string(keyword);
        if (index != kNoIndex) place += '/' + std::to_string(index);
        violation_ = Violation{shown_pointer(pointer_of(instance)), shown_pointer(place), {}};
    }

    const Schema& schema_;
    const JsonDocument& document_;
    ValidationMemory& memory_;
    Steps& steps_;
    std::uint32_t depth_ = 0;
    // How many subschemas are under way whose refusal has no consequence.
    std::uint32_t quiet_ = 0;
    bool stopped_ = false;
    std::optional<Violation> violation_;
};

}  // namespace

SchemaValidator::SchemaValidator(std::uint64_t seed)
    : memory_(std::make_unique<ValidationMemory>()) {
    memory_->seed = seed;
}
SchemaValidator::~SchemaValidator() = default;
SchemaValidator::SchemaValidator(SchemaValidator&&) noexcept = default;
SchemaValidator& SchemaValidator::operator=(SchemaValidator&&) noexcept = default;

std::optional<Violation> SchemaValidator::validate(const Schema& schema,
                                                   const JsonDocument& document) {
    Steps steps(kMostValidationSteps);
    return validate(schema, document, steps);
}

std::optional<Violation> SchemaValidator::validate(const Schema& schema,
                                                   const JsonDocument& document, Steps& steps) {
    memory_->marks.clear();
    return Validation(schema, document, *memory_, steps).run();
}

void SchemaValidator::forget() {
    shrink(memory_->marks);
    shrink(memory_->scope);
    shrink(memory_->elements);
}

}  // namespace webhook
