// The senders that are known by name. Each is a row of its name and its scheme, in the language of
// `webhook_scheme`.

#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "scheme/scheme.h"

namespace webhook {

struct Preset {
    std::string_view name;
    std::string_view text;
};

// A sender that signs like another one.
struct PresetAlias {
    std::string_view name;
    std::string_view preset;
    // Statements that replace the preset's. Usually empty.
    std::string_view text;
};

std::span<const Preset> presets();
std::span<const PresetAlias> preset_aliases();
// The names of both.
std::vector<std::string_view> preset_names();

// Returns the scheme, under this name, of the preset or alias with exactly this name, or nullopt if
// there is none.
std::optional<Scheme> preset_scheme(std::string_view name);

// Builds the scheme of a user's text, as parse_scheme() does. If the text begins with `like
// PRESET;`, it replaces only the fields that it has itself.
Scheme parse_user_scheme(std::string_view name, std::string_view text);

}  // namespace webhook
