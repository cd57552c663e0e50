// Validates a JSON document against a compiled schema.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_document.h"
#include "jsonschema/schema.h"

namespace webhook {

// The most that one validation costs (steps.h), about 50 ms.
inline constexpr std::uint32_t kMostValidationSteps = 1'000'000;
// Subschemas within subschemas, whether for parts of the value or for all of it.
inline constexpr std::uint32_t kDeepestValidation = 1000;
// JSON pointers to the value that is refused, and to the keyword that refuses it. Neither holds a
// value, but the first one holds names of the payload's members. Control characters are replaced,
// and long pointers are cut in the middle.
struct Violation {
    std::string instance;
    std::string schema;
    // What was not validated further, since it went beyond a bound: `steps` or `depth`. Empty if
    // the value does not satisfy the schema.
    std::string_view bound;
};

struct ValidationMemory;

// Keeps the memory of one validation for the next. It must not be shared by two users at a time.
class SchemaValidator {
  public:
    // The seed makes it hard to choose values with equal hashes.
    explicit SchemaValidator(std::uint64_t seed = 0);
    ~SchemaValidator();
    SchemaValidator(SchemaValidator&&) noexcept;
    SchemaValidator& operator=(SchemaValidator&&) noexcept;

    // The first violation found, or nullopt if there is none. The document must hold JSON, and
    // should not repeat a name in an object.
    std::optional<Violation> validate(const Schema& schema, const JsonDocument& document);
    // The same within a budget of one's own. Returns in `steps` what is left of it.
    std::optional<Violation> validate(const Schema& schema, const JsonDocument& document,
                                      Steps& steps);

    // Frees what a large document needed.
    void forget();

  private:
    std::unique_ptr<ValidationMemory> memory_;
};

}  // namespace webhook
