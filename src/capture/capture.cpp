#include "capture/capture.h"

#include <algorithm>

#include "base/text.h"
#include "base/url.h"

namespace webhook {
namespace {

// Of a value of the side line, before it is escaped.
constexpr std::size_t kLongestValue = 255;
constexpr std::size_t kLongestRequestLine = 32 * 1024;
// Six values of the side line, and its names and numbers.
constexpr std::size_t kLongestSideLine = 6 * 1024;

constexpr std::string_view kLineEnd = "\r\n";

// nginx lets none of these into a header, but other modules may set one.
bool breaks_lines(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::string escaped(std::string_view value) {
    return percent_encoded(value.substr(0, kLongestValue), "-._~:/+@,;()[]!*'$&|^`{}<>?\"\\");
}

std::string without_breaks(std::string line) {
    std::ranges::replace_if(
        line,
        [](char character) {
            return breaks_lines({&character, 1});
        },
        '?');
    return line;
}

class TextWriter {
  public:
    TextWriter(const CapturedDelivery& delivery, const CaptureRules& rules)
        : delivery_(delivery),
          rules_(rules),
          redaction_(rules.scheme, rules.secrets, delivery.headers) {}

    std::string text() {
        const std::string head = request_line() + kept_headers() + std::string(kLineEnd);
        const std::string_view body = kept_body();
        std::string text = side_line(body);
        text.reserve(text.size() + head.size() + body.size());
        return text.append(head).append(body);
    }

  private:
    std::string request_line() {
        std::string line = without_breaks(redaction_.request_line(delivery_.request_line));
        if (line.size() > kLongestRequestLine) {
            cut_of_request_line_ = line.size() - kLongestRequestLine;
            line.resize(kLongestRequestLine);
        }
        return line.append(kLineEnd);
    }

    std::string kept_headers() {
        constexpr std::size_t kMost =
            kLongestCapturedHead - kLongestSideLine - kLongestRequestLine - 2 * kLineEnd.size();
        std::string kept;
        for (const auto& [name, value] : delivery_.headers) {
            const auto shown = redaction_.header(name, value);
            const bool is_sound = shown && !breaks_lines(name) && !breaks_lines(*shown) &&
                                  name.find(':') == std::string_view::npos;
            // Longer than the header that it becomes.
            const std::size_t size = is_sound ? name.size() + shown->size() + 4 : 0;
            if (!is_sound || size > kMost - kept.size()) {
                ++omitted_;
                continue;
            }
            kept.append(name).append(": ").append(*shown).append(kLineEnd);
        }
        return kept;
    }

    std::string_view kept_body() {
        if (!delivery_.body) {
            note_ = "unread";
            return {};
        }
        const bool is_secret =
            Redaction::has_secret_in_body(rules_.scheme, rules_.answers_handshakes) ||
            redaction_.holds_secret(*delivery_.body);
        if (is_secret && delivery_.body_size > 0) {
            note_ = "withheld";
            return {};
        }
        return delivery_.body->substr(0, rules_.body_limit);
    }

    std::string side_line(std::string_view body) const {
        const std::uint64_t cut = delivery_.body ? delivery_.body_size - body.size() : 0;
        std::string line = "#";
        const auto add = [&line](std::string_view name, std::string_view value) {
            line.append(" ").append(name).append("=").append(escaped(value));
        };
        add("received", rfc3339_text(delivery_.received));
        add("endpoint", redaction_.without_secrets(delivery_.endpoint));
        add("reason", delivery_.reason);
        add("verdict", delivery_.verdict);
        add("scheme", rules_.scheme.name);
        add("source", delivery_.source);
        add("request_id", delivery_.request_id);
        add("truncated", std::to_string(cut));
        add("omitted", std::to_string(omitted_));
        if (!note_.empty()) add("body", note_);
        if (cut_of_request_line_ > 0) add("request_line_cut", std::to_string(cut_of_request_line_));
        return line + "\n";
    }

    const CapturedDelivery& delivery_;
    const CaptureRules& rules_;
    const Redaction redaction_;
    // Headers.
    std::size_t omitted_ = 0;
    std::size_t cut_of_request_line_ = 0;
    // Why there is no body.
    std::string_view note_;
};

}  // namespace

std::string capture_text(const CapturedDelivery& delivery, const CaptureRules& rules) {
    return TextWriter(delivery, rules).text();
}

std::string capture_name(Milliseconds received, std::string_view reason) {
    std::string name = rfc3339_text(received);
    std::erase_if(name, [](char character) { return character == '-' || character == ':'; });
    return name.append("-").append(reason);
}

}  // namespace webhook
