// Where the text of schemas comes from: the glue reads files, tests know them by heart.

#pragma once

#include <string>

namespace webhook {

class SchemaFiles {
  public:
    virtual ~SchemaFiles() = default;

    // The content of a file. Throws ConfigError, with the path and a reason, if it cannot be read.
    // Only paths below the directory of the first schema are asked for, without `..` in them; it is
    // for this function to refuse symbolic links that lead out of it.
    virtual std::string read(const std::string& path) = 0;
};

}  // namespace webhook
