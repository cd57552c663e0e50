// The key that identifies a delivery if its sender gives no event id.

#pragma once

#include <string>
#include <string_view>

#include "base/whole_body.h"
#include "scheme/scheme.h"
#include "verify/credentials.h"

namespace webhook {

// A delivery with a valid signature.
struct Identified {
    std::string_view method;
    // In the form in which it was signed; if it is not signed, the path and query as requested.
    std::string_view url;
    // The query of the request, undecoded.
    std::string_view query;
    std::string_view event_type;
    const SchemeHeaders* headers;
    const Credentials* presented;
    // In hex.
    std::string_view body_sha256;
    bool has_body;
    // Required if Scheme::event_key_reads_body() is true; otherwise null.
    WholeBody* body;
};

// Returns, in hex, the hash of the parts of Scheme::event_key, or `body_sha256` if the body is the
// only one. A delivery without a body is identified by everything else that is signed, or, if that
// is nothing, by its method and URL.
std::string identity_of(const Scheme& scheme, const Identified& delivery);

}  // namespace webhook
