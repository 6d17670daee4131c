#include "tests/support/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace herald::test {
namespace {

void require(bool is_done, const char* what) {
    if (!is_done) throw std::runtime_error(std::string("test certificate: ") + what);
}

EVP_PKEY* new_key(int rsa_bits) {
    if (rsa_bits != 0) return EVP_RSA_gen(static_cast<unsigned>(rsa_bits));
    return EVP_EC_gen("P-256");
}

void set_name(X509_NAME* name, const std::string& common_name) {
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                       -1, -1, 0) == 1,
            "name");
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_nconf_nid(nullptr, &context, kind, value.c_str());
    require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? "" : ",").append(name);
    return text;
}

template <class Write>
std::string to_pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    require(write(bio.get()) == 1, "PEM");
    std::string text(static_cast<std::size_t>(BIO_pending(bio.get())), '\0');
    require(BIO_read(bio.get(), text.data(), static_cast<int>(text.size())) > 0, "PEM");
    return text;
}

long seconds(std::chrono::hours hours) {
    return static_cast<long>(std::chrono::seconds(hours).count());
}

}  // namespace

struct TestCertificate::Parts {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{nullptr, &EVP_PKEY_free};
    std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), &X509_free};
};

TestCertificate::TestCertificate(const CertificateSpec& spec, const TestCertificate* issuer)
    : parts_(std::make_shared<Parts>()) {
    static std::atomic<long> next_serial{1};
    parts_->key.reset(new_key(spec.rsa_bits));
    require(parts_->key != nullptr, "key");
    X509* const certificate = parts_->certificate.get();
    X509* const signer = issuer != nullptr ? issuer->parts_->certificate.get() : certificate;
    EVP_PKEY* const signing_key = issuer != nullptr ? issuer->parts_->key.get() : parts_->key.get();

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), next_serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), seconds(spec.valid_from));
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds(spec.valid_until));
    set_name(X509_get_subject_name(certificate), spec.common_name);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    X509_set_pubkey(certificate, parts_->key.get());
    add_extension(certificate, signer, NID_basic_constraints,
                  spec.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(certificate, signer, NID_subject_key_identifier, "hash");
    add_extension(certificate, signer, NID_authority_key_identifier, "keyid");
    if (!spec.names.empty())
        add_extension(certificate, signer, NID_subject_alt_name, joined(spec.names));
    require(X509_sign(certificate, signing_key, EVP_sha256()) > 0, "signature");
}

std::string TestCertificate::certificate_pem() const {
    return to_pem([this](BIO* bio) { return PEM_write_bio_X509(bio, parts_->certificate.get()); });
}

std::string TestCertificate::key_pem() const {
    return to_pem([this](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, parts_->key.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr);
    });
}

TemporaryFile::TemporaryFile(const std::string& content)
    : path_((std::filesystem::temp_directory_path() / "herald-test-XXXXXX").string()) {
    const int file = ::mkstemp(path_.data());
    if (file < 0) throw std::runtime_error("cannot create a temporary file");
    ::close(file);
    std::ofstream(path_, std::ios::binary) << content;
}

TemporaryFile::~TemporaryFile() {
    std::filesystem::remove(path_);
}

}  // namespace herald::test
