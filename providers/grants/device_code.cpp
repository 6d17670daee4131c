#include "providers/grants/device_code.h"

#include "providers/setup.h"

namespace herald::providers {
namespace {

core::Result<> add_fields(const GrantInput& input, TokenForm& form) {
    if (input.setup == nullptr) {
        if (input.refresh_token != nullptr) return add_refresh_fields(input, form);
        return setup_needed(input.provider);
    }
    form.fields.emplace_back("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    form.fields.emplace_back("device_code", input.setup->code.reveal());
    if (!input.setup->verifier.empty())
        form.fields.emplace_back("code_verifier", input.setup->verifier.reveal());
    return {};
}

}  // namespace

const Grant kDeviceCodeGrant{.name = "device_code",
                             .uses_refresh_token = true,
                             .is_interactive = true,
                             .add_fields = add_fields};

}  // namespace herald::providers
