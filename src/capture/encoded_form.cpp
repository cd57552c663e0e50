#include "capture/encoded_form.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/text.h"

namespace webhook {
namespace {

using CodePoint = std::uint32_t;

// What an escape stands for. None if it takes nothing.
struct Escape {
    std::size_t taken = 0;
    std::array<char, 4> bytes{};
    std::size_t size = 0;

    void add(CodePoint byte) { bytes[size++] = static_cast<char>(byte); }
};

// `\uXXXX`
std::optional<CodePoint> json_code(std::string_view text) {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
    CodePoint code = 0;
    for (char digit : text.substr(2, 4)) {
        const int value = hex_value(digit);
        if (value < 0) return std::nullopt;
        code = code * 16 + static_cast<CodePoint>(value);
    }
    return code;
}

// As UTF-8. Half of a pair gets three bytes.
void append(Escape& escape, CodePoint code) {
    if (code < 0x80) return escape.add(code);
    if (code < 0x800) {
        escape.add(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        escape.add(0xE0 | code >> 12);
        escape.add(0x80 | (code >> 6 & 0x3F));
    } else {
        escape.add(0xF0 | code >> 18);
        escape.add(0x80 | (code >> 12 & 0x3F));
        escape.add(0x80 | (code >> 6 & 0x3F));
    }
    escape.add(0x80 | (code & 0x3F));
}

Escape json_escape(std::string_view text) {
    constexpr std::string_view kSigns = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    Escape escape;
    if (text.size() < 2) return escape;
    const std::size_t known = kSigns.find(text[1]);
    if (known != std::string_view::npos) {
        escape.taken = 2;
        escape.bytes[escape.size++] = kMeanings[known];
        return escape;
    }
    auto code = json_code(text);
    if (!code) return escape;
    escape.taken = 6;
    const auto second = json_code(text.substr(6));
    if (*code >> 10 == 0x36 && second && *second >> 10 == 0x37) {
        escape.taken = 12;
        code = 0x10000 + ((*code & 0x3FF) << 10) + (*second & 0x3FF);
    }
    append(escape, *code);
    return escape;
}

Escape escape_at(Escaping escaping, std::string_view text) {
    if (escaping == Escaping::json) return json_escape(text);
    const auto byte = percent_escape(text);
    return byte ? Escape{3, {*byte}, 1} : Escape{};
}

char folded(char character) {
    return character == '+' ? ' ' : character;
}

}  // namespace

int hex_value(char digit) {
    if (is_digit(digit)) return digit - '0';
    const char lowered = to_lower(digit);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

std::optional<char> percent_escape(std::string_view text) {
    if (text.size() < 3 || text[0] != '%') return std::nullopt;
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
}

EncodedForm::EncodedForm(std::string_view text, bool has_origins) : text_(text) {
    std::ranges::transform(text_, text_.begin(), folded);
    if (!has_origins) return;
    origins_.resize(text.size() + 1);
    std::iota(origins_.begin(), origins_.end(), std::size_t{0});
}

std::optional<EncodedForm> EncodedForm::without(Escaping escaping) const {
    const char mark = escaping == Escaping::percent ? '%' : '\\';
    const std::string_view text = text_;
    std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    EncodedForm form;
    form.text_.resize(text.size());
    std::ranges::copy(text.substr(0, at), form.text_.begin());
    form.origins_ = origins_;
    std::size_t end = at;
    while (at < text.size()) {
        const Escape escape = text[at] == mark ? escape_at(escaping, text.substr(at)) : Escape{};
        const std::size_t size = escape.taken == 0 ? 1 : escape.size;
        for (std::size_t i = 0; i < size; ++i) {
            if (!origins_.empty()) form.origins_[end] = origins_[at];
            form.text_[end++] = escape.taken == 0 ? text[at] : folded(escape.bytes[i]);
        }
        at += std::max<std::size_t>(escape.taken, 1);
    }
    if (end == text.size()) return std::nullopt;
    form.text_.resize(end);
    if (!origins_.empty()) {
        form.origins_[end] = origins_.back();
        form.origins_.resize(end + 1);
    }
    return form;
}

std::pair<std::size_t, std::size_t> EncodedForm::origin(std::size_t begin, std::size_t end) const {
    const std::size_t last = origins_[end - 1];
    while (origins_[end] == last) ++end;
    return {origins_[begin], origins_[end]};
}

}  // namespace webhook
