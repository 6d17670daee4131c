#include "storage/sqlite/failure.h"

#include <sqlite3.h>

namespace herald::storage::sqlite {
namespace {

int primary(int extended_code) {
    return extended_code & 0xFF;
}

core::Error described(core::ErrorKind kind, std::string_view code, std::string_view doing,
                      std::string_view cause, std::string_view remedy) {
    core::Error error{.kind = kind, .code = std::string(code), .message = std::string(doing)};
    error.message.append(": ").append(cause).append("; ").append(remedy);
    return error;
}

}  // namespace

Failure Failure::damage(const std::string& what) {
    return {SQLITE_CORRUPT_INDEX, what};
}

bool Failure::damaged_index() const noexcept {
    return code_ == SQLITE_CORRUPT_INDEX;
}

bool Failure::fatal() const noexcept {
    if (damaged_index()) return false;
    switch (primary(code_)) {
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_READONLY:
            return true;
        default:
            return false;
    }
}

bool Failure::disk_full() const noexcept {
    return primary(code_) == SQLITE_FULL;
}

bool Failure::busy() const noexcept {
    return primary(code_) == SQLITE_BUSY || primary(code_) == SQLITE_LOCKED;
}

bool Failure::foreign_key() const noexcept {
    // RESTRICT is carried out by a trigger of SQLite's own making and reports as one.
    return code_ == SQLITE_CONSTRAINT_FOREIGNKEY || code_ == SQLITE_CONSTRAINT_TRIGGER;
}

core::Error to_error(const Failure& failure, std::string_view doing) {
    using core::ErrorKind;
    const std::string_view cause = failure.what();
    if (failure.disk_full()) {
        return described(ErrorKind::kTransient, "storage_full", doing, cause,
                         "nothing was stored; free disk space and send again");
    }
    if (failure.busy()) {
        return described(ErrorKind::kTransient, "database_locked", doing, cause,
                         "nothing was stored; end the other program that has the database open");
    }
    if (failure.fatal()) {
        return described(ErrorKind::kStorage, "storage_error", doing, cause,
                         "outcome unknown, send again with the same key");
    }
    if (failure.damaged_index()) {
        return described(ErrorKind::kPermanent, "database_damaged", doing, cause,
                         "nothing was changed; stop the daemon and run 'herald doctor --fix'");
    }
    if (primary(failure.code()) == SQLITE_CONSTRAINT) {
        return described(ErrorKind::kConflict, "storage_error", doing, cause, "nothing was stored");
    }
    // Out of memory, a file that cannot be opened just now: what must be written is tried again.
    return described(ErrorKind::kTransient, "storage_error", doing, cause,
                     "nothing was acknowledged");
}

core::Error to_open_error(const Failure& failure, std::string_view doing) {
    core::Error error = storage_error(std::string(doing) + failure.what());
    switch (primary(failure.code())) {
        case SQLITE_NOTADB:
            error.message += "; it is no database of herald, name another file";
            break;
        case SQLITE_CORRUPT:
            error.message +=
                "; it is damaged: restore a backup, or save what is left with sqlite3 .recover";
            break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            error.code = "database_locked";
            error.message += "; end the other program that has it open";
            break;
        case SQLITE_FULL:
            error.code = "storage_full";
            error.message += "; free disk space";
            break;
        default:
            error.message += "; check the disk and who may write there";
            break;
    }
    return error;
}

core::Error conflict(std::string code, std::string message) {
    return {
        .kind = core::ErrorKind::kConflict, .code = std::move(code), .message = std::move(message)};
}

core::Error storage_error(std::string message) {
    return {
        .kind = core::ErrorKind::kStorage, .code = "storage_error", .message = std::move(message)};
}

}  // namespace herald::storage::sqlite
