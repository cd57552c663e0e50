#include "webhook/payload.h"

#include <simdjson.h>

#include "webhook/text.h"

namespace webhook {
namespace {

std::optional<std::string> as_text(const simdjson::dom::element& element) {
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) return std::string(text);
    std::int64_t number = 0;
    if (element.get(number) == simdjson::SUCCESS) return std::to_string(number);
    std::uint64_t large_number = 0;
    if (element.get(large_number) == simdjson::SUCCESS) return std::to_string(large_number);
    bool truth = false;
    if (element.get(truth) == simdjson::SUCCESS) return truth ? "true" : "false";
    return std::nullopt;
}

}  // namespace

struct JsonReader::State {
    simdjson::dom::parser parser;
    std::optional<simdjson::dom::element> root;
};

std::size_t json_padding() {
    return simdjson::SIMDJSON_PADDING;
}

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

bool JsonReader::parse(std::string_view padded_text) {
    simdjson::dom::element root;
    const bool valid = state_->parser
                           .parse(padded_text.data(), padded_text.size(),
                                  /*realloc_if_needed=*/false)
                           .get(root) == simdjson::SUCCESS;
    state_->root = valid ? std::optional(root) : std::nullopt;
    return valid;
}

std::optional<std::string> JsonReader::value_at(std::string_view pointer) const {
    if (!state_->root) return std::nullopt;
    simdjson::dom::element element;
    if (state_->root->at_pointer(pointer).get(element) != simdjson::SUCCESS) return std::nullopt;
    auto text = as_text(element);
    if (!text || text->size() > kLongestPayloadValue || has_control_character(*text)) {
        return std::nullopt;
    }
    return text;
}

}  // namespace webhook
