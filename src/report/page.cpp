#include "report/page.h"

#include <string>

#include "base/digest.h"
#include "base/encoding.h"

namespace webhook {
namespace {

// Each file is one raw string, by its first and its last line, so that it needs no generator.
constexpr std::string_view kScript =
#include "report/page/status.js"
    ;
constexpr std::string_view kStyle =
#include "report/page/status.css"
    ;

std::string source_of(std::string_view text) {
    return "'sha256-" + to_base64(sha256(text)) + "'";
}

}  // namespace

std::string_view page_script() {
    return kScript;
}

std::string_view page_style() {
    return kStyle;
}

std::string_view content_security_policy() {
    static const std::string policy = "default-src 'none'; script-src " + source_of(kScript) +
                                      "; style-src " + source_of(kStyle) +
                                      "; connect-src 'self'; img-src data:; base-uri 'none'; "
                                      "form-action 'none'; frame-ancestors 'none'";
    return policy;
}

}  // namespace webhook
