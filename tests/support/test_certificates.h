#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace herald::test {

/// What a certificate says; the defaults are a good server certificate for 127.0.0.1 once a name is
/// given.
struct CertificateSpec {
    std::string common_name = "test";
    std::vector<std::string> names = {};  ///< `DNS:…` or `IP:…`
    bool is_authority = false;
    std::chrono::hours valid_from{-24};  ///< from now
    std::chrono::hours valid_until{24};
    int rsa_bits = 0;  ///< 0: P-256
};

/// A certificate with its key. Copies share both.
class TestCertificate final {
public:
    /// Signed by `issuer`, or by itself where that is null. Throws std::runtime_error.
    explicit TestCertificate(const CertificateSpec& spec, const TestCertificate* issuer = nullptr);

    [[nodiscard]] std::string certificate_pem() const;
    [[nodiscard]] std::string key_pem() const;

private:
    struct Parts;
    std::shared_ptr<Parts> parts_;
};

/// A file that lives as long as this.
class TemporaryFile final {
public:
    explicit TemporaryFile(const std::string& content);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace herald::test
