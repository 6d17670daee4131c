#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"

namespace herald::providers {

/// Reads small files, each on a thread of its own, so that a mount that hangs holds nobody else:
/// not its caller's thread, not other files, not the end of the process.
///
/// Who asks for a file that is being read shares that read. One that never returns keeps its thread
/// until the process ends. There are at most 64 of them; a file whose last read still hangs is not
/// read again meanwhile.
///
/// Thread-safety: none; belongs to the thread of `executor`. Must be closed before that stops.
class FileReader final {
public:
    static constexpr std::size_t kMaxHanging = 64;
    static constexpr std::chrono::seconds kPatience{5};

    /// Runs what blocks, somewhere where it may.
    using Runner = std::function<void(std::function<void()>)>;
    /// Each on a new thread that nobody waits for. Throws std::system_error where there is none.
    [[nodiscard]] static Runner on_own_threads();

    FileReader(core::Clock& clock, boost::asio::any_io_executor executor, Runner runner);
    FileReader(const FileReader&) = delete;
    FileReader& operator=(const FileReader&) = delete;
    ~FileReader() { close(); }

    /// The bytes of a regular file that has 1 to `max_size` of them, for at most `kPatience`.
    /// Errors are kTransient `credential_unreadable` and name the file and the cause: a mounted
    /// secret may be there again in a moment.
    [[nodiscard]] boost::asio::awaitable<core::Result<core::Secret>> read(std::string path,
                                                                          std::size_t max_size);
    /// From here on no thread comes back to `executor`.
    void close();

    [[nodiscard]] static core::Error unreadable(const std::string& path, const std::string& why);

private:
    struct Shared;
    struct Job;
    class Waiting;

    /// The read of this file that is under way, or one that is begun by this.
    [[nodiscard]] core::Result<std::shared_ptr<Job>> join_or_begin(const std::string& path,
                                                                   std::size_t max_size);
    [[nodiscard]] core::Result<> begin(const std::string& path, std::size_t max_size,
                                       const std::shared_ptr<Job>& job);

    core::Clock& clock_;
    boost::asio::any_io_executor executor_;
    const Runner runner_;
    const std::shared_ptr<Shared> shared_;
};

/// Blocks as long as the file system does, but never for the other end of a FIFO or a device.
[[nodiscard]] core::Result<core::Secret> read_small_file(const std::string& path,
                                                         std::size_t max_size);

/// The same on a thread of its own, for at most FileReader::kPatience: for callers that may block
/// that long, and no longer.
[[nodiscard]] core::Result<core::Secret> load_small_file(const std::string& path,
                                                         std::size_t max_size);

}  // namespace herald::providers
