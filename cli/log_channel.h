#pragma once

#include <Poco/Channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace herald::cli {

/// Writes log lines to a descriptor on a thread of its own, so that nobody who logs waits for
/// whoever reads the log. What finds the buffer full is dropped and counted; the count is written,
/// as `dropped_line` makes it, when the descriptor takes lines again.
///
/// Does not own the descriptor. Thread-safety: all methods may be called concurrently.
class LogChannel final : public Poco::Channel {
public:
    static constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
    using DroppedLine = std::function<std::string(std::size_t)>;

    LogChannel(int descriptor, DroppedLine dropped_line);

    void log(const Poco::Message& message) override;
    /// Waits until everything is written, for no longer than `patience`.
    void flush(std::chrono::milliseconds patience);

protected:
    /// Flushes, for a second at most. Poco counts references and deletes it.
    ~LogChannel() override;

private:
    class Writer;
    std::shared_ptr<Writer> writer_;  ///< shared: its thread may have to be left behind
};

}  // namespace herald::cli
