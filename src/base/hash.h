// The hashes that senders use, by name. See digest.h for their computation.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace webhook {

enum class Hash : std::uint8_t { sha1, sha256, sha384, sha512 };

inline constexpr std::size_t kHashCount = 4;
inline constexpr std::size_t kLargestHash = 64;

// The length of a hash, in bytes.
std::size_t hash_size(Hash hash);

// `sha1`, `sha256`, `sha384`, `sha512`.
std::optional<Hash> find_hash(std::string_view name);

using Sha256Digest = std::array<std::uint8_t, 32>;

}  // namespace webhook
