#include "capture/encoded_form.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace webhook {
namespace {

using CodePoint = std::uint32_t;

constexpr std::array<std::int8_t, 256> hex_values() {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (int i = 0; i < 16; ++i) {
        const auto letter = static_cast<unsigned char>("0123456789abcdef"[i]);
        values[letter] = static_cast<std::int8_t>(i);
        if (i >= 10) values[letter - 'a' + 'A'] = static_cast<std::int8_t>(i);
    }
    return values;
}

constexpr std::array<std::int8_t, 256> kHexValues = hex_values();

// What the letter behind a backslash makes of it. 0: it is no escape, or has digits.
constexpr std::array<char, 256> json_meanings() {
    constexpr std::string_view kSigns = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    std::array<char, 256> meanings{};
    for (std::size_t i = 0; i < kSigns.size(); ++i) {
        meanings[static_cast<unsigned char>(kSigns[i])] = kMeanings[i];
    }
    return meanings;
}

constexpr std::array<char, 256> kJsonMeanings = json_meanings();

// Or a negative number.
int hex_value(char digit) {
    return kHexValues[static_cast<unsigned char>(digit)];
}

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
    Escape escape;
    if (text.size() < 2) return escape;
    const char meaning = kJsonMeanings[static_cast<unsigned char>(text[1])];
    if (meaning != 0) return {2, {meaning}, 1};
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

// At a mark, which may stand for itself.
Escape escape_at(std::string_view text) {
    if (text[0] == '%') {
        const auto byte = percent_escape(text);
        return byte ? Escape{3, {*byte}, 1} : Escape{1, {'%'}, 1};
    }
    const Escape escape = json_escape(text);
    return escape.taken > 0 ? escape : Escape{1, {'\\'}, 1};
}

constexpr bool is_mark(char character) {
    return character == '%' || character == '\\';
}

// Whether any of eight bytes is this one (or a few others).
constexpr bool may_hold(std::uint64_t bytes, char character) {
    constexpr std::uint64_t kOnes = ~std::uint64_t{0} / 0xFF;
    const std::uint64_t zeros = bytes ^ (kOnes * static_cast<unsigned char>(character));
    return ((zeros - kOnes) & ~zeros & (kOnes << 7)) != 0;
}

char folded(char character) {
    return character == '+' ? ' ' : character;
}

}  // namespace

std::optional<char> percent_escape(std::string_view text) {
    if (text.size() < 3 || text[0] != '%') return std::nullopt;
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if ((high | low) < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
}

EncodedForm::EncodedForm(std::string_view text, bool has_origins) : text_(text) {
    std::ranges::transform(text_, text_.begin(), folded);
    if (!has_origins) return;
    origins_.resize(text.size() + 1);
    std::iota(origins_.begin(), origins_.end(), std::size_t{0});
}

// Copies what stands before the next mark.
void EncodedForm::take_run(const EncodedForm& from, std::size_t& at, std::size_t& end) {
    const std::size_t size = from.text_.size();
    const std::size_t start = at;
    const std::size_t first = end;
    const char* source = from.text_.data();
    char* target = text_.data();
    for (std::uint64_t bytes = 0; at + sizeof(bytes) <= size; at += sizeof(bytes)) {
        std::memcpy(&bytes, source + at, sizeof(bytes));
        if (may_hold(bytes, '%') || may_hold(bytes, '\\')) break;
        std::memcpy(target + end, &bytes, sizeof(bytes));
        end += sizeof(bytes);
    }
    while (at < size && !is_mark(source[at])) target[end++] = source[at++];
    if (origins_.empty()) return;
    std::copy_n(from.origins_.begin() + static_cast<std::ptrdiff_t>(start), at - start,
                origins_.begin() + static_cast<std::ptrdiff_t>(first));
}

std::optional<EncodedForm> EncodedForm::decoded() const {
    const std::string_view text = text_;
    EncodedForm form;
    form.text_.resize(text.size());
    form.origins_ = origins_;
    std::size_t end = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_mark(text[at])) {
            form.take_run(*this, at, end);
            continue;
        }
        const Escape escape = escape_at(text.substr(at));
        for (std::size_t i = 0; i < escape.size; ++i) {
            if (!origins_.empty()) form.origins_[end] = origins_[at];
            form.text_[end++] = folded(escape.bytes[i]);
        }
        at += escape.taken;
    }
    // Each escape is longer than what it stands for.
    if (end == text.size()) return std::nullopt;
    form.text_.resize(end);
    if (origins_.empty()) return form;
    form.origins_[end] = origins_.back();
    form.origins_.resize(end + 1);
    return form;
}

std::pair<std::size_t, std::size_t> EncodedForm::origin(std::size_t begin, std::size_t end) const {
    const std::size_t last = origins_[end - 1];
    while (origins_[end] == last) ++end;
    return {origins_[begin], origins_[end]};
}

}  // namespace webhook
