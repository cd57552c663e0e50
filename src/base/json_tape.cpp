#include "base/json_tape.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "base/words.h"

namespace webhook {
namespace {

// Each token has a word, with its type in the upper byte. The value of a number has another one.
using Word = std::uint64_t;

char type_of(Word word) {
    return static_cast<char>(word >> 56);
}

bool is_number(char type) {
    return type == 'l' || type == 'u' || type == 'd';
}

// All words, from that of the document to the end.
std::span<const Word> words_of(JsonPosition root) {
    const Word* const words = root.tape->words;
    return {words, words[0] & 0xffffffff};
}

// A name, and a number that is the same for equal names. Different names that have the same number
// cost time, no more.
struct Name {
    std::uint64_t mark;
    std::string_view text;

    explicit Name(std::string_view text = {}) : mark(mark_of(text)), text(text) {}

    bool operator==(const Name&) const = default;

    static bool is_before(const Name& left, const Name& right) {
        return left.mark != right.mark ? left.mark < right.mark : left.text < right.text;
    }

    // From both ends and the length.
    static std::uint64_t mark_of(std::string_view text) {
        constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
        const bool is_short = text.size() < kWordSize;
        const std::uint64_t start = is_short ? short_word(text) : first_word(text);
        const std::uint64_t end = is_short ? 0 : last_word(text);
        return (start * kFactor ^ end ^ text.size()) * kFactor;
    }
};

// Looks for two equal names in one object after another.
class NameCheck {
  public:
    bool repeats(const JsonMembers& members) {
        std::size_t size = 0;
        // One bit for each name, of 64: most names are new by that alone.
        std::uint64_t seen = 0;
        several_.clear();
        for (const auto& [text, value] : members) {
            const Name name(text);
            if (size < few_.size()) {
                const std::uint64_t bit = std::uint64_t{1} << (name.mark >> 58);
                const auto end = few_.begin() + static_cast<std::ptrdiff_t>(size);
                if ((seen & bit) != 0 && std::find(few_.begin(), end, name) != end) return true;
                seen |= bit;
                few_[size++] = name;
            } else {
                several_.push_back(name);
            }
        }
        if (several_.empty()) return false;
        several_.insert(several_.end(), few_.begin(), few_.end());
        std::sort(several_.begin(), several_.end(), Name::is_before);
        return std::ranges::adjacent_find(several_) != several_.end();
    }

  private:
    // Most objects have so few members that comparing each to each is the quickest.
    std::array<Name, 16> few_;
    std::vector<Name> several_;
};

// Passes the tokens of valid JSON.
class Tokens {
  public:
    explicit Tokens(std::string_view text) : text_(text) {}

    // The place of the next token, which this passes.
    std::size_t next() {
        at_ = text_.find_first_not_of(" \t\r\n,:", at_);
        const std::size_t place = at_;
        switch (text_[at_]) {
            case '{':
            case '}':
            case '[':
            case ']':
                ++at_;
                break;
            case '"':
                pass_string();
                break;
            default:
                at_ = std::min(text_.find_first_of(" \t\r\n,:]}", at_), text_.size());
        }
        return place;
    }

  private:
    void pass_string() {
        ++at_;
        while (true) {
            at_ = text_.find_first_of("\"\\", at_);
            if (text_[at_] == '"') break;
            at_ += 2;
        }
        ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

bool repeats_a_name(const JsonValue& root) {
    const std::span<const Word> words = words_of(root.position());
    NameCheck check;
    for (std::size_t at = 1; at < words.size(); ++at) {
        const char type = type_of(words[at]);
        if (is_number(type)) ++at;
        if (type != '{') continue;
        if (check.repeats(JsonValue({root.position().tape, at}).members())) return true;
    }
    return false;
}

NumberPlaces::NumberPlaces(const JsonValue& root, std::string_view text) : text_(text) {
    const std::span<const Word> words = words_of(root.position());
    places_.resize(words.size());
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    const std::size_t skipped = text_.size() - text.size();
    Tokens tokens(text);
    // The last word is the document's end.
    for (std::size_t at = 1; at + 1 < words.size(); ++at) {
        const std::size_t place = tokens.next();
        if (text[place] == '-' || is_digit(text[place])) {
            places_[at] = static_cast<std::uint32_t>(place + skipped + 1);
        }
        if (is_number(type_of(words[at]))) ++at;
    }
}

std::string_view NumberPlaces::text_of(const JsonValue& value) const {
    const std::uint32_t place = places_[value.position().index];
    if (place == 0) return {};
    const std::string_view from_number = text_.substr(place - 1);
    return from_number.substr(0, from_number.find_first_not_of("+-.eE0123456789"));
}

}  // namespace webhook
