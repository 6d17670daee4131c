#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

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

/// A private key in PEM form, made once: P-256.
inline const std::string& sample_key() {
    static const std::string kPem = [] {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
            EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
        const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* data = nullptr;
        const long size = BIO_get_mem_data(out.get(), &data);
        return std::string(data, static_cast<std::size_t>(size));
    }();
    return kPem;
}

inline ProviderSettings settings_of(const storage::ProviderRecord& record) {
    return ProviderSettings::of(record).value();
}

inline http::EgressPolicy loopback_allowed() {
    return http::EgressPolicy::parse("127.0.0.0/8,::1/128").value();
}

}  // namespace herald::providers::test
