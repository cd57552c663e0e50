// Names that an object of a JSON text has more than once. RFC 8259 leaves open what they mean:
// readers take the first value, the last one, or refuse the text.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_value.h"

namespace webhook {

// Whether two members of an object have the same name. The time is n log n for n members, whatever
// their names are. It belongs to one document, and remembers what it found in large objects: start
// again with forget().
class JsonNameCheck {
  public:
    // This object only. False for any other value.
    bool repeats(const JsonValue& object);
    // Any object that leads to a pointer's value.
    bool repeats_above(const JsonValue& root, std::string_view pointer);
    // Any object of a whole document. The parser's list of tokens is in the order of the text, so
    // that no value is descended into.
    bool repeats_anywhere(const JsonValue& root);

    void forget();

  private:
    // A name, and a number that is the same for equal names. Different names that have the same
    // number cost time, no more.
    struct Name {
        std::uint64_t mark;
        std::string_view text;

        explicit Name(std::string_view text = {});
        bool operator==(const Name&) const = default;
        static bool is_before(const Name& left, const Name& right);
    };

    bool find_repetition(const JsonMembers& members);
    std::optional<bool> known_answer(const JsonValue& object) const;

    // Most objects have so few members that comparing each to each is the quickest.
    std::array<Name, 16> few_;
    std::vector<Name> several_;
    // Of objects on the way to a pointer's value, with more members: where they begin, and whether
    // a name is repeated.
    using Known = std::pair<std::size_t, bool>;
    std::vector<Known> known_;
};

}  // namespace webhook
