#include "capture/encoded_form.h"

#include <algorithm>
#include <array>
#include <cstdint>
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

char folded(char character) {
    return character == '+' ? ' ' : character;
}

// An escape's length, and that of what it stands for.
struct Taken {
    std::size_t size;
    std::size_t written;
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
std::size_t write_utf8(CodePoint code, char* output) {
    char* at = output;
    const auto add = [&at](CodePoint byte) { *at++ = folded(static_cast<char>(byte)); };
    if (code < 0x80) {
        add(code);
        return 1;
    }
    if (code < 0x800) {
        add(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        add(0xE0 | code >> 12);
        add(0x80 | (code >> 6 & 0x3F));
    } else {
        add(0xF0 | code >> 18);
        add(0x80 | (code >> 12 & 0x3F));
        add(0x80 | (code >> 6 & 0x3F));
    }
    add(0x80 | (code & 0x3F));
    return static_cast<std::size_t>(at - output);
}

Taken take_code(std::string_view text, char* output) {
    auto code = json_code(text);
    if (!code) {
        *output = '\\';
        return {1, 1};
    }
    const auto second = *code >> 10 == 0x36 ? json_code(text.substr(6)) : std::nullopt;
    const bool is_pair = second && *second >> 10 == 0x37;
    if (is_pair) code = 0x10000 + ((*code & 0x3FF) << 10) + (*second & 0x3FF);
    return {is_pair ? 12U : 6U, write_utf8(*code, output)};
}

// At a mark, which may stand for itself. What is written is no longer than what is taken.
Taken take_escape(std::string_view text, char* output) {
    if (text[0] == '%') {
        const auto byte = percent_escape(text);
        *output = folded(byte.value_or('%'));
        return {byte ? 3U : 1U, 1};
    }
    const char meaning =
        text.size() < 2 ? '\0' : kJsonMeanings[static_cast<unsigned char>(text[1])];
    if (meaning == 0) return take_code(text, output);
    *output = meaning;
    return {2, 1};
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
    char* output = form.text_.data();
    std::size_t end = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (!is_mark(text[at])) {
            form.take_run(*this, at, end);
            continue;
        }
        const Taken taken = take_escape(text.substr(at), output + end);
        if (!origins_.empty()) std::fill_n(form.origins_.data() + end, taken.written, origins_[at]);
        end += taken.written;
        at += taken.size;
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
