// The input is a form. Written anew it must read the same, and the order of its fields must not
// matter to the sorted text.

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/form.h"
#include "base/url.h"
#include "fuzz.h"

namespace webhook::fuzz {
namespace {

std::string written(const std::vector<Form::Field>& fields) {
    std::string text;
    for (const auto& [name, value] : fields) {
        text += '&' + percent_encoded(name, "") + '=' + percent_encoded(value, "");
    }
    return text;
}

void check(const Form& form) {
    auto fields = form.fields();
    require(fields.size() <= kMostFormFields, "a form has not too many fields");
    const auto again = Form::parse(written(fields));
    require(again && again->fields() == fields, "a form written anew reads the same");
    std::ranges::reverse(fields);
    const auto reversed = Form::parse(written(fields));
    require(reversed && reversed->sorted_text() == form.sorted_text(), "the order does not matter");
    for (const auto& [name, value] : fields) {
        const bool once = std::ranges::count(fields, name, &Form::Field::first) == 1;
        const auto only = form.only(name);
        require(only.has_value() == once, "only what stands once is found");
        require(!only || *only == value, "what stands once has its value");
    }
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = webhook::fuzz::as_text(data, size);
    webhook::is_form_type(text);
    if (const auto form = webhook::Form::parse(text)) webhook::fuzz::check(*form);
    return 0;
}
