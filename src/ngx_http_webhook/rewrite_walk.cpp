#include "ngx_http_webhook/rewrite_walk.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "base/text.h"
#include "ngx_http_webhook/rewrite_statements.h"
#include "ngx_http_webhook/script_codes.h"

namespace webhook::ngx {
namespace {

// The value that a statement works on. Without a text, it is unknown.
struct Value {
    std::optional<std::string> text;
    // For a condition: whether it most likely holds.
    bool is_likely = false;
    // Whether a query may follow, of which nothing is known.
    bool may_have_query = false;

    // As `if` takes it.
    bool is_true() const { return !text->empty() && *text != "0"; }
};

Value truth(bool holds) {
    return {holds ? "1" : ""};
}

class Walker {
  public:
    Walker(const ngx_array_t& codes, const ngx_array_t& variables, const Asked& asked)
        : at_(static_cast<const u_char*>(codes.elts)),
          end_(at_ + codes.nelts),
          variables_(static_cast<const ngx_http_variable_t*>(variables.elts), variables.nelts),
          asked_(asked),
          path_(asked.path),
          is_whole_(!asked.path.empty()) {}

    Walk all() {
        while (at_ < end_ && !is_over_) step();
        if (!is_over_ && is_changed_) lead(path_, is_whole_);
        return found_;
    }

  private:
    void step() {
        if (at_ == block_end_) end_block();
        const std::size_t size = size_at(at_, end_);
        if (size == 0) return stop(Taken::maybe);
        const Code code = code_at(at_);
        // nginx marks the end of all codes with it.
        if (code == nullptr) {
            at_ = end_;
            return;
        }
        if (code == ngx_http_script_break_code) return stay();
        if (code == ngx_http_script_return_code) return respond();
        if (code == ngx_http_script_if_code) return enter(size);
#if (NGX_PCRE)
        if (code == ngx_http_script_regex_start_code) return match(size);
#endif
        evaluate(code);
        at_ += size;
    }

    // Requests for which the condition of the block does not hold continue after it.
    void stop(Taken rest) {
        if (block_end_ == nullptr) {
            is_over_ = true;
            return;
        }
        at_ = block_end_;
        leave_block();
        taken_ = std::min(taken_, rest);
    }

    void end_block() {
        if (is_changed_ && path_ != path_before_) lead(path_, is_whole_);
        leave_block();
    }

    void leave_block() {
        block_end_ = nullptr;
        path_ = path_before_;
        is_whole_ = was_whole_;
        is_changed_ = was_changed_;
    }

    // The statements of a server end here, and nginx looks for the location.
    void stay() {
        if (asked_.is_of_server && is_changed_) lead(path_, is_whole_);
        stop(rest_of_block());
    }

    void respond() {
        found_.returns.push_back({read<ngx_http_script_return_code_t>(at_)->status, here()});
        stop(block_taken_ == Taken::likely ? Taken::maybe : Taken::surely);
    }

    Taken rest_of_block() const {
        return block_taken_ == Taken::likely ? Taken::maybe : Taken::likely;
    }

    void lead(const std::string& path, bool is_whole) {
        found_.leads.push_back({path, is_whole, here()});
    }

    Taken here() const {
        return block_end_ == nullptr ? taken_ : std::min(taken_, block_taken_);
    }

    void enter(std::size_t size) {
        const std::size_t next = read<ngx_http_script_if_code_t>(at_)->next;
        const Value condition = pop();
        if (condition.text) {
            at_ += condition.is_true() ? size : next;
            return;
        }
        block_end_ = at_ + next;
        block_taken_ = condition.is_likely ? Taken::likely : Taken::maybe;
        path_before_ = path_;
        was_whole_ = is_whole_;
        was_changed_ = is_changed_;
        at_ += size;
    }

#if (NGX_PCRE)
    void match(std::size_t size) {
        const auto* regex = read<ngx_http_script_regex_code_t>(at_);
        if (regex->test) {
            test(*regex);
            at_ += size;
            return;
        }
        // Whether it matches an unknown text is unknown.
        if (!is_whole_) {
            lead(path_, false);
            return stop(Taken::maybe);
        }
        const auto target = target_of({{}, false, false, at_, end_}, path_);
        const u_char* next = at_ + regex->next;
        if (!target) {
            at_ = next;
            return;
        }
        if (regex->redirect) return stop(rest_of_block());
        const bool is_last = code_at(next - sizeof(Code)) == nullptr;
        const bool leads = is_last && (!regex->break_cycle || asked_.is_of_server);
        if (leads) lead(target->path, target->is_whole);
        if (is_last) return stop(rest_of_block());
        path_ = target->path;
        is_whole_ = target->is_whole;
        is_changed_ = true;
        at_ = next;
    }

