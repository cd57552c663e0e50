// What a location demands of its deliveries, as far as that decides about them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "scheme/scheme.h"

namespace webhook {

// Whether the sender's endpoint verification is answered.
struct HandshakePolicy {
    bool on = false;
    // The digest of the token that some senders present.
    std::optional<Sha256Digest> token;

    friend bool operator==(const HandshakePolicy&, const HandshakePolicy&) = default;
};

// One of the keys that an event is remembered under.
struct KeyRule {
    enum class Kind : std::uint8_t { event_id, event_key, expression };
    Kind kind = Kind::event_id;
    // As written: it keeps the keys of different kinds apart.
    std::string text;
    // What else it holds would make one event of all that have no id.
    bool names_event_id = false;
    bool names_event_key = false;

    friend bool operator==(const KeyRule&, const KeyRule&) = default;
};

inline constexpr std::size_t kDefaultPayloadMax = 1024 * 1024;
// At most this many for an event.
inline constexpr std::size_t kMostKeyRules = 8;

// Two locations that are equal in this, and in where their deliveries' secrets, sources and memory
// are, judge a delivery alike.
struct Policy {
    std::shared_ptr<const Scheme> scheme;
    // Replaces the scheme's, where there is one.
    std::optional<Tolerance> tolerance;
    std::vector<std::string> methods{"POST"};
    bool require_tls = false;
    HandshakePolicy handshake;
    // In bytes. A larger body is never held as a whole.
    std::size_t payload_max = kDefaultPayloadMax;
    // Whether the URL that is signed is the same for all requests.
    bool url_is_fixed = false;
    // Empty: no event is remembered.
    std::vector<KeyRule> keys;

    friend bool operator==(const Policy&, const Policy&) = default;

    bool remembers(KeyRule::Kind kind) const {
        for (const KeyRule& key : keys) {
            if (key.kind == kind) return true;
        }
        return false;
    }
};

}  // namespace webhook
