#include "providers/client_auth/client_secret_post.h"

namespace herald::providers {
namespace {

void apply(const storage::ProviderRecord& provider, const ProviderSettings&, TokenForm& form) {
    form.fields.emplace_back("client_id", provider.client_id);
    if (provider.client_secret)
        form.fields.emplace_back("client_secret", provider.client_secret->reveal());
}

}  // namespace

const ClientAuthentication kClientSecretPost{
    .name = "client_secret_post", .needs_secret = true, .apply = apply};

}  // namespace herald::providers
