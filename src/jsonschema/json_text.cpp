#include "jsonschema/json_text.h"

#include <string_view>

namespace webhook {
namespace {

void append_string(std::string& text, std::string_view content) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += '"';
    for (const char character : content) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < 0x20) {
            text += "\\u00";
            text += kDigits[byte >> 4];
            text += kDigits[byte & 15];
            continue;
        }
        if (character == '"' || character == '\\') text += '\\';
        text += character;
    }
    text += '"';
}

void append_array(std::string& text, const DocumentValue& value) {
    text += '[';
    const char* comma = "";
    for (const JsonValue element : value.value.elements()) {
        text += comma;
        comma = ",";
        append_json(text, {value.document, element});
    }
    text += ']';
}

void append_object(std::string& text, const DocumentValue& value) {
    text += '{';
    const char* comma = "";
    for (const JsonMember member : value.value.members()) {
        text += comma;
        comma = ",";
        append_string(text, member.name);
        text += ':';
        append_json(text, {value.document, member.value});
    }
    text += '}';
}

}  // namespace

void append_json(std::string& text, const DocumentValue& value) {
    if (value.is_number()) {
        text += value.document.number_text(value.value);
        return;
    }
    switch (value.value.kind()) {
        case JsonKind::boolean:
            text += *value.value.boolean() ? "true" : "false";
            break;
        case JsonKind::string:
            append_string(text, *value.value.string());
            break;
        case JsonKind::array:
            append_array(text, value);
            break;
        case JsonKind::object:
            append_object(text, value);
            break;
        default:
            text += "null";
    }
}

std::uint32_t JsonArrayWriter::add(const DocumentValue& value) {
    if (count_ > 0) text_ += ',';
    append_json(text_, value);
    return count_++;
}

}  // namespace webhook
