// What the steps of the pure library cost, in nanoseconds of CPU time: the median of
// several runs of each.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inspect/inspection.h"
#include "jsonschema/validator.h"
#include "scheme/presets.h"
#include "store/dedup_table.h"
#include "verify/credentials.h"
#include "verify/signing_key.h"

namespace webhook {
namespace {

constexpr TableSecret kSecret{0x243f6a8885a308d3, 0x13198a2e03707344, 0xbe5466cf34e90c6c,
                              0xc0ac29b7c97c50dd, 0xa4093822299f31d0};

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr int kRuns = 7;
constexpr Milliseconds kNow{1767225600000};
constexpr std::string_view kKey = "a secret of the usual length, 40 bytes..";

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "core_bench: %s\n", what);
    std::exit(1);
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void report(const char* what, std::vector<double> nanoseconds) {
    std::printf("  %-46s %9.0f ns\n", what, median(std::move(nanoseconds)));
}

double cpu_nanoseconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double nanoseconds_each(int count, const std::function<void(int)>& run) {
    const double start = cpu_nanoseconds();
    run(count);
    return (cpu_nanoseconds() - start) / count;
}

void measure(const char* what, int count, const std::function<void(int)>& run) {
    run(count / 10);
    std::vector<double> results;
    for (int i = 0; i < kRuns; ++i) results.push_back(nanoseconds_each(count, run));
    report(what, std::move(results));
}

std::string signature_of(std::string_view body) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    unsigned size = 0;
    HMAC(EVP_sha256(), kKey.data(), static_cast<int>(kKey.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), code.data(), &size);
    std::string text = "sha256=";
    for (unsigned i = 0; i < size; ++i) {
        std::array<char, 3> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", code[i]);
        text += digits.data();
    }
    return text;
}

