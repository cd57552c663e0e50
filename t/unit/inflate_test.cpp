#include "base/inflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace webhook {
namespace {

using namespace std::string_literals;

constexpr int kGzip = 15 + 16;
constexpr int kZlib = 15;
constexpr int kRaw = -15;

std::string compressed(const std::string& text, int window = kGzip) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    std::string bytes(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    deflate(&stream, Z_FINISH);
    bytes.resize(bytes.size() - stream.avail_out);
    deflateEnd(&stream);
    return bytes;
}

// What comes out of pieces of this size; "(fault)" where the stream is not whole.
std::string inflated(const std::string& bytes, ContentCoding coding = ContentCoding::gzip,
                     std::size_t limit = 1 << 20, std::size_t piece = 7) {
    Inflater inflater(coding, limit);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += piece) {
        inflater.feed(std::string_view(bytes).substr(i, piece));
        for (auto out = inflater.next(); !out.empty(); out = inflater.next()) text += out;
    }
    EXPECT_LE(text.size(), limit);
    return inflater.finished() && !inflater.failed() ? text : "(fault)";
}

std::string long_text() {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
    return text;
}

TEST(ContentCoding, IsFoundByItsName) {
    for (const char* list :
         {"gzip\t", " gzip", "gzip, identity", "identity ,gzip", "gzip,", ",gzip"}) {
        EXPECT_EQ(ContentCoding::gzip, find_content_coding(list)) << list;
    }
    for (const char* list : {"", " ", ",", "identity, identity"}) {
        EXPECT_EQ(ContentCoding::identity, find_content_coding(list)) << list;
    }
    for (const char* list : {"gzip, gzip", "deflate, gzip", "gzip, br", "gzip deflate"}) {
        EXPECT_EQ(std::nullopt, find_content_coding(list)) << list;
    }
    EXPECT_EQ(ContentCoding::gzip, find_content_coding("gzip"));
    EXPECT_EQ(ContentCoding::gzip, find_content_coding("X-GZip"));
    EXPECT_EQ(ContentCoding::deflate, find_content_coding("deflate"));
    EXPECT_EQ(ContentCoding::identity, find_content_coding("Identity"));
    for (const std::string& other : {"br"s, "zstd"s, "gzip,deflate"s, "gzi"s, "gzip;q=1"s}) {
        EXPECT_EQ(std::nullopt, find_content_coding(other)) << other;
    }
}

TEST(Inflater, YieldsWhatWasCompressed) {
    for (const std::string& text : {""s, "{}"s, long_text()}) {
        for (std::size_t piece : {1U, 7U, 100'000U}) {
            EXPECT_EQ(text, inflated(compressed(text), ContentCoding::gzip, 1 << 20, piece));
            EXPECT_EQ(text,
                      inflated(compressed(text, kZlib), ContentCoding::deflate, 1 << 20, piece));
        }
    }
}

TEST(Inflater, TakesNoOtherFormat) {
    EXPECT_EQ("(fault)", inflated(compressed("text", kZlib)));
    EXPECT_EQ("(fault)", inflated(compressed("text", kRaw)));
    EXPECT_EQ("(fault)", inflated("text"));
    EXPECT_EQ("(fault)", inflated(""));
    EXPECT_EQ("(fault)", inflated(compressed("text"), ContentCoding::deflate));
    EXPECT_EQ("(fault)", inflated(compressed("text", kRaw), ContentCoding::deflate));
}

TEST(Inflater, WantsTheWholeStream) {
    const std::string bytes = compressed(long_text());
    for (std::size_t size : {bytes.size() - 1, bytes.size() - 8, bytes.size() / 2, 10UL, 1UL}) {
        EXPECT_EQ("(fault)", inflated(bytes.substr(0, size))) << size;
    }
    for (std::size_t i : {0UL, 3UL, 20UL, bytes.size() - 1, bytes.size() - 5}) {
        std::string other = bytes;
        other[i] = static_cast<char>(other[i] ^ 0x80);
        EXPECT_EQ("(fault)", inflated(other)) << i;
    }
}

// Another reader could stop there, or go on.
TEST(Inflater, WantsNothingBehindTheStream) {
    const std::string bytes = compressed("text");
    EXPECT_EQ("text", inflated(bytes));
    for (std::size_t piece : {1UL, bytes.size(), 1000UL}) {
        for (const std::string& more : {"\0"s, "x"s, compressed(""), compressed("more")}) {
            EXPECT_EQ("(fault)", inflated(bytes + more, ContentCoding::gzip, 1 << 20, piece));
        }
    }
}

TEST(Inflater, YieldsNoMoreThanItMay) {
    const std::string bomb = compressed(std::string(1 << 20, 'a'));
    EXPECT_LT(bomb.size(), 2000U);
    EXPECT_NE("(fault)", inflated(bomb, ContentCoding::gzip, 1 << 20));
    EXPECT_EQ("(fault)", inflated(bomb, ContentCoding::gzip, (1 << 20) - 1));
    EXPECT_EQ("(fault)", inflated(bomb, ContentCoding::gzip, 1));
    EXPECT_EQ("", inflated(compressed(""), ContentCoding::gzip, 0));
}

}  // namespace
}  // namespace webhook
