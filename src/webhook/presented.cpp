#include "webhook/presented.h"

#include "webhook/encoding.h"
#include "webhook/text.h"

namespace webhook {
namespace {

// The items of a header, empty ones left out. Without separators, the header is one item.
class Items {
  public:
    Items(std::string_view text, std::string_view separators)
        : rest_(text), separators_(separators) {}

    std::optional<std::string_view> next() {
        if (separators_.empty()) {
            if (done_) return std::nullopt;
            done_ = true;
            return rest_;
        }
        const std::size_t start = rest_.find_first_not_of(separators_);
        if (start == std::string_view::npos) return std::nullopt;
        rest_.remove_prefix(start);
        const std::string_view item = rest_.substr(0, rest_.find_first_of(separators_));
        rest_.remove_prefix(item.size());
        return item;
    }

  private:
    std::string_view rest_;
    std::string_view separators_;
    bool done_ = false;
};

}  // namespace

void SchemeHeaders::offer(std::string_view name, std::string_view value) {
    for (std::size_t i = 0; i < scheme_->headers.size(); ++i) {
        if (!equals_ignoring_case(name, scheme_->headers[i])) continue;
        Slot& slot = slots_[i];
        if (slot.count++ == 0) {
            slot.data = value.data();
            slot.size = static_cast<std::uint32_t>(value.size());
        }
        return;
    }
}

class HeaderReader {
  public:
    HeaderReader(const Scheme& scheme, const SchemeHeaders& headers, Presented& presented)
        : scheme_(scheme), headers_(headers), presented_(presented) {}

    std::optional<Reason> read_signature() {
        const SignatureSource& signature = scheme_.signature;
        if (headers_.missing(signature.header)) return Reason::missing_signature;
        if (headers_.repeated(signature.header)) return Reason::malformed_signature;
        Items items(headers_.value(signature.header), signature.separators);
        std::size_t looked_at = 0;
        for (auto item = items.next(); item && looked_at < kMostCandidates; item = items.next()) {
            if (!item->starts_with(signature.prefix)) continue;
            ++looked_at;
            read_candidate(item->substr(signature.prefix.size()));
        }
        const bool found = !presented_.candidates_.empty() || !presented_.token.empty();
        if (!found) return Reason::malformed_signature;
        return std::nullopt;
    }

    std::optional<Reason> read_timestamp() {
        if (!scheme_.timestamp) return std::nullopt;
        const auto objection = scheme_.timestamp->source.kind == Source::Kind::header
                                   ? timestamp_from_header()
                                   : timestamp_from_item();
        if (objection) return objection;
        const auto time = parse_timestamp(scheme_.timestamp->unit, presented_.timestamp);
        if (!time) return Reason::malformed_timestamp;
        timestamp_ = *time;
        return std::nullopt;
    }

    std::optional<Reason> read_event() {
        for (const Source* source : {&scheme_.event_id, &scheme_.event_type}) {
            if (source->kind == Source::Kind::header && headers_.repeated(source->header)) {
                return Reason::missing_header;
            }
        }
        presented_.event_id = event_header(scheme_.event_id);
        presented_.event_type = event_header(scheme_.event_type);
        if (scheme_.signs(SignedPart::Kind::id) && presented_.event_id.empty()) {
            return Reason::missing_header;
        }
        return std::nullopt;
    }

    std::optional<Reason> check_signed_headers() {
        for (const SignedPart& part : scheme_.signed_parts) {
            if (part.kind != SignedPart::Kind::header) continue;
            if (headers_.missing(part.header) || headers_.repeated(part.header)) {
                return Reason::missing_header;
            }
        }
        return std::nullopt;
    }

    std::optional<Reason> check_window(Milliseconds now,
                                       const std::optional<Tolerance>& tolerance) {
        if (!scheme_.timestamp) return std::nullopt;
        switch (freshness(timestamp_, now, tolerance.value_or(scheme_.timestamp->tolerance))) {
            case Freshness::stale:
                return Reason::stale_timestamp;
            case Freshness::future:
                return Reason::future_timestamp;
            case Freshness::fresh:
                break;
        }
        return std::nullopt;
    }

  private:
    void read_candidate(std::string_view text) {
        if (scheme_.algorithm == Algorithm::token) {
            presented_.token = text;
            return;
        }
        Candidate candidate;
        const auto size = decode(scheme_.signature.encoding, text, candidate.storage());
        if (!size || *size != hash_size(scheme_.hash)) return;
        candidate.resize(*size);
        presented_.candidates_.push_back(candidate);
    }

    std::optional<Reason> timestamp_from_header() {
        const HeaderIndex header = scheme_.timestamp->source.header;
        if (headers_.missing(header)) return Reason::missing_timestamp;
        if (headers_.repeated(header)) return Reason::malformed_timestamp;
        presented_.timestamp = headers_.value(header);
        return std::nullopt;
    }

    std::optional<Reason> timestamp_from_item() {
        const std::string_view prefix = scheme_.timestamp->source.text;
        Items items(headers_.value(scheme_.signature.header), scheme_.signature.separators);
        bool found = false;
        for (auto item = items.next(); item; item = items.next()) {
            if (!item->starts_with(prefix)) continue;
            if (found) return Reason::malformed_timestamp;
            found = true;
            presented_.timestamp = item->substr(prefix.size());
        }
        if (!found) return Reason::missing_timestamp;
        return std::nullopt;
    }

    std::string_view event_header(const Source& source) const {
        return source.kind == Source::Kind::header ? headers_.value(source.header)
                                                   : std::string_view();
    }

    const Scheme& scheme_;
    const SchemeHeaders& headers_;
    Presented& presented_;
    Milliseconds timestamp_{};
};

std::optional<Reason> read_headers(const Scheme& scheme, const SchemeHeaders& headers,
                                   Milliseconds now, const std::optional<Tolerance>& tolerance,
                                   Presented& presented) {
    presented.reset();
    HeaderReader reader(scheme, headers, presented);
    if (const auto reason = reader.read_signature()) return reason;
    if (const auto reason = reader.read_timestamp()) return reason;
    if (const auto reason = reader.read_event()) return reason;
    if (const auto reason = reader.check_signed_headers()) return reason;
    return reader.check_window(now, tolerance);
}

}  // namespace webhook
