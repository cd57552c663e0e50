#include "base/url.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/encoding.h"
#include "base/form.h"
#include "base/text.h"

namespace webhook {
namespace {

struct Scheme {
    std::string_view start;
    std::string_view default_port;
};

constexpr std::array kSchemes{Scheme{"https://", ":443"}, Scheme{"http://", ":80"}};

bool is_letter_or_digit(char character) {
    const char lowered = to_lower(character);
    return is_digit(character) || (lowered >= 'a' && lowered <= 'z');
}

// Returns the position of the port (with its colon) in an authority, or of a missing one. Returns
// nullopt if there is no host, or if it is not terminated.
std::optional<std::size_t> port_start(std::string_view authority) {
    const std::size_t user_end = authority.rfind('@');
    const std::size_t host = user_end == std::string_view::npos ? 0 : user_end + 1;
    if (!authority.substr(host).starts_with('[')) {
        const std::size_t end = std::min(authority.find(':', host), authority.size());
        return end > host ? std::optional(end) : std::nullopt;
    }
    const std::size_t bracket = authority.find(']', host);
    if (bracket == std::string_view::npos) return std::nullopt;
    return bracket + 1;
}

bool is_port(std::string_view text) {
    return text.size() <= 6 && text.starts_with(':') && parse_digits(text.substr(1));
}

// Of the variable that starts there, as `$name` or `${name}`.
std::size_t variable_end(std::string_view text, std::size_t start) {
    std::size_t end = start + 1;
    if (text.substr(end).starts_with('{'))
        return std::min(text.find('}', end), text.size() - 1) + 1;
    while (end < text.size() && (is_letter_or_digit(text[end]) || text[end] == '_')) ++end;
    return end;
}

// Removes and returns the first parameter.
std::string_view take_parameter(std::string_view& rest) {
    const std::size_t end = rest.find('&');
    const std::string_view parameter = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return parameter;
}

// With its `=`. Empty if the parameter is only a value.
std::string_view name_of(std::string_view parameter) {
    return parameter.substr(0, parameter.find('=') + 1);
}

using Parameters = std::vector<std::string_view>;

// Returns the parameters without those that are left out. Readers differ in the meaning of `;` and
// `#`, which could hide another parameter in one that is left out: returns nullopt then, or if a
// name does not decode.
std::optional<Parameters> parameters_of(std::string_view query, const LeftOut& is_left_out) {
    Parameters parameters;
    while (!query.empty()) {
        const std::string_view parameter = take_parameter(query);
        const auto name = percent_decoded(parameter.substr(0, parameter.find('=')));
        if (!name) return std::nullopt;
        if (!is_left_out(*name)) {
            parameters.push_back(parameter);
        } else if (parameter.find_first_of(";#") != std::string_view::npos) {
            return std::nullopt;
        }
    }
    return parameters;
}

bool same_parameter(std::string_view left, std::string_view right) {
    if (left == right) return true;
    // Readers differ in what these mean.
    constexpr std::string_view kDoubtful = ";#+";
    if (left.find_first_of(kDoubtful) != std::string_view::npos ||
        right.find_first_of(kDoubtful) != std::string_view::npos) {
        return false;
    }
    const std::size_t left_name = left.find('=');
    const std::size_t right_name = right.find('=');
    if ((left_name == std::string_view::npos) != (right_name == std::string_view::npos)) {
        return false;
    }
    const auto same = [](std::string_view one, std::string_view other) {
        const auto decoded = percent_decoded(one);
        return decoded && decoded == percent_decoded(other);
    };
    if (left_name == std::string_view::npos) return same(left, right);
    return same(left.substr(0, left_name), right.substr(0, right_name)) &&
           same(left.substr(left_name + 1), right.substr(right_name + 1));
}

// Whether a text of the configuration has anything besides variables.
bool has_literal(std::string_view written) {
    while (written.starts_with('$')) {
        std::size_t end = written.starts_with("${") ? written.find('}') : 1;
        if (end == std::string_view::npos) return true;
        const auto is_of_name = [](char each) { return is_letter_or_digit(each) || each == '_'; };
        if (end > 1) {
            ++end;
        } else {
            while (end < written.size() && is_of_name(written[end])) ++end;
        }
        written.remove_prefix(end);
    }
    return !written.empty();
}

// The parameters of a query in the configuration whose values are written there.
class HiddenParameters {
  public:
    explicit HiddenParameters(std::string_view query) {
        while (!query.empty()) {
            const std::string_view parameter = take_parameter(query);
            const std::string_view name = name_of(parameter);
            if (!has_literal(parameter.substr(name.size()))) continue;
            names_.push_back(name);
            has_variable_name_ |= name.find('$') != std::string_view::npos;
        }
    }

    bool has(std::string_view name) const {
        return has_variable_name_ || std::ranges::find(names_, name) != names_.end();
    }

