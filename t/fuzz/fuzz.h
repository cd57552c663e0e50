// What the fuzz targets share. A target fails by abort(), which libFuzzer and replay_main.cpp both
// report with the input.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace webhook::fuzz {

inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

// Never a null pointer, which no caller of the library has for a text either.
inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return "";
    return {reinterpret_cast<const char*>(data), size};
}

// The first line, without its end, and what follows it.
inline std::pair<std::string_view, std::string_view> first_line(std::string_view text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {text, text.substr(text.size())};
    return {text.substr(0, end), text.substr(end + 1)};
}

}  // namespace webhook::fuzz
