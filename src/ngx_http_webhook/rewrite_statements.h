// What the statements of nginx's rewrite module do with a request, as far as that is sure: `set`,
// `if`, `break`, `return`, `rewrite`.

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
    // Whether it stands within an `if`.
    bool is_conditional;
    // Where nginx keeps it.
    const u_char* at = nullptr;
    const u_char* end = nullptr;
};

struct Target {
    // Up to its first variable.
    std::string path;
    bool is_whole;
};

// Where it leads a path; nothing where its expression does not match.
std::optional<Target> target_of(const Rewrite& rewrite, std::string_view path);

struct Statements {
    bool is_empty = true;
    // Answers whatever comes: nothing but `set` stands before it.
    const ngx_http_script_return_code_t* first_return = nullptr;
    // Answers where no condition holds.
    const ngx_http_script_return_code_t* last_return = nullptr;
    // Answers what comes by POST: within an `if` that asks for the method.
    const ngx_http_script_return_code_t* return_to_post = nullptr;
    // Answers where a file is there, or is not.
    const ngx_http_script_return_code_t* return_by_file = nullptr;
    // Whether requests may stay where they are in spite of `last_return`.
    bool may_break = false;
    std::vector<Rewrite> rewrites;

    // Answers whatever comes, on conditions or in the end.
    const ngx_http_script_return_code_t* sure_return() const {
        return may_break ? nullptr : last_return;
    }
};

// `variables` are those of nginx that have an index.
Statements read_statements(const ngx_array_t* codes, const ngx_array_t& variables);

}  // namespace webhook::ngx
