#include "jsonschema/pattern_syntax.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "base/utf8.h"
#include "jsonschema/unicode_properties.h"

namespace webhook {
namespace {

using Kind = PatternNode::Kind;
using Ranges = std::vector<CodePointRange>;

// `\d`, `\w`, `\s` without the flag `i`.
const Ranges& digits() {
    static const Ranges characters{{'0', '9'}};
    return characters;
}

const Ranges& word_characters() {
    static const Ranges characters{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    return characters;
}

// WhiteSpace and LineTerminator of ECMA-262.
const Ranges& spaces() {
    static const Ranges characters{
        {0x9, 0xd},       {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    return characters;
}

const Ranges& line_ends() {
    static const Ranges characters{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
    return characters;
}

// The characters that `\f` and the like stand for.
std::optional<CodePoint> control_escape(char letter) {
    constexpr std::array<std::pair<char, CodePoint>, 5> kEscapes{
        {{'f', 0xc}, {'n', 0xa}, {'r', 0xd}, {'t', 0x9}, {'v', 0xb}}};
    for (const auto& [name, value] : kEscapes) {
        if (name == letter) return value;
    }
    return std::nullopt;
}

bool is_sign(char character) {
    return character >= ' ' && character < 0x7f && !is_letter(character) && !is_digit(character);
}

std::optional<CodePoint> hex_value(std::string_view digits) {
    CodePoint value = 0;
    for (const char character : digits) {
        const char lowered = to_lower(character);
        const bool is_hex_letter = lowered >= 'a' && lowered <= 'f';
        if (!is_digit(character) && !is_hex_letter) return std::nullopt;
        value = value * 16 +
                static_cast<CodePoint>(is_hex_letter ? lowered - 'a' + 10 : character - '0');
        if (value > kLastCodePoint) return std::nullopt;
    }
    return digits.empty() ? std::nullopt : std::optional(value);
}

PatternNode node_of(Kind kind) {
    PatternNode node;
    node.kind = kind;
    return node;
}

PatternNode character_node(CodePoint value) {
    PatternNode node = node_of(Kind::character);
    node.written.ranges.push_back({value, value});
    return node;
}

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    PatternTree parse() {
        PatternTree tree;
        tree.root = parse_alternatives();
        if (!at_end()) fail(at_, "\")\" closes no group");
        const auto [highest, place] = highest_reference_;
        if (highest > group_count_) fail(place, "there is no group " + std::to_string(highest));
        resolve(tree.root, tree);
        tree.group_count = group_count_;
        return tree;
    }

  private:
    [[noreturn]] void fail(std::size_t place, const std::string& what) const {
        constexpr std::size_t kLongestRest = 40;
        const std::string_view rest = text_.substr(place);
        std::string message = "invalid pattern " + excerpt_in_quotes(text_);
        if (rest.empty()) {
            message += " at its end";
        } else if (place > 0) {
            message += " at " + excerpt_in_quotes(rest, kLongestRest);
        }
        throw ConfigError(message + ": " + what);
    }

    bool at_end() const { return at_ == text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    std::string_view rest() const { return text_.substr(at_); }

    bool take(std::string_view token) {
        if (!rest().starts_with(token)) return false;
        at_ += token.size();
        return true;
    }

    std::string_view take_while_digits() {
        const std::size_t start = at_;
        while (is_digit(peek())) ++at_;
        return text_.substr(start, at_ - start);
    }

    CodePoint take_code_point() {
        const auto [value, size] = code_point_at(text_, at_);
        at_ += size;
        return value;
    }

    // The text from a place to here, in quotes.
    std::string from(std::size_t place) const {
        return excerpt_in_quotes(text_.substr(place, at_ - place));
    }

    PatternNode parse_alternatives() {
        PatternNode first = parse_sequence();
        if (peek() != '|') return first;
        PatternNode node = node_of(Kind::alternatives);
        node.parts.push_back(std::move(first));
        while (take("|")) node.parts.push_back(parse_sequence());
        return node;
    }

    PatternNode parse_sequence() {
        PatternNode sequence;
        while (!at_end() && peek() != '|' && peek() != ')') sequence.parts.push_back(parse_term());
        return sequence;
    }

    PatternNode parse_term() {
        const std::size_t place = at_;
        const std::uint32_t first_group = group_count_ + 1;
        PatternNode atom = parse_atom();
        auto repetition = take_quantifier();
        if (!repetition) return atom;
        const bool consumes = atom.kind != Kind::start && atom.kind != Kind::end &&
                              atom.kind != Kind::boundary && atom.kind != Kind::look;
        if (!consumes) fail(place, "a position cannot be repeated: " + from(place));
        repetition->first_group = first_group;
        repetition->end_group = group_count_ + 1;
        repetition->parts.push_back(std::move(atom));
        return std::move(*repetition);
    }

    PatternNode parse_atom() {
        const std::size_t place = at_;
        switch (peek()) {
            case '^':
                ++at_;
                return node_of(Kind::start);
            case '$':
                ++at_;
                return node_of(Kind::end);
            case '(':
                return parse_group();
            case '[':
                return parse_class();
            case '\\':
                return parse_escape();
            case '.': {
                ++at_;
                PatternNode node = node_of(Kind::character);
                node.written = {line_ends(), {}, true};
                return node;
            }
            case '*':
            case '+':
            case '?':
                fail(place,
                     "there is nothing to repeat before " + excerpt_in_quotes(rest().substr(0, 1)));
            case '{':
            case '}':
            case ']':
                fail(place, excerpt_in_quotes(rest().substr(0, 1)) + " stands for itself only as " +
                                excerpt_in_quotes("\\" + std::string(rest().substr(0, 1))));
            default:
                return character_node(take_code_point());
        }
    }

    std::optional<PatternNode> take_quantifier() {
        PatternNode node = node_of(Kind::repetition);
        if (take("*")) {
            node.most = kUnbounded;
        } else if (take("+")) {
            node.least = 1;
            node.most = kUnbounded;
        } else if (take("?")) {
            node.most = 1;
        } else if (peek() == '{') {
            take_bounds(node);
        } else {
            return std::nullopt;
        }
        node.is_lazy = take("?");
        return node;
    }

    void take_bounds(PatternNode& node) {
        const std::size_t place = at_++;
        const std::string_view least = take_while_digits();
        std::string_view most = least;
        const bool has_comma = take(",");
        if (has_comma) most = take_while_digits();
        if (least.empty() || !take("}")) {
            fail(place,
                 "\"{\" begins no repetition {n}, {n,} or {n,m}, and stands for itself "
                 "only as \"\\{\"");
        }
        node.least = count_of(least);
        node.most = most.empty() ? kUnbounded : count_of(most);
        if (node.least > node.most) fail(place, "the bounds are out of order: " + from(place));
    }

    // A number beyond all bounds is the largest.
    static std::uint32_t count_of(std::string_view digits) {
        const auto number = parse_digits(digits);
        return number && *number < kUnbounded ? static_cast<std::uint32_t>(*number)
                                              : kUnbounded - 1;
    }

    PatternNode parse_group() {
        const std::size_t place = at_;
        if (++depth_ > kDeepestPatternNesting) {
            fail(place,
                 "groups are nested more deeply than " + std::to_string(kDeepestPatternNesting));
        }
        PatternNode node = group_node();
        PatternNode inner = parse_alternatives();
        if (!take(")")) fail(place, "\"(\" is not closed");
        --depth_;
        if (node.kind == Kind::sequence) return inner;
        node.parts.push_back(std::move(inner));
        return node;
    }

    // Takes the opening of a group. A sequence: one that is not captured.
    PatternNode group_node() {
        const std::size_t place = at_;
        if (take("(?:")) return node_of(Kind::sequence);
        constexpr std::array<std::string_view, 4> kLooks{"(?=", "(?!", "(?<=", "(?<!"};
        for (const std::string_view opening : kLooks) {
            if (!take(opening)) continue;
            PatternNode node = node_of(Kind::look);
            node.looks_behind = opening.find('<') != std::string_view::npos;
            node.is_negated = opening.ends_with('!');
            return node;
        }
        PatternNode node = node_of(Kind::group);
        node.number = ++group_count_;
        if (take("(?<")) {
            const std::string_view name = take_name(place);
            if (number_of(name)) fail(place, "the name occurs twice: " + excerpt_in_quotes(name));
            names_.emplace(name, node.number);
        } else if (rest().starts_with("(?")) {
            const std::size_t behind = at_ + 2;
            const bool ends = behind == text_.size();
            const std::size_t size = 2 + (ends ? 0 : code_point_at(text_, behind).size);
            fail(place, excerpt_in_quotes(rest().substr(0, size)) +
                            " begins no group: allowed are (?:, (?=, (?!, (?<=, (?<!, (?<name>");
        } else {
            ++at_;
        }
        return node;
    }

    // A name and the `>` behind it.
    std::string_view take_name(std::size_t place) {
        const std::size_t start = at_;
        while (!at_end() && is_in_name(peek())) ++at_;
        const std::string_view name = text_.substr(start, at_ - start);
        if (name.empty() || is_digit(name.front()) || !take(">")) {
            fail(place,
                 "a group's name consists of letters, digits, \"_\" and \"$\", and ends "
                 "with \">\"");
        }
        return name;
    }

    static bool is_in_name(char character) {
        return is_letter(character) || is_digit(character) || character == '_' ||
               character == '$' || static_cast<unsigned char>(character) >= 0x80;
    }

    std::optional<std::uint32_t> number_of(std::string_view name) const {
        const auto found = names_.find(name);
        return found == names_.end() ? std::nullopt : std::optional(found->second);
    }

    PatternNode parse_escape() {
        const std::size_t place = at_;
        if (take("\\b")) return node_of(Kind::boundary);
        if (take("\\B")) {
            PatternNode node = node_of(Kind::boundary);
            node.is_negated = true;
            return node;
        }
        if (take("\\k")) {
            PatternNode node = node_of(Kind::back_reference);
            if (!take("<"))
                fail(place, "\"\\k\" must be followed by the name of a group: \\k<name>");
            references_.emplace_back(take_name(place), place);
            return node;
        }
        ++at_;
        if (peek() >= '1' && peek() <= '9') {
            PatternNode node = node_of(Kind::back_reference);
            node.number = count_of(take_while_digits());
            highest_reference_ = std::max(highest_reference_, {node.number, place});
            return node;
        }
        PatternNode node = node_of(Kind::character);
        if (take_class_escape(node.written)) return node;
        return character_node(take_character_escape(place));
    }

    // Takes `d`, `W`, `p{...}` and the like, behind a `\`.
    bool take_class_escape(PatternClass& into) {
        const char letter = peek();
        const Ranges* ranges = nullptr;
        switch (to_lower(letter)) {
            case 'd':
                ranges = &digits();
                break;
            case 'w':
                ranges = &word_characters();
                break;
            case 's':
                ranges = &spaces();
                break;
            case 'p':
                take_property(into);
                return true;
            default:
                return false;
        }
        ++at_;
        const bool is_negated = letter != to_lower(letter);
        const CodePointSet set(*ranges);
        const CodePointSet added = is_negated ? set.complement() : set;
        into.ranges.insert(into.ranges.end(), added.ranges().begin(), added.ranges().end());
        return true;
    }

    void take_property(PatternClass& into) {
        const std::size_t place = at_ - 1;
        const bool is_negated = take("P");
        if (!is_negated) ++at_;
        const std::size_t end = rest().find('}');
        if (!take("{") || end == std::string_view::npos) {
            fail(place, from(place) + " must be followed by a property: \\p{Letter}");
        }
        const std::string_view name = text_.substr(at_, end - 1);
        auto property = find_property(name);
        if (!property) fail(place, "unknown property " + excerpt_in_quotes(name));
        at_ += end;
        into.properties.push_back({std::move(*property), is_negated});
    }

    // Takes an escape that stands for one character, behind a `\`.
    CodePoint take_character_escape(std::size_t place) {
        if (at_end()) fail(place, "\"\\\" must be followed by a character");
        const char letter = peek();
        if (const auto control = control_escape(letter)) {
            ++at_;
            return *control;
        }
        if (is_sign(letter)) {
            ++at_;
            return static_cast<CodePoint>(letter);
        }
        if (take("0") && !is_digit(peek())) return 0;
        if (take("c") && is_letter(peek())) return static_cast<CodePoint>(text_[at_++]) % 32;
        if (take("x")) {
            if (const auto value = take_hex(2)) return *value;
        } else if (take("u")) {
            if (const auto value = take_unicode_escape()) return *value;
        }
        at_ = std::max(at_, place + 1 + code_point_at(text_, place + 1).size);
        fail(place, "unknown escape " + from(place));
    }

    std::optional<CodePoint> take_hex(std::size_t size) {
        if (rest().size() < size) return std::nullopt;
        const auto value = hex_value(rest().substr(0, size));
        if (value) at_ += size;
        return value;
    }

    // Behind `\u`: `{1f600}`, `20ac`, or two halves of a pair, `d83d\ude00`.
    std::optional<CodePoint> take_unicode_escape() {
        if (take("{")) {
            const std::size_t end = rest().find('}');
            if (end == std::string_view::npos) return std::nullopt;
            const auto value = hex_value(rest().substr(0, end));
            if (value) at_ += end + 1;
            return value;
        }
        const auto unit = take_hex(4);
        if (!unit || *unit < 0xd800 || *unit > 0xdbff || !rest().starts_with("\\u")) return unit;
        const std::size_t place = at_;
        at_ += 2;
        const auto low = take_hex(4);
        if (low && *low >= 0xdc00 && *low <= 0xdfff) {
            return 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
        }
        at_ = place;
        return unit;
    }

    PatternNode parse_class() {
        const std::size_t place = at_++;
        PatternNode node = node_of(Kind::character);
        node.written.is_negated = take("^");
        while (!take("]")) {
            if (at_end()) fail(place, "\"[\" is not closed");
            take_class_part(node.written);
        }
        return node;
    }

    // `a`, `a-z` or `\w`. A hyphen beside `\w` stands for itself.
    void take_class_part(PatternClass& into) {
        const std::size_t place = at_;
        const auto first = take_class_atom(into);
        const bool is_range = rest().starts_with('-') && !rest().starts_with("-]");
        if (!is_range) {
            if (first) into.ranges.push_back({*first, *first});
            return;
        }
        ++at_;
        if (at_end()) return;
        const auto last = take_class_atom(into);
        if (first && last) {
            if (*first > *last) fail(place, "the range is out of order: " + from(place));
            into.ranges.push_back({*first, *last});
            return;
        }
        into.ranges.push_back({'-', '-'});
        if (first) into.ranges.push_back({*first, *first});
        if (last) into.ranges.push_back({*last, *last});
    }

    // Returns nullopt if it is a class, which this adds.
    std::optional<CodePoint> take_class_atom(PatternClass& into) {
        const std::size_t place = at_;
        if (!take("\\")) return take_code_point();
        if (take("b")) return 0x8;
        if (take_class_escape(into)) return std::nullopt;
        return take_character_escape(place);
    }

    // Gives the references by name their numbers, in the order of the text, which is the tree's.
    void resolve(PatternNode& node, PatternTree& tree) {
        if (node.kind == Kind::back_reference) {
            tree.has_back_references = true;
            if (node.number == 0) {
                const auto [name, place] = references_[resolved_++];
                const auto number = number_of(name);
                if (!number) fail(place, "no group has the name " + excerpt_in_quotes(name));
                node.number = *number;
            }
        }
        for (PatternNode& part : node.parts) resolve(part, tree);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::uint32_t group_count_ = 0;
    std::map<std::string_view, std::uint32_t> names_;
    // The references by name, with their places, and the highest one by number.
    std::vector<std::pair<std::string_view, std::size_t>> references_;
    std::size_t resolved_ = 0;
    std::pair<std::uint32_t, std::size_t> highest_reference_{0, 0};
};

}  // namespace

CodePointSet set_of(const PatternClass& written) {
    Ranges ranges = written.ranges;
    for (const auto& [name, is_negated] : written.properties) {
        const CodePointSet& set = property_set(name);
        const CodePointSet added = is_negated ? set.complement() : set;
        ranges.insert(ranges.end(), added.ranges().begin(), added.ranges().end());
    }
    CodePointSet set(std::move(ranges));
    return written.is_negated ? set.complement() : set;
}

PatternTree parse_pattern(std::string_view text) {
    if (text.size() > kLongestPattern) {
        throw ConfigError("invalid pattern: it is longer than " + std::to_string(kLongestPattern) +
                          " bytes");
    }
    if (!is_utf8(text)) throw ConfigError("invalid pattern: it is not UTF-8");
    return Parser(text).parse();
}

}  // namespace webhook
