#include "jsonschema/pattern_program.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/errors.h"

namespace webhook {
namespace {

using Kind = PatternInstruction::Kind;

bool may_be_empty(const PatternNode& node) {
    const auto any_part = [&] {
        return std::any_of(node.parts.begin(), node.parts.end(), may_be_empty);
    };
    switch (node.kind) {
        case PatternNode::Kind::character:
            return false;
        case PatternNode::Kind::sequence:
        case PatternNode::Kind::group:
            return std::all_of(node.parts.begin(), node.parts.end(), may_be_empty);
        case PatternNode::Kind::alternatives:
            return any_part();
        case PatternNode::Kind::repetition:
            return node.least == 0 || any_part();
        default:
            return true;
    }
}

class Compiler {
  public:
    explicit Compiler(const PatternTree& tree) : tree_(tree) {
        program_.group_count = tree.group_count;
        program_.has_back_references = tree.has_back_references;
    }

    PatternProgram compile() {
        emit(tree_.root, false);
        emit({});
        // What is looked for stands behind; it may hold looks again.
        for (std::size_t at = 0; at < pending_.size(); ++at) {
            const Pending look = pending_[at];
            depth_ = look.depth;
            program_.looks[at].entry = here();
            emit(look.node->parts.front(), look.node->looks_behind);
            emit({});
        }
        return std::move(program_);
    }

  private:
    struct Pending {
        const PatternNode* node;
        std::size_t depth;
    };

    std::uint32_t here() const { return static_cast<std::uint32_t>(program_.code.size()); }

    std::uint32_t emit(PatternInstruction instruction) {
        if (program_.code.size() >= kMostPatternInstructions) {
            throw ConfigError(
                "invalid pattern: its repetitions are too large: it needs more than " +
                std::to_string(kMostPatternInstructions) + " instructions");
        }
        program_.code.push_back(instruction);
        return here() - 1;
    }

    void emit(const PatternNode& node, bool backward) {
        switch (node.kind) {
            case PatternNode::Kind::character:
                emit({Kind::character, false, backward, set_index(node), 0});
                break;
            case PatternNode::Kind::sequence:
                emit_sequence(node, backward);
                break;
            case PatternNode::Kind::alternatives:
                emit_alternatives(node, backward);
                break;
            case PatternNode::Kind::group:
                emit_group(node, backward);
                break;
            case PatternNode::Kind::repetition:
                emit_repetition(node, backward);
                break;
            case PatternNode::Kind::start:
                emit({Kind::start});
                break;
            case PatternNode::Kind::end:
                emit({Kind::end});
                break;
            case PatternNode::Kind::boundary:
                emit({Kind::boundary, node.is_negated});
                break;
            case PatternNode::Kind::look:
                emit_look(node);
                break;
            case PatternNode::Kind::back_reference:
                emit({Kind::back_reference, false, backward, node.number, 0});
                break;
        }
    }

    void emit_sequence(const PatternNode& node, bool backward) {
        const std::size_t size = node.parts.size();
        for (std::size_t i = 0; i < size; ++i) {
            emit(node.parts[backward ? size - 1 - i : i], backward);
        }
    }

    void emit_alternatives(const PatternNode& node, bool backward) {
        std::vector<std::uint32_t> ends;
        for (std::size_t i = 0; i + 1 < node.parts.size(); ++i) {
            const std::uint32_t split = emit({Kind::split});
            program_.code[split].first = here();
            emit(node.parts[i], backward);
            ends.push_back(emit({Kind::jump}));
            program_.code[split].second = here();
        }
        emit(node.parts.back(), backward);
        for (const std::uint32_t end : ends) program_.code[end].first = here();
    }

    void emit_group(const PatternNode& node, bool backward) {
        const bool is_kept = tree_.has_back_references;
        if (is_kept) emit({Kind::open_group, false, backward, node.number, 0});
        emit(node.parts.front(), backward);
        if (is_kept) emit({Kind::close_group, false, backward, node.number, 0});
    }

    void emit_repetition(const PatternNode& node, bool backward) {
        for (std::uint32_t i = 0; i < node.least; ++i) {
            const std::uint32_t before = here();
            emit_round(node, backward);
            // What takes no instruction needs no second round.
            if (here() == before) return;
        }
        if (node.most == kUnbounded) {
            emit_loop(node, backward);
        } else {
            emit_optional_rounds(node, backward);
        }
    }

    void emit_round(const PatternNode& node, bool backward) {
        if (tree_.has_back_references && node.first_group < node.end_group) {
            emit({Kind::forget_groups, false, false, node.first_group, node.end_group});
        }
        emit(node.parts.front(), backward);
    }

