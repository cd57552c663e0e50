#include "inspect/handshake.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/form.h"
#include "base/text.h"
#include "base/url.h"

namespace webhook {
namespace {

using Kind = TemplatePart::Kind;
using Value = std::optional<std::string>;

// Reads values from the places that a handshake names.
class Values {
  public:
    Values(const HandshakeRequest& request, const QuestionBody& body)
        : request_(request), json_(body.json), form_(body.form) {}

    Value at(const ValueLocation& source) const {
        switch (source.kind) {
            case ValueLocation::Kind::header:
                return suitable(request_.headers->only(source.header));
            case ValueLocation::Kind::query:
                return suitable(query_value(request_.query, source.text));
            case ValueLocation::Kind::json:
                return json_ == nullptr ? std::nullopt : json_->first_value_at(source.text);
            case ValueLocation::Kind::field:
                return form_ == nullptr ? std::nullopt : suitable(form_->only(source.text));
            default:
                return std::nullopt;
        }
    }

    bool has(const ValueLocation& source) const {
        if (source.kind != ValueLocation::Kind::json) return !at(source).value_or("").empty();
        return json_ != nullptr && json_->has(source.text);
    }

    // An unusable value is not absent.
    bool lacks(const ValueLocation& source) const {
        switch (source.kind) {
            case ValueLocation::Kind::header:
                return request_.headers->missing(source.header);
            case ValueLocation::Kind::query: {
                const auto query = Form::parse(request_.query);
                return query && has_none(*query, source.text);
            }
            case ValueLocation::Kind::field:
                return form_ != nullptr && has_none(*form_, source.text);
            default:
                return json_ != nullptr && !json_->has(source.text);
        }
    }

    bool meets(const Handshake::Condition& condition) const {
        switch (condition.test) {
            case Handshake::Condition::Test::present:
                return has(condition.source);
            case Handshake::Condition::Test::absent:
                return lacks(condition.source);
            case Handshake::Condition::Test::equals:
                return at(condition.source) == condition.value;
        }
        return false;
    }

  private:
    static bool has_none(const Form& form, std::string_view name) {
        return std::ranges::find(form.fields(), name, &Form::Field::first) == form.fields().end();
    }

    template <typename Template>
    static Value suitable(const std::optional<Template>& text) {
        if (!text || text->size() > kLongestPayloadValue || has_control_character(*text)) {
            return std::nullopt;
        }
        return std::string(*text);
    }

    const HandshakeRequest& request_;
    const JsonDocument* json_;
    const Form* form_;
};

// `application/json`, or with the suffix `+json` (RFC 6839), whatever parameters follow.
bool is_json_type(std::string_view media_type) {
    const std::string_view type = media_type.substr(0, media_type.find(';'));
    const std::size_t end = type.find_last_not_of(" \t") + 1;
    return to_lower(type.substr(0, end)).ends_with("json");
}

Value hmac_of(const Value& text, const SigningKey* key, Kind encoding) {
    if (!text || key == nullptr || !is_plain_token(*text)) return std::nullopt;
    std::array<std::uint8_t, kLargestHash> bytes;
    Hmac hmac = key->start_hmac();
    hmac.update(*text);
    const auto code = hmac.finish(bytes);
    return encoding == Kind::hmac_hex ? to_hex(code) : to_base64(code);
}

// Escapes quotes, backslashes, and characters of HTML tags; control characters never occur here.
std::string escaped_for_json(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        if (character == '"' || character == '\\') escaped += '\\';
        if (character == '<') {
            escaped += "\\u003c";
        } else {
            escaped += character;
        }
    }
    return escaped;
}

// Commands of nginx's SSI and HTML declarations begin like this.
constexpr std::string_view kMarkup = "<!";

class AnswerWriter {
  public:
    AnswerWriter(const Values& values, const SigningKey* key) : values_(values), key_(key) {}

    Value write(const Template& parts, bool as_json) const {
        std::string text;
        for (const TemplatePart& part : parts) {
            const Value value = value_of(part);
            if (!value) return std::nullopt;
            const bool is_own = part.kind == Kind::literal;
            const std::size_t before = text.size();
            text += as_json && !is_own ? escaped_for_json(*value) : *value;
            // The scheme's own text can only make markup with a value at their seam.
            const std::size_t length = before == 0 ? 0 : kMarkup.size();
            const std::string_view added = std::string_view(text).substr(
                before == 0 ? 0 : before - 1, is_own ? length : std::string_view::npos);
            if (added.find(kMarkup) != std::string_view::npos) return std::nullopt;
        }
        return text;
    }

  private:
    Value value_of(const TemplatePart& part) const {
        switch (part.kind) {
            case Kind::literal:
                return part.text;
            case Kind::header:
                return values_.at({ValueLocation::Kind::header, part.header, {}});
            case Kind::json:
                return values_.at({ValueLocation::Kind::json, 0, part.text});
            case Kind::query:
                return values_.at({ValueLocation::Kind::query, 0, part.text});
            case Kind::field:
                return values_.at({ValueLocation::Kind::field, 0, part.text});
            case Kind::hmac_hex:
            case Kind::hmac_base64:
                return hmac_of(values_.at(part.source), key_, part.kind);
            default:
                return std::nullopt;
        }
    }

    const Values& values_;
    const SigningKey* key_;
};

}  // namespace

bool may_be_handshake(const Scheme& scheme, const HandshakeRequest& request) {
    const Values values(request, {});
    return std::ranges::any_of(scheme.handshakes, [&](const Handshake& handshake) {
        if (handshake.method != request.method) return false;
        return std::ranges::all_of(
            handshake.conditions, [&](const Handshake::Condition& condition) {
                return condition.source.is_in_body() || values.meets(condition);
            });
    });
}

const Handshake* find_handshake(const Scheme& scheme, const HandshakeRequest& request,
                                const QuestionBody& body) {
    const Values values(request, body);
    for (const Handshake& handshake : scheme.handshakes) {
        if (handshake.method != request.method) continue;
        if (handshake.reads(ValueLocation::Kind::json) && body.json == nullptr) continue;
        if (handshake.reads(ValueLocation::Kind::field) && body.form == nullptr) continue;
        const auto met = [&](const Handshake::Condition& condition) {
            return values.meets(condition);
        };
        if (std::ranges::all_of(handshake.conditions, met)) return &handshake;
    }
    return nullptr;
}

std::optional<std::string> presented_token(const Handshake& handshake,
                                           const HandshakeRequest& request,
                                           const QuestionBody& body) {
    return Values(request, body).at(handshake.token);
}

std::optional<HandshakeAnswer> answer_to(const Handshake& handshake,
                                         const HandshakeRequest& request,
                                         const QuestionBody& question_body, const SigningKey* key) {
    const Values values(request, question_body);
    const AnswerWriter writer(values, key);
    auto body = writer.write(handshake.body, is_json_type(handshake.content_type));
    auto header_value = writer.write(handshake.header_value, false);
    if (!body || !header_value) return std::nullopt;
    return HandshakeAnswer{handshake.status, handshake.content_type, std::move(*body),
                           handshake.header_name, std::move(*header_value)};
}

}  // namespace webhook
