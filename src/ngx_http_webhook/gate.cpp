#include "ngx_http_webhook/gate.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/encoding.h"
#include "base/text.h"
#include "base/url.h"
#include "inspect/event_key.h"
#include "ngx_http_webhook/answer.h"
#include "ngx_http_webhook/delivery.h"
#include "ngx_http_webhook/handshake.h"
#include "ngx_http_webhook/payload.h"

namespace webhook::ngx {
namespace {

// How much is hashed, under all secrets together, before other requests have their turn.
constexpr off_t kHashedAtOnce = 1024 * 1024;
// What events are remembered under that are known by their body alone, and by more than that.
constexpr std::string_view kBodyHashKey = "$webhook_body_sha256";
constexpr std::string_view kEventKey = "$webhook_event_key";
// What an event id is remembered under. It is short, so that a hash of it and of a usual id takes
// one block.
constexpr std::string_view kEventIdKey = "id";
// Far longer than a turn takes.
constexpr ngx_msec_t kGuard = 60'000;
// How often an event in flight is asked for again.
constexpr ngx_msec_t kFirstWait = 10;
constexpr ngx_msec_t kLongestWait = 160;

// -- gate

bool method_allowed(const Delivery& delivery) {
    return (delivery.request->method & delivery.conf.methods->mask) != 0;
}

Refusal wrong_method(const Delivery& delivery) {
    const auto method = to_view(delivery.request->method_name);
    const bool of_handshake =
        !delivery.conf.shakes_hands() &&
        std::ranges::find(delivery.conf.scheme->handshakes, method, &Handshake::method) !=
            delivery.conf.scheme->handshakes.end();
    return {Reason::method, of_handshake ? Cause::Kind::handshake_off : Cause::Kind::method,
            method};
}

// The client's own version: without a header, an answer could not be told from another.
bool is_http_09(const Delivery& delivery) {
    return delivery.http_version == NGX_HTTP_VERSION_9 && !delivery.request->post_action;
}

bool came_over_tls(const ngx_http_request_t* request) {
#if (NGX_HTTP_V3)
    if (request->http_version == NGX_HTTP_VERSION_30) return true;
#endif
#if (NGX_HTTP_SSL)
    return request->connection->ssl != nullptr;
#else
    return false;
#endif
}

// -- source

bool source_allowed(const Delivery& delivery) {
    const auto& sources = delivery.conf.sources;
    if (!sources) return true;
    ngx_log_t log = log_of(delivery);
    return sources->allows(delivery.request->connection->sockaddr, &log);
}

// -- headers

// In lower case, which nginx has at hand, since the names of schemes are.
std::string_view name_of(const ngx_table_elt_t& header) {
    const u_char* lowered = header.lowcase_key;
    return to_view({header.key.len, lowered == nullptr ? header.key.data : header.lowcase_key});
}

void collect_headers(Delivery& delivery) {
    const ngx_list_part_t* part = &delivery.request->headers_in.headers.part;
    for (; part != nullptr; part = part->next) {
        const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            delivery.headers.offer(name_of(headers[i]), to_view(headers[i].value));
        }
    }
    delivery.headers.offer_query(to_view(delivery.request->args));
}

Objection check_headers(Delivery& delivery) {
    const auto objection = read_headers(*delivery.conf.scheme, delivery.headers, now(),
                                        delivery.conf.tolerance, delivery.presented);
    if (objection) return objection;
    delivery.event_id = delivery.presented.event_id;
    delivery.event_type = delivery.presented.event_type;
    return std::nullopt;
}

// With a host in the request line, the Host header says nothing of where the request went.
bool went_to_another_host(const ngx_http_request_t* request) {
    if (request->host_start == nullptr || request->http_version >= NGX_HTTP_VERSION_20) {
        return false;
    }
    const auto* start = reinterpret_cast<const char*>(request->host_start);
    const auto* end = reinterpret_cast<const char*>(request->uri_start);
    const ngx_table_elt_t* host = request->headers_in.host;
    return host == nullptr || end < start ||
           !equals_ignoring_case(std::string_view(start, end), to_view(host->value));
}

bool has_fragment(const ngx_http_request_t* request) {
    return to_view(request->unparsed_uri).find('#') != std::string_view::npos;
}

// Whether the host that came is one, for whatever a URL takes of it.
bool has_sound_host(const ngx_http_request_t* request) {
    const ngx_table_elt_t* host = request->headers_in.host;
    return (host == nullptr || is_host(to_view(host->value))) &&
           is_host(to_view(request->headers_in.server)) && !went_to_another_host(request);
}

// Whether what stands for the host in "webhook_url" is one: a path in it would make another URL of
// the request's.
bool gives_host(const Delivery& delivery) {
    if (delivery.conf.url_host == nullptr) return true;
    ngx_str_t text;
    if (ngx_http_complex_value(delivery.request, delivery.conf.url_host, &text) != NGX_OK) {
        throw std::bad_alloc();
    }
    return is_host(to_view(text));
}

// Nothing where what the request says could be read as another URL than the one that nginx routes
// by.
std::optional<std::string_view> signed_url(const Delivery& delivery) {
    const ngx_http_request_t* request = delivery.request;
    const Scheme& scheme = *delivery.conf.scheme;
    if (scheme.signs_parameter() && has_fragment(request)) return std::nullopt;
    if (!scheme.reads_url()) return std::string_view();
    ngx_str_t text;
    if (ngx_http_complex_value(delivery.request, delivery.conf.url, &text) != NGX_OK) {
        throw std::bad_alloc();
    }
    const std::string_view url = to_view(text);
    // Of a variable that has no value for this request.
    if (url.empty()) return std::nullopt;
    if (delivery.conf.url_is_fixed()) return url;
    const bool is_sound = has_sound_host(request) && !has_fragment(request) &&
                          gives_host(delivery) &&
                          is_unambiguous_url(url, to_view(request->unparsed_uri));
    return is_sound ? std::optional(url) : std::nullopt;
}

// With a fragment, which nginx hands on.
std::string_view sent_query(const ngx_http_request_t* request) {
    const std::string_view target = to_view(request->unparsed_uri);
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Objection start_verification(Delivery& delivery) {
    const auto url = signed_url(delivery);
    if (!url) {
        const bool moved = went_to_another_host(delivery.request);
        return Refusal(Reason::bad_signature,
                       moved ? Cause::Kind::other_host : Cause::Kind::url_unfit);
    }
    std::vector<const SigningSecret*> all;
    const SignedRequest request{to_view(delivery.request->method_name),
                                *url,
                                to_view(delivery.request->args),
                                &delivery.headers,
                                &delivery.presented,
                                &delivery.conf.tolerance,
                                &json_reader(),
                                delivery.conf.url_is_fixed(),
                                sent_query(delivery.request)};
    delivery.verification.emplace(*delivery.conf.scheme, collect_secrets(delivery, all), request,
                                  now());
    return std::nullopt;
}

// -- verify

// Adds its own life to the time that verifying takes, where the configuration asks for it.
class Stopwatch {
  public:
    explicit Stopwatch(Delivery& delivery)
        : delivery_(main_conf(delivery.request).uses_verify_time ? &delivery : nullptr) {
        if (delivery_ != nullptr) started_ = Clock::now();
    }
    ~Stopwatch() {
        if (delivery_ != nullptr) delivery_->verify_time += Clock::now() - started_;
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    using Clock = std::chrono::steady_clock;

    Delivery* delivery_;
    Clock::time_point started_;
};

Objection verify_signature(Delivery& delivery, WholeBody* body) {
    const Stopwatch stopwatch(delivery);
    Verification& verification = *delivery.verification;
    if (const auto objection = verification.verify_signature(body, now())) return objection;
    delivery.secret_id = verification.secret()->id;
    if (delivery.conf.scheme->has_event_in_claims()) {
        delivery.event_id = kept(delivery, verification.event_id());
        delivery.event_type = kept(delivery, verification.event_type());
    }
    if (!verification.late_timestamp().empty()) {
        delivery.presented.timestamp = kept(delivery, verification.late_timestamp());
    }
    return std::nullopt;
}

bool needs_body_hash(const Delivery& delivery) {
    const MainConf& conf = main_conf(delivery.request);
    if (conf.uses_body_sha256 || conf.uses_event_key) return true;
    const Dedup* dedup = delivery.conf.remembers.get();
    return dedup != nullptr && dedup->has_key(DedupKey::Kind::event_key);
}

// Returns false where the body goes on beyond what may be hashed at once.
bool hash_body(Delivery& delivery) {
    const Stopwatch stopwatch(delivery);
    Verification* verification = delivery.postponed ? nullptr : &*delivery.verification;
    const std::size_t secrets = verification == nullptr ? 1 : verification->secret_count();
    const off_t pause_at =
        delivery.body.decoded_size() + kHashedAtOnce / static_cast<off_t>(secrets);
    while (delivery.body.decoded_size() < pause_at) {
        const std::string_view piece = delivery.body.next();
        if (piece.empty()) return true;
        if (verification != nullptr) verification->update(piece);
        if (delivery.body_hash) delivery.body_hash->update(piece);
    }
    return false;
}

std::string hex_digest(HashStream& hash) {
    std::array<std::uint8_t, kLargestHash> digest;
    return to_hex(hash.finish(digest));
}

Objection verify(Delivery& delivery, Payload& payload) {
    Verification& verification = *delivery.verification;
    verification.note_sent_size(static_cast<std::size_t>(delivery.body.size()));
    // The sender decides how long its body takes: what was in time when the headers came may be
    // too late.
    if (const auto objection = verification.check_time(now())) return objection;
    if (!verification.ignores_body()) {  // else done before the body
        WholeBody* body = verification.needs_whole_body() ? payload.whole() : nullptr;
        if (const auto objection = verify_signature(delivery, body)) return objection;
    }
    if (const auto objection = verification.verify_body()) return objection;
    if (!verification.needs_whole_body_for_timestamp()) return std::nullopt;
    const auto objection = verification.verify_timestamp(payload.whole(), now());
    delivery.presented.timestamp = kept(delivery, verification.late_timestamp());
    return objection;
}

// -- payload

bool needs_payload(const Delivery& delivery) {
    if (!delivery.conf.scheme->has_event_in_body()) return false;
    if (main_conf(delivery.request).uses_event) return true;
    const Dedup* dedup = delivery.conf.remembers.get();
    return dedup != nullptr && delivery.conf.scheme->event_id.is_in_body() &&
           dedup->has_key(DedupKey::Kind::event_id);
}

// Of a form, what no JSON would hold is no value, either.
std::string form_value(const Form& form, const std::string& name) {
    const auto value = form.only(name);
    if (!value || value->size() > kLongestPayloadValue || has_control_character(*value)) return {};
    return std::string(*value);
}

const Form* form_of(const Delivery& delivery, Payload& payload) {
    const auto content_type = delivery.conf.scheme->content_type;
    if (!content_type || !is_form_type(delivery.headers.value(*content_type))) return nullptr;
    WholeBody* body = payload.whole();
    return body == nullptr ? nullptr : body->form();
}

// What a field of the body says; nothing where the body is no form, or says it twice. A body is not
// read otherwise for another Content-Type: that would make another event of the same bytes.
std::optional<std::string> field_in_body(const Delivery& delivery, Payload& payload,
                                         const std::string& name) {
    if (delivery.body.decoded_size() == 0) return "";
    const Form* form = form_of(delivery, payload);
    if (form == nullptr) return std::nullopt;
    if (std::ranges::count(form->fields(), name, &Form::Field::first) > 1) return std::nullopt;
    return form_value(*form, name);
}

// Nothing where the body cannot be read at all.
std::optional<std::string> value_in_body(const Delivery& delivery, Payload& payload,
                                         const webhook::Source& source) {
    if (source.kind == webhook::Source::Kind::field) {
        return field_in_body(delivery, payload, source.text);
    }
    const JsonReader* json = payload.json();
    return json == nullptr ? std::nullopt : std::optional(json->value_at(source.text).value_or(""));
}

void read_payload(Delivery& delivery, Payload& payload) {
    if (!needs_payload(delivery)) return;
    const auto read = [&](const webhook::Source& source, std::string_view& value) {
        if (!source.is_in_body()) return true;
        const auto found = value_in_body(delivery, payload, source);
        value = kept(delivery, found.value_or(""));
        return found.has_value();
    };
    const Scheme& scheme = *delivery.conf.scheme;
    delivery.payload_unreadable = !read(scheme.event_id, delivery.event_id);
    read(scheme.event_type, delivery.event_type);
}

// -- remember

std::string_view evaluated(const Delivery& delivery, ngx_http_complex_value_t* text) {
    ngx_str_t value;
    if (ngx_http_complex_value(delivery.request, text, &value) != NGX_OK) throw std::bad_alloc();
    return to_view(value);
}

std::string_view value_of(Delivery& delivery, const DedupKey& key) {
    switch (key.kind) {
        case DedupKey::Kind::event_id:
            return delivery.event_id;
        case DedupKey::Kind::event_key:
            return delivery.event_key;
        case DedupKey::Kind::expression:
            break;
    }
    // Constant text would make one event of all that have no value.
    if (key.without_text != nullptr && evaluated(delivery, key.without_text).empty()) return {};
    return evaluated(delivery, key.expression);
}

// Where nobody asked for it before the delivery turned out to have no event id.
std::string_view hash_of_body(Delivery& delivery) {
    if (!delivery.body_sha256.empty()) return delivery.body_sha256;
    HashStream hash(Hash::sha256);
    BodyReader body = read_body(delivery);
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) hash.update(piece);
    delivery.body_sha256 = kept(delivery, hex_digest(hash));
    return delivery.body_sha256;
}

void find_event_key(Delivery& delivery, Payload& payload) {
    if (!delivery.event_key.empty()) return;
    const Scheme& scheme = *delivery.conf.scheme;
    const std::string signed_url = delivery.verification->signed_url();
    const Identified identified{
        to_view(delivery.request->method_name),
        signed_url.empty() ? to_view(delivery.request->unparsed_uri) : std::string_view(signed_url),
        to_view(delivery.request->args),
        delivery.event_type,
        &delivery.headers,
        &delivery.presented,
        hash_of_body(delivery),
        delivery.body.decoded_size() > 0,
        scheme.event_key_reads_body() ? payload.whole() : nullptr};
    delivery.event_key = kept(delivery, identity_of(scheme, identified));
}

std::string_view name_of_event_key(const Delivery& delivery) {
    return delivery.event_key == delivery.body_sha256 ? kBodyHashKey : kEventKey;
}

bool wants_event_key(const Delivery& delivery) {
    if (main_conf(delivery.request).uses_event_key) return true;
    const Dedup* dedup = delivery.conf.remembers.get();
    if (dedup == nullptr) return false;
    const bool has_no_id = delivery.conf.scheme->event_id.optional && delivery.event_id.empty();
    return has_no_id || dedup->has_key(DedupKey::Kind::event_key);
}

// What the request's earlier deliveries hold on this zone is its own.
std::optional<ClaimToken> token_for(const Delivery& delivery, DedupZone& zone) {
    for (const Delivery* held = delivery.earlier; held != nullptr; held = held->earlier) {
        if (held->claim.zone() == &zone) return held->claim.token();
    }
    return zone.new_token();
}

Refusal empty_key(const DedupKey& key) {
    return {Reason::missing_event_id, Cause::Kind::key_empty, key.text};
}

Cause::Kind fault_of_header(const SchemeHeaders& headers, HeaderIndex header) {
    if (headers.missing(header)) return Cause::Kind::header_missing;
    return headers.repeated(header) ? Cause::Kind::header_repeated : Cause::Kind::header_empty;
}

Refusal no_event_id(const Delivery& delivery) {
    if (delivery.payload_unreadable) {
        const bool is_field = delivery.conf.scheme->event_id.kind == webhook::Source::Kind::field;
        return {Reason::invalid_payload, is_field ? Cause::Kind::not_form : Cause::Kind::not_json};
    }
    const EventId& id = delivery.conf.scheme->event_id;
    switch (id.kind) {
        case webhook::Source::Kind::header:
            return {Reason::missing_event_id, fault_of_header(delivery.headers, id.header),
                    delivery.conf.scheme->headers[id.header]};
        case webhook::Source::Kind::json:
            return {Reason::missing_event_id, Cause::Kind::json_missing, id.text};
        case webhook::Source::Kind::field:
            return {Reason::missing_event_id, Cause::Kind::field_unfit, id.text};
        case webhook::Source::Kind::claim:
            return {Reason::missing_event_id, Cause::Kind::claim_missing, id.text};
        default:
            return Reason::missing_event_id;
    }
}

// Whether it may come without one. What is JSON and what is none is signed; what is a form is not.
bool may_lack_event_id(const Delivery& delivery) {
    const EventId& id = delivery.conf.scheme->event_id;
    const bool is_field = id.kind == webhook::Source::Kind::field;
    return id.optional && !(is_field && delivery.payload_unreadable);
}

// An expression that comes to no more than the event's id, or its key, is the same memory as that:
// what stands beside it, such as the mark of an event that is let through again, may be empty.
std::string_view name_of_expression(const Delivery& delivery, const DedupKey& key,
                                    std::string_view value) {
    // By what the key names: the sender of an id that nobody signs gives it any value.
    const bool by_id = key.names_event_id && !key.names_event_key;
    const bool by_key = key.names_event_key && !key.names_event_id;
    if (by_id && value == delivery.event_id) return kEventIdKey;
    return by_key && value == delivery.event_key ? name_of_event_key(delivery)
                                                 : std::string_view(key.text);
}

// Where an event without an id goes by its key, what else stands in a key goes with it: a mark, or
// the name of a tenant.
std::string_view value_without_id(Delivery& delivery, const DedupKey& key) {
    if (key.kind == DedupKey::Kind::event_id) return delivery.event_key;
    const std::string_view rest = evaluated(delivery, key.expression);
    return kept(delivery, std::string(delivery.event_key).append(rest));
}

// What follows the answer of a delivery (post_action) is verified, and no delivery of its own.
bool is_remembered(const Delivery& delivery) {
    const bool follows = delivery.request->post_action && delivery.earlier != nullptr;
    return delivery.conf.remembers != nullptr && !follows;
}

Objection prepare_claim(Delivery& delivery) {
    const Dedup& dedup = *delivery.conf.remembers;
    std::array<EventKey, kMostKeys> keys;
    std::size_t count = 0;
    for (const DedupKey& key : dedup.keys) {
        const bool is_event_id = key.kind == DedupKey::Kind::event_id;
        std::string_view name = is_event_id ? kEventIdKey : std::string_view(key.text);
        std::string_view value = value_of(delivery, key);
        if (key.kind == DedupKey::Kind::expression) name = name_of_expression(delivery, key, value);
        if (key.kind == DedupKey::Kind::event_key) name = name_of_event_key(delivery);
        const bool wants_id = is_event_id || key.names_event_id;
        if (wants_id && delivery.event_id.empty()) {
            if (!may_lack_event_id(delivery)) return no_event_id(delivery);
            name = name_of_event_key(delivery);
            value = value_without_id(delivery, key);
        }
        if (value.empty()) return empty_key(key);
        const EventKey found = event_key(delivery.endpoint, name, value);
        // What stands for the event id may be a key of its own, too.
        const auto known = std::span(keys).first(count);
        if (std::ranges::find(known, found) == known.end()) keys[count++] = found;
    }
    const auto token = token_for(delivery, *dedup.zone);
    if (!token) return Reason::unavailable;
    delivery.claim.prepare(*dedup.zone, std::span(keys).first(count), *token);
    return std::nullopt;
}

// Where the headers hold all that the claim needs, the memory that it will look at can be on its
// way while the body is hashed.
void prepare_claim_early(Delivery& delivery) {
    const bool by_header = delivery.conf.scheme->event_id.kind == webhook::Source::Kind::header;
    if (!is_remembered(delivery) || !by_header || delivery.event_id.empty()) return;
    const Dedup& dedup = *delivery.conf.remembers;
    const bool needs_more =
        dedup.has_key(DedupKey::Kind::event_key) || dedup.has_key(DedupKey::Kind::expression);
    if (!needs_more) prepare_claim(delivery);
}

// A wait may have made it too late. What a refused delivery holds is released with its answer.
Refusal outcome_of_claimed(const Delivery& delivery) {
    return delivery.verification->check_time(now()).value_or(Reason::accepted);
}

// The outcome of a claim, or nothing where the delivery has to wait for its twin.
Objection claim(Delivery& delivery) {
    const ClaimResult result = delivery.claim.try_claim();
    switch (result.outcome) {
        case ClaimOutcome::claimed:
            return outcome_of_claimed(delivery);
        case ClaimOutcome::duplicate:
            delivery.first_status = result.status;
            return Reason::duplicate;
        case ClaimOutcome::no_room:
            return Reason::unavailable;
        case ClaimOutcome::in_flight:
            break;
    }
    const auto left = static_cast<ngx_msec_int_t>(delivery.wait_until - ngx_current_msec);
    if (left <= 0) return Reason::in_flight;
    return std::nullopt;
}

// -- the way

Refusal no_secret(const Delivery& delivery) {
    const Secrets& secrets = *delivery.conf.secrets;
    const bool expired = !secrets.fixed().empty() || !delivery.own_secrets.empty();
    if (expired) return {Reason::no_secret, Cause::Kind::secrets_expired};
    return secrets.has_variables() ? Refusal(Reason::no_secret, Cause::Kind::no_secret_given)
                                   : Refusal(Reason::no_secret);
}

// What the headers show of the signature.
Objection check_signature_before_body(Delivery& delivery) {
    if (!delivery.conf.shakes_hands()) collect_headers(delivery);
    if (const auto objection = check_headers(delivery)) return objection;
    if (const auto objection = start_verification(delivery)) return objection;
    if (delivery.verification->secret_count() == 0) return no_secret(delivery);
    if (delivery.verification->ignores_body()) return verify_signature(delivery, nullptr);
    return std::nullopt;
}

// Everything that can be refused before the body is read.
Objection check_before_body(Delivery& delivery) {
    if (is_http_09(delivery)) {
        return Refusal(Reason::method, Cause::Kind::method, "one of HTTP/0.9");
    }
    // Who is refused for the method or the source is refused at once, but where a handshake may
    // come with another method.
    if (delivery.conf.shakes_hands()) collect_headers(delivery);
    if (!method_allowed(delivery) && !may_be_handshake(delivery)) return wrong_method(delivery);
    if (*delivery.conf.require_tls && !came_over_tls(delivery.request)) return Reason::insecure;
    if (!source_allowed(delivery)) return Reason::ip_denied;
    if (delivery.endpoint.empty()) return Reason::no_endpoint;
    if (const auto outcome = check_handshake_before_body(delivery)) return outcome;
    const auto objection = check_signature_before_body(delivery);
    const bool too_large = delivery.request->headers_in.content_length_n >
                           static_cast<off_t>(*delivery.conf.payload_max);
    if (!objection || too_large || !may_be_unsigned_handshake_in_body(delivery)) return objection;
    delivery.postponed = objection;
    return std::nullopt;
}

// Everything that needs the body, which is hashed by now.
Objection check_body(Delivery& delivery, Payload& payload) {
    // The sender decides how long its body takes, and a list may have changed since.
    if (!source_allowed(delivery)) return Reason::ip_denied;
    if (!size_is_as_declared(delivery.request, delivery.body.size())) {
        return Reason::incomplete_body;
    }
    if (delivery.body.at_fault()) {
        if (delivery.postponed) return delivery.postponed;
        return Refusal(Reason::invalid_payload, Cause::Kind::body_undecodable);
    }
    if (delivery.body_hash) delivery.body_sha256 = kept(delivery, hex_digest(*delivery.body_hash));
    if (const auto outcome = check_unsigned_handshake(delivery, payload)) return outcome;
    if (delivery.postponed) return delivery.postponed;
    if (const auto objection = verify(delivery, payload)) return objection;
    if (const auto outcome = check_verified_handshake(delivery, payload)) return outcome;
    if (!method_allowed(delivery)) return wrong_method(delivery);
    read_payload(delivery, payload);
    if (wants_event_key(delivery)) find_event_key(delivery, payload);
    const bool prepared = delivery.claim.zone() != nullptr;
    if (prepared || !is_remembered(delivery)) return std::nullopt;
    return prepare_claim(delivery);
}

Objection check_after_body(Delivery& delivery) {
    Payload payload(delivery);
    auto objection = check_body(delivery, payload);
    if (objection && *objection == Reason::invalid_payload && payload.is_too_large()) {
        objection->cause = {Cause::Kind::body_too_large,
                            {},
                            delivery.body.size(),
                            static_cast<std::int64_t>(*delivery.conf.payload_max)};
    }
    return objection;
}

void on_wake(ngx_event_t* event) noexcept;

// Lets nginx run the phases again: they come back to on_request(), which answers.
void resume(ngx_http_request_t* request) {
    request->read_event_handler = ngx_http_block_reading;
    request->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(request);
}

void conclude(Delivery& delivery, const Refusal& refusal) {
    decide(delivery, refusal);
    resume(delivery.request);
}

// Until a delivery that waits is woken, only the client's leaving is listened for.
void suspend(Delivery& delivery, Stage stage) {
    delivery.stage = stage;
    delivery.wake.handler = on_wake;
    delivery.request->write_event_handler = ngx_http_request_empty_handler;
    // Hashing ends by itself, and the upstream decides what a client's half-closed connection
    // means.
    if (stage == Stage::hashing) {
        delivery.request->read_event_handler = ngx_http_block_reading;
        return;
    }
    delivery.request->read_event_handler = ngx_http_test_reading;
    if (ngx_handle_read_event(delivery.request->connection->read, 0) != NGX_OK) {
        throw std::runtime_error("cannot listen for the client's leaving");
    }
}

void remember(Delivery& delivery) {
    if (!is_remembered(delivery)) return conclude(delivery, Reason::accepted);
    if (const auto outcome = claim(delivery)) return conclude(delivery, *outcome);
    suspend(delivery, Stage::waiting);
    const auto left = static_cast<ngx_msec_t>(delivery.wait_until - ngx_current_msec);
    delivery.wait_step = std::clamp(delivery.wait_step * 2, kFirstWait, kLongestWait);
    ngx_add_timer(&delivery.wake, std::min(delivery.wait_step, left));
}

void go_on_with_body(Delivery& delivery) {
    if (!hash_body(delivery)) {
        suspend(delivery, Stage::hashing);
        ngx_post_event(&delivery.wake, &ngx_posted_next_events);
        // A worker that is to end does so as soon as no timer is left.
        ngx_add_timer(&delivery.wake, kGuard);
        return;
    }
    if (const auto objection = check_after_body(delivery)) return conclude(delivery, *objection);
    if (delivery.conf.remembers != nullptr) {
        delivery.wait_until =
            ngx_current_msec + static_cast<ngx_msec_t>(delivery.conf.remembers->wait.count());
    }
    remember(delivery);
}

// A fault of ours: nothing passes but in monitor mode.
ngx_int_t give_up(ngx_http_request_t* request, const char* what) noexcept {
    auto* delivery =
        static_cast<Delivery*>(ngx_http_get_module_ctx(request, ngx_http_webhook_module));
    ngx_log_t log = delivery == nullptr ? *request->connection->log : log_of(*delivery);
    ngx_log_error(NGX_LOG_CRIT, &log, 0, "webhook: internal fault: %s", what);
    if (delivery == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    decide(*delivery, Reason::internal);
    return delivery->passes() ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}

void give_up_and_resume(ngx_http_request_t* request, const char* what) noexcept {
    give_up(request, what);
    resume(request);
}

// Time passed for a delivery that was suspended.
void on_wake(ngx_event_t* event) noexcept {
    auto& delivery = *static_cast<Delivery*>(event->data);
    ngx_http_request_t* request = delivery.request;
    ngx_connection_t* connection = request->connection;
    ngx_http_set_log_request(connection->log, request);
    delivery.cancel_wake();
    // What nginx does for the request elsewhere, such as post_action, is not woken.
    if (delivery.left_behind()) return;
    try {
        if (delivery.stage == Stage::hashing) {
            go_on_with_body(delivery);
        } else if (delivery.stage == Stage::waiting) {
            remember(delivery);
        }
    } catch (const std::exception& error) {
        give_up_and_resume(request, error.what());
    }
    ngx_http_run_posted_requests(connection);
}

// nginx has read the body: all of it, or as much as there will ever be.
void on_body(ngx_http_request_t* request) noexcept try {
    Delivery& delivery = *find_delivery(request);
    if (!body_is_whole(request)) return conclude(delivery, Reason::incomplete_body);
    // The upstream would close the temporary file, and an error_page find no body.
    request->preserve_body = 1;
    delivery.body = read_body(delivery);
    if (needs_body_hash(delivery)) delivery.body_hash.emplace(Hash::sha256);
    prepare_claim_early(delivery);
    go_on_with_body(delivery);
} catch (const std::exception& error) {
    give_up_and_resume(request, error.what());
}

// A PUT that no content handler takes is WebDAV's, which moves the body's file to its place.
void ask_for_file(ngx_http_request_t* request) {
    if (request->method != NGX_HTTP_PUT || request->content_handler != nullptr) return;
    request->request_body_in_file_only = 1;
    request->request_body_in_persistent_file = 1;
    request->request_body_in_clean_file = 1;
    request->request_body_file_group_access = 1;
    request->request_body_file_log_level = 0;
}

ngx_int_t ask_for_body(Delivery& delivery) {
    ngx_http_request_t* request = delivery.request;
    if (body_was_passed_on(request)) {
        decide(delivery, Reason::incomplete_body);
        return answer(delivery);
    }
    delivery.stage = Stage::reading_body;
    ask_for_file(request);
    const ngx_int_t status = ngx_http_read_client_request_body(request, on_body);
    if (status >= NGX_HTTP_SPECIAL_RESPONSE) {
        // nginx's own answer stands, also in monitor mode: there is no body to let through.
        decide(delivery, Reason::incomplete_body);
        return status;
    }
    // on_body() may have run already, and the request be gone but for the count that this gives
    // back.
    ngx_http_finalize_request(request, NGX_DONE);
    return NGX_DONE;
}

ngx_int_t enter(Delivery& delivery) {
    if (const auto objection = check_before_body(delivery)) {
        decide(delivery, *objection);
        return answer(delivery);
    }
    return ask_for_body(delivery);
}

// A request that nginx redirected: the gate it comes to now may be another.
bool needs_another_look(const Delivery& delivery, const LocConf& conf, bool lost) {
    if (!delivery.passes()) return false;
    if (!delivery.conf.same_gate(conf)) return true;
    if (!lost) return false;
    // The same variables may have other values since.
    if (endpoint_of(conf, delivery.request) != delivery.endpoint) return true;
    return delivery.verification &&
           conf.secrets->texts(delivery.request) != delivery.own_secret_texts;
}

ngx_int_t look_again(Delivery& delivery, bool lost) {
    const bool goes_on = delivery.stage == Stage::reading_body ||
                         delivery.stage == Stage::hashing || delivery.stage == Stage::waiting;
    if (goes_on && !lost) return NGX_DONE;
    // nginx gave up on the body, and an error_page brought the request back here.
    if (!delivery.decided()) decide(delivery, Reason::incomplete_body);
    // The last word of a refusal, even where this location's own error_page leads to it.
    if (lost && !delivery.passes()) delivery.request->error_page = 1;
    return answer(delivery);
}

// Whether more than a file can be the answer here: what is refused may be told by a page, but not
// reach anything else. WebDAV, too, is no content handler in nginx's sense.
bool hands_on(const ngx_http_request_t* request) {
    const bool fetches = (request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
    return in_named_location(request) || request->content_handler != nullptr || !fetches;
}

// A file that an answer is made of, for what was accepted: the page of an error, or what an
// upstream names by X-Accel-Redirect. The delivery goes no further, so that the gate before the
// file has nothing to judge.
bool only_shows_page(const Delivery& delivery, const ngx_http_request_t* request) {
    const bool answers = request->err_status != 0 || delivery.upstreams.tried(request);
    return answers && !hands_on(request);
}

// Behind a gate that did not judge it. The error that has led there stands.
ngx_int_t refuse_unjudged(ngx_http_request_t* request) {
    request->error_page = 1;
    const bool failed = request->err_status >= NGX_HTTP_BAD_REQUEST;
    return failed ? static_cast<ngx_int_t>(request->err_status) : NGX_HTTP_FORBIDDEN;
}

// In a location that is no gate. By an error_page or post_action, it would be handed what was
// refused, and by way of another gate's page, what that did not judge, unless it says by "webhook
// off" that it takes all.
ngx_int_t pass_by(Delivery* delivery, ngx_http_request_t* request, bool lost) {
    if (delivery == nullptr || (delivery->passes() && !delivery->only_shown_page)) {
        return NGX_DECLINED;
    }
    if (loc_conf(request).off() || !hands_on(request)) return NGX_DECLINED;
    tell_of_detour(*delivery, request);
    return delivery->passes() ? refuse_unjudged(request) : look_again(*delivery, lost);
}

// Subrequests are judged by no gate, but those of a request that was refused (a mirror's, or of the
// SSI in an error's page) share its body.
ngx_int_t on_subrequest(const ngx_http_request_t* request) {
    Delivery* delivery = find_delivery(request->main);
    if (delivery == nullptr || loc_conf(request).off()) return NGX_DECLINED;
    if (delivery->passes() && !delivery->only_shown_page) return NGX_DECLINED;
    // auth_request asks before any gate, and gives its subrequests an empty body of their own.
    if (request->request_body != request->main->request_body || !hands_on(request)) {
        return NGX_DECLINED;
    }
    tell_of_detour(*delivery, request);
    // Into an answer that is being sent, nothing is put: not nginx's page for 403, either.
    return request->main->header_sent ? NGX_HTTP_NO_CONTENT : NGX_HTTP_FORBIDDEN;
}

// -- proxy

// What the upstream has said so far counts for every delivery of the request.
void look_at_upstreams(Delivery& delivery) {
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        each->upstreams.look(delivery.request);
    }
}

// A gate that only monitors does not speak for one before it.
Delivery* youngest_accepted(Delivery& delivery) {
    Delivery* found = nullptr;
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (each->verdict != Verdict::accepted) continue;
        if (!each->conf.monitors()) return each;
        if (found == nullptr) found = each;
    }
    return found;
}

// What an accepted delivery is refused for when the upstream has answered.
Objection check_answer(Delivery& delivery) {
    const ngx_http_request_t* request = delivery.request;
    if (!delivery.passes() || youngest_accepted(delivery) == nullptr) return std::nullopt;
    if (answers_badly(request)) return Reason::bad_answer;
    // A page for an error has the status that an error_page gives it.
    const bool success = request->err_status == 0 && is_success(request->headers_out.status);
    if (!success) return std::nullopt;
    bool had_bad_answer = false;
    bool refusal_is_hidden = false;
    look_at_upstreams(delivery);
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (each->upstreams.accepted_status() != 0) return std::nullopt;
        had_bad_answer |= each->upstreams.had_bad_answer();
        refusal_is_hidden |= each->upstreams.refusal_is_hidden(request);
    }
    if (had_bad_answer) return Reason::bad_answer;
    if (is_from_cache(request)) return Reason::cached;
    return refusal_is_hidden ? Objection(Reason::bad_answer) : std::nullopt;
}

// Returns the delivery that speaks for the answer then.
Delivery& refuse_answer(Delivery& delivery, const Refusal& refusal) {
    // Before the answer is another.
    look_at_upstreams(delivery);
    Delivery& accepted = *youngest_accepted(delivery);
    decide(accepted, refusal);
    if (!accepted.passes()) replace_answer(accepted);
    return accepted;
}

bool any_refused(const Delivery& delivery) {
    const Delivery* each = &delivery;
    while (each != nullptr && each->passes()) each = each->earlier;
    return each != nullptr;
}

// Before the answer leaves: a sender that sees 2xx must never get its retry delivered again, and
// one that sees a failure may retry at once.
void settle(Delivery& delivery) {
    const bool refused = any_refused(delivery);
    look_at_upstreams(delivery);
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        if (!each->claim.held()) continue;
        each->commit(each->upstreams.status_to_remember(delivery.request, refused));
    }
    // Deliveries of one request share what they hold: no release may come before a commit.
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) each->claim.release();
}

