#include "base/encoding.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/text.h"

namespace webhook {
namespace {

using namespace std::string_literals;

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encoded_by_openssl(const std::string& bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string with_url_alphabet(std::string text) {
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::string without_padding(std::string text) {
    while (text.ends_with('=')) text.pop_back();
    return text;
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

void expect_rejected(TextEncoding encoding, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        EXPECT_EQ(std::nullopt, decode(encoding, text)) << webhook::in_quotes(text);
        std::vector<std::uint8_t> output(text.size() + 8);
        EXPECT_EQ(std::nullopt, decode(encoding, text, output)) << webhook::in_quotes(text);
    }
}

TEST(Encoding, NamesAreExact) {
    EXPECT_EQ(TextEncoding::hex, find_text_encoding("hex"));
    EXPECT_EQ(TextEncoding::base64, find_text_encoding("base64"));
    EXPECT_EQ(TextEncoding::base64url, find_text_encoding("base64url"));
    for (const std::string& name : {""s, "HEX"s, "hex "s, "base"s, "base64u"s, "base32"s}) {
        EXPECT_EQ(std::nullopt, find_text_encoding(name)) << webhook::in_quotes(name);
    }
}

TEST(Hex, EitherCaseIsRead) {
    EXPECT_EQ("", decode(TextEncoding::hex, ""));
    EXPECT_EQ("\x01\x23\x45\x67\x89\xab\xcd\xef", decode(TextEncoding::hex, "0123456789abcdef"));
    EXPECT_EQ("\xab\xcd\xef", decode(TextEncoding::hex, "ABCDEF"));
    EXPECT_EQ("\xab\xcd\xef", decode(TextEncoding::hex, "aBCdEf"));
    EXPECT_EQ("\0\0"s, decode(TextEncoding::hex, "0000"));
}

TEST(Hex, OddAndForeignTextIsRejected) {
    expect_rejected(
        TextEncoding::hex,
        {"0",  "abc", "0g", "g0", "0x12", " 00",   "00 ",   "0 0",  "00\n",     "-1",  "+1",
         "a:", "@0",  "0`", "/0", "0:",   "00\0"s, "\0\0"s, "0\0"s, "\xd9\xa1", "00=="});
}

TEST(Hex, EveryPairOfBytesIsReadOrRejected) {
    const std::string_view digits = "0123456789abcdefABCDEF";
    for (int high = 0; high < 256; ++high) {
        for (int low = 0; low < 256; ++low) {
            const std::string text{static_cast<char>(high), static_cast<char>(low)};
            const bool valid = digits.find(text[0]) != std::string_view::npos &&
                               digits.find(text[1]) != std::string_view::npos;
            const auto bytes = decode(TextEncoding::hex, text);
            ASSERT_EQ(valid, bytes.has_value()) << high << ' ' << low;
            if (!valid) continue;
            ASSERT_EQ(std::string(1, static_cast<char>(std::stoi(text, nullptr, 16))), *bytes);
        }
    }
}

TEST(Hex, IsWrittenInLowerCase) {
    const std::vector<std::uint8_t> bytes{0x00, 0x0f, 0xa0, 0xff};
    EXPECT_EQ("000fa0ff", to_hex(bytes));
    EXPECT_EQ("", to_hex({}));
}

TEST(Base64, VectorsOfTheRfc) {
    const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                   {"Zg==", "f"},
                                                                   {"Zm8=", "fo"},
                                                                   {"Zm9v", "foo"},
                                                                   {"Zm9vYg==", "foob"},
                                                                   {"Zm9vYmE=", "fooba"},
                                                                   {"Zm9vYmFy", "foobar"}};
    for (const auto& [text, bytes] : vectors) {
        EXPECT_EQ(bytes, decode(TextEncoding::base64, text)) << text;
        EXPECT_EQ(bytes, decode(TextEncoding::base64url, text)) << text;
        EXPECT_EQ(bytes, decode(TextEncoding::base64url, without_padding(text))) << text;
    }
}

TEST(Base64, PaddingIsRequiredAndExact) {
    const std::vector<std::string> texts{
        "Zg",     "Zg=",     "Zg===",    "Zg====", "Zm8",  "Zm8==",    "Zm8===",   "Zm9v=",
        "Zm9v==", "Zm9v===", "Zm9v====", "=",      "==",   "===",      "====",     "Z",
        "Z=",     "Z==",     "Z===",     "=Zg=",   "Z=g=", "Zg==Zg==", "Zm8=Zm8=", "Zg==Zm9v"};
    expect_rejected(TextEncoding::base64, texts);
}

TEST(Base64Url, PaddingIsExactWhereItStands) {
    expect_rejected(TextEncoding::base64url,
                    {"Zg=",      "Zg===", "Zg====", "Zm8==", "Zm8===", "Zm9v=",    "Zm9v==",
                     "Zm9v====", "=",     "==",     "===",   "====",   "Z",        "Z=",
                     "Z==",      "Z===",  "=Zg",    "Z=g",   "Z=g=",   "Zg==Zg==", "Zg==Zm9v"});
}

TEST(Base64, UnusedBitsAreZero) {
    for (char first : kDigits) {
        for (std::size_t i = 0; i < kDigits.size(); ++i) {
            const std::string digits{first, kDigits[i]};
            const bool canonical = i % 16 == 0;
            ASSERT_EQ(canonical, decode(TextEncoding::base64, digits + "==").has_value()) << digits;
            const std::string url_digits = with_url_alphabet(digits);
            ASSERT_EQ(canonical, decode(TextEncoding::base64url, url_digits).has_value());
            ASSERT_EQ(canonical, decode(TextEncoding::base64url, url_digits + "==").has_value());
        }
    }
    for (std::size_t i = 0; i < kDigits.size(); ++i) {
        const std::string digits{'k', 'w', kDigits[i]};
        const bool canonical = i % 4 == 0;
        EXPECT_EQ(canonical, decode(TextEncoding::base64, digits + "=").has_value()) << digits;
        const std::string url_digits = with_url_alphabet(digits);
        EXPECT_EQ(canonical, decode(TextEncoding::base64url, url_digits).has_value());
        EXPECT_EQ(canonical, decode(TextEncoding::base64url, url_digits + "=").has_value());
    }
}

TEST(Base64, NothingStandsBeforeBetweenOrBehind) {
    const std::vector<std::string> texts{" Zm9v",    "Zm9v ",        "Zm 9v",  "Zm9v\n", "\nZm9v",
                                         "Zm9v\r\n", "Zm9v\r\nZm9v", "Zm\t9",  "Zm9\0"s, "\0Zm9"s,
                                         "Zm9v\0"s,  "\0\0\0\0"s,    "Zg=\0"s, "Zm9,",   "Zm9.",
                                         "Zm9\xff",  "\x80Zm9"};
    expect_rejected(TextEncoding::base64, texts);
    expect_rejected(TextEncoding::base64url, texts);
}

TEST(Base64, AlphabetsDoNotMix) {
    EXPECT_EQ("\xfb\xff\xbf", decode(TextEncoding::base64, "+/+/"));
    EXPECT_EQ("\xfb\xff\xbf", decode(TextEncoding::base64url, "-_-_"));
    expect_rejected(TextEncoding::base64, {"-_-_", "+_+/", "-/+/", "AAA-", "AAA_"});
    expect_rejected(TextEncoding::base64url, {"+/+/", "+_-_", "-/-_", "AAA+", "AAA/"});
}

TEST(Base64, ReadsWhatOpensslWrites) {
    std::mt19937 random(1);
    for (std::size_t size = 0; size < 200; ++size) {
        const std::string bytes = random_bytes(random, size);
        const std::string text = encoded_by_openssl(bytes);
        EXPECT_EQ(bytes, decode(TextEncoding::base64, text)) << text;
        const std::string url_text = with_url_alphabet(text);
        EXPECT_EQ(bytes, decode(TextEncoding::base64url, url_text)) << url_text;
        EXPECT_EQ(bytes, decode(TextEncoding::base64url, without_padding(url_text))) << url_text;
    }
}

TEST(Base64, OneValueHasOneText) {
    std::mt19937 random(2);
    for (int i = 0; i < 100'000; ++i) {
        std::string text(random() % 9, '\0');
        for (char& character : text) character = (std::string(kDigits) + "==")[random() % 66];
        if (const auto bytes = decode(TextEncoding::base64, text)) {
            ASSERT_EQ(encoded_by_openssl(*bytes), text);
        }
    }
}

struct Written {
    TextEncoding encoding;
    std::string text;
    std::size_t size;
};

TEST(Encoding, BytesThatDoNotFitAreNotWritten) {
    const std::vector<Written> all{
        {TextEncoding::hex, "616263", 3},        {TextEncoding::base64, "YWJj", 3},
        {TextEncoding::base64, "YWI=", 2},       {TextEncoding::base64, "YQ==", 1},
        {TextEncoding::base64url, "YWJj", 3},    {TextEncoding::base64url, "YWI", 2},
        {TextEncoding::base64url, "YQ", 1},      {TextEncoding::base64url, "YWI=", 2},
        {TextEncoding::base64url, "YQ==", 1},    {TextEncoding::base64, "YWJjYWJjYQ==", 7},
        {TextEncoding::hex, "61626361626361", 7}};
    for (const Written& written : all) {
        for (std::size_t room = 0; room <= written.size + 2; ++room) {
            std::vector<std::uint8_t> output(room);
            const auto size = decode(written.encoding, written.text, output);
            if (room < written.size) {
                EXPECT_EQ(std::nullopt, size) << written.text << ' ' << room;
            } else {
                ASSERT_EQ(written.size, size) << written.text << ' ' << room;
                const std::string bytes(output.begin(), output.begin() + std::ptrdiff_t(*size));
                EXPECT_EQ(std::string("abcabca").substr(0, written.size), bytes);
            }
        }
    }
}

TEST(Encoding, NothingIsWrittenBehindTheBytes) {
    std::vector<std::uint8_t> output(8, 0x5a);
    ASSERT_EQ(1U, decode(TextEncoding::base64, "AA==", output));
    EXPECT_EQ(std::vector<std::uint8_t>(7, 0x5a),
              std::vector<std::uint8_t>(output.begin() + 1, output.end()));
}

TEST(Encoding, EmptyTextIsNoBytes) {
    for (TextEncoding encoding :
         {TextEncoding::hex, TextEncoding::base64, TextEncoding::base64url}) {
        EXPECT_EQ("", decode(encoding, ""));
        EXPECT_EQ(0U, decode(encoding, "", {}));
    }
}

TEST(Base64, IsWrittenAsOpensslWritesIt) {
    std::mt19937 random(20260101);
    EXPECT_EQ("", to_base64({}));
    for (std::size_t size = 0; size < 200; ++size) {
        const std::string bytes = random_bytes(random, size);
        const std::string text =
            to_base64({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
        EXPECT_EQ(encoded_by_openssl(bytes), text);
        EXPECT_EQ(bytes, decode(TextEncoding::base64, text));
    }
}

}  // namespace
}  // namespace webhook
