// The values of the directives: for the whole of http{} and for each location.
//
// A LocConf is filled by the directives of one level, completed from the level above by merge(),
// and const from then on: the request path sees it by const reference only.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inspect/policy.h"
#include "ngx_http_webhook/allowlist.h"
#include "ngx_http_webhook/fleet_store.h"
#include "ngx_http_webhook/redis_server.h"
#include "ngx_http_webhook/secrets.h"
#include "ngx_http_webhook/tally.h"
#include "scheme/scheme.h"
#include "store/event_store.h"
#include "verify/reason.h"

namespace webhook::ngx {

struct Capture;
struct CaptureDirectory;
class DedupZone;

enum class Mode : std::uint8_t { enforce, monitor };

struct GateDirective {
    bool on = false;
    std::string scheme;
    // Empty: the scheme's name.
    std::string name;
    // Null if the name has no variable.
    ngx_http_complex_value_t* name_variables = nullptr;
    // Their names, in lower case.
    std::vector<std::string> variables;
    // `$1` to `$9`.
    bool has_capture = false;
    ConfigPosition place;
};

struct Events {
    EventFilter filter;
    ConfigPosition place;
};

struct Schemas {
    struct Rule : PayloadSchema {
        ConfigPosition place;
    };
    // Empty: off.
    std::vector<Rule> rules;
};

struct Methods {
    ngx_uint_t mask = NGX_HTTP_POST;
    // As the `Allow` header lists them.
    std::string allow = "POST";
    std::vector<std::string> names{"POST"};
};

// The response for a reason, instead of its default.
struct ResponseOverride {
    ngx_uint_t status;
    // Null: nginx's own response to the status, so that error_page applies.
    const ngx_str_t* text;
    std::string_view type = "text/plain";
};

struct DedupKey : KeyRule {
    // The names of its variables, in lower case; a capture is its number.
    std::vector<std::string> variables = {};
    ngx_http_complex_value_t* expression = nullptr;
    // The key's variables without its other text; null if it has no other text.
    ngx_http_complex_value_t* without_text = nullptr;
};

struct HandshakeSwitch : HandshakePolicy {
    ConfigPosition place;
};

struct Dedup {
    bool on = false;
    std::string zone_name;
    std::vector<DedupKey> keys;
    std::optional<Milliseconds> ttl;
    Milliseconds wait{};
    ConfigPosition place;
    // Found when the configuration is complete.
    DedupZone* zone = nullptr;
    EventStore* store = nullptr;
};

// Which report a location gives.
struct Status {
    enum class Format : std::uint8_t { json, prometheus, html };

    enum class Recent : std::uint8_t { off, on, anonymous };

    Format format = Format::html;
    // Whether recent refusals are shown; without the end of their sources' addresses.
    Recent recent = Recent::on;
    ConfigPosition place;
};

struct LocConf;

// Compared by what it holds. Null is equal to null only.
template <typename Value>
struct SharedValue {
    std::shared_ptr<const Value> value;

    friend bool operator==(const SharedValue& left, const SharedValue& right) {
        if (left.value == right.value) return true;
        return left.value != nullptr && right.value != nullptr && *left.value == *right.value;
    }
};

// Everything that decides about a delivery, as written. Two locations with equal demands are one
// gate: a delivery that passed one of them passes the other unchecked.
struct Demands {
    Policy policy;
    Mode mode = Mode::enforce;
    std::string endpoint;
    SharedValue<std::vector<SecretSource>> secrets;
    SharedValue<Allowlist> sources;
    std::string url;
    bool url_names_host = false;
    DedupZone* zone = nullptr;
    // For how long an event is remembered.
    Milliseconds ttl{};

    friend bool operator==(const Demands&, const Demands&) = default;
};

// A directive that was written on a level itself, not inherited.
struct Written {
    std::string_view directive;
    ConfigPosition place;
    // Offset in the file, in bytes: several directives may be on one line.
    off_t at;
};

// A server, a location or an `if`, as merge() found it.
struct Level {
    const LocConf* outer;
    const LocConf* conf;
    void** loc_conf;
    void** srv_conf;

