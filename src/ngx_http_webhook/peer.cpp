#include "ngx_http_webhook/peer.h"

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "base/file.h"
#include "base/text.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kPoolSize = 512;
constexpr std::size_t kReadSize = 16 * 1024;
// Then others have their turn.
constexpr int kReadsInOneTurn = 16;
// What a long queue leaves allocated.
constexpr std::size_t kKeptCapacity = 64 * 1024;
// Of a name.
constexpr std::size_t kMostAddresses = 16;

std::string shown(const sockaddr* address, socklen_t size) {
    std::array<u_char, NGX_SOCKADDR_STRLEN> text;
    const std::size_t length =
        ngx_sock_ntop(const_cast<sockaddr*>(address), size, text.data(), text.size(), 1);
    return {reinterpret_cast<const char*>(text.data()), length};
}

// nginx's line without date, level, process and number of the connection.
std::string_view message_of(std::string_view line) {
    const std::size_t process = line.find('#');
    const std::size_t end = process == std::string_view::npos ? process : line.find(": ", process);
    if (end != std::string_view::npos) line.remove_prefix(end + 2);
    if (line.starts_with('*')) line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

// The error of a connect() that has come to an end; 0: none.
ngx_err_t connect_error(const ngx_connection_t& connection) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1) {
        return ngx_socket_errno;
    }
    return error;
}

}  // namespace

#if (NGX_SSL)

namespace {

constexpr std::size_t kLargestCaFile = std::size_t{16} * 1024 * 1024;

void trust(SSL_CTX* context, const std::string& ca) {
    // OpenSSL does not tell why a file cannot be read.
    if (!ca.empty()) read_file(ca, kLargestCaFile);
    const int done = ca.empty() ? SSL_CTX_set_default_verify_paths(context)
                                : SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr);
    // Errors may be left behind by a success, too.
    ERR_clear_error();
    if (done == 1) return;
    throw ConfigError(ca.empty() ? "the certificates that the system trusts cannot be read"
                                 : "the file " + in_quotes(ca) + " has no certificates in PEM");
}

}  // namespace

