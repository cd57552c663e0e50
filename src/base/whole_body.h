// A delivery's whole body in one piece, parsed as JSON or as a form on demand.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/form.h"
#include "base/json_document.h"

namespace webhook {

class WholeBody {
  public:
    // `json_padding()` readable bytes must follow the text. The text and the document must outlive
    // it, and the document must not be used otherwise meanwhile.
    WholeBody(std::string_view padded_text, JsonDocument& document)
        : text_(padded_text), document_(&document) {}

    std::string_view text() const { return text_; }

    // Null if the body is not JSON. It takes the document from json_in_field().
    JsonDocument* json() {
        if (known_ != Text::body) is_json_ = document_->parse(text_);
        known_ = Text::body;
        return is_json_ ? document_ : nullptr;
    }

    // Null if the body is not a form.
    const Form* form() {
        if (!form_) form_ = Form::parse(text_);
        return form_->has_value() ? &**form_ : nullptr;
    }

    // The JSON in the value of a field of the form, which must be the same in each call. Null if it
    // is not JSON. It takes the document from json().
    JsonDocument* json_in_field(std::string_view value) {
        if (known_ == Text::field) return is_json_ ? document_ : nullptr;
        is_json_ = document_->parse_copy(value);
        known_ = Text::field;
        return is_json_ ? document_ : nullptr;
    }

  private:
    enum class Text : std::uint8_t { none, body, field };

    std::string_view text_;
    JsonDocument* document_;
    // The text that the document holds, and whether it is JSON.
    Text known_ = Text::none;
    bool is_json_ = false;
    std::optional<std::optional<Form>> form_;
};

}  // namespace webhook
