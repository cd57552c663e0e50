// How the upstream answered a delivery that was handed on.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace webhook {

enum class Outcome : std::uint8_t {
    success,
    redirection,
    client_error,
    server_error,
    // The upstream was asked, and did not answer in time.
    timeout,
    // It could not be reached, or its answer was none.
    no_answer,
    // The sender left before the upstream had answered.
    client_gone,
    // nginx answered without an upstream.
    local
};

// The labels, in the order of the values.
inline constexpr std::array<std::string_view, 8> kOutcomeNames{
    "2xx", "3xx", "4xx", "5xx", "timeout", "no_answer", "client_gone", "local"};

inline constexpr std::string_view name_of(Outcome outcome) {
    return kOutcomeNames[static_cast<std::size_t>(outcome)];
}

}  // namespace webhook
