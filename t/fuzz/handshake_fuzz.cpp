// The input is a request: the name of a preset on the first line, then its method, its query, a
// value that all the headers have which the scheme reads, and a body. An answer holds no control
// character, stays JSON where it is JSON, and signs no payload.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../unit/delivery.h"
#include "fuzz.h"
#include "inspect/handshake.h"
#include "scheme/presets.h"

namespace webhook::fuzz {
namespace {

const std::vector<Scheme>& schemes() {
    static const std::vector<Scheme> all = [] {
        std::vector<Scheme> list;
        for (const Preset& preset : presets()) {
            Scheme scheme = preset_scheme(preset.name).value();
            if (!scheme.handshakes.empty()) list.push_back(std::move(scheme));
        }
        return list;
    }();
    return all;
}

const Scheme& scheme_named(std::string_view name) {
    const auto found = std::ranges::find(schemes(), name, &Scheme::name);
    return found != schemes().end() ? *found : schemes()[name.size() % schemes().size()];
}

const SigningKey& signing_key() {
    static const Scheme scheme =
        parse_scheme("test", "algorithm hmac-sha256; signed '{body}'; signature header=S;");
    static const SigningKey key(scheme, "a secret of some length");
    return key;
}

// Whether the answer holds the code of the whole body, of the query or of what is in it.
bool signs(const std::string& answer, std::string_view text) {
    const std::string code = testing::hmac(EVP_sha256(), "a secret of some length", text);
    return answer.find(testing::hex(code)) != std::string::npos ||
           answer.find(testing::base64(code)) != std::string::npos;
}

void check_answer(const HandshakeAnswer& answer, const std::string& body) {
    require(!has_control_character(answer.body), "no control character comes out");
    require(!has_control_character(answer.header_value), "no control character comes out");
    require(body.empty() || !signs(answer.body, body), "no payload is signed");
    if (answer.content_type != "application/json") return;
    const testing::PaddedBody padded(answer.body);
    JsonDocument reader;
    // Values are bytes, which need not be UTF-8.
    const bool is_ascii = std::ranges::all_of(
        answer.body, [](char character) { return static_cast<unsigned char>(character) < 0x80; });
    require(!is_ascii || reader.parse(padded.text()), "an answer in JSON is JSON");
}

void check(const Scheme& scheme, const HandshakeRequest& request, const std::string& body) {
    const testing::PaddedBody padded(body);
    JsonDocument reader;
    const JsonDocument* const json = reader.parse(padded.text()) ? &reader : nullptr;
    const auto form = Form::parse(body);
    const QuestionBody question{json, form ? &*form : nullptr};
    const Handshake* const early = find_handshake(scheme, request, {});
    const Handshake* const found = find_handshake(scheme, request, question);
    require(early == nullptr || !early->reads_body(), "what reads the body waits for it");
    require(found == nullptr || may_be_handshake(scheme, request), "what is one may be one");
    if (found == nullptr) return;
    require(found->method == request.method, "a handshake comes with its method");
    const auto answer = answer_to(*found, request, question, &signing_key());
    if (answer) check_answer(*answer, body);
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook;
    const auto [name, after_name] = fuzz::first_line(fuzz::as_text(data, size));
    const auto [method, after_method] = fuzz::first_line(after_name);
    const auto [query, after_query] = fuzz::first_line(after_method);
    const auto [value, body] = fuzz::first_line(after_query);
    const Scheme& scheme = fuzz::scheme_named(name);
    SchemeHeaders headers(scheme);
    for (const std::string& header : scheme.headers) headers.offer(header, value);
    fuzz::check(scheme, {method, query, &headers}, std::string(body));
    return 0;
}
