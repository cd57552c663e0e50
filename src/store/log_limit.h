// Whether a line of a log may be written: of each kind one in a second, by whichever process. The
// others are counted, and told with the next one.
//
// It lives in memory that processes share, and takes no lock. Kinds are told apart by hashes. While
// two kinds with the same place in the table are active, one of them is not limited.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace webhook {

class LogLimit {
  public:
    // How many kinds it tells apart at best.
    static constexpr std::size_t kMostKinds = 8192;

    // In bytes.
    static std::size_t size();

    // A block of that size, aligned to 8 bytes, which holds zeros when it is first used.
    explicit LogLimit(std::span<std::byte> block);

    // How many lines were left out since the last one, if this one may be written; otherwise it is
    // left out. A caller that leaves one out has to call take() in a second or two.
    std::optional<std::uint32_t> ask(std::uint64_t kind, std::int64_t second);

    // How many were left out in an earlier second and not told yet, of which the caller tells now.
    // No value: come again, this second is not over.
    std::optional<std::uint32_t> take(std::uint64_t kind, std::int64_t second);

  private:
    using Place = std::atomic<std::uint64_t>;

    Place& place_of(std::uint64_t kind) const;

    std::span<Place> places_;
};

}  // namespace webhook