// As GitHub sends them.
Headers headers_for(std::string_view body) {
    return {{"Host", "example.org"},
            {"User-Agent", "GitHub-Hookshot/044aadd"},
            {"Content-Length", std::to_string(body.size())},
            {"Accept", "*/*"},
            {"Content-Type", "application/json"},
            {"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
            {"X-GitHub-Event", "push"},
            {"X-GitHub-Hook-ID", "292430182"},
            {"X-Hub-Signature-256", signature_of(body)}};
}

void read(const Scheme& scheme, const Headers& headers, SchemeHeaders& offered,
          Credentials& presented) {
    for (const auto& [name, value] : headers) offered.offer(name, value);
    if (read_headers(scheme, offered, kNow, std::nullopt, presented)) fail("headers refused");
}

void measure_headers(const Scheme& scheme) {
    const Headers headers = headers_for("{}");
    measure("reading 9 headers", 200000, [&](int count) {
        for (int i = 0; i < count; ++i) {
            SchemeHeaders offered(scheme);
            Credentials presented;
            read(scheme, headers, offered, presented);
        }
    });
}

// What a location takes of a request, and no more.
class BenchRequest final : public RequestAccess {
  public:
    BenchRequest(const Headers& headers, std::span<const SigningSecret* const> secrets)
        : headers_(headers), secrets_(secrets) {}

    void offer_headers(SchemeHeaders& offered) override {
        for (const auto& [name, value] : headers_) offered.offer(name, value);
    }
    void offer_headers(ContentCharset& charset) override {
        for (const auto& [name, value] : headers_) charset.offer(name, value);
    }
    bool source_is_allowed() override { return true; }
    ConfiguredUrl url() override { return {}; }
    RequestSecrets secrets(Milliseconds) override { return {secrets_, false}; }
    std::string_view value_of_key(std::size_t) override { return {}; }
    std::string_view keep(std::string_view text) override { return kept_ = text; }
    JsonDocument& json_document() override { return json_; }
    SchemaValidator& schema_validator() override { return validator_; }

  private:
    const Headers& headers_;
    std::span<const SigningSecret* const> secrets_;
    std::string kept_;
    JsonDocument json_;
    SchemaValidator validator_;
};

class BenchBody final : public BodyAccess {
  public:
    explicit BenchBody(std::size_t size) : size_(static_cast<std::int64_t>(size)) {}

    std::int64_t sent_size() const override { return size_; }
    std::int64_t size() const override { return size_; }
    bool is_as_declared() const override { return true; }
    bool is_sound() const override { return true; }
    WholeBody& whole() override { fail("the body is wanted as a whole"); }
    void hash(HashStream&) override { fail("the body is wanted again"); }

  private:
    std::int64_t size_;
};

void measure_inspection(const char* what, const Scheme& scheme, std::size_t size, int count) {
    const std::string body(size, 'b');
    const SigningSecret secret{"", std::nullopt, SigningKey(scheme, kKey)};
    const std::array secrets{&secret};
    const Headers headers = headers_for(body);
    BenchRequest request(headers, secrets);
    BenchBody whole(size);
    Policy policy;
    policy.scheme = std::shared_ptr<const Scheme>(&scheme, [](const Scheme*) {});
    policy.keys = {{KeyRule::Kind::event_id, "$webhook_event_id"}};
    RequestHead head;
    head.method = "POST";
    head.endpoint = "github";
    measure(what, count, [&](int times) {
        for (int i = 0; i < times; ++i) {
            Inspection inspection(policy, {}, head, request);
            auto outcome = inspection.before_body(kNow);
            auto* of_body = std::get_if<BodyInspection>(&outcome);
            if (of_body == nullptr) fail("refused before the body");
            of_body->update(body);
            if (of_body->finish(whole, kNow)) fail("verification failed");
        }
    });
}

void measure_one_shot(const char* what, std::size_t size, int count) {
    const std::string body(size, 'b');
    std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
    measure(what, count, [&](int times) {
        for (int i = 0; i < times; ++i) {
            unsigned length = 0;
            HMAC(EVP_sha256(), kKey.data(), static_cast<int>(kKey.size()),
                 reinterpret_cast<const unsigned char*>(body.data()), body.size(), code.data(),
                 &length);
        }
    });
}

void measure_event_key() {
    const std::string id = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    unsigned sum = 0;
    measure("key of an event id (SHA-256)", 200000, [&](int count) {
        for (int i = 0; i < count; ++i) {
            sum += event_key("github", "$webhook_event_id", id).bytes[0];
        }
    });
    if (sum == 0) fail("all keys are zero");
}

struct AllAlive final : Liveness {
    bool alive(Owner) const override { return true; }
};

class KeySource {
  public:
    EventKey next() {
        EventKey key;
        for (std::uint8_t& byte : key.bytes) byte = static_cast<std::uint8_t>(random_());
        return key;
    }

  private:
    std::mt19937_64 random_{20260101};
};

void remember(DedupTable& table, const EventKey& key, std::uint64_t sequence) {
    constexpr std::uint32_t kTime = 1767225600;
    const ClaimToken token{{1, 1}, sequence};
    const std::array keys{key};
    const auto result = table.claim(keys, token, kTime, WhenFull::evict, AllAlive());
    if (result.outcome != ClaimOutcome::claimed) fail("a new event was not claimed");
    table.commit(keys, token, 200, kTime, kTime + 72 * 3600);
}

// All in a block of the same size, so that only the number of events differs.
void measure_memory(const char* what, std::size_t events) {
    constexpr std::size_t kBlock = 64 * 1024 * 1024;
    constexpr int kNew = 20000;
    std::vector<double> results;
    KeySource source;
    std::vector<std::byte> block(kBlock);
    DedupTable table = DedupTable::format(block, kSecret);
    std::uint64_t sequence = 0;
    for (std::size_t i = 0; i < events; ++i) remember(table, source.next(), ++sequence);
    for (int run = 0; run < kRuns; ++run) {
        std::vector<EventKey> keys;
        for (int i = 0; i < kNew; ++i) keys.push_back(source.next());
        results.push_back(nanoseconds_each(kNew, [&](int count) {
            for (int i = 0; i < count; ++i) {
                remember(table, keys[static_cast<std::size_t>(i)], ++sequence);
            }
        }));
    }
    report(what, std::move(results));
}

void run() {
    const Scheme github = preset_scheme("github").value();
    measure_headers(github);
    measure_inspection("inspecting 1 KB", github, 1024, 100000);
    measure_one_shot("  OpenSSL's HMAC(), 1 KB", 1024, 100000);
    measure_inspection("inspecting 16 KB", github, 16384, 10000);
    measure_one_shot("  OpenSSL's HMAC(), 16 KB", 16384, 10000);
    measure_event_key();
    measure_memory("claim and commit, among 10 thousand events", 10000);
    measure_memory("claim and commit, among 1 million events", 1000000);
}

}  // namespace
}  // namespace webhook

int main() {
    webhook::run();
}
