// What an error reply of Redis or Valkey means for who asked.
//
// An error may repeat the command, and so a secret or a payload. Nothing of it is logged but its
// first word, if that looks like one of Redis' own.
//
// Source: the servers' own texts (Redis 6.2 to 8, Valkey 8), and for MOVED and ASK
// redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace webhook::redis {

enum class Consequence : std::uint8_t {
    // Send the call again with the script's text.
    eval,
    // The server cannot do it now: ask it later.
    later,
    // It is the wrong server: leave it, and look its name up again.
    other_server,
    // Only an administrator can mend it.
    configuration,
    // It has no memory for another event.
    full,
    // The slot is elsewhere, from now on: send the call there.
    moved,
    // This one call is to be sent elsewhere, after ASKING.
    ask,
    // Anything else: this call has failed.
    failed,
};

// Where a cluster sends a call.
struct Redirect {
    // 0 to 16383.
    std::uint16_t slot = 0;
    // A name or an address, without brackets; empty: the host that was asked.
    std::string host;
    std::uint16_t port = 0;

    friend bool operator==(const Redirect&, const Redirect&) = default;
};

struct ServerError {
    Consequence consequence = Consequence::failed;
    // Of `moved` and `ask`.
    std::optional<Redirect> redirect;
    // For a log: `is loading its data (LOADING)`, worded to follow the server's name.
    std::string text;
};

// `error` is the text of an error reply. One that names no usable target is `failed`.
ServerError read_error(std::string_view error);

}  // namespace webhook::redis
