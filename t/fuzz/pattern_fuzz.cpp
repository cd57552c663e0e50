// The input is a pattern on the first line and a text. The engines and PCRE2 must agree, and none
// may take longer than its steps allow.

#include <cstdint>
#include <ctime>
#include <optional>

#include "../unit/pattern_oracle.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "jsonschema/formats.h"
#include "jsonschema/pattern.h"
#include "jsonschema/pattern_backtracking.h"

namespace webhook::fuzz {
namespace {

constexpr std::uint32_t kSteps = 50'000;

// With sanitizers, a search takes some 20 times as long.
class TimeLimit {
  public:
    ~TimeLimit() {
        const double seconds = static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
        require(seconds < 1, "a search takes as long as its steps allow");
    }

  private:
    std::clock_t start_ = std::clock();
};

Found search(const Pattern& pattern, std::string_view text) {
    const TimeLimit limit;
    Steps steps(kSteps);
    const Found found = pattern.search(text, steps);
    require(steps.exhausted() == (found == Found::exhausted), "exhausted is told");
    Steps again(kSteps);
    require(pattern.search(text, again) == found && again.left() == steps.left(),
            "a search is repeatable");
    return found;
}

template <typename Search>
void compare(Search search, const PatternTree& tree, std::string_view text, Found found) {
    const TimeLimit limit;
    Steps steps(kSteps);
    const Found other = search(compile_program(tree), text, steps);
    if (other == Found::exhausted || found == Found::exhausted) return;
    require(other == found, "the engines agree");
}

void check(std::string_view text, std::string_view subject) {
    PatternTree tree = parse_pattern(text);
    std::optional<Pattern> pattern;
    try {
        pattern.emplace(text);
    } catch (const ConfigError&) {
        // Too large, or with a property that PCRE2 does not know.
        return;
    }
    const Found found = search(*pattern, subject);
    if (tree.has_back_references || !is_utf8(subject)) return;
    try {
        compare(search_automaton, tree, subject, found);
        const auto told = PatternOracle(tree).search(subject);
        require(!told || found == Found::exhausted || *told == (found == Found::yes),
                "PCRE2 agrees");
        tree.has_back_references = true;
        compare(search_backtracking, tree, subject, found);
    } catch (const ConfigError&) {
        // Too large for an engine that the pattern does not need.
    }
}

void check_formats(std::string_view text) {
    for (const std::string_view name : format_names()) {
        const bool holds = matches(*format_of(name), text);
        require(holds == matches(*format_of(name), std::string(text)), "a format is repeatable");
    }
    if (matches(Format::uri, text)) {
        require(matches(Format::uri_reference, text), "a URI is a reference");
    }
    if (matches(Format::ipv4, text))
        require(matches(Format::hostname, text), "a name may be numbers");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const auto [pattern, text] = first_line(as_text(data, size));
    check_formats(text);
    if (webhook::is_pattern(pattern)) check(pattern, text);
    return 0;
}