PeerTls::PeerTls(ngx_conf_t* cf, const std::string& ca) {
    ssl_.log = cf->log;
    if (ngx_ssl_create(&ssl_, NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3, nullptr) != NGX_OK) {
        throw ConfigError("no TLS context can be made");
    }
    // A queue grows, and so moves, while OpenSSL waits for the socket.
    SSL_CTX_set_mode(ssl_.ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    try {
        trust(ssl_.ctx, ca);
    } catch (...) {
        ngx_ssl_cleanup_ctx(&ssl_);
        throw;
    }
}

PeerTls::~PeerTls() {
    ngx_ssl_cleanup_ctx(&ssl_);
}

#else

PeerTls::PeerTls(ngx_conf_t*, const std::string&) {
    throw ConfigError("this nginx was built without TLS");
}

PeerTls::~PeerTls() = default;

#endif

std::optional<PeerAddress> address_in_figures(std::string_view host, in_port_t port) {
    PeerAddress found;
    const ngx_str_t text = to_ngx(host);
    const in_addr_t ipv4 = ngx_inet_addr(text.data, text.len);
    if (ipv4 != INADDR_NONE) {
        found.address.sockaddr_in.sin_family = AF_INET;
        found.address.sockaddr_in.sin_addr.s_addr = ipv4;
        found.size = sizeof(sockaddr_in);
#if (NGX_HAVE_INET6)
    } else if (ngx_inet6_addr(text.data, text.len, found.address.sockaddr_in6.sin6_addr.s6_addr) ==
               NGX_OK) {
        found.address.sockaddr_in6.sin6_family = AF_INET6;
        found.size = sizeof(sockaddr_in6);
#endif
    } else {
        return std::nullopt;
    }
    ngx_inet_set_port(&found.address.sockaddr, port);
    found.name = shown(&found.address.sockaddr, found.size);
    return found;
}

std::optional<PeerAddress> address_of_socket(std::string_view path) {
    PeerAddress found;
    sockaddr_un& address = found.address.sockaddr_un;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    found.size = sizeof(sockaddr_un);
    found.name = "unix:" + std::string(path);
    return found;
}

Peer::Peer(const PeerTarget& target, User& user, std::size_t most_waiting)
    : target_(target),
      user_(user),
      most_waiting_(most_waiting),
      nginx_log_(*ngx_cycle->log),
      addresses_(target.addresses) {
    log_.log_level = std::max<ngx_uint_t>(nginx_log_.log_level, NGX_LOG_INFO);
    log_.file = nginx_log_.file;
    log_.writer = keep_message;
    log_.wdata = this;
    for (ngx_event_t* event : {&limit_, &turn_}) {
        event->data = this;
        event->log = &log_;
    }
    limit_.handler = on_limit;
    limit_.cancelable = 1;
    turn_.handler = on_turn;
    // Those of several workers and connections begin with different ones.
    if (!addresses_.empty()) next_address_ = static_cast<std::size_t>(ngx_random());
}

void Peer::open(ngx_msec_t limit) noexcept {
    close();
    why_.clear();
    state_ = State::resolving;
    ngx_add_timer(&limit_, limit);
    if (must_resolve()) {
        // If that fails, time is left for the addresses that are known.
        resolve(std::max<ngx_msec_t>(std::min(target_.resolver_timeout, limit / 2), 1));
    } else {
        connect();
    }
}

bool Peer::must_resolve() const {
    return !target_.host.empty() && target_.resolver != nullptr;
}

void Peer::resolve(ngx_msec_t limit) noexcept {
    ngx_resolver_ctx_t* context = ngx_resolve_start(target_.resolver, nullptr);
    if (context == nullptr || context == NGX_NO_RESOLVER) return connect();
    context->name = to_ngx(target_.host);
    context->handler = on_resolved;
    context->data = this;
    context->timeout = limit;
    context->cancelable = 1;
    resolving_ = context;
    // It may have called on_resolved(); on errors, it has freed the context without.
    if (ngx_resolve_name(context) == NGX_OK) return;
    resolving_ = nullptr;
    connect();
}

void Peer::on_resolved(ngx_resolver_ctx_t* resolving) noexcept {
    auto& peer = *static_cast<Peer*>(resolving->data);
    peer.resolving_ = nullptr;
    if (resolving->state == NGX_OK) {
        peer.take_addresses(*resolving);
    } else {
        ngx_log_error(NGX_LOG_INFO, &peer.log_, 0, "%V could not be resolved (%i: %s)",
                      &resolving->name, resolving->state, ngx_resolver_strerror(resolving->state));
    }
    ngx_resolve_name_done(resolving);
    peer.connect();
}

void Peer::take_addresses(const ngx_resolver_ctx_t& resolved) noexcept try {
    std::vector<PeerAddress> found;
    for (ngx_uint_t i = 0; i < resolved.naddrs && i < kMostAddresses; ++i) {
        const ngx_resolver_addr_t& each = resolved.addrs[i];
        PeerAddress& address = found.emplace_back();
        address.size = each.socklen;
        std::memcpy(&address.address, each.sockaddr, each.socklen);
        ngx_inet_set_port(&address.address.sockaddr, target_.port);
        address.name = shown(&address.address.sockaddr, address.size);
    }
    if (found.empty()) return;
    name_ = {};
    addresses_ = std::move(found);
} catch (const std::exception&) {
    // Those from before are still known.
}

void Peer::connect() noexcept {
    state_ = State::connecting;
    untried_ = addresses_.size();
    try_next_address();
}

void Peer::try_next_address() noexcept {
    while (untried_ > 0) {
        --untried_;
        if (try_address(addresses_[next_address_++ % addresses_.size()])) return;
    }
    fail("no address is known");
}

// Returns false if it is clear at once that there is no connection.
bool Peer::try_address(const PeerAddress& address) noexcept {
    why_.clear();
    name_ = to_ngx(address.name);
    pool_ = ngx_create_pool(kPoolSize, &log_);
    if (pool_ == nullptr) return false;
    ngx_peer_connection_t wanted{};
    wanted.sockaddr = const_cast<sockaddr*>(&address.address.sockaddr);
    wanted.socklen = address.size;
    wanted.name = &name_;
    wanted.get = ngx_event_get_peer;
    wanted.log = &log_;
    wanted.log_error = NGX_ERROR_ERR;
    wanted.so_keepalive = 1;
    // NGX_DECLINED and NGX_ERROR leave no connection behind.
    const ngx_int_t status = ngx_event_connect_peer(&wanted);
    connection_ = wanted.connection;
    if (status != NGX_OK && status != NGX_AGAIN) {
        drop_connection();
        return false;
    }
    ++generation_;
    connection_->data = this;
    connection_->pool = pool_;
    connection_->read->handler = on_readable;
    connection_->write->handler = on_writable;
    log_.connection = connection_->number;
    if (ngx_tcp_nodelay(connection_) != NGX_OK) {
        drop_connection();
        return false;
    }
    state_ = State::connecting;
    if (status == NGX_OK) on_connected();
    return true;
}

void Peer::on_connected() noexcept {
    const ngx_err_t error = connect_error(*connection_);
    if (error != 0) {
        ngx_log_error(NGX_LOG_INFO, &log_, error, "connect() to %V failed", &name_);
        return try_another();
    }
    if (target_.tls == nullptr) return begin_use();
    secure();
}

void Peer::try_another() noexcept {
    drop_connection();
    try_next_address();
}

#if (NGX_SSL)

namespace {

bool is_in_figures(const std::string& host) {
    return address_in_figures(host, 0).has_value();
}

bool names_host(ngx_connection_t* connection, const std::string& host) {
    if (!is_in_figures(host)) {
        ngx_str_t name = to_ngx(host);
        return ngx_ssl_check_host(connection, &name) == NGX_OK;
    }
    X509* certificate = SSL_get_peer_certificate(connection->ssl->connection);
    if (certificate == nullptr) return false;
    const bool matches = X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
    X509_free(certificate);
    return matches;
}

}  // namespace

void Peer::secure() noexcept {
    state_ = State::securing;
    if (ngx_ssl_create_connection(target_.tls->ssl(), connection_, NGX_SSL_CLIENT) != NGX_OK) {
        note("no TLS connection can be made");
        return try_another();
    }
    // RFC 6066, 3: addresses are no server names.
    const auto& names = target_.certified_names;
    const auto name = std::ranges::find_if_not(names, is_in_figures);
    if (name != names.end() &&
        SSL_set_tlsext_host_name(connection_->ssl->connection, name->c_str()) == 0) {
        note("no TLS server name can be set");
        return try_another();
    }
    if (ngx_ssl_handshake(connection_) != NGX_AGAIN) return end_handshake();
    connection_->ssl->handler = on_handshake;
}

void Peer::on_handshake(ngx_connection_t* connection) noexcept {
    static_cast<Peer*>(connection->data)->end_handshake();
}

namespace {

// What OpenSSL says then sounds as if the certificate were wrong.
bool is_about_issuer(long result) {
    return result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           result == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

}  // namespace

bool Peer::is_certified() noexcept {
    const long result = SSL_get_verify_result(connection_->ssl->connection);
    if (result != X509_V_OK) {
        ngx_log_error(NGX_LOG_INFO, &log_, 0, "the certificate of %V is refused (%l: %s)%s", &name_,
                      result, X509_verify_cert_error_string(result),
                      is_about_issuer(result) ? ": its CA is none that is trusted" : "");
        return false;
    }
    const bool is_named = std::ranges::any_of(
        target_.certified_names,
        [this](const std::string& host) { return names_host(connection_, host); });
    if (!is_named) {
        ngx_log_error(NGX_LOG_INFO, &log_, 0, "the certificate of %V is not for \"%s\"", &name_,
                      target_.certified_names.front().c_str());
    }
    return is_named;
}

void Peer::end_handshake() noexcept {
    if (!connection_->ssl->handshaked || !is_certified()) return try_another();
    connection_->read->handler = on_readable;
    connection_->write->handler = on_writable;
    begin_use();
}

#else

void Peer::secure() noexcept {
    try_another();
}

void Peer::on_handshake(ngx_connection_t*) noexcept {}

bool Peer::is_certified() noexcept {
    return false;
}

void Peer::end_handshake() noexcept {}

#endif

void Peer::begin_use() noexcept {
    state_ = State::open;
    why_.clear();
    if (limit_.timer_set) {
        ngx_del_timer(&limit_);
    }
    report_ = Report::opened;
    post_turn();
}

void Peer::on_turn(ngx_event_t* event) noexcept {
    auto& peer = *static_cast<Peer*>(event->data);
    const Report report = std::exchange(peer.report_, Report::none);
    if (report == Report::closed) {
        const std::string why = std::exchange(peer.why_, {});
        return peer.user_.on_closed(why);
    }
    if (report == Report::opened) {
        const std::uint64_t generation = peer.generation_;
        peer.user_.on_open();
        // nginx told of these bytes before the user knew of the connection.
        const bool is_same = peer.is_open() && peer.generation_ == generation;
        if (is_same && peer.connection_->read->ready) return peer.read();
    }
    if (peer.is_open()) peer.write();
}

void Peer::on_limit(ngx_event_t* event) noexcept {
    auto& peer = *static_cast<Peer*>(event->data);
    switch (peer.state_) {
        case State::resolving:
            return peer.fail("its name was not resolved in time");
        case State::securing:
            return peer.fail("the TLS handshake timed out: does this port speak TLS?");
        case State::closed:
        case State::connecting:
        case State::open:
            return peer.fail("connecting timed out");
    }
}

void Peer::on_readable(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto& peer = *static_cast<Peer*>(connection->data);
    if (connection->close) {
        peer.why_.clear();
        return peer.fail({});
    }
    // A failed connect() is told to both handlers.
    if (peer.is_open() && peer.report_ == Report::none) peer.read();
}

void Peer::on_writable(ngx_event_t* event) noexcept {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto& peer = *static_cast<Peer*>(connection->data);
    if (peer.state_ == State::connecting) return peer.on_connected();
    if (peer.is_open()) peer.write();
}

void Peer::read() noexcept {
    std::array<u_char, kReadSize> bytes;
    const std::uint64_t generation = generation_;
    ngx_event_t* event = connection_->read;
    for (int i = 0; i < kReadsInOneTurn; ++i) {
        const ssize_t size = connection_->recv(connection_, bytes.data(), bytes.size());
        if (size == NGX_AGAIN) {
            if (ngx_handle_read_event(event, 0) != NGX_OK) fail("nginx cannot wait for it");
            return;
        }
        if (size <= 0) return fail(size == 0 ? "the peer closed the connection" : "reading failed");
        user_.on_bytes({reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size)});
        if (!is_open() || generation_ != generation) return;
    }
    ngx_post_event(event, &ngx_posted_next_events);
}

bool Peer::send(std::string_view bytes) noexcept try {
    if (!is_open() || bytes.size() > most_waiting_ - (waiting_.size() - written_)) return false;
    if (written_ > waiting_.size() / 2) {
        waiting_.erase(0, written_);
        written_ = 0;
    }
    waiting_ += bytes;
    post_turn();
    return true;
} catch (const std::exception&) {
    return false;
}

void Peer::write() noexcept {
    ngx_event_t* event = connection_->write;
    while (written_ < waiting_.size() && event->ready) {
        auto* bytes = reinterpret_cast<u_char*>(waiting_.data()) + written_;
        const ssize_t size = connection_->send(connection_, bytes, waiting_.size() - written_);
        if (size == NGX_ERROR) return fail("writing failed");
        if (size <= 0) break;
        written_ += static_cast<std::size_t>(size);
    }
    if (written_ == waiting_.size()) {
        waiting_.clear();
        written_ = 0;
        if (waiting_.capacity() > kKeptCapacity) waiting_ = std::string();
    }
    if (ngx_handle_write_event(event, 0) != NGX_OK) fail("nginx cannot wait for it");
}

void Peer::post_turn() noexcept {
    ngx_post_event(&turn_, &ngx_posted_events);
}

// The first reason is the cause of the others.
void Peer::note(std::string_view why) noexcept try {
    if (why_.empty()) why_ = why;
} catch (const std::exception&) {
    why_.clear();
}

void Peer::keep_message(ngx_log_t* log, ngx_uint_t level, u_char* line, std::size_t size) noexcept {
    auto& peer = *static_cast<Peer*>(log->wdata);
    const std::string_view message = message_of({reinterpret_cast<const char*>(line), size});
    if (level <= NGX_LOG_ALERT || level == NGX_LOG_DEBUG) {
        ngx_log_error_core(level, &peer.nginx_log_, 0, "%*s", message.size(), message.data());
    }
    if (level != NGX_LOG_DEBUG) peer.note(message);
}

void Peer::fail(std::string_view why) noexcept {
    note(why);
    std::string cause = std::move(why_);
    release();
    why_ = std::move(cause);
    report_ = Report::closed;
    post_turn();
}

void Peer::drop_connection() noexcept {
    if (connection_ != nullptr) {
#if (NGX_SSL)
        if (connection_->ssl != nullptr) {
            connection_->ssl->no_wait_shutdown = 1;
            // A full socket takes no farewell.
            if (ngx_ssl_shutdown(connection_) == NGX_AGAIN) {
                SSL_free(connection_->ssl->connection);
                connection_->ssl = nullptr;
            }
        }
#endif
        ngx_close_connection(connection_);
        connection_ = nullptr;
    }
    if (pool_ != nullptr) ngx_destroy_pool(pool_);
    pool_ = nullptr;
    log_.connection = 0;
}

void Peer::release() noexcept {
    state_ = State::closed;
    if (resolving_ != nullptr) ngx_resolve_name_done(std::exchange(resolving_, nullptr));
    drop_connection();
    if (limit_.timer_set) {
        ngx_del_timer(&limit_);
    }
    waiting_.clear();
    written_ = 0;
}

void Peer::close() noexcept {
    release();
    report_ = Report::none;
    if (turn_.posted) {
        ngx_delete_posted_event(&turn_);
    }
}

}  // namespace webhook::ngx
