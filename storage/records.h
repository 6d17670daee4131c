#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/id.h"
#include "core/secret.h"

/// What is kept, as plain data. Secrets are in the clear here and sealed below the Store interface.
namespace herald::storage {

/// Ordered and repeatable, as headers and form fields are.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// Sent as Fields are; sealed in the database, and shown by name only.
using SecretFields = std::vector<std::pair<std::string, core::Secret>>;
[[nodiscard]] SecretFields clone(const SecretFields& fields);
/// Whether both have the same names and values in the same order.
[[nodiscard]] bool same(const SecretFields& a, const SecretFields& b);

/// What a token operation last met; drives the `state` people see (docs/states.md).
enum class ProviderCondition {
    kOk,          ///< nothing known against it
    kFailing,     ///< transient failure, retried with back-off
    kRejected,    ///< the authorization server refuses this configuration; a person must act
    kNeedsSetup,  ///< the refresh token is dead; a person must authorise again
    kRevoked,     ///< revoked on request; nothing is obtained until a person asks for it
};

struct ProviderError {
    std::string error_class;  ///< dns, connect, tls, timeout, http, oauth, malformed,
                              ///< blocked_address, redirect
    std::string code;         ///< the OAuth `error`, or our own word
    std::string description;
    std::optional<int> status = std::nullopt;
    core::StoredTime at;
};

/// One of a client's secrets beside the first, for a change with overlap (O-37).
struct ClientSecret {
    core::Secret value;
    std::optional<core::SystemTime> not_before = std::nullopt;
    std::optional<core::SystemTime> not_after = std::nullopt;

    [[nodiscard]] ClientSecret clone() const {
        return {.value = value.clone(), .not_before = not_before, .not_after = not_after};
    }
};

/// One OAuth 2.0 provider: a client registered at one authorization server (RFC 6749 section 2).
struct ProviderRecord {
    core::ProviderId id;
    std::string name;
    std::string kind = "generic";
    bool enabled = true;
    std::string grant_type = "client_credentials";
    std::string client_id;
    std::optional<core::Secret> client_secret = std::nullopt;
    std::vector<ClientSecret> further_secrets = {};  ///< tried in this order after client_secret
    int secret_in_use = 0;  ///< the one that worked last: 0 client_secret, n further_secrets[n - 1]
    std::optional<core::Secret> private_key = std::nullopt;  ///< PEM: signs JWTs, or is mTLS's
    std::optional<std::string> certificate = std::nullopt;   ///< PEM, belongs to private_key
    std::string client_authentication = "client_secret_post";
    std::string token_endpoint;  ///< empty: the kind's, or the one that the issuer's metadata names
    std::optional<std::string> revocation_endpoint = std::nullopt;
    std::optional<std::string> test_endpoint = std::nullopt;
    std::vector<std::string> scopes;
    Fields parameters;  ///< extra token-request form fields
    SecretFields secret_parameters = {};
    SecretFields secret_token_headers = {};    ///< of the token request
    SecretFields secret_callout_headers = {};  ///< of every callout
    std::optional<std::string> audience = std::nullopt;
    std::vector<std::string> resources;  ///< RFC 8707
    std::optional<std::string> issuer = std::nullopt;
    boost::json::object metadata = {};  ///< what the issuer told of its endpoints (RFC 8414)
    boost::json::object settings;       ///< quirks and margins; keys in providers/settings.h
    std::int64_t config_version = 1;    ///< grows when anything that shapes a token changes
    /// Set by the store when read: columns whose sealed value does not open. Each stays as it is
    /// until it is given a new value.
    std::vector<std::string> unreadable_secrets = {};
    core::StoredTime created_at;
    core::StoredTime updated_at;

    ProviderCondition condition = ProviderCondition::kOk;
    std::optional<ProviderError> last_error = std::nullopt;
    /// Grows whenever a token must not be installed any more: revoke, reset, configuration change.
    std::int64_t invalidation_epoch = 0;
    std::int64_t token_requests = 0;

