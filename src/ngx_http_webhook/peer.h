// One outgoing connection of a worker: TCP, TLS or a unix socket. It knows no protocol above these.
//
// Everything happens in turns of nginx's event loop, nothing blocks, and the user is never called
// from within a call that he makes. A name is resolved by nginx's resolver each time the connection
// is opened, where there is one; if that fails, the last good addresses are tried. Nothing is
// logged, but alerts of nginx's own and its debug lines: the user learns why a connection is
// closed.
//
// For one process. Timers are cancelable: a connection alone keeps no worker alive.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace webhook::ngx {

// Whose certificates are trusted: TLS 1.2 or later, as a client without a certificate.
class PeerTls {
  public:
    // Whether nginx was built with TLS. Without, none can be made.
#if (NGX_SSL)
    static constexpr bool kIsBuiltIn = true;
#else
    static constexpr bool kIsBuiltIn = false;
#endif

    // `ca` is the path of a file of certificates in PEM; empty: those that the system trusts.
    // Throws ConfigError.
    PeerTls(ngx_conf_t* cf, const std::string& ca);
    ~PeerTls();
    PeerTls(const PeerTls&) = delete;
    PeerTls& operator=(const PeerTls&) = delete;

#if (NGX_SSL)
    ngx_ssl_t* ssl() const {
        return &ssl_;
    }

  private:
    // nginx takes it as mutable, but does not change it.
    mutable ngx_ssl_t ssl_{};
#endif
};

struct PeerAddress {
    ngx_sockaddr_t address{};
    socklen_t size = 0;
    // As messages show it, with the port.
    std::string name;
};

// Null if `host` is not an address in figures. IPv6 has no brackets here.
std::optional<PeerAddress> address_in_figures(std::string_view host, in_port_t port);
// Null if the path is too long for a socket.
std::optional<PeerAddress> address_of_socket(std::string_view path);

// Where a connection leads.
struct PeerTarget {
    // What is to be resolved for each connection. Empty: the addresses are fixed.
    std::string host;
    in_port_t port = 0;
    // Those to begin with, tried in turn. None: `host` and `resolver` are set.
    std::vector<PeerAddress> addresses;
    // Null: in the clear. Otherwise the certificate has to name one of these, names or addresses;
    // the first name is asked for (SNI).
    const PeerTls* tls = nullptr;
    std::vector<std::string> certified_names;
    // Null: the addresses are fixed.
    ngx_resolver_t* resolver = nullptr;
    ngx_msec_t resolver_timeout = 0;
};

class Peer {
  public:
    // It must not destroy the peer in these calls; it may call its methods.
    class User {
      public:
        virtual void on_open() noexcept = 0;
        virtual void on_bytes(std::string_view bytes) noexcept = 0;
        // Not called for close(). `why` is one line, without a secret; empty: nginx closed it,
        // since the worker exits and `worker_shutdown_timeout` is over.
        virtual void on_closed(std::string_view why) noexcept = 0;

      protected:
        ~User() = default;
    };

    // Both live longer than the peer. At most so many bytes wait for the socket.
    Peer(const PeerTarget& target, User& user, std::size_t most_waiting);
    ~Peer() { close(); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Ends in on_open() or on_closed(), within `limit` milliseconds: after each of the addresses
    // was tried at most once. The next attempt begins with the address after the last one tried.
    void open(ngx_msec_t limit) noexcept;
    // Takes all of the bytes, which leave at the end of this turn, or none: the connection is not
    // open, or too much waits.
    bool send(std::string_view bytes) noexcept;
    // The user hears nothing more of this connection.
    void close() noexcept;

    bool is_open() const { return state_ == State::open; }
    bool is_closed() const { return state_ == State::closed; }
    // The address tried last. Empty: none yet.
    std::string_view address() const { return to_view(name_); }

  private:
    enum class State : std::uint8_t { closed, resolving, connecting, securing, open };
    enum class Report : std::uint8_t { none, opened, closed };

    static void on_turn(ngx_event_t* event) noexcept;
    static void on_limit(ngx_event_t* event) noexcept;
    static void on_readable(ngx_event_t* event) noexcept;
    static void on_writable(ngx_event_t* event) noexcept;
    static void on_resolved(ngx_resolver_ctx_t* resolving) noexcept;
    static void on_handshake(ngx_connection_t* connection) noexcept;
    static void keep_message(ngx_log_t* log, ngx_uint_t level, u_char* line,
                             std::size_t size) noexcept;

    bool must_resolve() const;
    void resolve(ngx_msec_t limit) noexcept;
    void take_addresses(const ngx_resolver_ctx_t& resolved) noexcept;
    void connect() noexcept;
    void try_next_address() noexcept;
    bool try_address(const PeerAddress& address) noexcept;
    void on_connected() noexcept;
    void secure() noexcept;
    bool is_certified() noexcept;
    void end_handshake() noexcept;
    void try_another() noexcept;
    void begin_use() noexcept;
    void read() noexcept;
    void write() noexcept;
    void post_turn() noexcept;
    void note(std::string_view why) noexcept;
    void fail(std::string_view why) noexcept;
    void drop_connection() noexcept;
    void release() noexcept;

    const PeerTarget& target_;
    User& user_;
    const std::size_t most_waiting_;
    ngx_log_t& nginx_log_;
    // nginx's messages about this connection end up in `why_`.
    ngx_log_t log_{};
    State state_ = State::closed;
    Report report_ = Report::none;
    // Changes with every connection.
    std::uint64_t generation_ = 0;
    std::string why_;

    std::vector<PeerAddress> addresses_;
    std::size_t next_address_ = 0;
    std::size_t untried_ = 0;
    ngx_str_t name_{};

    // Null while there is none.
    ngx_resolver_ctx_t* resolving_ = nullptr;
    ngx_connection_t* connection_ = nullptr;
    ngx_pool_t* pool_ = nullptr;
    ngx_event_t limit_{};
    ngx_event_t turn_{};

    // What waits for the socket, from `written_` on.
    std::string waiting_;
    std::size_t written_ = 0;
};

}  // namespace webhook::ngx
