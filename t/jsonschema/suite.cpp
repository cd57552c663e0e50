// Runs the JSON-Schema-Test-Suite: suite EXPECTED_FAILURES DIRECTORY...
//
// A directory is the suite's `tests`, with `draft7` and `draft2020-12` in it, or one of the two.
// Each test that does not come out as it should has to be on the list of expected failures, and
// each test on the list has to fail.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json_document.h"
#include "jsonschema/compiler.h"
#include "jsonschema/json_text.h"
#include "jsonschema/validator.h"

namespace {

namespace fs = std::filesystem;

struct DraftDirectory {
    std::string name;
    std::string uri;
};

const DraftDirectory kDrafts[] = {
    {"draft7", "http://json-schema.org/draft-07/schema#"},
    {"draft2020-12", "https://json-schema.org/draft/2020-12/schema"},
};

// A line of the list. A group or test of `*` stands for all of them, and a test of `(invalid)` for
// all that a schema has to refuse.
struct ExpectedFailure {
    std::string file;
    std::string group;
    std::string test;
    std::string reason;
    std::string line;
    // Of those that it stands for.
    std::string passed{};

    bool stands_for(const std::string& in_file, const std::string& in_group,
                    const std::string& description, bool valid) const {
        if (file != in_file || (group != "*" && group != in_group)) return false;
        return test == "*" || test == description || (test == "(invalid)" && !valid);
    }
};

struct Counts {
    std::size_t tests = 0;
    std::size_t failures = 0;
};

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

// The schema of a test, and beside it what the suite calls its remotes. Those are read where a test
// names them by a relative reference.
class SuiteFiles : public webhook::SchemaFiles {
  public:
    SuiteFiles(std::string text, fs::path remotes, fs::path remotes_of_draft)
        : text_(std::move(text)), folders_{std::move(remotes_of_draft), std::move(remotes)} {}

    std::string read(const std::string& path) override {
        if (path == "/schema.json") return text_;
        for (const fs::path& folder : folders_) {
            const fs::path file = folder / path.substr(1);
            if (fs::is_regular_file(file)) return content_of(file);
        }
        throw webhook::ConfigError("no such file");
    }

  private:
    std::string text_;
    std::vector<fs::path> folders_;
};

std::vector<std::string> columns_of(const std::string& line) {
    constexpr std::string_view kSeparator = " | ";
    std::vector<std::string> columns;
    std::size_t begin = 0;
    for (std::size_t end; (end = line.find(kSeparator, begin)) != std::string::npos;) {
        columns.push_back(line.substr(begin, end - begin));
        begin = end + kSeparator.size();
    }
    columns.push_back(line.substr(begin));
    return columns;
}

std::vector<ExpectedFailure> read_list(const std::string& path) {
    std::vector<ExpectedFailure> list;
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const auto columns = columns_of(line);
        if (columns.size() != 4) throw std::runtime_error(path + ": not four columns: " + line);
        list.push_back({columns[0], columns[1], columns[2], columns[3], line});
    }
    return list;
}

class Document {
  public:
    explicit Document(std::string text) : text_(std::move(text)) {
        const std::size_t size = text_.size();
        text_.resize(size + webhook::json_padding());
        if (!document_.parse(std::string_view(text_).substr(0, size))) {
            throw std::runtime_error("not JSON");
        }
    }
    webhook::JsonDocument& document() { return document_; }
    webhook::JsonValue root() const { return *document_.root(); }

  private:
    std::string text_;
    webhook::JsonDocument document_;
};

webhook::JsonValue member(const webhook::JsonValue& object, std::string_view name) {
    for (const webhook::JsonMember each : object.members()) {
        if (each.name == name) return each.value;
    }
    throw std::runtime_error("no member " + std::string(name));
}

class Suite {
  public:
    explicit Suite(const std::string& list) : expected_(read_list(list)) {}

    // Of the suite, or of one draft.
    void run(const fs::path& directory) {
        for (const DraftDirectory& draft : kDrafts) {
            if (directory.filename() == draft.name) return run_draft(directory, draft);
            if (fs::is_directory(directory / draft.name)) run_draft(directory / draft.name, draft);
        }
    }

