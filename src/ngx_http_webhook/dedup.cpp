#include "ngx_http_webhook/dedup.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/errors.h"
#include "base/text.h"
#include "store/holders.h"

namespace webhook::ngx {
namespace {

constexpr std::size_t kAnchorPages = 8;
constexpr std::uint64_t kAnchorMagic = 0x726f68636e61776b;
// Memories that are not drained yet, and the one in use.
constexpr std::size_t kMostMemories = 16;
// How often a worker looks at what earlier ones still deliver.
constexpr ngx_msec_t kWatchPause = 200;
// How often the end of a claim is tried again that had to be put off.
constexpr ngx_msec_t kEndingPause = 50;
constexpr std::time_t kSecondsBetweenNotices = 60;
// Events that are carried over before others have their turn with the locks.
constexpr std::size_t kCarriedAtOnce = 1024;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

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

// What one configuration leaves for the next in nginx's shared memory. The descriptors are the
// master's.
struct DedupZone::Anchor {
    std::uint64_t magic;
    std::size_t count;
    std::array<int, kMostMemories> files;
};

// Holds the lock of the zone's memory; what is to be logged is logged after it.
class DedupZone::Session {
  public:
    explicit Session(DedupZone& zone) : zone_(zone) { lock_.emplace(*zone.memory_); }
    ~Session() {
        const std::uint64_t early = zone_.memory_->early_to_tell(now_in_seconds());
        const bool repaired = lock_->repaired();
        lock_.reset();
        if (repaired) {
            ngx_log_error(NGX_LOG_WARN, zone_.log_, 0,
                          "the dedup zone \"%s\" was repaired after a process died changing it",
                          zone_.name.c_str());
        }
        if (early > 0) {
            ngx_log_error(
                NGX_LOG_WARN, zone_.log_, 0,
                "the dedup zone \"%s\" is full: %uL event%s forgotten before the ttl was over",
                zone_.name.c_str(), early, plural(early));
        }
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

  private:
    DedupZone& zone_;
    std::optional<DedupMemory::Lock> lock_;
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
    // It may be another module's, or that of another build of this one.
    auto* data = static_cast<u_char*>(reinterpret_cast<ngx_slab_pool_t*>(shared.addr)->data);
    if (data < shared.addr || data > shared.addr + shared.size - sizeof(Anchor)) return nullptr;
    auto* found = reinterpret_cast<Anchor*>(data);
    return found->magic == kAnchorMagic ? found : nullptr;
}

// Of the configuration in force, while the next one is being made.
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

// `nginx -t`: what is there may be in use.
void DedupZone::check() const {
    DedupMemory::require_room(size);
    if (state.empty()) return;
    for (const std::string& warning : check_state(state, size)) {
        ngx_log_error(NGX_LOG_WARN, log_, 0, "%s", warning.c_str());
    }
}

// The master may yet turn back to the earlier configuration: what that one uses is left as it is.
void DedupZone::take_memory() {
    std::vector<Descriptor> files;
    for (Earlier& zone : earlier_zones()) {
        if (zone.name == name) {
            files = std::move(zone.files);
        } else {
            require_other_files(zone);
        }
    }
    if (!state.empty()) {
        take_state(files.empty() ? nullptr : files.data());
    } else if (!files.empty()) {
        auto current = DedupMemory::share(files.front().duplicate());
        const bool fits = current->size() == size && current->kind() == DedupMemory::Kind::nameless;
        memory_ = fits ? std::move(current) : DedupMemory::nameless(size);
    } else {
        memory_ = DedupMemory::nameless(size);
    }
    for (Descriptor& file : files) {
        if (same_file(file.status(), memory_->file().status())) continue;
        if (used_by_others(file)) {
            throw ConfigError("its memory cannot be replaced while another nginx shares it");
        }
        earlier_.push_back(DedupMemory::share(std::move(file)));
    }
    if (earlier_.size() >= kMostMemories) {
        throw ConfigError("workers of too many earlier configurations still use its memory");
    }
}

// What one zone gives up, its successor closes: no other can go on with it.
void DedupZone::require_other_files(const Earlier& zone) const {
    for (const Descriptor& file : zone.files) {
        if (state.empty() || !leads_to(state, file)) continue;
        throw ConfigError("the state file " + in_quotes(state) + " is that of the zone " +
                          in_quotes(zone.name) + " until nginx is restarted");
    }
}

void DedupZone::take_state(const Descriptor* current) {
    const Origin origin = ngx_inherited != 0 ? Origin::upgrade : Origin::fresh;
    State found = open_state(state, size, current, [origin](const Descriptor& file) {
        return stranger_with(file, origin);
    });
    for (const std::string& warning : found.warnings) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "%s", warning.c_str());
    }
    memory_ = std::move(found.memory);
    draft_ = std::move(found.draft);
    std::ranges::move(found.earlier, std::back_inserter(earlier_));
}

// What has to wait for a process that holds a lock and does not go on, the workers do later.
void DedupZone::take_over() noexcept try {
    const auto attempt = [this](const auto& step) {
        try {
            step();
        } catch (const MemoryBusy& busy) {
            tell_of_busy(busy);
        }
    };
    note_files();
    for (const auto& earlier : earlier_) undrained_.push_back(earlier.get());
    if (!undrained_.empty()) attempt([this] { note_undrained(); });
    // Most is carried over while the old workers go on, and before the disk has to be waited for.
    // What is closed already has told its successor, which goes on until it is closed itself.
    for (DedupMemory* earlier : undrained_) {
        if (!earlier->table().closed()) attempt([&] { carry_over(*earlier); });
    }
    publish();
    for (DedupMemory* earlier : undrained_) attempt([&] { close(*earlier); });
    attempt([this] { forget_drained(); });
    std::erase_if(earlier_, [this](const std::unique_ptr<DedupMemory>& earlier) {
        const bool known = std::ranges::find(undrained_, earlier.get()) == undrained_.end();
        if (known && !state.empty()) remove_earlier(state, earlier->file());
        return known;
    });
    note_files();
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ALERT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
}

// Without its name, the file serves as well until nginx ends.
void DedupZone::publish() noexcept try {
    const std::unique_ptr<Draft> draft = std::move(draft_);
    const std::string warning = draft ? draft->publish() : "";
    if (!warning.empty()) ngx_log_error(NGX_LOG_ERR, log_, 0, "%s", warning.c_str());
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ALERT, log_, 0, "the dedup zone \"%s\" will not outlive nginx: %s",
                  name.c_str(), error.what());
}

