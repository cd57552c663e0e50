#include "ngx_http_webhook/dedup.h"

#include <algorithm>
#include <iterator>

#include "base/errors.h"
#include "base/text.h"
#include "ngx_http_webhook/shared_counters.h"
#include "report/cells.h"
#include "store/holders.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kAnchorPages = 8;
constexpr std::uint64_t kAnchorMagic = 0x726f68636e61776b;
// The most memories that are not drained yet, and the one in use.
constexpr std::size_t kMostMemories = 16;
// The interval at which a worker looks for deliveries of earlier workers.
constexpr ngx_msec_t kWatchPause = 200;
// The interval at which a postponed end of a claim is tried again.
constexpr ngx_msec_t kEndingPause = 50;
constexpr std::time_t kSecondsBetweenNotices = 60;

std::uint32_t seconds(Milliseconds time) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::uint32_t now_in_seconds() {
    return static_cast<std::uint32_t>(ngx_time());
}

const char* plural(std::uint64_t count) {
    return count == 1 ? "" : "s";
}

}  // namespace

// The data that one configuration leaves for the next in nginx's shared memory. The descriptors are
// the master's.
struct DedupZone::Anchor {
    std::uint64_t magic;
    std::size_t count;
    std::array<int, kMostMemories> files;
};

void DedupZone::request_memory(ngx_conf_t* cf) {
    if (size < DedupMemory::kSmallestSize) {
        throw ConfigError("zone " + in_quotes(name) + " is too small, at least " +
                          std::to_string(DedupMemory::kSmallestSize / 1024) + "k are needed");
    }
    size = ngx_align(size, ngx_pagesize);
    ngx_str_t zone_name = copy_to_pool(cf->pool, name);
    anchor_ = ngx_shared_memory_add(cf, &zone_name, kAnchorPages * ngx_pagesize,
                                    &ngx_http_webhook_module);
    if (anchor_ == nullptr) throw ConfigError("cannot add zone " + in_quotes(name));
    if (anchor_->data != nullptr) throw ConfigError("duplicate zone " + in_quotes(name));
    anchor_->init = on_anchor;
    anchor_->data = this;
    log_ = &cf->cycle->new_log;
}

ngx_int_t DedupZone::on_anchor(ngx_shm_zone_t* anchor, void* /*earlier*/) noexcept {
    auto& zone = *static_cast<DedupZone*>(anchor->data);
    try {
        ngx_test_config ? zone.check() : zone.take_memory();
        return NGX_OK;
    } catch (const std::exception& error) {
        ngx_log_error(NGX_LOG_EMERG, zone.log_, 0, "cannot use the zone \"%s\": %s in %s",
                      zone.name.c_str(), error.what(), zone.place.text().c_str());
        return NGX_ERROR;
    }
}

DedupZone::Anchor& DedupZone::anchor() const {
    auto* pool = reinterpret_cast<ngx_slab_pool_t*>(anchor_->shm.addr);
    if (pool->data == nullptr) {
        pool->data = ngx_slab_calloc(pool, sizeof(Anchor));
        if (pool->data == nullptr) throw std::bad_alloc();
    }
    return *static_cast<Anchor*>(pool->data);
}

DedupZone::Anchor* DedupZone::anchor_in(const ngx_shm_t& shared) {
    if (shared.size != kAnchorPages * ngx_pagesize) return nullptr;
    // It may belong to another module, or to another build of this one.
    auto* data = static_cast<u_char*>(reinterpret_cast<ngx_slab_pool_t*>(shared.addr)->data);
    if (data < shared.addr || data > shared.addr + shared.size - sizeof(Anchor)) return nullptr;
    auto* found = reinterpret_cast<Anchor*>(data);
    return found->magic == kAnchorMagic ? found : nullptr;
}

// The zones of the configuration in force, while the next one is read.
std::vector<DedupZone::Earlier> DedupZone::earlier_zones() {
    std::vector<Earlier> zones;
    const ngx_list_part_t* part = &const_cast<ngx_cycle_t*>(ngx_cycle)->shared_memory.part;
    for (; part != nullptr; part = part->next) {
        const auto* each = static_cast<const ngx_shm_zone_t*>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            const Anchor* found = anchor_in(each[i].shm);
            if (found == nullptr) continue;
            zones.push_back({std::string(to_view(each[i].shm.name)), {}});
            for (std::size_t file = 0; file < found->count; ++file) {
                zones.back().files.push_back(Descriptor::duplicate(found->files[file]));
            }
        }
    }
    return zones;
}

// For `nginx -t`: existing files may be in use.
void DedupZone::check() const {
    DedupMemory::require_room(size);
    if (state.empty()) return;
    for (const std::string& warning : check_state(state, size)) {
        ngx_log_error(NGX_LOG_WARN, log_, 0, "%s", warning.c_str());
    }
}

