// Rows as they stand in the pages of an SQLite file, whatever the trees above them say.
//
// Reads the leaves of tables (https://sqlite.org/fileformat2.html), but those on the list of free
// pages, which hold what was deleted. Whatever a page holds, nothing is read outside of the file,
// and each call ends. The file's log is not looked at.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace webhook {

class SqlitePages {
  public:
    static constexpr std::size_t kPage = 4096;

    // Where a row is.
    struct Cell {
        std::int64_t row = 0;
        std::uint32_t page = 0;
        std::uint16_t offset = 0;
    };
    // A number is in `number`, a text or bytes in `bytes`, the other one is empty.
    struct Value {
        std::int64_t number = 0;
        std::string bytes;
        bool is_bytes = false;
    };
    using Visitor = std::function<void(std::size_t columns, const Cell& cell)>;

    // Throws std::runtime_error if the file cannot be opened.
    explicit SqlitePages(const std::string& path);

    // Visits the rows of all tables.
    void scan(const Visitor& visit);
    // Returns nullopt if the row is not whole.
    std::optional<std::vector<Value>> read(const Cell& cell) const;

  private:
    using Page = std::array<unsigned char, kPage>;
    class Reader;
    struct Payload;

    bool load(std::uint32_t number, Page& page) const;
    void find_free_pages();
    void scan_page(std::uint32_t number, const Page& page, const Visitor& visit) const;
    static std::optional<Payload> payload_of(const Page& page, std::size_t offset);
    std::optional<std::string> whole(const Page& page, const Payload& payload) const;

    Descriptor file_;
    std::uint32_t pages_;
    std::vector<bool> free_;
};

}  // namespace webhook
