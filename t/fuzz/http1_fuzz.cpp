// The input is what a server answers, after a byte that says how it is split. Split or whole, it
// reads the same. Its lines are the headers of a request, too, which stays one request.

#include <algorithm>
#include <random>
#include <string>

#include "fuzz.h"
#include "queue/http1.h"
#include "queue/retry.h"

namespace webhook::fuzz {
namespace {

struct Reading {
    bool is_complete = false;
    bool keeps_alive = false;
    std::string failure;
    Response response;
};

Reading read(std::string_view bytes, std::mt19937* random) {
    ResponseReader reader;
    Reading reading;
    try {
        while (!bytes.empty() && !reader.is_complete()) {
            const std::size_t most = random == nullptr ? bytes.size() : 1 + (*random)() % 7;
            const std::size_t piece = std::min(bytes.size(), most);
            reader.feed(bytes.substr(0, piece));
            bytes.remove_prefix(piece);
        }
        if (!reader.is_complete()) reader.finish();
    } catch (const Http1Error& failure) {
        reading.failure = failure.what();
        return reading;
    }
    reading.is_complete = true;
    reading.response = reader.response();
    // Bytes that follow may not have been fed yet.
    reading.keeps_alive = reader.keeps_alive() && bytes.empty();
    return reading;
}

void require_same(const Reading& whole, const Reading& split) {
    require(whole.failure == split.failure, "split or whole, it is refused for the same");
    require(whole.is_complete == split.is_complete, "split or whole, it is complete");
    require(whole.response.status == split.response.status, "the same status");
    require(whole.response.retry_after == split.response.retry_after, "the same Retry-After");
    require(whole.response.aborts == split.response.aborts, "the same wish");
    require(whole.response.body_start == split.response.body_start, "the same body");
    const bool is_cut = whole.response.body_size > kLongestResponse;
    require(is_cut || whole.response.body_size == split.response.body_size, "of the same size");
    require(is_cut || whole.keeps_alive == split.keeps_alive, "the same connection");
    require(whole.response.body_start.size() <= kKeptOfResponse, "a bounded body");
}

// A head has one end, one Host and one Content-Length, whatever the headers are.
void require_one_request(std::string_view headers) {
    const std::string head = write_request_head({"POST", "/", "target"}, headers, "", 7);
    require(head.find("\r\n\r\n") == head.size() - 4, "a head ends once");
    require(std::ranges::count(head, '\n') == std::ranges::count(head, '\r'), "whole lines");
    std::string lowered = head;
    std::ranges::transform(lowered, lowered.begin(), [](char byte) {
        return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    });
    for (const char* name : {"\r\nhost:", "\r\ncontent-length:"}) {
        const std::size_t first = lowered.find(name);
        require(first != std::string::npos, "there is one");
        require(lowered.find(name, first + 1) == std::string::npos, "there is only one");
    }
    require(lowered.find("\r\ntransfer-encoding:") == std::string::npos, "there is none");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    if (size == 0) return 0;
    std::mt19937 random(data[0]);
    const std::string_view bytes = as_text(data + 1, size - 1);
    const Reading whole = read(bytes, nullptr);
    require_same(whole, read(bytes, &random));
    require_one_request(bytes);
    const auto pause = webhook::parse_retry_after(bytes, webhook::Milliseconds(1'800'000'000'000));
    require(!pause || (*pause >= webhook::kShortestPause && *pause <= webhook::kLongestRetryAfter),
            "a bounded pause");
    return 0;
}
