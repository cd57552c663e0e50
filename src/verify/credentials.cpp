#include "verify/credentials.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "scheme/boundaries.h"

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

// nginx's variables treat `X_Id` and `X-Id` as one name, and CGI `X.Id` as well, so other readers
// may use one of them in place of the other.
char as_variable(char character) {
    return is_letter(character) || is_digit(character) ? to_lower(character) : '_';
}

bool is_less_as_variable(std::string_view left, std::string_view right) {
    return std::ranges::lexicographical_compare(left, right, {}, as_variable, as_variable);
}

}  // namespace

void SchemeHeaders::offer(std::string_view name, std::string_view value) {
    const auto found = std::ranges::find_if(scheme_->headers, [name](const std::string& known) {
        return equals_ignoring_case(name, known);
    });
    if (found == scheme_->headers.end()) {
        offer_twin(name);
        if (scheme_->wants_other_headers) others_.emplace_back(name, value);
        return;
    }
    // If nginx accepts headers with invalid names, one could pass for a parameter.
    if (name.starts_with(kParameterMark)) return;
    fill(slots_[static_cast<std::size_t>(found - scheme_->headers.begin())], value);
}

// A header with another one of an equivalent name counts as repeated.
void SchemeHeaders::offer_twin(std::string_view name) {
    for (std::size_t i = 0; i < scheme_->headers.size(); ++i) {
        const std::string& known = scheme_->headers[i];
        if (name.size() != known.size() || known.starts_with(kParameterMark)) continue;
        if (std::ranges::equal(name, known, {}, as_variable, as_variable)) slots_[i].count += 2;
    }
}

void SchemeHeaders::fill(Slot& slot, std::string_view value) {
    ++slot.count;
    if (slot.data != nullptr) return;
    slot.data = value.data();
    slot.size = static_cast<std::uint32_t>(value.size());
}

void SchemeHeaders::offer_query(std::string_view query) {
    if (!scheme_->wants_parameters) return;
    auto form = Form::parse(query);
    if (!form) return;
    query_ = std::make_shared<const Form>(std::move(*form));
    for (const auto& [name, value] : query_->fields()) {
        for (std::size_t i = 0; i < scheme_->headers.size(); ++i) {
            const std::string_view known = scheme_->headers[i];
            if (known.starts_with(kParameterMark) && known.substr(1) == name)
                fill(slots_[i], value);
        }
    }
}

std::optional<std::string_view> SchemeHeaders::only(std::string_view name) const {
    for (std::size_t i = 0; i < scheme_->headers.size(); ++i) {
        if (scheme_->headers[i] == name) return only(static_cast<HeaderIndex>(i));
    }
    if (by_name_.size() != others_.size()) {
        by_name_ = others_;
        std::ranges::sort(by_name_, is_less_as_variable, &Other::first);
    }
    const auto found = std::ranges::lower_bound(by_name_, name, is_less_as_variable, &Other::first);
    const auto end = std::ranges::upper_bound(by_name_, name, is_less_as_variable, &Other::first);
    if (end - found != 1 || !equals_ignoring_case(found->first, name)) return std::nullopt;
    return found->second;
}

Candidate::Candidate(std::span<const std::uint8_t> bytes, std::optional<std::size_t> key_index)
    : size_(bytes.size()), key_index_(key_index) {
    if (size_ > small_.size()) large_ = std::make_unique_for_overwrite<std::uint8_t[]>(size_);
    std::copy_n(bytes.data(), size_, large_ ? large_.get() : small_.data());
}

namespace {

// RFC 9110, section 11.1: the name of an authentication scheme has no case.
bool begins_with_prefix(const Scheme& scheme, const SignatureSource& source,
                        std::string_view item) {
    const bool is_scheme_name = source.source.kind == ValueLocation::Kind::header &&
                                source.numbered_headers.empty() && source.prefix.ends_with(' ') &&
                                scheme.headers[source.source.header] == "authorization";
    if (!is_scheme_name) return item.starts_with(source.prefix);
    return equals_ignoring_case(item.substr(0, source.prefix.size()), source.prefix);
}

// The cause if the text is a current time in the other numeric unit.
Cause::Kind other_unit(const TimestampSource& source, std::string_view text, Milliseconds now,
                       const Tolerance& window, Cause::Kind otherwise) {
    if (source.unit == TimestampUnit::rfc3339) return otherwise;
    const bool in_seconds = source.unit == TimestampUnit::seconds;
    const auto time =
        parse_timestamp(in_seconds ? TimestampUnit::milliseconds : TimestampUnit::seconds, text);
    if (!time || freshness(*time, now, window) != Freshness::fresh) return otherwise;
    return in_seconds ? Cause::Kind::time_in_milliseconds : Cause::Kind::time_in_seconds;
}

}  // namespace