// The master may still return to the earlier configuration, so its files are left as they are.
void DedupZone::take_memory() {
    std::vector<Descriptor> files;
    std::unique_ptr<DedupMemory> memory;
    std::vector<std::shared_ptr<DedupMemory>> earlier;
    for (Earlier& zone : earlier_zones()) {
        if (zone.name == name) {
            files = std::move(zone.files);
        } else {
            require_other_files(zone);
        }
    }
    if (!state.empty()) {
        State found = take_state(files.empty() ? nullptr : files.data());
        memory = std::move(found.memory);
        std::ranges::move(found.earlier, std::back_inserter(earlier));
    } else if (!files.empty()) {
        auto current = DedupMemory::share(files.front().duplicate());
        const bool fits = current->size() == size && current->kind() == DedupMemory::Kind::nameless;
        memory = fits ? std::move(current) : DedupMemory::nameless(size);
    } else {
        memory = DedupMemory::nameless(size);
    }
    for (Descriptor& file : files) {
        const auto is_it = [&file](const auto& known) {
            return same_file(file.status(), known->file().status());
        };
        if (is_it(memory)) continue;
        // A file found beside the state file may be one of them. It is shared with old workers
        // through the descriptor that they also have.
        std::erase_if(earlier, is_it);
        if (used_by_others(file)) {
            throw ConfigError("its memory cannot be replaced while another nginx shares it");
        }
        earlier.push_back(DedupMemory::share(std::move(file)));
    }
    if (earlier.size() >= kMostMemories) {
        throw ConfigError("workers of too many earlier configurations still use its memory");
    }
    memories_.emplace(std::move(memory), std::move(earlier), *this);
}

// Memory that a reload replaces is closed by its successor, so another zone must not reuse the
// file.
void DedupZone::require_other_files(const Earlier& zone) const {
    for (const Descriptor& file : zone.files) {
        if (state.empty() || !leads_to(state, file)) continue;
        throw ConfigError("the state file " + in_quotes(state) + " is that of the zone " +
                          in_quotes(zone.name) + " until nginx is restarted");
    }
}

State DedupZone::take_state(const Descriptor* current) {
    const Origin origin = ngx_inherited != 0 ? Origin::upgrade : Origin::fresh;
    State found = open_state(state, size, current, [origin](const Descriptor& file) {
        return stranger_with(file, origin);
    });
    for (const std::string& warning : found.warnings) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "%s", warning.c_str());
    }
    draft_ = std::move(found.draft);
    return found;
}

void DedupZone::adopt_predecessors() noexcept try {
    record_files();
    const auto known = memories_->adopt_predecessors(now_in_seconds(), [this] { publish(); });
    if (!state.empty()) {
        for (const auto& earlier : known) remove_earlier(state, earlier->file());
    }
    record_files();
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ALERT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
}

// Even without its name, the file works until nginx ends.
void DedupZone::publish() noexcept try {
    const std::unique_ptr<PendingFile> draft = std::move(draft_);
    const std::string warning = draft ? draft->publish() : "";
    if (!warning.empty()) ngx_log_error(NGX_LOG_ERR, log_, 0, "%s", warning.c_str());
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ALERT, log_, 0, "the dedup zone \"%s\" will not outlive nginx: %s",
                  name.c_str(), error.what());
}

void DedupZone::on_carried_over(std::uint64_t events, std::uint64_t forgotten) noexcept {
    ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                  "the dedup zone \"%s\" has new memory: %uL event%s carried over", name.c_str(),
                  events, plural(events));
    if (forgotten == 0) return;
    ngx_log_error(NGX_LOG_WARN, log_, 0,
                  "the dedup zone \"%s\" is smaller than before: %uL event%s forgotten",
                  name.c_str(), forgotten, plural(forgotten));
}

void DedupZone::on_forgotten_early(std::uint64_t events) noexcept {
    count_in_zone(row, cells::kForgottenEarly, events);
    ngx_log_error(NGX_LOG_WARN, log_, 0,
                  "the dedup zone \"%s\" is full: %uL event%s forgotten before the ttl was over",
                  name.c_str(), events, plural(events));
}

void DedupZone::on_repaired() noexcept {
    count_in_zone(row, cells::kRepairs, 1);
    ngx_log_error(NGX_LOG_WARN, log_, 0,
                  "the dedup zone \"%s\" was repaired after a process died changing it",
                  name.c_str());
}

void DedupZone::record_files() {
    Anchor& noted = anchor();
    noted.count = 0;
    noted.files[noted.count++] = memories_->memory().file().get();
    for (const auto& earlier : memories_->earlier())
        noted.files[noted.count++] = earlier->file().get();
    noted.magic = kAnchorMagic;
}

