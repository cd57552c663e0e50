#include "queue/http1.h"

#include <gtest/gtest.h>

namespace webhook {
namespace {

using namespace std::literals;

TEST(Http1Request, SendsWhatWasReceived) {
    const std::string head = write_request_head(
        {"POST", "/ci?a=b", "127.0.0.1:80"},
        "Content-Type: application/json\nX-Hub-Signature-256: sha256=ab\nX-Empty:\n",
        "Webhook-Gate-Id: 7\n", 42);
    EXPECT_EQ(head,
              "POST /ci?a=b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: application/json\r\n"
              "X-Hub-Signature-256: sha256=ab\r\nX-Empty: \r\nWebhook-Gate-Id: 7\r\n"
              "Content-Length: 42\r\n\r\n");
}

TEST(Http1Request, LeavesOutWhatIsOfOneConnection) {
    const std::string head = write_request_head(
        {},
        "Connection: close, X-Once\nX-once: 1\nHost: a\nContent-Length: 9\n"
        "transfer-encoding: chunked\nTE: trailers\nUpgrade: h2c\nExpect: 100-continue\n"
        "Keep-Alive: 1\nProxy-Connection: close\nTrailer: x\nwebhook-gate-id: forged\n"
        "HTTP2-Settings: x\nX-Kept: 1\n",
        "", 0);
    EXPECT_EQ(head, "POST / HTTP/1.1\r\nHost: \r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n");
}

TEST(Http1Request, LeavesOutWhatIsNoHeader) {
    const std::string head = write_request_head(
        {}, "no colon\nbad name: x\n: x\nX-Bell: a\x07z\n folded: x\nX-Kept: 1\r\nX-Last: 2"s, "",
        0);
    EXPECT_EQ(head,
              "POST / HTTP/1.1\r\nHost: \r\nX-Kept: 1\r\nX-Last: 2\r\nContent-Length: 0\r\n\r\n");
}

struct Read {
    Response response;
    bool keeps_alive = false;
    std::string failure;
};

// At once, or byte by byte, after which the server closes the connection if `closes`.
Read read_in_pieces(const std::string& bytes, std::size_t piece, bool closes) {
    ResponseReader reader;
    Read read;
    try {
        for (std::size_t at = 0; at < bytes.size() && !reader.is_complete(); at += piece) {
            reader.feed(std::string_view(bytes).substr(at, piece));
        }
        if (closes && !reader.is_complete()) reader.finish();
        if (!reader.is_complete()) read.failure = "more";
    } catch (const Http1Error& error) {
        read.failure = error.what();
    }
    read.response = reader.response();
    read.keeps_alive = reader.keeps_alive();
    return read;
}

Read read(const std::string& bytes, bool closes = false) {
    Read whole = read_in_pieces(bytes, bytes.size() + 1, closes);
    const Read split = read_in_pieces(bytes, 1, closes);
    EXPECT_EQ(split.failure, whole.failure) << bytes;
    if (whole.failure.empty()) {
        EXPECT_EQ(split.response.status, whole.response.status);
        EXPECT_EQ(split.response.body_start, whole.response.body_start);
        EXPECT_EQ(split.response.body_size, whole.response.body_size);
        EXPECT_EQ(split.keeps_alive, whole.keeps_alive) << bytes;
    }
    return whole;
}

TEST(Http1Response, OfAKnownLength) {
    const Read found = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.response.status, 200);
    EXPECT_EQ(found.response.body_start, "hello");
    EXPECT_TRUE(found.keeps_alive);
    EXPECT_EQ(read("HTTP/1.1 500\r\ncontent-length:0\r\n\r\n").response.status, 500);
    EXPECT_EQ(read("HTTP/1.1 200 \nContent-Length: 1\n\nx").response.body_start, "x");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell").failure, "more");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true).failure,
              "the connection was closed before the end of the response");
    EXPECT_TRUE(
        read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab").keeps_alive);
}

TEST(Http1Response, WithoutABody) {
    for (const char* status : {"204 No Content", "304 Not Modified"}) {
        const Read found = read("HTTP/1.1 "s + status + "\r\nContent-Length: 7\r\n\r\n");
        EXPECT_EQ(found.failure, "");
        EXPECT_TRUE(found.keeps_alive);
        EXPECT_EQ(found.response.body_size, 0U);
    }
}

TEST(Http1Response, InChunks) {
    const Read found = read(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1 ;x=y\r\n \r\n"
        "0A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n");
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.response.body_start, "hello 0123456789");
    EXPECT_EQ(found.response.body_size, 16U);
    EXPECT_TRUE(found.keeps_alive);
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(read(head + "5\r\nhello!\r\n").failure,
              "a line of the response is too long, or its head is");
    for (const char* size : {"", "x", "-1", "1000000000000000", "0x5", "5 5", ";a"}) {
        EXPECT_EQ(read(head + size + "\r\n").failure, "a chunk has no size") << size;
    }
    EXPECT_NE(read(head + "1" + std::string(kLongestChunkLine, ';')).failure, "");
    EXPECT_EQ(read(head + "5\r\nhel", true).failure,
              "the connection was closed before the end of the response");
    EXPECT_NE(read(head + "0\r\n" + std::string(kLongestHead + 1, 'x')).failure, "");
}

