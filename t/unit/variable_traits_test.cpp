#include "webhook/variable_traits.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace webhook {
namespace {

constexpr std::array kTraits = {Trait::of_sender,   Trait::known_to_others, Trait::of_address,
                                Trait::of_delivery, Trait::of_many_events,  Trait::of_url,
                                Trait::of_request,  Trait::unknown_yet,     Trait::of_body};

std::string letters_of(std::string_view variable) {
    constexpr std::string_view kLetters = "skadmuryb";
    std::string letters;
    for (std::size_t i = 0; i < kTraits.size(); ++i) {
        if (has_trait(variable, kTraits[i])) letters += kLetters[i];
    }
    return letters;
}

TEST(VariableTraits, WhatTheSenderChooses) {
    EXPECT_EQ("s", letters_of("http_x_tenant"));
    EXPECT_EQ("s", letters_of("arg_token"));
    EXPECT_EQ("s", letters_of("cookie_session"));
    EXPECT_EQ("sm", letters_of("uid_got"));
    EXPECT_EQ("sm", letters_of("invalid_referer"));
    EXPECT_EQ("su", letters_of("request_uri"));
    EXPECT_EQ("su", letters_of("args"));
}

TEST(VariableTraits, WhatDifferentEventsShare) {
    EXPECT_EQ("sm", letters_of("host"));
    EXPECT_EQ("sm", letters_of("http_user_agent"));
    EXPECT_EQ("kam", letters_of("remote_addr"));
    EXPECT_EQ("km", letters_of("server_name"));
    EXPECT_EQ("km", letters_of("ssl_client_verify"));
    EXPECT_EQ("dm", letters_of("webhook_event_type"));
    EXPECT_EQ("dm", letters_of("webhook_timestamp"));
    EXPECT_EQ("km", letters_of("limit_req_status"));
    EXPECT_EQ("m", letters_of("uid_set"));
    EXPECT_EQ("m", letters_of("ssl_client_v_end"));
    EXPECT_EQ("sm", letters_of("modern_browser"));
}

TEST(VariableTraits, ACertificateIsNotForOthersToGuess) {
    EXPECT_EQ("m", letters_of("ssl_client_s_dn"));
    EXPECT_EQ("m", letters_of("ssl_client_fingerprint"));
}

TEST(VariableTraits, WhatIsAnotherOneForEachRequest) {
    EXPECT_EQ("r", letters_of("request_id"));
    EXPECT_EQ("kr", letters_of("msec"));
    EXPECT_EQ("kr", letters_of("remote_port"));
    EXPECT_EQ("dr", letters_of("webhook_verify_time"));
    EXPECT_EQ("kr", letters_of("tcpinfo_snd_cwnd"));
    EXPECT_EQ("kr", letters_of("connections_active"));
}

TEST(VariableTraits, WhatIsEmptyWhenAnEventIsLookedUp) {
    EXPECT_EQ("y", letters_of("upstream_status"));
    EXPECT_EQ("syb", letters_of("request_body"));
    EXPECT_EQ("yb", letters_of("request_body_file"));
    EXPECT_EQ("y", letters_of("upstream_http_location"));
    EXPECT_EQ("y", letters_of("sent_http_content_type"));
    EXPECT_EQ("dy", letters_of("webhook_verdict"));
    EXPECT_EQ("dy", letters_of("webhook_reason"));
    EXPECT_EQ("y", letters_of("gzip_ratio"));
    EXPECT_EQ("y", letters_of("proxy_internal_body_length"));
}

TEST(VariableTraits, WhatTellsEventsApartIsOnlyOfTheDelivery) {
    EXPECT_EQ("d", letters_of("webhook_event_id"));
    EXPECT_EQ("d", letters_of("webhook_event_key"));
    EXPECT_EQ("d", letters_of("webhook_body_sha256"));
}

TEST(VariableTraits, ANameGoesBeforeItsPrefix) {
    EXPECT_EQ("s", letters_of("http_x_request_id"));
    EXPECT_EQ("sm", letters_of("http_x_real_ip"));
    EXPECT_EQ("sm", letters_of("http_host"));
}

TEST(VariableTraits, NothingIsKnownOfOthers) {
    EXPECT_EQ("", letters_of(""));
    EXPECT_EQ("", letters_of("tenant"));
    EXPECT_EQ("", letters_of("http"));
    EXPECT_EQ("", letters_of("my_http_x"));
    EXPECT_EQ("", letters_of("remote_addr_of_mine"));
    EXPECT_EQ("", letters_of("geoip_country_code"));
}

}  // namespace
}  // namespace webhook
