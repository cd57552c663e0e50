#include "verify/key_set.h"

#include <algorithm>
#include <array>

#include "base/json_document.h"
#include "base/text.h"
#include "scheme/vocabulary.h"

namespace webhook {
namespace {

// Members that only the owner of a key knows (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
constexpr std::array<std::string_view, 8> kPrivate{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
// The members of a public key.
constexpr std::array<std::string_view, 7> kPublic{"kty", "crv", "x", "y", "n", "e", "use"};

// One key of a set that a reader has parsed.
class SetMember {
  public:
    SetMember(const JsonDocument& set, std::size_t index)
        : set_(set), pointer_("/keys/" + std::to_string(index) + "/") {}

    bool has(std::string_view name) const { return set_.has(pointer_ + std::string(name)); }
    std::optional<std::string> text(std::string_view name) const {
        return set_.value_at(pointer_ + std::string(name));
    }

    // For messages.
    std::string name() const {
        const std::string known = kid();
        return known.empty() ? "the key at " + in_quotes(pointer_.substr(0, pointer_.size() - 1))
                             : "the key " + in_quotes(escaped_for_log(known));
    }

    // Empty if there is none that may be logged.
    std::string kid() const { return set_.first_value_at(pointer_ + "kid").value_or(""); }

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
    const JsonDocument& set_;
    std::string pointer_;
};

bool fits_algorithm(const Scheme& scheme, const SetMember& member) {
    const auto name = member.text("alg");
    return !member.has("alg") ||
           std::ranges::any_of(scheme.jwt_algorithms,
                               [&name](JwtAlgorithm each) { return name == info(each).name; });
}

// The members of a key that fits an algorithm. No curve: it is not checked.
struct KeyType {
    Algorithm algorithm;
    std::string_view type;
    std::string_view curve;
};

constexpr KeyType kTypes[] = {
    {Algorithm::ecdsa_p256, "EC", "P-256"},
    {Algorithm::ed25519, "OKP", "Ed25519"},
    {Algorithm::rsa, "RSA", ""},
};

// Others that are registered (RFC 7518, 8037, 8812 and 9964).
constexpr std::string_view kOtherTypes[] = {"AKP"};
constexpr std::string_view kOtherCurves[] = {"P-384", "P-521",  "secp256k1",
                                             "Ed448", "X25519", "X448"};

template <typename Names>
bool is_one_of(const std::optional<std::string>& text, const Names& names) {
    return text && std::ranges::find(names, *text) != std::end(names);
}

bool is_another_type(const Scheme& scheme, const SetMember& member) {
    const Algorithm algorithm = info(scheme.jwt_algorithms.front()).key_algorithm;
    const auto type = member.text("kty");
    if (is_one_of(type, kOtherTypes)) return true;
    const auto* const row = std::ranges::find(kTypes, type.value_or(""), &KeyType::type);
    if (row == std::end(kTypes)) return false;
    return row->algorithm != algorithm || is_one_of(member.text("crv"), kOtherCurves);
}

// Whether the key is meant for others, and not faulty.
bool is_for_others(const Scheme& scheme, const SetMember& member) {
    const auto use = member.text("use");
    const bool is_for_another_algorithm = member.text("alg") && !fits_algorithm(scheme, member);
    return (use && *use == "enc") || is_for_another_algorithm || is_another_type(scheme, member);
}

KeyOfSet key_of(const Scheme& scheme, const SetMember& member) {
    if (!fits_algorithm(scheme, member)) throw ConfigError("it is for another algorithm");
    // A key with an unreadable name would be taken for one without a name.
    if (member.has("kid") && member.kid().empty()) throw ConfigError("its \"kid\" is none");
    return {member.kid(), SigningKey(scheme, member.jwk())};
}

// As many reasons as fit a log line.
std::string reasons_of(const KeySet& set) {
    constexpr std::size_t kMost = 3;
    std::string reasons;
    for (std::size_t i = 0; i < std::min(set.skipped.size(), kMost); ++i) {
        reasons += (i == 0 ? ": " : "; ") + set.skipped[i].why;
    }
    if (set.skipped.size() > kMost) {
        reasons += "; and " + std::to_string(set.skipped.size() - kMost) + " more";
    }
    return reasons;
}

}  // namespace

bool is_key_set(std::string_view text) {
    JsonDocument reader;
    return text.find('{') != std::string_view::npos && reader.parse_copy(text) &&
           reader.has("/keys");
}

KeySet parse_key_set(const Scheme& scheme, std::string_view text) {
    JsonDocument reader;
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
        if (member.is_private()) throw ConfigError(member.name() + " is not a public one");
        try {
            set.keys.push_back(key_of(scheme, member));
        } catch (const ConfigError& error) {
            set.skipped.push_back(
                {member.name() + " is of no use: " + error.what(), is_for_others(scheme, member)});
        }
    }
    if (set.keys.empty()) throw ConfigError("it has no key for this scheme" + reasons_of(set));
    return set;
}

}  // namespace webhook
