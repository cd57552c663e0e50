// No schema and no document together hold a worker up, or overflow its stack.

#include <chrono>

#include "jsonschema/equality.h"
#include "schema_support.h"

namespace webhook {
namespace {

TEST(SchemaBounds, DepthOfARecursiveSchema) {
    const std::string schema = R"({"items": {"$ref": "#"}})";
    const auto nested = [](std::size_t depth) {
        return repeated("[", depth) + repeated("]", depth);
    };
    EXPECT_EQ(verdict(schema, nested(kDeepestValidation / 2)), "valid");
    const auto violation = violation_of(*compile_text(schema).schema, nested(60'000));
    ASSERT_TRUE(violation);
    EXPECT_EQ(violation->bound, "depth");
    EXPECT_LE(violation->instance.size(), 250);
}

TEST(SchemaBounds, DepthWhereSchemasMayRefuse) {
    // What a bound stops is no refusal that `not`, `anyOf` or `if` could make a pass of.
    const std::string deep = repeated("[", 3000) + repeated("]", 3000);
    for (
        const std::string schema : {
            R"({"not": {"$ref": "#/$defs/deep"}, "$defs": {"deep": {"items": {"$ref": "#/$defs/deep"}}}})",
            R"({"anyOf": [{"$ref": "#/$defs/deep"}, true], "$defs": {"deep": {"items": {"$ref": "#/$defs/deep"}}}})",
            R"({"oneOf": [{"$ref": "#/$defs/deep"}, true], "$defs": {"deep": {"items": {"$ref": "#/$defs/deep"}}}})",
            R"({"if": {"$ref": "#/$defs/deep"}, "else": true, "$defs": {"deep": {"items": {"$ref": "#/$defs/deep"}}}})",
            R"({"contains": {"$ref": "#/$defs/deep"}, "minContains": 0, "$defs": {"deep": {"items": {"$ref": "#/$defs/deep"}}}})",
        }) {
        const auto violation = violation_of(*compile_text(schema).schema, deep);
        ASSERT_TRUE(violation) << schema;
        EXPECT_EQ(violation->bound, "depth") << schema;
    }
}

TEST(SchemaBounds, DepthOfEqualValues) {
    const std::string deep = repeated("[", 3000) + repeated("]", 3000);
    EXPECT_EQ(verdict(R"({"uniqueItems": true})", '[' + deep + ',' + deep + ']'), "  steps");
    EXPECT_EQ(verdict(R"({"enum": [[]]})", deep), "  steps");
}

TEST(SchemaBounds, DynamicReferencesWithoutProgress) {
    // Which way `$dynamicRef` goes is known only here: back to the resource that led to it.
    const std::string schema = R"({
        "$id": "https://example.com/outer", "$dynamicAnchor": "node", "$ref": "inner",
        "$defs": {"inner": {"$id": "inner", "$defs": {"none": {"$dynamicAnchor": "node"}},
                            "$dynamicRef": "#node"}}})";
    const Compiled compiled = compile_text(schema);
    ASSERT_EQ(compiled.error, "");
    EXPECT_TRUE(verdict(*compiled.schema, "1").ends_with(" depth"));
}

TEST(SchemaBounds, StepsOfNestedChoices) {
    // Each level tries all branches of the next one: 4^20 ways.
    std::string schema = R"({"$ref": "#/$defs/l0", "$defs": {)";
    for (int level = 0; level < 20; ++level) {
        const std::string next = R"({"$ref": "#/$defs/l)" + std::to_string(level + 1) + "\"}";
        schema += "\"l" + std::to_string(level) + R"(": {"anyOf": [)" + next + ',' + next + ',' +
                  next + ',' + next + "]},";
    }
    schema += R"("l20": false}})";
    EXPECT_TRUE(verdict(schema, "1").ends_with(" steps"));
}

TEST(SchemaBounds, StepsOfManyPatterns) {
    std::string patterns;
    std::string members;
    for (int index = 0; index < 2000; ++index) {
        const std::string comma = index == 0 ? "" : ",";
        patterns += comma + "\"^x*" + std::to_string(index) + "$\": {}";
        members += comma + "\"x" + std::to_string(index) + "\": 1";
    }
    EXPECT_TRUE(verdict("{\"patternProperties\": {" + patterns + "}}", '{' + members + '}')
                    .ends_with(" steps"));
}

TEST(SchemaBounds, LargeArraysOfUniqueElements) {
    std::string numbers;
    for (int index = 0; index < 100'000; ++index) {
        numbers += (index == 0 ? "" : ",") + std::to_string(index * 7919LL);
    }
    EXPECT_EQ(verdict(R"({"uniqueItems": true})", '[' + numbers + ']'), "valid");
    EXPECT_EQ(verdict(R"({"uniqueItems": true})", '[' + numbers + ",7919]"), " /uniqueItems");
}

TEST(SchemaBounds, ElementsWithEqualHashes) {
    // All of them have the same nearest double.
    std::string numbers;
    for (int index = 0; index < 20'000; ++index) {
        numbers += (index == 0 ? "" : ",") + std::string("1.000000000000000000000000") +
                   std::to_string(100'000 + index);
    }
    EXPECT_EQ(verdict(R"({"uniqueItems": true})", '[' + numbers + ']'), "  steps");
}

TEST(SchemaBounds, LargeEnumerations) {
    std::string numbers;
    for (int index = 0; index < 20'000; ++index) {
        numbers += (index == 0 ? "" : ",") + std::to_string(index);
    }
    EXPECT_EQ(verdict("{\"items\": {\"enum\": [" + numbers + "]}}", '[' + numbers + ']'), "valid");
    EXPECT_EQ(verdict("{\"items\": {\"enum\": [" + numbers + "]}}", '[' + numbers + ",20000]"),
              "/20000 /items/enum");
}

TEST(SchemaBounds, ManyMembersWithTrackedOnes) {
    std::string members;
    for (int index = 0; index < 20'000; ++index) {
        members += (index == 0 ? "\"a" : ",\"a") + std::to_string(index) + "\": 1";
    }
    std::string schema = R"({"unevaluatedProperties": false, "allOf": [)";
    for (int index = 0; index < 1000; ++index)
        schema += (index == 0 ? "{}" : R"(,{"required": ["a0"]})");
    EXPECT_TRUE(verdict(schema + "]}", '{' + members + '}').ends_with(" steps"));
}

TEST(SchemaBounds, LongStrings) {
    const std::string text = '"' + std::string(4'000'000, 'a') + '"';
    EXPECT_EQ(verdict(R"({"maxLength": 5000000, "minLength": 5})", text), "valid");
    std::string schema = R"({"allOf": [)";
    for (int index = 0; index < 100; ++index)
        schema += (index == 0 ? "" : ",") + std::string(R"({"minLength": 5})");
    EXPECT_TRUE(verdict(schema + "]}", text).ends_with(" steps"));
}

TEST(SchemaBounds, FormatsThatTakeLong) {
    const auto list = [](std::string_view text, std::size_t count) {
        const std::string element = '"' + std::string(text) + '"';
        return '[' + repeated(element + ',', count - 1) + element + ']';
    };
    const std::string regex = R"({"items": {"anyOf": [{"format": "regex"}, true]}})";
    EXPECT_EQ(verdict(regex, list("(", 1000)), "valid");
    EXPECT_TRUE(verdict(regex, list("(", 20'000)).ends_with(" steps"));
    EXPECT_TRUE(verdict(regex, list(repeated("\\\\W", 3000), 40)).ends_with(" steps"));
    const std::string hostname = R"({"items": {"format": "hostname"}})";
    const std::string name = repeated("xn--4ca.", 30) + "xn--4ca";
    EXPECT_EQ(verdict(hostname, list(name, 100)), "valid");
    EXPECT_TRUE(verdict(hostname, list(name, 4000)).ends_with(" steps"));
}

TEST(SchemaBounds, RulesThatLookAtNoMember) {
    const auto names = [](std::size_t count, std::string_view behind) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += (i == 0 ? "\"n" : ",\"n") + std::to_string(i) + '"' + std::string(behind);
        }
        return text;
    };
    const std::string empty = '[' + repeated("{},", 299'999) + "{}]";
    const auto each = [](const std::string& schema) { return R"({"items":)" + schema + '}'; };
    for (const std::string& schema :
         {each(R"({"dependentRequired":{)" + names(2000, ":[\"z\"]") + "}}"),
          each(R"({"dependentSchemas":{)" + names(2000, ":{}") + "}}"),
          each(R"({"anyOf":[{"required":[)" + names(100'000, "") + "]},true]}")}) {
        EXPECT_TRUE(verdict(schema, empty).ends_with(" steps")) << schema.substr(0, 60);
        EXPECT_EQ(verdict(schema, "[{},{},{}]"), "valid") << schema.substr(0, 60);
    }
    const std::string needed = each(R"({"dependentRequired":{"n":[)" + names(2000, "") + R"(]}})");
    const std::string full = R"({"n":1,)" + names(2000, ":1") + '}';
    EXPECT_EQ(verdict(needed, '[' + full + ']'), "valid");
}

// A search that goes on after the last step would take all of a long text.
void expect_end_of_steps(const std::string& schema, const std::string& payload) {
    const auto compiled = compile_text(schema);
    JsonDocument document;
    ASSERT_TRUE(document.parse_copy(payload));
    SchemaValidator validator;
    const auto started = std::chrono::steady_clock::now();
    const auto violation = validator.validate(*compiled.schema, document);
    const auto took = std::chrono::steady_clock::now() - started;
    ASSERT_TRUE(violation);
    EXPECT_EQ(violation->bound, "steps");
    EXPECT_LT(took, std::chrono::seconds(1));
}

TEST(SchemaBounds, GroupsThatARepetitionForgets) {
    const std::string schema =
        R"({"items":{"anyOf":[{"pattern":"^(?:a|)" + repeated("()", 3000) + R"(b)*\\1$"},true]}})";
    const std::string text = '"' + std::string(1000, 'a') + '"';
    EXPECT_TRUE(verdict(schema, '[' + repeated(text + ',', 200) + text + ']').ends_with(" steps"));
    EXPECT_EQ(verdict(schema, "[\"aaaa\"]"), "valid");
    // As many groups as characters: 2,700,000,000.
    expect_end_of_steps(schema, "[\"" + std::string(900'000, 'a') + "\"]");
}

TEST(SchemaBounds, GroupsThatEachStartOfASearchForgets) {
    const std::string schema =
        R"({"anyOf":[{"pattern":"b\\1)" + repeated("()", 3000) + R"("},true]})";
    expect_end_of_steps(schema, "\"" + std::string(900'000, 'a') + "\"");
}

TEST(SchemaBounds, BudgetOfTheCaller) {
    const auto schema = compile_text(R"({"items": {"type": "integer"}})").schema;
    JsonDocument document;
    ASSERT_TRUE(document.parse_copy("[1, 2, 3, 4]"));
    SchemaValidator validator;
    Steps few(5);
    const auto violation = validator.validate(*schema, document, few);
    ASSERT_TRUE(violation);
    EXPECT_EQ(violation->bound, "steps");
    Steps enough(9);
    EXPECT_FALSE(validator.validate(*schema, document, enough));
    EXPECT_EQ(enough.left(), 0);
}

TEST(SchemaBounds, NumbersThatAreAlmostIntegers) {
    const std::string number = "1." + std::string(900'000, '0') + '1';
    std::string types;
    for (int index = 0; index < 1000; ++index) {
        types += (index == 0 ? "" : ",") + std::string(R"({"type": ["integer", "null"]})");
    }
    EXPECT_TRUE(verdict("{\"anyOf\": [" + types + "]}", number).ends_with(" steps"));
}

}  // namespace
}  // namespace webhook