bool Credentials::take_signatures(const Scheme& scheme, const SignatureSource& source,
                                  std::string_view text) {
    const std::size_t before = candidates_.size();
    Items items(text, source.separators);
    std::size_t looked_at = before;
    for (auto item = items.next(); item && looked_at < kMostCandidates; item = items.next()) {
        if (!begins_with_prefix(scheme, source, *item)) continue;
        ++looked_at;
        take(scheme, source, item->substr(source.prefix.size()));
    }
    return text.empty() || looked_at == kMostCandidates || candidates_.size() > before ||
           !token.empty();
}

// A signature by a hash must have the length of that hash.
void Credentials::take(const Scheme& scheme, const SignatureSource& source, std::string_view item) {
    if (scheme.presents_secret() || scheme.algorithm == Algorithm::jwt) {
        token = item;
        return;
    }
    std::array<std::uint8_t, kLongestSignature> bytes;
    const auto size = decode(source.encoding, item, bytes);
    if (!size || *size == 0) return;
    const bool is_code = scheme.algorithm == Algorithm::hmac || scheme.algorithm == Algorithm::hash;
    if (is_code && *size != hash_size(scheme.hash)) return;
    candidates_.emplace_back(std::span(bytes).first(*size), source.key_index);
}

Objection check_timestamp(const TimestampSource& source, std::string_view text, Milliseconds now,
                          const std::optional<Tolerance>& tolerance) {
    const auto time = parse_timestamp(source.unit, text);
    const Tolerance window = tolerance.value_or(source.tolerance);
    const auto kind = [&](Cause::Kind otherwise) {
        return other_unit(source, text, now, window, otherwise);
    };
    if (!time) {
        return Refusal(Reason::malformed_timestamp, kind(Cause::Kind::header_not_a_time),
                       source.source.text);
    }
    switch (freshness(*time, now, window)) {
        case Freshness::stale:
            return Refusal(
                Reason::stale_timestamp,
                {kind(Cause::Kind::too_old), {}, (now - *time).count(), window.past.count()});
        case Freshness::future:
            return Refusal(
                Reason::future_timestamp,
                {kind(Cause::Kind::too_early), {}, (*time - now).count(), window.future.count()});
        case Freshness::fresh:
            break;
    }
    return std::nullopt;
}

namespace {

class HeaderReader {
  public:
    HeaderReader(const Scheme& scheme, const SchemeHeaders& headers, Credentials& presented)
        : scheme_(scheme), headers_(headers), presented_(presented) {}

    Objection read_signatures() {
        bool in_headers = false;
        bool present = false;
        for (const SignatureSource& source : scheme_.signatures) {
            if (source.source.kind != ValueLocation::Kind::header) continue;
            in_headers = true;
            const auto objection = source.numbered_headers.empty()
                                       ? read_header(source, present)
                                       : read_numbered_headers(source, present);
            if (objection) return objection;
        }
        if (!in_headers || presented_.has_signature()) return std::nullopt;
        const SignatureSource& first =
            *std::ranges::find(scheme_.signatures, ValueLocation::Kind::header,
                               [](const SignatureSource& source) { return source.source.kind; });
        if (present)
            return Refusal(Reason::malformed_signature, Kind::signature_unfit, name_of(first));
        return Refusal(Reason::missing_signature, Kind::header_missing, name_of(first));
    }

