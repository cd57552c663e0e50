#include "jsonschema/schema.h"

#include <cstring>

namespace webhook {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * kOdd;
    return hash ^ (hash >> 32);
}

// Less than eight bytes, some of them twice. A copy of a variable size would be a call, for each
// member of a payload.
std::uint64_t short_word(std::string_view text) {
    if (text.size() >= sizeof(std::uint32_t)) {
        std::uint32_t head;
        std::uint32_t tail;
        std::memcpy(&head, text.data(), sizeof head);
        std::memcpy(&tail, text.data() + text.size() - sizeof tail, sizeof tail);
        return std::uint64_t{tail} << 32 | head;
    }
    if (text.empty()) return 0;
    const auto byte = [&](std::size_t at) {
        return std::uint64_t{static_cast<unsigned char>(text[at])};
    };
    return byte(0) | byte(text.size() / 2) << 8 | byte(text.size() - 1) << 16;
}

}  // namespace

std::uint32_t hash_name(std::string_view name) {
    std::uint64_t hash = name.size();
    while (name.size() >= kWord) {
        std::uint64_t word;
        std::memcpy(&word, name.data(), kWord);
        hash = mixed(hash, word);
        name.remove_prefix(kWord);
    }
    return static_cast<std::uint32_t>(mixed(hash, short_word(name)));
}

const SchemaName* find_name(const Schema& schema, Range slots, std::string_view name) {
    if (slots.empty()) return nullptr;
    const std::uint32_t mask = slots.size() - 1;
    const NameSlot* table = schema.slots.data() + slots.begin;
    const std::uint32_t hash = hash_name(name);
    for (std::uint32_t at = hash & mask; table[at].name != 0; at = (at + 1) & mask) {
        if (table[at].hash != hash) continue;
        const SchemaName& found = schema.names[table[at].name - 1];
        if (schema.text_of(found.text) == name) return &found;
    }
    return nullptr;
}

}  // namespace webhook
