#include "jsonschema/pattern_backtracking.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "jsonschema/pattern_position.h"
#include "jsonschema/pattern_work.h"

namespace webhook {
namespace {

using Kind = PatternInstruction::Kind;

// An instruction takes twice as long as in the automaton.
constexpr std::size_t kCost = 2;
constexpr std::size_t kCostOfMemory = 16;
constexpr std::size_t kUnset = static_cast<std::size_t>(-1);

// Where to go on, or what to put back, when a way has failed.
struct Choice {
    static constexpr std::uint32_t kGoOn = 0xffffffff;

    // A register's index, or kGoOn.
    std::uint32_t register_index;
    std::uint32_t instruction;
    // The place in the text, or the register's value.
    std::size_t value;
};

class Backtracking {
  public:
    Backtracking(const PatternProgram& program, std::string_view text, Steps& steps)
        : program_(program),
          text_(text),
          work_(steps),
          registers_(kPerGroup * (program.group_count + 1) + program.loop_count, kUnset) {}

    Found search() {
        work_.add(kCostOfMemory);
        Found found = Found::no;
        for (std::size_t at = 0; found == Found::no; at += code_point_at(text_, at).size) {
            if (!work_.add(registers_.size() / 8)) return Found::exhausted;
            std::fill(registers_.begin(), registers_.end(), kUnset);
            choices_.clear();
            found = run(program_.entry, at);
            if (at == text_.size() || program_.is_anchored) break;
        }
        return work_.settle() ? found : Found::exhausted;
    }

  private:
    // A group's start and end, and the place where it was opened last.
    static constexpr std::uint32_t kPerGroup = 3;

    // Runs until there is a match, or no choice is left of those that were made here. What was
    // made here stays after a match.
    Found run(std::uint32_t instruction, std::size_t at) {
        const std::size_t bottom = choices_.size();
        instruction_ = instruction;
        at_ = at;
        while (program_.code[instruction_].kind != Kind::match) {
            if (!work_.add(kCost) || choices_.size() > kMostPatternChoices) return Found::exhausted;
            const Found passed = pass(program_.code[instruction_]);
            if (passed == Found::exhausted) return passed;
            if (passed == Found::no && !go_back(bottom)) return Found::no;
        }
        return Found::yes;
    }

    // Puts back what was set since the last choice, and takes it. False: there is none.
    bool go_back(std::size_t bottom) {
        while (choices_.size() > bottom) {
            const Choice choice = choices_.back();
            choices_.pop_back();
            if (choice.register_index == Choice::kGoOn) {
                instruction_ = choice.instruction;
                at_ = choice.value;
                return true;
            }
            registers_[choice.register_index] = choice.value;
        }
        return false;
    }

    void set(std::uint32_t index, std::size_t value) {
        choices_.push_back({index, 0, registers_[index]});
        registers_[index] = value;
    }

    // Executes one instruction. No: this way has failed.
    Found pass(const PatternInstruction& instruction) {
        switch (instruction.kind) {
            case Kind::split:
                choices_.push_back({Choice::kGoOn, instruction.second, at_});
                instruction_ = instruction.first;
                return Found::yes;
            case Kind::jump:
                instruction_ = instruction.first;
                return Found::yes;
            case Kind::look:
                return look(program_.looks[instruction.first]);
            case Kind::forget_groups:
                ++instruction_;
                return forget_groups(instruction) ? Found::yes : Found::exhausted;
            default:
                if (!pass_on(instruction)) return Found::no;
                ++instruction_;
                return Found::yes;
        }
    }

    bool pass_on(const PatternInstruction& instruction) {
        switch (instruction.kind) {
            case Kind::character:
                return pass_character(instruction);
            case Kind::open_group:
                set(kPerGroup * instruction.first + 2, at_);
                return true;
            case Kind::close_group:
                close_group(instruction);
                return true;
            case Kind::back_reference:
                return pass_again(instruction);
            case Kind::enter_loop:
                set(loop_register(instruction), at_);
                return true;
            case Kind::check_loop:
                return registers_[loop_register(instruction)] != at_;
            default:
                return asserts(instruction, text_, at_);
        }
    }

    // False: no steps are left.
    bool forget_groups(const PatternInstruction& instruction) {
        for (std::uint32_t i = instruction.first; i < instruction.second; ++i) {
            if (registers_[kPerGroup * i] != kUnset) set(kPerGroup * i, kUnset);
        }
        return work_.add(instruction.second - instruction.first);
    }

    std::uint32_t loop_register(const PatternInstruction& instruction) const {
        return kPerGroup * (program_.group_count + 1) + instruction.first;
    }

    bool pass_character(const PatternInstruction& instruction) {
        const bool backward = instruction.is_backward;
        if (at_ == (backward ? 0 : text_.size())) return false;
        const DecodedCodePoint character =
            backward ? code_point_before(text_, at_) : code_point_at(text_, at_);
        at_ = backward ? at_ - character.size : at_ + character.size;
        return program_.sets[instruction.first].contains(character.value);
    }

    void close_group(const PatternInstruction& instruction) {
        const std::uint32_t group = kPerGroup * instruction.first;
        const std::size_t opened = registers_[group + 2];
        set(group, std::min(opened, at_));
        set(group + 1, std::max(opened, at_));
    }

    // A group that has not matched is passed as if it were empty.
    bool pass_again(const PatternInstruction& instruction) {
        const std::uint32_t group = kPerGroup * instruction.first;
        if (registers_[group] == kUnset) return true;
        const std::string_view wanted =
            text_.substr(registers_[group], registers_[group + 1] - registers_[group]);
        work_.add(wanted.size() / 8);
        if (instruction.is_backward) {
            if (!text_.substr(0, at_).ends_with(wanted)) return false;
            at_ -= wanted.size();
        } else {
            if (!text_.substr(at_).starts_with(wanted)) return false;
            at_ += wanted.size();
        }
        return true;
    }

    // What a look has found is final; the groups that it has set may be put back.
    Found look(const PatternLook& look) {
        const std::uint32_t instruction = instruction_;
        const std::size_t at = at_;
        const std::size_t bottom = choices_.size();
        const Found found = run(look.entry, at);
        if (found == Found::exhausted) return found;
        if (look.is_negated) {
            undo(bottom);
        } else {
            const auto from = choices_.begin() + static_cast<std::ptrdiff_t>(bottom);
            choices_.erase(std::remove_if(from, choices_.end(),
                                          [](const Choice& choice) {
                                              return choice.register_index == Choice::kGoOn;
                                          }),
                           choices_.end());
        }
        instruction_ = instruction + 1;
        at_ = at;
        const bool is_found = found == Found::yes;
        return is_found != look.is_negated ? Found::yes : Found::no;
    }

    void undo(std::size_t bottom) {
        while (choices_.size() > bottom) {
            const Choice& choice = choices_.back();
            if (choice.register_index != Choice::kGoOn) {
                registers_[choice.register_index] = choice.value;
            }
            choices_.pop_back();
        }
    }

    const PatternProgram& program_;
    std::string_view text_;
    PatternWork work_;
    std::vector<std::size_t> registers_;
    std::vector<Choice> choices_;
    std::uint32_t instruction_ = 0;
    std::size_t at_ = 0;
};

}  // namespace

Found search_backtracking(const PatternProgram& program, std::string_view text, Steps& steps) {
    return Backtracking(program, text, steps).search();
}

}  // namespace webhook
