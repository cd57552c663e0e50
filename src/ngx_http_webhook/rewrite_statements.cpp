#include "ngx_http_webhook/rewrite_statements.h"

#include <algorithm>
#include <array>

namespace webhook::ngx {
namespace {

using Code = ngx_http_script_code_pt;

constexpr std::size_t kWord = sizeof(uintptr_t);

struct CodeSize {
    Code code;
    std::size_t size;
};

// Those of a fixed size, as nginx lays them one behind the other.
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

template <typename Value>
const Value* read(const u_char* at) {
    return reinterpret_cast<const Value*>(at);
}

Code code_at(const u_char* at) {
    return *read<Code>(at);
}

std::string_view text_at(const u_char* at) {
    const auto* copy = read<ngx_http_script_copy_code_t>(at);
    return {reinterpret_cast<const char*>(at + sizeof(*copy)), copy->len};
}

std::size_t fixed_size_at(const u_char* at) {
    const auto* found = std::ranges::find(code_sizes, code_at(at), &CodeSize::code);
    return found == std::end(code_sizes) ? 0 : found->size;
}

// 0 for those of other modules, of which it is not known.
std::size_t size_at(const u_char* at, const u_char* end) {
    if (code_at(at) == ngx_http_script_copy_code) {
        const std::size_t size = sizeof(ngx_http_script_copy_code_t) + text_at(at).size();
        return (size + kWord - 1) / kWord * kWord;
    }
    if (const std::size_t size = fixed_size_at(at)) return size;
    // The end of a value, which not all headers of an nginx that has it declare.
    const u_char* next = at + kWord;
    const bool ends_value = next < end && code_at(next) != nullptr && fixed_size_at(next) > 0;
    return ends_value ? kWord : 0;
}

#if (NGX_PCRE)
// Null: no `rewrite` begins here.
const ngx_http_script_regex_code_t* rewrite_at(const u_char* at) {
    if (code_at(at) != ngx_http_script_regex_start_code) return nullptr;
    const auto* regex = read<ngx_http_script_regex_code_t>(at);
    return regex->test ? nullptr : regex;
}

bool ends_path(Code code) {
    return code == ngx_http_script_start_args_code || code == ngx_http_script_regex_end_code;
}

// What nginx gives an expression room for: ten pairs, and as much again to work with.
using Captures = std::array<int, 30>;

std::string_view captured(std::string_view path, const Captures& captures, std::size_t n) {
    if (n + 1 >= captures.size() || captures[n] < 0 || captures[n + 1] < captures[n]) return {};
    const auto begin = static_cast<std::size_t>(captures[n]);
    return path.substr(begin, static_cast<std::size_t>(captures[n + 1]) - begin);
}

Rewrite read_rewrite(const u_char* at, const u_char* end) {
    const u_char* text = at + sizeof(ngx_http_script_regex_code_t);
    if (code_at(text) != ngx_http_script_copy_code) return {{}, false, false, at, end};
    const bool is_whole = ends_path(code_at(text + size_at(text, end)));
    return {text_at(text), is_whole, false, at, end};
}
#endif

class Reader {
  public:
    explicit Reader(const ngx_array_t& codes)
        : begin_(static_cast<const u_char*>(codes.elts)), end_(begin_ + codes.nelts) {}

    Statements read_all() {
        found_.is_empty = begin_ == end_;
        follow_false_conditions();
        look_at_each();
        return found_;
    }

  private:
    // As nginx goes where no condition holds and no expression matches.
    void follow_false_conditions() {
        bool is_first = true;
        const u_char* at = begin_;
        while (at < end_) {
            const Code code = code_at(at);
            if (code == ngx_http_script_return_code) {
                found_.last_return = read<ngx_http_script_return_code_t>(at);
                if (is_first) found_.first_return = found_.last_return;
                return;
            }
            const std::size_t skipped = skipped_at(at);
            is_first = is_first && skipped == 0;
            const std::size_t size = skipped == 0 ? size_at(at, end_) : skipped;
            if (code == nullptr || code == ngx_http_script_break_code || size == 0) return;
            at += size;
        }
    }

    static std::size_t skipped_at(const u_char* at) {
        if (code_at(at) == ngx_http_script_if_code)
            return read<ngx_http_script_if_code_t>(at)->next;
#if (NGX_PCRE)
        if (const auto* rewrite = rewrite_at(at)) return rewrite->next;
#endif
        return 0;
    }

    void look_at_each() {
        const u_char* condition_end = begin_;
        for (const u_char* at = begin_; at < end_;) {
            const std::size_t size = size_at(at, end_);
            const Code code = code_at(at);
            if (size == 0 || code == ngx_http_script_break_code) found_.may_break = true;
            if (size == 0) return;
            if (code == ngx_http_script_if_code) {
                condition_end = std::max(condition_end, at + skipped_at(at));
            }
            look_at_rewrite(at, at < condition_end);
            at += size;
        }
    }

    void look_at_rewrite([[maybe_unused]] const u_char* at, [[maybe_unused]] bool is_conditional) {
#if (NGX_PCRE)
        const auto* rewrite = rewrite_at(at);
        if (rewrite == nullptr || rewrite->redirect) return;
        if (rewrite->break_cycle) {
            found_.may_break = true;
            return;
        }
        found_.rewrites.push_back(read_rewrite(at, end_));
        found_.rewrites.back().is_conditional = is_conditional;
#endif
    }

    const u_char* begin_;
    const u_char* end_;
    Statements found_;
};

}  // namespace

Statements read_statements(const ngx_array_t* codes) {
    return codes == nullptr ? Statements() : Reader(*codes).read_all();
}

std::optional<Target> target_of([[maybe_unused]] const Rewrite& rewrite,
                                [[maybe_unused]] std::string_view path) {
#if (NGX_PCRE)
    Captures captures;
    captures.fill(-1);
    ngx_str_t text = to_ngx(path);
    ngx_regex_t* regex = read<ngx_http_script_regex_code_t>(rewrite.at)->regex->regex;
    if (ngx_regex_exec(regex, &text, captures.data(), captures.size()) < 0) return std::nullopt;
    Target target{{}, false};
    const u_char* at = rewrite.at + sizeof(ngx_http_script_regex_code_t);
    while (at < rewrite.end) {
        const Code code = code_at(at);
        target.is_whole = ends_path(code);
        if (code == ngx_http_script_copy_code) {
            target.path += text_at(at);
        } else if (code == ngx_http_script_copy_capture_code) {
            const auto n = read<ngx_http_script_copy_capture_code_t>(at)->n;
            target.path += captured(path, captures, n);
        } else {
            break;
        }
        at += size_at(at, rewrite.end);
    }
    return target;
#else
    return std::nullopt;
#endif
}

}  // namespace webhook::ngx
