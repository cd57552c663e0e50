// JSON pointers (RFC 6901): how they are written, and where they lead.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace webhook {

// Throws ConfigError unless the text is a JSON pointer.
void check_json_pointer(std::string_view pointer);

// Which member a step leads to.
enum class JsonMatch : std::uint8_t {
    // The first of the name.
    first,
    // The one that every reader finds: it is unclear where it stands more than once in its object,
    // or in another case too (some readers take `id` for `ID`).
    only,
};

// Where a step, or all of them, leads. No value: nothing is there, or it is unclear what is.
struct JsonPlace {
    std::optional<JsonValue> value;
    bool unclear = false;

    bool is_absent() const { return !value && !unclear; }
};

// The first step of a pointer that is not empty, with its escapes, which is taken from the pointer.
std::string_view take_step(std::string_view& pointer);

// Where one step leads from a value.
JsonPlace follow_step(const JsonValue& from, std::string_view step, JsonMatch match);

// Walks pointers from the root of one document.
class JsonWalker {
  public:
    JsonWalker() = default;
    explicit JsonWalker(JsonValue root) : root_{root} {}

    // Without a root, it is unclear what is there. What is no pointer leads nowhere.
    JsonPlace find(std::string_view pointer, JsonMatch match);

    // Begins at another root, or at none.
    void start(std::optional<JsonValue> root);

  private:
    // What the first `end` bytes of `walked_` lead to.
    struct Stop {
        std::size_t end;
        JsonPlace place;
    };

    // Goes back to the last stop that is on the way of this pointer, too.
    void go_back(std::string_view pointer, JsonMatch match);

    JsonPlace root_{std::nullopt, true};
    // The way walked last. The next one often starts alike, and an object of many members is not
    // to be searched for every value below it.
    std::string walked_;
    std::vector<Stop> stops_;
    JsonMatch match_ = JsonMatch::only;
};

}  // namespace webhook
