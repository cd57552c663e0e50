// The numbers of a JSON text as they are written, of any length: the parser keeps none beyond 64
// bits. Its list of tokens (its tape) tells which token of the text is which value.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace webhook {

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
