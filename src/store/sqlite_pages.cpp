#include "store/sqlite_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "base/text.h"

namespace webhook {
namespace {

constexpr unsigned char kTableLeaf = 0x0d;
constexpr std::size_t kFileHeader = 100;
constexpr std::size_t kFirstFree = 32;
constexpr std::size_t kPageHeader = 8;
// What of a row may stand on a leaf.
constexpr std::uint64_t kMostLocal = SqlitePages::kPage - 35;
constexpr std::uint64_t kLeastLocal = (SqlitePages::kPage - 12) * 32 / 255 - 23;
constexpr std::uint64_t kInOverflow = SqlitePages::kPage - 4;
constexpr std::uint64_t kMostPayload = std::uint64_t{1} << 30;
constexpr std::size_t kMostColumns = 64;

template <typename Bytes>
std::uint64_t big_endian(const Bytes& bytes, std::size_t at, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = at; i < at + size; ++i) {
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return number;
}

// Of a type of a value: how many bytes it takes.
std::uint64_t size_of(std::uint64_t type) {
    constexpr std::array<std::uint64_t, 12> kSizes{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return type < kSizes.size() ? kSizes[type] : (type - 12) / 2;
}

std::int64_t number_of(std::uint64_t type, std::string_view bytes) {
    if (type == 9) return 1;
    if (bytes.empty()) return 0;
    std::uint64_t number = big_endian(bytes, 0, bytes.size());
    const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
    return static_cast<std::int64_t>(number << unused) >> unused;
}

}  // namespace

// Numbers of one to nine bytes.
class SqlitePages::Reader {
  public:
    explicit Reader(std::span<const unsigned char> bytes) : bytes_(bytes) {}

    std::size_t position() const { return position_; }
    bool is_whole() const { return is_whole_; }
    std::uint64_t number() {
        std::uint64_t number = 0;
        for (int i = 0; i < 9; ++i) {
            if (position_ >= bytes_.size()) {
                is_whole_ = false;
                return 0;
            }
            const unsigned char byte = bytes_[position_++];
            if (i == 8) return number << 8 | byte;
            number = number << 7 | (byte & 0x7f);
            if ((byte & 0x80) == 0) break;
        }
        return number;
    }

  private:
    std::span<const unsigned char> bytes_;
    std::size_t position_ = 0;
    bool is_whole_ = true;
};

struct SqlitePages::Payload {
    std::int64_t row;
    std::uint64_t size;
    // On the leaf.
    std::size_t offset;
    std::size_t local;
};

SqlitePages::SqlitePages(const std::string& path)
    : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
    if (file_.get() < 0) {
        throw std::runtime_error("cannot open " + in_quotes(path) + ": " + system_message(errno));
    }
    pages_ = static_cast<std::uint32_t>(
        std::min<std::size_t>(file_.size() / kPage, std::uint32_t{1} << 31));
    free_.resize(std::size_t{pages_} + 1);
}

bool SqlitePages::load(std::uint32_t number, Page& page) const {
    if (number == 0 || number > pages_) return false;
    const auto offset = static_cast<off_t>(number - 1) * static_cast<off_t>(kPage);
    return pread(file_.get(), page.data(), kPage, offset) == static_cast<ssize_t>(kPage);
}

void SqlitePages::find_free_pages() {
    Page page;
    if (!load(1, page)) return;
    auto next = static_cast<std::uint32_t>(big_endian(page, kFirstFree, 4));
    while (next != 0 && next <= pages_ && !free_[next] && load(next, page)) {
        free_[next] = true;
        const std::uint64_t count = big_endian(page, 4, 4);
        if (count > kPage / 4 - 2) return;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t leaf = big_endian(page, 8 + 4 * i, 4);
            if (leaf <= pages_) free_[leaf] = true;
        }
        next = static_cast<std::uint32_t>(big_endian(page, 0, 4));
    }
}

void SqlitePages::scan(const Visitor& visit) {
    find_free_pages();
    Page page;
    for (std::uint32_t number = 1; number <= pages_; ++number) {
        if (!free_[number] && load(number, page)) scan_page(number, page, visit);
    }
}

