#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "api/asio/connection_table.h"
#include "api/asio/stream.h"
#include "api/handler_threads.h"
#include "api/request_reader.h"
#include "api/router.h"
#include "core/clock.h"

namespace herald::api {

/// What all connections of one listener share; outlives them. Used on the loop's thread only.
struct Listener {
    const Router& router;
    HandlerThreads& threads;
    core::Clock& clock;
    std::chrono::milliseconds patience;       ///< for a request's head, and for its body
    std::chrono::milliseconds idle_patience;  ///< for the next request
    bool health_only = false;
    RequestReader::Limits bodies = {};
    bool stopping = false;
    ConnectionTable table;
};

/// Who is at the other end.
struct Peer {
    std::string name;   ///< connections of the same name are counted together
    std::string actor;  ///< as the log tells it
};

/// One client's requests, one after the other.
///
/// Costs memory while its client is silent or its handler waits, never a thread. Used on the loop's
/// thread only.
class Connection final : public std::enable_shared_from_this<Connection> {
public:
    Connection(std::unique_ptr<Stream> stream, Peer peer, Listener& listener);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Returns when either side has ended it.
    [[nodiscard]] boost::asio::awaitable<void> serve();
    /// Tells the client that there is no room for it.
    [[nodiscard]] boost::asio::awaitable<void> turn_away();

    [[nodiscard]] const std::string& peer() const { return peer_.name; }
    /// Gives it up without a word.
    void end();
    /// Gives it up where what it waits for should be there by `now`.
    void look(core::SteadyTime now);

    // For the table alone.
    enum class Where { kNowhere, kWaiting, kServed };
    Where where = Where::kNowhere;
    std::list<Connection*>::iterator place;

private:
    /// Whether another request may follow.
    boost::asio::awaitable<bool> serve_one();
    /// true: a request is there. false: the client has gone.
    boost::asio::awaitable<core::Result<bool>> receive();
    boost::asio::awaitable<ApiResponse> answer();
    boost::asio::awaitable<bool> send(ApiResponse response, bool keep_alive);
    std::string text_of(ApiResponse response, bool keep_alive);
    boost::asio::awaitable<void> refuse(core::Error error);
    boost::asio::awaitable<void> drain();
    ApiRequest take_request();
    core::Result<bool> why_no_more(RequestReader::Progress progress) const;
    void expect_within(std::chrono::milliseconds patience);
    void hold(std::size_t bytes);

    std::unique_ptr<Stream> stream_;
    Peer peer_;
    Listener& listener_;
    RequestReader reader_;
    std::optional<core::SteadyTime> deadline_;  ///< of what is waited for now
    bool late_ = false;
    bool over_ = false;
    std::size_t held_ = 0;
};

}  // namespace herald::api