// An internal redirect, into any location, begins another pass; so does post_action, when the
// client has its answer or has left: nothing that comes then is about the delivery.
void begin_another_pass(Delivery& delivery) {
    delivery.begin_pass();
    for (Delivery* each = &delivery; each != nullptr; each = each->earlier) {
        each->upstreams.begin_pass(delivery.request);
    }
    if (delivery.request->post_action) settle(delivery);
}

ngx_http_output_header_filter_pt next_header_filter;

}  // namespace

ngx_int_t on_request(ngx_http_request_t* request) noexcept try {
    if (request != request->main) return on_subrequest(request);
    Delivery* delivery = find_delivery(request);
    const bool lost = delivery != nullptr && delivery->left_behind();
    if (lost) begin_another_pass(*delivery);
    const LocConf& conf = loc_conf(request);
    if (!conf.gated()) return pass_by(delivery, request, lost);
    if (delivery == nullptr) return enter(open_delivery(request, conf, nullptr));
    if (needs_another_look(*delivery, conf, lost)) {
        if (!only_shows_page(*delivery, request)) {
            return enter(open_delivery(request, conf, delivery));
        }
        delivery->only_shown_page |= !conf.monitors();
        return NGX_DECLINED;
    }
    delivery->only_shown_page = false;
    return look_again(*delivery, lost);
} catch (const std::exception& error) {
    return give_up(request, error.what());
}

ngx_int_t on_uri(ngx_http_request_t* request) noexcept {
    if (request != request->main || !request->internal) return NGX_DECLINED;
    for (Delivery* each = find_delivery(request); each != nullptr; each = each->earlier) {
        each->upstreams.follow_to_uri(request);
    }
    return NGX_DECLINED;
}

ngx_int_t on_response_headers(ngx_http_request_t* request) noexcept try {
    if (request == request->main) {
        if (Delivery* delivery = find_delivery(request)) {
            // nginx gave up on the body, and answers by itself.
            if (!delivery->decided()) decide(*delivery, Reason::incomplete_body);
            Delivery* speaker = delivery;
            if (const auto objection = check_answer(*delivery)) {
                speaker = &refuse_answer(*delivery, *objection);
            }
            settle(*delivery);
            add_headers(*speaker);
        }
    }
    return next_header_filter(request);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, request->connection->log, 0, "webhook: internal fault: %s",
                  error.what());
    return NGX_ERROR;
}

void install_header_filter() {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = on_response_headers;
}

}  // namespace webhook::ngx
