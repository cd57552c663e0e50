// A text without its percent-encoding and its JSON escapes, as other readers may see it, and where
// each byte stood before.
//
// Nothing is an error: what is no complete escape stands for itself. A `+` and a space are the same
// here, both a space, since a reader of forms takes the one for the other.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace webhook {

// The byte that `%` and two hex digits at the start of the text stand for.
std::optional<char> percent_escape(std::string_view text);

class EncodedForm {
  public:
    // With `origins`, what is found can be told in terms of the text; that takes memory and time.
    EncodedForm(std::string_view text, bool has_origins);

    const std::string& text() const { return text_; }
    // Without one layer of escapes of both kinds, or nullopt if there are none.
    std::optional<EncodedForm> decoded() const;
    // The bytes of the first text that these come from, all of each escape.
    std::pair<std::size_t, std::size_t> origin(std::size_t begin, std::size_t end) const;
    // Whether any of these bytes comes from an escape.
    bool has_escape(std::size_t begin, std::size_t end) const {
        return origins_[end] - origins_[begin] != end - begin;
    }

  private:
    EncodedForm() = default;

    void take_run(const EncodedForm& from, std::size_t& at, std::size_t& end);

    std::string text_;
    // Of each byte, and of the end. Empty: not wanted.
    std::vector<std::size_t> origins_;
};

}  // namespace webhook
