// The senders that are known by name. A sender is a row: its name and its scheme, in the language
// that users write in `webhook_scheme`.

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

// A sender that signs as another one does.
struct PresetAlias {
    std::string_view name;
    std::string_view preset;
    // Statements that replace the preset's; most have none.
    std::string_view text;
};

std::span<const Preset> presets();
std::span<const PresetAlias> preset_aliases();
// Of both.
std::vector<std::string_view> preset_names();

// The scheme of the preset or alias with exactly this name, which it bears; nothing where there is
// none.
std::optional<Scheme> preset_scheme(std::string_view name);

// The scheme that a user's text describes, as parse_scheme() does. Where it begins with
// `like PRESET;` it is that preset's, but for the fields that the text has itself.
Scheme parse_user_scheme(std::string_view name, std::string_view text);

}  // namespace webhook