DedupZone::~DedupZone() {
    if (timer_.timer_set) {
        ngx_del_timer(&timer_);
    }
    if (ending_timer_.timer_set) {
        ngx_del_timer(&ending_timer_);
    }
}

void DedupZone::serve() {
    memories_->be_quick();
    poll_predecessors();
}

void DedupZone::leave() noexcept {
    drain();
    if (endings_.empty() || try_endings()) return;
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "the dedup zone \"%s\": a worker ends without having ended %uz claim%s",
                  name.c_str(), endings_.size(), plural(endings_.size()));
}

void DedupZone::poll_predecessors() {
    if (memories_->knows_all()) return;
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log_;
    timer_.cancelable = 1;
    ngx_add_timer(&timer_, kWatchPause);
}

void DedupZone::on_timer(ngx_event_t* timer) noexcept {
    auto& zone = *static_cast<DedupZone*>(timer->data);
    zone.drain();
    zone.poll_predecessors();
}

void DedupZone::drain() noexcept try {
    memories_->drain(now_in_seconds());
} catch (const MemoryBusy& busy) {
    on_busy(busy);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
}

void DedupZone::enroll() {
    self_ = memories_->enroll(now_in_seconds());
    if (!self_ && !std::exchange(reported_crowd_, true)) {
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "no free worker slot in the dedup zone \"%s\": increase its size; "
                      "this worker refuses deliveries until others end",
                      name.c_str());
    }
}

std::optional<ClaimToken> DedupZone::new_token() {
    try {
        if (!self_) enroll();
    } catch (const MemoryBusy& busy) {
        on_busy(busy);
    }
    if (!self_) return std::nullopt;
    return ClaimToken{*self_, ++claims_made_};
}

std::optional<ClaimResult> DedupZone::claim(std::span<const EventKey> keys, const ClaimToken& token,
                                            Waiter& /*waiter*/) {
    const std::size_t most_endings = claims_held_ + endings_.size() + 1;
    if (endings_.capacity() < most_endings) endings_.reserve(2 * most_endings);
    try {
        if (!endings_.empty() && !try_endings()) return ClaimResult{ClaimOutcome::no_room, 0};
        const ClaimResult result = memories_->claim(keys, token, now_in_seconds(), when_full);
        report_free();
        if (result.outcome == ClaimOutcome::claimed) ++claims_held_;
        if (result.outcome == ClaimOutcome::no_room) report_successor();
        return result;
    } catch (const MemoryBusy& busy) {
        on_busy(busy);
        return ClaimResult{ClaimOutcome::no_room, 0};
    }
}

// Logs that the memory has a successor, if so. An old worker ends soon; one that does not shares
// the memory with another nginx that replaced it. Closed memory stays closed, so no lock is needed.
void DedupZone::report_successor() {
    if (!memories_->memory().table().closed() || std::exchange(reported_successor_, true)) return;
    const ngx_uint_t level = ngx_exiting != 0 ? NGX_LOG_NOTICE : NGX_LOG_ERR;
    ngx_log_error(level, log_, 0,
                  "the dedup zone \"%s\" was replaced: this worker refuses new events "
                  "until it ends or nginx is reloaded",
                  name.c_str());
}

bool DedupZone::commit(std::span<const EventKey> keys, const ClaimToken& token,
                       std::uint16_t status, Milliseconds remembered_for, Waiter* waiter) noexcept {
    remember(add_ending(keys, token), keys.size(), status, remembered_for);
    if (try_endings()) return true;
    endings_.back().waiter = waiter;
    return false;
}

void DedupZone::release(std::span<const EventKey> keys, const ClaimToken& token) noexcept {
    add_ending(keys, token);
    try_endings();
}

void DedupZone::learn(std::span<const EventKey> keys, const ClaimToken& token,
                      std::size_t delivered, std::uint16_t status,
                      Milliseconds remembered_for) noexcept {
    Ending& ending = add_ending(keys, token);
    std::swap(ending.keys[0], ending.keys[delivered]);
    remember(ending, 1, status, remembered_for);
    try_endings();
}

// Claims end in the order of the calls, since deliveries of one request share them.
DedupZone::Ending& DedupZone::add_ending(std::span<const EventKey> keys,
                                         const ClaimToken& token) noexcept {
    --claims_held_;
    Ending& ending = endings_.emplace_back(Ending{{}, keys.size(), 0, token, 0, 0, nullptr});
    std::ranges::copy(keys, ending.keys.begin());
    return ending;
}

