#include "jsonschema/compiler.h"

#include "base/text.h"
#include "jsonschema/references.h"
#include "jsonschema/source.h"
#include "jsonschema/syntax.h"
#include "schema_support.h"

namespace webhook {
namespace {

struct Row {
    std::string schema;
    std::string message;
};

TEST(SchemaCompiler, SaysWhatIsNoJson) {
    const Row rows[] = {
        {"", R"(is not JSON: the file is empty)"},
        {" \n", R"(is not JSON: the file is empty)"},
        {"{\"type\": ", R"(is not JSON: line 1: a value must follow, not the end of the file)"},
        {"{\"type\": [\"null\", ]}", R"(is not JSON: line 1: no comma may stand before "]")"},
        {"{\"type\": \"object\",\n}", R"(is not JSON: line 2: no comma may stand before "}")"},
        {"{\"type\": \"object\"\n \"required\": []}",
         R"(is not JSON: line 2: a comma or "}" must stand before "required")"},
        {"{\"type\": [\"object\" \"null\"]}",
         R"(is not JSON: line 1: a comma or "]" must stand before "null")"},
        {"{'type': 'object'}",
         R"(is not JSON: line 1: a name in double quotes must follow, not "'type'")"},
        {"{\"type\" \"object\"}",
         R"(is not JSON: line 1: a colon must follow the name, not "object")"},
        {"{\"a\": 1}\n\n]",
         R"(is not JSON: line 3: nothing may follow the end of the schema, not "]")"},
        {"// orders\n{}", R"(is not JSON: line 1: JSON has no comments, and "//" begins one)"},
        {"{\"type\": /* of */ \"object\"}",
         R"(is not JSON: line 1: JSON has no comments, and "/*" begins one)"},
        {"{\n # of\n}", R"(is not JSON: line 2: JSON has no comments, and "#" begins one)"},
        {"{\"pattern\": \"\\d\"}",
         R"(is not JSON: line 1: JSON has no such escape (a backslash is written "\\"): "\d")"},
        {"{\"title\": \"a\n b\"}", R"(is not JSON: line 1: a string must end in its line: "a")"},
        {"{\"minimum\": 01}", R"(is not JSON: line 1: JSON has no such number: "01")"},
        {"{\"minimum\": .5}", R"(is not JSON: line 1: a value must follow, not ".5")"},
        {"{\"uniqueItems\": True}", R"(is not JSON: line 1: a value must follow, not "True")"},
        {"{\"title\": \"\xff\"}", "is not JSON: the text is not UTF-8"},
        {"{\"properties\": {",
         R"(is not JSON: line 1: a name in double quotes must follow, not the end of the file)"},
    };
    for (const auto& [schema, message] : rows) {
        EXPECT_EQ(error_of(schema), message) << schema;
    }
}

TEST(SchemaCompiler, FindsNoErrorInJson) {
    for (const std::string_view text :
         {"{}", " [1, -0.5e+7, 0, true, false, null, \"\\u00e9\\n\", {\"a\": {}, \"b\": []}] ",
          "\xef\xbb\xbf{}", "{\"a\": [[[1], 2], {\"b\": 3}], \"c\": 0}"}) {
        EXPECT_EQ(find_syntax_error(text), "") << text;
    }
}

TEST(SchemaCompiler, NamesThePlaceAndWhatIsAllowed) {
    const Row rows[] = {
        {R"([])", R"(: must be a schema (an object or a boolean), not an array)"},
        {R"({"properties": {"id": {"minimum": "5"}}})",
         R"(at "/properties/id/minimum": must be a number, not the string "5"; write it without quotes)"},
        {R"({"additionalProperties": "false"})",
         R"(at "/additionalProperties": must be a schema (an object or a boolean), not the string "false"; write it without quotes)"},
        {R"({"pattern": "^[a-z"})",
         R"(at "/pattern": invalid pattern "^[a-z" at "[a-z": "[" is not closed)"},
        {R"({"properties": {"type": "object"}})",
         R"(at "/properties/type": must be a schema (an object or a boolean), not the string "object")"},
        {R"({"properties": ["id"]})",
         R"(at "/properties": must be an object of schemas, not an array; the names of the members are its keys)"},
        {R"({"type": "int"})",
         R"(at "/type": "int" is no type: it may be null, boolean, object, array, number, integer or string; did you mean "integer"?)"},
        {R"({"type": "Boolean"})",
         R"(at "/type": "Boolean" is no type: it may be null, boolean, object, array, number, integer or string; did you mean "boolean"?)"},
        {R"({"type": "date-time"})",
         R"(at "/type": "date-time" is no type: it may be null, boolean, object, array, number, integer or string; "format" may be "date-time")"},
        {R"({"type": "in"})",
         R"(at "/type": "in" is no type: it may be null, boolean, object, array, number, integer or string)"},
        {R"({"type": ["string", "nul"]})",
         R"(at "/type/1": "nul" is no type: it may be null, boolean, object, array, number, integer or string; did you mean "null"?)"},
        {R"({"type": []})", R"(at "/type": must name a type: no value satisfies an empty array)"},
        {R"({"type": 5})",
         R"(at "/type": must be the name of a type, or an array of such names, not an integer)"},
        {R"({"required": "id"})",
         R"(at "/required": must be an array of names, not the string "id")"},
        {R"({"required": true})",
         R"(at "/required": must be an array of names, not a boolean; name the member in "required" of the object that has it)"},
        {R"({"required": ["id", 1]})",
         R"(at "/required/1": must be a name (a string), not an integer)"},
        {R"({"minimum": 5, "exclusiveMinimum": true})",
         R"(at "/exclusiveMinimum": must be a number, not a boolean; it is the limit itself, in place of "minimum")"},
        {R"({"maxLength": -1})", R"(at "/maxLength": must be an integer of 0 or more)"},
        {R"({"maxLength": 1.5})", R"(at "/maxLength": must be an integer of 0 or more)"},
        {R"({"maxLength": "5"})",
         R"(at "/maxLength": must be an integer of 0 or more, not the string "5"; write it without quotes)"},
        {R"({"multipleOf": 0})", R"(at "/multipleOf": must be more than 0)"},
        {R"({"multipleOf": -2})", R"(at "/multipleOf": must be more than 0)"},
        {R"({"multipleOf": 1.2345678901234567891})",
         R"(at "/multipleOf": must have 18 significant digits or fewer)"},
        {R"({"anyOf": []})", R"(at "/anyOf": must have a schema in it)"},
        {R"({"anyOf": {"type": "string"}})",
         R"(at "/anyOf": must be an array of schemas, not an object)"},
        {R"({"items": [{}]})",
         R"(at "/items": must be a schema (an object or a boolean), not an array; without brackets, one schema is for every element; "prefixItems" has one for each place)"},
        {R"({"enum": "a"})", R"(at "/enum": must be an array of values, not the string "a")"},
        {R"({"dependentRequired": {"a": "b"}})",
         R"(at "/dependentRequired/a": must be an array of names, not the string "b")"},
        {R"({"$defs": {"a/b": {"not": 1}}})",
         R"(at "/$defs/a~1b/not": must be a schema (an object or a boolean), not an integer)"},
        {R"({"properties": {"a": {}, "b": {}, "a": {}}})", R"(at "/properties": has "a" twice)"},
        {R"({"$schema": "http://json-schema.org/draft-04/schema#"})",
         R"(at "/$schema": "http://json-schema.org/draft-04/schema#" is not supported: it may be "http://json-schema.org/draft-07/schema#" or "https://json-schema.org/draft/2020-12/schema")"},
        {R"({"$schema": 7})",
         R"(at "/$schema": must be a string: it may be "https://json-schema.org/draft/2020-12/schema" or "http://json-schema.org/draft-07/schema#")"},
        {R"({"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}})",
         R"(at "/properties/a/$schema": another draft than the file's needs an "$id" beside it)"},
        {R"({"$anchor": "5"})",
         R"(at "/$anchor": must be a name that begins with a letter, and has letters, digits, "-", "_" and "." only)"},
    };
    for (const auto& [schema, message] : rows) {
        const std::string error = compile_text(schema).error;
        const std::string colon = message.starts_with(':') ? "" : " ";
        EXPECT_EQ(error, "schema \"/etc/a.json\"" + colon + message) << schema;
    }
}

// Each message is one line of a terminal, and nginx shows about a kilobyte of it.
TEST(SchemaCompiler, ShowsNamesOnOneLineAndShortened) {
    const std::string odd = R"(a\n[emerg] b\u001b[31m\u0000\u0085\u202e)";
    const std::string shown = R"(a\x0a[emerg] b\x1b[31m\x00\xc2\x85\xe2\x80\xae)";
    const Row rows[] = {
        {R"({"properties": {"@": {"type": 5}}})", R"(at "/properties/@/type": )"},
        {R"({"type": "@"})", R"("@" is no type)"},
        {R"({"minimum": "@"})", R"(not the string "@")"},
        {R"({"x": {"@": 1, "@": 2}})", R"(has "@" twice)"},
        {R"({"$ref": "@"})", R"("@" is the "$id" of no schema here)"},
        {R"({"$ref": "#@"})", R"("#@" leads nowhere: no "$anchor" is named "@")"},
        {R"({"$ref": "#/@"})", R"("#/@" leads nowhere: the schema has no "@")"},
        {R"({"$schema": "@"})", R"("@" is not supported)"},
        {R"({"$id": "a#@"})", R"(but is "a#@")"},
        {R"({"$defs": {"@": {"$anchor": "a"}, "a": {"$anchor": "a"}}})",
         R"("a" is the name of "/$defs/@" already)"},
        {R"({"$defs": {"@": {"$id": "a:b"}, "a": {"$id": "a:b"}}})", R"(at "/$defs/@")"},
        {R"({"dependentRequired": {"@": 1}})", R"(at "/dependentRequired/@": )"},
        {R"({"pattern": "(@"})", R"(invalid pattern "(@")"},
        {R"({"pattern": "\\p{@}"})", R"(unknown property "@")"},
        {R"({"patternProperties": {"(@": {}}})", R"(at "/patternProperties/(@": )"},
        {R"({"$ref": "#/$defs/@", "$defs": {"@": {"$ref": "#"}}})", R"("#/$defs/@" -> "#")"},
    };
    const std::string word(5000, 'n');
    const auto with = [](std::string text, const std::string& name) {
        for (std::size_t at; (at = text.find('@')) != std::string::npos;) text.replace(at, 1, name);
        return text;
    };
    for (const auto& [schema, message] : rows) {
        const std::string error = compile_text(with(schema, odd)).error;
        EXPECT_NE(error.find(with(message, shown)), std::string::npos) << error;
        EXPECT_FALSE(has_control_character(error)) << schema;
        const std::string long_error = compile_text(with(schema, word)).error;
        EXPECT_NE(long_error, "") << schema;
        EXPECT_LT(long_error.size(), 900U) << schema;
    }
    for (const std::string& name : {odd, word}) {
        for (const std::string schema :
             {R"({"format": "@"})", R"({"required\u001b": []})",
              R"({"required": ["@"], "properties": {}, "additionalProperties": false})",
              R"({"$defs": {"@": {"minimun": 1}}})"}) {
            const std::string warning = warning_of(with(schema, name));
            EXPECT_NE(warning, "") << schema;
            EXPECT_FALSE(has_control_character(warning)) << warning;
            EXPECT_LT(warning.size(), 600U) << schema;
        }
    }
}

TEST(SchemaCompiler, SaysWhereAPatternIsWrong) {
    EXPECT_EQ(
        error_of(R"({"properties": {"id": {"pattern": "^evt_([a-z]+$"}}})"),
        R"(at "/properties/id/pattern": invalid pattern "^evt_([a-z]+$" at "([a-z]+$": "(" is not closed)");
    EXPECT_TRUE(error_of(R"({"patternProperties": {"[b-a]": {}}})")
                    .starts_with(R"(at "/patternProperties/[b-a]": )"));
}

TEST(SchemaCompiler, WarnsOfWhatIsHardlyMeant) {
    const Row rows[] = {
        {R"({"properties": {"id": {}}, "requried": ["id"]})",
         R"(: unknown keyword "requried" has no effect; did you mean "required"?)"},
        {R"({"items": {"proprties": {}}})",
         R"(at "/items": unknown keyword "proprties" has no effect; did you mean "properties"?)"},
        {R"({"Type": "object"})",
         R"(: unknown keyword "Type" has no effect; did you mean "type"?)"},
        {R"({"type": "string", "nullable": true})",
         R"(: "nullable" has no effect: OpenAPI has it; JSON Schema has "type": ["...", "null"])"},
        {R"({"id": "https://example.com/a"})",
         R"(: "id" has no effect: draft 4 has it; later drafts have "$id")"},
        {R"({"type": "integer", "minLength": 1})",
         R"(at "/minLength": has no effect: "type" allows no string)"},
        {R"({"type": ["string", "null"], "required": ["a"]})",
         R"(at "/required": has no effect: "type" allows no object)"},
        {R"({"format": "credit-card"})",
         R"(at "/format": "credit-card" is not checked: only date-time, date, time, duration, email, hostname, ipv4, ipv6, uri, uri-reference, uuid, json-pointer, regex are)"},
        {R"({"then": {}})", R"(at "/then": has no effect without "if")"},
        {R"({"if": {}})", R"(at "/if": has no effect without "then" or "else")"},
        {R"({"minContains": 2})", R"(at "/minContains": has no effect without "contains")"},
        {R"({"prefixItems": [{}], "additionalItems": false})",
         R"(at "/additionalItems": has no effect: draft 2020-12 has no such keyword)"},
        {R"({"dependencies": {"a": ["b"]}})",
         R"(at "/dependencies": is of older drafts; draft 2020-12 has "dependentRequired" and "dependentSchemas")"},
        {R"({"$schema": "http://json-schema.org/draft-07/schema#", "unevaluatedProperties": false})",
         R"(at "/unevaluatedProperties": has no effect: draft 7 has no such keyword)"},
        {R"({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "properties": {"a": {"$ref": "#/definitions/a", "maxLength": 5, "description": "a"}}})",
         R"(at "/properties/a/maxLength": has no effect beside "$ref" in draft 7)"},
        {R"({"minLength": 5, "maxLength": 4})",
         R"(at "/minLength": no value satisfies this: it is larger than "maxLength")"},
        {R"({"minimum": 5.5, "maximum": 5})",
         R"(at "/minimum": no value satisfies this: it is larger than "maximum")"},
        {R"({"enum": []})", R"(at "/enum": no value satisfies this: it lists none)"},
        {R"({"properties": {"email": {}}, "required": ["emaill"], "additionalProperties": false})",
         R"(at "/required/0": no object satisfies this: "emaill" is required, but "additionalProperties": false allows only what "properties" names; did you mean "email"?)"},
    };
    for (const auto& [schema, message] : rows) {
        const Compiled compiled = compile_text(schema);
        ASSERT_EQ(compiled.error, "") << schema;
        ASSERT_EQ(compiled.warnings.size(), 1) << schema;
        const std::string colon = message.starts_with(':') ? "" : " ";
        EXPECT_EQ(compiled.warnings[0], "schema \"/etc/a.json\"" + colon + message);
    }
}

TEST(SchemaCompiler, SaysNothingOfWhatIsFine) {
    for (
        const std::string schema : {
            R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "t", "x-internal": 1, "example": 2, "$comment": "c", "default": {}, "examples": []})",
            R"({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}], "additionalItems": false})",
            R"({"definitions": {"a": {"type": "string", "minLength": 1}}, "$ref": "#/definitions/a"})",
            R"({"type": "number", "minimum": 1, "enum": [1, 2]})",
            R"({"vendor": {"anything": ["goes"]}})",
            R"({"tsType": "Order"})",
            R"({"if": {"required": ["a"]}, "unevaluatedProperties": false})",
            R"({"allOf": [{"if": {"required": ["a"]}}], "unevaluatedProperties": false})",
            R"({"patternProperties": {"^x": {}}, "required": ["xa"], "additionalProperties": false})",
        }) {
        EXPECT_EQ(warning_of(schema), "") << schema;
    }
}

TEST(SchemaCompiler, ListsABoundedNumberOfWarnings) {
    std::string schema = "{\"allOf\": [{}";
    for (int index = 0; index < 30; ++index) schema += ", {\"requried\": []}";
    const Compiled compiled = compile_text(schema + "]}");
    ASSERT_EQ(compiled.warnings.size(), kMostSchemaWarnings + 1);
    EXPECT_EQ(compiled.warnings.back(), "schema \"/etc/a.json\" is warned of 10 more times");
}

TEST(SchemaCompiler, ListsNoMoreWarningsBesideAnError) {
    const std::string many = repeated(R"({"requried": []}, )", 30);
    const Compiled compiled = compile_text("{\"allOf\": [" + many + R"({"minimum": "1"}]})");
    EXPECT_NE(compiled.error, "");
    EXPECT_EQ(compiled.warnings.size(), kMostSchemaWarnings + 1);
}

TEST(SchemaCompiler, ReadsSchemasThatAreBooleans) {
    EXPECT_EQ(verdict("true", "1"), "valid");
    EXPECT_EQ(verdict("false", "1"), " ");
}

TEST(SchemaCompiler, BoundsASchemasDepth) {
    const std::string deep =
        repeated(R"({"not":)", kDeepestSchema) + "{}" + repeated("}", kDeepestSchema);
    EXPECT_TRUE(compile_text(deep).error.ends_with(": is nested more than 200 levels deep"));
    const std::string fits =
        repeated(R"({"not":)", kDeepestSchema - 1) + "{}" + repeated("}", kDeepestSchema - 1);
    EXPECT_EQ(compile_text(fits).error, "");
}

TEST(SchemaCompiler, BoundsASchemasSize) {
    std::string large = "{\"title\": \"" + std::string(kLargestSchemaFile, 'a') + "\"}";
    EXPECT_EQ(error_of(large), "is larger than 4194304 bytes");
}

TEST(SchemaCompiler, BoundsTheNumberOfSubschemas) {
    const std::string many = "{\"allOf\": [{}" + repeated(",{}", kMostSubschemas) + "]}";
    EXPECT_EQ(error_of(many),
              R"(at "/allOf/99999": is one subschema more than the 100000 that a schema may have)");
}

}  // namespace
}  // namespace webhook
