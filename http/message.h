#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"
#include "http/url.h"

namespace herald::http {

/// Field lines in order; names compare without case.
class Headers final {
public:
    void add(std::string name, std::string value) {
        lines_.emplace_back(std::move(name), std::move(value));
    }
    /// Replaces every line of that name.
    void set(std::string_view name, std::string value);
    /// Appends to the last line, behind a space. REQUIRES: there is one.
    void extend_last(std::string_view more) { lines_.back().second.append(" ").append(more); }
    /// The first value of that name, empty optional where there is none.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
    [[nodiscard]] auto begin() const { return lines_.begin(); }
    [[nodiscard]] auto end() const { return lines_.end(); }
    [[nodiscard]] std::size_t size() const { return lines_.size(); }

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

/// What a connection of this request presents and trusts; part of the pool's key.
struct TlsIdentity {
    std::string ca_file =
        {};  ///< whose PEM is trusted instead of the system's; empty: the system's
    /// What stands in it: a transport opens no files. Shared because requests are copied.
    std::shared_ptr<const std::string> ca = nullptr;
    std::string certificate = {};  ///< PEM, shown to servers that ask; empty: none
    /// Of the certificate, PEM; shared because requests are copied and secrets are not.
    std::shared_ptr<const core::Secret> private_key = nullptr;

    /// The certificate stands for its key.
    bool operator==(const TlsIdentity& other) const {
        const bool same_ca = ca == other.ca || (ca && other.ca && *ca == *other.ca);
        return ca_file == other.ca_file && same_ca && certificate == other.certificate;
    }
    /// Tells two identities apart, short where there is no certificate.
    [[nodiscard]] std::string key() const { return ca_file + "\n" + certificate; }
};

struct Request {
    std::string method = "POST";
    Url url;
    /// Without Host, Content-Length and Connection: the transport writes those.
    Headers headers;
    std::string body;
    /// Over plain http such a request goes to allowed loopback addresses only (O-8, O-95).
    bool carries_credentials = false;
    /// Everything, name lookup to last body byte, ends here.
    core::SteadyTime deadline;
    std::chrono::milliseconds connect_timeout{5'000};
    /// Read that much of the body, then close; `body_truncated` says so. The status still counts.
    std::size_t max_response_body = 256 * 1024;
    /// Set-Cookie stays in the response, for a login; else it is dropped (E-84).
    bool keeps_cookies = false;
    TlsIdentity tls;
};

struct Response {
    int status = 0;
    Headers headers;
    std::string body;
    bool body_truncated = false;
};

/// Refuses what could become another header line or another request (S-05, S-06): names must be RFC
/// 9110 tokens, values visible characters, spaces and tabs, no edge white space. `field` names it
/// in the error.
[[nodiscard]] core::Result<> validate_header(std::string_view name, std::string_view value,
                                             std::string_view field);
/// The same, but UTF-8 beyond ASCII may stand in the value (obs-text of RFC 9110 section 5.5).
[[nodiscard]] core::Result<> validate_utf8_header(std::string_view name, std::string_view value,
                                                  std::string_view field);
/// The same with the field `headers.<name>`, which is put together only for an error: for what is
/// looked at once a request.
[[nodiscard]] core::Result<> validate_sent_header(std::string_view name, std::string_view value);

/// Names that only the transport writes: framing, routing, connection (S-06).
[[nodiscard]] bool is_reserved_header(std::string_view name);

/// What a header is for that an operator names.
enum class HeaderRole {
    kCredential,   ///< carries an authentication of ours
    kBesideOurs,   ///< goes out beside one
    kWithoutOurs,  ///< goes out where there is none
};

/// The one rule for every place where a header can be named: options, settings, authentications.
/// Refused are names that are no RFC 9110 token, those of the transport, and those that herald
/// itself writes; and what would stand in the way of an authentication. The error's rule tells who
/// sets it.
[[nodiscard]] core::Result<> check_header_name(std::string_view name, HeaderRole role,
                                               std::string_view field);

}  // namespace herald::http
