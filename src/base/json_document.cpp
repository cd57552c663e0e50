#include "base/json_document.h"

#include <malloc.h>
#include <simdjson.h>

#include <new>
#include <span>
#include <utility>

#include "base/json_names.h"
#include "base/json_numbers.h"
#include "base/json_pointer.h"
#include "base/json_repair.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::size_t kFirstCapacity = 4096;

// JsonValue reads the tape as this library writes it.
constexpr bool is_token(JsonToken token, simdjson::internal::tape_type type) {
    return static_cast<char>(token) == static_cast<char>(type);
}
static_assert(is_token(JsonToken::array, simdjson::internal::tape_type::START_ARRAY));
static_assert(is_token(JsonToken::object, simdjson::internal::tape_type::START_OBJECT));
static_assert(is_token(JsonToken::string, simdjson::internal::tape_type::STRING));
static_assert(is_token(JsonToken::integer, simdjson::internal::tape_type::INT64));
static_assert(is_token(JsonToken::large_integer, simdjson::internal::tape_type::UINT64));
static_assert(is_token(JsonToken::fraction, simdjson::internal::tape_type::DOUBLE));
static_assert(is_token(JsonToken::true_value, simdjson::internal::tape_type::TRUE_VALUE));
static_assert(is_token(JsonToken::false_value, simdjson::internal::tape_type::FALSE_VALUE));
static_assert(is_token(JsonToken::null, simdjson::internal::tape_type::NULL_VALUE));

// A replaced half of a surrogate pair does not distinguish such texts.
bool has_replacement_character(std::string_view text) {
    return text.find("\xef\xbf\xbd") != std::string_view::npos;
}

std::optional<std::string> as_text(const JsonValue& value) {
    switch (value.kind()) {
        case JsonKind::string:
            return std::string(*value.string());
        case JsonKind::integer:
        case JsonKind::large_integer:
            return value.decimal();
        case JsonKind::boolean:
            return *value.boolean() ? "true" : "false";
        default:
            return std::nullopt;
    }
}

}  // namespace

struct JsonDocument::State {
    explicit State(JsonLimits limits) : limits(limits) {}

    bool parse(std::string_view padded_text) {
        forget_answers();
        // simdjson's default limit of a thousand levels is one that payloads may exceed.
        simdjson::error_code error = simdjson::SUCCESS;
        if (parser.capacity() == 0) error = parser.allocate(kFirstCapacity, limits.deepest_nesting);
        if (error == simdjson::SUCCESS) {
            error = parser.parse(padded_text.data(), padded_text.size(), false).error();
        }
        if (error == simdjson::MEMALLOC) {
            parser = simdjson::dom::parser();
            throw std::bad_alloc();
        }
        if (error == simdjson::SUCCESS) root = root_of(parser.doc);
        walker.start(root);
        return root.has_value();
    }

    JsonValue root_of(const simdjson::dom::document& parsed) {
        tape = {parsed.tape.get(), reinterpret_cast<const char*>(parsed.string_buf.get())};
        // Before it stands the document's own word.
        return JsonValue({&tape, 1});
    }

    // What is known of the text.
    void forget_answers() {
        root.reset();
        number_places.reset();
        name_check.forget();
        walker.start(std::nullopt);
    }

    void forget() {
        forget_answers();
        copy = std::string();
        if (parser.capacity() <= kKeptJsonCapacity) return;
        parser = simdjson::dom::parser();
#ifdef __GLIBC__
        // Otherwise the allocator keeps as much again for the next one.
        malloc_trim(0);
#endif
    }

    std::optional<std::string> text_at(std::string_view pointer, JsonMatch match) {
        const JsonPlace place = walker.find(pointer, match);
        auto text = place.value ? as_text(*place.value) : std::nullopt;
        if (text && repaired && has_replacement_character(*text)) return std::nullopt;
        return text;
    }

    std::string_view number_text(const JsonValue& number) {
        if (!number_places) number_places.emplace(*root, text);
        return number_places->text_of(number);
    }

    JsonLimits limits;
    simdjson::dom::parser parser;
    JsonTape tape;
    std::string_view text;
    std::string copy;
    std::optional<NumberPlaces> number_places;
    JsonNameCheck name_check;
    std::optional<JsonValue> root;
    JsonWalker walker;
    bool repaired = false;
};

std::size_t json_padding() {
    return simdjson::SIMDJSON_PADDING;
}

JsonDocument::JsonDocument(JsonLimits limits) : state_(std::make_unique<State>(limits)) {}
JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;

void JsonDocument::forget() {
    state_->forget();
}

std::size_t JsonDocument::capacity() const {
    return state_->parser.capacity();
}

bool JsonDocument::parse_copy(std::string_view text) {
    std::string padded(text);
    padded.resize(text.size() + json_padding());
    state_->copy = std::move(padded);
    return parse(std::string_view(state_->copy).substr(0, text.size()));
}

bool JsonDocument::parse(std::string_view padded_text) {
    state_->repaired = false;
    state_->text = padded_text;
    if (state_->parse(padded_text)) return true;
    if (!state_->limits.repairs) return false;
    std::string repaired(padded_text);
    repaired.resize(padded_text.size() + json_padding());
    repair_json(std::span(repaired).first(padded_text.size()));
    state_->repaired = true;
    return state_->parse(std::string_view(repaired).substr(0, padded_text.size()));
}

std::optional<JsonValue> JsonDocument::root() const {
    return state_->root;
}

bool JsonDocument::repeats_a_name() const {
    return state_->root && state_->name_check.repeats_anywhere(*state_->root);
}

bool JsonDocument::repeats_a_name_above(std::string_view pointer) const {
    return state_->root && state_->name_check.repeats_above(*state_->root, pointer);
}

bool JsonDocument::root_repeats_a_name() const {
    return state_->root && state_->name_check.repeats(*state_->root);
}

std::string_view JsonDocument::number_text(const JsonValue& number) const {
    return state_->number_text(number);
}

bool JsonDocument::is_replaced_number(const JsonValue& value) const {
    return state_->repaired && value.kind() == JsonKind::null && !number_text(value).empty();
}

std::optional<std::string> JsonDocument::value_at(std::string_view pointer) const {
    return state_->text_at(pointer, JsonMatch::only);
}

std::optional<double> JsonDocument::fraction_at(std::string_view pointer) const {
    const JsonPlace place = state_->walker.find(pointer, JsonMatch::only);
    if (!place.value || place.value->kind() != JsonKind::fraction) return std::nullopt;
    return place.value->number();
}

std::optional<std::size_t> JsonDocument::array_size_at(std::string_view pointer) const {
    const JsonPlace place = state_->walker.find(pointer, JsonMatch::only);
    return place.value ? place.value->array_size() : std::nullopt;
}

bool JsonDocument::lacks(std::string_view pointer) const {
    const JsonPlace place = state_->walker.find(pointer, JsonMatch::only);
    if (place.is_absent()) return true;
    // In a repaired text, the null may have been a number.
    return place.value && place.value->kind() == JsonKind::null && !state_->repaired;
}

std::optional<std::string> JsonDocument::first_value_at(std::string_view pointer) const {
    auto text = state_->text_at(pointer, JsonMatch::first);
    if (!text || text->size() > kLongestPayloadValue || has_control_character(*text)) {
        return std::nullopt;
    }
    return text;
}

bool JsonDocument::has(std::string_view pointer) const {
    return state_->walker.find(pointer, JsonMatch::first).value.has_value();
}

}  // namespace webhook
