// The senders that are known by name. A sender is a row: its name and its scheme, in the language
// that users write in `webhook_scheme`.

#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "webhook/scheme.h"

namespace webhook {

struct Preset {
    std::string_view name;
    std::string_view text;
};

std::span<const Preset> presets();

// The scheme of the preset with exactly this name; nothing where there is none.
std::optional<Scheme> preset_scheme(std::string_view name);

}  // namespace webhook
