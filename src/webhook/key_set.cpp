#include "webhook/key_set.h"

#include <algorithm>
#include <array>

#include "webhook/payload.h"
#include "webhook/scheme_words.h"
#include "webhook/text.h"

namespace webhook {
namespace {

// What only the owner of a key knows (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
constexpr std::array<std::string_view, 8> kPrivate{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
// What a public key consists of.
constexpr std::array<std::string_view, 7> kPublic{"kty", "crv", "x", "y", "n", "e", "use"};

// One key of a set that a reader has parsed.
class SetMember {
  public:
    SetMember(const JsonReader& set, std::size_t index)
        : set_(set), pointer_("/keys/" + std::to_string(index) + "/") {}

    bool has(std::string_view name) const { return set_.has(pointer_ + std::string(name)); }
    std::optional<std::string> text(std::string_view name) const {
        return set_.signed_value_at(pointer_ + std::string(name));
    }

    // Empty where there is none that may stand in a log line.
    std::string kid() const { return set_.value_at(pointer_ + "kid").value_or(""); }

    bool is_private() const {
        return text("kty") == "oct" ||
               std::ranges::any_of(kPrivate, [this](std::string_view name) { return has(name); });
    }

    // The key alone, as a text of its own.
    std::string jwk() const {
        std::string jwk;
        for (const std::string_view name : kPublic) {
            if (!has(name)) continue;
            const auto value = text(name);
            if (!value || !consists_of(*value, "-_")) {
                throw ConfigError("its \"" + std::string(name) + "\" is none");
            }
            jwk += (jwk.empty() ? "{\"" : ",\"") + std::string(name) + "\":\"" + *value + '"';
        }
        return jwk.empty() ? "{}" : jwk + "}";
    }

  private:
    const JsonReader& set_;
    std::string pointer_;
};

void check_algorithm(const Scheme& scheme, const SetMember& member) {
    if (!member.has("alg")) return;
    const auto name = member.text("alg");
    const bool fits = std::ranges::any_of(
        scheme.jwt_algorithms, [&name](JwtAlgorithm each) { return name == info(each).name; });
    if (!fits) throw ConfigError("it is for another algorithm");
}

KeyOfSet key_of(const Scheme& scheme, const SetMember& member) {
    check_algorithm(scheme, member);
    // A key whose name cannot be read would be taken for one without.
    if (member.has("kid") && member.kid().empty()) throw ConfigError("its \"kid\" is none");
    return {member.kid(), SigningKey(scheme, member.jwk())};
}

}  // namespace

bool is_key_set(std::string_view text) {
    JsonReader reader;
    return text.find('{') != std::string_view::npos && reader.parse_copy(text) &&
           reader.has("/keys");
}

KeySet parse_key_set(const Scheme& scheme, std::string_view text) {
    JsonReader reader;
    if (!reader.parse_copy(text)) throw ConfigError("it is no JSON");
    const auto size = reader.array_size_at("/keys");
    if (!size) throw ConfigError("it has no \"keys\"");
    if (*size > kMostKeysOfFile) {
        throw ConfigError("it has " + std::to_string(*size) +
                          " keys, allowed: " + std::to_string(kMostKeysOfFile));
    }
    KeySet set;
    for (std::size_t i = 0; i < *size; ++i) {
        const SetMember member(reader, i);
        const std::string name = in_quotes(member.kid());
        if (member.is_private()) throw ConfigError("the key " + name + " is not a public one");
        try {
            set.keys.push_back(key_of(scheme, member));
        } catch (const ConfigError& error) {
            set.skipped.push_back("the key " + name + " is of no use: " + error.what());
        }
    }
    if (set.keys.empty()) throw ConfigError("it has no key for this scheme");
    return set;
}

}  // namespace webhook
