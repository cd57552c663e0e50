#include "verify/reason.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

struct Expected {
    Reason reason;
    std::string_view name;
    int status;
};

// The table of design.md, section 3, in the order of the checks.
const std::vector<Expected> kExpected{
    {Reason::method, "method", 405},
    {Reason::insecure, "insecure", 403},
    {Reason::ip_denied, "ip_denied", 403},
    {Reason::no_endpoint, "no_endpoint", 401},
    {Reason::missing_signature, "missing_signature", 401},
    {Reason::malformed_signature, "malformed_signature", 401},
    {Reason::missing_timestamp, "missing_timestamp", 401},
    {Reason::malformed_timestamp, "malformed_timestamp", 401},
    {Reason::missing_header, "missing_header", 401},
    {Reason::malformed_header, "malformed_header", 401},
    {Reason::stale_timestamp, "stale_timestamp", 401},
    {Reason::future_timestamp, "future_timestamp", 401},
    {Reason::no_secret, "no_secret", 401},
    {Reason::incomplete_body, "incomplete_body", 400},
    {Reason::bad_signature, "bad_signature", 401},
    {Reason::handshake, "handshake", 0},
    {Reason::filtered, "filtered", 200},
    {Reason::invalid_payload, "invalid_payload", 400},
    {Reason::schema_violation, "schema_violation", 422},
    {Reason::missing_event_id, "missing_event_id", 400},
    {Reason::duplicate, "duplicate", 0},
    {Reason::in_flight, "in_flight", 503},
    {Reason::unavailable, "unavailable", 503},
    {Reason::cached, "cached", 503},
    {Reason::bad_answer, "bad_answer", 502},
    {Reason::internal, "internal", 500},
    {Reason::accepted, "accepted", 0},
};

TEST(Reason, HasTheNameAndAnswerOfTheDesign) {
    for (const Expected& expected : kExpected) {
        EXPECT_EQ(expected.reason, info(expected.reason).reason) << expected.name;
        EXPECT_EQ(expected.name, info(expected.reason).name);
        EXPECT_EQ(expected.status, info(expected.reason).status) << expected.name;
    }
}

TEST(Reason, ComesInTheOrderOfTheChecks) {
    for (std::size_t i = 1; i < kExpected.size(); ++i) {
        EXPECT_LT(kExpected[i - 1].reason, kExpected[i].reason) << kExpected[i].name;
    }
}

TEST(Reason, EveryRowIsIndexedByItsValue) {
    for (std::size_t i = 0; i < kReasonCount; ++i) {
        EXPECT_EQ(i, static_cast<std::size_t>(all_reasons()[i].reason));
        EXPECT_EQ(&all_reasons()[i], &info(static_cast<Reason>(i)));
    }
}

TEST(Reason, IsFoundByItsExactName) {
    for (const ReasonInfo& row : all_reasons()) {
        EXPECT_EQ(row.reason, find_reason(row.name)) << row.name;
        EXPECT_EQ(std::nullopt, find_reason(std::string(row.name) + " ")) << row.name;
        EXPECT_EQ(std::nullopt, find_reason(row.name.substr(1))) << row.name;
        EXPECT_EQ(std::nullopt, find_reason(row.name.substr(0, row.name.size() - 1))) << row.name;
    }
    for (std::string_view name : {"", "Method", "DUPLICATE", "in-flight", "unknown"}) {
        EXPECT_EQ(std::nullopt, find_reason(name)) << name;
    }
}

TEST(Reason, SenderIsAskedToComeBackExactlyWhereItIsTold503) {
    for (const ReasonInfo& row : all_reasons()) {
        EXPECT_EQ(row.status == 503, row.retry_after) << row.name;
    }
}

// What is filtered is not to be sent again.
TEST(Reason, EveryRefusalIsAnError) {
    for (const ReasonInfo& row : all_reasons()) {
        if (row.status != 0 && row.reason != Reason::filtered) {
            EXPECT_GE(row.status, 400) << row.name;
            EXPECT_LE(row.status, 599) << row.name;
        }
    }
}

}  // namespace
}  // namespace webhook
