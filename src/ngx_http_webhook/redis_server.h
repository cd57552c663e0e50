// A `webhook_redis` as it is configured.

#pragma once

#include "ngx_http_webhook/ngx.h"

#include <memory>
#include <string>

#include "ngx_http_webhook/peer.h"
#include "redis/session.h"
#include "redis/url.h"
#include "store/counter_table.h"

namespace webhook::ngx {

class RedisClient;

struct RedisServer {
    std::string name;
    redis::Address address;
    redis::Login login;
    // For one call.
    ngx_msec_t timeout = 50;
    ConfigPosition place;
    // Where it is counted what it does.
    CounterTable::Row row = CounterTable::kOther;
    std::unique_ptr<PeerTls> tls;
    // Complete after complete(). A host in figures has no need of the resolver.
    PeerTarget target;

    // This worker's client of it (redis_client.h), which cannot outlive the configuration.
    mutable std::shared_ptr<RedisClient> client;

    RedisServer() = default;
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    // Finds the addresses, when http{} was read. Throws ConfigError if that is not possible,
    // neither now nor later.
    void complete(ngx_conf_t* cf);

    // For hosts that are found out later. Null: there is none.
    ngx_resolver_t* resolver() const { return resolver_; }

  private:
    void find_addresses(ngx_conf_t* cf);

    ngx_resolver_t* resolver_ = nullptr;
};

}  // namespace webhook::ngx
