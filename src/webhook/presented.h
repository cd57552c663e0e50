// What a delivery's headers present: everything that can be judged before its body is read.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "webhook/digest.h"
#include "webhook/reason.h"
#include "webhook/scheme.h"
#include "webhook/timestamp.h"

namespace webhook {

// The request's headers that a scheme reads. Views are borrowed from the caller.
class SchemeHeaders {
  public:
    explicit SchemeHeaders(const Scheme& scheme) : scheme_(&scheme) {}

    // To be called once for every header of the request.
    void offer(std::string_view name, std::string_view value);

    bool missing(HeaderIndex header) const { return slots_[header].count == 0; }
    bool repeated(HeaderIndex header) const { return slots_[header].count > 1; }
    // Empty where missing.
    std::string_view value(HeaderIndex header) const {
        return {slots_[header].data, slots_[header].size};
    }

  private:
    // Narrow, since every delivery carries all of them: a header is never 4 GB long.
    struct Slot {
        const char* data = nullptr;
        std::uint32_t size = 0;
        std::uint32_t count = 0;
    };

    const Scheme* scheme_;
    std::array<Slot, kMostHeaders> slots_{};
};

// At most this many items of a signature header are looked at.
inline constexpr std::size_t kMostCandidates = 16;

// A decoded signature, any of which may match.
class Candidate {
  public:
    std::span<std::uint8_t, kLargestHash> storage() { return bytes_; }
    void resize(std::size_t size) { size_ = size; }
    std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

  private:
    std::array<std::uint8_t, kLargestHash> bytes_;
    std::size_t size_ = 0;
};

class Presented {
  public:
    // The decoded signatures, for schemes that sign.
    std::span<const Candidate> candidates() const { return candidates_; }
    // The secret as the sender shows it, for `token`.
    std::string_view token;
    // As received; empty where the scheme has none.
    std::string_view timestamp;
    // From a header; empty where missing, or where it stands in the body.
    std::string_view event_id;
    std::string_view event_type;

    void reset() {
        token = timestamp = event_id = event_type = {};
        candidates_.clear();
    }

  private:
    friend class HeaderReader;
    std::vector<Candidate> candidates_;
};

// Reads what the headers present into `presented`, whose views borrow from `headers`. Returns why
// the delivery has to be refused, or nothing. `tolerance` replaces the scheme's where given.
std::optional<Reason> read_headers(const Scheme& scheme, const SchemeHeaders& headers,
                                   Milliseconds now, const std::optional<Tolerance>& tolerance,
                                   Presented& presented);

}  // namespace webhook
