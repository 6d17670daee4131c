#include "cli/key_rotation.h"

#include "cli/lock_wait.h"
#include "cli/runtime.h"
#include "storage/key_ring.h"
#include "storage/sqlite/sqlite_store.h"

namespace herald::cli {
namespace {

core::Error daemon_holds_keys(core::Error error) {
    error.message = "key rotate: " + error.message;
    return error;
}

core::Result<std::int64_t> reseal_under(storage::KeyRing ring, const Settings& settings,
                                        core::Clock& clock) {
    storage::SqliteStoreOptions options;
    options.path = settings.database;
    options.writer_thread = false;
    auto store = storage::open_sqlite_store(std::move(options), std::move(ring), clock);
    if (!store) return store.error();
    auto resealed = (*store)->reseal();
    (*store)->close();
    return resealed;
}

}  // namespace

core::Result<KeyRotation> rotate_keys(const Settings& settings, core::Clock& clock) {
    if (!storage::database_exists(settings.database)) return missing_database(settings.database);
    auto lock = lock_for_command(settings, clock);
    if (!lock) return lock.error();
    if (const auto* daemon = std::get_if<HeldByDaemon>(&*lock))
        return daemon_holds_keys(daemon->error);
    const auto ring = storage::KeyRing::load(settings.key_file);
    if (!ring) return ring.error();
    auto rotated = ring->rotated(settings.key_file);
    if (!rotated) return rotated.error();
    const std::uint32_t newest = rotated->newest();
    auto resealed = reseal_under(std::move(*rotated), settings, clock);
    if (!resealed) return resealed.error();
    const auto complete = storage::KeyRing::load(settings.key_file);
    if (!complete) return complete.error();
    auto pruned = complete->pruned(settings.key_file);
    if (!pruned) return pruned.error();
    return KeyRotation{newest, *resealed};
}

}  // namespace herald::cli
