// The URL that a sender delivers to, in the forms in which senders sign it.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// What is behind the host and port of a URL: its path, query and fragment. A URL that starts with
// `/` is all of that.
std::string_view target_of(std::string_view url);

// Whether a Host header, or what stands for it, is a host with or without a port, and nothing that
// would begin another part of a URL.
bool is_host(std::string_view text);

// The part of a configured URL in which variables stand for the host, or for some of it, as
// `$http_host` of `https://$http_host/in`; empty where none does. What follows the host without a
// `/` may be a path: of `https://a$b$c` nothing, of `https://$a$b` the first.
std::string_view host_variables(std::string_view configured_url);

// Whether a URL that is made of what the request says is cut into the same parts by every reader:
// its authority holds a host only, nothing before the request's own `target` (as its line has it)
// begins a query, and there is no fragment, which no sender sends.
bool is_unambiguous_url(std::string_view url, std::string_view target);

// The query of a URL: what is behind its first `?` and before a `#`; empty where there is none.
std::string_view query_of(std::string_view url);

// Whether the decoded name is that of a parameter that may stand in one of two queries only.
using LeftOut = std::function<bool(std::string_view)>;

// Whether every reader of two queries finds the same parameters in the same order, however their
// characters are encoded. What is left out may stand in the query that was sent alone: a reader of
// both values would not know which one was signed.
bool same_query(std::string_view sent, std::string_view hashed, const LeftOut& is_left_out);

// Whether the decoded name of a parameter is one that is asked for.
using IsName = std::function<bool(std::string_view)>;

// Whether a reader finds such a parameter in a query, however it is encoded, and whether it is
// separated by `&` or by `;`.
bool has_parameter(std::string_view query, const IsName& is_name);
bool has_parameter(std::string_view query, std::string_view name);

// The decoded value of the only parameter of this name in a query; nothing where there is none,
// more than one, or the query does not decode.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// Every byte as % and two hex digits in upper case, but ASCII letters, digits and those in `kept`.
std::string percent_encoded(std::string_view text, std::string_view kept);

// A parameter that the sender appends to the URL it delivers to: what stands behind it there was
// not put by the sender.
struct AppendedParameter {
    enum class State { missing, last, elsewhere };
    State state;
    std::string value;
};

// `elsewhere`: it is not the last one, is there more than once, or the query does not decode.
AppendedParameter appended_parameter(std::string_view url, std::string_view name);

// The same URL without its port, whichever that is, or where it has none, with the default one of
// its scheme (http, https): some senders sign the one for the other. Nothing where it is no such
// URL.
std::optional<std::string> with_other_port(std::string_view url);

// What a log shows of a URL that `written` gives, the text of the configuration with its variables:
// the values of the parameters that stand there themselves are `***`, and so is a user before the
// host. What the variables bring is the request's own.
std::string url_for_log(std::string_view url, std::string_view written);

}  // namespace webhook
