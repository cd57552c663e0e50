// The tables of a queue, and what is done to them within a transaction of the caller's.
//
// Of each order key and target, at most one entry is due or being sent; the others are behind it.
// When it ends, the one that came first takes its place. So what is due is found without looking at
// those that wait for their turn.
//
// Everything here throws SqliteError. For use by one thread; no lock is taken here.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/queue_data.h"
#include "store/queue_rows.h"
#include "store/sqlite.h"

namespace webhook {

// What marks a database as a queue's, and its layout.
inline constexpr std::int64_t kQueueApplication = 0x77687131;
inline constexpr std::int64_t kQueueLayout = 1;

// A process that sends: its name, and the making of the lock file which that is from.
struct Sender {
    std::int64_t era = 0;
    Owner owner{};
};

class QueueTables {
  public:
    explicit QueueTables(SqliteDatabase& database) : database_(database) {}

    // Makes the tables in an empty database.
    static void make(SqliteDatabase& database);

    // What a transaction has changed of the counts is written by flush(), before its commit.
    // forget() is for a transaction that comes to nothing.
    void flush();
    void forget();

    // The outcome is `failed`, and nothing changed, if the body cannot be read.
    Accepted accept(const Incoming& incoming, const Sender& sender, Milliseconds now);
    // Stores a delivery of another database under its own identifier, and says whether its body
    // could be read. What was being sent waits.
    bool adopt(DeliveryId id, const DeliveryHead& head, const BodyReader& body,
               std::span<const Entry> entries);

    void take(std::vector<Taken>& taken, const TakeLimit& limit, const Sender& sender,
              Milliseconds now);
    // Returns false if the sender does not send it.
    bool finish(const Outcome& outcome, const Sender& sender, Milliseconds now);
    // Returns how many wait again.
    std::size_t take_over(const Liveness& alive, std::int64_t era, Milliseconds now,
                          std::size_t most);
    std::optional<Milliseconds> next_due(std::span<const std::string> targets);

    // Returns nullopt if there is no such delivery.
    std::optional<std::size_t> read_body(DeliveryId id, std::uint64_t offset, std::span<char> into);
    std::optional<DeliveryHead> head(DeliveryId id);
    std::vector<Entry> entries_of(DeliveryId id);
    const std::string& target_name(std::int64_t target);
    std::optional<std::int64_t> find_target(const std::string& name);

    // These return false if there is no such entry, or if it is being sent.
    bool replay(EntryId entry, const std::string& by, Milliseconds at);
    bool purge(EntryId entry);
    void set_paused(const std::string& target, bool is_paused);
    std::vector<std::string> paused();
    // Removes what ended before this time in this way. Returns how many entries.
    std::size_t expire(StoredState state, Milliseconds before, std::size_t most);
    // Forgets which was the newest of order keys that had none since.
    std::size_t expire_newest(Milliseconds before, std::size_t most);
    std::vector<TargetStats> target_stats();

    // No delivery that is stored from now on has this identifier, or a lower one.
    void skip_ids(DeliveryId last);

    // Writes something that is of no meaning.
    void write_mark();

  private:
    // What has to be known of an entry to change its state.
    struct Row {
        std::int64_t id = 0;
        std::int64_t target = 0;
        StoredState state = StoredState::due;
        std::optional<std::int64_t> line;
        std::int64_t era = 0;
        std::int64_t owner = 0;
    };

    void load_targets();
    std::int64_t target_id(const std::string& name);
    std::optional<std::int64_t> find_unpaused(const std::string& name);

    bool insert_delivery(DeliveryId id, const DeliveryHead& head, const BodyReader& body);
    bool insert_pieces(DeliveryId id, const DeliveryHead& head, const BodyReader& body);
    void insert_entry(const Row& row, const Entry& entry);
    void enter(Accepted& accepted, const DeliveryHead& head, const IncomingTarget& target,
               const Sender& sender, Milliseconds now);
    bool is_outdated(std::int64_t target, const DeliveryHead& head, Milliseconds now);
    void supersede_older(std::int64_t target, const DeliveryHead& head, Milliseconds now);
    bool is_led(std::int64_t target, const std::optional<std::int64_t>& line);
    void promote(std::int64_t target, const std::optional<std::int64_t>& line);

    std::optional<Row> row(EntryId entry);
    void set_state(Row& row, StoredState state, Milliseconds at, DeathReason reason);
    void count(std::int64_t target, StoredState state, std::int64_t by);
    void remove(const Row& row);
    void remove_delivery_without_entries(DeliveryId id);
    Taken read_taken(std::int64_t entry, const std::string& target);

    SqliteDatabase& database_;
    std::map<std::string, std::int64_t, std::less<>> targets_;
    std::map<std::int64_t, std::string> names_;
    std::map<std::pair<std::int64_t, StoredState>, std::int64_t> counts_;
};

}  // namespace webhook