void DedupZone::carry_over(DedupMemory& earlier) {
    std::size_t carried = 0;
    std::size_t batch = kCarriedAtOnce;
    while (batch == kCarriedAtOnce) {
        const DedupMemory::Lock lock(*memory_);
        const DedupMemory::Lock earlier_lock(earlier);
        batch = earlier.table().carry_over(memory_->table(), now_in_seconds(), kCarriedAtOnce);
        carried += batch;
    }
    std::uint64_t forgotten = 0;
    {
        const DedupMemory::Lock lock(*memory_);
        forgotten = memory_->early_to_tell(now_in_seconds());
    }
    tell_of_carried(carried, forgotten);
}

void DedupZone::tell_of_carried(std::uint64_t carried, std::uint64_t forgotten) const {
    ngx_log_error(NGX_LOG_NOTICE, log_, 0,
                  "the dedup zone \"%s\" has other memory: %uL event%s carried over", name.c_str(),
                  carried, plural(carried));
    if (forgotten == 0) return;
    ngx_log_error(NGX_LOG_WARN, log_, 0,
                  "the dedup zone \"%s\" is smaller than before: %uL event%s forgotten",
                  name.c_str(), forgotten, plural(forgotten));
}

// Nothing can be claimed there any more, and nothing that was delivered there is unknown here.
void DedupZone::close(DedupMemory& earlier) {
    const DedupMemory::Lock lock(*memory_);
    const DedupMemory::Lock earlier_lock(earlier);
    earlier.table().carry_over(memory_->table(), now_in_seconds(), kAll);
    earlier.table().close();
}

void DedupZone::note_files() {
    Anchor& noted = anchor();
    noted.count = 0;
    noted.files[noted.count++] = memory_->file().get();
    for (const auto& earlier : earlier_) noted.files[noted.count++] = earlier->file().get();
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
    memory_->be_quick();
    for (const auto& earlier : earlier_) earlier->be_quick();
    watch_earlier();
}

