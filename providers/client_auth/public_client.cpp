#include "providers/client_auth/public_client.h"

namespace herald::providers {
namespace {

void apply(const storage::ProviderRecord& provider, const ProviderSettings&, TokenForm& form) {
    form.fields.emplace_back("client_id", provider.client_id);
}

}  // namespace

const ClientAuthentication kPublicClient{.name = "none", .needs_secret = false, .apply = apply};

}  // namespace herald::providers