void DedupZone::remember(Ending& ending, std::size_t delivered_count, std::uint16_t status,
                         Milliseconds remembered_for) const noexcept {
    ending.delivered_count = delivered_count;
    ending.status = status;
    // The time is truncated to seconds. With one more, no event is forgotten before its ttl has
    // passed.
    ending.expires = now_in_seconds() + seconds(remembered_for) + 1;
}

void DedupZone::forget(const Waiter& waiter) noexcept {
    for (Ending& ending : endings_) {
        if (ending.waiter == &waiter) ending.waiter = nullptr;
    }
}

std::vector<OrphanedKey> DedupZone::give_up_orphans() {
    // About 50 us, while others wait for the lock.
    constexpr std::uint32_t kMostAtOnce = 4096;
    std::vector<OrphanedKey> given_up;
    if (stats().in_flight == 0) return given_up;
    try {
        memories_->change_table(now_in_seconds(), [this, &given_up](DedupTable& table) {
            table.give_up_orphans(memories_->memory().workers(), orphan_place_, kMostAtOnce,
                                  given_up);
        });
    } catch (const MemoryBusy& busy) {
        on_busy(busy);
    }
    return given_up;
}

// Returns false if they must be postponed. The lock is available a moment later, unless its holder
// was stopped. Until then no process can claim anything, and after that these events are in flight.
bool DedupZone::try_endings() noexcept try {
    const std::uint32_t now = now_in_seconds();
    memories_->change_table(now, [this, now](DedupTable& table) {
        for (const Ending& ending : endings_) {
            const std::span<const EventKey> keys(ending.keys.data(), ending.key_count);
            const auto delivered = keys.first(ending.delivered_count);
            const auto others = keys.subspan(ending.delivered_count);
            if (!delivered.empty()) {
                table.commit(delivered, ending.token, ending.status, now, ending.expires);
            }
            if (!others.empty()) table.release(others, ending.token);
        }
    });
    clear_endings();
    report_free();
    return true;
} catch (const MemoryBusy& busy) {
    on_busy(busy);
    put_off();
    return false;
} catch (const std::exception& error) {
    // If even this fails, the claims end with the worker.
    ngx_log_error(NGX_LOG_CRIT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
    clear_endings();
    return true;
}

void DedupZone::clear_endings() noexcept {
    for (const Ending& ending : endings_) {
        if (ending.waiter != nullptr) ending.waiter->on_committed();
    }
    endings_.clear();
}

// An exiting worker must wait for it, so the timer is not cancelable.
void DedupZone::put_off() noexcept {
    if (ending_timer_.timer_set) return;
    ending_timer_.handler = on_ending_timer;
    ending_timer_.data = this;
    ending_timer_.log = log_;
    ngx_add_timer(&ending_timer_, kEndingPause);
}

void DedupZone::on_ending_timer(ngx_event_t* timer) noexcept {
    auto& zone = *static_cast<DedupZone*>(timer->data);
    if (!zone.endings_.empty()) zone.try_endings();
}

void DedupZone::on_busy(const MemoryBusy& busy) noexcept {
    if (busy_ || ngx_time() - reported_busy_ < kSecondsBetweenNotices) return;
    busy_ = true;
    reported_busy_ = ngx_time();
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "the dedup zone \"%s\" cannot be used: %s; deliveries are answered 503 meanwhile",
                  name.c_str(), busy.what());
}

void DedupZone::report_free() noexcept {
    if (!std::exchange(busy_, false)) return;
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "the dedup zone \"%s\" can be used again", name.c_str());
}

void ClaimHolder::prepare(EventStore& store, std::span<const EventKey> keys,
                          const ClaimToken& token, EventStore::Waiter& waiter) {
    store_ = &store;
    waiter_ = &waiter;
    key_count_ = keys.size();
    std::ranges::copy(keys, keys_.begin());
    token_ = token;
    store.prefetch(keys);
}

std::optional<ClaimResult> ClaimHolder::try_claim() {
    const auto result = store_->claim(keys(), token_, *waiter_);
    if (result) {
        take(*result);
    } else {
        state_ = State::asked;
    }
    return result;
}

void ClaimHolder::take(const ClaimResult& result) {
    state_ = result.outcome == ClaimOutcome::claimed ? State::held : State::none;
}

void ClaimHolder::commit(ngx_uint_t status, Milliseconds remembered_for) noexcept {
    if (!held()) return;
    const bool is_done =
        store_->commit(keys(), token_, static_cast<std::uint16_t>(status), remembered_for, waiter_);
    state_ = is_done ? State::none : State::committing;
}

void ClaimHolder::release() noexcept {
    if (!held()) return;
    state_ = State::none;
    store_->release(keys(), token_);
}

void ClaimHolder::forget() noexcept {
    if (state_ != State::asked && state_ != State::committing) return;
    state_ = State::none;
    store_->forget(*waiter_);
}

}  // namespace webhook::ngx
