#pragma once

#include <array>
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>

namespace herald::api {

/// What a handler may wait for while it holds a thread.
enum class Work {
    kInstant,  ///< nothing
    kIntake,   ///< a processor: events are read and handed over
    kRead,     ///< a reading connection of the store
    kWrite,    ///< the store's commit
    kLong,     ///< as much of the database as there is
    kMetrics,  ///< the same, asked for by whoever reaches the port: nobody else waits behind it
};

/// The threads of the handlers. Each kind of work has its own, so that none waits behind another:
/// events are taken and lists shown while all who write wait for a slow disk.
///
/// A handler that waits for another server is a coroutine and holds no thread meanwhile.
/// Thread-safety: all methods may be called concurrently, `stop` by the owner.
class HandlerThreads final {
public:
    /// `loop` runs what is instant.
    explicit HandlerThreads(boost::asio::any_io_executor loop);
    ~HandlerThreads();
    HandlerThreads(const HandlerThreads&) = delete;
    HandlerThreads& operator=(const HandlerThreads&) = delete;

    [[nodiscard]] boost::asio::any_io_executor executor(Work work);
    /// Room for one more; false: as many as may wait do. Ended by `leave`.
    [[nodiscard]] bool try_enter(Work work);
    void leave(Work work);
    /// Ends the threads; what waits for one is dropped. Idempotent.
    void stop();

private:
    class Pool;
    struct Kind {
        std::unique_ptr<Pool> threads;
        std::size_t limit = 0;
        std::atomic<std::size_t> inside{0};
    };
    Kind& kind(Work work) { return kinds_.at(static_cast<std::size_t>(work)); }

    boost::asio::any_io_executor loop_;
    std::array<Kind, 6> kinds_;
};

}  // namespace herald::api
