#include "base/json_writer.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "base/utf8.h"

namespace webhook {
namespace {

constexpr std::string_view kLineSeparator = "\xe2\x80\xa8";
constexpr std::string_view kParagraphSeparator = "\xe2\x80\xa9";

bool stands_for_itself(char character) {
    return static_cast<unsigned char>(character) >= 0x20 && character != 0x7f &&
           std::string_view("\"\\<>&").find(character) == std::string_view::npos;
}

void append_escape(std::string& text, unsigned code) {
    std::array<char, 8> escape;
    const int size = std::snprintf(escape.data(), escape.size(), "\\u%04x", code & 0xffff);
    text.append(escape.data(), static_cast<std::size_t>(size));
}

template <typename Number>
void append_number(std::string& text, Number number) {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    text.append(digits.data(), end);
}

}  // namespace

void JsonWriter::begin(char bracket) {
    separate();
    text_ += bracket;
    needs_comma_ = false;
}

void JsonWriter::end(char bracket) {
    text_ += bracket;
    needs_comma_ = true;
}

// Before a value, or before the name of one.
void JsonWriter::separate() {
    if (needs_comma_) text_ += ',';
    needs_comma_ = true;
}

void JsonWriter::name(std::string_view text) {
    separate();
    write(text);
    text_ += ':';
    needs_comma_ = false;
}

void JsonWriter::value(std::string_view text) {
    separate();
    write(text);
}

void JsonWriter::value(std::uint64_t number) {
    separate();
    append_number(text_, number);
}

void JsonWriter::value(double number) {
    separate();
    append_number(text_, number);
}

void JsonWriter::value(bool flag) {
    separate();
    text_ += flag ? "true" : "false";
}

void JsonWriter::null() {
    separate();
    text_ += "null";
}

void JsonWriter::write(std::string_view text) {
    const std::string whole = is_utf8(text) ? std::string() : repaired_utf8(text);
    if (!whole.empty()) text = whole;
    text_ += '"';
    while (!text.empty()) {
        if (text.starts_with(kLineSeparator) || text.starts_with(kParagraphSeparator)) {
            append_escape(text_, text.starts_with(kLineSeparator) ? 0x2028 : 0x2029);
            text.remove_prefix(kLineSeparator.size());
            continue;
        }
        if (stands_for_itself(text.front())) {
            text_ += text.front();
        } else {
            append_escape(text_, static_cast<unsigned char>(text.front()));
        }
        text.remove_prefix(1);
    }
    text_ += '"';
}

}  // namespace webhook
