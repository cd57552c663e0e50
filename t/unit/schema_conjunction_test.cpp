#include "jsonschema/conjunction.h"

#include <algorithm>

#include "schema_support.h"

namespace webhook {
namespace {

std::size_t count_of(const SchemaNode& node) {
    return node.ends.back();
}

// A list of conjuncts, the same one but for the last.
std::string all_of(const std::string& each, std::size_t count, const std::string& last) {
    return "{\"allOf\": [" + repeated(each + ',', count - 1) + last + "]}";
}

TEST(SchemaConjunction, LeavesOneNodeOfSmallSubschemas) {
    const Compiled compiled =
        compile_text(R"({"minimum": 1, "allOf": [{"maximum": 9}, {"type": "integer"}]})");
    const SchemaNode& root = compiled.schema->nodes[compiled.schema->root];
    ASSERT_EQ(count_of(root), 3);
    for (std::size_t at = 0; at < count_of(root); ++at) {
        EXPECT_NE(compiled.schema->rules[root.rules + at].kind, Rule::all_of);
    }
}

TEST(SchemaConjunction, NamesTheSubschemaThatRefuses) {
    const std::string schema =
        R"({"minimum": 1, "allOf": [{"maximum": 9}, {"type": "integer"}, {"allOf": [{"not": {"const": 5}}, {"enum": [1, 5, 7]}]}]})";
    for (const auto& [document, expected] :
         std::vector<std::pair<std::string, std::string>>{{"7", "valid"},
                                                          {"7.0", "valid"},
                                                          {"0", " /minimum"},
                                                          {"10", " /allOf/0/maximum"},
                                                          {"7.5", " /allOf/1/type"},
                                                          {"\"7\"", " /allOf/1/type"},
                                                          {"5", " /allOf/2/allOf/0/not"},
                                                          {"6", " /allOf/2/allOf/1/enum"}}) {
        EXPECT_EQ(verdict(schema, document), expected) << document;
    }
}

TEST(SchemaConjunction, KeepsWhatNoValueSatisfies) {
    EXPECT_EQ(verdict(R"({"allOf": [true, {}]})", "1"), "valid");
    EXPECT_EQ(verdict(R"({"allOf": [true, false]})", "1"), " /allOf/1");
}

TEST(SchemaConjunction, KeepsToOnesOwnWhatASubschemaEvaluates) {
    const std::string outer =
        R"({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false})";
    EXPECT_EQ(verdict(outer, R"({"a": 1})"), "valid");
    EXPECT_EQ(verdict(outer, R"({"b": 1})"), "/b /unevaluatedProperties");
    const std::string inner =
        R"({"properties": {"a": true}, "allOf": [{"unevaluatedProperties": false}]})";
    EXPECT_EQ(verdict(inner, R"({"a": 1})"), "/a /allOf/0/unevaluatedProperties");
    const std::string beside =
        R"({"allOf": [{"properties": {"a": true}}, {"unevaluatedProperties": false}]})";
    EXPECT_EQ(verdict(beside, R"({"a": 1})"), "/a /allOf/1/unevaluatedProperties");
}

TEST(SchemaConjunction, LeavesReferencesWhereTheyLead) {
    const std::string schema =
        R"({"properties": {"a": {"$ref": "#/allOf/0"}}, "allOf": [{"required": ["b"]}]})";
    EXPECT_EQ(verdict(schema, R"({"a": {"b": 1}, "b": 1})"), "valid");
    EXPECT_EQ(verdict(schema, R"({"a": {}, "b": 1})"), "/a /allOf/0/required/0");
    EXPECT_EQ(verdict(schema, R"({"a": {"b": 1}})"), " /allOf/0/required/0");
}

TEST(SchemaConjunction, LeavesSubschemasInTheirOwnScope) {
    // The way through "d" decides where the reference of "e" leads.
    const std::string schema = R"({"$id": "http://a.example/", "allOf": [{"$id": "d", "$ref": "e",)"
                               R"( "$defs": {"t": {"$dynamicAnchor": "t", "type": "string"}}}],)"
                               R"( "$defs": {"e": {"$id": "e", "$dynamicRef": "#t",)"
                               R"( "$defs": {"t": {"$dynamicAnchor": "t", "type": "integer"}}}}})";
    EXPECT_EQ(verdict(schema, "\"1\""), "valid");
    EXPECT_EQ(verdict(schema, "1"), " /allOf/0/$defs/t/type");
}

TEST(SchemaConjunction, HoldsMoreRulesThanANodeCounts) {
    const std::string four = R"({"minimum": 1, "maximum": 9, "multipleOf": 1, "const": 4})";
    const std::string schema = all_of(four, 20'000, R"({"exclusiveMinimum": 4})");
    EXPECT_EQ(verdict(schema, "4"), " /allOf/19999/exclusiveMinimum");
    EXPECT_EQ(verdict(all_of(four, 20'000, "{}"), "4"), "valid");
}

TEST(SchemaConjunction, CopiesNoRuleManyTimes) {
    constexpr std::size_t kLevels = 90;
    const std::string schema =
        repeated(R"({"minimum": 1, "maximum": 9, "allOf": [{"multipleOf": 1},)", kLevels) + "{}" +
        repeated("]}", kLevels);
    const Compiled compiled = compile_text(schema);
    ASSERT_EQ(compiled.error, "");
    EXPECT_LT(compiled.schema->rules.size(), kLevels * 4 * kMostRulesTakenOver);
    EXPECT_EQ(violation_of(*compiled.schema, "10")->schema, "/maximum");
}

TEST(SchemaConjunction, ChargesASubschemaThatIsTakenOver) {
    const std::string schema = "{\"items\": " + all_of(R"({"minItems": 0})", 2000, "{}") + '}';
    EXPECT_EQ(verdict(schema, '[' + repeated("[],", 100) + "[]]"), "valid");
    EXPECT_TRUE(verdict(schema, '[' + repeated("[],", 1000) + "[]]").ends_with(" steps"));
}

TEST(SchemaConjunction, RefusesEarlyWhatItRefusedEarly) {
    const std::string deep = repeated("{\"c\":", 22) + "{}" + repeated("}", 22);
    const std::string guarded =
        R"({"allOf": [{"type": "string"}, {"properties": {"c": {"$ref": "#"}}}]})";
    const std::string rest = R"({"properties": {"c": {"$ref": "#"}}})";
    EXPECT_EQ(verdict("{\"anyOf\": [" + guarded + ", " + rest + "]}", deep), "valid");
    // A conjunct with more rules than are taken over stays in its place, too.
    std::string large = R"({"type": "string", "enum": ["a"], "const": "a", "not": {"const": 1}, )"
                        R"("pattern": "a", "minLength": 1, "maxLength": 1, "format": "date", )"
                        R"("minimum": 1, "maximum": 2, "multipleOf": 1})";
    EXPECT_EQ(verdict(R"({"anyOf": [{"allOf": [)" + large +
                          R"(, {"properties": {"c": {"$ref": "#"}}}]}, )" + rest + "]}",
                      deep),
              "valid");
    // As does one between two such.
    const std::string idle = R"("pattern": "a", "minLength": 1, "maxLength": 1, "format": "date", )"
                             R"("minimum": 1, "maximum": 2, "multipleOf": 1, "minItems": 1, )"
                             R"("exclusiveMinimum": 0, "exclusiveMaximum": 3)";
    EXPECT_EQ(verdict(R"({"anyOf": [{"allOf": [{)" + idle + R"(}, {"type": "string"}, {)" + idle +
                          R"(, "properties": {"c": {"$ref": "#"}}}]}, )" + rest + "]}",
                      deep),
              "valid");
    EXPECT_EQ(verdict(R"({"allOf": [{)" + idle + R"(}, {"minProperties": 1}, {)" + idle +
                          R"(, "required": ["z"]}]})",
                      R"({"a": 1})"),
              " /allOf/2/required/0");
    // Those of "allOf" come before the schema's own "anyOf".
    EXPECT_EQ(verdict(R"({"anyOf": [{"allOf": [{"type": "string"}], "anyOf": [)" + rest + "]}, " +
                          rest + "]}",
                      deep),
              "valid");
}

TEST(SchemaConjunction, ChargesOnlyWhatIsEntered) {
    const std::string schema = R"({"items": {"not": {"type": "object", "allOf": [{})" +
                               repeated(R"(,{"minProperties": 0, "maxProperties": 9})", 1000) +
                               "]}}}";
    EXPECT_EQ(verdict(schema, '[' + repeated("1,", 1000) + "1]"), "valid");
    const std::string guarded = all_of(R"({"minItems": 0})", 1000, "{}");
    EXPECT_EQ(verdict(R"({"items": {"not": {"allOf": [{"const": 1}, )" + guarded + "]}}}",
                      '[' + repeated("[],", 1000) + "[]]"),
              "valid");
}

}  // namespace
}  // namespace webhook
