#include "jsonschema/validator.h"

#include "jsonschema/instance.h"
#include "schema_support.h"

namespace webhook {
namespace {

struct Row {
    std::string schema;
    std::string document;
    std::string verdict;
};

void expect(const std::vector<Row>& rows) {
    for (const auto& [schema, document, expected] : rows) {
        EXPECT_EQ(verdict(schema, document), expected) << schema << ' ' << document;
    }
}

TEST(SchemaValidator, PointsAtValueAndKeyword) {
    expect({
        {R"({"type": "object"})", "1", " /type"},
        {R"({"properties": {"a": {"items": {"type": "string"}}}})", R"({"a": ["x", 1]})",
         "/a/1 /properties/a/items/type"},
        {R"({"required": ["a", "b", "c"]})", R"({"a": 1, "c": 2})", " /required/1"},
        {R"({"additionalProperties": false})", R"({"a/b~c": 1})", "/a~1b~0c /additionalProperties"},
        {R"({"propertyNames": {"maxLength": 1}})", R"({"ab": 1})", "/ab /propertyNames/maxLength"},
        {R"({"patternProperties": {"^a": {"type": "null"}}})", R"({"ab": 1})",
         "/ab /patternProperties/^a/type"},
        {R"({"prefixItems": [true, false]})", "[1, 2]", "/1 /prefixItems/1"},
        {R"({"contains": {"type": "null"}})", "[1, 2]", " /contains"},
        {R"({"contains": {}, "minContains": 3})", "[1, 2]", " /minContains"},
        {R"({"contains": {}, "maxContains": 1})", "[1, 2]", " /maxContains"},
        {R"({"uniqueItems": true})", "[1, 2, 1.0]", " /uniqueItems"},
        {R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})", " /dependentRequired"},
        {R"({"dependentSchemas": {"a": {"minProperties": 2}}})", R"({"a": 1})",
         " /dependentSchemas/a/minProperties"},
        {R"({"allOf": [{}, {"const": 1}]})", "2", " /allOf/1/const"},
        {R"({"anyOf": [{"const": 1}, {"const": 2}]})", "3", " /anyOf"},
        {R"({"oneOf": [{}, {}]})", "3", " /oneOf"},
        {R"({"not": {}})", "3", " /not"},
        {R"({"if": {"type": "integer"}, "then": {"minimum": 4}})", "3", " /then/minimum"},
        {R"({"if": {"type": "string"}, "else": {"minimum": 4}})", "3", " /else/minimum"},
        {R"({"$ref": "#/$defs/a", "$defs": {"a": {"enum": [1]}}})", "3", " /$defs/a/enum"},
        {R"({"properties": {"a": true}, "unevaluatedProperties": {"type": "null"}})",
         R"({"a": 1, "b": 2})", "/b /unevaluatedProperties/type"},
        {R"({"prefixItems": [true], "unevaluatedItems": false})", "[1, 2]", "/1 /unevaluatedItems"},
    });
}

TEST(SchemaValidator, ShowsPointersThatALogCanHold) {
    EXPECT_EQ(verdict(R"({"additionalProperties": false})", R"({"a\n\u0000b\"": 1})"),
              "/a??b\" /additionalProperties");
    const std::string long_name(10'000, 'n');
    const auto violation = violation_of(
        *compile_text(R"({"additionalProperties": {"additionalProperties": false}})").schema,
        "{\"" + long_name + "\": {\"end\": 1}}");
    ASSERT_TRUE(violation);
    EXPECT_LE(violation->instance.size(), kLongestShownPointer);
    EXPECT_TRUE(violation->instance.starts_with("/nnn"));
    EXPECT_TRUE(violation->instance.ends_with("nnn/end"));
    EXPECT_NE(violation->instance.find("\xe2\x80\xa6"), std::string::npos);
    // No character is cut in two.
    const std::string snowmen = shown_pointer(repeated("\xe2\x98\x83", 500));
    EXPECT_EQ(snowmen.size() % 3, 0);
}

TEST(SchemaValidator, ComparesNumbersWithoutRounding) {
    expect({
        {R"({"const": 9007199254740993})", "9007199254740992", " /const"},
        {R"({"const": 9007199254740993})", "9007199254740993", "valid"},
        {R"({"const": 9007199254740993})", "9007199254740993.0", "valid"},
        {R"({"const": 9007199254740993})", "9007199254740992.0", " /const"},
        {R"({"enum": [1e400]})", "10e399", "valid"},
        {R"({"enum": [1e400]})", "1e401", " /enum"},
        {R"({"enum": [null]})", "1e400", " /enum"},
        {R"({"enum": [1e400]})", "null", " /enum"},
        {R"({"type": "null"})", "1e400", " /type"},
        {R"({"type": "integer"})", "1e400", "valid"},
        {R"({"type": "integer"})", "1.0", "valid"},
        {R"({"type": "integer"})", "1.00000000000000000000000001", " /type"},
        {R"({"type": "integer"})", "123456789012345678901234567890", "valid"},
        {R"({"type": "integer"})", "18446744073709551615", "valid"},
        {R"({"maximum": 9223372036854775807})", "9223372036854775808", " /maximum"},
        {R"({"exclusiveMaximum": 0.1})", "0.1000000000000000000001", " /exclusiveMaximum"},
        {R"({"maximum": 0.1})", "0.1000000000000000000001", " /maximum"},
        {R"({"minimum": 0.1})", "0.1000000000000000000001", "valid"},
        {R"({"minimum": 1e400})", "1e399", " /minimum"},
        {R"({"maximum": -1e400})", "-1e401", "valid"},
        {R"({"multipleOf": 0.01})", "19.99", "valid"},
        {R"({"multipleOf": 0.01})", "19.999", " /multipleOf"},
        {R"({"multipleOf": 0.01})", "1e300", "valid"},
        {R"({"multipleOf": 3})", "-9223372036854775808", " /multipleOf"},
        {R"({"multipleOf": 1})", "-9223372036854775808", "valid"},
        {R"({"multipleOf": 5})", "100000000000000000000000000000000005", "valid"},
        {R"({"uniqueItems": true})", "[9007199254740992, 9007199254740993]", "valid"},
        {R"({"uniqueItems": true})", "[1e400, 10e399]", " /uniqueItems"},
        {R"({"uniqueItems": true})", "[0, -0.0]", " /uniqueItems"},
        {R"({"uniqueItems": true})", "[0, 1e-400]", "valid"},
        {R"({"minLength": 1.0})", "\"\"", " /minLength"},
        {R"({"maxLength": 1e400})", "\"a\"", "valid"},
    });
}

TEST(SchemaValidator, ComparesValuesOfAnyKind) {
    expect({
        {R"({"const": {"a": [1, {"b": null}], "c": "d"}})",
         R"({"c": "d", "a": [1.0, {"b": null}]})", "valid"},
        {R"({"const": {"a": 1}})", R"({"a": 1, "b": 2})", " /const"},
        {R"({"const": {"a": 1, "b": 2}})", R"({"a": 1})", " /const"},
        {R"({"const": [1, 2]})", "[2, 1]", " /const"},
        {R"({"const": [1, 2]})", "[1, 2, 3]", " /const"},
        {R"({"const": false})", "0", " /const"},
        {R"({"const": "a\"\\\u0000\n"})", R"("a\"\\\u0000\n")", "valid"},
        {R"({"enum": ["a", 1, null, [1], {"a": 1}, true]})", R"({"a": 1.0})", "valid"},
        {R"({"enum": ["a", 1, null, [1], {"a": 1}, true]})", "[1]", "valid"},
        {R"({"enum": ["a", 1, null, [1], {"a": 1}, true]})", "null", "valid"},
        {R"({"enum": ["a", 1, null, [1], {"a": 1}, true]})", "false", " /enum"},
        {R"({"uniqueItems": true})", R"([{"a": 1, "b": 2}, {"b": 2, "a": 1}])", " /uniqueItems"},
        {R"({"uniqueItems": true})",
         R"([{"a": 1}, {"b": 1}, ["a", 1], "a", 1, null, false, [], {}])", "valid"},
    });
}

TEST(SchemaValidator, CountsCharacters) {
    expect({
        {R"({"maxLength": 2})", "\"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\"", "valid"},
        {R"({"maxLength": 1})", "\"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\"", " /maxLength"},
        {R"({"minLength": 3})", "\"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\"", " /minLength"},
    });
}

TEST(SchemaValidator, NotesPresenceOfManyNames) {
    std::string required;
    std::string document;
    for (int index = 0; index < 200; ++index) {
        const std::string name = "\"name" + std::to_string(index) + '"';
        required += (index == 0 ? "" : ",") + name;
        if (index != 150) document += (index == 0 ? "" : ",") + name + ":1";
    }
    EXPECT_EQ(verdict("{\"required\": [" + required + "]}", '{' + document + '}'),
              " /required/150");
}

TEST(SchemaValidator, KeepsNothingOfAnEarlierDocument) {
    const auto schema =
        compile_text(R"({"properties": {"a": {}}, "required": ["a"], "uniqueItems": true,
                         "unevaluatedProperties": false, "unevaluatedItems": false})")
            .schema;
    SchemaValidator validator;
    for (int round = 0; round < 3; ++round) {
        for (const auto& [text, valid] : {std::pair(R"({"a": 1})", true), std::pair("{}", false),
                                          std::pair(R"({"a": 1, "b": 2})", false),
                                          std::pair("[]", true), std::pair("[1, 1]", false)}) {
            JsonDocument document;
            ASSERT_TRUE(document.parse_copy(text));
            EXPECT_EQ(!validator.validate(*schema, document).has_value(), valid) << text;
            if (round == 1) validator.forget();
        }
    }
}

}  // namespace
}  // namespace webhook
