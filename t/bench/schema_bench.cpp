// Our side of schema.pl: schema_bench FOLDER_OF_DOCUMENTS
//
// Each line asks for a measurement (`orders 100 both 50`: the document, the keywords of its schema,
// what to measure, for how many milliseconds). The answer is the nanoseconds that one document
// takes.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"
#include "jsonschema/compiler.h"
#include "jsonschema/validator.h"

namespace webhook {
namespace {

constexpr std::string_view kKey = "a secret of the usual length, 40 bytes..";

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "schema_bench: %s\n", what.c_str());
    std::exit(1);
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

class BenchFiles final : public SchemaFiles {
  public:
    std::string read(const std::string& path) override { return content_of(path); }
};

std::shared_ptr<const Schema> schema_at(const std::string& path) {
    BenchFiles files;
    std::vector<std::string> warnings;
    try {
        return compile_schema(path, files, warnings);
    } catch (const ConfigError& error) {
        fail(error.what());
    }
}

// As a worker has them: memory is kept from one delivery to the next.
class Case {
  public:
    Case(const std::string& document, const std::string& schema)
        : schema_(schema_at(schema)), text_(content_of(document)), size_(text_.size()) {
        text_.resize(size_ + json_padding());
        parse();
    }

    void parse() {
        if (!document_.parse(text()) || document_.repeats_a_name()) fail("a document is no JSON");
    }

    void validate() {
        const auto violation = validator_.validate(*schema_, document_);
        if (violation) fail(violation->instance + " violates " + violation->schema);
    }

    void hmac() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
        unsigned length = 0;
        HMAC(EVP_sha256(), kKey.data(), static_cast<int>(kKey.size()),
             reinterpret_cast<const unsigned char*>(text_.data()), size_, code.data(), &length);
    }

    // How many short documents stand between two looks at the clock.
    int batch() const { return static_cast<int>(1 + 16'384 / size_); }

    void run(std::string_view what) {
        if (what == "hmac") return hmac();
        if (what != "validate") parse();
        if (what != "parse") validate();
    }

  private:
    std::string_view text() const { return std::string_view(text_).substr(0, size_); }

    std::shared_ptr<const Schema> schema_;
    std::string text_;
    std::size_t size_;
    JsonDocument document_;
    SchemaValidator validator_;
};

// CPU time, since the other side and strangers use the machine, too.
double cpu_nanoseconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double nanoseconds_each(Case& each, std::string_view what, int milliseconds) {
    const double start = cpu_nanoseconds();
    const double end = start + milliseconds * 1e6;
    double now = start;
    int count = 0;
    for (; now < end; count += each.batch()) {
        for (int i = 0; i < each.batch(); ++i) each.run(what);
        now = cpu_nanoseconds();
    }
    return (now - start) / count;
}

void serve(const std::string& folder) {
    std::map<std::string, Case> cases;
    std::string document;
    std::string schema;
    std::string what;
    int milliseconds = 0;
    while (std::cin >> document >> schema >> what >> milliseconds) {
        const std::string name = folder + "/" + document;
        const std::string key = name + "." + schema + ".json";
        const auto found = cases.try_emplace(key, name + ".json", key).first;
        std::printf("%.0f\n", nanoseconds_each(found->second, what, milliseconds));
        std::fflush(stdout);
    }
}

}  // namespace
}  // namespace webhook

int main(int count, char** arguments) {
    if (count != 2) webhook::fail("usage: schema_bench FOLDER");
    webhook::serve(arguments[1]);
}
