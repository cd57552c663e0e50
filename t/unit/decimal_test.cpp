#include "base/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace webhook {
namespace {

Decimal decimal(std::string_view text) {
    const auto number = parse_decimal(text);
    EXPECT_TRUE(number) << text;
    return number.value_or(Decimal());
}

std::strong_ordering compared(std::string_view left, std::string_view right) {
    return compare(decimal(left), decimal(right));
}

bool divides(std::string_view divisor, std::string_view value) {
    EXPECT_TRUE(is_divisor(decimal(divisor))) << divisor;
    return is_multiple_of(decimal(value), decimal(divisor));
}

TEST(Decimal, NumbersOfJsonAreRead) {
    for (const char* text : {"0", "-0", "1", "-1", "10", "0.0", "1.50", "1e5", "1E+5", "1.0e-05",
                             "123456789012345678901234567890.5e-99999999999999999999"}) {
        EXPECT_TRUE(parse_decimal(text)) << text;
    }
}

TEST(Decimal, OtherTextIsNone) {
    for (const char* text : {"", "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "1e1.5",
                             "1 ", " 1", "0x1", "--1", "1.2.3", "NaN", "1e5e5"}) {
        EXPECT_FALSE(parse_decimal(text)) << text;
    }
}

TEST(Decimal, EqualNumbersAreEqualHoweverTheyAreWritten) {
    const std::vector<std::vector<const char*>> all = {
        {"0", "-0", "0.000", "0e999", "-0.0e-999999999999999999999"},
        {"1", "1.0", "10e-1", "0.1e1", "0.0001e4", "100000e-5", "1e0", "1e-0", "1e+00000"},
        {"-12.5", "-125e-1", "-0.125E2", "-12.500"},
        {"1e400", "10e399", "0.1e401", "100.0e398"},
        {"1e100000000000000000000", "10e99999999999999999999", "0.01e100000000000000000002"},
        {"1e-100000000000000000000", "10e-100000000000000000001", "0.1e-99999999999999999999"},
        {"1e100000000000000000", "10e99999999999999999", "0.1e100000000000000001"},
        {"1e50000000000000000", "10e49999999999999999", "0.1e50000000000000001"},
    };
    for (const auto& equals : all) {
        for (const char* left : equals) {
            for (const char* right : equals) {
                EXPECT_EQ(compared(left, right), std::strong_ordering::equal) << left << right;
                EXPECT_EQ(hash_of(decimal(left), 7), hash_of(decimal(right), 7)) << left << right;
            }
        }
    }
}

TEST(Decimal, NumbersAreOrdered) {
    const std::vector<const char*> rising = {"-1e99999999999999999999999",
                                             "-1e400",
                                             "-9007199254740993",
                                             "-9007199254740992",
                                             "-2",
                                             "-1.5",
                                             "-1.49999999999999999999999999",
                                             "-1",
                                             "-0.1",
                                             "-1e-400",
                                             "-1e-401",
                                             "-1e-99999999999999999999999",
                                             "0",
                                             "1e-100000000000000000000001",
                                             "1e-100000000000000000000000",
                                             "2e-100000000000000000000000",
                                             "1e-401",
                                             "1e-400",
                                             "0.01",
                                             "0.099999999999999999999999999",
                                             "0.1",
                                             "0.10000000000000000555",
                                             "1",
                                             "1.000000000000001",
                                             "9",
                                             "10",
                                             "11",
                                             "99.9",
                                             "100",
                                             "9007199254740992",
                                             "9007199254740993",
                                             "1.9e307",
                                             "1e308",
                                             "1e400",
                                             "1.00001e400",
                                             "1e401",
                                             "1e100000000000000000000000",
                                             "99e100000000000000000000000",
                                             "100.1e100000000000000000000000",
                                             "1e100000000000000000000003"};
    for (std::size_t left = 0; left < rising.size(); ++left) {
        for (std::size_t right = 0; right < rising.size(); ++right) {
            EXPECT_EQ(compared(rising[left], rising[right]), left <=> right)
                << rising[left] << " and " << rising[right];
        }
    }
}

TEST(Decimal, OtherNumbersHaveOtherHashes) {
    EXPECT_NE(hash_of(decimal("1"), 7), hash_of(decimal("10"), 7));
    EXPECT_NE(hash_of(decimal("1"), 7), hash_of(decimal("-1"), 7));
    EXPECT_NE(hash_of(decimal("1"), 7), hash_of(decimal("1.1"), 7));
    EXPECT_NE(hash_of(decimal("0"), 7), hash_of(decimal("1"), 7));
    EXPECT_NE(hash_of(decimal("12"), 7), hash_of(decimal("12"), 8));
}

TEST(Decimal, IntegersAreKnown) {
    for (const char* text : {"0", "0.0", "0e-5", "1", "-1", "1.0", "1e2", "1.5e1", "100e-2",
                             "1e99999999999999999999999", "12.340e2", "-0.0"}) {
        EXPECT_TRUE(is_integer(decimal(text))) << text;
    }
    for (const char* text : {"0.1", "1.5", "-1.5", "1e-1", "1.55e1", "1e-99999999999999999999",
                             "100e-3", "12345678901234567890.000000000000000000001"}) {
        EXPECT_FALSE(is_integer(decimal(text))) << text;
    }
}

TEST(Decimal, MultiplesAreKnown) {
    EXPECT_TRUE(divides("0.01", "4.35"));
    EXPECT_TRUE(divides("0.01", "19.99"));
    EXPECT_TRUE(divides("0.0001", "0.0075"));
    EXPECT_TRUE(divides("1.5", "4.5"));
    EXPECT_TRUE(divides("2", "10"));
    EXPECT_TRUE(divides("2", "-1e999999999999"));
    EXPECT_TRUE(divides("2", "0"));
    EXPECT_TRUE(divides("1e-8", "12391239123"));
    EXPECT_TRUE(divides("7", "7"));
    EXPECT_TRUE(divides("2.5e-1", "0.75"));
    EXPECT_TRUE(divides("0.5", "1e308"));
    EXPECT_TRUE(divides("576460752303423488", "1e59"));
    EXPECT_TRUE(divides("999999999999999999", "999999999999999999000000000999999999999999999"));
    EXPECT_TRUE(divides("1e-99999999999999999999", "1"));
}

TEST(Decimal, OthersAreNoMultiples) {
    EXPECT_FALSE(divides("0.0001", "0.00751"));
    EXPECT_FALSE(divides("1.5", "35"));
    EXPECT_FALSE(divides("2", "7"));
    EXPECT_FALSE(divides("20", "10"));
    EXPECT_FALSE(divides("10", "15"));
    EXPECT_FALSE(divides("1", "1.5"));
    EXPECT_FALSE(divides("0.123456789", "1e308"));
    EXPECT_FALSE(divides("3", "1e999999999999999999999999"));
    EXPECT_FALSE(divides("2", "9007199254740993"));
    EXPECT_FALSE(divides("576460752303423488", "1e58"));
    EXPECT_FALSE(divides("999999999999999999", "999999999999999999000000000999999999999999998"));
    EXPECT_FALSE(divides("1", "1e-99999999999999999999"));
}

TEST(Decimal, DivisorsAreBounded) {
    EXPECT_TRUE(is_divisor(decimal("0.123456789012345678")));
    EXPECT_FALSE(is_divisor(decimal("0.1234567890123456789")));
    EXPECT_TRUE(is_divisor(decimal("1000000000000000000000")));
    EXPECT_FALSE(is_divisor(decimal("0")));
    EXPECT_FALSE(is_divisor(decimal("0.0")));
    EXPECT_FALSE(is_divisor(decimal("-1")));
}

// Against integers, which need no rounding.
TEST(Decimal, AgreesWithIntegers) {
    std::mt19937_64 random(11);
    const auto written = [&](std::int64_t value) {
        std::string text = std::to_string(value);
        switch (random() % 3) {
            case 0:
                return value == 0 ? "0e7" : text + "000e-3";
            case 1:
                return text + ".00e0";
            default:
                return text;
        }
    };
    for (int run = 0; run < 20'000; ++run) {
        const auto left = static_cast<std::int64_t>(random()) >> (random() % 63);
        const auto right =
            run % 5 == 0 ? left : static_cast<std::int64_t>(random()) >> (random() % 63);
        const std::string left_text = written(left);
        const std::string right_text = written(right);
        ASSERT_EQ(compared(left_text, right_text), left <=> right) << left_text << right_text;
        const std::int64_t divisor = 1 + static_cast<std::int64_t>(random() % 30);
        ASSERT_EQ(divides(written(divisor), left_text), left % divisor == 0)
            << left_text << " " << divisor;
    }
}

TEST(Decimal, LongNumbersTakeLittleTime) {
    const std::string digits(1'000'000, '7');
    EXPECT_EQ(compared(digits, digits + ".5"), std::strong_ordering::less);
    EXPECT_TRUE(divides("7", digits));
    EXPECT_FALSE(divides("999999999999999989", digits));
    EXPECT_EQ(compared("1e" + digits, "1e" + digits), std::strong_ordering::equal);
    EXPECT_EQ(compared("1e" + digits, "1e" + digits + "0"), std::strong_ordering::less);
}

}  // namespace
}  // namespace webhook
