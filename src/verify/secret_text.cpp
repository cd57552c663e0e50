#include "verify/secret_text.h"

#include <algorithm>
#include <string>

#include "base/encoding.h"
#include "base/text.h"

namespace webhook {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

// A key that its issuer gives for calling an API. Webhooks are signed with another one.
struct ApiKey {
    std::string_view prefix;
    std::string_view oddity;
    // The number of hex digits that follow. 0: any text may follow.
    std::size_t digits = 0;
};

constexpr ApiKey kApiKeys[] = {
    {"sk_live_", "looks like an API key of Stripe"},
    {"sk_test_", "looks like an API key of Stripe"},
    {"pk_live_", "looks like an API key of Stripe"},
    {"pk_test_", "looks like an API key of Stripe"},
    {"rk_live_", "looks like an API key of Stripe"},
    {"rk_test_", "looks like an API key of Stripe"},
    {"we_1", "looks like the id of a webhook endpoint of Stripe"},
    {"ghp_", "looks like an access token of GitHub"},
    {"gho_", "looks like an access token of GitHub"},
    {"github_pat_", "looks like an access token of GitHub"},
    {"glpat-", "looks like an access token of GitLab"},
    {"xoxb-", "looks like an access token of Slack"},
    {"xoxp-", "looks like an access token of Slack"},
    {"xapp-", "looks like an access token of Slack"},
    {"shpat_", "looks like an access token of Shopify"},
    {"pat-na1-", "looks like an access token of HubSpot"},
    {"pat-eu1-", "looks like an access token of HubSpot"},
    {"SG.", "looks like an API key of SendGrid"},
    {"sk-proj-", "looks like an API key of OpenAI"},
    {"sk-ant-", "looks like an API key of Anthropic"},
    {"AC", "looks like an account SID of Twilio", 32},
    {"SK", "looks like an API key SID of Twilio", 32},
};

// Placeholders for the secret in documentation and templates.
constexpr std::string_view kPlaceholders[] = {
    "changeme", "change-me",      "change_me",      "change-this",     "change_this", "your-",
    "your_",    "yoursecret",     "replace-me",     "replace_me",      "replaceme",   "my-secret",
    "mysecret", "example-secret", "example_secret", "secret-goes-here"};

// Base64 may begin with a slash, but hardly with these.
constexpr std::string_view kPathStarts[] = {
    "./",    "../",    "~/",    "file:", "/etc/", "/run/", "/var/",
    "/usr/", "/home/", "/opt/", "/srv/", "/tmp/", "/mnt/", "/root/",
};
constexpr std::string_view kPathEnds[] = {".key", ".pem", ".txt", ".json", ".secret"};

bool is_utf16(std::string_view text) {
    return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
}

bool stands_in_quotes(std::string_view text) {
    return text.size() > 2 && text.front() == text.back() &&
           (text.front() == '"' || text.front() == '\'' || text.front() == '`');
}

// An assignment as in a file of environment variables. Base64 has `=` at its end only.
bool is_assignment(std::string_view text) {
    if (text.starts_with("export ")) text.remove_prefix(7);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals < 3 || is_digit(text.front())) return false;
    const bool is_name = std::ranges::all_of(text.substr(0, equals), [](char character) {
        return is_letter(character) || is_digit(character) || character == '_';
    });
    return is_name && text.find_first_not_of('=', equals) != std::string_view::npos;
}

bool is_api_key(const ApiKey& row, std::string_view text) {
    if (!text.starts_with(row.prefix)) return false;
    const std::string_view rest = text.substr(row.prefix.size());
    return row.digits == 0 || (rest.size() == row.digits && decode(TextEncoding::hex, rest));
}

bool is_path(std::string_view text) {
    const std::string lowered = to_lower(text);
    return std::ranges::any_of(kPathStarts,
                               [&lowered](auto start) { return lowered.starts_with(start); }) ||
           std::ranges::any_of(kPathEnds, [&lowered](auto end) { return lowered.ends_with(end); });
}

bool is_placeholder(std::string_view text) {
    if (text.size() > 2 && text.front() == '<' && text.back() == '>') return true;
    const std::string lowered = to_lower(text);
    return std::ranges::any_of(kPlaceholders, [&lowered](std::string_view word) {
        return lowered.find(word) != std::string::npos;
    });
}

}  // namespace

std::vector<std::string_view> oddities_of(std::string_view secret) {
    if (is_utf16(secret)) return {"is UTF-16 text: the bytes are not those of the secret"};
    std::vector<std::string_view> odd;
    if (secret.starts_with("\xef\xbb\xbf")) {
        odd.emplace_back("begins with a byte order mark");
        secret.remove_prefix(3);
    }
    const std::string_view text = without_padding(secret, kSpace);
    if (text.size() < secret.size()) odd.emplace_back("has white space at an end");
    if (has_control_character(text)) odd.emplace_back("holds control characters");
    if (stands_in_quotes(text)) odd.emplace_back("stands in quotes, which are part of it");
    if (is_assignment(text)) odd.emplace_back("looks like NAME=value, all of which is the secret");
    for (const ApiKey& row : kApiKeys) {
        if (is_api_key(row, text)) odd.emplace_back(row.oddity);
    }
    if (is_path(text)) odd.emplace_back("looks like a path: is \"file:\" missing?");
    if (is_placeholder(text)) odd.emplace_back("looks like a placeholder");
    return odd;
}

}  // namespace webhook