TEST(Http1Response, UntilTheConnectionCloses) {
    const Read found = read("HTTP/1.1 200 OK\r\n\r\nhello", true);
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.response.body_start, "hello");
    EXPECT_FALSE(found.keeps_alive);
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\nhello").failure, "more");
    EXPECT_EQ(read("", true).failure, "the connection was closed before the end of the response");
}

TEST(Http1Response, KeepsTheConnectionIfBothWantTo) {
    const auto keeps = [](const std::string& first, const std::string& headers) {
        return read(first + " 200 OK\r\nContent-Length: 1\r\n" + headers + "\r\nx").keeps_alive;
    };
    EXPECT_TRUE(keeps("HTTP/1.1", ""));
    EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keeps("HTTP/1.1", "Connection: x, Close\r\n"));
    EXPECT_FALSE(keeps("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    EXPECT_FALSE(keeps("HTTP/1.0", ""));
    EXPECT_TRUE(keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
    ResponseReader reader;
    EXPECT_TRUE(reader.feed("HTTP/1.1 204 No Content\r\n\r\nmore"));
    EXPECT_FALSE(reader.keeps_alive());
}

TEST(Http1Response, SkipsInterimOnes) {
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n";
    const Read found = read(interim + interim +
                            "HTTP/1.1 429 Slow\r\nRetry-After: 5\r\n"
                            "Webhook-Delivery: abort-message\r\n"
                            "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(found.response.status, 429);
    EXPECT_EQ(found.response.retry_after, "5");
    EXPECT_TRUE(found.response.aborts);
    EXPECT_EQ(read(interim + "HTTP/1.1 204 x\r\n\r\n").response.retry_after, "");
    std::string many;
    for (std::size_t i = 0; i <= kMostInterim; ++i) many += interim;
    EXPECT_EQ(read(many).failure, "too many interim responses");
    EXPECT_EQ(read("HTTP/1.1 101 Switching\r\n\r\n").failure,
              "the response switches to another protocol");
}

TEST(Http1Response, RefusesWhatIsNone) {
    for (const char* line : {"", "HTTP/2 200", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1 099 x",
                             "HTTP/1.1  200", "SSH-2.0-x", "http/1.1 200 OK", "HTTP/1.1 2x0 OK"}) {
        EXPECT_EQ(read(line + "\r\n\r\n"s).failure, "the response is not HTTP/1") << line;
    }
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    for (const char* header : {"no colon", " folded: x", "a b: c", ": x", "X: \x01"}) {
        EXPECT_EQ(read(ok + header + "\r\n\r\n").failure, "the response has a header that is none");
    }
    EXPECT_EQ(read(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n").failure,
              "the response has two lengths");
    EXPECT_EQ(read(ok + "Content-Length: +1\r\n\r\n").failure,
              "the response has a Content-Length that is no number");
    EXPECT_EQ(read(ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").failure,
              "the response has a length and an encoding");
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").failure,
              "the response has a length and an encoding");
    EXPECT_EQ(read(ok + "Transfer-Encoding: gzip\r\n\r\n").failure,
              "the response has an encoding that was not asked for");
    EXPECT_EQ(read(ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n").failure,
              "the response has an encoding that was not asked for");
}

TEST(Http1Response, IsBounded) {
    EXPECT_NE(read("HTTP/1.1 200 OK\r\nX: " + std::string(kLongestHead, 'x')).failure, "");
    std::string many = "HTTP/1.1 200 OK\r\n";
    while (many.size() < kLongestHead) many += "X: y\r\n";
    EXPECT_NE(read(many).failure, "");
    const std::string long_body(kLongestResponse + 1, 'b');
    const Read found = read_in_pieces(
        "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + long_body, 4096, false);
    EXPECT_EQ(found.failure, "");
    EXPECT_FALSE(found.keeps_alive);
    EXPECT_EQ(found.response.body_start, std::string(kKeptOfResponse, 'b'));
}

}  // namespace
}  // namespace webhook
