// Deliveries for the tests of the durable queue.

#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/encoding.h"
#include "process_fixture.h"
#include "store/queue_file.h"

namespace webhook::testing {

using namespace std::literals;

inline constexpr Milliseconds kStart{1'800'000'000'000};

// Bytes that tell which delivery they are of, and where in it they stand.
inline std::string body_of(std::uint64_t number, std::size_t size) {
    std::string body(size, '\0');
    std::uint64_t state = number * 0x9e3779b97f4a7c15 + 1;
    for (char& byte : body) {
        state = state * 6364136223846793005 + 1442695040888963407;
        byte = static_cast<char>(state >> 56);
    }
    return body;
}

inline BodyReader reader_of(std::string body) {
    return [body = std::move(body)](std::uint64_t offset, std::span<char> piece) {
        if (offset + piece.size() > body.size()) return false;
        std::memcpy(piece.data(), body.data() + offset, piece.size());
        return true;
    };
}

inline Incoming incoming(std::uint64_t number, const std::vector<std::string>& targets = {"ci"},
                         std::size_t size = 100) {
    Incoming incoming;
    incoming.head.event_id = "evt_" + std::to_string(number);
    incoming.head.event_type = number % 2 == 0 ? "push" : "ping";
    incoming.head.endpoint = "/hooks/github";
    incoming.head.scheme = "github";
    incoming.head.secret_id = "0a1b";
    incoming.head.source = "192.0.2.1";
    incoming.head.received_at = kStart;
    incoming.head.headers =
        "Content-Type: application/json\nX-Number: " + std::to_string(number) + "\n";
    incoming.head.content_type = "application/json";
    incoming.head.body_size = size;
    incoming.head.keys = {event_key("/hooks/github", "id", incoming.head.event_id)};
    incoming.head.keys_ttl = 72h;
    std::string body = body_of(number, size);
    incoming.head.body_sha256 = to_hex(sha256(body));
    incoming.body = reader_of(std::move(body));
    for (const std::string& target : targets) incoming.targets.push_back({target, kStart});
    return incoming;
}

inline Incoming ordered(std::uint64_t number, const std::string& key, const std::string& value = "",
                        const std::vector<std::string>& targets = {"ci"}) {
    Incoming one = incoming(number, targets);
    one.head.order_key = key;
    one.head.order_value = value;
    return one;
}

inline std::string read_whole(QueueFile& file, DeliveryId id, std::size_t piece = 10'000) {
    std::string body;
    std::string buffer(piece, '\0');
    while (const std::size_t size = file.read_body(id, body.size(), buffer)) {
        body.append(buffer, 0, size);
    }
    return body;
}

class QueueTest : public ::testing::Test {
  protected:
    QueueTest() { chmod(folder_.path().c_str(), 0700); }

    QueueFile::Options options() const {
        QueueFile::Options options;
        options.path = path();
        options.max = std::uint64_t{256} << 20;
        options.checkpoint_pages = 100;
        return options;
    }
    std::string path() const { return folder_.file("later.db"); }
    void open() { open(options()); }
    void open(QueueFile::Options options) {
        file_.reset();
        file_ = std::make_unique<QueueFile>(std::move(options));
        self_ = file_->enroll();
    }

    Accepted accept(const Incoming& one) {
        return file_->accept(std::span(&one, 1), self_, now_).front();
    }
    DeliveryId store(const Incoming& one) {
        const Accepted accepted = accept(one);
        EXPECT_EQ(accepted.outcome, Stored::stored) << file_->error();
        return accepted.id;
    }
    std::vector<Taken> take(std::size_t most = 100, const std::string& target = "ci") {
        const TakeLimit limit{target, most};
        return file_->take(self_, std::span(&limit, 1), now_, most);
    }
    Outcome outcome(EntryId entry, Outcome::Kind kind, Milliseconds at = Milliseconds(0)) const {
        Outcome outcome;
        outcome.entry = entry;
        outcome.owner = self_;
        outcome.kind = kind;
        outcome.at = at;
        outcome.attempted_at = now_;
        if (kind == Outcome::Kind::dead) outcome.reason = DeathReason::exhausted;
        return outcome;
    }
    void finish(EntryId entry, Outcome::Kind kind, Milliseconds at = Milliseconds(0)) {
        const Outcome one = outcome(entry, kind, at);
        EXPECT_EQ(file_->finish(std::span(&one, 1), now_), 0U);
    }
    std::vector<Entry> list(const EntryFilter& filter = {}, std::size_t page = 7) {
        std::vector<Entry> all;
        std::optional<EntryCursor> next;
        do {
            EntryPage found = file_->list(filter, next, page);
            EXPECT_LE(found.entries.size(), page);
            std::ranges::move(found.entries, std::back_inserter(all));
            next = found.next;
        } while (next);
        return all;
    }
    std::string only_notice() {
        const std::vector<std::string> notices = file_->take_notices();
        EXPECT_EQ(notices.size(), 1U);
        return notices.empty() ? "" : notices.front();
    }

    Folder folder_;
    std::unique_ptr<QueueFile> file_;
    Owner self_{};
    Milliseconds now_ = kStart;
};

}  // namespace webhook::testing
