#include "verify/body_digest.h"

#include <gtest/gtest.h>

#include <string>

#include "delivery.h"
#include "verification_fixture.h"

namespace webhook {
namespace {

using namespace std::string_literals;
using testing::base64;
using testing::Delivery;
using testing::hmac;
using testing::hmac_hex;
using testing::judge;
using testing::kNow;
using testing::kSecret;
using testing::secret;

Reason judged_with_digest(const std::string& name, const std::string& value,
                          const std::string& options = "", const std::string& body = "body") {
    const Scheme scheme =
        parse_scheme("test", "algorithm hmac-sha256; signed '{header:" + name +
                                 "}'; signature header=S; digest header=" + name + options + ";");
    const Delivery delivery{{{"S", hmac_hex(kSecret, value)}, {name, value}}, body};
    return judge(scheme, {secret(scheme, kSecret)}, delivery, kNow).reason;
}

TEST(DigestHeader, OfRfc3230) {
    const std::string digest = base64(testing::hashed(EVP_sha256(), "body"));
    for (const std::string& list :
         {"SHA-256=" + digest, "sha-256=" + digest, "unixsum=30637, SHA-256=" + digest,
          "SHA-256=" + digest + ",SHA-512=AAAA", "\tSHA=x ,, SHA-256 = " + digest}) {
        EXPECT_EQ(Reason::accepted, judged_with_digest("Digest", list)) << list;
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Digest", list, "", "other")) << list;
    }
    for (const std::string& list :
         {""s, digest, "SHA-512=" + digest, "SHA-256=" + digest + ",SHA-256=" + digest,
          "SHA-256=" + digest + ",sha-256=x", "SHA-256=:" + digest + ":", "SHA-256="s, "SHA-256"s,
          "SHA-256=" + digest + "=", "xSHA-256=" + digest}) {
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Digest", list)) << list;
    }
    const std::string longer = base64(testing::hashed(EVP_sha512(), "body"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Digest", "SHA-256=x,SHA-512=" + longer, " algorithm=sha512"));
}

TEST(DigestHeader, OfRfc9530) {
    const std::string digest = base64(testing::hashed(EVP_sha256(), "body"));
    EXPECT_EQ(Reason::accepted, judged_with_digest("Content-Digest", "sha-256=:" + digest + ":"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Content-Digest", "md5=:AA==:, sha-256=:" + digest + ":"));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("Content-Digest", "sha-256=:" + digest + ":;a=1;b, md5=:AA==:"));
    for (const std::string& list :
         {"sha-256=" + digest, "SHA-256=:" + digest + ":", "sha-256=:" + digest,
          "sha-256=:" + digest + ":a=1", "sha-256=:" + digest + "::", "sha-256=:"s, "sha-256=::"s,
          "sha-256=:" + digest + ":,sha-256=:" + digest + ":"}) {
        EXPECT_EQ(Reason::bad_signature, judged_with_digest("Content-Digest", list)) << list;
    }
}

// Published: RFC 9530, appendix B.1.
TEST(DigestHeader, IsThatOfTheRfc) {
    const std::string body = "{\"hello\": \"world\"}\n";
    EXPECT_EQ(
        Reason::accepted,
        judged_with_digest("Content-Digest",
                           "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", "", body));
}

TEST(DigestHeader, OfAnotherNameIsTheDigestItself) {
    EXPECT_EQ(Reason::accepted, judged_with_digest("X-Hash", testing::sha256_hex("body")));
    EXPECT_EQ(Reason::bad_signature, judged_with_digest("X-Hash", testing::sha256_hex("other")));
    EXPECT_EQ(Reason::accepted,
              judged_with_digest("X-Hash", base64(testing::hashed(EVP_sha256(), "body")),
                                 " encoding=base64"));
}

}  // namespace
}  // namespace webhook
