// Forms: bodies and queries of the type application/x-www-form-urlencoded (WHATWG URL Standard,
// section 5).

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace webhook {

// Whether a Content-Type says that the body is a form; parameters such as the charset may follow.
bool is_form_type(std::string_view content_type);

// A form of more fields is none: many readers stop at a thousand, and would not see the rest.
inline constexpr std::size_t kMostFormFields = 1000;

class Form {
  public:
    using Field = std::pair<std::string, std::string>;

    // Names and values decoded, of any bytes, in the order of the text. A field without `=` has an
    // empty value; what is empty between two `&` is no field. Nothing where a `%` is not followed
    // by two hex digits, since what this reads one way another reader may read another way, and
    // where there are too many fields. An empty text is a form without fields.
    static std::optional<Form> parse(std::string_view text);

    const std::vector<Field>& fields() const { return fields_; }

    // The value of the only field of this name; nothing where there is none, or more than one.
    std::optional<std::string_view> only(std::string_view name) const;

    // As Twilio signs it: sorted by name, then by value, in the order of their bytes, each name
    // followed by its value, nothing in between; a field that is repeated with the same value
    // counts once. https://www.twilio.com/docs/usage/security
    // Fields of the name `but` are left out.
    std::string sorted_text(std::string_view but = {}) const;

  private:
    std::vector<Field> fields_;
};

}  // namespace webhook
