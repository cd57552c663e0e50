// A worker's client of one `webhook_redis`: sends the scripts of redis/claims.h and hands out what
// they return.
//
// There is one connection per server: one server, or the shards of a cluster, which are found by
// its redirections. Calls are pipelined. A call that a broken connection leaves without a reply is
// sent again on the next one, while its time lasts: the scripts may be repeated. A call whose time
// is over is abandoned: its reply, when it comes, is thrown away.
//
// While the server is away, one probe at a time looks for it, and calls get no reply at once. That
// it is lost is logged, once for each reason, and that it is back.
//
// For one process, which has to be a worker. No caller is called from within a call of the client's
// methods. A worker that is about to exit is kept alive by calls for no longer than their limits.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "ngx_http_webhook/redis_link.h"
#include "ngx_http_webhook/redis_server.h"
#include "redis/claims.h"
#include "redis/resp.h"
#include "redis/server_error.h"
#include "redis/slots.h"

namespace webhook::ngx {

class RedisClient final : private RedisLink::Owner {
  public:
    using Caller = RedisCaller;

    // Hears of the server. It must not use the client in these calls.
    class Listener {
      public:
        // For each reply that a caller gets.
        virtual void on_round_trip(std::chrono::microseconds time) noexcept = 0;
        // A call's time is over.
        virtual void on_timeout() noexcept = 0;
        // The answer of is_available() has changed.
        virtual void on_availability(bool is_available) noexcept = 0;

      protected:
        ~Listener() = default;
    };

    // `server` lives longer.
    explicit RedisClient(const RedisServer& server);
    // Calls get no reply any more.
    ~RedisClient();
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;

    // Connects soon: not all workers do so at the same time. Without it, the first call connects.
    void start() noexcept;

    // Whether a call may get a reply. A client that has not tried yet is available.
    bool is_available() const { return is_available_; }

    // Ends in one on_reply() within `limit` milliseconds, unless the caller is forgotten. Throws
    // std::bad_alloc; then the caller hears nothing.
    void call(redis::Call call, Caller& caller, ngx_msec_t limit);

    // The caller hears nothing more. Of its calls, those that were not sent yet are dropped, and no
    // other is sent again.
    void forget(const Caller& caller) noexcept;

    void listen(Listener& listener) { listeners_.push_back(&listener); }

    struct State {
        bool is_connected = false;
        // Calls without a reply.
        std::size_t pending = 0;
        // Servers of a cluster that are known, or 1.
        std::size_t servers = 0;
    };
    State state() const noexcept;

  private:
    // One command, or none.
    using Command = RedisLink::Command;

    static void on_turn(ngx_event_t* event) noexcept;
    static void on_limit(ngx_event_t* event) noexcept;

    void stop_waiting() noexcept;
    RedisLink& link_for(const redis::Call& call) const;
    RedisLink* link_to(const RedisLink& from, const redis::Redirect& redirect);
    RedisLink* make_link(const redis::Redirect& redirect);
    std::size_t index_of(const RedisLink& link) const;
    void follow(const RedisLink& from, Command& command, const redis::ServerError& error);

    RedisLink::Owner& as_owner() { return *this; }
    const RedisServer& server() const override { return server_; }
    bool is_observed() const override { return !listeners_.empty(); }
    void answer(Command command, const redis::Reply& reply) noexcept override;
    void redirect(const RedisLink& from, Command command,
                  const redis::ServerError& error) noexcept override;
    void give_up(Command command) noexcept override;
    void on_time_out() noexcept override;
    void on_link(const RedisLink& link, bool is_available) noexcept override;

    const RedisServer& server_;
    bool is_available_ = true;
    // The first one is the server of the configuration.
    std::vector<std::unique_ptr<RedisLink>> links_;
    redis::SlotMap slots_;
    std::vector<Listener*> listeners_;
    // Who gets no reply, in the next turn.
    Command unanswered_;
    ngx_event_t turn_{};
    ngx_event_t limit_{};
};

// This worker's, made by the first call. May throw.
RedisClient& client_of(const RedisServer& server);
// The worker is about to exit.
void end_client_of(const RedisServer& server) noexcept;

}  // namespace webhook::ngx
