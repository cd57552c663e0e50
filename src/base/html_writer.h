// Writes HTML as text.
//
// Markup comes from constants of the source alone, which the compiler sees to. All other text is
// escaped, so that it stays a text in an element and between the quotes of an attribute; control
// characters and bytes that are not UTF-8 are written as U+FFFD.

#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace webhook {

template <typename Type>
concept IsText = std::same_as<Type, std::string> || std::same_as<Type, std::string_view>;

class HtmlWriter {
  public:
    // A constant.
    struct Markup {
        template <std::size_t Size>
        consteval Markup(const char (&literal)[Size]) : text(literal, Size - 1) {}

        std::string_view text;
    };

    HtmlWriter& operator<<(Markup markup) {
        text_ += markup.text;
        return *this;
    }

    HtmlWriter& operator<<(const IsText auto& text) {
        escape(text);
        return *this;
    }

    // So that no later call copies what was written before.
    void reserve(std::size_t size) { text_.reserve(size); }

    // What another writer wrote, or what a `script` or `style` element holds, where nothing can be
    // escaped: there must be no `</` and no `<!--` in it.
    void write_verbatim(std::string_view text) { text_ += text; }

    std::string finish() { return std::move(text_); }

  private:
    void escape(std::string_view text);

    std::string text_;
};

}  // namespace webhook
