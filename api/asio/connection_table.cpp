#include "api/asio/connection_table.h"

#include <algorithm>
#include <vector>

#include "api/asio/connection.h"

namespace herald::api {

bool ConnectionTable::admit(Connection& connection) {
    const std::string& peer = connection.peer();
    const auto of_peer = peers_.find(peer);
    const bool peer_full = of_peer != peers_.end() && of_peer->second >= limits_.per_peer;
    if ((peer_full && !make_room_of(peer)) || (size() >= limits_.connections && !make_room())) {
        ++turned_away_;
        return false;
    }
    ++peers_[peer];
    connection.place = waiting_.insert(waiting_.end(), &connection);
    connection.where = Connection::Where::kWaiting;
    return true;
}

void ConnectionTable::waits_for_client(Connection& connection) {
    if (connection.where != Connection::Where::kServed) return;
    waiting_.splice(waiting_.end(), served_, connection.place);
    connection.where = Connection::Where::kWaiting;
}

void ConnectionTable::is_served(Connection& connection) {
    if (connection.where != Connection::Where::kWaiting) return;
    served_.splice(served_.end(), waiting_, connection.place);
    connection.where = Connection::Where::kServed;
}

void ConnectionTable::remove(Connection& connection) {
    if (connection.where == Connection::Where::kNowhere) return;
    auto& list = connection.where == Connection::Where::kWaiting ? waiting_ : served_;
    list.erase(connection.place);
    connection.where = Connection::Where::kNowhere;
    const auto of_peer = peers_.find(connection.peer());
    if (--of_peer->second == 0) peers_.erase(of_peer);
}

void ConnectionTable::hold(std::size_t before, std::size_t after) {
    const auto beyond = [](std::size_t bytes) { return bytes - std::min(bytes, kFreeBytes); };
    held_ += beyond(after);
    held_ -= beyond(before);
}

void ConnectionTable::look(core::SteadyTime now) {
    for (const auto* list : {&waiting_, &served_}) {
        for (Connection* connection : *list) connection->look(now);
    }
}

bool ConnectionTable::make_room() {
    if (waiting_.empty()) return false;
    give_up(*waiting_.front());
    return true;
}

bool ConnectionTable::make_room_of(const std::string& peer) {
    const auto oldest = std::find_if(waiting_.begin(), waiting_.end(),
                                     [&](const Connection* each) { return each->peer() == peer; });
    if (oldest == waiting_.end()) return false;
    give_up(**oldest);
    return true;
}

// It leaves at once, so that its place is free; its coroutine ends when the loop gets to it.
void ConnectionTable::give_up(Connection& connection) {
    ++turned_away_;
    remove(connection);
    connection.end();
}

void ConnectionTable::end_waiting() {
    const std::vector<Connection*> all(waiting_.begin(), waiting_.end());
    for (Connection* connection : all) connection->end();
}

}  // namespace herald::api
