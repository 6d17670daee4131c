#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/id.h"

namespace herald::storage {

/// Which claimed callouts may have left: the second of the two facts "claimed" and "sent".
///
/// A mark is set before the first byte of a request and taken away once the outcome is durable.
/// Marks lie in a file that is mapped into memory: setting one costs no system call, and they
/// outlive the process (kill -9, abort) but not the machine. The file names the run of the machine
/// (core::Clock::boot) and the lease that it belongs to. Where it is missing or belongs to
/// another boot or lease, nothing is known, and everything that was claimed counts as sent.
///
/// Thread-safety: all methods may be called concurrently.
class SendMarks final {
public:
    /// In memory only, until `start`.
    SendMarks(std::filesystem::path file, std::string boot);
    SendMarks(const SendMarks&) = delete;
    SendMarks& operator=(const SendMarks&) = delete;
    ~SendMarks();

    /// Adopts what the owner of `lease` left behind. Writes nothing.
    void read_former(std::int64_t lease);
    /// Forgets the marks of the lease before. From here on marks are kept in the file, where it can
    /// be made; without it a crash finds nothing known.
    void start(std::int64_t lease);
    /// Removes the file; after a stop that left nothing in doubt.
    void remove_file();

    enum class Begin {
        kMarked,
        kCancelled,  ///< withdrawn before it began: nothing may leave
        kTwice,      ///< marked already, so its outcome is not known yet: nothing may leave
    };
    [[nodiscard]] Begin begin(const core::CalloutId& id, const core::NotificationId& notification);
    /// Their outcomes are durable. Without effect on those that are not marked.
    void end(std::span<const core::CalloutId> ids);

    /// Whether it may have left.
    [[nodiscard]] bool contains(const core::CalloutId& id) const;
    /// False where it may have left; else `begin` refuses it from now on.
    [[nodiscard]] bool withdraw(const core::CalloutId& id);
    /// The withdrawal came to nothing.
    void restore(const core::CalloutId& id);

    /// Whether every claim without a mark is known not to have left.
    [[nodiscard]] bool complete() const;
    [[nodiscard]] std::vector<core::CalloutId> all() const;
    using Counts = std::unordered_map<core::NotificationId, std::int64_t, core::IdHash>;
    /// Marks of each notification.
    [[nodiscard]] Counts counts() const;

private:
    void take_away(const core::CalloutId& id);  // with mutex_ held

    struct Mark {
        core::NotificationId notification;
        std::optional<std::uint32_t> slot;
    };
    class File;

    const std::filesystem::path path_;
    const std::string boot_;
    mutable std::mutex mutex_;
    boost::unordered_flat_map<core::CalloutId, Mark, core::IdHash> marks_;  // guarded by mutex_
    std::unordered_set<core::CalloutId, core::IdHash> withdrawn_;           // guarded by mutex_
    std::vector<std::uint32_t> free_slots_;                                 // guarded by mutex_
    std::unique_ptr<File> file_;                                            // guarded by mutex_
    bool complete_ = true;                                                  // guarded by mutex_
};

}  // namespace herald::storage
