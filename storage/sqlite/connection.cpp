#include "storage/sqlite/connection.h"

#include <sqlite3.h>
#include <boost/assert.hpp>

#include <algorithm>

namespace herald::storage::sqlite {
namespace {

[[noreturn]] void fail(sqlite3* db) {
    throw Failure(sqlite3_extended_errcode(db), sqlite3_errmsg(db));
}

// SQLite's own macros for these two are C casts.
const sqlite3_destructor_type kBorrowed = nullptr;
const auto kCopied = reinterpret_cast<sqlite3_destructor_type>(static_cast<std::intptr_t>(-1));

/// Memory statistics cost a lock for each allocation and nobody reads them. Too late, it has no
/// effect.
void configure_library() {
    static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    static_cast<void>(done);
}

}  // namespace

Query::~Query() {
    sqlite3_reset(statement_);
}

bool Query::next() {
    column_ = 0;
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    fail(db_);
}

void Query::check(int code) const {
    if (code != SQLITE_OK) fail(db_);
}

void Query::bind_null(int index) {
    check(sqlite3_bind_null(statement_, index));
}

void Query::bind_integer(int index, std::int64_t value) {
    check(sqlite3_bind_int64(statement_, index, value));
}

void Query::bind_real(int index, double value) {
    check(sqlite3_bind_double(statement_, index, value));
}

void Query::bind_text(int index, Copy copy, std::string_view value) {
    check(sqlite3_bind_text64(statement_, index, value.empty() ? "" : value.data(), value.size(),
                              copy == Copy::kYes ? kCopied : kBorrowed, SQLITE_UTF8));
}

void Query::bind_blob(int index, Copy copy, std::string_view value) {
    // A null pointer would bind NULL, not a BLOB of no bytes.
    check(sqlite3_bind_blob64(statement_, index, value.empty() ? "" : value.data(), value.size(),
                              copy == Copy::kYes ? kCopied : kBorrowed));
}

bool Query::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

double Query::real(int column) const {
    return sqlite3_column_double(statement_, column);
}

std::string_view Query::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string_view() : std::string_view(data, size);
}

core::IdBytes Query::id(int column) const {
    const std::string_view raw = bytes(column);
    core::IdBytes id;
    if (raw.size() != id.bytes.size())
        throw Failure(SQLITE_CORRUPT, "a stored id has the wrong size");
    std::copy_n(raw.data(), raw.size(), id.bytes.data());
    return id;
}

Connection::Connection(const std::filesystem::path& path, Access access) {
    configure_library();
    const int mode = access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &db,
                                     mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    db_.reset(db);
    if (code != SQLITE_OK)
        throw Failure(code, db != nullptr ? sqlite3_errmsg(db) : "out of memory");
}

Connection::~Connection() {
    statements_.clear();
}

void Connection::Closer::operator()(sqlite3* db) const noexcept {
    sqlite3_close_v2(db);
}

void Connection::Finalizer::operator()(sqlite3_stmt* statement) const noexcept {
    sqlite3_finalize(statement);
}

Connection::Statement Connection::prepare(const char* text) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db_.get(), text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK) {
        fail(db_.get());
    }
    return Statement(statement);
}

sqlite3_stmt* Connection::prepared(Sql sql) {
    auto found = statements_.find(sql.text());
    if (found == statements_.end()) {
        found = statements_.emplace(sql.text(), prepare(sql.text())).first;
    }
    BOOST_ASSERT(sqlite3_stmt_busy(found->second.get()) == 0);
    return found->second.get();
}

void Connection::script(Sql sql) {
    if (sqlite3_exec(db_.get(), sql.text(), nullptr, nullptr, nullptr) != SQLITE_OK)
        fail(db_.get());
}

std::string Connection::single(const std::string& sql) {
    const Statement statement = prepare(sql.c_str());
    Query query(db_.get(), statement.get());
    return query.next() ? query.take<std::string>() : std::string();
}

std::vector<std::string> Connection::column(const std::string& sql, int index) {
    const Statement statement = prepare(sql.c_str());
    std::vector<std::string> values;
    for (Query query(db_.get(), statement.get()); query.next();) {
        for (int skipped = 0; skipped < index; ++skipped)
            static_cast<void>(query.take<std::string_view>());
        values.push_back(query.take<std::string>());
    }
    return values;
}

std::vector<std::string> Connection::prepared_statements() const {
    std::vector<std::string> texts;
    for (const auto& [text, statement] : statements_) texts.emplace_back(text);
    return texts;
}

int Connection::steps_of(const std::string& sql) {
    const Statement statement = prepare(sql.c_str());
    Query query(db_.get(), statement.get());
    while (query.next()) {
    }
    return sqlite3_stmt_status(statement.get(), SQLITE_STMTSTATUS_VM_STEP, 0);
}

bool Connection::in_transaction() const {
    return sqlite3_get_autocommit(db_.get()) == 0;
}

std::int64_t Connection::total_changes() const {
    return sqlite3_total_changes64(db_.get());
}

std::int64_t Connection::last_insert_id() const {
    return sqlite3_last_insert_rowid(db_.get());
}

std::int64_t Connection::changes() const {
    return sqlite3_changes64(db_.get());
}

}  // namespace herald::storage::sqlite