void DedupZone::leave() noexcept {
    drain();
    if (endings_.empty() || try_endings()) return;
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "the dedup zone \"%s\": a worker ends without having ended %uz claim%s",
                  name.c_str(), endings_.size(), plural(endings_.size()));
}

void DedupZone::watch_earlier() {
    if (knows_all()) return;
    timer_.handler = on_timer;
    timer_.data = this;
    timer_.log = log_;
    timer_.cancelable = 1;
    ngx_add_timer(&timer_, kWatchPause);
}

void DedupZone::on_timer(ngx_event_t* timer) noexcept {
    auto& zone = *static_cast<DedupZone*>(timer->data);
    zone.drain();
    zone.watch_earlier();
}

void DedupZone::drain() noexcept try {
    if (knows_all()) return;
    {
        const Session session(*this);
        holds_earlier({}, now_in_seconds());
    }
    forget_drained();
} catch (const MemoryBusy& busy) {
    tell_of_busy(busy);
} catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_CRIT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
}

void DedupZone::enroll() {
    {
        const Session session(*this);
        self_ = memory_->enroll();
    }
    if (!self_ && !std::exchange(told_of_crowd_, true)) {
        ngx_log_error(NGX_LOG_ERR, log_, 0,
                      "the dedup zone \"%s\" is too small for so many worker processes: "
                      "this one refuses deliveries until others end",
                      name.c_str());
    }
}

std::optional<ClaimToken> DedupZone::new_token() {
    try {
        if (!self_) enroll();
    } catch (const MemoryBusy& busy) {
        tell_of_busy(busy);
    }
    if (!self_) return std::nullopt;
    return ClaimToken{*self_, ++claims_made_};
}

// What is drained stays so.
void DedupZone::forget_drained() {
    std::erase_if(undrained_, [this](DedupMemory* earlier) {
        try {
            const DedupMemory::Lock lock(*earlier);
            return earlier->drained();
        } catch (const MemoryBusy& busy) {
            tell_of_busy(busy);
            return false;
        }
    });
    if (noted_undrained_ != undrained_.size()) note_undrained();
}

// Also the memory, for others.
bool DedupZone::knows_all() const {
    return undrained_.empty() && noted_undrained_ == 0;
}

// For an nginx that would share the memory: it does not know the earlier ones.
void DedupZone::note_undrained() {
    const Session session(*this);
    memory_->note_undrained(undrained_.size());
    noted_undrained_ = undrained_.size();
}

// Whether a worker of an earlier configuration is delivering any of them. What such workers have
// delivered since is carried over, unless the memory is an earlier one itself by now: its successor
// may take it for drained.
bool DedupZone::holds_earlier(std::span<const EventKey> keys, std::uint32_t now) {
    if (memory_->table().closed()) return false;
    bool held = false;
    for (DedupMemory* earlier : undrained_) {
        const DedupMemory::Lock lock(*earlier);
        earlier->table().carry_over(memory_->table(), now, kAll);
        // The master may not have been able to.
        if (!earlier->table().closed()) earlier->table().close();
        held |= earlier->table().holds_any(keys, earlier->workers());
    }
    return held;
}

ClaimResult DedupZone::claim(std::span<const EventKey> keys, const ClaimToken& token) {
    const std::size_t most_endings = claims_held_ + endings_.size() + 1;
    if (endings_.capacity() < most_endings) endings_.reserve(2 * most_endings);
    try {
        if (!endings_.empty() && !try_endings()) return {ClaimOutcome::no_room, 0};
        if (!undrained_.empty()) forget_drained();
        const ClaimResult result = claim_now(keys, token);
        tell_of_free();
        if (result.outcome == ClaimOutcome::claimed) ++claims_held_;
        if (result.outcome == ClaimOutcome::no_room) tell_of_successor();
        return result;
    } catch (const MemoryBusy& busy) {
        tell_of_busy(busy);
        return {ClaimOutcome::no_room, 0};
    }
}

ClaimResult DedupZone::claim_now(std::span<const EventKey> keys, const ClaimToken& token) {
    const Session session(*this);
    const std::uint32_t now = now_in_seconds();
    if (holds_earlier(keys, now)) return {ClaimOutcome::in_flight, 0};
    return memory_->table().claim(keys, token, now, when_full, memory_->workers());
}

