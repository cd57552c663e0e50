// The memory of events in Redis: the call of each script, and what its reply means.
//
// All are plain functions, for any thread; those that build texts throw if memory is short.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "redis/resp.h"
#include "redis/scripts.h"
#include "store/dedup_table.h"

namespace webhook::redis {

// Identifies the memory that the processes of this node share: random, so that no other node has
// it, and the owner in a token is known in this memory.
using NodeId = std::uint64_t;

// A claim's token in the fleet: NODE (16 hex digits), process (8), generation (8), sequence (16).
std::string token_text(NodeId node, const ClaimToken& token);
inline constexpr std::size_t kTokenTextSize = 48;

// The token that the text stands for, if it is one of this node.
std::optional<ClaimToken> own_token(NodeId node, std::string_view text);

// Keys of the zone that remembers them: two zones share no event, over Redis as well.
struct ZoneKeys {
    // Without braces.
    std::string_view zone;
    std::span<const EventKey> keys;
};

// The name of an event's key: `wh:ZONE:{SHARED}:REST`, the last two in hex. The braces let the keys
// of an endpoint share a shard of a cluster, which runs no script over two of them.
std::string key_name(std::string_view zone, const EventKey& key);

// A script with its keys and arguments. It owns its texts, so that it can be sent again.
struct Call {
    Script script;
    std::vector<std::string> keys;
    std::vector<std::string> arguments;

    friend bool operator==(const Call&, const Call&) = default;
};

// Each has at least one key. A length of time below a millisecond is one. A status that is not
// from 200 to 299 becomes the nearest that is.
Call claim_call(const ZoneKeys& keys, std::string_view token_text, Milliseconds lease);
Call commit_call(const ZoneKeys& keys, std::string_view token_text, std::uint16_t status,
                 Milliseconds remembered_for);
Call release_call(const ZoneKeys& keys, std::string_view token_text);
Call renew_call(const ZoneKeys& keys, std::string_view token_text, Milliseconds lease);

// Appends the call by the script's name, which the server may not know (Consequence::eval).
void append_evalsha(std::string& out, const Call& call);
// Appends the call with the script's text, which the server knows from then on.
void append_eval(std::string& out, const Call& call);

struct ClaimAnswer {
    // `claimed`, `duplicate` or `in_flight`.
    ClaimOutcome outcome = ClaimOutcome::claimed;
    // Of a duplicate: the status of the response to the first delivery, 200 to 299.
    std::uint16_t status = 0;
    // How long a duplicate is remembered, or the claim in flight holds; nullopt: for ever, which
    // no script of ours does.
    std::optional<Milliseconds> left;
    // Of a claim in flight: who holds it. It may be the text of a stranger.
    std::string holder{};
    // Of a duplicate: which of the claim's keys was delivered, counted from 0.
    std::size_t key = 0;

    friend bool operator==(const ClaimAnswer&, const ClaimAnswer&) = default;
};

// What the reply to a claim of so many keys says. Returns nullopt for any reply that the script
// does not give, an error (server_error.h) included.
std::optional<ClaimAnswer> parse_claim(const Reply& reply, std::size_t keys);

// The number of keys that commit, release or renew returned: at most that of the call. Returns
// nullopt for any other reply.
std::optional<std::size_t> parse_count(const Reply& reply, std::size_t keys);

}  // namespace webhook::redis
