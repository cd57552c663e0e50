// The certain effects of nginx's rewrite statements on a request: `set`, `if`, `break`, `return`,
// `rewrite`.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace webhook::ngx {

// A `rewrite` that leads to another location.
struct Rewrite {
    // The path, up to its first variable.
    std::string_view path;
    bool is_whole;
    // Whether it is within an `if`.
    bool is_conditional;
    // Its code in nginx's memory.
    const u_char* at = nullptr;
    const u_char* end = nullptr;
};

struct Target {
    // Up to its first variable.
    std::string path;
    bool is_whole;
};

// Returns the target for a path, or nullopt if the regex does not match.
std::optional<Target> target_of(const Rewrite& rewrite, std::string_view path);

struct Statements {
    bool is_empty = true;
    // Answers every request: only `set` comes before it.
    const ngx_http_script_return_code_t* first_return = nullptr;
    // Answers if no condition holds.
    const ngx_http_script_return_code_t* last_return = nullptr;
    // Answers POST requests: it is within an `if` on the method.
    const ngx_http_script_return_code_t* return_to_post = nullptr;
    // Answers if a file exists, or does not.
    const ngx_http_script_return_code_t* return_by_file = nullptr;
    // Whether requests may stay in the location in spite of `last_return`.
    bool may_break = false;
    std::vector<Rewrite> rewrites;

    // The `return` that answers every request, on conditions or at the end.
    const ngx_http_script_return_code_t* sure_return() const {
        return may_break ? nullptr : last_return;
    }
};

// `variables` are those of nginx that have an index.
Statements read_statements(const ngx_array_t* codes, const ngx_array_t& variables);

}  // namespace webhook::ngx
