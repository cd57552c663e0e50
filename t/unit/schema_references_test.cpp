#include "jsonschema/references.h"

#include "jsonschema/uri.h"
#include "schema_support.h"

namespace webhook {
namespace {

TEST(SchemaUri, ResolvesAsRfc3986Does) {
    // Section 5.4.
    const std::string base = "http://a/b/c/d;p?q";
    const std::pair<std::string, std::string> rows[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g#s", "http://a/b/c/g"},
    };
    for (const auto& [reference, uri] : rows)
        EXPECT_EQ(resolve_uri(base, reference), uri) << reference;
    EXPECT_EQ(resolve_uri("http://a", "g"), "http://a/g");
    EXPECT_EQ(resolve_uri("urn:example:a", "#b"), "urn:example:a");
}

TEST(SchemaReferences, LeadToFilesBelowTheDirectory) {
    const std::map<std::string, std::string> files = {
        {"/etc/a.json", R"({"properties": {"id": {"$ref": "common.json#/$defs/id"},
                                           "sub": {"$ref": "parts/part.json"}}})"},
        {"/etc/common.json", R"({"$defs": {"id": {"type": "string"}}})"},
        {"/etc/parts/part.json", R"({"$ref": "other.json"})"},
        {"/etc/parts/other.json", R"({"type": "integer"})"},
    };
    const Compiled compiled = compile_files(files);
    ASSERT_EQ(compiled.error, "");
    EXPECT_EQ(verdict(*compiled.schema, R"({"id": "a", "sub": 1})"), "valid");
    EXPECT_EQ(verdict(*compiled.schema, R"({"id": 1})"), "/id common.json#/$defs/id/type");
    EXPECT_EQ(verdict(*compiled.schema, R"({"sub": "a"})"), "/sub parts/other.json#/type");
}

