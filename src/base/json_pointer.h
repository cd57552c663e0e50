// The syntax and the resolution of JSON pointers (RFC 6901).

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace webhook {

// Throws ConfigError unless the text is a JSON pointer.
void check_json_pointer(std::string_view pointer);

// Which member of several a step leads to.
enum class JsonMatch : std::uint8_t {
    // The first member of the name.
    first,
    // The member that every reader finds. The place is unclear if the name occurs more than once in
    // its object, or in another case too (some readers take `id` for `ID`).
    only,
};

// Where one or all steps of a pointer lead. No value: nothing is there, or the value is unclear.
struct JsonPlace {
    std::optional<JsonValue> value;
    bool unclear = false;

    bool is_absent() const { return !value && !unclear; }
};

// Removes and returns the first step of a non-empty pointer, with its escapes.
std::string_view take_step(std::string_view& pointer);

// Appends the step to a member of this name, with its escapes.
void append_step(std::string& pointer, std::string_view name);

// Where one step leads from a value.
JsonPlace follow_step(const JsonValue& from, std::string_view step, JsonMatch match);

// Walks pointers from the root of one document.
class JsonWalker {
  public:
    JsonWalker() = default;
    explicit JsonWalker(JsonValue root) : root_{root} {}

    // Without a root, the place is unclear. An invalid pointer leads nowhere.
    JsonPlace find(std::string_view pointer, JsonMatch match);

    // Starts again at another root, or at none.
    void start(std::optional<JsonValue> root);

  private:
    // The value that the first `end` bytes of `walked_` lead to.
    struct Stop {
        std::size_t end;
        JsonPlace place;
    };

    // Goes back to the last stop that is also on the way of this pointer.
    void go_back(std::string_view pointer, JsonMatch match);

    JsonPlace root_{std::nullopt, true};
    // The pointer walked last. The next one often starts alike, and this avoids searching an object
    // of many members for every value below it.
    std::string walked_;
    std::vector<Stop> stops_;
    JsonMatch match_ = JsonMatch::only;
};

}  // namespace webhook
