// Walks over the entries of a queue that fit a filter, in steps of bounded work.
//
// What a filter names first decides which index is followed: an event, a state, the time of
// arrival, or none. The rest is looked at entry by entry.
//
// Everything here throws SqliteError.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "store/queue_data.h"
#include "store/queue_tables.h"
#include "store/sqlite.h"

namespace webhook {

class QueueSearch {
  public:
    // Both have to outlive this.
    QueueSearch(SqliteDatabase& database, QueueTables& tables)
        : database_(database), tables_(tables) {}

    // How much one walk may do: entries that fit, and things looked at.
    struct Bounds {
        std::size_t most;
        std::size_t work;
    };

    // Calls `visit` for each entry that fits; that may change or remove it. Returns where to go on;
    // none if that was all.
    std::optional<EntryCursor> walk(const EntryFilter& filter,
                                    const std::optional<EntryCursor>& after, const Bounds& bounds,
                                    const std::function<void(EntryId)>& visit);
    // Returns nullopt if it is gone.
    std::optional<Entry> load(EntryId entry);

  private:
    struct Candidate {
        std::int64_t entry;
        // Where to go on behind it.
        EntryCursor after;
    };
    struct Batch {
        std::vector<Candidate> candidates;
        // Where to go on behind all of it. None: there is no more.
        std::optional<EntryCursor> next;
        // What was looked at to find no candidate.
        std::size_t misses = 0;
    };
    using Source = Batch (QueueSearch::*)(const EntryFilter&, const EntryCursor&);

    static Source source_of(const EntryFilter& filter);
    Batch of_event(const EntryFilter& filter, const EntryCursor& after);
    Batch ended(const EntryFilter& filter, const EntryCursor& after);
    Batch open(const EntryFilter& filter, const EntryCursor& after);
    Batch sending(const EntryFilter& filter, const EntryCursor& after);
    Batch received(const EntryFilter& filter, const EntryCursor& after);
    Batch all(const EntryFilter& filter, const EntryCursor& after);
    void add_entries(Batch& batch, std::int64_t delivery, std::int64_t major, std::int64_t before);
    std::optional<std::int64_t> target_before(const EntryFilter& filter, std::int64_t target);
    bool fits(const EntryFilter& filter, std::int64_t entry);

    SqliteDatabase& database_;
    QueueTables& tables_;
};

}  // namespace webhook