    const ngx_http_core_loc_conf_t* core() const;
    const ngx_http_core_srv_conf_t* server() const;
    // Of the server's own level.
    const LocConf* server_conf() const;
    // The server's own level.
    bool is_server() const;
    // A location that a path may lead to.
    bool is_location() const;
};

// A variable in a directive.
struct UsedVariable {
    std::string_view directive;
    // In lower case.
    std::string name;
    ConfigPosition place;
};

struct MainConf {
    std::map<std::string, std::shared_ptr<const Scheme>, std::less<>> schemes;
    std::map<std::string, DedupZone*, std::less<>> zones;
    std::map<std::string, std::unique_ptr<RedisServer>, std::less<>> redis_servers;
    std::vector<FleetDirective> fleet_directives;
    // The zones that share their memory.
    std::vector<std::unique_ptr<FleetStore>> fleet_stores;
    // By the paths of their files.
    std::map<std::string, std::shared_ptr<const Schema>> schemas;
    // Files that several locations name are watched once.
    std::vector<std::shared_ptr<AddressFile>> address_files;
    std::vector<std::shared_ptr<const CaptureDirectory>> capture_directories;
    // In the order of the configuration.
    std::vector<Level> levels;
    // What a report tells of each, but for the numbers. Made when it comes into force.
    std::vector<CountedEndpoint> endpoints;
    // In secrets, names, URLs and keys.
    std::vector<UsedVariable> used_variables;
    // Whether the configuration uses the variables that are expensive to find.
    bool uses_event = false;
    bool uses_event_key = false;
    bool uses_body_sha256 = false;
    bool uses_verify_time = false;
    // nginx's number for `$request_id`.
    ngx_int_t request_id = 0;

    // Returns a preset or a user's scheme. Throws ConfigError if there is none of this name.
    std::shared_ptr<const Scheme> find_scheme(std::string_view name);
};

struct LocConf {
    std::shared_ptr<const GateDirective> gate;
    std::shared_ptr<std::vector<SecretSource>> secret_sources;
    std::optional<Mode> mode;
    ngx_http_complex_value_t* url = nullptr;
    // The part of it that must evaluate to a host. Null: none.
    ngx_http_complex_value_t* url_host = nullptr;
    std::optional<Tolerance> tolerance;
    std::shared_ptr<const Methods> methods;
    std::optional<bool> require_tls;
    std::shared_ptr<Allowlist> sources;
    std::shared_ptr<const Dedup> dedup_directive;
    std::shared_ptr<const HandshakeSwitch> handshake;
    std::shared_ptr<const Events> events;
    std::shared_ptr<Schemas> schemas;
    std::array<std::optional<ResponseOverride>, kReasonCount> answers;
    std::optional<ngx_uint_t> log_level;
    // Whether lines that are alike are written once in a second.
    std::optional<bool> limits_log;
    std::optional<std::size_t> payload_max;
    // Whether a refusal tells the reason.
    std::optional<bool> reason_header;
    std::shared_ptr<const Capture> capture;
    std::vector<Written> written;
    // Of this level alone.
    std::shared_ptr<const Status> status;

    // Derived from the above by merge(), if the gate is on.
    std::shared_ptr<const Scheme> scheme;
    std::shared_ptr<const Secrets> secrets;
    // As written, if it has variables.
    std::string endpoint;
    // `dedup`, complete for this scheme. Null: no event is remembered.
    std::shared_ptr<const Dedup> dedup;
    Demands demands;
    std::shared_ptr<CountedGate> counted;

    bool gated() const { return gate && gate->on; }
    // `webhook off` was written here, or further out.
    bool off() const { return gate && !gate->on; }
    // Whether the URL is the same for all requests.
    bool url_is_fixed() const { return url != nullptr && url->lengths == nullptr; }
    bool handshake_enabled() const { return handshake && handshake->on; }
    // Whether a handshake of the scheme presents a token.
    bool presents_token() const {
        return std::ranges::any_of(scheme->handshakes, [](const Handshake& each) {
            return each.check == Handshake::Check::token;
        });
    }
    bool monitors() const { return mode == Mode::monitor; }
    bool same_gate(const LocConf& other) const {
        return gated() && other.gated() && (this == &other || demands == other.demands);
    }
};

// nginx's number for `$request_id`. Throws std::bad_alloc.
ngx_int_t index_of_request_id(ngx_conf_t* cf);

// Of an endpoint's name, in bytes. Every log line contains it.
inline constexpr std::size_t kLongestEndpoint = 255;

MainConf& main_conf(ngx_conf_t* cf);
const MainConf& main_conf(const ngx_http_request_t* request);
const LocConf& loc_conf(const ngx_http_request_t* request);

// Returns the name under which this location's gate judges the request. Empty if its variables give
// no valid name.
std::string_view endpoint_of(const LocConf& conf, ngx_http_request_t* request);

// Compiles a text that may have variables. Null if nginx cannot compile it.
ngx_http_complex_value_t* compile_value(ngx_conf_t* cf, std::string_view text);

// Names the location for a message: the place of an inherited directive does not show which
// location it does not fit.
std::string where_inherited(bool is_inherited, const Level& level);

// Completes `conf` from the level above. Throws ConfigError.
void merge(ngx_conf_t* cf, const LocConf& parent, LocConf& conf);

}  // namespace webhook::ngx
