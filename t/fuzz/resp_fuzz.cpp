// The input is what a server sends, after a byte that says how it is split. Split or whole, it
// reads the same, within the limits; and every reply is understood, or refused.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"
#include "redis/claims.h"
#include "redis/server_error.h"
#include "redis/session.h"
#include "redis/slots.h"

namespace webhook::fuzz {
namespace {

using namespace redis;

struct Reading {
    std::vector<Reply> replies;
    std::string failure;

    friend bool operator==(const Reading&, const Reading&) = default;
};

// Takes all replies. Returns false if there will be no more.
bool take(ReplyReader& reader, Reading& reading) {
    try {
        while (auto reply = reader.next()) reading.replies.push_back(std::move(*reply));
        return true;
    } catch (const ProtocolError& failure) {
        reading.failure = failure.what();
        return false;
    }
}

Reading read_whole(std::string_view bytes) {
    ReplyReader reader;
    Reading reading;
    reader.feed(bytes);
    take(reader, reading);
    return reading;
}

Reading read_split(std::string_view bytes, unsigned seed) {
    std::minstd_rand random(seed + 1);
    ReplyReader reader;
    Reading reading;
    while (!bytes.empty()) {
        const std::size_t size = std::min<std::size_t>(random() % (seed % 64 + 2), bytes.size());
        reader.feed(bytes.substr(0, size));
        bytes.remove_prefix(size);
        // Not each time: replies may wait.
        if (random() % 4 != 0 && !take(reader, reading)) return reading;
    }
    take(reader, reading);
    return reading;
}

struct Measure {
    std::size_t text = 0;
    std::size_t elements = 0;
    std::size_t depth = 0;
};

void measure(const Reply& reply, std::size_t depth, Measure& total) {
    const bool is_array = reply.kind == Reply::Kind::array;
    total.text += reply.text.size();
    total.elements += reply.elements.size();
    total.depth = std::max(total.depth, depth + (is_array ? 1 : 0));
    require(is_array || reply.elements.empty(), "only an array has elements");
    for (const Reply& element : reply.elements) measure(element, depth + 1, total);
}

void check_error(std::string_view text) {
    const ServerError error = read_error(text);
    const bool is_redirect =
        error.consequence == Consequence::moved || error.consequence == Consequence::ask;
    require(is_redirect == error.redirect.has_value(), "a redirect has a target");
    require(error.text.size() < 100, "a text for the log is short");
    if (!error.redirect) return;
    require(error.redirect->slot < kSlotCount && error.redirect->port > 0, "a target is valid");
    require(error.redirect->host.size() < 256, "a host is short");
}

void check(const Reply& reply) {
    Measure total;
    measure(reply, 0, total);
    require(total.text <= kLongestReply, "texts are bounded");
    require(total.elements <= kMostElements, "elements are bounded");
    require(total.depth <= kDeepestReply, "depth is bounded");
    if (reply.kind == Reply::Kind::error) check_error(reply.text);
    if (const auto answer = parse_claim(reply, kMostKeys)) {
        require(answer->key < kMostKeys, "a key is one of the claim's");
        require(answer->holder.size() <= kTokenTextSize, "a holder is short");
        const auto token = own_token(0, answer->holder);
        require(!token || token_text(0, *token) == answer->holder, "a token has one text");
    }
    const auto count = parse_count(reply, kMostKeys);
    require(!count || *count <= kMostKeys, "a count is bounded");
}

void check_session(const std::vector<Reply>& replies, unsigned seed) {
    const Login login{"", seed % 2 == 0 ? "" : "x", static_cast<std::uint16_t>(seed / 2 % 2)};
    Session session(login);
    for (const Reply& reply : replies) {
        if (session.state() != Session::State::talking) break;
        session.take(reply);
    }
    const bool has_failed = session.state() == Session::State::failed;
    require(has_failed != session.text().empty(), "a failure has a text");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    if (size == 0) return 0;
    const unsigned seed = data[0];
    const std::string_view bytes = as_text(data + 1, size - 1);
    const Reading whole = read_whole(bytes);
    require(whole == read_split(bytes, seed), "split bytes read as whole ones");
    for (const auto& reply : whole.replies) check(reply);
    check_session(whole.replies, seed);
    return 0;
}
