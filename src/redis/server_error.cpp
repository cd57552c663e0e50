#include "redis/server_error.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "redis/slots.h"

namespace webhook::redis {
namespace {

struct Row {
    // The error's first words.
    std::string_view words;
    Consequence consequence;
    std::string_view explanation;
};

// Of several rows that fit, the first counts.
constexpr std::array kRows = {
    Row{"NOSCRIPT", Consequence::eval, "does not know a script"},
    Row{"LOADING", Consequence::later, "is loading its data"},
    Row{"BUSY", Consequence::later, "is busy with a script"},
    Row{"UNKILLABLE", Consequence::later, "is busy with a script that cannot be stopped"},
    Row{"CLUSTERDOWN", Consequence::later, "is in a cluster that is down"},
    Row{"TRYAGAIN", Consequence::later, "is moving keys to another server"},
    Row{"NOREPLICAS", Consequence::later, "has too few replicas to be written to"},
    Row{"MISCONF", Consequence::later, "cannot write to its disk"},
    Row{"ERR max number of clients reached", Consequence::later, "has too many clients"},
    Row{"READONLY", Consequence::other_server, "is a replica"},
    // Only a replica says so.
    Row{"MASTERDOWN", Consequence::other_server, "is a replica that has lost its primary"},
    Row{"OOM", Consequence::full, "has no memory left"},
    Row{"MOVED", Consequence::moved, "does not have the slot of a key"},
    Row{"ASK", Consequence::ask, "is moving the slot of a key"},
    Row{"NOAUTH", Consequence::configuration, "asks for a password"},
    Row{"WRONGPASS", Consequence::configuration, "does not accept the user and the password"},
    Row{"NOPERM", Consequence::configuration, "does not permit its user a command or a key"},
    Row{"ERR The user executing the script", Consequence::configuration,
        "does not permit its user a command of the scripts"},
    Row{"ERR ACL failure in script", Consequence::configuration,
        "does not permit its user a command of the scripts"},
    Row{"ERR AUTH <password> called without any password", Consequence::configuration,
        "has no password for its default user"},
    Row{"ERR DB index is out of range", Consequence::configuration, "has no such database"},
    Row{"ERR SELECT is not allowed in cluster mode", Consequence::configuration,
        "is in a cluster, which has no database but 0"},
    Row{"ERR unknown command", Consequence::configuration, "does not know a command"},
    Row{"DENIED", Consequence::configuration, "is in its protected mode"},
    Row{"CROSSSLOT", Consequence::failed, "is in a cluster that has the keys on several servers"},
    Row{"WRONGTYPE", Consequence::failed, "has a value of another type under a key"},
};

constexpr std::string_view kUnknown = "has answered with an error";

constexpr std::size_t kLongestWord = 32;
constexpr std::size_t kLongestHost = 253;
constexpr std::int64_t kLargestPort = 65535;

bool begins_with_words(std::string_view error, std::string_view words) {
    return error.starts_with(words) && (error.size() == words.size() || error[words.size()] == ' ');
}

constexpr std::string_view kGeneral = "ERR ";

// `ERR` may be missing.
const Row* find_row(std::string_view error) {
    const auto* const row = std::ranges::find_if(kRows, [error](const Row& one) {
        return begins_with_words(error, one.words) ||
               (one.words.starts_with(kGeneral) &&
                begins_with_words(error, one.words.substr(kGeneral.size())));
    });
    return row == kRows.end() ? nullptr : row;
}

// Redis 6.2 wraps what a command of a script says: `ERR Error running script (call to f_HASH):
// @user_script:1: @user_script: 1: -OOM command not allowed`.
std::string_view unwrapped(std::string_view error) {
    constexpr std::string_view kWrapper = "ERR Error running script (";
    constexpr std::string_view kCallEnd = "): ";
    const std::size_t end = error.find(kCallEnd);
    if (!error.starts_with(kWrapper) || end == std::string_view::npos) return error;
    std::string_view cause = error.substr(end + kCallEnd.size());
    while (cause.starts_with('@') || (!cause.empty() && is_digit(cause.front()))) {
        const std::size_t place_end = cause.find(": ");
        if (place_end == std::string_view::npos) return error;
        cause.remove_prefix(place_end + 2);
    }
    if (cause.starts_with('-')) cause.remove_prefix(1);
    return find_row(cause) != nullptr ? cause : error;
}

// As Redis' own codes look; anything else may be a part of a command.
bool is_code(std::string_view word) {
    return !word.empty() && word.size() <= kLongestWord &&
           std::ranges::all_of(word, [](char one) { return one >= 'A' && one <= 'Z'; });
}

std::string_view take_word(std::string_view& text) {
    const std::size_t size = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return word;
}

// `MOVED 3999 127.0.0.1:6381`; an IPv6 address has no brackets.
std::optional<Redirect> parse_redirect(std::string_view error) {
    take_word(error);
    const std::optional<std::int64_t> slot = parse_digits(take_word(error));
    const std::string_view target = take_word(error);
    const std::size_t colon = target.rfind(':');
    if (!slot || *slot >= kSlotCount || colon == std::string_view::npos) return std::nullopt;
    const std::string_view host = target.substr(0, colon);
    const std::optional<std::int64_t> port = parse_digits(target.substr(colon + 1));
    const bool is_host = host.size() <= kLongestHost && consists_of(host, "-._:");
    if (!is_host || !port || *port < 1 || *port > kLargestPort) return std::nullopt;
    return Redirect{static_cast<std::uint16_t>(*slot), std::string(host),
                    static_cast<std::uint16_t>(*port)};
}

std::string text_of(std::string_view explanation, std::string_view error) {
    const std::string_view word = take_word(error);
    return std::string(explanation) + (is_code(word) ? " (" + std::string(word) + ')' : "");
}

}  // namespace

ServerError read_error(std::string_view error) {
    const std::string_view cause = unwrapped(error);
    const Row* const row = find_row(cause);
    if (row == nullptr) return {Consequence::failed, std::nullopt, text_of(kUnknown, cause)};
    ServerError result{row->consequence, std::nullopt, text_of(row->explanation, cause)};
    if (result.consequence == Consequence::moved || result.consequence == Consequence::ask) {
        result.redirect = parse_redirect(cause);
        if (!result.redirect) {
            return {Consequence::failed, std::nullopt, text_of("redirects to no address", cause)};
        }
    }
    return result;
}

}  // namespace webhook::redis
