// Forms of the URL that only one sender signs.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// The URL as HubSpot signs it, with only these decoded: %3A %2F %3F %40 %21 %24 %27 %28 %29 %2A %2C
// %3B (in either case).
// https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests
std::string hubspot_url(std::string_view url);

// Whether the path contains %3F, which HubSpot would sign as the start of a query.
bool hides_query(std::string_view url);

// The query string hash of Atlassian Connect, in lower-case hex: SHA-256 of METHOD&path&query, with
// the query's parameters sorted and re-encoded, without `jwt`. `base_path` is the path of the app's
// base URL, which Atlassian leaves out of the path (empty: none). Returns nullopt if the query does
// not decode, or not to UTF-8.
// https://developer.atlassian.com/cloud/bitbucket/query-string-hash/
std::optional<std::string> atlassian_qsh(std::string_view method, std::string_view url,
                                         std::string_view base_path);

}  // namespace webhook
