#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/id.h"
#include "storage/sqlite/failure.h"
#include "storage/sqlite/sql_text.h"

struct sqlite3;
struct sqlite3_stmt;

namespace herald::storage::sqlite {

/// Bytes for a BLOB column, borrowed.
struct Blob {
    std::string_view bytes;
};

/// One run of a prepared statement: binds, steps, reads columns in order; reset when it goes out of
/// scope, so that no read transaction outlives the expression that needed it (Q10).
class Query final {
public:
    enum class Copy { kNo, kYes };

    Query(sqlite3* db, sqlite3_stmt* statement) noexcept : db_(db), statement_(statement) {}
    template <class... Values>
    Query(sqlite3* db, sqlite3_stmt* statement, Copy copy, const Values&... values)
        : Query(db, statement) {
        bind(copy, values...);
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query();

    template <class... Values>
    void bind([[maybe_unused]] Copy copy, const Values&... values) {
        int index = 0;
        (bind_one(++index, copy, values), ...);
    }

    /// The next row; false at the end.
    [[nodiscard]] bool next();

    /// The next column of the row. `std::string_view` and `Blob` live until the next call of
    /// `next`.
    template <class T>
    [[nodiscard]] T take() {
        return read(column_++, std::type_identity<T>());
    }

private:
    template <class T>
    void bind_one(int index, Copy copy, const T& value);
    template <class T>
    void bind_one(int index, Copy copy, const std::optional<T>& value) {
        value ? bind_one(index, copy, *value) : bind_null(index);
    }
    void bind_null(int index);
    void bind_integer(int index, std::int64_t value);
    void bind_real(int index, double value);
    void bind_text(int index, Copy copy, std::string_view value);
    void bind_blob(int index, Copy copy, std::string_view value);
    void check(int code) const;

    template <class T>
    T read(int column, std::type_identity<T> type) const;
    template <class T>
    std::optional<T> read(int column, std::type_identity<std::optional<T>> /*type*/) const {
        if (is_null(column)) return std::nullopt;
        return read(column, std::type_identity<T>());
    }
    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] double real(int column) const;
    [[nodiscard]] std::string_view bytes(int column) const;
    [[nodiscard]] core::IdBytes id(int column) const;

    sqlite3* db_;
    sqlite3_stmt* statement_;
    int column_ = 0;
};

/// One SQLite connection with its prepared statements.
///
/// Thread-safety: none; one thread, or one mutex, at a time.
/// Errors: every method may throw Failure.
class Connection final {
public:
    enum class Access { kReadWrite, kReadOnly };

    Connection(const std::filesystem::path& path, Access access);
    Connection(Connection&&) noexcept = default;
    Connection& operator=(Connection&&) noexcept = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Runs a statement that yields no rows. Returns the rows it changed.
    template <class... Values>
    std::int64_t run(Sql sql, const Values&... values) {
        Query query(db_.get(), prepared(sql));
        query.bind(Query::Copy::kNo, values...);
        while (query.next()) {
        }
        return changes();
    }

    /// REQUIRES: no other run of the same statement is under way.
    template <class... Values>
    [[nodiscard]] Query query(Sql sql, const Values&... values) {
        return Query(db_.get(), prepared(sql), Query::Copy::kYes, values...);
    }

    /// Runs a script of fixed text; for migrations and pragmas only.
    void script(Sql sql);
    /// The first column of the first row of a statement that is run once; for pragmas.
    [[nodiscard]] std::string single(const std::string& sql);
    /// One column of every row, for looking at query plans.
    [[nodiscard]] std::vector<std::string> column(const std::string& sql, int index);
    /// Every statement that has been run by `run` or `query`, for looking at query plans.
    [[nodiscard]] std::vector<std::string> prepared_statements() const;
    /// How many virtual machine steps a statement takes.
    [[nodiscard]] int steps_of(const std::string& sql);

    [[nodiscard]] bool in_transaction() const;
    [[nodiscard]] std::int64_t total_changes() const;
    [[nodiscard]] std::int64_t last_insert_id() const;
    [[nodiscard]] sqlite3* handle() const noexcept { return db_.get(); }

private:
    struct Closer {
        void operator()(sqlite3* db) const noexcept;
    };
    struct Finalizer {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

    [[nodiscard]] sqlite3_stmt* prepared(Sql sql);
    [[nodiscard]] Statement prepare(const char* text);
    [[nodiscard]] std::int64_t changes() const;

    std::unique_ptr<sqlite3, Closer> db_;
    std::unordered_map<const char*, Statement> statements_;
};

template <class T>
void Query::bind_one(int index, Copy copy, const T& value) {
    if constexpr (std::is_same_v<T, Blob>) {
        bind_blob(index, copy, value.bytes);
    } else if constexpr (std::is_base_of_v<core::IdBytes, T>) {
        bind_blob(index, copy,
                  {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
    } else if constexpr (std::is_same_v<T, core::SystemTime> ||
                         std::is_same_v<T, core::StoredTime>) {
        bind_integer(index, value.time_since_epoch().count());
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
        bind_real(index, value);
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
        bind_text(index, copy, value);
    } else {
        bind_integer(index, value.count());  // a duration
    }
}

template <class T>
T Query::read(int column, std::type_identity<T> /*type*/) const {
    if constexpr (std::is_base_of_v<core::IdBytes, T>) {
        return T{id(column)};
    } else if constexpr (std::is_same_v<T, core::SystemTime> ||
                         std::is_same_v<T, core::StoredTime>) {
        return T(std::chrono::milliseconds(integer(column)));
    } else if constexpr (std::is_same_v<T, bool>) {
        return integer(column) != 0;
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
        return static_cast<T>(integer(column));
    } else if constexpr (std::is_floating_point_v<T>) {
        return real(column);
    } else if constexpr (std::is_same_v<T, Blob>) {
        return Blob{bytes(column)};
    } else if constexpr (std::is_constructible_v<T, std::string_view>) {
        return T(bytes(column));
    } else {
        return T(integer(column));  // a duration
    }
}

}  // namespace herald::storage::sqlite
