// Whether a delivery was signed with one of the secrets: the check that everything else rests on.

#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "webhook/presented.h"
#include "webhook/scheme.h"
#include "webhook/signing_key.h"

namespace webhook {

// What a signed text may name besides the body. Views must live until the verification ends.
struct SignedValues {
    std::string_view method;
    const SchemeHeaders* headers;
    const Presented* presented;
};

// Takes the body in any number of pieces, once, and hashes it under every usable secret as it goes,
// so that a body of any size is verified in constant memory.
class Verification {
  public:
    // The scheme, the secrets and the views in `values` must outlive it. Secrets whose `not_after`
    // has passed at `now` take no part.
    Verification(const Scheme& scheme, std::span<const SigningSecret* const> secrets,
                 const SignedValues& values, Milliseconds now);

    // How many secrets there are to verify with.
    std::size_t secret_count() const { return attempts_.size(); }

    // Whether finish() needs no body: nothing of it is signed.
    bool ignores_body() const { return !scheme_->signs(SignedPart::Kind::body); }

    void update(std::string_view piece_of_body);

    // The secret under which any of the presented signatures is right; null where none is. To be
    // called once.
    const SigningSecret* finish();

  private:
    struct Attempt {
        const SigningSecret* secret;
        std::optional<Hmac> hmac;
    };

    using Parts = std::span<const SignedPart>;

    std::string_view value_of(const SignedPart& part) const;
    void hash(Parts parts);
    bool matches(Attempt& attempt) const;

    const Scheme* scheme_;
    SignedValues values_;
    std::vector<Attempt> attempts_;
    // The parts behind the body.
    Parts rest_;
};

}  // namespace webhook