    Objection read_timestamp(Milliseconds now, const std::optional<Tolerance>& tolerance) {
        if (!is_timestamp_in_headers()) return std::nullopt;
        const Tolerance window = tolerance.value_or(scheme_.timestamp->tolerance);
        const auto objection = scheme_.timestamp->source.kind == ValueLocation::Kind::header
                                   ? timestamp_from_header()
                                   : timestamp_from_item();
        if (objection) return objection;
        const bool valid =
            parse_timestamp(scheme_.timestamp->unit, presented_.timestamp).has_value();
        if (valid) return std::nullopt;
        const auto kind = other_unit(*scheme_.timestamp, presented_.timestamp, now, window,
                                     Kind::header_not_a_time);
        return Refusal(Reason::malformed_timestamp, kind, name_of_timestamp());
    }

    Objection read_event() {
        for (const ValueLocation* source :
             {static_cast<const ValueLocation*>(&scheme_.event_id), &scheme_.event_type}) {
            if (source->kind == ValueLocation::Kind::header && headers_.repeated(source->header)) {
                return repeated(source->header);
            }
        }
        presented_.event_id = event_header(scheme_.event_id);
        // Tabs around a value are not part of it (RFC 9110, section 5.5), but nginx does not remove
        // them.
        presented_.event_type = without_padding(event_header(scheme_.event_type));
        if (scheme_.signs(TemplatePart::Kind::id) && presented_.event_id.empty()) {
            return absent(scheme_.event_id.header);
        }
        return std::nullopt;
    }

    Objection check_other_headers() {
        for (const TemplatePart& part : scheme_.signed_parts) {
            if (part.kind != TemplatePart::Kind::header || headers_.only(part.header)) continue;
            return absent(part.header);
        }
        for (std::size_t i = 0; i < scheme_.signed_parts.size(); ++i) {
            if (is_bounded(i)) continue;
            const TemplatePart& part = scheme_.signed_parts[i];
            const bool is_id = part.kind == TemplatePart::Kind::id;
            return Refusal(Reason::malformed_header, Kind::header_unfit,
                           name_of(is_id ? scheme_.event_id.header : part.header));
        }
        for (const RequiredHeader& required : scheme_.required_headers) {
            if (headers_.only(required.header) == required.value) continue;
            if (headers_.repeated(required.header)) return repeated(required.header);
            return Refusal(Reason::missing_header, Kind::header_unexpected,
                           name_of(required.header));
        }
        for (const auto& header : {scheme_.content_type, scheme_.content_encoding}) {
            if (header && headers_.repeated(*header)) return repeated(*header);
        }
        if (scheme_.content_encoding && !content_coding(scheme_, headers_)) {
            return Refusal(Reason::invalid_payload);
        }
        return std::nullopt;
    }

    Objection check_window(Milliseconds now, const std::optional<Tolerance>& tolerance) {
        if (!is_timestamp_in_headers()) return std::nullopt;
        return check_timestamp(*scheme_.timestamp, presented_.timestamp, now, tolerance);
    }

  private:
    using Kind = Cause::Kind;

    std::string_view name_of(HeaderIndex header) const { return scheme_.headers[header]; }
    std::string_view name_of(const SignatureSource& source) const {
        return source.numbered_headers.empty() ? name_of(source.source.header)
                                               : std::string_view(source.numbered_headers);
    }
    std::string_view name_of_timestamp() const {
        const ValueLocation& source = scheme_.timestamp->source;
        return source.kind == ValueLocation::Kind::header ? name_of(source.header)
                                                          : std::string_view(source.text);
    }

    Refusal repeated(HeaderIndex header) const {
        return {Reason::malformed_header, Kind::header_repeated, name_of(header)};
    }
    // For a header that does not occur exactly once, or is empty although it must not be.
    Refusal absent(HeaderIndex header) const {
        if (headers_.repeated(header)) return repeated(header);
        const bool missing = headers_.missing(header);
        return {Reason::missing_header, missing ? Kind::header_missing : Kind::header_empty,
                name_of(header)};
    }

    // Whether no byte of a header or of the id could belong to another value (boundaries.h).
    bool is_bounded(std::size_t index) const {
        const TemplatePart& part = scheme_.signed_parts[index];
        const bool is_header = part.kind == TemplatePart::Kind::header;
        if (!is_header && part.kind != TemplatePart::Kind::id) return true;
        return keeps_its_side(scheme_, scheme_.joins, index,
                              is_header ? headers_.value(part.header) : presented_.event_id);
    }