TEST(SchemaReferences, LeadNowhereElse) {
    const std::pair<std::string, std::string> rows[] = {
        {"../secret.json",
         R"(at "/$ref": "../secret.json" must not have ".." in it: a reference to a file stays below the directory of the one that it stands in)"},
        {"sub/../../secret.json",
         R"(at "/$ref": "sub/../../secret.json" must not have ".." in it: a reference to a file stays below the directory of the one that it stands in)"},
        {"missing.json",
         R"(at "/$ref": "missing.json" leads nowhere: open() "/etc/missing.json" failed)"},
        {"id",
         R"(at "/$ref": "id" leads nowhere: open() "/etc/id" failed; did you mean "#/$defs/id"?)"},
        {"$defs/id",
         R"(at "/$ref": "$defs/id" leads nowhere: open() "/etc/$defs/id" failed; did you mean "#/$defs/id"?)"},
        {"%2e%2e/secret.json",
         R"(at "/$ref": "%2e%2e/secret.json" is the "$id" of no schema here)"},
        {"/secret.json", R"(at "/$ref": "/secret.json" is the "$id" of no schema here)"},
        {"//etc/secret.json", R"(at "/$ref": "//etc/secret.json" is the "$id" of no schema here)"},
        {"file:///secret.json",
         R"(at "/$ref": "file:///secret.json" is the "$id" of no schema here)"},
        {"schema-file:/../secret.json",
         R"(at "/$ref": "schema-file:/../secret.json" must not have ".." in it)"},
        {"https://example.com/a.json",
         R"(at "/$ref": "https://example.com/a.json" is the "$id" of no schema here, and nothing is fetched: a reference may name a file below the schema's directory, such as "common.json#/$defs/id")"},
        {"secret.json%00.json",
         R"(at "/$ref": "secret.json%00.json" is the "$id" of no schema here)"},
        {"#/$defs/idd",
         R"(at "/$ref": "#/$defs/idd" leads nowhere: "/$defs" has no "idd"; did you mean "id"?)"},
        {"#/$deffs/id",
         R"(at "/$ref": "#/$deffs/id" leads nowhere: the schema has no "$deffs"; did you mean "$defs"?)"},
        {"#/definitions/id",
         R"(at "/$ref": "#/definitions/id" leads nowhere: the schema has no "definitions"; did you mean "$defs"?)"},
        {"secret.json%0a", R"(at "/$ref": "secret.json%0a" is the "$id" of no schema here)"},
        {"#ancor",
         R"(at "/$ref": "#ancor" leads nowhere: no "$anchor" is named "ancor"; did you mean "anchor"?)"},
        {"#%zz", R"(at "/$ref": "#%zz" has a % that encodes no byte)"},
        {"#/$defs/id/title",
         R"(at "/$defs/id/title": must be a schema (an object or a boolean), not the string "t")"},
    };
    for (const auto& [reference, message] : rows) {
        KnownFiles files(
            {{"/etc/a.json", R"({"$ref": ")" + reference +
                                 R"(", "$defs": {"id": {"$anchor": "anchor", "title": "t"}}})"},
             {"/secret.json", "{}"}});
        std::vector<std::string> warnings;
        std::string error;
        try {
            compile_schema("/etc/a.json", files, warnings);
        } catch (const ConfigError& caught) {
            error = caught.what();
        }
        EXPECT_TRUE(error.starts_with("schema \"/etc/a.json\" " + message))
            << reference << ": " << error;
        for (const std::string& path : files.asked_for) {
            EXPECT_TRUE(path.starts_with("/etc/")) << path;
            EXPECT_EQ(path.find(".."), std::string::npos) << path;
        }
    }
}

TEST(SchemaReferences, DoNotClimbToAFileThatIsReadAlready) {
    const Compiled compiled = compile_files({
        {"/etc/a.json", R"({"allOf": [{"$ref": "b.json"}, {"$ref": "parts/c.json"}]})"},
        {"/etc/b.json", "{}"},
        {"/etc/parts/c.json", R"({"$ref": "../b.json"})"},
    });
    EXPECT_NE(compiled.error.find("\"../b.json\" must not have \"..\" in it"), std::string::npos)
        << compiled.error;
    const Compiled by_id = compile_files({
        {"/etc/a.json", R"({"$id": "https://example.com/a/a.json", "$ref": "../b.json",
                            "$defs": {"b": {"$id": "https://example.com/b.json"}}})"},
    });
    EXPECT_EQ(by_id.error, "") << "no file";
    const Compiled by_relative_id = compile_files({
        {"/etc/a.json", R"({"$ref": "q/x.json",
                            "$defs": {"x": {"$id": "q/x.json", "$ref": "../b.json"},
                                      "b": {"$id": "b.json", "type": "object"}}})"},
    });
    ASSERT_EQ(by_relative_id.error, "") << "no file";
    EXPECT_EQ(verdict(*by_relative_id.schema, "1"), " /$defs/b/type");
}

TEST(SchemaReferences, NameTheSameFileInAnyOrder) {
    for (const std::string items :
         {R"([{"$ref": "sub/b.json"}, {"$id": "sub/x.json", "$ref": "b.json"}])",
          R"([{"$id": "sub/x.json", "$ref": "b.json"}, {"$ref": "sub/b.json"}])"}) {
        const Compiled compiled = compile_files({
            {"/etc/a.json", R"({"prefixItems": )" + items + "}"},
            {"/etc/b.json", R"({"const": "top"})"},
            {"/etc/sub/b.json", R"({"const": "sub"})"},
        });
        ASSERT_EQ(compiled.error, "");
        EXPECT_EQ(verdict(*compiled.schema, R"(["sub", "sub"])"), "valid") << items;
        EXPECT_NE(verdict(*compiled.schema, R"(["top", "sub"])"), "valid") << items;
        EXPECT_NE(verdict(*compiled.schema, R"(["sub", "top"])"), "valid") << items;
    }
    const Compiled by_neighbour = compile_files({
        {"/etc/a.json", R"({"$id": "/schemas/a.json", "$ref": "b.json"})"},
        {"/etc/b.json", R"({"const": "top"})"},
    });
    ASSERT_EQ(by_neighbour.error, "");
    EXPECT_EQ(verdict(*by_neighbour.schema, R"("top")"), "valid");
}

TEST(SchemaReferences, NameIdsAmongTheFiles) {
    // The file with the `$id` is read after the reference to it.
    const Compiled compiled = compile_files({
        {"/etc/a.json", R"({"properties": {"a": {"$ref": "https://example.com/id#/$defs/x"},
                                           "b": {"$ref": "b.json"}}})"},
        {"/etc/b.json", R"({"$id": "https://example.com/id", "$defs": {"x": {"const": 1}}})"},
    });
    ASSERT_EQ(compiled.error, "");
    EXPECT_EQ(verdict(*compiled.schema, R"({"a": 1})"), "valid");
    EXPECT_EQ(verdict(*compiled.schema, R"({"a": 2})"), "/a b.json#/$defs/x/const");
}

TEST(SchemaReferences, FindFilesThoughTheSchemaHasAnId) {
    const Compiled compiled = compile_files({
        {"/etc/a.json", R"({"$id": "https://example.com/schemas/a.json", "$ref": "b.json"})"},
        {"/etc/b.json", R"({"$id": "https://example.com/schemas/b.json", "type": "null"})"},
    });
    ASSERT_EQ(compiled.error, "");
    EXPECT_EQ(verdict(*compiled.schema, "1"), " b.json#/type");
}

TEST(SchemaReferences, TakeTheDraftOfTheFirstFile) {
    const Compiled compiled = compile_files({
        {"/etc/a.json",
         R"({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "b.json"}}})"},
        {"/etc/b.json", R"({"items": [{"type": "string"}]})"},
    });
    ASSERT_EQ(compiled.error, "");
    EXPECT_EQ(verdict(*compiled.schema, R"({"a": [1]})"), "/a/0 b.json#/items/0/type");
}

TEST(SchemaReferences, TellWhichFileIsWrong) {
    EXPECT_EQ(compile_files({{"/etc/a.json", R"({"$ref": "b.json"})"}, {"/etc/b.json", "{"}}).error,
              R"(schema "/etc/b.json" is not JSON: line 1: a name in double quotes must follow, )"
              "not the end of the file");
    EXPECT_EQ(compile_files({{"/etc/a.json", R"({"$ref": "b.json"})"},
                             {"/etc/b.json", R"({"$defs": {"a": {"minimum": null}}})"}})
                  .error,
              R"(schema "/etc/b.json" at "/$defs/a/minimum": must be a number, not null)");
}

TEST(SchemaReferences, RefuseTwoSchemasOfOneName) {
    EXPECT_EQ(
        error_of(R"({"$defs": {"a": {"$id": "x:1"}, "b": {"$id": "x:1"}}})"),
        R"(at "/$defs/b/$id": names another schema already: that of "/etc/a.json" at "/$defs/a")");
    EXPECT_EQ(error_of(R"({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}})"),
              R"(at "/$defs/b/$anchor": "x" is the name of "/$defs/a" already)");
    EXPECT_EQ(error_of(R"({"$id": "a#b"})"),
              R"(at "/$id": must have no fragment, but is "a#b"; "$anchor" names a place)");
}

TEST(SchemaReferences, RefuseCirclesWithoutProgress) {
    EXPECT_EQ(
        error_of(R"({"$ref": "#"})"),
        R"(schema "/etc/a.json": leads back to itself for the same value: "#" -> "#"; a schema may refer to itself )"
        R"(only for a part of the value, by "properties" or "items")");
    for (const std::string schema : {
             R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}})",
             R"({"not": {"$ref": "#"}})",
             R"({"anyOf": [{}, {"if": {"$ref": "#"}, "then": {}}]})",
             R"({"dependentSchemas": {"a": {"$ref": "#"}}})",
             R"({"$dynamicAnchor": "a", "oneOf": [{"$dynamicRef": "#a"}]})",
         }) {
        EXPECT_NE(error_of(schema).find("leads back to itself"), std::string::npos) << schema;
    }
    for (const std::string schema : {
             R"({"properties": {"a": {"$ref": "#"}}})",
             R"({"items": {"$ref": "#"}, "contains": {"$ref": "#"}})",
             R"({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}})",
             R"({"propertyNames": {"$ref": "#"}})",
         }) {
        EXPECT_EQ(error_of(schema), "") << schema;
    }
}

TEST(SchemaReferences, BoundTheNumberOfFiles) {
    std::map<std::string, std::string> files;
    for (int index = 0; index < 120; ++index) {
        files["/etc/" + std::to_string(index) + ".json"] =
            R"({"items": {"$ref": ")" + std::to_string(index + 1) + R"(.json"}})";
    }
    files["/etc/a.json"] = R"({"$ref": "0.json"})";
    EXPECT_EQ(compile_files(files).error,
              R"(schema "/etc/99.json" is one file more than the 100 that a schema may have)");
}

}  // namespace
}  // namespace webhook
