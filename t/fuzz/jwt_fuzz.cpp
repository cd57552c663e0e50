// The input is a JSON Web Token. Whatever is taken apart is what its text says, and under a key
// that nobody knows it must never match.

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../unit/delivery.h"
#include "base/encoding.h"
#include "fuzz.h"
#include "verify/jwt.h"

namespace webhook::fuzz {
namespace {

const std::string& random_key() {
    static const std::string key = [] {
        std::string bytes(32, '\0');
        RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), 32);
        return testing::hex(bytes);
    }();
    return key;
}

void check_parts(std::string_view text) {
    const std::vector<JwtAlgorithm> all{JwtAlgorithm::hs256, JwtAlgorithm::hs384,
                                        JwtAlgorithm::hs512, JwtAlgorithm::es256,
                                        JwtAlgorithm::rs256, JwtAlgorithm::eddsa};
    JsonDocument reader;
    const auto jwt = parse_jwt(text, all, reader);
    if (!jwt) return;
    require(std::ranges::count(text, '.') == 2, "a token has three parts");
    require(text.starts_with(jwt->signed_text), "the signed text is the token's beginning");
    require(text.substr(jwt->signed_text.size()) == '.' + testing::base64url(jwt->signature),
            "the signature is written in one way only");
    require(jwt->signed_text.ends_with('.' + testing::base64url(jwt->claims)),
            "the claims are written in one way only");
    require(!parse_jwt(text, {}, reader), "what is not pinned is not taken");
    for (const JwtAlgorithm pinned : all) {
        require(parse_jwt(text, {&pinned, 1}, reader).has_value() == (pinned == jwt->algorithm),
                "a token has one algorithm");
    }
}

const Scheme& scheme() {
    static const Scheme one =
        parse_scheme("fuzzed",
                     "algorithm jwt=HS256,HS384,HS512; signature header=T; timestamp claim=iat;"
                     "claims iss=me 'aud={url}' 'qsh={url:qsh}'; digest claim=h optional;");
    return one;
}

void check_unsigned(std::string_view text) {
    static const SigningSecret secret = testing::secret(scheme(), random_key());
    const testing::Delivery delivery{{{"T", std::string(text)}}, "body"};
    const Reason reason =
        testing::judge(scheme(), {secret}, delivery, std::chrono::seconds(1'614'265'330)).reason;
    require(reason == Reason::malformed_signature || reason == Reason::bad_signature,
            "nobody knows the key");
}

// Any claims at all, rightly signed.
void check_claims(std::string_view claims) {
    static const SigningSecret secret = testing::secret(scheme(), random_key());
    const testing::Delivery delivery{{{"T", testing::hs256_token(claims, random_key())}}, "body"};
    const Reason reason =
        testing::judge(scheme(), {secret}, delivery, std::chrono::seconds(1'614'265'330)).reason;
    const bool has_hash = claims.find(testing::sha256_hex("POST&/in&")) != std::string_view::npos;
    require(reason != Reason::accepted || has_hash, "claims have to be there");
}

}  // namespace
}  // namespace webhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace webhook::fuzz;
    const std::string_view text = as_text(data, size);
    check_parts(text);
    check_unsigned(text);
    check_claims(text);
    return 0;
}
