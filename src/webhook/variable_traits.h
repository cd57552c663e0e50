// What is known of nginx's variables by their names: whose value it is, and what it tells apart.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

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

}  // namespace webhook
