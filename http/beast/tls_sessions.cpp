#include "http/beast/tls_sessions.h"

#include <algorithm>

namespace herald::http {
namespace {

// Places of our own: Asio deletes what stands in OpenSSL's "app data".
int context_place() {
    static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return place;
}

int connection_place() {
    static const int place = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return place;
}

}  // namespace

void TlsSessions::observe(SSL_CTX* context) {
    SSL_CTX_set_ex_data(context, context_place(), this);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &TlsSessions::on_session);
}

void TlsSessions::attach(SSL* tls, const std::string& key) {
    SSL_set_ex_data(tls, connection_place(), const_cast<std::string*>(&key));
    const auto known = kept_.find(key);
    if (known == kept_.end()) return;
    if (SSL_SESSION_is_resumable(known->second.session.get()) == 1)
        SSL_set_session(tls, known->second.session.get());
}

void TlsSessions::remember(const std::string& key, SSL_SESSION* session) {
    Kept kept{.session = std::unique_ptr<SSL_SESSION, Free>(session), .number = next_number_++};
    if (kept_.size() >= most_ && !kept_.contains(key)) {
        kept_.erase(std::ranges::min_element(
            kept_, {}, [](const auto& entry) { return entry.second.number; }));
    }
    kept_.insert_or_assign(key, std::move(kept));
}

// One means that the reference is ours now.
int TlsSessions::on_session(SSL* tls, SSL_SESSION* session) {
    auto* const sessions =
        static_cast<TlsSessions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), context_place()));
    const auto* const key =
        static_cast<const std::string*>(SSL_get_ex_data(tls, connection_place()));
    if (sessions == nullptr || key == nullptr) return 0;
    sessions->remember(*key, session);
    return 1;
}

}  // namespace herald::http
