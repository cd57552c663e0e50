#include "base/form.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

std::optional<std::string> decoded(std::string_view text) {
    if (text.find('+') == std::string_view::npos) return percent_decoded(text);
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    return percent_decoded(spaced);
}

std::optional<Form::Field> parse_field(std::string_view text) {
    const std::size_t equals = text.find('=');
    auto name = decoded(text.substr(0, equals));
    if (!name) return std::nullopt;
    if (equals == std::string_view::npos) return Form::Field(std::move(*name), std::string());
    auto value = decoded(text.substr(equals + 1));
    if (!value) return std::nullopt;
    return Form::Field(std::move(*name), std::move(*value));
}

}  // namespace

bool is_form_type(std::string_view content_type) {
    if (!equals_ignoring_case(content_type.substr(0, kFormType.size()), kFormType)) return false;
    content_type.remove_prefix(kFormType.size());
    const std::size_t following = content_type.find_first_not_of(" \t");
    return following == std::string_view::npos || content_type[following] == ';';
}

std::optional<Form> Form::parse(std::string_view text) {
    Form form;
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(piece.size() + 1, text.size()));
        if (piece.empty()) continue;
        auto field = parse_field(piece);
        if (!field || form.fields_.size() == kMostFormFields) return std::nullopt;
        form.fields_.push_back(std::move(*field));
    }
    return form;
}

std::optional<std::string_view> Form::only(std::string_view name) const {
    std::optional<std::string_view> found;
    for (const auto& [field, value] : fields_) {
        if (field != name) continue;
        if (found) return std::nullopt;
        found = value;
    }
    return found;
}

std::string Form::sorted_text(std::string_view but) const {
    std::set<std::pair<std::string_view, std::string_view>> sorted(fields_.begin(), fields_.end());
    std::string text;
    for (const auto& [name, value] : sorted) {
        if (but.empty() || name != but) text.append(name).append(value);
    }
    return text;
}

}  // namespace webhook
