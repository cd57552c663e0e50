// Schemes to begin with, and what is said of those that are none.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "scheme/builder.h"
#include "scheme/scheme.h"

namespace webhook::testing {

template <typename Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const ConfigError& error) {
        return error.what();
    }
    ADD_FAILURE() << "no ConfigError";
    return "";
}

inline void expect_refused(const std::string& text,
                           const std::vector<std::string>& mentioned = {}) {
    SCOPED_TRACE(text);
    const std::string message = refusal([&] { parse_scheme("acme", text); });
    EXPECT_FALSE(message.empty());
    for (const std::string& word : mentioned) {
        EXPECT_NE(std::string::npos, message.find(word)) << in_quotes(word) << " in: " << message;
    }
}

inline const std::string kToken = "algorithm token; signature header=Token;";
inline const std::string kHmac =
    "algorithm hmac-sha256; signed '{body}'; signature header=Signature;";
// Whatever has to follow a `signed` of its own.
inline const std::string kUnsigned = "algorithm hmac-sha256; signature header=Signature;";
inline const std::string kWithoutSignature = "algorithm hmac-sha256; signed '{body}';";

inline Scheme parsed(const std::string& text) {
    return parse_scheme("acme", text);
}

}  // namespace webhook::testing
