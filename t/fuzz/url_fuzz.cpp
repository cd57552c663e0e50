// The input is a base path on the first line and a URL.

#include <cstdint>
#include <string>

#include "base/form.h"
#include "base/url.h"
#include "fuzz.h"
#include "scheme/native_url.h"

namespace webhook::fuzz {
namespace {

void check_port(std::string_view url) {
    const auto other = with_other_port(url);
    if (!other) return;
    const auto back = with_other_port(*other);
    require(back.has_value(), "the other URL has another port");
    require(with_other_port(*back) == other, "there are two of them");
    require(target_of(*other) == target_of(url), "the port is not in the target");
}

void check_hubspot(std::string_view url) {
    const std::string decoded = hubspot_url(url);
    require(decoded.size() <= url.size(), "a decoded URL is not longer");
    require(hubspot_url(decoded) == decoded, "what is decoded is not decoded again");
}

std::string reversed(std::string_view query) {
    std::string text;
    while (!query.empty()) {
        const std::string_view piece = query.substr(0, query.find('&'));
        text = std::string(piece) + '&' + text;
        query.remove_prefix(piece.size() < query.size() ? piece.size() + 1 : piece.size());
    }
    return text;
}

void check_hash(std::string_view url, std::string_view base_path) {
    const auto hash = atlassian_qsh("POST", url, base_path);
    if (!hash) return;
    require(hash->size() == 64, "a hash has 64 digits");
    require(atlassian_qsh("post", url, base_path) == hash,
            "the case of the method does not matter");
    const std::string path(target_of(url).substr(0, target_of(url).find_first_of("?#")));
    const std::string start = path.starts_with('/') ? path : '/' + path;
    const std::string other = start + '?' + reversed(query_of(url)) + "&jwt=x";
    require(atlassian_qsh("POST", other, base_path) == hash ||
                Form::parse(query_of(url)).value().fields().size() == kMostFormFields,
            "neither order nor token matter");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const auto [base_path, url] = first_line(as_text(data, size));
    check_port(url);
    check_hubspot(url);
    check_hash(url, base_path);
    return 0;
}
