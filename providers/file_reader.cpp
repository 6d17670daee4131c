#include "providers/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "storage/file_descriptor.h"

namespace herald::providers {

using core::Result;
using core::Secret;

// By path, and by how much of it is taken.
using FileKey = std::pair<std::string, std::size_t>;

struct FileReader::Job {
    explicit Job(core::SteadyTime end_of_patience) : hangs_from(end_of_patience) {}

    const core::SteadyTime hangs_from;
    std::vector<core::Timer*> waiting;      // touched on the executor only
    std::optional<Result<Secret>> outcome;  // guarded by Shared::mutex
};

// What the threads share with us. They may outlive us.
struct FileReader::Shared {
    std::mutex mutex;
    std::map<FileKey, std::shared_ptr<Job>> reading;  // guarded by mutex
    bool closed = false;                              // guarded by mutex: nobody posts any more
};

// One who waits for a job. The timer goes away with the coroutine, so that no other thread ever
// destroys it.
class FileReader::Waiting {
public:
    Waiting(std::shared_ptr<Job> job, std::unique_ptr<core::Timer> timer)
        : job_(std::move(job)), timer_(std::move(timer)) {
        job_->waiting.push_back(timer_.get());
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { std::erase(job_->waiting, timer_.get()); }
    core::Timer& timer() const { return *timer_; }

private:
    std::shared_ptr<Job> job_;
    std::unique_ptr<core::Timer> timer_;
};

FileReader::FileReader(core::Clock& clock, boost::asio::any_io_executor executor, Runner runner)
    : clock_(clock),
      executor_(std::move(executor)),
      runner_(std::move(runner)),
      shared_(std::make_shared<Shared>()) {}

FileReader::Runner FileReader::on_own_threads() {
    return [](std::function<void()> work) { std::thread(std::move(work)).detach(); };
}

Result<std::shared_ptr<FileReader::Job>> FileReader::join_or_begin(const std::string& path,
                                                                   std::size_t max_size) {
    const core::SteadyTime now = clock_.steady_now();
    const auto job = std::make_shared<Job>(now + kPatience);
    {
        const std::scoped_lock lock(shared_->mutex);
        if (shared_->closed) return unreadable(path, "herald is ending");
        const auto found = shared_->reading.find({path, max_size});
        if (found != shared_->reading.end() && now < found->second->hangs_from)
            return found->second;
        if (found != shared_->reading.end())
            return unreadable(path, "the read before this one still hangs; is its mount gone?");
        if (shared_->reading.size() >= kMaxHanging)
            return unreadable(path, "64 other files hang; is a mount gone?");
        shared_->reading.emplace(FileKey(path, max_size), job);
    }
    if (auto begun = begin(path, max_size, job); !begun) return begun.error();
    return job;
}

Result<> FileReader::begin(const std::string& path, std::size_t max_size,
                           const std::shared_ptr<Job>& job) {
    auto work = [shared = shared_, job, path, max_size, executor = executor_] {
        Result<Secret> outcome = read_small_file(path, max_size);
        const std::scoped_lock lock(shared->mutex);
        shared->reading.erase({path, max_size});
        job->outcome = std::move(outcome);
        if (shared->closed) return;
        boost::asio::post(executor, [job] {
            for (core::Timer* timer : job->waiting) timer->cancel();
        });
    };
    try {
        runner_(std::move(work));
    } catch (const std::system_error& failure) {
        const std::scoped_lock lock(shared_->mutex);
        shared_->reading.erase({path, max_size});
        return unreadable(path, failure.what());
    }
    return {};
}

boost::asio::awaitable<Result<Secret>> FileReader::read(std::string path, std::size_t max_size) {
    const auto shared = shared_;
    const Result<std::shared_ptr<Job>> joined = join_or_begin(path, max_size);
    if (!joined) co_return joined.error();
    const std::shared_ptr<Job> job = *joined;
    const Waiting waiting(job, clock_.make_timer(executor_));
    waiting.timer().expires_at(clock_.steady_now() + kPatience);
    co_await waiting.timer().wait();
    const std::scoped_lock lock(shared->mutex);
    if (!job->outcome) co_return unreadable(path, "it hangs; is its mount gone?");
    const Result<Secret>& outcome = *job->outcome;  // others wait for it as well
    if (!outcome) co_return outcome.error();
    co_return outcome->clone();
}

void FileReader::close() {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closed = true;
}

core::Error FileReader::unreadable(const std::string& path, const std::string& why) {
    core::Error error{.kind = core::ErrorKind::kTransient,
                      .code = "credential_unreadable",
                      .message = "read " + path + ": " + why};
    error.details["class"] = "credential";
    error.details["error_description"] = error.message;
    return error;
}

Result<Secret> read_small_file(const std::string& path, std::size_t max_size) {
    const auto failed = [&](const std::string& why) { return FileReader::unreadable(path, why); };
    const storage::FileDescriptor file(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) return failed(std::strerror(errno));
    struct stat status = {};
    if (::fstat(file.get(), &status) != 0) return failed(std::strerror(errno));
    if (!S_ISREG(status.st_mode)) return failed("it is no regular file");
    if (static_cast<std::uint64_t>(status.st_size) > max_size)
        return failed("it has more than " + std::to_string(max_size / 1024) + " KiB");
    std::string bytes(max_size, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(std::strerror(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    Secret all(std::string_view(bytes).substr(0, size));
    core::wipe(bytes);
    if (all.empty()) return failed("it is empty");
    return all;
}

Result<Secret> load_small_file(const std::string& path, std::size_t max_size) {
    static std::atomic<std::size_t> reading{0};
    if (reading.load() >= FileReader::kMaxHanging)
        return FileReader::unreadable(path, "64 other files hang; is a mount gone?");
    auto read = std::make_shared<std::promise<Result<Secret>>>();
    auto outcome = read->get_future();
    ++reading;
    try {
        std::thread([read, path, max_size] {
            read->set_value(read_small_file(path, max_size));
            --reading;
        }).detach();
    } catch (const std::system_error& failure) {
        --reading;
        return FileReader::unreadable(path, failure.what());
    }
    if (outcome.wait_for(FileReader::kPatience) == std::future_status::ready) return outcome.get();
    return FileReader::unreadable(path, "it hangs; is its mount gone?");
}

}  // namespace herald::providers
