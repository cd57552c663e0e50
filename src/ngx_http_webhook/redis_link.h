// A connection to one server of Redis, with the calls that are on their way to it.
//
//     closed --open()--> opening --> greeting (AUTH, ROLE, PING) --> ready
//
// Replies come in the order of the commands. A connection that was ready and breaks is replaced at
// once; one that cannot be opened, is refused or does not answer opens the breaker, and from then
// on a probe is a new connection.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "base/breaker.h"
#include "ngx_http_webhook/peer.h"
#include "ngx_http_webhook/redis_server.h"
#include "redis/claims.h"
#include "redis/resp.h"
#include "redis/server_error.h"
#include "redis/session.h"

namespace webhook::ngx {

// Who waits for a reply.
class RedisCaller {
  public:
    // Null: there is no reply within the limit, or the server is away; the call may have been
    // done all the same. A reply may be an error that concerns this call alone, such as that
    // the server's memory is full. It may use the client, and be destroyed here.
    virtual void on_reply(const redis::Reply* reply) noexcept = 0;

  protected:
    ~RedisCaller() = default;
};

// A call on its way.
struct RedisCommand {
    redis::Call call;
    RedisCaller* caller = nullptr;
    // On nginx's clock, in milliseconds.
    ngx_msec_t expires_at = 0;
    // Whether the script's text is sent, and ASKING before.
    bool with_text = false;
    bool asking = false;
    int redirections = 0;
    std::chrono::steady_clock::time_point sent_at{};
};

class RedisLink final : public Peer::User {
  public:
    // One command, or none: it changes hands without an allocation.
    using Command = std::list<RedisCommand>;

    // Whose calls they are.
    class Owner {
      public:
        virtual const RedisServer& server() const = 0;
        // Whether it wants to know how long replies take.
        virtual bool is_observed() const = 0;
        virtual void answer(Command command, const redis::Reply& reply) noexcept = 0;
        // The command is to be sent elsewhere.
        virtual void redirect(const RedisLink& from, Command command,
                              const redis::ServerError& error) noexcept = 0;
        // There is no reply.
        virtual void give_up(Command command) noexcept = 0;
        virtual void on_time_out() noexcept = 0;
        virtual void on_link(const RedisLink& link, bool is_available) noexcept = 0;

      protected:
        ~Owner() = default;
    };

    // The owner lives longer. `url` is for the log.
    RedisLink(Owner& owner, PeerTarget target, std::string host, std::string url);
    ~RedisLink();
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    // Opens the connection after a while.
    void open_in(ngx_msec_t delay) noexcept;

    // Sends the command when that is possible. If it is not, the owner is given it back.
    void add(Command command) noexcept;
    // Gives back the commands whose time is over. Returns when the next one's is, in milliseconds
    // from now.
    std::optional<ngx_msec_t> expire() noexcept;
    void forget(const RedisCaller& caller) noexcept;

    bool is_available() const { return breaker_.is_closed() || is_on_trial_; }
    bool is_ready() const { return state_ == State::ready; }
    // Whether nothing would be lost with it.
    bool is_spare() const { return state_ == State::closed && waiting_.empty(); }
    // Commands without a reply.
    std::size_t pending() const { return waiting_.size() + awaited_; }
    const std::string& host() const { return host_; }
    in_port_t port() const { return target_.port; }
    std::string_view address() const { return peer_.address(); }

  private:
    enum class State : std::uint8_t { closed, opening, greeting, ready };

    void on_open() noexcept override;
    void on_bytes(std::string_view bytes) noexcept override;
    void on_closed(std::string_view why) noexcept override;
    static void on_guard(ngx_event_t* event) noexcept;

    void open() noexcept;
    void guard(ngx_msec_t delay) noexcept;
    void greet();
    void take(const redis::Reply& reply);
    void take_greeting(const redis::Reply& reply);
    void be_ready() noexcept;
    void accept() noexcept;
    void take_answer(const redis::Reply& reply);
    void take_pong() noexcept;
    bool is_timely(ngx_msec_t asked_at) const;
    void take_error(Command command, const redis::Reply& reply);
    bool try_send(Command& command);
    void send(Command command) noexcept;
    void send_waiting() noexcept;
    void watch_over() noexcept;
    void ping();

    void disconnect() noexcept;
    void lose(std::string_view text, std::string_view detail = {}) noexcept;
    void break_off(std::string_view text, std::string_view detail = {}) noexcept;
    void on_breaker_open(std::string_view text, std::string_view detail = {}) noexcept;
    void give_up_waiting() noexcept;
    void count_time_out() noexcept;
    void count_failure(std::string_view text) noexcept;
    void rest() noexcept;
    void begin_trial() noexcept;
    void tell_lost(std::string_view text, std::string_view detail) noexcept;
    void tell_back() noexcept;
    void tell_refusal(std::string_view text) noexcept;
    void log(ngx_uint_t level, std::string_view text, std::string_view detail = {}) const noexcept;

    Owner& owner_;
    const PeerTarget target_;
    const std::string host_;
    const std::string url_;
    Peer peer_;
    Breaker breaker_;
    // A good connection is not enough: a call has to be answered, or at least a PING after a while,
    // both in time. Until then the breaker is open, and one call is allowed as a trial.
    bool needs_proof_ = false;
    bool needs_pong_ = false;
    bool is_on_trial_ = false;
    State state_ = State::closed;
    // Changes with every connection.
    std::uint64_t generation_ = 0;
    std::optional<redis::Session> session_;
    redis::ReplyReader reader_;
    // Those to be sent.
    Command waiting_;
    // For each reply that is to come, its command. None: the reply is thrown away.
    std::deque<Command> sent_;
    // How many of these are there.
    std::size_t awaited_ = 0;

    ngx_event_t guard_{};
    std::optional<ngx_msec_t> replaced_at_;
    ngx_msec_t heard_at_ = 0;
    bool is_pinging_ = false;
    // With the greeting, or the last PING.
    ngx_msec_t asked_at_ = 0;

    // What the log has been told of.
    std::optional<ngx_msec_t> lost_since_;
    std::array<std::size_t, 4> told_{};
    std::size_t told_count_ = 0;
    bool is_odd_ = false;
    std::time_t refused_at_ = 0;
};

}  // namespace webhook::ngx