    bool report() {
        for (const auto& [name, counts] : counts_) {
            std::cout << name << ": " << counts.tests << " tests, "
                      << counts.tests - counts.failures << " as they should be, " << counts.failures
                      << " not\n";
        }
        for (const ExpectedFailure& each : expected_) {
            if (each.passed.empty()) continue;
            std::cout << "passes, though expected to fail (\"" << each.passed
                      << "\"): " << each.line << '\n';
            ++unexpected_;
        }
        if (counts_.empty()) std::cout << "no tests found\n";
        if (unexpected_ > 0) std::cout << unexpected_ << " unexpected results\n";
        return unexpected_ == 0 && !counts_.empty();
    }

  private:
    void run_draft(const fs::path& directory, const DraftDirectory& draft) {
        remotes_ = directory.parent_path().parent_path() / "remotes";
        std::vector<fs::path> files;
        for (const auto& entry : fs::recursive_directory_iterator(directory)) {
            if (entry.path().extension() == ".json") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
        for (const fs::path& file : files) {
            const fs::path name = draft.name / file.lexically_relative(directory);
            run_file(file, name.string(), draft);
        }
    }

    void run_file(const fs::path& path, const std::string& name, const DraftDirectory& draft) {
        Document tests(content_of(path));
        const bool is_optional = name.find("/optional/") != std::string::npos;
        Counts& counts = counts_[draft.name + (is_optional ? ", optional" : ", required")];
        for (const webhook::JsonValue group : tests.root().elements()) {
            run_group(tests.document(), group, name, draft, counts);
        }
    }

    void run_group(webhook::JsonDocument& document, const webhook::JsonValue& group,
                   const std::string& file, const DraftDirectory& draft, Counts& counts) {
        const std::string name(*member(group, "description").string());
        std::string problem;
        const auto schema = compile(document, member(group, "schema"), draft, problem);
        for (const webhook::JsonValue test : member(group, "tests").elements()) {
            const std::string description(*member(test, "description").string());
            const bool valid = *member(test, "valid").boolean();
            std::string data;
            webhook::append_json(data, {document, member(test, "data")});
            ++counts.tests;
            const std::string failure = schema ? failure_of(*schema, data, valid) : problem;
            if (!failure.empty()) ++counts.failures;
            note(file, name, description, valid, failure);
        }
    }

    // Older suites have no `$schema` in their schemas.
    std::shared_ptr<const webhook::Schema> compile(webhook::JsonDocument& document,
                                                   const webhook::JsonValue& value,
                                                   const DraftDirectory& draft,
                                                   std::string& problem) const {
        std::string text;
        webhook::append_json(text, {document, value});
        if (text.starts_with('{') && text.find("\"$schema\"") == std::string::npos) {
            const std::string schema = "{\"$schema\":\"" + draft.uri + '"';
            text = schema + (text == "{}" ? "" : ",") + text.substr(1);
        }
        SuiteFiles files(text, remotes_, remotes_ / draft.name);
        std::vector<std::string> warnings;
        try {
            return webhook::compile_schema("/schema.json", files, warnings);
        } catch (const webhook::ConfigError& error) {
            problem = error.what();
            return nullptr;
        }
    }

    std::string failure_of(const webhook::Schema& schema, const std::string& data, bool valid) {
        Document document(data);
        const auto violation = validator_.validate(schema, document.document());
        if (violation.has_value() != valid) return {};
        if (!violation) return "accepted";
        return "refused at \"" + violation->instance + "\" by \"" + violation->schema + '"';
    }

    void note(const std::string& file, const std::string& group, const std::string& test,
              bool valid, const std::string& failure) {
        bool is_expected = false;
        for (ExpectedFailure& each : expected_) {
            if (!each.stands_for(file, group, test, valid)) continue;
            is_expected = true;
            if (failure.empty()) each.passed = group + " | " + test;
        }
        if (is_expected || failure.empty()) return;
        ++unexpected_;
        std::cout << file << " | " << group << " | " << test << " | " << failure << '\n';
    }

    std::vector<ExpectedFailure> expected_;
    fs::path remotes_;
    std::map<std::string, Counts> counts_;
    std::size_t unexpected_ = 0;
    webhook::SchemaValidator validator_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        std::fprintf(stderr, "usage: %s EXPECTED_FAILURES DIRECTORY...\n", arguments[0]);
        return 2;
    }
    try {
        Suite suite(arguments[1]);
        for (int index = 2; index < count; ++index)
            suite.run(fs::path(arguments[index]).lexically_normal());
        return suite.report() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
