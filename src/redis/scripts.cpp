#include "redis/scripts.h"

#include <array>

#include "base/digest.h"
#include "base/encoding.h"

namespace webhook::redis {
namespace {

// 68 is `D`. A value that is no claim of ours holds a key, too: it is told in no more bytes than a
// token has.
constexpr std::string_view kClaim = R"(local mine = 'C' .. ARGV[1]
local left, holder
for place, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value and value:byte() == 68 then
    return {1, tonumber(value:sub(2, 4)), redis.call('PTTL', key), place}
  end
  if value and value ~= mine then
    local its_left = redis.call('PTTL', key)
    if not left or its_left > left then
      left, holder = its_left, value:sub(2, 49)
    end
  end
end
if left then return {2, left, holder} end
for _, key in ipairs(KEYS) do
  redis.call('SET', key, mine, 'PX', ARGV[2])
end
return {0})";

constexpr std::string_view kCommit = R"(local lost = 0
for _, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if not value or value:byte() ~= 68 then
    if value ~= 'C' .. ARGV[1] then lost = lost + 1 end
    redis.call('SET', key, 'D' .. ARGV[2] .. ARGV[1], 'PX', ARGV[3])
  end
end
return lost)";

constexpr std::string_view kRelease = R"(local released = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == 'C' .. ARGV[1] then
    released = released + redis.call('DEL', key)
  end
end
return released)";

constexpr std::string_view kRenew = R"(local held = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == 'C' .. ARGV[1] then
    held = held + redis.call('PEXPIRE', key, ARGV[2])
  end
end
return held)";

constexpr std::array<ScriptInfo, kScriptCount> kScripts = {{
    {"claim", kClaim, 2},
    {"commit", kCommit, 3},
    {"release", kRelease, 1},
    {"renew", kRenew, 2},
}};

std::string sha1_hex(std::string_view text) {
    std::array<std::uint8_t, kLargestHash> bytes;
    HashStream hash(Hash::sha1);
    hash.update(text);
    return to_hex(hash.finish(bytes));
}

}  // namespace

const ScriptInfo& info(Script script) {
    return kScripts[static_cast<std::size_t>(script)];
}

const std::string& sha1_of(Script script) {
    static const auto all = [] {
        std::array<std::string, kScriptCount> hashes;
        for (std::size_t i = 0; i < kScriptCount; ++i) hashes[i] = sha1_hex(kScripts[i].text);
        return hashes;
    }();
    return all[static_cast<std::size_t>(script)];
}

}  // namespace webhook::redis
