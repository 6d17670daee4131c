#include "dispatcher/key_pair.h"

namespace herald::dispatcher {

void show_key_pair(http::Request& request, const storage::KeyPair& key) {
    request.headers.set(key.id_header, std::string(key.id.reveal()));
    request.headers.set(key.secret_header, std::string(key.secret.reveal()));
    request.carries_credentials = true;
}

void authorize_with(http::Request& request, const storage::KeyPairAuth& auth) {
    show_key_pair(request, auth.key);
    if (auth.entity_id) request.headers.set(kEntityIdHeader, *auth.entity_id);
    if (auth.entity_name) request.headers.set(kEntityNameHeader, *auth.entity_name);
}

bool same_key_pair(const storage::KeyPair& a, const storage::KeyPair& b) {
    return a.id_header == b.id_header && a.secret_header == b.secret_header && a.id.equals(b.id) &&
           a.secret.equals(b.secret);
}

}  // namespace herald::dispatcher
