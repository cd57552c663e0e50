#include "base/json.h"

#include <malloc.h>
#include <simdjson.h>

#include <new>
#include <span>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json_repair.h"
#include "base/text.h"

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

// What stands for half a surrogate pair tells one such text not from another.
bool has_replacement_character(std::string_view text) {
    return text.find("\xef\xbf\xbd") != std::string_view::npos;
}

// The first character as a reader that ignores case sees it, and its size. Two letters beyond ASCII
// count as ASCII ones then: U+017F as `s`, U+212A as `k`.
std::pair<char, std::size_t> first_folded(std::string_view text) {
    if (text.starts_with("\xc5\xbf")) return {'s', 2};
    if (text.starts_with("\xe2\x84\xaa")) return {'k', 3};
    return {to_lower(text.front()), 1};
}

bool equals_folded(std::string_view name, std::string_view wanted) {
    while (!name.empty() && !wanted.empty()) {
        const auto [character, size] = first_folded(name);
        const auto [wanted_character, wanted_size] = first_folded(wanted);
        if (character != wanted_character) return false;
        name.remove_prefix(size);
        wanted.remove_prefix(wanted_size);
    }
    return name.empty() && wanted.empty();
}

enum class Standing : std::uint8_t { absent, found, unclear };

// What every reader finds at a place.
struct Found {
    Standing standing = Standing::unclear;
    simdjson::dom::element element;
};

Found member_of(const simdjson::dom::object& object, std::string_view name) {
    Found found{Standing::absent, {}};
    for (const auto [key, value] : object) {
        if (!equals_folded(key, name)) continue;
        if (found.standing != Standing::absent || key != name) return {};
        found = {Standing::found, value};
    }
    return found;
}

Found element_of(const simdjson::dom::array& array, std::string_view index) {
    const auto number = parse_digits(index);
    const bool leading_zero = index.size() > 1 && index.starts_with('0');
    Found found{Standing::absent, {}};
    if (number && !leading_zero &&
        array.at(static_cast<std::size_t>(*number)).get(found.element) == simdjson::SUCCESS) {
        found.standing = Standing::found;
    }
    return found;
}

// A reference token (RFC 6901, section 4) without its escapes; nothing where one is wrong.
std::optional<std::string> unescaped(std::string_view token) {
    std::string name;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] != '~') {
            name += token[i];
            continue;
        }
        const std::string_view escaped = token.substr(++i, 1);
        if (escaped != "0" && escaped != "1") return std::nullopt;
        name += escaped == "0" ? '~' : '/';
    }
    return name;
}

Found step(const Found& from, std::string_view token) {
    if (from.standing != Standing::found) return from;
    const auto name = unescaped(token);
    simdjson::dom::object object;
    simdjson::dom::array array;
    if (name && from.element.get(object) == simdjson::SUCCESS) return member_of(object, *name);
    if (name && from.element.get(array) == simdjson::SUCCESS) return element_of(array, *name);
    return {Standing::absent, {}};
}

}  // namespace

struct JsonReader::State {
    bool parse(std::string_view padded_text) {
        root.reset();
        way.clear();
        // simdjson's own limit, of a thousand levels, is one that payloads may pass.
        simdjson::error_code error = simdjson::SUCCESS;
        if (parser.capacity() == 0) error = parser.allocate(kFirstCapacity, kDeepestNesting);
        simdjson::dom::element element;
        if (error == simdjson::SUCCESS) {
            error = parser.parse(padded_text.data(), padded_text.size(), false).get(element);
        }
        if (error == simdjson::MEMALLOC) {
            parser = simdjson::dom::parser();
            throw std::bad_alloc();
        }
        if (error == simdjson::SUCCESS) root = element;
        return root.has_value();
    }

    void forget() {
        root.reset();
        way.clear();
        if (parser.capacity() <= kKeptJsonCapacity) return;
        parser = simdjson::dom::parser();
#ifdef __GLIBC__
        // Else the allocator keeps as much again for the next one.
        malloc_trim(0);
#endif
    }

    Found find(std::string_view pointer) {
        Found here = root ? Found{Standing::found, *root} : Found{};
        if (!pointer.empty() && !pointer.starts_with('/')) return {Standing::absent, {}};
        for (std::size_t depth = 0; !pointer.empty(); ++depth) {
            pointer.remove_prefix(1);
            const std::string_view token = pointer.substr(0, pointer.find('/'));
            pointer.remove_prefix(token.size());
            if (depth >= way.size() || way[depth].first != token) {
                way.resize(depth);
                way.emplace_back(token, step(here, token));
            }
            here = way[depth].second;
        }
        return here;
    }

    simdjson::dom::parser parser;
    std::optional<simdjson::dom::element> root;
    bool mended = false;
    // The way walked last. The next one often starts alike, and an object of many members is not
    // to be searched for every value below it.
    std::vector<std::pair<std::string, Found>> way;
};

std::size_t json_padding() {
    return simdjson::SIMDJSON_PADDING;
}

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

void JsonReader::forget() {
    state_->forget();
}

std::size_t JsonReader::capacity() const {
    return state_->parser.capacity();
}

bool JsonReader::parse_copy(std::string_view text) {
    std::string padded(text);
    padded.resize(text.size() + json_padding());
    return parse(std::string_view(padded).substr(0, text.size()));
}

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
    if (state_->mended && has_replacement_character(*text)) return std::nullopt;
    return text;
}

std::optional<std::string> JsonReader::signed_value_at(std::string_view pointer) const {
    const Found found = state_->find(pointer);
    if (found.standing != Standing::found) return std::nullopt;
    auto text = as_text(found.element);
    if (text && state_->mended && has_replacement_character(*text)) return std::nullopt;
    return text;
}

std::optional<double> JsonReader::signed_fraction_at(std::string_view pointer) const {
    const Found found = state_->find(pointer);
    if (found.standing != Standing::found || !found.element.is_double()) return std::nullopt;
    double number = 0;
    if (found.element.get(number) != simdjson::SUCCESS) return std::nullopt;
    return number;
}

bool JsonReader::lacks(std::string_view pointer) const {
    const Found found = state_->find(pointer);
    if (found.standing == Standing::absent) return true;
    // Where the text was mended, it may have been a number.
    return found.standing == Standing::found && found.element.is_null() && !state_->mended;
}

std::optional<std::size_t> JsonReader::array_size_at(std::string_view pointer) const {
    const Found found = state_->find(pointer);
    simdjson::dom::array array;
    if (found.standing != Standing::found || found.element.get(array) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return array.size();
}

bool JsonReader::has(std::string_view pointer) const {
    return state_->root && state_->root->at_pointer(pointer).error() == simdjson::SUCCESS;
}

void check_json_pointer(std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') {
        throw ConfigError("invalid JSON pointer " + in_quotes(pointer) +
                          ": it must start with \"/\"");
    }
    for (std::size_t i = pointer.find('~'); i != std::string_view::npos;
         i = pointer.find('~', i + 1)) {
        if (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')) {
            throw ConfigError("invalid JSON pointer " + in_quotes(pointer) +
                              ": \"~\" stands only in ~0 and ~1");
        }
    }
}

}  // namespace webhook
