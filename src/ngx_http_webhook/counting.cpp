#include "ngx_http_webhook/counting.h"

#include <algorithm>
#include <set>

#include "inspect/possible_reasons.h"
#include "ngx_http_webhook/conf.h"
#include "ngx_http_webhook/dedup.h"
#include "ngx_http_webhook/shared_counters.h"
#include "report/cells.h"

namespace webhook::ngx {
namespace {

LoadedConfiguration loaded;

// Says once that there are too many.
class Rows {
  public:
    explicit Rows(Counters& counters) : counters_(counters) {}

    CounterTable::Row add(CounterTable& table, const std::string& name) {
        const CounterTable::Row row = table.add(name);
        if (row == CounterTable::kOther && missing_.insert({&table, name}).second) {
            counters_.add_error();
        }
        return row;
    }

    std::size_t missing() const { return missing_.size(); }

  private:
    Counters& counters_;
    std::set<std::pair<const CounterTable*, std::string>> missing_;
};

void give_rows(const LocConf& conf, Rows& rows) {
    CountedGate& gate = *conf.counted;
    gate.endpoint = rows.add(counters()->endpoints, conf.endpoint);
    for (const auto& [id, not_after] : conf.secrets->ids()) {
        // No name has this character.
        gate.secrets.emplace_back(id, rows.add(counters()->secrets, conf.endpoint + '\n' + id));
    }
    if (conf.dedup) gate.zone = conf.dedup->zone->row;
}

GateTraits traits_of(const LocConf& conf) {
    const auto ids = conf.secrets->ids();
    const bool all_end = std::ranges::all_of(
        ids, [](const Secrets::Id& each) { return each.not_after.has_value(); });
    return {conf.sources != nullptr, conf.gate->name_variables != nullptr,
            all_end || conf.secrets->have_all_variables()};
}

EndpointReport described(const LocConf& conf) {
    EndpointReport report;
    report.name = conf.endpoint;
    report.scheme = conf.scheme->name;
    report.monitors = conf.monitors();
    report.possible = possible_reasons(conf.demands.policy, traits_of(conf));
    report.verify.bounds = cells::kVerifyBounds;
    report.upstream.bounds = cells::kUpstreamBounds;
    if (conf.dedup) report.dedup_zone = conf.dedup->zone_name;
    return report;
}

// A secret without an id has a number.
void add_secrets(CountedEndpoint& endpoint, const LocConf& conf) {
    const auto ids = conf.secrets->ids();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::string shown = ids[i].id.empty() ? std::to_string(i + 1) : ids[i].id;
        auto& known = endpoint.report.secrets;
        const auto other = std::ranges::find(known, shown, &SecretReport::id);
        if (other != known.end()) {
            // It verifies as long as any of them does.
            const bool ends = other->expires && ids[i].not_after;
            other->expires = ends ? std::max(other->expires, ids[i].not_after) : std::nullopt;
            continue;
        }
        // Those without a row have no number of their own.
        const CounterTable::Row row = conf.counted->secrets[i].second;
        if (row == CounterTable::kOther) continue;
        known.push_back({shown, 0, std::nullopt, ids[i].not_after});
        endpoint.secrets.push_back(row);
    }
}

// Those without a row of their own are told of as one.
void describe(MainConf& conf, const LocConf& gate) {
    const CounterTable::Row row = gate.counted->endpoint;
    auto known = std::ranges::find(conf.endpoints, row, &CountedEndpoint::row);
    if (known == conf.endpoints.end()) {
        conf.endpoints.push_back({row, described(gate), {}});
        known = conf.endpoints.end() - 1;
        if (row == CounterTable::kOther) known->report.name = "_other";
    } else {
        const EndpointReport other = described(gate);
        known->report.possible |= other.possible;
        known->report.monitors |= other.monitors;
        if (known->report.dedup_zone.empty()) known->report.dedup_zone = other.dedup_zone;
    }
    if (row != CounterTable::kOther) add_secrets(*known, gate);
}

}  // namespace

void begin_counting(MainConf& conf) {
    if (counters() == nullptr) return;
    Rows rows(*counters());
    for (const auto& [name, zone] : conf.zones) {
        zone->row = rows.add(counters()->zones, name);
    }
    for (const auto& [name, server] : conf.redis_servers) {
        server->row = rows.add(counters()->servers, name);
    }
    for (const auto& file : conf.address_files) {
        file->counted_as(rows.add(counters()->files, file->name()));
    }
    for (const Level& level : conf.levels) {
        if (!level.conf->counted) continue;
        give_rows(*level.conf, rows);
        describe(conf, *level.conf);
    }
    loaded = {now(), counters()->begin_configuration()};
    if (rows.missing() == 0) return;
    ngx_log_error(
        NGX_LOG_WARN, ngx_cycle->log, 0,
        "webhook: %uz endpoints, secrets, zones, files or servers of Redis are counted as "
        "\"_other\": there is room for %uz, %uz, %uz, %uz and %uz",
        rows.missing(), kMostCountedEndpoints, kMostCountedSecrets, kMostCountedZones,
        kMostCountedFiles, kMostCountedServers);
}

const LoadedConfiguration& loaded_configuration() {
    return loaded;
}

}  // namespace webhook::ngx
