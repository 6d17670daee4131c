#include "storage/sqlite/sqlite_store.h"

#include <utility>

#include "storage/beside_database.h"
#include "storage/sqlite/open_database.h"
#include "storage/sqlite/store_roles.h"

namespace herald::storage {
namespace {

constexpr std::size_t kReaders = 4;

std::optional<sqlite::Ballast> ballast_of(const SqliteStoreOptions& options) {
    if (!options.writer_thread) return std::nullopt;
    return sqlite::Ballast(options.path);
}

}  // namespace

SqliteStore::SqliteStore(SqliteStoreOptions options, KeyRing ring, core::Clock& clock)
    : path_(options.path),
      works_(options.writer_thread),
      ring_(std::move(ring)),
      session_(sqlite::open_writer(options.path, ring_, clock), options.path, ring_, clock),
      readers_(options.path, options.writer_thread ? kReaders : 1),
      writer_(session_, ballast_of(options),
              {.thread = options.writer_thread,
               .defer = std::move(options.defer),
               .max_batch = options.max_batch,
               .on_fatal = std::move(options.on_fatal),
               .hold_readers = [this](bool hold) { readers_.hold_back(hold); }}) {}

void SqliteStore::close() {
    writer_.stop();
    const std::scoped_lock lock(maintenance_mutex_);
    if (std::exchange(closed_, true)) return;
    readers_.close();
    if (!writer_.failed()) session_.marks.remove_file();
    sqlite::close_writer(session_.db, writer_.failed());
}

core::Result<std::unique_ptr<Store>> open_sqlite_store(SqliteStoreOptions options, KeyRing ring,
                                                       core::Clock& clock) {
    options.path = resolved_database(options.path);
    if (auto prepared = sqlite::prepare_database_file(options.path); !prepared)
        return prepared.error();
    const std::string doing = "open database " + options.path.string() + ": ";
    try {
        return std::make_unique<SqliteStore>(std::move(options), std::move(ring), clock);
    } catch (const sqlite::Refusal& refusal) {
        core::Error error = refusal.error();
        error.message.insert(0, doing);
        return error;
    } catch (const sqlite::Failure& failure) {
        return sqlite::to_open_error(failure, doing);
    } catch (const std::exception& exception) {
        return sqlite::storage_error(doing + exception.what());
    }
}

bool database_exists(const std::filesystem::path& path) {
    return sqlite::size_of(path) > 0;
}

}  // namespace herald::storage
