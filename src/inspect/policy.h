// The demands of a location that decide whether a delivery is accepted.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "inspect/event_filter.h"
#include "scheme/scheme.h"

namespace webhook {

struct Schema;

// Whether the sender's endpoint verification is answered.
struct HandshakePolicy {
    bool on = false;
    // The digest of the token, which some senders present.
    std::optional<Sha256Digest> token;

    friend bool operator==(const HandshakePolicy&, const HandshakePolicy&) = default;
};

// One of the keys that an event is remembered under.
struct KeyRule {
    enum class Kind : std::uint8_t { event_id, event_key, expression };
    Kind kind = Kind::event_id;
    // As written. It keeps keys of different kinds apart.
    std::string text;
    // Without an event id, the rest of the key would be the same for every delivery, so such
    // deliveries are refused or go by their event key.
    bool names_event_id = false;
    bool names_event_key = false;

    friend bool operator==(const KeyRule&, const KeyRule&) = default;
};

inline constexpr std::size_t kDefaultPayloadMax = 1024 * 1024;

// A schema, and the types of events that it is for.
struct PayloadSchema {
    // Equal schemas are one object.
    std::shared_ptr<const Schema> schema;
    // No value: all.
    std::optional<EventPattern> type;

    friend bool operator==(const PayloadSchema&, const PayloadSchema&) = default;
};

// The most keys of an event.
inline constexpr std::size_t kMostKeyRules = 8;

// Two locations with equal policies, secrets, sources and memory of events judge a delivery alike.
struct Policy {
    std::shared_ptr<const Scheme> scheme;
    // Overrides the scheme's tolerance, if set.
    std::optional<Tolerance> tolerance;
    std::vector<std::string> methods{"POST"};
    bool require_tls = false;
    HandshakePolicy handshake;
    // In bytes. A larger body is never held as a whole.
    std::size_t payload_max = kDefaultPayloadMax;
    // Whether the signed URL is the same for all requests.
    bool url_is_fixed = false;
    EventFilter events;
    // The first that is for the event's type counts.
    std::vector<PayloadSchema> schemas;
    // Empty: no event is remembered.
    std::vector<KeyRule> keys;

    friend bool operator==(const Policy&, const Policy&) = default;

    // Whether the event's type has a say in the judgement.
    bool decides_by_type() const {
        if (!events.empty()) return true;
        for (const PayloadSchema& each : schemas) {
            if (each.type) return true;
        }
        return false;
    }
    bool remembers(KeyRule::Kind kind) const {
        for (const KeyRule& key : keys) {
            if (key.kind == kind) return true;
        }
        return false;
    }
};

}  // namespace webhook
