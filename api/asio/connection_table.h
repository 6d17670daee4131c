#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/clock.h"

namespace herald::api {

class Connection;

/// The connections of one listener, and what they may hold together.
///
/// Where there are too many, the one that has waited longest for its client makes room: a crowd
/// that connects and is silent never keeps out one that asks. Used on the loop's thread only.
class ConnectionTable final {
public:
    struct Limits {
        std::size_t connections = 4096;
        std::size_t per_peer = 4096;
        /// Of requests and answers together, beyond kFreeBytes of each connection.
        std::size_t bytes = std::size_t{256} * 1024 * 1024;
    };
    /// What each connection may hold whatever the others hold.
    static constexpr std::size_t kFreeBytes = std::size_t{64} * 1024;

    explicit ConnectionTable(Limits limits) : limits_(limits) {}

    /// Takes it in, as one that waits for its client. false: there are too many, and all of them
    /// are being served.
    [[nodiscard]] bool admit(Connection& connection);
    void waits_for_client(Connection& connection);
    void is_served(Connection& connection);
    void remove(Connection& connection);

    /// Notes that a connection which held `before` bytes holds `after` now.
    void hold(std::size_t before, std::size_t after);
    [[nodiscard]] bool has_room() const { return held_ <= limits_.bytes; }

    /// Gives up what is late.
    void look(core::SteadyTime now);
    /// Gives up the one that has waited longest; false where none waits.
    bool make_room();
    void end_waiting();
    [[nodiscard]] std::size_t size() const { return waiting_.size() + served_.size(); }
    /// Connections turned away or given up to make room since this was last asked.
    [[nodiscard]] std::size_t take_turned_away() { return std::exchange(turned_away_, 0); }

private:
    bool make_room_of(const std::string& peer);
    void give_up(Connection& connection);

    Limits limits_;
    std::list<Connection*> waiting_;  ///< the one that has waited longest first
    std::list<Connection*> served_;
    std::unordered_map<std::string, std::size_t> peers_;
    std::size_t held_ = 0;
    std::size_t turned_away_ = 0;
};

}  // namespace herald::api
