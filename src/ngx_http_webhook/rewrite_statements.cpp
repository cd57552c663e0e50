#include "ngx_http_webhook/rewrite_statements.h"

#include <algorithm>
#include <cstdint>
#include <span>

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
    Reader(const ngx_array_t& codes, const ngx_array_t& variables)
        : begin_(static_cast<const u_char*>(codes.elts)),
          end_(begin_ + codes.nelts),
          variables_(static_cast<const ngx_http_variable_t*>(variables.elts), variables.nelts) {}

    Statements read_all() {
        found_.is_empty = begin_ == end_;
        follow_false_conditions();
        look_at_conditions();
        look_at_each();
        return found_;
    }

  private:
    // Follows nginx's way if no condition holds and no regex matches.
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

    enum class Condition : std::uint8_t { other, method, post, no_post, file };

    // A request that passes a `break` or a `rewrite` reaches no statement after it.
    void look_at_conditions() {
        Condition condition = Condition::other;
        for (const u_char* at = begin_; at < end_;) {
            const std::size_t size = size_at(at, end_);
            if (size == 0 || code_at(at) == ngx_http_script_break_code || is_rewrite(at)) return;
            if (code_at(at) == ngx_http_script_if_code) {
                look_at_block(condition, at + size, at + skipped_at(at));
            }
            condition = condition_behind(at, condition);
            at += size;
        }
    }

    void look_at_block(Condition condition, const u_char* at, const u_char* end) {
        const bool is_of_interest = condition == Condition::post || condition == Condition::file;
        auto*& found = condition == Condition::post ? found_.return_to_post : found_.return_by_file;
        if (!is_of_interest || found != nullptr) return;
        while (at < end) {
            const Code code = code_at(at);
            if (code == ngx_http_script_return_code) {
                found = read<ngx_http_script_return_code_t>(at);
                return;
            }
            const std::size_t size = size_at(at, end);
            const bool goes_on =
                size > 0 && code != ngx_http_script_break_code && skipped_at(at) == 0;
            if (!goes_on) return;
            at += size;
        }
    }

    // In nginx's order: the variable, the text or regex, and the comparison.
    Condition condition_behind(const u_char* at, Condition before) {
        const Code code = code_at(at);
        if (code == ngx_http_script_file_code) return Condition::file;
        if (code == ngx_http_script_var_code) {
            return is_method(*read<ngx_http_script_var_code_t>(at)) ? Condition::method
                                                                    : Condition::other;
        }
        if (code == ngx_http_script_value_code) {
            if (before != Condition::method) return Condition::other;
            return text_of(*read<ngx_http_script_value_code_t>(at)) == kPost ? Condition::post
                                                                             : Condition::no_post;
        }
        if (code == ngx_http_script_equal_code) return before;
        if (code == ngx_http_script_not_equal_code) return opposite(before);
#if (NGX_PCRE)
        if (code == ngx_http_script_regex_start_code && before == Condition::method) {
            const auto* regex = read<ngx_http_script_regex_code_t>(at);
            ngx_str_t post = to_ngx(kPost);
            const bool matches = ngx_regex_exec(regex->regex->regex, &post, nullptr, 0) >= 0;
            return matches != (regex->negative_test != 0) ? Condition::post : Condition::no_post;
        }
#endif
        return Condition::other;
    }

    static Condition opposite(Condition condition) {
        if (condition == Condition::post) return Condition::no_post;
        return condition == Condition::no_post ? Condition::post : condition;
    }

    static std::string_view text_of(const ngx_http_script_value_code_t& value) {
        return {reinterpret_cast<const char*>(value.text_data), value.text_len};
    }

    bool is_method(const ngx_http_script_var_code_t& variable) const {
        return variable.index < variables_.size() &&
               to_view(variables_[variable.index].name) == "request_method";
    }

    static bool is_rewrite([[maybe_unused]] const u_char* at) {
#if (NGX_PCRE)
        return rewrite_at(at) != nullptr;
#else
        return false;
#endif
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

    static constexpr std::string_view kPost = "POST";

    const u_char* begin_;
    const u_char* end_;
    std::span<const ngx_http_variable_t> variables_;
    Statements found_;
};

}  // namespace

Statements read_statements(const ngx_array_t* codes, const ngx_array_t& variables) {
    return codes == nullptr ? Statements() : Reader(*codes, variables).read_all();
}

std::optional<Target> target_of([[maybe_unused]] const Rewrite& rewrite,
                                [[maybe_unused]] std::string_view path) {
#if (NGX_PCRE)
    Captures captures;
    captures.fill(-1);
    ngx_str_t text = to_ngx(path);
    const ngx_http_regex_t& regex = *read<ngx_http_script_regex_code_t>(rewrite.at)->regex;
    if (ngx_regex_exec(regex.regex, &text, captures.data(), captures.size()) < 0)
        return std::nullopt;
    Target target{{}, false};
    const u_char* at = rewrite.at + sizeof(ngx_http_script_regex_code_t);
    while (at < rewrite.end) {
        const Code code = code_at(at);
        target.is_whole = ends_path(code);
        if (code == ngx_http_script_copy_code) {
            target.path += text_at(at);
        } else if (code == ngx_http_script_copy_capture_code) {
            const auto n = read<ngx_http_script_copy_capture_code_t>(at)->n;
            const auto value = captured(path, captures, regex.ncaptures, n);
            target.is_whole = value.has_value();
            if (!value) break;
            target.path += *value;
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
