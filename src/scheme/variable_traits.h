// What is known of nginx's variables by their names: whose value it is, and what it tells apart.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace webhook {

enum class Trait : std::uint8_t {
    // The sender of the request chooses it.
    of_sender,
    // Others know it, or guess it.
    known_to_others,
    // The address that the request comes from.
    of_address,
    // What a gate says of the delivery.
    of_delivery,
    // The same for different events.
    of_many_events,
    // The same, unless the sender puts into the URL what tells events apart.
    of_url,
    // Another one for each request, a retry among them.
    of_request,
    // Empty when the gate looks an event up.
    unknown_yet,
    // The body, where it is small enough.
    of_body,
};

// `variable` is in lower case, as nginx knows it.
bool has_trait(std::string_view variable, Trait trait);
bool any_has(std::span<const std::string> variables, Trait trait);

// The names of the variables in a text of the configuration, in lower case as nginx knows them,
// without those that an expression captures (`$1` to `$9`).
std::vector<std::string> variables_in(std::string_view text);
// Whether there are some of the latter; whether what follows a `$` names one.
bool has_capture(std::string_view text);
bool begins_capture(std::string_view text);

}  // namespace webhook
