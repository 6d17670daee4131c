#include "tests/support/loopback_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <stdexcept>

#include "core/encoding.h"

namespace herald::test {
namespace {

constexpr std::chrono::seconds kPatience{10};

std::size_t content_length(std::string_view head) {
    static constexpr std::string_view kName = "\ncontent-length: ";
    const std::string lower = core::to_lower(head);
    const auto at = lower.find(kName);
    if (at == std::string::npos) return 0;
    std::size_t length = 0;
    std::from_chars(lower.data() + at + kName.size(), lower.data() + lower.size(), length);
    return length;
}

BIO* memory(const std::string& pem) {
    return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
}

bool use_chain(SSL_CTX* context, const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(memory(pem), &BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return false;
    while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        if (SSL_CTX_add0_chain_cert(context, next) != 1) return false;
    }
    return true;
}

bool demand_certificates(SSL_CTX* context, const std::string& authority) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(memory(authority), &BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> trusted(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return trusted && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), trusted.get()) == 1;
}

std::shared_ptr<SSL_CTX> server_context(const ServerTls& tls) {
    const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    // A bad server may be as bad as the test needs it.
    SSL_CTX_set_security_level(context.get(), 0);
    if (tls.max_version != 0) {
        SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context.get(), tls.max_version);
        SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    }
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(memory(tls.key), &BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    static constexpr std::array<unsigned char, 4> kName = {'t', 'e', 's', 't'};
    SSL_CTX_set_session_id_context(context.get(), kName.data(), kName.size());
    if (!tls.client_authority.empty() && !demand_certificates(context.get(), tls.client_authority))
        throw std::runtime_error("the test server's client authority cannot be used");
    const bool is_usable = use_chain(context.get(), tls.chain) && key &&
                           SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1;
    if (!is_usable) throw std::runtime_error("the test server's certificate or key cannot be used");
    return context;
}

}  // namespace

LoopbackSession::LoopbackSession(int socket, std::size_t number, SSL_CTX* tls,
                                 bool sends_close_notify)
    : socket_(socket), number_(number), sends_close_notify_(sends_close_notify) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls == nullptr) return;
    tls_ = SSL_new(tls);
    SSL_set_fd(tls_, socket_);
}

LoopbackSession::~LoopbackSession() {
    close();
    SSL_free(tls_);
}

bool LoopbackSession::accept_tls() {
    return tls_ == nullptr || SSL_accept(tls_) == 1;
}

bool LoopbackSession::is_resumed() const {
    return tls_ != nullptr && SSL_session_reused(tls_) == 1;
}

std::string LoopbackSession::client_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(
        tls_ != nullptr ? SSL_get1_peer_certificate(tls_) : nullptr, &X509_free);
    if (!shown) return {};
    std::array<char, 256> name{};
    const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName,
                                                 name.data(), name.size());
    return {name.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string LoopbackSession::read_some() {
    std::array<char, 16 * 1024> bytes{};
    if (socket_ < 0) return {};
    const auto count = tls_ != nullptr
                           ? SSL_read(tls_, bytes.data(), static_cast<int>(bytes.size()))
                           : ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) return {};
    received_.append(bytes.data(), static_cast<std::size_t>(count));
    return {bytes.data(), static_cast<std::size_t>(count)};
}

std::string LoopbackSession::read_request() {
    for (;;) {
        const std::string_view rest = std::string_view(received_).substr(taken_);
        const auto end = rest.find("\r\n\r\n");
        if (end != std::string_view::npos) {
            const std::size_t size = end + 4 + content_length(rest.substr(0, end));
            if (rest.size() >= size) {
                taken_ += size;
                return std::string(rest.substr(0, size));
            }
        }
        if (read_some().empty()) return {};
    }
}

void LoopbackSession::send(std::string_view bytes) {
    while (!bytes.empty() && socket_ >= 0) {
        const auto count = tls_ != nullptr
                               ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return;  // the client has gone; tests look at what it says
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void LoopbackSession::send_together(std::initializer_list<std::string_view> parts) {
    const auto hold = [this](int on) {
        ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    };
    hold(1);
    for (const auto part : parts) send(part);
    hold(0);
}

void LoopbackSession::wait_for_close() {
    while (!read_some().empty()) {
    }
}

void LoopbackSession::close() {
    if (socket_ < 0) return;
    if (tls_ != nullptr && sends_close_notify_) SSL_shutdown(tls_);
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    socket_ = -1;
}

void LoopbackSession::reset() {
    if (socket_ < 0) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(socket_);
    socket_ = -1;
}

LoopbackServer::LoopbackServer(Script script, const ServerTls* tls) : script_(std::move(script)) {
    if (tls != nullptr) {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
        tls_ = server_context(*tls);
        sends_close_notify_ = tls->sends_close_notify;
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    void* const raw = &address;
    const bool is_open = ::bind(listener_, static_cast<sockaddr*>(raw), size) == 0 &&
                         ::listen(listener_, SOMAXCONN) == 0 &&
                         ::getsockname(listener_, static_cast<sockaddr*>(raw), &size) == 0;
    if (!is_open) throw std::runtime_error("the test server cannot listen on 127.0.0.1");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

LoopbackServer::~LoopbackServer() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        for (const int socket : open_) {
            if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
        }
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& session : sessions_) session.join();
    ::close(listener_);
}

void LoopbackServer::accept_all() {
    for (;;) {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        const std::lock_guard lock(mutex_);
        if (is_stopping_) {
            ::close(socket);
            return;
        }
        const std::size_t number = open_.size();
        // A duplicate, so that stopping never meets a number that was closed and given to somebody
        // else.
        open_.push_back(::dup(socket));
        received_.emplace_back();
        sessions_.emplace_back([this, socket, number] { serve(socket, number); });
    }
}

void LoopbackServer::serve(int socket, std::size_t number) {
    LoopbackSession session(socket, number, tls_.get(), sends_close_notify_);
    if (session.accept_tls()) script_(session);
    session.close();
    const std::lock_guard lock(mutex_);
    ::close(std::exchange(open_[number], -1));
    received_[number] = session.received();
    ++ended_count_;
    ended_.notify_all();
}

std::string LoopbackServer::url(std::string_view path) const {
    std::string text = tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:";
    return text.append(std::to_string(port_)).append(path);
}

std::size_t LoopbackServer::connections() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

std::vector<std::string> LoopbackServer::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

bool LoopbackServer::wait_for_ended(std::size_t sessions) const {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, kPatience, [&] { return ended_count_ >= sessions; });
}

LoopbackServer::Script LoopbackServer::always(std::string response) {
    return [response = std::move(response)](LoopbackSession& session) {
        while (!session.read_request().empty()) session.send(response);
    };
}

}  // namespace herald::test
