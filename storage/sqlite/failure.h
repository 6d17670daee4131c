#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "core/error.h"

namespace herald::storage::sqlite {

/// SQLite refused something. Thrown inside this folder only; the Store turns it into a core::Error.
class Failure final : public std::runtime_error {
public:
    Failure(int extended_code, const std::string& text)
        : std::runtime_error(text), code_(extended_code) {}

    /// Index and rows contradict each other, where SQLite itself saw nothing wrong.
    [[nodiscard]] static Failure damage(const std::string& what);

    [[nodiscard]] int code() const noexcept { return code_; }
    /// The disk or the file cannot be trusted any more: nothing may be acknowledged after it (Q5).
    [[nodiscard]] bool fatal() const noexcept;
    [[nodiscard]] bool disk_full() const noexcept;
    [[nodiscard]] bool busy() const noexcept;
    [[nodiscard]] bool foreign_key() const noexcept;
    /// An index is wrong, the rows may be right: only what needs it stops.
    [[nodiscard]] bool damaged_index() const noexcept;

private:
    int code_;
};

/// An operation says no: a conflict, nothing found. Thrown before its first write, so nothing is
/// rolled back.
class Refusal final : public std::exception {
public:
    explicit Refusal(core::Error error) : error_(std::move(error)) {}
    [[nodiscard]] const core::Error& error() const noexcept { return error_; }
    [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }

private:
    core::Error error_;
};

/// What a caller of the Store is told. `doing` is lower case: "append an event".
[[nodiscard]] core::Error to_error(const Failure& failure, std::string_view doing);

/// The same for a database that was not opened: nothing was under way. `doing` ends in ": ".
[[nodiscard]] core::Error to_open_error(const Failure& failure, std::string_view doing);

/// Runs `body` and turns what it throws into the error of a Result.
template <class T, class Body>
[[nodiscard]] core::Result<T> guarded(std::string_view doing, const Body& body);

[[nodiscard]] core::Error conflict(std::string code, std::string message);
[[nodiscard]] core::Error storage_error(std::string message);

template <class T, class Body>
core::Result<T> guarded(std::string_view doing, const Body& body) {
    try {
        return body();
    } catch (const Refusal& refusal) {
        return refusal.error();
    } catch (const Failure& failure) {
        return to_error(failure, doing);
    } catch (const std::exception& exception) {
        return storage_error(std::string(doing) + ": " + exception.what());
    }
}

}  // namespace herald::storage::sqlite
