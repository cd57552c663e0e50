// What a delivery's headers present: everything that can be judged before its body is read.

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

    // To be called once for every header of the request.
    void offer(std::string_view name, std::string_view value);
    // To be called once. A query that does not decode has no parameters.
    void offer_query(std::string_view query);

    bool missing(HeaderIndex header) const { return slots_[header].count == 0; }
    bool repeated(HeaderIndex header) const { return slots_[header].count > 1; }
    // Empty where missing.
    std::string_view value(HeaderIndex header) const {
        return {slots_[header].data, slots_[header].size};
    }
    // The value where the header is there once.
    std::optional<std::string_view> only(HeaderIndex header) const {
        if (slots_[header].count != 1) return std::nullopt;
        return value(header);
    }

    // The headers beyond those that the scheme names, where it reads such.
    using Other = std::pair<std::string_view, std::string_view>;
    std::span<const Other> others() const { return others_; }
    // The value of the only header of this name, in lower case. However many headers there are, it
    // is found in a time logarithmic in their number.
    std::optional<std::string_view> only(std::string_view name) const;

  private:
    // Narrow, since every delivery carries all of them: a header is never 4 GB long.
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
    // The same by name, made when somebody looks for one.
    mutable std::vector<Other> by_name_;
    // What the slots of parameters borrow from; null where the scheme has none.
    std::shared_ptr<const Form> query_;
};

// At most this many signatures are looked at.
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
    // The index of the only secret that it can be a signature under; nothing: any.
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
    // The secret or the token as the sender shows it, for `token`, `basic` and `jwt`.
    std::string_view token;
    // As received; empty where the scheme has none, or where it stands in the body or in a token.
    std::string_view timestamp;
    // From a header; empty where missing, or where it stands in the body.
    std::string_view event_id;
    std::string_view event_type;

    void reset() {
        token = timestamp = event_id = event_type = {};
        candidates_.clear();
    }

    // Takes the signatures out of one header or one value of the body, whose views the caller
    // keeps. Returns false where it is not empty but holds none.
    bool take_signatures(const Scheme& scheme, const SignatureSource& source,
                         std::string_view text);
    // Whether any was found.
    bool has_signature() const { return !candidates_.empty() || !token.empty(); }

  private:
    void take(const Scheme& scheme, const SignatureSource& source, std::string_view item);

    Few<Candidate> candidates_;
};

// Whether a timestamp, as its scheme writes it, lies in the window. Returns why it does not.
Objection check_timestamp(const TimestampSource& source, std::string_view text, Milliseconds now,
                          const std::optional<Tolerance>& tolerance);

// How the body is compressed; nothing where this is no coding that can be undone. To be asked of
// schemes whose body is signed before it is compressed.
std::optional<ContentCoding> content_coding(const Scheme& scheme, const SchemeHeaders& headers);

// Reads what the headers present into `presented`, whose views borrow from `headers`. Returns why
// the delivery has to be refused, or nothing. `tolerance` replaces the scheme's where given.
Objection read_headers(const Scheme& scheme, const SchemeHeaders& headers, Milliseconds now,
                       const std::optional<Tolerance>& tolerance, Credentials& presented);

}  // namespace webhook
