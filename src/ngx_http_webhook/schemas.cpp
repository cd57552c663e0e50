#include "ngx_http_webhook/schemas.h"

#include <sys/random.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/errors.h"
#include "base/file.h"
#include "base/text.h"
#include "jsonschema/compiler.h"
#include "jsonschema/source.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/remarks.h"

namespace webhook::ngx {
namespace {

// Without links. Empty if there is no such file.
std::string resolved(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                           &std::free);
    return real == nullptr ? std::string() : std::string(real.get());
}

// The files below the directory of a schema.
class FilesOfSchema final : public SchemaFiles {
  public:
    explicit FilesOfSchema(const std::string& path)
        : path_(path), directory_(resolved(path.substr(0, path.rfind('/') + 1))) {}

    std::string read(const std::string& path) override {
        if (path != path_) refuse_link(path);
        return read_file(path, kLargestSchemaFile).bytes;
    }

  private:
    // A file that does not exist is left to read_file() to report.
    void refuse_link(const std::string& path) const {
        const std::string real = resolved(path);
        const std::string inside = directory_ == "/" ? directory_ : directory_ + "/";
        if (real.empty() || real.starts_with(inside)) return;
        throw ConfigError("cannot read " + in_quotes(path) + ": it is a link to " +
                          in_quotes(real) + ", outside of the directory of " + in_quotes(path_));
    }

    std::string path_;
    std::string directory_;
};

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != static_cast<ssize_t>(sizeof(seed))) {
        throw std::runtime_error("cannot get random bytes");
    }
    return seed;
}

}  // namespace

std::shared_ptr<const Schema> find_schema(ngx_conf_t* cf, const std::string& path,
                                          const ConfigPosition& place) {
    auto& known = main_conf(cf).schemas[path];
    if (known) return known;
    FilesOfSchema files(path);
    std::vector<std::string> warnings;
    known = compile_schema(path, files, warnings);
    for (const std::string& warning : warnings) remark(cf, NGX_LOG_WARN, warning, place);
    return known;
}

SchemaValidator& schema_validator() {
    // Never destroyed, as json_document().
    static SchemaValidator* const validator = new SchemaValidator(random_seed());
    return *validator;
}

}  // namespace webhook::ngx
