#include "providers/openssl_key.h"

#include <openssl/pem.h>

#include <array>
#include <stdexcept>

#include "providers/jwt.h"

namespace herald::providers {
namespace {

std::string_view why_unreadable(std::string_view text) {
    const auto holds = [text](std::string_view words) {
        return text.find(words) != std::string_view::npos;
    };
    // RFC 7468's label and the older `Proc-Type: 4,ENCRYPTED`.
    if (holds("BEGIN ENCRYPTED PRIVATE KEY") || holds(",ENCRYPTED")) {
        return "is encrypted; decrypt it first: `openssl pkey -in KEY -out PLAIN`";
    }
    if (holds("BEGIN OPENSSH PRIVATE KEY")) {
        return "is in OpenSSH's own form; convert a copy: `ssh-keygen -p -m PKCS8 -f COPY`";
    }
    if (holds("PRIVATE KEY-----")) {
        return "cannot be read as a private key; keep its line breaks and indent no line; `openssl "
               "pkey -in KEY -noout -check` says more";
    }
    if (holds("PUBLIC KEY-----")) return "is a public key; give the private key it belongs to";
    if (holds("CERTIFICATE-----")) return "is a certificate; give the private key it belongs to";
    return "must be a private key in PEM form: -----BEGIN PRIVATE KEY----- and so on, line by line";
}

}  // namespace

std::string OpensslErrors::reason() {
    const char* text = ERR_reason_error_string(ERR_peek_last_error());
    return text != nullptr ? text : "no reason given";
}

int refuse_password(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*context*/) {
    return -1;
}

BioPtr open_text(std::string_view text) {
    return BioPtr(text.empty() ? nullptr
                               : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

core::Result<KeyPtr> read_private_key(const core::Secret& pem) {
    const OpensslErrors errors;
    const BioPtr bio = open_text(pem.reveal());
    KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr)
                   : nullptr);
    if (!key) return core::invalid_argument("private_key", why_unreadable(pem.reveal()));
    return key;
}

std::string sha256_base64url(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(),
                     &size) != 1) {
        throw std::runtime_error("OpenSSL refused to compute a SHA-256");
    }
    return base64url_encode({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace herald::providers
