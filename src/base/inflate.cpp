#include "base/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/text.h"

namespace webhook {
namespace {

constexpr std::size_t kPiece = 16 * 1024;
// zlib's parameters: the largest window, and the stream's format.
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;
// More than one call to inflate() could take.
constexpr std::size_t kMostInput = 1024 * 1024;

}  // namespace

std::optional<ContentCoding> find_content_coding(std::string_view content_encoding) {
    struct Name {
        std::string_view name;
        ContentCoding coding;
    };
    // RFC 9110, section 8.4.1.3: x-gzip is gzip.
    constexpr std::array<Name, 4> kNames{{
        {"gzip", ContentCoding::gzip},
        {"x-gzip", ContentCoding::gzip},
        {"deflate", ContentCoding::deflate},
        {"identity", ContentCoding::identity},
    }};
    // The header is a list, of which one coding is supported; identity is ignored.
    ContentCoding found = ContentCoding::identity;
    while (!content_encoding.empty()) {
        const std::string_view item = content_encoding.substr(0, content_encoding.find(','));
        content_encoding.remove_prefix(std::min(item.size() + 1, content_encoding.size()));
        const std::string_view name = without_padding(item);
        if (name.empty()) continue;
        const auto* const row = std::ranges::find_if(
            kNames, [name](const Name& each) { return equals_ignoring_case(each.name, name); });
        if (row == kNames.end()) return std::nullopt;
        if (row->coding == ContentCoding::identity) continue;
        if (found != ContentCoding::identity) return std::nullopt;
        found = row->coding;
    }
    return found;
}

struct Inflater::State {
    State(ContentCoding coding, std::size_t most) : left(most) {
        const int window = coding == ContentCoding::gzip ? kGzipWindow : kZlibWindow;
        if (inflateInit2(&stream, window) != Z_OK) throw std::bad_alloc();
    }
    ~State() { inflateEnd(&stream); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    std::string_view fail() {
        failed = true;
        return {};
    }

    z_stream stream{};
    // The input not passed to zlib yet.
    std::string_view input;
    // The remaining limit of output, in bytes.
    std::size_t left;
    bool ended = false;
    bool failed = false;
    std::array<char, kPiece> output;
};

Inflater::Inflater(ContentCoding coding, std::size_t limit)
    : state_(std::make_unique<State>(coding, limit)) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

void Inflater::feed(std::string_view piece) {
    state_->input = piece;
}

std::string_view Inflater::next() {
    State& state = *state_;
    z_stream& stream = state.stream;
    while (!state.failed) {
        if (state.ended) return state.input.empty() ? std::string_view() : state.fail();
        const std::size_t given = std::min(state.input.size(), kMostInput);
        // zlib does not write to its input, but is not declared so.
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(state.input.data()));
        stream.avail_in = static_cast<uInt>(given);
        stream.next_out = reinterpret_cast<Bytef*>(state.output.data());
        stream.avail_out = static_cast<uInt>(state.output.size());
        const int result = inflate(&stream, Z_NO_FLUSH);
        state.input.remove_prefix(given - stream.avail_in);
        const std::size_t size = state.output.size() - stream.avail_out;
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        // Z_BUF_ERROR: there is neither input nor output left, which is no fault.
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return state.fail();
        if (size > state.left) return state.fail();
        state.left -= size;
        state.ended = result == Z_STREAM_END;
        if (size > 0) return {state.output.data(), size};
        if (!state.ended && (result == Z_BUF_ERROR || state.input.empty())) return {};
    }
    return {};
}

bool Inflater::failed() const {
    return state_->failed;
}

bool Inflater::finished() const {
    return state_->ended && !state_->failed && state_->input.empty();
}

}  // namespace webhook
