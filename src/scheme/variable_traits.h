// Traits of nginx's variables, by name: where the value comes from, and what it distinguishes.

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
    // Others know or can guess it.
    known_to_others,
    // The address that the request comes from.
    of_address,
    // The gate's verdict on the delivery.
    of_delivery,
    // The same for different events.
    of_many_events,
    // The same for different events, unless the sender identifies events in the URL.
    of_url,
    // Different for each request, including a retry.
    of_request,
    // Empty when the gate looks up an event.
    unknown_yet,
    // The body, if it is small enough.
    of_body,
};

// `variable` is in lower case, as nginx knows it.
bool has_trait(std::string_view variable, Trait trait);
bool any_has(std::span<const std::string> variables, Trait trait);

// The names of the variables in a text of the configuration, in lower case as nginx knows them,
// without those that an expression captures (`$1` to `$9`).
std::vector<std::string> variables_in(std::string_view text);
// Whether the text has such a capture; whether the text after a `$` names one.
bool has_capture(std::string_view text);
bool begins_capture(std::string_view text);

}  // namespace webhook
