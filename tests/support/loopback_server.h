#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace herald::test {

/// What a TLS server shows; PEM. `chain` is the leaf and whatever else it sends.
struct ServerTls {
    std::string chain;
    std::string key;
    int max_version = 0;  ///< such as TLS1_1_VERSION; 0: the newest
    bool sends_close_notify = true;
    std::string client_authority = {};  ///< who signs the certificates it demands; empty: none
};

/// One accepted connection, in a script's hands; every call blocks.
class LoopbackSession final {
public:
    LoopbackSession(int socket, std::size_t number, SSL_CTX* tls, bool sends_close_notify);
    ~LoopbackSession();
    LoopbackSession(const LoopbackSession&) = delete;
    LoopbackSession& operator=(const LoopbackSession&) = delete;

    /// False where the client refused us. For servers without TLS it does nothing.
    bool accept_tls();
    /// The next whole request, head and body by Content-Length; empty when the client closed.
    std::string read_request();
    /// The next bytes, whatever they are; empty when the client closed.
    std::string read_some();
    void send(std::string_view bytes);
    /// Separate writes (TLS records) that travel in one piece.
    void send_together(std::initializer_list<std::string_view> parts);
    /// Until the client closes, or the server is destroyed.
    void wait_for_close();
    void close();
    /// Closes with a reset instead of an orderly end, as soon as the script returns.
    void reset();
    /// The handshake was short because the client had been here before.
    [[nodiscard]] bool is_resumed() const;
    /// The common name of the client's certificate; empty where it showed none.
    [[nodiscard]] std::string client_name() const;
    /// 0 for the server's first connection.
    [[nodiscard]] std::size_t number() const { return number_; }
    /// Every byte the client sent so far.
    [[nodiscard]] const std::string& received() const { return received_; }

private:
    int socket_;
    const std::size_t number_;
    SSL* tls_ = nullptr;
    const bool sends_close_notify_;
    std::string received_;
    std::size_t taken_ = 0;  // of received_, by read_request
};

/// A server on 127.0.0.1 and a free port that does with each connection what its script says, byte
/// for byte; a thread each. The destructor ends them all.
///
/// Thread-safety: all methods may be called concurrently.
class LoopbackServer final {
public:
    using Script = std::function<void(LoopbackSession&)>;

    explicit LoopbackServer(Script script) : LoopbackServer(std::move(script), nullptr) {}
    /// Throws std::runtime_error where the certificate or key cannot be used.
    LoopbackServer(Script script, const ServerTls& tls) : LoopbackServer(std::move(script), &tls) {}
    ~LoopbackServer();
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// `http://127.0.0.1:port` or `https://…`, with `path` behind it.
    [[nodiscard]] std::string url(std::string_view path = "/") const;
    [[nodiscard]] std::size_t connections() const;
    /// What each ended connection sent.
    [[nodiscard]] std::vector<std::string> received() const;
    /// Until that many scripts have returned; false after ten seconds.
    [[nodiscard]] bool wait_for_ended(std::size_t sessions) const;

    /// Answers every request of every connection with these bytes.
    [[nodiscard]] static Script always(std::string response);

private:
    LoopbackServer(Script script, const ServerTls* tls);
    void accept_all();
    void serve(int socket, std::size_t number);

    const Script script_;
    std::shared_ptr<SSL_CTX> tls_;
    bool sends_close_notify_ = true;
    int listener_ = -1;
    std::uint16_t port_ = 0;

    mutable std::mutex mutex_;
    mutable std::condition_variable ended_;
    std::vector<int> open_;              // guarded by mutex_; -1 once ended
    std::vector<std::string> received_;  // guarded by mutex_
    std::size_t ended_count_ = 0;        // guarded by mutex_
    bool is_stopping_ = false;           // guarded by mutex_
    std::vector<std::thread> sessions_;  // guarded by mutex_
    std::thread acceptor_;
};

}  // namespace herald::test
