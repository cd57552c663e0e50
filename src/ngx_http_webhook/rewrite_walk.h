// Follows the statements of nginx's rewrite module for deliveries with one path.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_http_webhook/ngx.h"

namespace webhook::ngx {

// Whether nginx reaches a statement. A file that a condition tests most likely does not exist.
enum class Taken : std::uint8_t { maybe, likely, surely };

struct Walk {
    // A path with which nginx looks for another location.
    struct Lead {
        // Up to its first variable.
        std::string path;
        bool is_whole;
        Taken taken;
    };
    struct Return {
        ngx_uint_t status;
        Taken taken;
    };
    std::vector<Lead> leads;
    std::vector<Return> returns;
};

// A request, as far as it is known.
struct Asked {
    // Empty, as the method: any.
    std::string_view path;
    std::string_view method;
    // From a client without a certificate.
    bool is_of_stranger = false;
    // After the statements of a server, nginx always looks for a location.
    bool is_of_server = false;
    // Whether the sender may have asked for another path, since nginx was led here.
    bool is_led_to = false;
};

// `variables` are those of nginx that have an index.
Walk walk(const ngx_array_t* codes, const ngx_array_t& variables, const Asked& asked);

}  // namespace webhook::ngx
