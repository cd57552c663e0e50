// Values of a JSON document, written as JSON again. Numbers keep their text.

#pragma once

#include <cstdint>
#include <string>

#include "jsonschema/number.h"

namespace webhook {

void append_json(std::string& text, const DocumentValue& value);

// Gathers values of several documents into one JSON text: an array.
class JsonArrayWriter {
  public:
    // Returns the value's index.
    std::uint32_t add(const DocumentValue& value);
    std::uint32_t count() const { return count_; }
    std::string text() const { return '[' + text_ + ']'; }

  private:
    std::string text_;
    std::uint32_t count_ = 0;
};

}  // namespace webhook
