#include "ngx_http_webhook/rewrite_statements.h"

#include <algorithm>

#include "ngx_http_webhook/script_codes.h"
namespace webhook::ngx {
namespace {

#if (NGX_PCRE)
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