    [[nodiscard]] ProviderRecord clone() const;
};

/// The one token of a provider. The refresh token may be there alone (operator-supplied).
struct TokenRecord {
    std::optional<core::Secret> access_token = std::nullopt;
    std::optional<core::Secret> refresh_token = std::nullopt;
    std::string token_type = "Bearer";
    std::vector<std::string> scopes;
    std::int64_t generation = 0;  ///< grows with each installed access token
    core::StoredTime obtained_at;
    core::StoredTime expires_at;
    /// When the refresh token dies unless it is used before; empty: the server does not tell.
    std::optional<core::StoredTime> grant_ends_at = std::nullopt;
    boost::json::object attributes;                       ///< other members of the token response
    std::optional<core::Secret> dpop_key = std::nullopt;  ///< PEM; the token is bound to it
    std::vector<std::string> unreadable_secrets = {};     ///< as ProviderRecord's

    [[nodiscard]] TokenRecord clone() const;
};

/// A token that still has to be revoked at its server (RFC 7009 section 2.2.1).
struct PendingRevocation {
    std::int64_t id = 0;  ///< given by the store
    core::ProviderId provider;
    core::Secret token;
    bool is_unreadable = false;  ///< what is stored does not open, `token` is empty
    std::string token_type_hint;
    core::StoredTime next_try_at;
    core::StoredTime give_up_at;
    /// The token endpoint that it came from: no other server is shown it. Empty: not known, of an
    /// earlier version.
    std::optional<std::string> issued_by = std::nullopt;
};

struct NoAuth {};
struct BasicAuth {
    std::string username;
    core::Secret password;
};
struct HeaderAuth {
    std::string name;
    core::Secret value;
};
struct OauthAuth {
    core::ProviderId provider;
    std::string provider_name;                         ///< filled by the store when read
    std::optional<std::string> entity = std::nullopt;  ///< for tokens that are good for several
};
/// An access key id and its secret, each in a header of its own.
struct KeyPair {
    std::string id_header = "apiAccessKeyId";
    std::string secret_header = "apiSecretAccessKey";
    core::Secret id;
    core::Secret secret;

    [[nodiscard]] KeyPair clone() const;
};
struct KeyPairAuth {
    KeyPair key = {};
    std::optional<std::string> entity_id = std::nullopt;  ///< header `entityId`
    std::optional<std::string> entity_name = std::nullopt;
};
/// A login request with a key pair answers with a cookie; each successful callout renews it.
struct SessionCookieAuth {
    KeyPair key = {};
    std::string login_url;
    std::chrono::seconds session_timeout{900};
};
/// A request before each callout brings a token and a signature that are good once.
struct SingleUseTokenAuth {
    KeyPair key = {};  ///< shown to the signature resource
    std::string signature_url;
    std::string method = "POST";
    std::optional<std::string> body_template = std::nullopt;  ///< JSON
    std::string token_pointer = "/token";
    std::string signature_pointer = "/signature";
    std::string token_header = "token";
    std::string signature_header = "signature";
};
using Authentication = std::variant<NoAuth, BasicAuth, HeaderAuth, OauthAuth, KeyPairAuth,
                                    SessionCookieAuth, SingleUseTokenAuth>;

struct RetrySettings {
    std::vector<std::chrono::seconds> schedule;
    std::optional<std::chrono::seconds> max_age = std::nullopt;  ///< counted from the event
    std::vector<std::string> reject;  ///< "4xx" or exact statuses that end the callout
    int jitter_percent = 20;          ///< each step is longer or shorter by up to this
};

/// When a lane stops sending to a receiver that fails (dispatcher/circuit_breaker.h).
struct BreakerSettings {
    bool enabled = true;
    int failure_percent = 50;  ///< of the attempts in the window
    int min_attempts = 20;     ///< fewer in the window never open it
    std::chrono::seconds window{30};
    std::chrono::seconds open_for{5};  ///< doubled after each failed probe
    std::chrono::seconds open_for_at_most{300};

