#include "store/succession.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace webhook {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

}  // namespace

Succession::Session::Session(Succession& succession, std::uint32_t now)
    : succession_(succession), now_(now) {
    lock_.emplace(*succession.memory_);
}

Succession::Session::~Session() {
    const std::uint64_t early = succession_.memory_->early_to_tell(now_);
    const bool repaired = lock_->repaired();
    lock_.reset();
    if (repaired) succession_.observer_.on_repaired();
    if (early > 0) succession_.observer_.on_forgotten_early(early);
}

Succession::Succession(std::shared_ptr<DedupMemory> memory,
                       std::vector<std::shared_ptr<DedupMemory>> earlier, Observer& observer,
                       std::size_t carried_at_once)
    : memory_(std::move(memory)),
      earlier_(std::move(earlier)),
      observer_(observer),
      carried_at_once_(carried_at_once) {}

// A step that would wait for a stalled holder of a lock is done later, by processes that serve
// requests.
template <typename Step>
void Succession::attempt(Step step) {
    try {
        step();
    } catch (const MemoryBusy& busy) {
        observer_.on_busy(busy);
    }
}

std::vector<std::shared_ptr<DedupMemory>> Succession::adopt_predecessors(
    std::uint32_t now, const std::function<void()>& publish) {
    for (const auto& earlier : earlier_) undrained_.push_back(earlier.get());
    if (!undrained_.empty()) attempt([&] { record_undrained(now); });
    // Most events are carried over while processes of the predecessors still claim. A predecessor
    // that is closed already was carried over to its successor, which continues until it is closed
    // itself.
    for (DedupMemory* earlier : undrained_) {
        if (!earlier->table().closed()) attempt([&] { carry_over(*earlier, now); });
    }
    publish();
    for (DedupMemory* earlier : undrained_) attempt([&] { close(*earlier, now); });
    attempt([&] { forget_drained(now); });
    const auto is_undrained = [this](const std::shared_ptr<DedupMemory>& earlier) {
        return std::ranges::find(undrained_, earlier.get()) != undrained_.end();
    };
    // Named without a range, for clang 14.
    const auto known = std::stable_partition(earlier_.begin(), earlier_.end(), is_undrained);
    std::vector<std::shared_ptr<DedupMemory>> given_up(std::make_move_iterator(known),
                                                       std::make_move_iterator(earlier_.end()));
    earlier_.erase(known, earlier_.end());
    return given_up;
}

void Succession::be_quick() {
    memory_->be_quick();
    for (const auto& earlier : earlier_) earlier->be_quick();
}

void Succession::carry_over(DedupMemory& earlier, std::uint32_t now) {
    std::size_t carried = 0;
    std::size_t batch = carried_at_once_;
    while (batch == carried_at_once_) {
        const DedupMemory::Lock lock(*memory_);
        const DedupMemory::Lock earlier_lock(earlier);
        batch = earlier.table().carry_over(memory_->table(), now, carried_at_once_);
        carried += batch;
    }
    std::uint64_t forgotten = 0;
    {
        const DedupMemory::Lock lock(*memory_);
        forgotten = memory_->early_to_tell(now);
    }
    observer_.on_carried_over(carried, forgotten);
}

// Closes a predecessor: nothing can be claimed there any more, and all events delivered there are
// known here.
void Succession::close(DedupMemory& earlier, std::uint32_t now) {
    const DedupMemory::Lock lock(*memory_);
    const DedupMemory::Lock earlier_lock(earlier);
    earlier.table().carry_over(memory_->table(), now, kAll);
    earlier.table().close();
}

void Succession::drain(std::uint32_t now) {
    if (knows_all()) return;
    change_table(now, [&](DedupTable&) { holds_earlier({}, now); });
    forget_drained(now);
}

// A memory that is drained stays so.
void Succession::forget_drained(std::uint32_t now) {
    std::erase_if(undrained_, [this](DedupMemory* earlier) {
        bool drained = false;
        attempt([&] {
            const DedupMemory::Lock lock(*earlier);
            drained = earlier->drained();
        });
        return drained;
    });
    if (noted_undrained_ != undrained_.size()) record_undrained(now);
}

// Tells an nginx that would share the memory, which does not know the predecessors.
void Succession::record_undrained(std::uint32_t now) {
    const Session session(*this, now);
    memory_->record_undrained(undrained_.size());
    noted_undrained_ = undrained_.size();
}

// Whether a process of a predecessor is delivering any of them. Events that such processes
// delivered since are carried over, unless this memory is itself a predecessor by now: its
// successor may take it for drained.
bool Succession::holds_earlier(std::span<const EventKey> keys, std::uint32_t now) {
    if (memory_->table().closed()) return false;
    bool held = false;
    for (DedupMemory* earlier : undrained_) {
        const DedupMemory::Lock lock(*earlier);
        earlier->table().carry_over(memory_->table(), now, kAll);
        // adopt_predecessors() may have failed to close it.
        if (!earlier->table().closed()) earlier->table().close();
        held |= earlier->table().holds_any(keys, earlier->workers());
    }
    return held;
}

std::optional<Owner> Succession::enroll(std::uint32_t now) {
    const Session session(*this, now);
    return memory_->enroll();
}

ClaimResult Succession::claim(std::span<const EventKey> keys, const ClaimToken& token,
                              std::uint32_t now, WhenFull when_full) {
    if (!undrained_.empty()) forget_drained(now);
    const Session session(*this, now);
    if (holds_earlier(keys, now)) return {ClaimOutcome::in_flight, 0};
    return memory_->table().claim(keys, token, now, when_full, memory_->workers());
}

}  // namespace webhook
