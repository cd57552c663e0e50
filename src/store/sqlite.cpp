#include "store/sqlite.h"

#include <algorithm>
#include <array>

#include "base/file.h"

namespace webhook {

bool SqliteError::is_damage() const {
    constexpr std::array kDamage{SQLITE_CORRUPT,    SQLITE_NOTADB,   SQLITE_ERROR, SQLITE_SCHEMA,
                                 SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_FORMAT};
    return std::ranges::find(kDamage, primary_code()) != kDamage.end();
}

SqliteDatabase::SqliteDatabase(const std::string& path, int flags, const char* vfs) {
    const int code = sqlite3_open_v2(path.c_str(), &connection_, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (connection_ == nullptr) throw SqliteError(SQLITE_NOMEM, "memory is short");
    sqlite3_extended_result_codes(connection_, 1);
    if (code != SQLITE_OK) {
        const SqliteError error(sqlite3_extended_errcode(connection_), sqlite3_errmsg(connection_));
        sqlite3_close_v2(connection_);
        throw error;
    }
    sqlite3_wal_hook(connection_, &on_commit, this);
    // What the file says is not to be trusted more than necessary.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

SqliteDatabase::~SqliteDatabase() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close_v2(connection_);
}

void SqliteDatabase::keep_log() {
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void SqliteDatabase::fail(int code) const {
    std::string what = sqlite3_errmsg(connection_);
    const int error = sqlite3_system_errno(connection_);
    const int primary = code & 0xff;
    if (error != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)) {
        what += ": " + system_message(error);
    }
    throw SqliteError(code, what);
}

int SqliteDatabase::on_commit(void* database, sqlite3*, const char*, int pages) {
    static_cast<SqliteDatabase*>(database)->log_pages_ = pages;
    return SQLITE_OK;
}

void SqliteDatabase::run(const std::string& sql) {
    const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
}

std::int64_t SqliteDatabase::number(const char* sql) {
    Query query(*this, sql);
    return query.next() ? query.number() : 0;
}

std::string SqliteDatabase::text(const char* sql) {
    Query query(*this, sql);
    return query.next() ? query.text() : "";
}

void SqliteDatabase::roll_back() noexcept {
    if (is_in_transaction()) sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool SqliteDatabase::checkpoint(int mode) {
    int in_log = 0;
    int written = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection_, nullptr, mode, &in_log, &written);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) fail(code);
    if (in_log == written) log_pages_ = 0;
    return in_log == written;
}

sqlite3_stmt* SqliteDatabase::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(connection_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) fail(code);
    return statement;
}

sqlite3_stmt* SqliteDatabase::kept(const char* sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) return found->second;
    sqlite3_stmt* const statement = prepare(sql);
    statements_.emplace(sql, statement);
    return statement;
}

using Query = SqliteDatabase::Query;

Query& Query::operator<<(std::int64_t value) {
    check(sqlite3_bind_int64(statement_, ++parameter_, value));
    return *this;
}

Query& Query::operator<<(std::string_view text) {
    // A null pointer would be bound as NULL.
    const char* const start = text.data() == nullptr ? "" : text.data();
    check(sqlite3_bind_text64(statement_, ++parameter_, start, text.size(), SQLITE_STATIC,
                              SQLITE_UTF8));
    return *this;
}

Query& Query::operator<<(std::span<const std::byte> bytes) {
    const void* const start = bytes.data() == nullptr ? "" : static_cast<const void*>(bytes.data());
    check(sqlite3_bind_blob64(statement_, ++parameter_, start, bytes.size(), SQLITE_STATIC));
    return *this;
}

Query& Query::operator<<(std::nullptr_t) {
    check(sqlite3_bind_null(statement_, ++parameter_));
    return *this;
}

bool Query::next() {
    column_ = 0;
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_.fail(code);
    return false;
}

std::string Query::text() {
    const std::span<const std::byte> found = bytes();
    return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::span<const std::byte> Query::bytes() {
    const void* const start = sqlite3_column_blob(statement_, column_);
    const int size = sqlite3_column_bytes(statement_, column_++);
    if (start == nullptr) return {};
    return {static_cast<const std::byte*>(start), static_cast<std::size_t>(size)};
}

}  // namespace webhook
