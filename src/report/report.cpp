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

cells::Cell cells::bucket(std::span<const double> bounds, double seconds) {
    return static_cast<Cell>(std::ranges::lower_bound(bounds, seconds) - bounds.begin());
}

}  // namespace webhook
