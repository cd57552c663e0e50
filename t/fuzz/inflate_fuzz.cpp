// The input is a compressed body: its first byte picks the coding and the size of the pieces. What
// comes out is within its limit, is the same however the input is cut, and is never whole where
// something stands behind the stream.

#include <cstdint>
#include <string>

#include "base/inflate.h"
#include "fuzz.h"

namespace webhook::fuzz {
namespace {

constexpr std::size_t kLimit = 256 * 1024;

struct Result {
    std::string text;
    bool whole;
};

Result inflated(std::string_view bytes, ContentCoding coding, std::size_t piece) {
    Inflater inflater(coding, kLimit);
    Result result{};
    for (std::size_t i = 0; i < bytes.size() && !inflater.failed(); i += piece) {
        inflater.feed(bytes.substr(i, piece));
        for (auto out = inflater.next(); !out.empty(); out = inflater.next()) result.text += out;
        require(result.text.size() <= kLimit, "no more comes out than may");
    }
    result.whole = inflater.finished();
    require(!result.whole || !inflater.failed(), "what failed is not whole");
    return result;
}

void check(std::string_view bytes, ContentCoding coding, std::size_t piece) {
    const Result whole = inflated(bytes, coding, bytes.size() + 1);
    const Result cut = inflated(bytes, coding, piece);
    require(whole.whole == cut.whole, "it does not matter how the input is cut");
    require(!whole.whole || whole.text == cut.text, "it does not matter how the input is cut");
    if (!whole.whole) return;
    const std::string more = std::string(bytes) + "x";
    require(!inflated(more, coding, piece).whole, "nothing stands behind the stream");
    require(!inflated(bytes.substr(0, bytes.size() - 1), coding, piece).whole,
            "the stream is not cut short");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook;
    if (size < 2) return 0;
    const auto coding = (data[0] & 1) != 0 ? ContentCoding::gzip : ContentCoding::deflate;
    fuzz::check(fuzz::as_text(data + 1, size - 1), coding, data[0] / 2 + 1U);
    return 0;
}
