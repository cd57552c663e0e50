// What a search has found, and what it costs: counts instructions, and takes steps for them.

#pragma once

#include <cstddef>
#include <cstdint>

#include "jsonschema/steps.h"

namespace webhook {

enum class Found : std::uint8_t { yes, no, exhausted };

class PatternWork {
  public:
    explicit PatternWork(Steps& steps) : steps_(steps) {}

    // Takes steps from time to time. False if none are left, and ever after.
    bool add(std::size_t instructions) {
        pending_ += instructions;
        return pending_ < kBatch ? !steps_.exhausted() : settle();
    }

    // Takes the steps for what is pending.
    bool settle() {
        // One more, so that many short searches cost as much as they do.
        const std::size_t count = pending_ / kInstructionsPerStep + 1;
        pending_ = 0;
        return steps_.take(static_cast<std::uint32_t>(count));
    }

  private:
    static constexpr std::size_t kInstructionsPerStep = 4;
    static constexpr std::size_t kBatch = 256;

    Steps& steps_;
    std::size_t pending_ = 0;
};

}  // namespace webhook
