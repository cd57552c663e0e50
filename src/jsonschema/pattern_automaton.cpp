#include "jsonschema/pattern_automaton.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "jsonschema/pattern_position.h"
#include "jsonschema/pattern_work.h"

namespace webhook {
namespace {

using Kind = PatternInstruction::Kind;

// The ways that are followed, at one place of the text.
struct Ways {
    // The instructions that wait for a character.
    std::vector<std::uint32_t> now;
    std::vector<std::uint32_t> next;
    std::vector<std::uint32_t> pending;
    // For each instruction, the round in which it was followed last.
    std::vector<std::uint64_t> followed;
    std::uint64_t round = 0;
};

// One for each depth of looks.
std::vector<Ways>& kept_ways() {
    thread_local std::vector<Ways> ways;
    return ways;
}

class Automaton {
  public:
    Automaton(const PatternProgram& program, std::string_view text, Steps& steps)
        : program_(program), text_(text), work_(steps), ways_(kept_ways()) {
        if (ways_.size() <= program.look_depth) ways_.resize(program.look_depth + 1);
    }

    Found search() {
        const Found found = run(program_.entry, 0, false, !program_.is_anchored, 0);
        return work_.settle() ? found : Found::exhausted;
    }

  private:
    // Whether there is a match from a place, or also from any later one.
    Found run(std::uint32_t entry, std::size_t at, bool backward, bool also_later,
              std::size_t depth) {
        start(depth);
        const std::vector<std::uint32_t>& waiting = ways_[depth].next;
        for (bool begins = true;; begins = also_later) {
            if (also_later && waiting.empty()) at = next_beginning(at);
            Found found = begins ? follow(entry, at, depth) : Found::no;
            if (found != Found::no) return found;
            if (waiting.empty() && !also_later) return Found::no;
            if (at == (backward ? 0 : text_.size())) return Found::no;
            const DecodedCodePoint passed =
                backward ? code_point_before(text_, at) : code_point_at(text_, at);
            at = backward ? at - passed.size : at + passed.size;
            found = pass(passed.value, at, depth);
            if (found != Found::no) return found;
        }
    }

    void start(std::size_t depth) {
        Ways& ways = ways_[depth];
        if (ways.followed.size() < program_.code.size()) {
            ways.followed.resize(program_.code.size());
        }
        ways.next.clear();
        ++ways.round;
    }

    // Goes on by one character with what waits for it.
    Found pass(CodePoint character, std::size_t at, std::size_t depth) {
        Ways& ways = ways_[depth];
        std::swap(ways.now, ways.next);
        ways.next.clear();
        ++ways.round;
        // Beyond ASCII, a set is searched.
        const std::size_t cost = character < 0x80 ? 1 : 2;
        if (!work_.add(cost * (ways.now.size() + 1))) return Found::exhausted;
        for (const std::uint32_t waiting : ways.now) {
            if (!program_.sets[program_.code[waiting].first].contains(character)) continue;
            const Found found = follow(waiting + 1, at, depth);
            if (found != Found::no) return found;
        }
        return Found::no;
    }

    // Follows all ways from an instruction to the next characters. Yes: one is at the end.
    Found follow(std::uint32_t next, std::size_t at, std::size_t depth) {
        Ways& ways = ways_[depth];
        ways.pending.assign(1, next);
        std::size_t count = 0;
        Found found = Found::no;
        while (found == Found::no && !ways.pending.empty()) {
            next = ways.pending.back();
            ways.pending.pop_back();
            // On the way to a character, most instructions have one that follows.
            while (found == Found::no && ways.followed[next] != ways.round) {
                ways.followed[next] = ways.round;
                ++count;
                found = follow_one(next, at, depth);
            }
        }
        return work_.add(count) ? found : Found::exhausted;
    }

    // Goes on to the next instruction, if this one does not wait for a character.
    Found follow_one(std::uint32_t& place, std::size_t at, std::size_t depth) {
        const PatternInstruction& instruction = program_.code[place];
        switch (instruction.kind) {
            case Kind::match:
                return Found::yes;
            case Kind::character:
                ways_[depth].next.push_back(place);
                return Found::no;
            case Kind::split:
                ways_[depth].pending.push_back(instruction.second);
                [[fallthrough]];
            case Kind::jump:
                place = instruction.first;
                return Found::no;
            case Kind::look: {
                const Found found = look(program_.looks[instruction.first], at, depth);
                if (found == Found::yes) ++place;
                return found == Found::exhausted ? found : Found::no;
            }
            default:
                if (asserts(instruction, text_, at)) ++place;
                return Found::no;
        }
    }

    Found look(const PatternLook& look, std::size_t at, std::size_t depth) {
        const Found found = run(look.entry, at, look.is_backward, false, depth + 1);
        if (found == Found::exhausted || !look.is_negated) return found;
        return found == Found::yes ? Found::no : Found::yes;
    }

    // The first place from here where a match may begin, or the end.
    std::size_t next_beginning(std::size_t at) {
        if (program_.may_be_empty) return at;
        const std::size_t start = at;
        while (at < text_.size() && !program_.first_bytes[static_cast<unsigned char>(text_[at])]) {
            ++at;
        }
        work_.add((at - start) / 4);
        return at;
    }

    const PatternProgram& program_;
    std::string_view text_;
    PatternWork work_;
    std::vector<Ways>& ways_;
};

}  // namespace

Found search_automaton(const PatternProgram& program, std::string_view text, Steps& steps) {
    return Automaton(program, text, steps).search();
}

}  // namespace webhook
