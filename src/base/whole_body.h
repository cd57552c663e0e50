// A delivery's whole body in one piece, parsed as JSON or as a form on demand.

#pragma once

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

    // Null if the body is not JSON.
    const JsonDocument* json() {
        if (!is_json_) is_json_ = document_->parse(text_);
        return *is_json_ ? document_ : nullptr;
    }

    // Null if the body is not a form.
    const Form* form() {
        if (!form_) form_ = Form::parse(text_);
        return form_->has_value() ? &**form_ : nullptr;
    }

  private:
    std::string_view text_;
    JsonDocument* document_;
    std::optional<bool> is_json_;
    std::optional<std::optional<Form>> form_;
};

}  // namespace webhook
