#include "scheme/variable_traits.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace webhook {
namespace {

// The trait as a bit.
constexpr unsigned bit(Trait trait) {
    return 1U << static_cast<unsigned>(trait);
}

constexpr unsigned kSender = bit(Trait::of_sender);
constexpr unsigned kKnown = bit(Trait::known_to_others);
constexpr unsigned kAddress = bit(Trait::of_address) | kKnown;
constexpr unsigned kDelivery = bit(Trait::of_delivery);
constexpr unsigned kManyEvents = bit(Trait::of_many_events);
constexpr unsigned kUrl = bit(Trait::of_url);
constexpr unsigned kRequest = bit(Trait::of_request);
constexpr unsigned kUnknownYet = bit(Trait::unknown_yet);
constexpr unsigned kBody = bit(Trait::of_body) | kUnknownYet;

struct Row {
    std::string_view name;
    unsigned traits;
};

constexpr Row kVariables[] = {
    {"webhook_verdict", kDelivery | kUnknownYet},
    {"webhook_reason", kDelivery | kUnknownYet},
    {"webhook_verify_time", kDelivery | kRequest},
    {"webhook_endpoint", kDelivery | kManyEvents},
    {"webhook_scheme", kDelivery | kManyEvents},
    {"webhook_secret_id", kDelivery | kManyEvents},
    {"webhook_event_type", kDelivery | kManyEvents},
    {"webhook_timestamp", kDelivery | kManyEvents},

    {"args", kSender | kUrl},
    {"query_string", kSender | kUrl},
    {"is_args", kSender | kUrl},
    {"request", kSender | kUrl},
    {"request_uri", kSender | kUrl},
    {"uri", kSender | kUrl},
    {"document_uri", kSender | kUrl},
    {"request_filename", kSender | kUrl},
    {"fastcgi_script_name", kSender | kUrl},
    {"fastcgi_path_info", kSender | kUrl},
    {"request_body", kSender | kBody},
    {"request_body_file", kBody},
    {"uid_got", kSender | kManyEvents},
    {"invalid_referer", kSender | kManyEvents},
    {"msie", kSender | kManyEvents},
    {"modern_browser", kSender | kManyEvents},
    {"ancient_browser", kSender | kManyEvents},
    {"request_method", kSender | kManyEvents},
    {"request_length", kSender | kManyEvents},
    {"host", kSender | kManyEvents},
    {"http_host", kSender | kManyEvents},
    {"remote_user", kSender | kManyEvents},
    {"content_type", kSender | kManyEvents},
    {"content_length", kSender | kManyEvents},
    {"ssl_server_name", kSender | kManyEvents},
    {"proxy_add_x_forwarded_for", kSender | kManyEvents},
    {"http_accept", kSender | kManyEvents},
    {"http_accept_charset", kSender | kManyEvents},
    {"http_accept_encoding", kSender | kManyEvents},
    {"http_accept_language", kSender | kManyEvents},
    {"http_authorization", kSender | kManyEvents},
    {"http_cache_control", kSender | kManyEvents},
    {"http_connection", kSender | kManyEvents},
    {"http_content_encoding", kSender | kManyEvents},
    {"http_content_length", kSender | kManyEvents},
    {"http_content_type", kSender | kManyEvents},
    {"http_cookie", kSender | kManyEvents},
    {"http_expect", kSender | kManyEvents},
    {"http_forwarded", kSender | kManyEvents},
    {"http_from", kSender | kManyEvents},
    {"http_keep_alive", kSender | kManyEvents},
    {"http_origin", kSender | kManyEvents},
    {"http_pragma", kSender | kManyEvents},
    {"http_referer", kSender | kManyEvents},
    {"http_te", kSender | kManyEvents},
    {"http_transfer_encoding", kSender | kManyEvents},
    {"http_upgrade", kSender | kManyEvents},
    {"http_user_agent", kSender | kManyEvents},
    {"http_via", kSender | kManyEvents},
    {"http_x_forwarded_for", kSender | kManyEvents},
    {"http_x_forwarded_host", kSender | kManyEvents},
    {"http_x_forwarded_port", kSender | kManyEvents},
    {"http_x_forwarded_proto", kSender | kManyEvents},
    {"http_x_real_ip", kSender | kManyEvents},

    {"remote_addr", kAddress | kManyEvents},
    {"binary_remote_addr", kAddress | kManyEvents},
    {"realip_remote_addr", kAddress | kManyEvents},
    {"proxy_protocol_addr", kAddress | kManyEvents},
    {"proxy_protocol_server_addr", kKnown | kManyEvents},
    {"proxy_protocol_server_port", kKnown | kManyEvents},
    {"hostname", kKnown | kManyEvents},
    {"server_name", kKnown | kManyEvents},
    {"server_addr", kKnown | kManyEvents},
    {"server_port", kKnown | kManyEvents},
    {"server_protocol", kKnown | kManyEvents},
    {"scheme", kKnown | kManyEvents},
    {"https", kKnown | kManyEvents},
    {"http2", kKnown | kManyEvents},
    {"http3", kKnown | kManyEvents},
    {"nginx_version", kKnown | kManyEvents},
    {"pid", kKnown | kManyEvents},
    {"document_root", kKnown | kManyEvents},
    {"realpath_root", kKnown | kManyEvents},
    {"status", kKnown | kManyEvents},
    {"bytes_sent", kKnown | kManyEvents},
    {"body_bytes_sent", kKnown | kManyEvents},
    {"limit_rate", kKnown | kManyEvents},
    {"pipe", kKnown | kManyEvents},
    {"ssl_protocol", kKnown | kManyEvents},
    {"ssl_cipher", kKnown | kManyEvents},
    {"ssl_ciphers", kKnown | kManyEvents},
    {"ssl_curve", kKnown | kManyEvents},
    {"ssl_curves", kKnown | kManyEvents},
    {"ssl_alpn_protocol", kKnown | kManyEvents},
    {"ssl_session_reused", kKnown | kManyEvents},
    {"ssl_early_data", kKnown | kManyEvents},
    {"ssl_client_verify", kKnown | kManyEvents},
    {"ssl_client_cert", kManyEvents},
    {"ssl_client_escaped_cert", kManyEvents},
    {"ssl_client_fingerprint", kManyEvents},
    {"ssl_client_i_dn", kManyEvents},
    {"ssl_client_s_dn", kManyEvents},
    {"ssl_client_serial", kManyEvents},
    {"ssl_client_raw_cert", kManyEvents},
    {"ssl_client_i_dn_legacy", kManyEvents},
    {"ssl_client_s_dn_legacy", kManyEvents},
    {"ssl_client_v_start", kManyEvents},
    {"ssl_client_v_end", kManyEvents},
    {"ssl_client_v_remain", kManyEvents},
    {"limit_req_status", kKnown | kManyEvents},
    {"limit_conn_status", kKnown | kManyEvents},
    {"uid_set", kManyEvents},
    {"uid_reset", kManyEvents},

    {"request_id", kRequest},
    {"connection", kKnown | kRequest},
    {"connection_requests", kKnown | kRequest},
    {"connection_time", kKnown | kRequest},
    {"msec", kKnown | kRequest},
    {"time_iso8601", kKnown | kRequest},
    {"time_local", kKnown | kRequest},
    {"date_gmt", kKnown | kRequest},
    {"date_local", kKnown | kRequest},
    {"request_time", kKnown | kRequest},
    {"remote_port", kKnown | kRequest},
    {"realip_remote_port", kKnown | kRequest},
    {"proxy_protocol_port", kKnown | kRequest},
    {"tcpinfo_rtt", kKnown | kRequest},
    {"tcpinfo_rttvar", kKnown | kRequest},
    {"tcpinfo_snd_cwnd", kKnown | kRequest},
    {"tcpinfo_rcv_space", kKnown | kRequest},
    {"connections_active", kKnown | kRequest},
    {"connections_reading", kKnown | kRequest},
    {"connections_writing", kKnown | kRequest},
    {"connections_waiting", kKnown | kRequest},
    {"ssl_session_id", kRequest},

    {"request_completion", kUnknownYet},
    {"gzip_ratio", kUnknownYet},
    {"proxy_internal_body_length", kUnknownYet},
    {"proxy_host", kUnknownYet},
    {"proxy_port", kUnknownYet},
    {"upstream_addr", kUnknownYet},
    {"upstream_bytes_received", kUnknownYet},
    {"upstream_bytes_sent", kUnknownYet},
    {"upstream_cache_etag", kUnknownYet},
    {"upstream_cache_last_modified", kUnknownYet},
    {"upstream_cache_status", kUnknownYet},
    {"upstream_connect_time", kUnknownYet},
    {"upstream_header_time", kUnknownYet},
    {"upstream_response_length", kUnknownYet},
    {"upstream_response_time", kUnknownYet},
    {"upstream_status", kUnknownYet},
};

constexpr Row kPrefixes[] = {
    {"webhook_", kDelivery},
    {"http_", kSender},
    {"arg_", kSender},
    {"cookie_", kSender},
    {"upstream_http_", kUnknownYet},
    {"upstream_trailer_", kUnknownYet},
    {"upstream_cookie_", kUnknownYet},
    {"sent_http_", kUnknownYet},
    {"sent_trailer_", kUnknownYet},
};

}  // namespace

