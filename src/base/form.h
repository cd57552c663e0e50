// Forms: bodies and queries of the type application/x-www-form-urlencoded (WHATWG URL Standard,
// section 5).

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace webhook {

// Whether a Content-Type is that of a form, with or without parameters such as the charset.
bool is_form_type(std::string_view content_type);

// A text with more fields is not taken for a form: many readers stop at a thousand and do not see
// the rest.
inline constexpr std::size_t kMostFormFields = 1000;

class Form {
  public:
    using Field = std::pair<std::string, std::string>;

    // Decoded names and values, of any bytes, in the order of the text. A field without `=` has an
    // empty value; empty text between two `&` is no field. Returns nullopt if a `%` is not followed
    // by two hex digits, since readers disagree about it, or if there are too many fields. An empty
    // text is a form without fields.
    static std::optional<Form> parse(std::string_view text);

    const std::vector<Field>& fields() const { return fields_; }

    // Returns the value of the only field of this name, or nullopt if there is none or more than
    // one.
    std::optional<std::string_view> only(std::string_view name) const;

    // The form as Twilio signs it: fields sorted by name, then by value, in byte order, each name
    // directly followed by its value. A field repeated with the same value counts once.
    // https://www.twilio.com/docs/usage/security Fields named `but` are left out.
    std::string sorted_text(std::string_view but = {}) const;

  private:
    std::vector<Field> fields_;
};

}  // namespace webhook
