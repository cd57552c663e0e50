#include "verify/secret_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

using namespace std::string_literals;
using Oddities = std::vector<std::string_view>;

const std::string kKey = "a-made-up-key-0123456789";

TEST(SecretText, OrdinarySecretsAreNotOdd) {
    for (const std::string& secret : {kKey,
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"s,
                                      "user:pass word"s,
                                      "Gr\xc3\xbc\xc3\x9f"s,
                                      "QUJDREVGR0g="s,
                                      "QUJDREVGRw=="s,
                                      "ABCDEFG="s,
                                      "SECRET=="s,
                                      "12=abcdefgh"s,
                                      "1AB=abcdefgh"s,
                                      "AB=abcdefgh"s,
                                      ""s,
                                      "shpss_0123456789abcdef0123456789abcdef"s,
                                      "it's"s,
                                      "\""s,
                                      "'\""s,
                                      "<"s,
                                      "<>"s,
                                      "0123456789abcdef0123456789abcdef"s,
                                      "AC0123456789"s,
                                      "ACghijklmnopqrstuvwxyzghijklmnopqr"s,
                                      "00112233-4455-6677-8899-aabbccddeeff"s}) {
        EXPECT_EQ(Oddities{}, oddities_of(secret)) << secret;
    }
}

TEST(SecretText, StrayBytesAreOdd) {
    const std::string_view space = "has white space at an end";
    for (const std::string& secret :
         {kKey + " ", " " + kKey, kKey + "\n", kKey + "\r", "\t" + kKey, "\n"s}) {
        EXPECT_EQ(Oddities{space}, oddities_of(secret)) << secret;
    }
    EXPECT_EQ(Oddities{"begins with a byte order mark"}, oddities_of("\xef\xbb\xbf" + kKey));
    EXPECT_EQ((Oddities{"begins with a byte order mark", space}),
              oddities_of("\xef\xbb\xbf" + kKey + "\n"));
    const std::string_view utf16 = "is UTF-16 text: the bytes are not those of the secret";
    EXPECT_EQ(Oddities{utf16}, oddities_of("\xff\xfe"s + "a\0b\0"s));
    EXPECT_EQ(Oddities{utf16}, oddities_of("\xfe\xff"s + "\0a\0b"s));
    EXPECT_EQ(Oddities{"holds control characters"}, oddities_of("a\0b\0"s));
    EXPECT_EQ(Oddities{"holds control characters"}, oddities_of("a\nb"));
}

TEST(SecretText, WhatIsAroundASecretIsOdd) {
    const std::string_view quotes = "stands in quotes, which are part of it";
    EXPECT_EQ(Oddities{quotes}, oddities_of('"' + kKey + '"'));
    EXPECT_EQ(Oddities{quotes}, oddities_of('\'' + kKey + '\''));
    EXPECT_EQ(Oddities{quotes}, oddities_of('`' + kKey + '`'));
    const std::string_view assignment = "looks like NAME=value, all of which is the secret";
    EXPECT_EQ(Oddities{assignment}, oddities_of("WEBHOOK_SECRET=" + kKey));
    EXPECT_EQ(Oddities{assignment}, oddities_of("export KEY=" + kKey));
    EXPECT_EQ(Oddities{assignment}, oddities_of("secret=" + kKey));
    EXPECT_EQ(Oddities{assignment}, oddities_of("env=WEBHOOK_SECRET"));
}

TEST(SecretText, KeysOfAnotherKindAreOdd) {
    EXPECT_EQ(Oddities{"looks like an API key of Stripe"},
              oddities_of("sk_live_51HabcdefghijklmnopqrstuvwxyzABCDEFGH"));
    EXPECT_EQ(Oddities{"looks like an access token of GitHub"},
              oddities_of("ghp_0123456789abcdef"));
    EXPECT_EQ(Oddities{"looks like an account SID of Twilio"},
              oddities_of("AC0123456789abcdef0123456789abcdef"));
    for (const std::string& secret :
         {"changeme"s, "ChangeMe"s, "your-webhook-secret"s, "YOUR_SECRET_HERE"s, "<the secret>"s}) {
        EXPECT_EQ(Oddities{"looks like a placeholder"}, oddities_of(secret)) << secret;
    }
}

TEST(SecretText, APathIsOdd) {
    const Oddities path{"looks like a path: is \"file:\" missing?"};
    for (const std::string& secret :
         {"/etc/nginx/webhook/stripe"s, "/run/secrets/github"s, "./github"s, "../github"s,
          "~/github"s, "file:/etc/x"s, "FILE:secret"s, "/Home/me/secret"s, "webhook/stripe.key"s,
          "github.PEM"s, "github.secret"s}) {
        EXPECT_EQ(path, oddities_of(secret)) << secret;
    }
    EXPECT_EQ((Oddities{"has white space at an end", path.front()}), oddities_of("stripe.key "));
}

TEST(SecretText, Base64MayHoldSlashes) {
    for (const std::string& secret :
         {"/9j/4AAQSkZJRgABAQAAAQABAAD="s, "/etcABCDEFGHIJKLMNOPQRSTUVWX="s, "abc/etc/def+ghi/jkl"s,
          "secret.keys"s, "a.keyring"s}) {
        EXPECT_EQ(Oddities{}, oddities_of(secret)) << secret;
    }
}

}  // namespace
}  // namespace webhook
