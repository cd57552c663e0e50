#include "ngx_http_webhook/script_codes.h"

#include <algorithm>

namespace webhook::ngx {
namespace {

constexpr std::size_t kWord = sizeof(uintptr_t);

struct CodeSize {
    Code code;
    std::size_t size;
};

// The codes of a fixed size.
const CodeSize code_sizes[] = {
    {nullptr, kWord},
    {ngx_http_script_nop_code, kWord},
    {ngx_http_script_break_code, kWord},
    {ngx_http_script_equal_code, kWord},
    {ngx_http_script_not_equal_code, kWord},
    {ngx_http_script_start_args_code, kWord},
    {ngx_http_script_return_code, sizeof(ngx_http_script_return_code_t)},
    {ngx_http_script_if_code, sizeof(ngx_http_script_if_code_t)},
    {ngx_http_script_file_code, sizeof(ngx_http_script_file_code_t)},
    {ngx_http_script_value_code, sizeof(ngx_http_script_value_code_t)},
    {ngx_http_script_complex_value_code, sizeof(ngx_http_script_complex_value_code_t)},
    {ngx_http_script_var_code, sizeof(ngx_http_script_var_code_t)},
    {ngx_http_script_set_var_code, sizeof(ngx_http_script_var_code_t)},
    {ngx_http_script_copy_var_code, sizeof(ngx_http_script_var_code_t)},
    {ngx_http_script_var_set_handler_code, sizeof(ngx_http_script_var_handler_code_t)},
    {ngx_http_script_copy_capture_code, sizeof(ngx_http_script_copy_capture_code_t)},
#if (NGX_PCRE)
    {ngx_http_script_regex_start_code, sizeof(ngx_http_script_regex_code_t)},
    {ngx_http_script_regex_end_code, sizeof(ngx_http_script_regex_end_code_t)},
#endif
};

std::size_t fixed_size_at(const u_char* at) {
    const auto* found = std::ranges::find(code_sizes, code_at(at), &CodeSize::code);
    return found == std::end(code_sizes) ? 0 : found->size;
}

}  // namespace

std::string_view text_at(const u_char* at) {
    const auto* copy = read<ngx_http_script_copy_code_t>(at);
    return {reinterpret_cast<const char*>(at + sizeof(*copy)), copy->len};
}

std::size_t size_at(const u_char* at, const u_char* end) {
    if (code_at(at) == ngx_http_script_copy_code) {
        const std::size_t size = sizeof(ngx_http_script_copy_code_t) + text_at(at).size();
        return (size + kWord - 1) / kWord * kWord;
    }
    if (const std::size_t size = fixed_size_at(at)) return size;
    // The end of a value. Some versions of nginx have it without declaring it in a header.
    const u_char* next = at + kWord;
    const bool ends_value = next < end && code_at(next) != nullptr && fixed_size_at(next) > 0;
    return ends_value ? kWord : 0;
}

#if (NGX_PCRE)
const ngx_http_script_regex_code_t* rewrite_at(const u_char* at) {
    if (code_at(at) != ngx_http_script_regex_start_code) return nullptr;
    const auto* regex = read<ngx_http_script_regex_code_t>(at);
    return regex->test ? nullptr : regex;
}

bool ends_path(Code code) {
    return code == ngx_http_script_start_args_code || code == ngx_http_script_regex_end_code;
}

std::optional<std::string_view> captured(std::string_view path, const Captures& captures,
                                         std::size_t groups, std::size_t n) {
    if (groups == 0 || n > 2 * groups || n + 1 >= captures.size()) return std::nullopt;
    if (captures[n] < 0) return "";
    const auto begin = static_cast<std::size_t>(captures[n]);
    const auto end = static_cast<std::size_t>(captures[n + 1]);
    if (begin > end || end > path.size()) return std::nullopt;
    return path.substr(begin, end - begin);
}
#endif

}  // namespace webhook::ngx