    void test(const ngx_http_script_regex_code_t& regex) {
        const Value subject = pop();
        const std::string_view expression = to_view(regex.regex->name);
        const bool asks_for_end = expression.find_first_of("?=&$") != std::string_view::npos;
        if (!subject.text || (subject.may_have_query && asks_for_end)) return push({});
        ngx_str_t text = to_ngx(*subject.text);
        const bool matches = ngx_regex_exec(regex.regex->regex, &text, nullptr, 0) >= 0;
        push(truth(matches != (regex.negative_test != 0)));
    }
#endif

    void evaluate(Code code) {
        if (code == ngx_http_script_var_code) {
            push(value_of(read<ngx_http_script_var_code_t>(at_)->index));
        } else if (code == ngx_http_script_value_code) {
            const auto* value = read<ngx_http_script_value_code_t>(at_);
            push({std::string(reinterpret_cast<const char*>(value->text_data), value->text_len)});
        } else if (code == ngx_http_script_complex_value_code) {
            push({});
        } else if (code == ngx_http_script_equal_code) {
            compare(true);
        } else if (code == ngx_http_script_not_equal_code) {
            compare(false);
        } else if (code == ngx_http_script_file_code) {
            pop();
            push({std::nullopt, asks_for_no_file(*read<ngx_http_script_file_code_t>(at_))});
        } else if (code == ngx_http_script_set_var_code) {
            set(read<ngx_http_script_var_code_t>(at_)->index);
        } else if (code == ngx_http_script_var_set_handler_code) {
            pop();
        }
    }

    static bool asks_for_no_file(const ngx_http_script_file_code_t& code) {
        return code.op == ngx_http_script_file_not_plain ||
               code.op == ngx_http_script_file_not_dir ||
               code.op == ngx_http_script_file_not_exists;
    }

    void compare(bool for_equality) {
        const Value right = pop();
        const Value left = pop();
        const bool may_have_query = left.may_have_query || right.may_have_query;
        if (!left.text || !right.text || may_have_query) return push({});
        push(truth((*left.text == *right.text) == for_equality));
    }

    // Within a block that may be skipped, it may keep its value.
    void set(std::uintptr_t index) {
        Value value = pop();
        if (block_end_ != nullptr) value = {};
        set_[index] = value;
    }

    Value value_of(std::uintptr_t index) const {
        if (const auto found = set_.find(index); found != set_.end()) return found->second;
        if (index >= variables_.size()) return {};
        const std::string_view name = to_view(variables_[index].name);
        const bool is_method = name == "request_method" && !asked_.method.empty();
        if (is_method) return {std::string(asked_.method)};
        if (name == "request_uri" && !asked_.is_led_to && !asked_.path.empty()) {
            return {std::string(asked_.path), false, true};
        }
        if (name == "ssl_client_verify" && asked_.is_of_stranger) return {"NONE"};
        if ((name == "uri" || name == "document_uri") && is_whole_) return {path_};
        return {};
    }

    void push(Value value) {
        stack_.push_back(std::move(value));
    }

    Value pop() {
        if (stack_.empty()) return {};
        Value top = std::move(stack_.back());
        stack_.pop_back();
        return top;
    }

    const u_char* at_;
    const u_char* end_;
    std::span<const ngx_http_variable_t> variables_;
    Asked asked_;
    std::string path_;
    bool is_whole_;
    bool is_changed_ = false;
    bool is_over_ = false;
    Taken taken_ = Taken::surely;
    // The end of a block whose condition is unknown. Null: none.
    const u_char* block_end_ = nullptr;
    Taken block_taken_ = Taken::maybe;
    std::string path_before_;
    bool was_whole_ = true;
    bool was_changed_ = false;
    std::vector<Value> stack_;
    std::map<std::uintptr_t, Value> set_;
    Walk found_;
};

}  // namespace

Walk walk(const ngx_array_t* codes, const ngx_array_t& variables, const Asked& asked) {
    return codes == nullptr ? Walk() : Walker(*codes, variables, asked).all();
}

}  // namespace webhook::ngx