    bool is_timestamp_in_headers() const {
        if (!scheme_.timestamp) return false;
        const ValueLocation::Kind kind = scheme_.timestamp->source.kind;
        return kind == ValueLocation::Kind::header || kind == ValueLocation::Kind::item;
    }

    Objection read_header(const SignatureSource& source, bool& present) {
        const HeaderIndex header = source.source.header;
        if (headers_.missing(header)) return std::nullopt;
        present = true;
        if (headers_.repeated(header)) {
            return Refusal(Reason::malformed_signature, Kind::header_repeated, name_of(header));
        }
        if (presented_.take_signatures(scheme_, source, headers_.value(header)))
            return std::nullopt;
        return Refusal(Reason::malformed_signature, Kind::signature_unfit, name_of(header));
    }

    Objection read_numbered_headers(const SignatureSource& source, bool& present) {
        const std::string& stem = source.numbered_headers;
        std::vector<std::int64_t> seen;
        for (const auto& [name, value] : headers_.others()) {
            const auto number = number_behind(stem, name);
            if (!number) continue;
            present = true;
            const bool repeated = std::ranges::count(seen, *number) != 0;
            if (repeated || !presented_.take_signatures(scheme_, source, value)) {
                return Refusal(Reason::malformed_signature,
                               repeated ? Kind::header_repeated : Kind::signature_unfit,
                               name_of(source));
            }
            seen.push_back(*number);
            if (presented_.candidates().size() == kMostCandidates) break;
        }
        return std::nullopt;
    }

    static std::optional<std::int64_t> number_behind(std::string_view stem, std::string_view name) {
        if (!equals_ignoring_case(stem, name.substr(0, stem.size()))) return std::nullopt;
        return parse_digits(name.substr(stem.size()));
    }

    Objection timestamp_from_header() {
        const HeaderIndex header = scheme_.timestamp->source.header;
        if (headers_.missing(header)) {
            return Refusal(Reason::missing_timestamp, Kind::header_missing, name_of(header));
        }
        if (headers_.repeated(header)) {
            return Refusal(Reason::malformed_timestamp, Kind::header_repeated, name_of(header));
        }
        presented_.timestamp = headers_.value(header);
        return std::nullopt;
    }

    Objection timestamp_from_item() {
        const std::string_view prefix = scheme_.timestamp->source.text;
        const SignatureSource& signature = scheme_.signatures.front();
        Items items(headers_.value(signature.source.header), signature.separators);
        bool found = false;
        for (auto item = items.next(); item; item = items.next()) {
            if (!item->starts_with(prefix)) continue;
            const std::string_view value = item->substr(prefix.size());
            const bool same = scheme_.timestamp->may_repeat && value == presented_.timestamp;
            if (found && !same) {
                return Refusal(Reason::malformed_timestamp, Kind::item_repeated, prefix);
            }
            found = true;
            presented_.timestamp = value;
        }
        if (found) return std::nullopt;
        return Refusal(Reason::missing_timestamp, Kind::item_missing, prefix);
    }

    std::string_view event_header(const ValueLocation& source) const {
        return source.kind == ValueLocation::Kind::header ? headers_.value(source.header)
                                                          : std::string_view();
    }

    const Scheme& scheme_;
    const SchemeHeaders& headers_;
    Credentials& presented_;
};

}  // namespace

std::optional<ContentCoding> content_coding(const Scheme& scheme, const SchemeHeaders& headers) {
    if (headers.missing(*scheme.content_encoding)) return ContentCoding::identity;
    const auto name = headers.only(*scheme.content_encoding);
    return name ? find_content_coding(*name) : std::nullopt;
}

Objection read_headers(const Scheme& scheme, const SchemeHeaders& headers, Milliseconds now,
                       const std::optional<Tolerance>& tolerance, Credentials& presented) {
    presented.reset();
    HeaderReader reader(scheme, headers, presented);
    if (const auto reason = reader.read_signatures()) return reason;
    if (const auto reason = reader.read_timestamp(now, tolerance)) return reason;
    if (const auto reason = reader.read_event()) return reason;
    if (const auto reason = reader.check_other_headers()) return reason;
    return reader.check_window(now, tolerance);
}

}  // namespace webhook
