// The credentials in a delivery's headers: everything that can be judged before its body is read.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/few.h"
#include "base/form.h"
#include "base/hash.h"
#include "base/inflate.h"
#include "base/time.h"
#include "scheme/scheme.h"
#include "verify/cause.h"

namespace webhook {

// The request's headers that a scheme reads, and the parameters of its query that it reads as
// headers. Views are borrowed from the caller.
class SchemeHeaders {
  public:
    explicit SchemeHeaders(const Scheme& scheme) : scheme_(&scheme) {}

    // Call it once for every header of the request.
    void offer(std::string_view name, std::string_view value);
    // Call it once. A query that does not decode has no parameters.
    void offer_query(std::string_view query);

    bool missing(HeaderIndex header) const { return slots_[header].count == 0; }
    bool repeated(HeaderIndex header) const { return slots_[header].count > 1; }
    // Empty where missing.
    std::string_view value(HeaderIndex header) const {
        return {slots_[header].data, slots_[header].size};
    }
    // Returns the value if the header occurs exactly once.
    std::optional<std::string_view> only(HeaderIndex header) const {
        if (slots_[header].count != 1) return std::nullopt;
        return value(header);
    }

    // The headers that the scheme does not name, if it reads any.
    using Other = std::pair<std::string_view, std::string_view>;
    std::span<const Other> others() const { return others_; }
    // The value of the only header of this name, in lower case. The look-up takes a time
    // logarithmic in the number of headers.
    std::optional<std::string_view> only(std::string_view name) const;

  private:
    // Small, since every delivery carries all of them: a header is never 4 GB long.
    struct Slot {
        const char* data = nullptr;
        std::uint32_t size = 0;
        std::uint32_t count = 0;
    };

    void offer_twin(std::string_view name);
    void fill(Slot& slot, std::string_view value);

    const Scheme* scheme_;
    std::array<Slot, kMostHeaders> slots_{};
    std::vector<Other> others_;
    // The same by name, built on the first look-up.
    mutable std::vector<Other> by_name_;
    // The text that the slots of parameters borrow from. Null if the scheme has none.
    std::shared_ptr<const Form> query_;
};

// The most signatures that are examined.
inline constexpr std::size_t kMostCandidates = 16;
// The longest signature, in bytes: that of an RSA key of 16,384 bits is 2,048.
inline constexpr std::size_t kLongestSignature = 2048;

// A decoded signature, any of which may match.
class Candidate {
  public:
    Candidate(std::span<const std::uint8_t> bytes, std::optional<std::size_t> key_index);

    std::span<const std::uint8_t> bytes() const {
        return {large_ ? large_.get() : small_.data(), size_};
    }
    // The index of the only secret that it can be a signature with. No value: any.
    std::optional<std::size_t> key_index() const { return key_index_; }

  private:
    std::array<std::uint8_t, kLargestHash> small_;
    std::unique_ptr<std::uint8_t[]> large_;
    std::size_t size_;
    std::optional<std::size_t> key_index_;
};

class Credentials {
  public:
    // The decoded signatures, for schemes that sign.
    const Few<Candidate>& candidates() const { return candidates_; }
    // The secret or the token as the sender presents it, for `token`, `basic` and `jwt`.
    std::string_view token;
    // As received. Empty if the scheme has none, or if it is in the body or in a token.
    std::string_view timestamp;
    // From a header. Empty if it is missing, or in the body.
    std::string_view event_id;
    std::string_view event_type;

    void reset() {
        token = timestamp = event_id = event_type = {};
        candidates_.clear();
    }

    // Reads the signatures from one header or one value of the body, which must outlive them.
    // Returns false if the text is not empty, but has none.
    bool take_signatures(const Scheme& scheme, const SignatureSource& source,
                         std::string_view text);
    // Whether any was found.
    bool has_signature() const { return !candidates_.empty() || !token.empty(); }

  private:
    void take(const Scheme& scheme, const SignatureSource& source, std::string_view item);

    Few<Candidate> candidates_;
};

// Checks whether a timestamp, as its scheme writes it, lies in the window. Returns why it does not.
Objection check_timestamp(const TimestampSource& source, std::string_view text, Milliseconds now,
                          const std::optional<Tolerance>& tolerance);

// Returns the coding of the body, or nullopt if it is not supported. For schemes that sign the body
// before it is compressed.
std::optional<ContentCoding> content_coding(const Scheme& scheme, const SchemeHeaders& headers);

// Reads the credentials of the headers into `presented`, whose views borrow from `headers`. Returns
// why the delivery must be refused, or nothing. `tolerance`, if given, overrides the scheme's.
Objection read_headers(const Scheme& scheme, const SchemeHeaders& headers, Milliseconds now,
                       const std::optional<Tolerance>& tolerance, Credentials& presented);

}  // namespace webhook