    friend bool operator==(const BreakerSettings&, const BreakerSettings&) = default;
};

/// 2xx is success only if the response body has `value` at `pointer`.
struct SuccessField {
    std::string pointer;
    std::string value;
};

/// How what is not ASCII stands in a header.
enum class HeaderEncoding { kAscii, kUtf8, kPercent };

/// Which events cause which callout.
struct NotificationRecord {
    core::NotificationId id;
    std::string name;
    bool enabled = true;
    bool paused = false;
    std::vector<std::string> events;  ///< patterns
    std::string method = "POST";
    std::string url;
    Fields headers;
    HeaderEncoding header_encoding = HeaderEncoding::kAscii;  ///< kAscii: an error
    Fields parameters;                 ///< query parameters of the callout URL
    SecretFields secret_headers = {};  ///< without merge fields, as they are
    SecretFields secret_parameters = {};
    std::string content_type = "application/json";
    std::optional<std::string> body_template = std::nullopt;
    Authentication auth = NoAuth{};
    std::optional<core::Secret> signing_secret = std::nullopt;  ///< `whsec_…` text
    /// As ProviderRecord's. No callout goes out meanwhile: it would be unsigned or not authorised.
    std::vector<std::string> unreadable_secrets = {};
    std::chrono::milliseconds timeout{30'000};
    RetrySettings retry;
    int max_in_flight = 64;
    std::optional<double> rate_per_s = std::nullopt;
    BreakerSettings breaker = {};
    /// Path of the event's field by which callouts go one after another, as `data.account.id`.
    std::optional<std::string> order_by = std::nullopt;
    std::optional<SuccessField> success = std::nullopt;
    core::StoredTime created_at;
    core::StoredTime updated_at;

    [[nodiscard]] NotificationRecord clone() const;
    /// The provider it authenticates with, if any.
    [[nodiscard]] std::optional<core::ProviderId> provider() const;
};

/// What happened. Immutable once stored; shared by all its callouts.
struct EventRecord {
    core::EventId id;
    std::string type;
    std::string data;                               ///< JSON, byte for byte as it came in
    std::optional<std::string> key = std::nullopt;  ///< idempotency key, unique
    core::SystemTime occurred_at;                   ///< as told with it
    core::StoredTime received_at;
};
using EventPtr = std::shared_ptr<const EventRecord>;

/// In the database as these numbers. kInFlight is never stored: a claimed callout is in flight once
/// it is marked as sent (storage/send_marks.h).
enum class CalloutState {
    kPending,
    kClaimed,  ///< a lane has it in memory; nothing has left
    kDelivered,
    kDead,
    kCancelled,
    kInFlight,  ///< a request may have left, and its outcome is not durable yet
};

/// Event x notification.
struct CalloutRecord {
    core::CalloutId id;
    core::EventId event;
    std::optional<core::NotificationId> notification =
        std::nullopt;  ///< as it was, also after its deletion
    std::string notification_name;
    std::optional<std::string> provider_name = std::nullopt;  ///< kept when the provider is gone
    CalloutState state = CalloutState::kPending;
    std::optional<std::string> reason = std::nullopt;
    std::optional<core::StoredTime> due_at = std::nullopt;
    int attempts = 0;  ///< the number of the last attempt
    int failures = 0;  ///< attempts that count against the retry schedule
    int crashes = 0;   ///< ends of the process while it was in flight, since its last outcome
    core::StoredTime created_at = {};
    std::optional<core::StoredTime> claimed_at = std::nullopt;  ///< last
    std::optional<core::StoredTime> finished_at = std::nullopt;
};

enum class AttemptOutcome { kDelivered, kRetry, kRejected, kGone, kFailed, kUnknownCrash };

/// One HTTP request that left. The resend after a 401 has the same number and `resend`.
struct AttemptRecord {
    core::CalloutId callout;
    int number = 1;
    bool resend = false;
    core::StoredTime started_at;
    std::chrono::milliseconds duration{0};
    std::optional<int> status = std::nullopt;
    AttemptOutcome outcome = AttemptOutcome::kRetry;
    std::optional<std::string> error =
        std::nullopt;  ///< transport error class and text; location of a refused redirect
    std::optional<std::int64_t> token_generation = std::nullopt;
    std::optional<std::string> track_id =
        std::nullopt;              ///< by which the receiver knows this request, as it echoed it
    std::string response_excerpt;  ///< raw bytes, at most 4 KiB, credentials masked
};

/// `ascii`, `utf-8`, `percent`.
[[nodiscard]] std::string_view to_string(HeaderEncoding encoding);
[[nodiscard]] std::optional<HeaderEncoding> parse_header_encoding(std::string_view text);
[[nodiscard]] std::string_view to_string(CalloutState state);
[[nodiscard]] std::optional<CalloutState> parse_callout_state(std::string_view text);
[[nodiscard]] std::string_view to_string(AttemptOutcome outcome);
[[nodiscard]] std::string_view to_string(ProviderCondition condition);

}  // namespace herald::storage
