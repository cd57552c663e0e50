#include "jsonschema/node_context.h"

#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "jsonschema/shape.h"

namespace webhook {
namespace {

std::string_view name_of(Draft draft) {
    return draft == Draft::draft7 ? "draft 7" : "draft 2020-12";
}

}  // namespace

NodeContext::NodeContext(Compilation& shared, const SchemaPlace& place)
    : shared_(shared),
      place_(place),
      draft_(shared.references.draft(place)),
      document_(shared.references.source(place).document) {
    for (const JsonMember member : place_.value.members()) collect(member);
    if (draft_ == Draft::draft7 && has(Keyword::ref)) drop_all_beside_reference();
}

void NodeContext::collect(const JsonMember& member) {
    const KeywordRow* row = find_keyword(member.name);
    if (row == nullptr) {
        const std::string remark = remark_on(member.name, draft_);
        if (!remark.empty()) warn(place_.pointer, remark);
        return;
    }
    if (!row->is_in(draft_)) {
        warn(pointer(row->keyword),
             "has no effect: " + std::string(name_of(draft_)) + " has no such keyword");
        return;
    }
    const auto [at, message] = check_shape(*row, draft_, in_document(member.value));
    if (!message.empty()) fail(place_.pointer + at, message);
    found_[static_cast<std::size_t>(row->keyword)] = member.value;
}

void NodeContext::drop_all_beside_reference() {
    for (const KeywordRow& row : keyword_rows()) {
        if (row.keyword == Keyword::ref) continue;
        if (row.asserts && has(row.keyword)) {
            warn(pointer(row.keyword), "has no effect beside \"$ref\" in draft 7");
        }
        found_[static_cast<std::size_t>(row.keyword)].reset();
    }
}

NodeIndex NodeContext::child(Keyword keyword) const {
    return has(keyword) ? node_at(pointer(keyword)) : kNoNode;
}

NodeIndex NodeContext::node_at(const std::string& pointer) const {
    return shared_.references.place_at(place_, pointer);
}

Range NodeContext::children(Keyword keyword) const {
    std::vector<std::uint32_t> nodes;
    const std::size_t count = has(keyword) ? at(keyword)->array_size().value_or(0) : 0;
    for (std::size_t index = 0; index < count; ++index) {
        nodes.push_back(node_at(pointer_to(pointer(keyword), index)));
    }
    return add_list(nodes);
}

std::uint64_t NodeContext::count_at(Keyword keyword, std::uint64_t otherwise) const {
    if (!has(keyword)) return otherwise;
    const DocumentValue value = in_document(*at(keyword));
    const JsonNumber number(value);
    if (number.small()) return static_cast<std::uint64_t>(*number.small());
    // Nothing is as long as what a double cannot count.
    constexpr double kCountable = 9e15;
    const double nearest = number.nearest().value_or(2 * kCountable);
    return nearest < kCountable ? static_cast<std::uint64_t>(nearest) : kNoLimit;
}

Range NodeContext::add_text(std::string_view text) const {
    const auto begin = static_cast<std::uint32_t>(schema().text.size());
    schema().text += text;
    return {begin, static_cast<std::uint32_t>(schema().text.size())};
}

Range NodeContext::add_list(const std::vector<std::uint32_t>& items) const {
    auto& lists = schema().lists;
    const auto begin = static_cast<std::uint32_t>(lists.size());
    lists.insert(lists.end(), items.begin(), items.end());
    return {begin, static_cast<std::uint32_t>(lists.size())};
}

std::uint32_t NodeContext::add_pattern(const std::string& pointer, std::string_view text) const {
    try {
        schema().patterns.emplace_back(text);
    } catch (const ConfigError& error) {
        fail(pointer, error.what());
    }
    return static_cast<std::uint32_t>(schema().patterns.size() - 1);
}

void NodeContext::fail(const std::string& pointer, std::string_view message) const {
    throw_schema_error(shared_.references.source(place_).path, pointer, message);
}

void NodeContext::warn(const std::string& pointer, std::string_view message) const {
    shared_.warnings.push_back(
        schema_message(shared_.references.source(place_).path, pointer, message));
}

}  // namespace webhook
