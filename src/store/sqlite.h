// SQLite as this house uses it: a connection that keeps its statements, errors as exceptions.
//
// sqlite3_config() is never called: it would concern all that the process has loaded. A connection
// has no busy handler, which would sleep: its user holds a lock of its own.
//
// For use by one thread at a time.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace webhook {

class SqliteError : public std::runtime_error {
  public:
    SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}

    // An extended result code.
    int code() const { return code_; }
    int primary_code() const { return code_ & 0xff; }
    // There is no room: in the file, or on the disk.
    bool is_full() const { return primary_code() == SQLITE_FULL; }
    // The file's content is not that of a database; or not of one for which these statements were
    // written.
    bool is_damage() const;
    // Somebody has a lock.
    bool is_busy() const {
        return primary_code() == SQLITE_BUSY || primary_code() == SQLITE_LOCKED;
    }

  private:
    int code_;
};

class SqliteDatabase {
  public:
    class Query;

    // Opens a file that exists. `vfs` may be null. All functions throw SqliteError.
    SqliteDatabase(const std::string& path, int flags, const char* vfs);
    ~SqliteDatabase();
    SqliteDatabase(const SqliteDatabase&) = delete;
    SqliteDatabase& operator=(const SqliteDatabase&) = delete;

    // Leaves the log as it is when this is destroyed, even if nobody else has the file open.
    void keep_log();
    // Runs statements of which no result is wanted.
    void run(const std::string& sql);
    // The number that a statement gives; 0 if it gives none.
    std::int64_t number(const char* sql);
    std::string text(const char* sql);
    bool is_in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }
    // Ends a transaction, if there is one, without its changes.
    void roll_back() noexcept;
    // The pages in the log after the last commit of this connection.
    int log_pages() const { return log_pages_; }
    // Writes the log back, as far as nobody reads it. Returns whether that was all.
    bool checkpoint(int mode);

  private:
    sqlite3_stmt* prepare(const char* sql);
    sqlite3_stmt* kept(const char* sql);
    [[noreturn]] void fail(int code) const;
    static int on_commit(void* database, sqlite3* connection, const char* name, int pages);

    sqlite3* connection_ = nullptr;
    // By the address of the text, which must be a constant.
    std::unordered_map<const char*, sqlite3_stmt*> statements_;
    int log_pages_ = 0;
};

// One use of a kept statement. What is bound must live as long as this.
class SqliteDatabase::Query {
  public:
    // The text must be a constant.
    Query(SqliteDatabase& database, const char* sql)
        : database_(database), statement_(database.kept(sql)) {}
    ~Query() {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // The next parameter.
    Query& operator<<(std::int64_t value);
    Query& operator<<(Milliseconds value) { return *this << std::int64_t{value.count()}; }
    Query& operator<<(std::string_view text);
    Query& operator<<(std::span<const std::byte> bytes);
    Query& operator<<(std::nullptr_t);

    // Goes to the next row. Returns false if there is none.
    bool next();
    // Goes through all rows, which are of no interest.
    void run() {
        while (next()) continue;
    }

    // The next column.
    std::int64_t number() { return sqlite3_column_int64(statement_, column_++); }
    Milliseconds time() { return Milliseconds(number()); }
    std::string text();
    std::span<const std::byte> bytes();
    bool is_null() const { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }
    void skip() { ++column_; }

  private:
    void check(int code) const {
        if (code != SQLITE_OK) database_.fail(code);
    }

    SqliteDatabase& database_;
    sqlite3_stmt* statement_;
    int parameter_ = 0;
    int column_ = 0;
};

}  // namespace webhook