  private:
    std::vector<std::string_view> names_;
    bool has_variable_name_ = false;
};

// There may be a password before the host.
std::string without_user_of(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    const std::size_t host = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    const std::size_t at = url.substr(host, url.find_first_of("/?#", host) - host).rfind('@');
    if (at == std::string_view::npos) return std::string(url);
    return std::string(url.substr(0, host)) + "***" + std::string(url.substr(host + at));
}

}  // namespace

std::string_view target_of(std::string_view url) {
    if (url.starts_with('/')) return url;
    const std::size_t scheme_end = url.find("://");
    const std::size_t authority = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    return url.substr(std::min(url.find_first_of("/?#", authority), url.size()));
}

bool is_host(std::string_view text) {
    return consists_of(text, ".-_:[]");
}

std::string_view host_variables(std::string_view configured_url) {
    const std::size_t scheme_end = configured_url.find("://");
    if (scheme_end == std::string_view::npos) return {};
    std::string_view host = configured_url.substr(scheme_end + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    // The text before it is a user.
    if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) {
        host.remove_prefix(at + 1);
    }
    std::size_t end = 0;
    std::size_t last_variable = 0;
    bool may_begin_path = false;
    for (std::size_t i = 0; i < host.size();) {
        if (host[i] != '$') {
            // The host extends over every variable so far.
            end = std::max(end, last_variable);
            may_begin_path = is_letter_or_digit(host[i]) || host[i] == ']';
            ++i;
            continue;
        }
        i = variable_end(host, i);
        last_variable = i;
        if (!may_begin_path) end = i;
        may_begin_path = true;
    }
    return host.substr(0, end);
}

bool is_unambiguous_url(std::string_view url, std::string_view target) {
    if (url.find('#') != std::string_view::npos) return false;
    std::string_view origin = url.substr(0, url.size() - target_of(url).size());
    const std::size_t scheme_end = origin.find("://");
    if (scheme_end != std::string_view::npos) origin.remove_prefix(scheme_end + 3);
    // The text before it in the configuration is a user.
    const std::size_t user_end = origin.rfind('@');
    if (user_end != std::string_view::npos) origin.remove_prefix(user_end + 1);
    if (!is_host(origin)) return false;
    if (!url.ends_with(target)) return true;
    return url.substr(0, url.size() - target.size()).find('?') == std::string_view::npos;
}

std::string_view query_of(std::string_view url) {
    url = url.substr(0, url.find('#'));
    const std::size_t mark = url.find('?');
    return mark == std::string_view::npos ? std::string_view() : url.substr(mark + 1);
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    const auto form = Form::parse(query);
    if (!form) return std::nullopt;
    const auto value = form->only(name);
    return value ? std::optional(std::string(*value)) : std::nullopt;
}

bool same_query(std::string_view sent, std::string_view hashed, const LeftOut& is_left_out) {
    const auto is_beside = [&](std::string_view name) {
        return is_left_out(name) && !has_parameter(hashed, name);
    };
    const auto theirs = parameters_of(sent, is_beside);
    const auto ours = parameters_of(hashed, [](std::string_view) { return false; });
    return theirs && ours && std::ranges::equal(*theirs, *ours, same_parameter);
}

bool has_parameter(std::string_view query, std::string_view name) {
    return has_parameter(query, [name](std::string_view each) { return each == name; });
}

bool has_parameter(std::string_view query, const IsName& is_name) {
    while (!query.empty()) {
        const std::size_t end = query.find_first_of("&;");
        const std::string_view parameter = query.substr(0, end);
        const auto name = percent_decoded(parameter.substr(0, parameter.find('=')));
        if (name && is_name(*name)) return true;
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    }
    return false;
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (char character : text) {
        if (is_letter_or_digit(character) || kept.find(character) != std::string_view::npos) {
            encoded += character;
            continue;
        }
        const auto byte = static_cast<unsigned char>(character);
        encoded += '%';
        encoded += kDigits[byte >> 4];
        encoded += kDigits[byte & 0xf];
    }
    return encoded;
}

AppendedParameter appended_parameter(std::string_view url, std::string_view name) {
    using State = AppendedParameter::State;
    const auto query = Form::parse(query_of(url));
    if (!query || url.find('#') != std::string_view::npos) return {State::elsewhere, {}};
    const auto& fields = query->fields();
    const auto count = std::ranges::count(fields, name, &Form::Field::first);
    if (count == 0) return {State::missing, {}};
    if (count > 1 || fields.back().first != name) return {State::elsewhere, {}};
    return {State::last, fields.back().second};
}

std::optional<std::string> with_other_port(std::string_view url) {
    for (const auto& [scheme, default_port] : kSchemes) {
        if (!equals_ignoring_case(url.substr(0, scheme.size()), scheme)) continue;
        const std::string_view target = target_of(url);
        const std::string_view before = url.substr(0, url.size() - target.size());
        const auto start = port_start(before.substr(scheme.size()));
        if (!start) return std::nullopt;
        const std::string_view port = before.substr(scheme.size() + *start);
        if (!port.empty() && !is_port(port)) return std::nullopt;
        std::string other(before.substr(0, before.size() - port.size()));
        if (port.empty()) other += default_port;
        return other.append(target);
    }
    return std::nullopt;
}

std::string url_for_log(std::string_view url, std::string_view written) {
    const std::size_t mark = url.find('?');
    const std::size_t written_mark = written.find('?');
    std::string without_user = without_user_of(url.substr(0, mark));
    if (mark == std::string_view::npos) return without_user;
    if (written_mark == std::string_view::npos) return without_user + std::string(url.substr(mark));
    const HiddenParameters hidden(written.substr(written_mark + 1));
    // A variable before the written query may have brought one of its own.
    const bool hides_all = url.find('?', mark + 1) != std::string_view::npos;
    std::string shown = without_user + '?';
    for (std::string_view rest = url.substr(mark + 1); !rest.empty();) {
        const std::string_view parameter = take_parameter(rest);
        const std::string_view name = name_of(parameter);
        const bool hides = hides_all || hidden.has(name);
        shown += hides ? std::string(name) + "***" : std::string(parameter);
        if (!rest.empty()) shown += '&';
    }
    return shown;
}

}  // namespace webhook
