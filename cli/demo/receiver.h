#pragma once

#include <mutex>
#include <set>
#include <string>

#include "cli/demo/loopback_server.h"
#include "cli/demo/token_endpoint.h"

namespace herald::cli {

/// A receiver that answers 401 without a valid token, and 503 to the first callout of the event
/// type `invoice.slow`.
///
/// Thread-safety: all methods may be called concurrently. REQUIRES: `tokens` outlives it.
class DemoReceiver final {
public:
    explicit DemoReceiver(const DemoTokenEndpoint& tokens);

    [[nodiscard]] std::string url() const { return server_.url("/hook"); }
    /// Bodies that were taken with 200.
    [[nodiscard]] std::size_t delivered() const;
    [[nodiscard]] std::size_t refused() const;

private:
    DemoResponse answer(const DemoRequest& request);

    const DemoTokenEndpoint& tokens_;
    mutable std::mutex mutex_;
    bool was_busy_ = false;      // guarded by mutex_
    std::size_t delivered_ = 0;  // guarded by mutex_
    std::size_t refused_ = 0;    // guarded by mutex_
    LoopbackServer server_;      // last: it uses everything above
};

}  // namespace herald::cli