    // A round that may be left out, and does not count if it gets no further.
    void emit_checked_round(const PatternNode& node, bool backward) {
        const bool is_checked = tree_.has_back_references && may_be_empty(node.parts.front());
        const std::uint32_t loop = is_checked ? program_.loop_count++ : 0;
        if (is_checked) emit({Kind::enter_loop, false, false, loop, 0});
        emit_round(node, backward);
        if (is_checked) emit({Kind::check_loop, false, false, loop, 0});
    }

    void emit_loop(const PatternNode& node, bool backward) {
        const std::uint32_t split = emit({Kind::split});
        emit_checked_round(node, backward);
        emit({Kind::jump, false, false, split, 0});
        set_ways(split, split + 1, here(), node.is_lazy);
    }

    void emit_optional_rounds(const PatternNode& node, bool backward) {
        std::vector<std::uint32_t> splits;
        for (std::uint32_t i = node.least; i < node.most; ++i) {
            splits.push_back(emit({Kind::split}));
            emit_checked_round(node, backward);
            if (here() == splits.back() + 1) break;
        }
        for (const std::uint32_t split : splits) set_ways(split, split + 1, here(), node.is_lazy);
    }

    void set_ways(std::uint32_t split, std::uint32_t on, std::uint32_t out, bool is_lazy) {
        program_.code[split].first = is_lazy ? out : on;
        program_.code[split].second = is_lazy ? on : out;
    }

    // A look inside a repetition is asserted by each round, and looked for by the same
    // instructions.
    void emit_look(const PatternNode& node) {
        const auto [known, is_new] =
            looks_.try_emplace(&node, static_cast<std::uint32_t>(pending_.size()));
        if (is_new) {
            if (depth_ >= kDeepestPatternLooks) {
                throw ConfigError("invalid pattern: lookarounds are nested more deeply than " +
                                  std::to_string(kDeepestPatternLooks));
            }
            pending_.push_back({&node, depth_ + 1});
            program_.looks.push_back({0, node.looks_behind, node.is_negated});
            program_.look_depth = std::max(program_.look_depth, depth_ + 1);
        }
        emit({Kind::look, false, false, known->second, 0});
    }

    std::uint32_t set_index(const PatternNode& node) {
        const auto [known, is_new] =
            sets_.try_emplace(&node, static_cast<std::uint32_t>(program_.sets.size()));
        if (is_new) program_.sets.push_back(set_of(node.written));
        return known->second;
    }

    const PatternTree& tree_;
    PatternProgram program_;
    std::vector<Pending> pending_;
    std::size_t depth_ = 0;
    std::map<const PatternNode*, std::uint32_t> looks_;
    std::map<const PatternNode*, std::uint32_t> sets_;
};

// Finds out how a program begins: follows all ways up to the first character.
class Beginning {
  public:
    explicit Beginning(PatternProgram& program) : program_(program), seen_(program.code.size()) {}

    void find() {
        program_.first_bytes.assign(256, false);
        program_.is_anchored = true;
        program_.may_be_empty = false;
        // What stands behind a `^` matters for the first bytes alone.
        follow(program_.entry, false);
        std::vector<std::uint32_t> starts;
        starts.swap(starts_);
        for (const std::uint32_t start : starts) follow(start + 1, true);
    }

  private:
    void follow(std::uint32_t from, bool behind_start) {
        ways_.push_back(from);
        while (!ways_.empty()) {
            const std::uint32_t at = ways_.back();
            ways_.pop_back();
            if (seen_[at]) continue;
            seen_[at] = true;
            visit(at, behind_start);
        }
    }

    void visit(std::uint32_t at, bool behind_start) {
        const PatternInstruction& instruction = program_.code[at];
        switch (instruction.kind) {
            case Kind::match:
            case Kind::back_reference:
                program_.may_be_empty = true;
                [[fallthrough]];
            case Kind::character:
                if (!behind_start) program_.is_anchored = false;
                if (instruction.kind == Kind::character)
                    add_first(program_.sets[instruction.first]);
                break;
            case Kind::split:
                ways_.push_back(instruction.second);
                [[fallthrough]];
            case Kind::jump:
                ways_.push_back(instruction.first);
                break;
            case Kind::start:
                starts_.push_back(at);
                if (behind_start) ways_.push_back(at + 1);
                break;
            default:
                ways_.push_back(at + 1);
        }
    }

    void add_first(const CodePointSet& set) {
        for (CodePoint value = 0; value < 0x80; ++value) {
            if (set.contains(value)) program_.first_bytes[value] = true;
        }
        if (set.empty() || set.ranges().back().last < 0x80) return;
        std::fill(program_.first_bytes.begin() + 0xc0, program_.first_bytes.end(), true);
    }

    PatternProgram& program_;
    std::vector<bool> seen_;
    std::vector<std::uint32_t> ways_;
    std::vector<std::uint32_t> starts_;
};

}  // namespace

PatternProgram compile_program(const PatternTree& tree) {
    PatternProgram program = Compiler(tree).compile();
    Beginning(program).find();
    return program;
}

}  // namespace webhook
