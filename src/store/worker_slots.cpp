#include "store/worker_slots.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "store/robust_mutex.h"

namespace webhook {

struct Workers::Slot {
    pthread_mutex_t lifetime;
    std::uint32_t generation;

    enum class Before : std::uint8_t { free, dead, alive };

    // Takes the slot for this process, unless a living one has it. Returns who had it.
    Before take() {
        const int error = pthread_mutex_trylock(&lifetime);
        if (error == EOWNERDEAD) pthread_mutex_consistent(&lifetime);
        if (error != 0 && error != EOWNERDEAD) return Before::alive;
        ++generation;
        return error == 0 ? Before::free : Before::dead;
    }

    // A process cannot ask this about its own slot.
    Before look() {
        const Before before = take();
        if (before != Before::alive) pthread_mutex_unlock(&lifetime);
        return before;
    }
    bool is_taken() { return look() == Before::alive; }
};

std::size_t Workers::size(std::size_t slots) {
    return slots * sizeof(Slot);
}

Workers::Workers(std::span<std::byte> block)
    : slots_(reinterpret_cast<Slot*>(block.data()), block.size() / sizeof(Slot)) {}

Workers Workers::format(std::span<std::byte> block) {
    std::memset(block.data(), 0, block.size());
    Workers workers(block);
    for (Slot& slot : workers.slots_) make_robust(slot.lifetime);
    return workers;
}

Workers Workers::attach(std::span<std::byte> block) {
    return Workers(block);
}

std::optional<Owner> Workers::join() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].take() == Slot::Before::alive) continue;
        self_ = Owner{static_cast<std::uint32_t>(i), slots_[i].generation};
        return self_;
    }
    return std::nullopt;
}

void Workers::leave() {
    if (self_) pthread_mutex_unlock(&slots_[self_->process].lifetime);
    self_.reset();
}

bool Workers::alive(Owner owner) const {
    if (self_ && owner.process == self_->process) return owner == *self_;
    if (owner.process >= slots_.size()) return false;
    Slot& slot = slots_[owner.process];
    return slot.generation == owner.generation && slot.is_taken();
}

std::size_t Workers::reap(std::vector<bool>& living) {
    std::size_t dead = 0;
    living.assign(slots_.size(), false);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const bool is_own = self_ && self_->process == i;
        const Slot::Before state = is_own ? Slot::Before::alive : slots_[i].look();
        living[i] = state == Slot::Before::alive;
        if (state == Slot::Before::dead) ++dead;
    }
    return dead;
}

bool Workers::any_alive() const {
    return std::ranges::any_of(slots_, &Slot::is_taken);
}

}  // namespace webhook
