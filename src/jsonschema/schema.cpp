#include "jsonschema/schema.h"

#include "base/words.h"

namespace webhook {
namespace {

constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * kOdd;
    return hash ^ (hash >> 32);
}

}  // namespace

std::uint32_t hash_name(std::string_view name) {
    const bool is_short = name.size() < kWordSize;
    std::uint64_t hash = mixed(name.size(), is_short ? short_word(name) : last_word(name));
    for (; name.size() > kWordSize; name.remove_prefix(kWordSize)) {
        hash = mixed(hash, first_word(name));
    }
    return static_cast<std::uint32_t>(hash);
}

const SchemaName* find_name(const Schema& schema, Range slots, std::string_view name) {
    if (slots.empty()) return nullptr;
    const std::uint32_t mask = slots.size() - 1;
    const NameSlot* table = schema.slots.data() + slots.begin;
    const std::uint32_t hash = hash_name(name);
    for (std::uint32_t at = hash & mask; table[at].name != 0; at = (at + 1) & mask) {
        if (table[at].hash != hash) continue;
        const SchemaName& found = schema.names[table[at].name - 1];
        if (are_equal(schema.text_of(found.text), name)) return &found;
    }
    return nullptr;
}

}  // namespace webhook
