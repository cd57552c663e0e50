#include "scheme/boundaries.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/json_document.h"
#include "base/text.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;
using Guard = Join::Guard;

constexpr std::string_view kJsonSpace = " \t\r\n";
constexpr std::string_view kOpening = "{[";
constexpr std::string_view kClosing = "}]";

bool holds(std::string_view set, char character) {
    return set.find(character) != std::string_view::npos;
}

bool has_any_length(const TemplatePart& part, bool url_is_fixed) {
    switch (part.kind) {
        case Kind::body:
        case Kind::id:
        case Kind::header:
        case Kind::json:
        case Kind::field:
        case Kind::form:
        case Kind::query:
        // A number of one digit or more.
        case Kind::crc32_of_body:
            return true;
        default:
            return part.is_url() && !url_is_fixed;
    }
}

// The values that may be refused for their content. Those of the body may not: senders choose them
// freely.
bool may_be_refused(const TemplatePart& part) {
    return part.kind == Kind::id || part.kind == Kind::header || part.kind == Kind::query;
}

bool consists_of_digits(std::string_view text) {
    return std::ranges::all_of(text, is_digit);
}

// RFC 3986, section 2: a URL has these encoded.
bool holds_what_no_url_does(std::string_view text) {
    return std::ranges::any_of(text, [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return byte <= 0x20 || byte == 0x7f || holds("\"<>\\^`{|}", character);
    });
}

bool can_do_without(const TemplatePart& part, const TemplatePart& neighbor) {
    if (neighbor.kind != Kind::literal) return false;
    const bool is_number = part.kind == Kind::crc32_of_body;
    if (is_number) return !consists_of_digits(neighbor.text);
    return may_be_refused(part) || (part.is_url() && holds_what_no_url_does(neighbor.text));
}

bool is_rfc3339(const Scheme& scheme, const TemplatePart& part) {
    return part.kind == Kind::timestamp && scheme.timestamp &&
           scheme.timestamp->unit == TimestampUnit::rfc3339;
}

// Whether the end of this literal next to the body could be taken for a part of the body.
bool is_like_body(const TemplatePart& part, bool before) {
    if (part.kind != Kind::literal) return false;
    return !leaves_to_body(part.text, before, true);
}

Guard guard_of(const Scheme& scheme, std::size_t left, std::size_t right) {
    const Template& parts = scheme.signed_parts;
    const bool have_something_between = right > left + 1;
    if (have_something_between) {
        const TemplatePart& behind_left = parts[left + 1];
        const TemplatePart& before_right = parts[right - 1];
        if (can_do_without(parts[left], behind_left)) return Guard::literal_of_left;
        if (can_do_without(parts[right], before_right)) return Guard::literal_of_right;
        if (is_rfc3339(scheme, behind_left) && may_be_refused(parts[left])) {
            return Guard::time_of_left;
        }
        if (is_rfc3339(scheme, before_right) && may_be_refused(parts[right])) {
            return Guard::time_of_right;
        }
        const bool is_taken_for_body = parts[left].kind == Kind::body
                                           ? is_like_body(behind_left, false)
                                           : is_like_body(before_right, true);
        if (is_taken_for_body) return Guard::none;
    }
    const bool has_body = parts[left].kind == Kind::body || parts[right].kind == Kind::body;
    return has_body ? Guard::framed_body : Guard::none;
}

bool is_only_at_its_end(std::string_view value, std::string_view literal) {
    return std::string(value).append(literal).find(literal) == value.size();
}

bool is_only_at_its_start(std::string_view value, std::string_view literal) {
    return std::string(literal).append(value).rfind(literal) == 0;
}

bool keeps_its_side(const Scheme& scheme, const Join& join, bool is_left, std::string_view value) {
    const Template& parts = scheme.signed_parts;
    switch (join.guard) {
        case Guard::literal_of_left:
            return !is_left || is_only_at_its_end(value, parts[join.left + 1].text);
        case Guard::literal_of_right:
            return is_left || is_only_at_its_start(value, parts[join.right - 1].text);
        case Guard::time_of_left:
            return !is_left || consists_of(value, "-_=+/.");
        case Guard::time_of_right:
            return is_left || consists_of(value, "-_=+/.");
        case Guard::framed_body:
            return !value.empty();
        case Guard::none:
            break;
    }
    return true;
}

}  // namespace