// Where there is one. An old worker ends soon; one that does not shares the memory with another
// nginx that gave it up. What was closed stays so, and needs no lock to be seen.
void DedupZone::tell_of_successor() {
    if (!memory_->table().closed() || std::exchange(told_of_successor_, true)) return;
    const ngx_uint_t level = ngx_exiting != 0 ? NGX_LOG_NOTICE : NGX_LOG_ERR;
    ngx_log_error(level, log_, 0,
                  "the dedup zone \"%s\" has other memory: this worker refuses new events until it "
                  "ends or nginx is reloaded",
                  name.c_str());
}

void DedupZone::commit(std::span<const EventKey> keys, const ClaimToken& token, ngx_uint_t status,
                       Milliseconds remembered_for) noexcept {
    // The time is cut to the second: one more, and no event is forgotten before its ttl has passed.
    end(keys, token, static_cast<std::uint16_t>(status),
        now_in_seconds() + seconds(remembered_for) + 1);
}

void DedupZone::release(std::span<const EventKey> keys, const ClaimToken& token) noexcept {
    end(keys, token, 0, 0);
}

// In the order in which they end: deliveries of one request share what they hold.
void DedupZone::end(std::span<const EventKey> keys, const ClaimToken& token, std::uint16_t status,
                    std::uint32_t expires) noexcept {
    --claims_held_;
    Ending& ending = endings_.emplace_back(Ending{{}, keys.size(), token, status, expires});
    std::ranges::copy(keys, ending.keys.begin());
    try_endings();
}

// Returns false where they have to be put off. The lock is had a moment later, unless its holder
// was stopped; until then nobody else can claim anything, and after that these events are in
// flight.
bool DedupZone::try_endings() noexcept try {
    const Session session(*this);
    const std::uint32_t now = now_in_seconds();
    for (const Ending& ending : endings_) {
        const std::span<const EventKey> keys(ending.keys.data(), ending.key_count);
        if (ending.status == 0) {
            memory_->table().release(keys, ending.token);
        } else {
            memory_->table().commit(keys, ending.token, ending.status, now, ending.expires);
        }
    }
    endings_.clear();
    tell_of_free();
    return true;
} catch (const MemoryBusy& busy) {
    tell_of_busy(busy);
    put_off();
    return false;
} catch (const std::exception& error) {
    // Where even this fails, the claims end with the worker.
    ngx_log_error(NGX_LOG_CRIT, log_, 0, "the dedup zone \"%s\": %s", name.c_str(), error.what());
    endings_.clear();
    return true;
}

// A worker that is to end waits for it, so the timer is no cancelable one.
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

void DedupZone::tell_of_busy(const MemoryBusy& busy) noexcept {
    if (busy_ || ngx_time() - told_of_busy_ < kSecondsBetweenNotices) return;
    busy_ = true;
    told_of_busy_ = ngx_time();
    ngx_log_error(NGX_LOG_ERR, log_, 0,
                  "the dedup zone \"%s\" cannot be used: %s; deliveries are answered 503 meanwhile",
                  name.c_str(), busy.what());
}

void DedupZone::tell_of_free() noexcept {
    if (!std::exchange(busy_, false)) return;
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "the dedup zone \"%s\" can be used again", name.c_str());
}

void ClaimHolder::prepare(DedupZone& zone, std::span<const EventKey> keys,
                          const ClaimToken& token) {
    zone_ = &zone;
    key_count_ = keys.size();
    std::ranges::copy(keys, keys_.begin());
    token_ = token;
    zone.prefetch(keys);
}

ClaimResult ClaimHolder::try_claim() {
    const ClaimResult result = zone_->claim(keys(), token_);
    held_ = result.outcome == ClaimOutcome::claimed;
    return result;
}

void ClaimHolder::commit(ngx_uint_t status, Milliseconds remembered_for) noexcept {
    if (!std::exchange(held_, false)) return;
    zone_->commit(keys(), token_, status, remembered_for);
}

void ClaimHolder::release() noexcept {
    if (!std::exchange(held_, false)) return;
    zone_->release(keys(), token_);
}

}  // namespace webhook::ngx
