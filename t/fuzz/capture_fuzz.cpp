// The input is a preset's number, then lines: the endpoint, the request line, and headers up to an
// empty line; the rest is the body. `$` stands for the secret, and `@` for one of its encoded
// forms, in turn.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "fuzz.h"
#include "scheme/presets.h"

namespace webhook::fuzz {
namespace {

constexpr std::string_view kSecret = "Zq7+the/secret of-the-fuzzer";
// No text becomes one of these by chance.
constexpr std::string_view kForms[] = {
    "Zq7%2Bthe%2Fsecret+of-the-fuzzer",         "Zq7%2bthe/secret%20of-the-fuzzer",
    "%5Aq7+the%2Fsecret of-the-fuzzer",         "%255Aq7%252Bthe/secret+of-the-fuzzer",
    R"(Zq7+the\/secret of-the-fuzzer)",         R"(\u005aq7\u002Bthe/secret of-the-fuzzer)",
    R"(\\u005aq7+the\\\/secret of-the-fuzzer)", "Zq7%2Bthe%5C%2Fsecret+of-the-fuzzer",
};
constexpr std::size_t kLimit = 100;

std::string with_secret(std::string_view text) {
    std::string result;
    std::size_t count = 0;
    for (char character : text) {
        if (character == '$') {
            result += kSecret;
        } else if (character == '@') {
            result += kForms[count++ % std::size(kForms)];
        } else {
            result += character;
        }
    }
    return result;
}

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at)) {
        ++count;
        at += part.size();
    }
    return count;
}

std::string_view field(std::string_view side, std::string_view name) {
    const std::string mark = " " + std::string(name) + "=";
    require(count_of(side, mark) == 1, "a field of the side line occurs once");
    const std::string_view rest = side.substr(side.find(mark) + mark.size());
    return rest.substr(0, rest.find(' '));
}

void check(const CapturedDelivery& delivery, const std::string& text) {
    require(text.find(kSecret) == std::string::npos, "no secret is written");
    for (std::string_view form : kForms) {
        require(text.find(form) == std::string::npos, "nor is it in another form");
    }
    const std::size_t end = text.find('\n');
    require(text.starts_with("# received=") && end != std::string::npos, "there is a side line");
    const std::string_view side = std::string_view(text).substr(0, end);
    require(std::ranges::all_of(side, [](char c) { return c >= ' ' && c <= '~'; }),
            "it is printable");
    require(field(side, "reason") == "bad_signature", "no value changes another");
    const std::size_t blank = text.find("\r\n\r\n", end);
    require(blank != std::string::npos, "there is an empty line");
    const std::string_view head = std::string_view(text).substr(end + 1, blank + 2 - end - 1);
    require(count_of(head, "\n") == count_of(head, "\r\n"), "each line ends as it should");
    const std::size_t omitted = std::stoul(std::string(field(side, "omitted")));
    require(count_of(head, "\r\n") - 1 + omitted == delivery.headers.size(), "no header is added");
    const std::string_view body = std::string_view(text).substr(blank + 4);
    require(delivery.body->starts_with(body) && body.size() <= kLimit, "the body begins as it did");
    require(end + 1 + head.size() + 2 <= kLongestCapturedHead, "the head is bounded");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook;
    using namespace webhook::fuzz;
    if (size == 0) return 0;
    const Scheme scheme = *preset_scheme(presets()[data[0] % presets().size()].name);
    const std::string input = with_secret(as_text(data + 1, size - 1));
    const auto [endpoint, behind_endpoint] = first_line(input);
    const auto [line, behind_line] = first_line(behind_endpoint);
    std::vector<HeaderField> headers;
    std::string_view rest = behind_line;
    while (true) {
        const auto [header, behind] = first_line(rest);
        rest = behind;
        if (header.empty()) break;
        const std::size_t colon = std::min(header.find(':'), header.size());
        headers.emplace_back(header.substr(0, colon),
                             header.substr(std::min(colon + 1, header.size())));
    }
    CapturedDelivery delivery;
    delivery.endpoint = endpoint;
    delivery.reason = "bad_signature";
    delivery.verdict = "rejected";
    delivery.source = "192.0.2.1";
    delivery.request_line = line;
    delivery.headers = headers;
    delivery.body = rest;
    delivery.body_size = rest.size();
    const std::string_view secrets[] = {kSecret};
    check(delivery, capture_text(delivery, {scheme, secrets, true, kLimit}));
    return 0;
}
