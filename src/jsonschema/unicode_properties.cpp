#include "jsonschema/unicode_properties.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "base/errors.h"
#include "base/text.h"

namespace webhook {
namespace {

// A general category: its name, its short name, and the name that some have besides.
struct Category {
    std::string_view name;
    std::string_view short_name;
    std::string_view other_name = {};
};

constexpr std::array kCategories{
    Category{"Cased_Letter", "LC"},
    Category{"Close_Punctuation", "Pe"},
    Category{"Connector_Punctuation", "Pc"},
    Category{"Control", "Cc", "cntrl"},
    Category{"Currency_Symbol", "Sc"},
    Category{"Dash_Punctuation", "Pd"},
    Category{"Decimal_Number", "Nd", "digit"},
    Category{"Enclosing_Mark", "Me"},
    Category{"Final_Punctuation", "Pf"},
    Category{"Format", "Cf"},
    Category{"Initial_Punctuation", "Pi"},
    Category{"Letter", "L"},
    Category{"Letter_Number", "Nl"},
    Category{"Line_Separator", "Zl"},
    Category{"Lowercase_Letter", "Ll"},
    Category{"Mark", "M", "Combining_Mark"},
    Category{"Math_Symbol", "Sm"},
    Category{"Modifier_Letter", "Lm"},
    Category{"Modifier_Symbol", "Sk"},
    Category{"Nonspacing_Mark", "Mn"},
    Category{"Number", "N"},
    Category{"Open_Punctuation", "Ps"},
    Category{"Other", "C"},
    Category{"Other_Letter", "Lo"},
    Category{"Other_Number", "No"},
    Category{"Other_Punctuation", "Po"},
    Category{"Other_Symbol", "So"},
    Category{"Paragraph_Separator", "Zp"},
    Category{"Private_Use", "Co"},
    Category{"Punctuation", "P", "punct"},
    Category{"Separator", "Z"},
    Category{"Space_Separator", "Zs"},
    Category{"Spacing_Mark", "Mc"},
    Category{"Surrogate", "Cs"},
    Category{"Symbol", "S"},
    Category{"Titlecase_Letter", "Lt"},
    Category{"Unassigned", "Cn"},
    Category{"Uppercase_Letter", "Lu"},
};

// PCRE2 knows them by the same names, except Assigned.
constexpr auto kBinaryProperties = std::to_array<std::string_view>({
    "AHex",
    "ASCII",
    "ASCII_Hex_Digit",
    "Alpha",
    "Alphabetic",
    "Any",
    "Assigned",
    "Bidi_C",
    "Bidi_Control",
    "Bidi_M",
    "Bidi_Mirrored",
    "CI",
    "CWCF",
    "CWCM",
    "CWKCF",
    "CWL",
    "CWT",
    "CWU",
    "Case_Ignorable",
    "Cased",
    "Changes_When_Casefolded",
    "Changes_When_Casemapped",
    "Changes_When_Lowercased",
    "Changes_When_NFKC_Casefolded",
    "Changes_When_Titlecased",
    "Changes_When_Uppercased",
    "DI",
    "Dash",
    "Default_Ignorable_Code_Point",
    "Dep",
    "Deprecated",
    "Dia",
    "Diacritic",
    "EBase",
    "EComp",
    "EMod",
    "EPres",
    "Emoji",
    "Emoji_Component",
    "Emoji_Modifier",
    "Emoji_Modifier_Base",
    "Emoji_Presentation",
    "Ext",
    "ExtPict",
    "Extended_Pictographic",
    "Extender",
    "Gr_Base",
    "Gr_Ext",
    "Grapheme_Base",
    "Grapheme_Extend",
    "Hex",
    "Hex_Digit",
    "IDC",
    "IDS",
    "IDSB",
    "IDST",
    "IDS_Binary_Operator",
    "IDS_Trinary_Operator",
    "ID_Continue",
    "ID_Start",
    "Ideo",
    "Ideographic",
    "Join_C",
    "Join_Control",
    "LOE",
    "Logical_Order_Exception",
    "Lower",
    "Lowercase",
    "Math",
    "NChar",
    "Noncharacter_Code_Point",
    "Pat_Syn",
    "Pat_WS",
    "Pattern_Syntax",
    "Pattern_White_Space",
    "QMark",
    "Quotation_Mark",
    "RI",
    "Radical",
    "Regional_Indicator",
    "SD",
    "STerm",
    "Sentence_Terminal",
    "Soft_Dotted",
    "Term",
    "Terminal_Punctuation",
    "UIdeo",
    "Unified_Ideograph",
    "Upper",
    "Uppercase",
    "VS",
    "Variation_Selector",
    "White_Space",
    "XIDC",
    "XIDS",
    "XID_Continue",
    "XID_Start",
    "space",
});

static_assert(std::ranges::is_sorted(kBinaryProperties));

std::optional<std::string> find_category(std::string_view name) {
    const auto* const found = std::ranges::find_if(kCategories, [name](const Category& each) {
        return name == each.name || name == each.short_name ||
               (!each.other_name.empty() && name == each.other_name);
    });
    if (found == kCategories.end()) return std::nullopt;
    return std::string(found->short_name == "LC" ? "L&" : found->short_name);
}

std::optional<std::string> find_script(std::string_view kind, std::string_view name) {
    if (name.empty() || name.front() < 'A' || name.front() > 'Z') return std::nullopt;
    if (!consists_of(name, "_")) return std::nullopt;
    return std::string(kind) + ":" + std::string(name);
}

struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
    void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

std::unique_ptr<pcre2_code, FreeCode> compile_runs_of(const std::string& property) {
    const std::string pattern = "[\\p{" + property + "}]+";
    int error = 0;
    std::size_t place = 0;
    std::unique_ptr<pcre2_code, FreeCode> code(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                      PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &place, nullptr));
    if (code) return code;
    if (error == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
    throw ConfigError("the PCRE2 library knows no property " + in_quotes("\\p{" + property + "}"));
}

constexpr CodePoint kFirstSurrogate = 0xd800;
constexpr CodePoint kLastSurrogate = 0xdfff;

// All code points that UTF-8 can hold, in order.
std::string all_code_points() {
    std::string text;
    text.reserve(4 * std::size_t{kLastCodePoint});
    for (CodePoint value = 0; value <= kLastCodePoint; ++value) {
        if (value < kFirstSurrogate || value > kLastSurrogate) append_utf8(text, value);
    }
    return text;
}

CodePointSet read_property(const std::string& property) {
    const auto code = compile_runs_of(property);
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
    if (!match) throw std::bad_alloc();
    const std::string text = all_code_points();
    std::vector<CodePointRange> ranges;
    std::size_t at = 0;
    while (true) {
        const int found = pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                      text.size(), at, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found < 0) throw std::bad_alloc();
        const std::size_t* const place = pcre2_get_ovector_pointer(match.get());
        ranges.push_back(
            {code_point_at(text, place[0]).value, code_point_before(text, place[1]).value});
        at = place[1];
    }
    return CodePointSet(std::move(ranges));
}

}  // namespace

std::optional<std::string> find_property(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
        const std::string_view name = text.substr(0, equals);
        const std::string_view value = text.substr(equals + 1);
        if (name == "General_Category" || name == "gc") return find_category(value);
        if (name == "Script" || name == "sc") return find_script("sc", value);
        if (name == "Script_Extensions" || name == "scx") return find_script("scx", value);
        return std::nullopt;
    }
    if (auto category = find_category(text)) return category;
    if (!std::ranges::binary_search(kBinaryProperties, text)) return std::nullopt;
    return std::string(text == "Assigned" ? "^Cn" : text);
}

const CodePointSet& property_set(const std::string& property) {
    thread_local std::map<std::string, CodePointSet> sets;
    const auto known = sets.find(property);
    if (known != sets.end()) return known->second;
    return sets.emplace(property, read_property(property)).first->second;
}

}  // namespace webhook
