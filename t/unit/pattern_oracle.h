// What the PCRE2 library says about a pattern without back references, to compare with.

#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "jsonschema/pattern_syntax.h"

namespace webhook {

class PatternOracle {
  public:
    explicit PatternOracle(const PatternTree& tree) {
        if (tree.has_back_references) return;
        add(tree.root);
        int error = 0;
        std::size_t place = 0;
        code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(written_.data()), written_.size(),
                              PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &error, &place, nullptr);
        context_ = pcre2_match_context_create(nullptr);
        pcre2_set_match_limit(context_, 20'000);
        match_ = pcre2_match_data_create(1, nullptr);
    }
    ~PatternOracle() {
        pcre2_match_data_free(match_);
        pcre2_match_context_free(context_);
        pcre2_code_free(code_);
    }
    PatternOracle(const PatternOracle&) = delete;
    PatternOracle& operator=(const PatternOracle&) = delete;

    // Returns nullopt if the library cannot tell: it looks behind for texts of one length only, and
    // gives up where there are too many ways.
    std::optional<bool> search(std::string_view text) const {
        if (code_ == nullptr) return std::nullopt;
        const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                      0, 0, match_, context_);
        if (found == PCRE2_ERROR_NOMATCH) return false;
        return found >= 0 ? std::optional(true) : std::nullopt;
    }

  private:
    void add(const PatternNode& node) {
        using Kind = PatternNode::Kind;
        switch (node.kind) {
            case Kind::character:
                add_set(set_of(node.written));
                break;
            case Kind::sequence:
            case Kind::group:
                add_parts("(?:", node, "", ")");
                break;
            case Kind::alternatives:
                add_parts("(?:", node, "|", ")");
                break;
            case Kind::repetition:
                add_parts("(?:", node, "",
                          "){" + std::to_string(node.least) + "," + most(node) + "}");
                if (node.is_lazy) written_ += '?';
                break;
            case Kind::start:
                written_ += '^';
                break;
            case Kind::end:
                written_ += '$';
                break;
            case Kind::boundary:
                written_ += node.is_negated ? "\\B" : "\\b";
                break;
            case Kind::look:
                add_parts(std::string("(?") + (node.looks_behind ? "<" : "") +
                              (node.is_negated ? "!" : "="),
                          node, "", ")");
                break;
            case Kind::back_reference:
                break;
        }
    }

    static std::string most(const PatternNode& node) {
        return node.most == kUnbounded ? "" : std::to_string(node.most);
    }

    void add_parts(const std::string& before, const PatternNode& node, const char* between,
                   const std::string& behind) {
        written_ += before;
        const char* separator = "";
        for (const PatternNode& part : node.parts) {
            written_ += separator;
            add(part);
            separator = between;
        }
        written_ += behind;
    }

    // No text in UTF-8 has surrogates, and PCRE2 takes none.
    void add_set(const CodePointSet& set) {
        std::string ranges;
        for (const auto& [first, last] : set.ranges()) {
            add_range(ranges, first, std::min<CodePoint>(last, 0xd7ff));
            add_range(ranges, std::max<CodePoint>(first, 0xe000), last);
        }
        written_ += ranges.empty() ? "(?!)" : "[" + ranges + "]";
    }

    static void add_range(std::string& ranges, CodePoint first, CodePoint last) {
        if (first > last) return;
        char text[32];
        std::snprintf(text, sizeof(text), "\\x{%x}-\\x{%x}", first, last);
        ranges += text;
    }

    std::string written_;
    pcre2_code* code_ = nullptr;
    pcre2_match_context* context_ = nullptr;
    pcre2_match_data* match_ = nullptr;
};

}  // namespace webhook
