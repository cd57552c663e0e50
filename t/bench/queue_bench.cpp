// Measures the file of the durable queue: how fast deliveries are stored and sent, alone and with
// many that wait, and what that takes of memory.
//
//     queue_bench DIRECTORY [WAITING]

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "store/queue_file.h"

namespace {

using namespace webhook;
using Clock = std::chrono::steady_clock;

constexpr Milliseconds kNow{1'800'000'000'000};
constexpr std::size_t kBody = 1024;
// Long enough that the log is written back several times.
constexpr std::size_t kGroups = 4000;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this process, in microseconds.
double cpu_time() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

Incoming delivery(std::uint64_t number) {
    static const std::string body(kBody, 'b');
    Incoming one;
    // As random as those of senders are.
    one.head.event_id = std::to_string(number * 0x9e3779b97f4a7c15) + "-" + std::to_string(number);
    one.head.event_type = "push";
    one.head.endpoint = "/hooks/github";
    one.head.scheme = "github";
    one.head.received_at = kNow;
    one.head.headers = std::string(500, 'h');
    one.head.content_type = "application/json";
    one.head.body_size = kBody;
    one.head.keys.resize(1);
    one.body = [](std::uint64_t offset, std::span<char> piece) {
        std::memcpy(piece.data(), body.data() + offset, piece.size());
        return true;
    };
    one.targets.push_back({"ci", kNow});
    return one;
}

std::uint64_t next_number = 0;

// Returns deliveries per second.
double accept(QueueFile& file, Owner owner, std::size_t group, std::size_t total) {
    const auto start = Clock::now();
    for (std::size_t done = 0; done < total; done += group) {
        std::vector<Incoming> batch;
        for (std::size_t i = 0; i < group; ++i) batch.push_back(delivery(++next_number));
        for (const Accepted& accepted : file.accept(batch, owner, kNow)) {
            if (accepted.outcome == Stored::stored) continue;
            std::fprintf(stderr, "not stored: %s\n", file.error().c_str());
            std::exit(1);
        }
    }
    return static_cast<double>(total) / seconds_since(start);
}

double send(QueueFile& file, Owner owner, std::size_t group, std::size_t total) {
    const TakeLimit limit{"ci", group};
    const auto start = Clock::now();
    std::size_t sent = 0;
    while (sent < total) {
        std::vector<Outcome> outcomes;
        for (const Taken& taken : file.take(owner, std::span(&limit, 1), kNow, group)) {
            Outcome& outcome = outcomes.emplace_back();
            outcome.entry = taken.entry;
            outcome.owner = owner;
            outcome.attempted_at = kNow;
            outcome.status = 200;
        }
        if (outcomes.empty()) break;
        file.finish(outcomes, kNow);
        sent += outcomes.size();
    }
    return static_cast<double>(sent) / seconds_since(start);
}

double megabytes_of_memory() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

void measure(QueueFile& file, Owner owner, const char* when) {
    for (const std::size_t group : {1, 8, 64}) {
        const double cpu = cpu_time();
        const std::size_t total = group * kGroups;
        const double rate = accept(file, owner, group, total);
        const double each = (cpu_time() - cpu) / static_cast<double>(total);
        std::printf("%-24s accept, %2zu together     %9.0f /s, %6.1f us of CPU each\n", when, group,
                    rate, each);
    }
    for (const std::size_t group : {1, 8, 64}) {
        const double rate = send(file, owner, group, group * kGroups);
        std::printf("%-24s take and end, %2zu       %9.0f /s\n", when, group, rate);
    }
    std::printf("%-24s most memory            %9.1f MB\n", when, megabytes_of_memory());
}

template <typename Action>
void time_of(const char* what, const Action& action) {
    const auto start = Clock::now();
    action();
    std::printf("%-48s %9.3f ms\n", what, seconds_since(start) * 1000);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "usage: queue_bench DIRECTORY [WAITING]\n");
        return 2;
    }
    const std::string directory = std::string(arguments[1]) + "/queue-bench";
    const std::size_t waiting = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 100'000;
    mkdir(directory.c_str(), 0700);
    QueueFile::Options options;
    options.path = directory + "/later.db";
    options.max = std::uint64_t{16} << 30;
    for (const char* end : {"", "-wal", "-shm", ".lock"}) unlink((options.path + end).c_str());
    {
        QueueFile file(options);
        const Owner owner = file.enroll();
        measure(file, owner, "empty");
        std::printf("%-24s accept, 256 together   %9.0f /s\n", "filling",
                    accept(file, owner, 256, waiting / 256 * 256));
        const std::string many = std::to_string(waiting) + " wait";
        measure(file, owner, many.c_str());
        const std::vector<std::string> targets{"ci"};
        time_of("next_due", [&] { file.next_due(targets); });
        time_of("stats", [&] { file.stats(); });
        time_of("list of 50, newest", [&] { file.list({}, {}, 50); });
        time_of("list of 50 that wait", [&] { file.list({.state = EntryState::waiting}, {}, 50); });
        time_of("list of an event",
                [&] { file.list({.event_id = delivery(7).head.event_id}, {}, 50); });
        time_of("list of a type that there is not (one call)",
                [&] { file.list({.event_type = "none"}, {}, 50); });
        time_of("expire nothing",
                [&] { file.expire(kNow, Milliseconds(1), Milliseconds(1), 256); });
        time_of("checkpoint", [&] { file.checkpoint(true); });
        time_of("opening", [&] { const QueueFile other(options); });
        struct stat status {};
        stat(options.path.c_str(), &status);
        const double size = static_cast<double>(status.st_size);
        std::printf("%-48s %9.2f bytes a delivery\n", "file",
                    size / static_cast<double>(next_number));
    }
    for (const char* end : {"", "-wal", "-shm", ".lock"}) unlink((options.path + end).c_str());
    rmdir(directory.c_str());
}
