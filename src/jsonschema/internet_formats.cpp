#include "jsonschema/internet_formats.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "jsonschema/scanner.h"

namespace webhook {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestHostname = 253;

bool is_ipv4_number(std::string_view digits) {
    if (digits.empty() || digits.size() > 3) return false;
    if (digits.size() > 1 && digits.front() == '0') return false;
    return digits.size() < 3 || digits <= "255";
}

// `1f3a`.
bool take_group(Scanner& scanner) {
    const std::size_t size = scanner.take_while(is_hex_digit).size();
    return size >= 1 && size <= 4;
}

// Whether a label's Unicode form is one that IDNA 2008 allows, and is written like this.
bool is_international_label(std::string_view label) {
    std::string lowered = to_lower(label);
    std::uint8_t* written = nullptr;
    const int result = idn2_register_u8(
        nullptr, reinterpret_cast<const std::uint8_t*>(lowered.c_str()), &written, 0);
    idn2_free(written);
    return result == IDN2_OK;
}

bool is_label(std::string_view label) {
    if (label.empty() || label.size() > kLongestLabel) return false;
    if (label.front() == '-' || label.back() == '-' || !consists_of(label, "-")) return false;
    const bool is_international = equals_ignoring_case(label.substr(0, 4), "xn--");
    return !is_international || is_international_label(label);
}

// Labels between dots.
bool is_domain(std::string_view text) {
    if (text.size() > kLongestHostname) return false;
    while (true) {
        const std::size_t dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_in_word(char character) {
    constexpr std::string_view kSigns = "!#$%&'*+-/=?^_`{|}~";
    return is_letter(character) || is_digit(character) ||
           kSigns.find(character) != std::string_view::npos;
}

bool take_quoted(Scanner& scanner) {
    if (!scanner.take("\"")) return false;
    while (!scanner.at_end() && !scanner.take("\"")) {
        scanner.take("\\");
        const char character = scanner.peek();
        if (character < ' ' || character > '~') return false;
        scanner.take(scanner.rest().substr(0, 1));
        if (scanner.at_end()) return false;
    }
    return true;
}

// Words between dots, or a quoted text.
bool take_local_part(Scanner& scanner) {
    if (scanner.peek() == '"') return take_quoted(scanner);
    do {
        if (scanner.take_while(is_in_word).empty()) return false;
    } while (scanner.take("."));
    return true;
}

// `[192.0.2.1]`, `[IPv6:::1]`.
bool is_address_literal(std::string_view text) {
    if (!text.starts_with('[') || !text.ends_with(']')) return false;
    const std::string_view address = text.substr(1, text.size() - 2);
    constexpr std::string_view kTag = "IPv6:";
    if (equals_ignoring_case(address.substr(0, kTag.size()), kTag)) {
        return is_ipv6(address.substr(kTag.size()));
    }
    return is_ipv4(address);
}

// RFC 3986, sections 2.2 and 2.3.
bool is_unreserved_or_delimiter(char character) {
    constexpr std::string_view kSigns = "-._~!$&'()*+,;=";
    return is_letter(character) || is_digit(character) ||
           kSigns.find(character) != std::string_view::npos;
}

// Whether a text consists of these characters, of percent-encoded ones, and of the signs.
bool is_encoded(std::string_view text, std::string_view signs) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%') {
            if (at + 2 >= text.size()) return false;
            if (!is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2])) return false;
            at += 2;
        } else if (!is_unreserved_or_delimiter(text[at]) &&
                   signs.find(text[at]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

// `[2001:db8::7]`, `[v1.x]`, without the brackets.
bool is_ip_literal(std::string_view text) {
    Scanner scanner(text);
    if (!scanner.take_any_of("vV")) return is_ipv6(text);
    if (scanner.take_while(is_hex_digit).empty() || !scanner.take(".")) return false;
    const std::string_view address = scanner.rest();
    return !address.empty() && address.find('%') == std::string_view::npos &&
           is_encoded(address, ":");
}

// `user@host:80`.
bool is_authority(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos) {
        if (!is_encoded(text.substr(0, at), ":")) return false;
        text.remove_prefix(at + 1);
    }
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !is_ip_literal(text.substr(1, end - 1))) return false;
        text.remove_prefix(end + 1);
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        if (!is_encoded(text.substr(0, colon), "")) return false;
        text.remove_prefix(colon);
    }
    if (text.empty()) return true;
    return text.front() == ':' && std::all_of(text.begin() + 1, text.end(), is_digit);
}

// All behind the scheme.
bool is_hierarchical_part(std::string_view text) {
    const std::size_t hash = std::min(text.find('#'), text.size());
    if (hash < text.size() && !is_encoded(text.substr(hash + 1), ":@/?")) return false;
    text = text.substr(0, hash);
    const std::size_t question = std::min(text.find('?'), text.size());
    if (question < text.size() && !is_encoded(text.substr(question + 1), ":@/?")) return false;
    text = text.substr(0, question);
    if (text.starts_with("//")) {
        text.remove_prefix(2);
        const std::size_t slash = std::min(text.find('/'), text.size());
        if (!is_authority(text.substr(0, slash))) return false;
        text.remove_prefix(slash);
    }
    return is_encoded(text, ":@/");
}

bool is_in_scheme(char character) {
    return is_letter(character) || is_digit(character) || character == '+' || character == '-' ||
           character == '.';
}

}  // namespace

bool is_ipv4(std::string_view text) {
    Scanner scanner(text);
    for (int i = 0; i < 4; ++i) {
        if (i > 0 && !scanner.take(".")) return false;
        if (!is_ipv4_number(scanner.take_digits())) return false;
    }
    return scanner.at_end();
}

bool is_ipv6(std::string_view text) {
    constexpr int kGroups = 8;
    Scanner scanner(text);
    int groups = 0;
    bool is_shortened = scanner.take("::");
    if (is_shortened && scanner.at_end()) return true;
    while (true) {
        if (is_ipv4(scanner.rest())) {
            groups += 2;
            break;
        }
        if (!take_group(scanner)) return false;
        ++groups;
        if (scanner.at_end()) break;
        if (scanner.take("::")) {
            if (is_shortened) return false;
            is_shortened = true;
            if (scanner.at_end()) break;
        } else if (!scanner.take(":")) {
            return false;
        }
        if (groups > kGroups) return false;
    }
    return is_shortened ? groups < kGroups : groups == kGroups;
}

bool is_hostname(std::string_view text) {
    return is_domain(text);
}

bool is_email(std::string_view text) {
    Scanner scanner(text);
    if (!take_local_part(scanner) || !scanner.take("@")) return false;
    const std::string_view domain = scanner.rest();
    return domain.starts_with('[') ? is_address_literal(domain) : is_domain(domain);
}

bool is_uri(std::string_view text) {
    Scanner scanner(text);
    if (!is_letter(scanner.peek())) return false;
    scanner.take_while(is_in_scheme);
    return scanner.take(":") && is_hierarchical_part(scanner.rest());
}

bool is_uri_reference(std::string_view text) {
    if (is_uri(text)) return true;
    // A colon in the first segment would end a scheme.
    const std::string_view first = text.substr(0, text.find_first_of("/?#"));
    return first.find(':') == std::string_view::npos && is_hierarchical_part(text);
}

}  // namespace webhook
