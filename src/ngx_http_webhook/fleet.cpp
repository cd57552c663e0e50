#include "ngx_http_webhook/fleet.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/redis_client.h"
#include "ngx_http_webhook/remarks.h"
#include "ngx_http_webhook/shared_counters.h"
#include "report/cells.h"

namespace webhook::ngx {
namespace {

// Counts what a client tells of its server.
class Observer final : public RedisClient::Listener {
  public:
    explicit Observer(CounterTable::Row row) : row_(row) {}

    void on_round_trip(std::chrono::microseconds time) noexcept override {
        const std::chrono::nanoseconds nanoseconds = time;
        const auto seconds = std::chrono::duration<double>(time).count();
        count_in_redis(row_, cells::kRoundTripNanoseconds,
                       static_cast<std::uint64_t>(nanoseconds.count()));
        count_in_redis(
            row_, cells::kRoundTripBuckets + cells::bucket(cells::kRoundTripBounds, seconds), 1);
    }
    void on_timeout() noexcept override { count_in_redis(row_, cells::kTimeouts, 1); }
    void on_availability(bool is_available) noexcept override {
        if (!is_available) count_in_redis(row_, cells::kLosses, 1);
    }

  private:
    const CounterTable::Row row_;
};

std::vector<std::unique_ptr<Observer>> observers;

bool is_used(const MainConf& conf, const RedisServer& server) {
    return std::ranges::any_of(
        conf.fleet_stores, [&server](const auto& store) { return &store->server() == &server; });
}

// A claim must not have ended before its reply is here.
void require_long_lease(const FleetDirective& directive, const RedisServer& server) {
    constexpr int kTimeoutsOfLease = 2;
    const auto least = Milliseconds(server.timeout) * kTimeoutsOfLease;
    if (directive.lease >= least) return;
    fail("\"lease=\" of the zone " + in_quotes(directive.zone->name) +
             " is too short for the \"timeout=\" of " + in_quotes(server.name) + ": at least " +
             std::to_string(least.count()) + "ms are needed",
         directive.place);
}

}  // namespace

void find_servers(ngx_conf_t* cf, MainConf& conf) {
    for (const FleetDirective& each : conf.fleet_directives) {
        const auto server = conf.redis_servers.find(each.redis);
        if (server == conf.redis_servers.end()) {
            fail("unknown redis" + shown_word(each.redis) +
                     ", \"webhook_redis\" defines none of this name",
                 each.place);
        }
        require_long_lease(each, *server->second);
        conf.fleet_stores.push_back(
            std::make_unique<FleetStore>(*each.zone, *server->second, each.lease, each.on_error));
    }
    for (const auto& [name, server] : conf.redis_servers) {
        if (is_used(conf, *server)) continue;
        remark(cf, NGX_LOG_WARN, "no zone uses the webhook_redis " + in_quotes(name) + ",",
               server->place);
    }
}

void begin_fleets(const MainConf& conf, ngx_log_t* log) noexcept try {
    for (const auto& [name, server] : conf.redis_servers) {
        if (!is_used(conf, *server)) continue;
        observers.push_back(std::make_unique<Observer>(server->row));
        client_of(*server).listen(*observers.back());
        client_of(*server).start();
    }
    for (const auto& store : conf.fleet_stores) store->serve(client_of(store->server()), log);
} catch (const std::exception& error) {
    // A store without a client decides as if Redis were away.
    ngx_log_error(NGX_LOG_CRIT, log, 0, "webhook_redis: %s", error.what());
}

void end_fleets(const MainConf& conf) noexcept {
    for (const auto& store : conf.fleet_stores) store->leave();
    for (const auto& [name, server] : conf.redis_servers) end_client_of(*server);
    observers.clear();
}

}  // namespace webhook::ngx
