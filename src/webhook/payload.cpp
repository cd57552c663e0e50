#include "webhook/payload.h"

#include <simdjson.h>

#include <new>
#include <span>

#include "webhook/json_mending.h"
#include "webhook/text.h"

namespace webhook {
namespace {

constexpr std::size_t kFirstCapacity = 4096;
constexpr std::size_t kDeepestNesting = 65536;

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
    // simdjson's own limit, of a thousand levels, is one that payloads may pass.
    State() {
        if (parser.allocate(kFirstCapacity, kDeepestNesting) != simdjson::SUCCESS) {
            throw std::bad_alloc();
        }
    }

    bool parse(std::string_view padded_text) {
        simdjson::dom::element element;
        const bool valid =
            parser.parse(padded_text.data(), padded_text.size(), /*realloc_if_needed=*/false)
                .get(element) == simdjson::SUCCESS;
        root = valid ? std::optional(element) : std::nullopt;
        return valid;
    }

    simdjson::dom::parser parser;
    std::optional<simdjson::dom::element> root;
    bool mended = false;
};

std::size_t json_padding() {
    return simdjson::SIMDJSON_PADDING;
}

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

bool JsonReader::parse(std::string_view padded_text) {
    state_->mended = false;
    if (state_->parse(padded_text)) return true;
    std::string mended(padded_text);
    mended.resize(padded_text.size() + json_padding());
    mend_json(std::span(mended).first(padded_text.size()));
    state_->mended = true;
    return state_->parse(std::string_view(mended).substr(0, padded_text.size()));
}

std::optional<std::string> JsonReader::value_at(std::string_view pointer) const {
    if (!state_->root) return std::nullopt;
    simdjson::dom::element element;
    if (state_->root->at_pointer(pointer).get(element) != simdjson::SUCCESS) return std::nullopt;
    auto text = as_text(element);
    if (!text || text->size() > kLongestPayloadValue || has_control_character(*text)) {
        return std::nullopt;
    }
    // What stands for half a surrogate pair tells one such text not from another.
    if (state_->mended && text->find("\xef\xbf\xbd") != std::string::npos) return std::nullopt;
    return text;
}

}  // namespace webhook
