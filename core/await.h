#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace herald::core {

/// How asynchronous interfaces report: called exactly once, on a thread of the callee's choosing.
template <class T = void>
using Done = std::function<void(Result<T>)>;

/// Turns `start(Done<T>)` into an awaitable that resumes on the coroutine's own executor.
/// It always waits for the answer: cancelling the coroutine does not reach the callee.
template <class T, class Start>
[[nodiscard]] boost::asio::awaitable<Result<T>> await_done(Start start) {
    namespace asio = boost::asio;
    auto initiate = [start = std::move(start)](auto handler) mutable {
        auto executor = asio::get_associated_executor(handler);
        auto guard = asio::make_work_guard(executor);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([shared, executor, guard](Result<T> result) mutable {
            auto kept = std::make_shared<Result<T>>(std::move(result));
            // The callee may keep this Done a moment longer; by then the executor's context may be
            // gone.
            const auto destination = std::move(executor);
            asio::post(destination,
                       [shared = std::move(shared), kept = std::move(kept),
                        guard = std::move(guard)]() mutable { (*shared)(std::move(kept)); });
        });
    };
    using Signature = void(std::shared_ptr<Result<T>>);
    auto kept = co_await asio::async_initiate<const asio::use_awaitable_t<>, Signature>(
        std::move(initiate), asio::use_awaitable);
    co_return std::move(*kept);
}

/// Waits until `start` has had its callback called, which takes a T, or nothing for void.
/// REQUIRES: not on the thread that calls it.
template <class T, class Start>
T wait_called(Start start) {
    // Shared: the other thread may still be inside set_value when we go on.
    const auto promise = std::make_shared<std::promise<T>>();
    auto future = promise->get_future();
    if constexpr (std::is_void_v<T>) {
        start([promise] { promise->set_value(); });
    } else {
        start([promise](T value) { promise->set_value(std::move(value)); });
    }
    return future.get();
}

/// Turns `start(Done<T>)` into a blocking call. REQUIRES: not on the thread that completes it.
template <class T, class Start>
[[nodiscard]] Result<T> wait_done(Start start) {
    return wait_called<Result<T>>(std::move(start));
}

}  // namespace herald::core
