#include "cli/log_channel.h"

#include <Poco/Message.h>
#include <poll.h>
#include <unistd.h>

#include <limits.h>
#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace herald::cli {
namespace {

constexpr std::chrono::milliseconds kPartingPatience{1000};
constexpr int kLookMs = 100;

// Waits for room, so that the write behind it does not: a pipe with room takes PIPE_BUF at once.
bool has_room(int descriptor) {
    pollfd watched{.fd = descriptor, .events = POLLOUT, .revents = 0};
    return ::poll(&watched, 1, kLookMs) != 0;
}

}  // namespace

class LogChannel::Writer final {
public:
    Writer(int descriptor, DroppedLine dropped_line)
        : descriptor_(descriptor), dropped_line_(std::move(dropped_line)) {}

    void add(const std::string& line) {
        {
            const std::scoped_lock lock(mutex_);
            // Behind a gap nothing is taken before the gap has been told.
            if (dropped_ > 0 || waiting_.size() + line.size() >= kMaxBytes) {
                ++dropped_;
                return;
            }
            waiting_.append(line).push_back('\n');
        }
        changed_.notify_all();
    }

    // Whether all is written by then.
    bool flush(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [this] { return is_done(); });
    }

    // Whether the thread is about to end: it may be stuck in a write.
    bool end() {
        const bool flushed = flush(kPartingPatience);
        std::unique_lock lock(mutex_);
        ending_ = true;
        changed_.notify_all();
        return flushed || changed_.wait_for(lock, kPartingPatience, [this] { return ended_; });
    }

    void run() {
        std::unique_lock lock(mutex_);
        while (!ending_) {
            changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
            const std::string lines = std::exchange(waiting_, {});
            writing_ = true;
            lock.unlock();
            write(lines);
            lock.lock();
            writing_ = false;
            if (dropped_ > 0 && waiting_.empty())
                waiting_ = dropped_line_(std::exchange(dropped_, 0)) + '\n';
            changed_.notify_all();
        }
        ended_ = true;
        changed_.notify_all();
    }

private:
    [[nodiscard]] bool is_done() const { return waiting_.empty() && !writing_; }
    bool is_ending() {
        const std::scoped_lock lock(mutex_);
        return ending_;
    }

    void write(std::string_view text) {
        while (!text.empty() && !is_ending()) {
            if (!has_room(descriptor_)) continue;
            const auto written =
                ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
            if (written < 0 && errno != EINTR && errno != EAGAIN) return;  // nobody can be told
            text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
        }
    }

    const int descriptor_;
    const DroppedLine dropped_line_;
    std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::string waiting_;
    std::size_t dropped_ = 0;
    bool writing_ = false;
    bool ending_ = false;
    bool ended_ = false;
};

LogChannel::LogChannel(int descriptor, DroppedLine dropped_line)
    : writer_(std::make_shared<Writer>(descriptor, std::move(dropped_line))) {
    // Detached: a write that is stuck must not hold up the end of the process.
    std::thread([writer = writer_] { writer->run(); }).detach();
}

LogChannel::~LogChannel() {
    writer_->end();
}

void LogChannel::log(const Poco::Message& message) {
    writer_->add(message.getText());
}

void LogChannel::flush(std::chrono::milliseconds patience) {
    writer_->flush(patience);
}

}  // namespace herald::cli
