#include "base/html_writer.h"

#include "base/utf8.h"

namespace webhook {

void HtmlWriter::escape(std::string_view text) {
    constexpr std::string_view kReplacement = "\xef\xbf\xbd";
    const std::string whole = is_utf8(text) ? std::string() : repaired_utf8(text);
    for (const char each : whole.empty() ? text : std::string_view(whole)) {
        switch (each) {
            case '&':
                text_ += "&amp;";
                break;
            case '<':
                text_ += "&lt;";
                break;
            case '>':
                text_ += "&gt;";
                break;
            case '"':
                text_ += "&quot;";
                break;
            case '\'':
                text_ += "&#39;";
                break;
            default:
                const auto byte = static_cast<unsigned char>(each);
                if (byte < 0x20 || byte == 0x7f) {
                    text_ += kReplacement;
                } else {
                    text_ += each;
                }
        }
    }
}

}  // namespace webhook
