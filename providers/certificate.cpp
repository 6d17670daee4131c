// The certificate half of jwt.h.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>

#include "providers/jwt.h"
#include "providers/openssl_key.h"

namespace herald::providers {
namespace {

using CertificatePtr = OpensslPtr<X509, X509_free>;
using TimePtr = OpensslPtr<ASN1_TIME, ASN1_TIME_free>;

core::Error refused(std::string_view rule) {
    return core::invalid_argument("certificate", rule);
}

core::Result<CertificatePtr> read_certificate(std::string_view pem) {
    const BioPtr bio = open_text(pem);
    CertificatePtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, refuse_password, nullptr)
                                   : nullptr);
    if (certificate) return certificate;
    if (pem.find("CERTIFICATE-----") == std::string_view::npos) {
        return refused("must be a certificate in PEM form: -----BEGIN CERTIFICATE----- and so on");
    }
    return refused("cannot be read as a certificate; `openssl x509 -in FILE -noout` says why");
}

core::Result<std::string> thumbprint(const X509* certificate, const EVP_MD* kind) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, kind, digest.data(), &size) != 1) {
        return refused("OpenSSL computes no thumbprint: " + OpensslErrors::reason());
    }
    return base64url_encode({reinterpret_cast<const char*>(digest.data()), size});
}

core::Result<std::int64_t> seconds_since_1970(const ASN1_TIME* at) {
    const TimePtr epoch(ASN1_TIME_set(nullptr, 0));
    int days = 0;
    int seconds = 0;
    if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), at) != 1) {
        return refused("has an end date that cannot be read");
    }
    return (std::int64_t{days} * 86'400) + seconds;
}

}  // namespace

core::Result<CertificateFacts> certificate_facts(std::string_view pem) {
    const OpensslErrors errors;
    const auto certificate = read_certificate(pem);
    if (!certificate) return certificate.error();
    auto sha1 = thumbprint(certificate->get(), EVP_sha1());
    if (!sha1) return sha1.error();
    auto sha256 = thumbprint(certificate->get(), EVP_sha256());
    if (!sha256) return sha256.error();
    const auto not_after = seconds_since_1970(X509_get0_notAfter(certificate->get()));
    if (!not_after) return not_after.error();
    return CertificateFacts{.sha1_thumbprint = std::move(*sha1),
                            .sha256_thumbprint = std::move(*sha256),
                            .not_after = *not_after};
}

core::Result<> check_certificate_key(std::string_view certificate_pem,
                                     const core::Secret& key_pem) {
    const OpensslErrors errors;
    const auto certificate = read_certificate(certificate_pem);
    if (!certificate) return certificate.error();
    const auto key = read_private_key(key_pem);
    if (!key) return key.error();
    if (X509_check_private_key(certificate->get(), key->get()) == 1) return {};
    return refused("does not belong to the private key: their public keys differ");
}

}  // namespace herald::providers
