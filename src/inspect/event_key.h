// What tells a delivery from the others of its sender where no event id does.

#pragma once

#include <string>
#include <string_view>

#include "base/whole_body.h"
#include "scheme/scheme.h"
#include "verify/credentials.h"

namespace webhook {

// A delivery whose signature is right.
struct Identified {
    std::string_view method;
    // In the form in which it was signed; where it is not signed, the path and query as requested.
    std::string_view url;
    // The request's own, undecoded.
    std::string_view query;
    std::string_view event_type;
    const SchemeHeaders* headers;
    const Credentials* presented;
    // In hex.
    std::string_view body_sha256;
    bool has_body;
    // Wanted where Scheme::event_key_reads_body() says so; else null.
    WholeBody* body;
};

// In hex: the hash of the parts of Scheme::event_key, or `body_sha256` where the body is the only
// one. A delivery without a body is told by all else that is signed, too; where that is nothing, by
// its method and URL.
std::string identity_of(const Scheme& scheme, const Identified& delivery);

}  // namespace webhook
