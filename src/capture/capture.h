// A refused delivery as a text that can be read, explained and sent again.
//
//     # received=2026-12-31T23:59:59.000Z endpoint=github reason=bad_signature ... truncated=0
//     POST /github HTTP/1.1
//     Host: hooks.example.com
//     X-Hub-Signature-256: sha256=...
//
//     {"zen":"Keep it logically awesome."}
//
// The first line is the side line, what is known about the delivery: `#`, then fields `name=value`,
// each after one space, and a line feed. A value holds printable ASCII without spaces, `=`, `#` and
// `%`; all other bytes are written as `%` and two hex digits. The request begins behind that line
// feed: the request line and headers, each ended by CR LF, an empty line, and the bytes of the body
// to the end of the text, without the framing of chunks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "capture/redaction.h"
#include "scheme/scheme.h"

namespace webhook {

// The most bytes of a text that are not its body.
inline constexpr std::size_t kLongestCapturedHead = 64 * 1024;

// Borrowed, as it arrived.
struct CapturedDelivery {
    Milliseconds received{};
    std::string_view endpoint;
    std::string_view reason;
    std::string_view verdict;
    // The sender's address.
    std::string_view source;
    std::string_view request_id;
    std::string_view request_line;
    std::span<const HeaderField> headers;
    // At least the part to be kept, and as much behind it as the longest secret has. No value: the
    // delivery was refused before its body was read.
    std::optional<std::string_view> body;
    // The length of the whole body.
    std::uint64_t body_size = 0;
};

struct CaptureRules {
    const Scheme& scheme;
    // Texts that must not be written. Borrowed.
    std::span<const std::string_view> secrets;
    // Whether a handshake of the scheme is answered.
    bool answers_handshakes = false;
    // The most bytes of the body that are kept.
    std::size_t body_limit;
};

std::string capture_text(const CapturedDelivery& delivery, const CaptureRules& rules);

// The beginning of the name of its file: the time, so that names are in order, and the reason.
std::string capture_name(Milliseconds received, std::string_view reason);

}  // namespace webhook