std::vector<Join> joins_of(const Scheme& scheme, bool url_is_fixed) {
    std::vector<Join> joins;
    std::optional<std::size_t> left;
    for (std::size_t i = 0; i < scheme.signed_parts.size(); ++i) {
        if (!has_any_length(scheme.signed_parts[i], url_is_fixed)) continue;
        if (left) joins.push_back({*left, i, guard_of(scheme, *left, i)});
        left = i;
    }
    // Between two such values, the body has no unambiguous end.
    for (std::size_t i = 1; i < joins.size(); ++i) {
        const bool both =
            joins[i].guard == Guard::framed_body && joins[i - 1].guard == Guard::framed_body;
        if (both) joins[i].guard = Guard::none;
    }
    return joins;
}

std::string ambiguous_parts(const Scheme& scheme, bool url_is_fixed) {
    const auto& all = url_is_fixed ? scheme.joins_at_fixed_url : scheme.joins;
    const auto open = std::ranges::find(all, Join::Guard::none, &Join::guard);
    if (open == all.end()) return {};
    return in_quotes(placeholder_text(scheme.signed_parts[open->left])) + " and " +
           in_quotes(placeholder_text(scheme.signed_parts[open->right]));
}

bool frames_body(std::span<const Join> joins) {
    return std::ranges::find(joins, Guard::framed_body, &Join::guard) != joins.end();
}

bool keeps_its_side(const Scheme& scheme, std::span<const Join> joins, std::size_t index,
                    std::string_view value) {
    return std::ranges::all_of(joins, [&](const Join& join) {
        if (join.left != index && join.right != index) return true;
        return keeps_its_side(scheme, join, join.left == index, value);
    });
}

bool leaves_to_body(std::string_view value, bool before, bool body_is_empty) {
    if (value.empty()) return true;
    const char edge = before ? value.back() : value.front();
    return !holds(kJsonSpace, edge) &&
           !(body_is_empty && holds(before ? kClosing : kOpening, edge));
}

namespace {

enum class Mark : std::uint8_t { other, space, opening, closing, quote, backslash };

constexpr std::array<Mark, 256> kMarks = [] {
    std::array<Mark, 256> marks{};
    const auto set = [&marks](std::string_view characters, Mark mark) {
        for (const char character : characters) marks[static_cast<unsigned char>(character)] = mark;
    };
    set(kJsonSpace, Mark::space);
    set(kOpening, Mark::opening);
    set(kClosing, Mark::closing);
    set("\"", Mark::quote);
    set("\\", Mark::backslash);
    return marks;
}();

Mark mark_of(char character) {
    return kMarks[static_cast<unsigned char>(character)];
}

bool ends_run_in_string(char character) {
    return mark_of(character) >= Mark::quote;
}

}  // namespace

void JsonFrame::update(std::string_view piece) {
    for (auto it = piece.begin(); it != piece.end() && state_ != State::broken; ++it) {
        if (state_ == State::in_string) it = std::find_if(it, piece.end(), ends_run_in_string);
        if (it == piece.end()) return;
        state_ = next(*it);
    }
}

JsonFrame::State JsonFrame::next(char character) {
    const Mark mark = mark_of(character);
    switch (state_) {
        case State::before:
            if (mark == Mark::space) return state_;
            if (mark != Mark::opening) return State::broken;
            ++depth_;
            return State::outside_string;
        case State::outside_string:
            if (mark == Mark::quote) return State::in_string;
            if (mark == Mark::backslash) return State::broken;
            if (mark == Mark::opening) ++depth_;
            if (mark == Mark::closing && --depth_ == 0) return State::behind;
            return state_;
        case State::in_string:
            if (mark == Mark::backslash) return State::in_escape;
            return mark == Mark::quote ? State::outside_string : state_;
        case State::in_escape:
            return holds("\"\\/bfnrtu", character) ? State::in_string : State::broken;
        case State::behind:
            return mark == Mark::space ? state_ : State::broken;
        case State::broken:
            break;
    }
    return state_;
}

void HandshakeText::update(std::string_view piece) {
    size_ += piece.size();
    is_token_so_far_ =
        is_token_so_far_ && size_ <= kLongestPayloadValue && consists_of(piece, kPlainTokenSigns);
}

bool HandshakeText::can_be_had_by_anyone() const {
    return is_token_so_far_;
}

}  // namespace webhook
