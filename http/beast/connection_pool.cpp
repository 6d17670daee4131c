#include "http/beast/connection_pool.h"

namespace herald::http {
namespace {

/// What one usual response needs; a larger read-ahead is not kept with an idle connection.
constexpr std::size_t kKeptBuffer = 8 * 1024;

}  // namespace

std::string ConnectionPool::key_of(const Request& request) {
    std::string key;
    key.reserve(request.url.host.size() + request.tls.ca_file.size() + 8);
    key.append(request.url.is_https() ? "s" : "p").append(request.url.host);
    key.append(" ").append(std::to_string(request.url.port));
    if (request.url.is_https()) {
        key.append(" ").append(request.tls.ca_file).append("\n").append(request.tls.certificate);
    }
    return key;
}

std::unique_ptr<Connection> ConnectionPool::take(const std::string& key, bool to_loopback_only,
                                                 core::SteadyTime now) {
    if (now >= next_sweep_) drop_expired(now);
    const auto found = idle_.find(key);
    if (found == idle_.end()) return nullptr;
    Idle& idle = found->second;
    while (!idle.empty()) {
        auto connection = std::move(idle.back());
        idle.pop_back();
        const bool is_fresh = now - connection->idle_since < idle_timeout_;
        const bool is_allowed = !to_loopback_only || connection->reaches_loopback_only;
        if (!is_fresh || !is_allowed) continue;
        if (connection->look() == Connection::Seen::kNothing) return connection;
    }
    return nullptr;
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection, core::SteadyTime now) {
    if (is_closed_) return;
    Idle& idle = idle_[connection->key];
    if (idle.size() >= max_per_origin_) return;
    connection->idle_since = now;
    if (connection->buffer().capacity() > kKeptBuffer) connection->buffer().shrink_to_fit();
    idle.push_back(std::move(connection));
}

void ConnectionPool::close() {
    is_closed_ = true;
    idle_.clear();
}

void ConnectionPool::drop_expired(core::SteadyTime now) {
    next_sweep_ = now + idle_timeout_;
    for (auto& [key, idle] : idle_) {
        std::erase_if(idle, [&](const auto& connection) {
            return now - connection->idle_since >= idle_timeout_;
        });
    }
    std::erase_if(idle_, [](const auto& origin) { return origin.second.empty(); });
}

}  // namespace herald::http