void SqlitePages::scan_page(std::uint32_t number, const Page& page, const Visitor& visit) const {
    const std::size_t start = number == 1 ? kFileHeader : 0;
    if (page[start] != kTableLeaf) return;
    const std::uint64_t cells = big_endian(page, start + 3, 2);
    if (start + kPageHeader + 2 * cells > kPage) return;
    for (std::uint64_t i = 0; i < cells; ++i) {
        const std::size_t offset = big_endian(page, start + kPageHeader + 2 * i, 2);
        const std::optional<Payload> payload = payload_of(page, offset);
        if (!payload) continue;
        Reader types{std::span(page).subspan(payload->offset, payload->local)};
        const std::uint64_t end = types.number();
        std::size_t columns = 0;
        while (types.is_whole() && types.position() < end && columns <= kMostColumns) {
            types.number();
            ++columns;
        }
        if (!types.is_whole() || types.position() != end) continue;
        visit(columns, {payload->row, number, static_cast<std::uint16_t>(offset)});
    }
}

std::optional<SqlitePages::Payload> SqlitePages::payload_of(const Page& page, std::size_t offset) {
    if (offset < kPageHeader || offset >= kPage) return std::nullopt;
    Reader head{std::span(page).subspan(offset)};
    Payload payload{};
    payload.size = head.number();
    payload.row = static_cast<std::int64_t>(head.number());
    if (!head.is_whole() || payload.size > kMostPayload) return std::nullopt;
    payload.offset = offset + head.position();
    payload.local = payload.size;
    if (payload.size > kMostLocal) {
        const std::uint64_t rest = kLeastLocal + (payload.size - kLeastLocal) % kInOverflow;
        payload.local = rest <= kMostLocal ? rest : kLeastLocal;
    }
    const std::size_t link = payload.size > kMostLocal ? 4 : 0;
    if (payload.offset + payload.local + link > kPage) return std::nullopt;
    return payload;
}

// What is on the leaf, and on the pages that follow.
std::optional<std::string> SqlitePages::whole(const Page& page, const Payload& payload) const {
    std::string bytes(reinterpret_cast<const char*>(page.data()) + payload.offset, payload.local);
    if (bytes.size() == payload.size) return bytes;
    std::uint64_t next = big_endian(page, payload.offset + payload.local, 4);
    Page further;
    while (bytes.size() < payload.size) {
        if (next > pages_ || !load(static_cast<std::uint32_t>(next), further)) return std::nullopt;
        const std::uint64_t part = std::min(payload.size - bytes.size(), kInOverflow);
        bytes.append(reinterpret_cast<const char*>(further.data()) + 4, part);
        next = big_endian(further, 0, 4);
    }
    if (next != 0) return std::nullopt;
    return bytes;
}

std::optional<std::vector<SqlitePages::Value>> SqlitePages::read(const Cell& cell) const {
    Page page;
    if (!load(cell.page, page)) return std::nullopt;
    const std::optional<Payload> payload = payload_of(page, cell.offset);
    if (!payload) return std::nullopt;
    const std::optional<std::string> bytes = whole(page, *payload);
    if (!bytes) return std::nullopt;
    const auto* start = reinterpret_cast<const unsigned char*>(bytes->data());
    Reader types(std::span(start, bytes->size()));
    const std::uint64_t end = types.number();
    std::uint64_t position = end;
    std::vector<Value> values;
    while (types.position() < end) {
        const std::uint64_t type = types.number();
        const std::uint64_t size = size_of(type);
        if (!types.is_whole() || position > bytes->size() || size > bytes->size() - position) {
            return std::nullopt;
        }
        const std::string_view value = std::string_view(*bytes).substr(position, size);
        position += size;
        if (type >= 12) {
            values.push_back({0, std::string(value), true});
        } else {
            values.push_back({number_of(type, value), "", false});
        }
    }
    if (position != bytes->size()) return std::nullopt;
    return values;
}

}  // namespace webhook
