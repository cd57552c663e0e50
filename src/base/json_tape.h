// What the parser's list of tokens (its tape) tells about a whole document at once. The list is in
// the order of the text, so that no value is descended into.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace webhook {

// Whether any object below a root has two members of the same name. Linear in the number of
// members, times the logarithm of those of one object, whatever the names are.
bool repeats_a_name(const JsonValue& root);

// Where the numbers of a text stand. It uses four bytes for each token.
class NumberPlaces {
  public:
    // The text is the one that the root was parsed from, or the one from which repair_json() made
    // that. It is read again when text_of() is called.
    NumberPlaces(const JsonValue& root, std::string_view text);

    // Returns the number as the text has it, also one that the repair replaced with null. Empty
    // for any other value.
    std::string_view text_of(const JsonValue& value) const;

    std::size_t memory() const { return places_.capacity() * sizeof(places_.front()); }

  private:
    std::string_view text_;
    // For the first token of a number, the place behind its first character. 0 for the others.
    std::vector<std::uint32_t> places_;
};

}  // namespace webhook
