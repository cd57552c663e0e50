#include "scheme/variable_traits.h"

#include <gtest/gtest.h>

#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

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

// Each row by itself: one that is missing or has another trait would be told to nobody.
TEST(VariableTraits, EveryVariableThatIsKnown) {
    const std::pair<std::string, std::string> all[] = {
        {"dy", "webhook_verdict webhook_reason "},
        {"dr", "webhook_verify_time "},
        {"dm",
         "webhook_endpoint webhook_scheme webhook_secret_id webhook_event_type "
         "webhook_timestamp "},
        {"su",
         "args query_string is_args request "
         "request_uri uri document_uri request_filename "
         "fastcgi_script_name fastcgi_path_info "},
        {"syb", "request_body "},
        {"yb", "request_body_file "},
        {"sm",
         "uid_got invalid_referer msie modern_browser "
         "ancient_browser request_method request_length host "
         "http_host remote_user content_type content_length "
         "ssl_server_name proxy_add_x_forwarded_for http_accept http_accept_charset "
         "http_accept_encoding http_accept_language http_authorization http_cache_control "
         "http_connection http_content_encoding http_content_length http_content_type "
         "http_cookie http_expect http_forwarded http_from "
         "http_keep_alive http_origin http_pragma http_referer "
         "http_te http_transfer_encoding http_upgrade http_user_agent "
         "http_via http_x_forwarded_for http_x_forwarded_host http_x_forwarded_port "
         "http_x_forwarded_proto http_x_real_ip "},
        {"kam", "remote_addr binary_remote_addr realip_remote_addr proxy_protocol_addr "},
        {"km",
         "proxy_protocol_server_addr proxy_protocol_server_port hostname server_name "
         "server_addr server_port server_protocol scheme "
         "https http2 http3 nginx_version "
         "pid document_root realpath_root status "
         "bytes_sent body_bytes_sent limit_rate pipe "
         "ssl_protocol ssl_cipher ssl_ciphers ssl_curve "
         "ssl_curves ssl_alpn_protocol ssl_session_reused ssl_early_data "
         "ssl_client_verify limit_req_status limit_conn_status "},
        {"m",
         "ssl_client_cert ssl_client_escaped_cert ssl_client_fingerprint ssl_client_i_dn "
         "ssl_client_s_dn ssl_client_serial ssl_client_raw_cert ssl_client_i_dn_legacy "
         "ssl_client_s_dn_legacy ssl_client_v_start ssl_client_v_end ssl_client_v_remain "
         "uid_set uid_reset "},
        {"r", "request_id ssl_session_id "},
        {"kr",
         "connection connection_requests connection_time msec "
         "time_iso8601 time_local date_gmt date_local "
         "request_time remote_port realip_remote_port proxy_protocol_port "
         "tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd tcpinfo_rcv_space "
         "connections_active connections_reading connections_writing connections_waiting "},
        {"y",
         "request_completion gzip_ratio proxy_internal_body_length proxy_host "
         "proxy_port upstream_addr upstream_bytes_received upstream_bytes_sent "
         "upstream_cache_etag upstream_cache_last_modified upstream_cache_status "
         "upstream_connect_time "
         "upstream_header_time upstream_response_length upstream_response_time upstream_status "
         "upstream_trailer_x upstream_cookie_x sent_trailer_x "},
    };
    for (const auto& [letters, names] : all) {
        std::istringstream stream(names);
        for (std::string name; stream >> name;) EXPECT_EQ(letters, letters_of(name)) << name;
    }
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
