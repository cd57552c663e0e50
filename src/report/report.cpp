#include "report/report.h"

#include <algorithm>
#include <numeric>

#include "report/cells.h"

namespace webhook {

std::uint64_t Histogram::total() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::uint64_t EndpointReport::count_of(Verdict verdict) const {
    std::uint64_t count = 0;
    for (const ReasonInfo& row : all_reasons()) {
        const auto index = static_cast<std::size_t>(row.reason);
        if (verdict_of(row.reason, false) == verdict) count += decisions[index];
        if (verdict_of(row.reason, true) == verdict) count += monitored[index];
    }
    return count;
}

std::string network_of(std::string_view address) {
    constexpr std::size_t kGroups = 3;
    if (address.find(':') == std::string_view::npos) {
        const std::size_t end = address.rfind('.');
        return std::string(address.substr(0, end)) + (end == std::string_view::npos ? "" : ".0/24");
    }
    if (address.starts_with("unix:")) return std::string(address);
    std::size_t end = 0;
    for (std::size_t group = 0; group < kGroups && !address.substr(end).starts_with(':'); ++group) {
        end = std::min(address.find(':', end), address.size() - 1) + 1;
    }
    std::string network(address.substr(0, end));
    while (network.ends_with(':')) network.pop_back();
    return network + "::/48";
}

cells::Cell cells::bucket(std::span<const double> bounds, double seconds) {
    return static_cast<Cell>(std::ranges::lower_bound(bounds, seconds) - bounds.begin());
}

}  // namespace webhook
