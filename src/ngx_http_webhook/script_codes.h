// The codes that nginx compiles the statements of its rewrite module to, one after the other.

#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

using Code = ngx_http_script_code_pt;

template <typename Value>
const Value* read(const u_char* at) {
    return reinterpret_cast<const Value*>(at);
}

inline Code code_at(const u_char* at) {
    return *read<Code>(at);
}

std::string_view text_at(const u_char* at);

// 0 for codes of other modules, whose size is not known.
std::size_t size_at(const u_char* at, const u_char* end);

#if (NGX_PCRE)
// Null: no `rewrite` begins here.
const ngx_http_script_regex_code_t* rewrite_at(const u_char* at);

bool ends_path(Code code);

// nginx's room for captures: ten pairs, and half as much again as work space.
using Captures = std::array<int, 30>;

// What the capture at `n` holds, of an expression with so many groups; nullopt if it is not this
// expression's: nginx keeps those of the last one that has groups.
std::optional<std::string_view> captured(std::string_view path, const Captures& captures,
                                         std::size_t groups, std::size_t n);
#endif

}  // namespace webhook::ngx
