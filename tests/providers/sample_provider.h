#pragma once

#include "core/encoding.h"
#include "http/egress_policy.h"
#include "providers/settings.h"
#include "storage/records.h"

namespace herald::providers::test {

inline storage::ProviderRecord sample_provider() {
    storage::ProviderRecord record;
    record.name = "crm";
    record.client_id = "client-1";
    record.client_secret = core::Secret("s3cret");
    record.token_endpoint = "https://login.example/oauth/token";
    record.scopes = {"read", "write"};
    return record;
}

inline http::EgressPolicy loopback_allowed() {
    return http::EgressPolicy::parse("127.0.0.0/8,::1/128").value();
}

}  // namespace herald::providers::test
