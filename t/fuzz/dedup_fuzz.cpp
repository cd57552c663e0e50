// The input is a row of choices: what to do next to a table and to its model, which must agree; and
// what to spoil of the table then, which must be usable once it is restored.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "../unit/dedup_model.h"
#include "fuzz.h"

namespace webhook::fuzz {
namespace {

// Takes numbers from the input; zero once it is used up.
class Choices {
  public:
    Choices(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    bool any() const { return left_ > 0; }

    std::uint32_t below(std::uint32_t bound) {
        std::uint32_t number = byte();
        if (bound > 0x100) number = number << 8 | byte();
        return number % bound;
    }

  private:
    std::uint32_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }

    const std::uint8_t* data_;
    std::size_t left_;
};

testing::TrialSetting chosen_setting(std::uint32_t choice) {
    testing::TrialSetting setting;
    // Room for 67 events: at powers of two, numbers that overflow do no harm.
    setting.block_size += 3 * 36;
    setting.when_full = choice % 2 == 0 ? WhenFull::evict : WhenFull::reject;
    setting.most_keys = choice / 2 % 4 == 0 ? kMostKeys : 2;
    setting.keys_collide = choice / 8 % 2 != 0;
    setting.shortest_ttl = choice / 16 % 2 == 0 ? 100 : 1;
    setting.longest_ttl = 100;
    setting.events = 90;
    return setting;
}

class NobodyDies : public Liveness {
  public:
    bool alive(Owner /*owner*/) const override { return true; }
};

// Delivers twice as many events as the table holds.
void use(DedupTable& table, std::uint32_t now) {
    const NobodyDies liveness;
    for (std::uint64_t i = 0; i < 2 * table.stats().capacity; ++i) {
        const std::array keys{testing::numbered_key(1'000'000 + i)};
        const ClaimToken token{{9, 9}, i};
        const ClaimResult result = table.claim(keys, token, now, WhenFull::evict, liveness);
        require(result.outcome == ClaimOutcome::claimed, "a restored table claims what is new");
        table.commit(keys, token, 200, now, now + 10);
    }
    require(table.stats().in_flight == 0, "a restored table holds no claim");
    require(table.stats().remembered == table.stats().capacity, "a restored table fills up");
}

// Writes anything anywhere, but to what tells that this is a table.
void spoil_and_restore(const testing::DedupTrial& trial, Choices& choices) {
    constexpr std::uint32_t kIdentity = 24;
    testing::Block block(trial.bytes());
    const auto size = static_cast<std::uint32_t>(block.bytes().size());
    const bool has_successor = choices.below(2) == 0;
    while (choices.any()) {
        const std::uint32_t first = kIdentity + choices.below(size - kIdentity);
        const std::uint32_t count = 1 + choices.below(16);
        for (std::uint32_t at = first; at < std::min(size, first + count); ++at) {
            block.bytes()[at] = static_cast<std::byte>(choices.below(0x100));
        }
    }
    DedupTable table = DedupTable::attach(block.bytes());
    const std::uint64_t lost = table.restore(has_successor, testing::kSecret);
    require(table.stats().remembered + lost <= table.stats().capacity, "the count is right");
    require(table.stats().in_flight == 0, "claims are given up");
    use(table, trial.now());
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    Choices choices(data, size);
    const std::uint32_t setting = choices.below(128);
    webhook::testing::DedupTrial trial(chosen_setting(setting));
    if (setting / 32 == 0) trial.fill();
    // A choice of one step ends the trial, where there is more to choose.
    while (choices.any() && choices.below(64) != 63) {
        trial.step([&choices](std::uint32_t bound) { return choices.below(bound); });
        if (trial.difference().empty()) continue;
        std::fputs(trial.difference().c_str(), stderr);
        require(false, "the table does what its model does");
    }
    spoil_and_restore(trial, choices);
    return 0;
}
