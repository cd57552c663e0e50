// The input is a row of choices: what to do next to a table and to its model, which must agree.

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
    setting.when_full = choice % 2 == 0 ? WhenFull::evict : WhenFull::reject;
    setting.most_keys = choice / 2 % 4 == 0 ? kMostKeys : 2;
    setting.keys_collide = choice / 8 % 2 != 0;
    setting.shortest_ttl = choice / 16 % 2 == 0 ? 100 : 1;
    setting.longest_ttl = 100;
    setting.events = 90;
    return setting;
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    Choices choices(data, size);
    const std::uint32_t setting = choices.below(128);
    webhook::testing::DedupTrial trial(chosen_setting(setting));
    if (setting / 32 == 0) trial.fill();
    while (choices.any()) {
        trial.step([&choices](std::uint32_t bound) { return choices.below(bound); });
        if (trial.difference().empty()) continue;
        std::fputs(trial.difference().c_str(), stderr);
        require(false, "the table does what its model does");
    }
    return 0;
}
