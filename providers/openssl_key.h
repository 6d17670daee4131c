#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret.h"

// What jwt.h and dpop.h share below their surface; for sources only.
namespace herald::providers {

template <auto kFree>
struct OpensslDeleter {
    template <class T>
    void operator()(T* object) const noexcept {
        kFree(object);
    }
};
/// An OpenSSL object with the function that frees it.
template <class T, auto kFree>
using OpensslPtr = std::unique_ptr<T, OpensslDeleter<kFree>>;
using BioPtr = OpensslPtr<BIO, BIO_free>;
using KeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;

/// Empties the thread's error queue at the end of a scope: TLS on the same thread would take what
/// is left there for its own failure.
class OpensslErrors final {
public:
    OpensslErrors() = default;
    ~OpensslErrors() { ERR_clear_error(); }
    OpensslErrors(const OpensslErrors&) = delete;
    OpensslErrors& operator=(const OpensslErrors&) = delete;
    /// Why the last call failed, in OpenSSL's words.
    [[nodiscard]] static std::string reason();
};

/// The first private key of a PEM text, of any type. Errors are invalid_argument on `private_key`.
[[nodiscard]] core::Result<KeyPtr> read_private_key(const core::Secret& pem);
/// Reads from `text`, which must outlive it; null where that is empty.
[[nodiscard]] BioPtr open_text(std::string_view text);
/// A password callback that has none, so that nothing asks on the terminal.
int refuse_password(char* buffer, int size, int for_writing, void* context);

/// The SHA-256 of the bytes, base64url.
[[nodiscard]] std::string sha256_base64url(std::string_view bytes);

}  // namespace herald::providers
