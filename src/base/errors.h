// An error in the configuration, worded for its user: lower case, the offending token quoted, and
// what is allowed.

#pragma once

#include <stdexcept>

namespace webhook {

struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace webhook