bool has_trait(std::string_view variable, Trait trait) {
    const auto* row = std::ranges::find(kVariables, variable, &Row::name);
    if (row != std::end(kVariables)) return (row->traits & bit(trait)) != 0;
    return std::ranges::any_of(kPrefixes, [&](const Row& prefix) {
        return variable.starts_with(prefix.name) && (prefix.traits & bit(trait)) != 0;
    });
}

bool any_has(std::span<const std::string> variables, Trait trait) {
    return std::ranges::any_of(variables,
                               [trait](std::string_view each) { return has_trait(each, trait); });
}

bool begins_capture(std::string_view text) {
    return !text.empty() && text.front() >= '1' && text.front() <= '9';
}

std::vector<std::string> variables_in(std::string_view text) {
    std::vector<std::string> names;
    for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$')) {
        text.remove_prefix(at + 1);
        if (begins_capture(text)) continue;
        if (text.starts_with('{')) text.remove_prefix(1);
        const auto* end = std::ranges::find_if_not(text, [](char character) {
            return is_letter(character) || is_digit(character) || character == '_';
        });
        names.push_back(to_lower(text.substr(0, static_cast<std::size_t>(end - text.begin()))));
    }
    return names;
}

bool has_capture(std::string_view text) {
    for (std::size_t at = text.find('$'); at != std::string_view::npos;
         at = text.find('$', at + 1)) {
        if (begins_capture(text.substr(at + 1))) return true;
    }
    return false;
}

}  // namespace webhook
