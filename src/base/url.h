// The URL that a sender delivers to, in the forms in which senders sign it.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// The part of a URL after the host and port: its path, query and fragment. A URL that starts with
// `/` is returned as a whole.
std::string_view target_of(std::string_view url);

// Whether a Host header, or its substitute, is a host with or without a port, without characters
// that would begin another part of a URL.
bool is_host(std::string_view text);

// The part of a configured URL in which variables give the host or a part of it, as `$http_host` of
// `https://$http_host/in`. Empty if none does. A variable after the host without a `/` may hold a
// path: of `https://a$b$c` nothing is returned, of `https://$a$b` the first.
std::string_view host_variables(std::string_view configured_url);

// Whether every reader splits a URL that is built from the request into the same parts: its
// authority is only a host, no query begins before the `target` of the request line, and there is
// no fragment, which no sender sends.
bool is_unambiguous_url(std::string_view url, std::string_view target);

// The query of a URL: the text between its first `?` and a `#`. Empty if there is none.
std::string_view query_of(std::string_view url);

// Whether the decoded name is that of a parameter that only one of two queries may have.
using LeftOut = std::function<bool(std::string_view)>;

// Whether every reader finds the same parameters in the same order in both queries, whatever their
// encoding. A parameter that is left out may occur in the sent query only: a reader of both values
// would not know which one was signed.
bool same_query(std::string_view sent, std::string_view hashed, const LeftOut& is_left_out);

// Whether the decoded name of a parameter is one that the caller looks for.
using IsName = std::function<bool(std::string_view)>;

// Whether a reader finds such a parameter in a query, in any encoding and with `&` or `;` as the
// separator.
bool has_parameter(std::string_view query, const IsName& is_name);
bool has_parameter(std::string_view query, std::string_view name);

// Returns the decoded value of the only parameter of this name in a query. Returns nullopt if there
// is none or more than one, or if the query does not decode.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// Encodes every byte as % and two upper-case hex digits, except ASCII letters, digits and those in
// `kept`.
std::string percent_encoded(std::string_view text, std::string_view kept);

// A parameter that the sender appends to the URL it delivers to. Text after it does not come from
// the sender.
struct AppendedParameter {
    enum class State { missing, last, elsewhere };
    State state;
    std::string value;
};

// `elsewhere`: it is not the last one, occurs more than once, or the query does not decode.
AppendedParameter appended_parameter(std::string_view url, std::string_view name);

// The same URL without its port, or, if it has none, with the default port of its scheme (http,
// https): some senders sign one for the other. Returns nullopt if it is no such URL.
std::optional<std::string> with_other_port(std::string_view url);

// The URL for a log; `written` is its text in the configuration, with variables. Parameter values
// written there are shown as `***`, and so is a user before the host. The values of the variables
// come from the request and are shown.
std::string url_for_log(std::string_view url, std::string_view written);

}  // namespace webhook
