// A text that is written step by step, so that a worker can serve others in between: a report of
// many endpoints takes longer than a delivery may wait.
//
// Each step is short, whatever the number of endpoints. For use by one thread.

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace webhook {

class StepwiseText {
  public:
    virtual ~StepwiseText() = default;
    StepwiseText(const StepwiseText&) = delete;
    StepwiseText& operator=(const StepwiseText&) = delete;

    bool is_complete() const { return steps_left() == 0; }
    std::size_t steps_left() const { return steps_.size() - next_; }
    // Writes some more. Not to be called once it is complete.
    void write_more() { steps_[next_++](); }

    // What there is, to be taken once.
    virtual std::string take() = 0;

    // All of it at once.
    std::string finish() {
        while (!is_complete()) write_more();
        return take();
    }

  protected:
    using Step = std::function<void()>;

    StepwiseText() = default;
    void add_step(Step step) { steps_.push_back(std::move(step)); }

    // Steps that call `write` for each element of the list, which must outlive them; each step for
    // as many as are `at_once`.
    template <typename Elements, typename Write>
    void add_steps(const Elements& elements, std::size_t at_once, Write write) {
        for (std::size_t first = 0; first < elements.size(); first += at_once) {
            add_step([&elements, at_once, write, first] {
                const std::size_t end = std::min(first + at_once, elements.size());
                for (std::size_t i = first; i < end; ++i) write(elements[i]);
            });
        }
    }

  private:
    std::vector<Step> steps_;
    std::size_t next_ = 0;
};

}  // namespace webhook
