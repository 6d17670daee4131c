#include "storage/records.h"

#include <algorithm>

#include <array>

namespace herald::storage {
namespace {

std::optional<core::Secret> copy(const std::optional<core::Secret>& secret) {
    if (!secret) return std::nullopt;
    return secret->clone();
}

Authentication copy(const Authentication& auth) {
    struct Copier {
        Authentication operator()(const NoAuth&) const { return NoAuth{}; }
        Authentication operator()(const BasicAuth& basic) const {
            return BasicAuth{.username = basic.username, .password = basic.password.clone()};
        }
        Authentication operator()(const HeaderAuth& header) const {
            return HeaderAuth{.name = header.name, .value = header.value.clone()};
        }
        Authentication operator()(const OauthAuth& oauth) const { return oauth; }
        Authentication operator()(const KeyPairAuth& pair) const {
            return KeyPairAuth{.key = pair.key.clone(),
                               .entity_id = pair.entity_id,
                               .entity_name = pair.entity_name};
        }
        Authentication operator()(const SessionCookieAuth& session) const {
            return SessionCookieAuth{.key = session.key.clone(),
                                     .login_url = session.login_url,
                                     .session_timeout = session.session_timeout};
        }
        Authentication operator()(const SingleUseTokenAuth& single) const {
            return SingleUseTokenAuth{.key = single.key.clone(),
                                      .signature_url = single.signature_url,
                                      .method = single.method,
                                      .body_template = single.body_template,
                                      .token_pointer = single.token_pointer,
                                      .signature_pointer = single.signature_pointer,
                                      .token_header = single.token_header,
                                      .signature_header = single.signature_header};
        }
    };
    return std::visit(Copier{}, auth);
}

std::vector<ClientSecret> copy(const std::vector<ClientSecret>& secrets) {
    std::vector<ClientSecret> twins;
    for (const ClientSecret& secret : secrets) twins.push_back(secret.clone());
    return twins;
}

constexpr std::array kAllStates{CalloutState::kPending,  CalloutState::kClaimed,
                                CalloutState::kInFlight, CalloutState::kDelivered,
                                CalloutState::kDead,     CalloutState::kCancelled};

}  // namespace

SecretFields clone(const SecretFields& fields) {
    SecretFields twin;
    for (const auto& [name, value] : fields) twin.emplace_back(name, value.clone());
    return twin;
}

bool same(const SecretFields& a, const SecretFields& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.first == y.first && x.second.equals(y.second);
    });
}

KeyPair KeyPair::clone() const {
    return {.id_header = id_header,
            .secret_header = secret_header,
            .id = id.clone(),
            .secret = secret.clone()};
}

ProviderRecord ProviderRecord::clone() const {
    ProviderRecord twin{.id = id,
                        .name = name,
                        .kind = kind,
                        .enabled = enabled,
                        .grant_type = grant_type,
                        .client_id = client_id,
                        .client_secret = copy(client_secret),
                        .further_secrets = copy(further_secrets),
                        .secret_in_use = secret_in_use,
                        .private_key = copy(private_key),
                        .certificate = certificate,
                        .client_authentication = client_authentication,
                        .token_endpoint = token_endpoint,
                        .revocation_endpoint = revocation_endpoint,
                        .test_endpoint = test_endpoint,
                        .scopes = scopes,
                        .parameters = parameters,
                        .secret_parameters = storage::clone(secret_parameters),
                        .secret_token_headers = storage::clone(secret_token_headers),
                        .secret_callout_headers = storage::clone(secret_callout_headers),
                        .audience = audience,
                        .resources = resources,
                        .issuer = issuer,
                        .metadata = metadata,
                        .settings = settings,
                        .config_version = config_version,
                        .unreadable_secrets = unreadable_secrets,
                        .created_at = created_at,
                        .updated_at = updated_at,
                        .condition = condition,
                        .last_error = last_error,
                        .invalidation_epoch = invalidation_epoch,
                        .token_requests = token_requests};
    return twin;
}

TokenRecord TokenRecord::clone() const {
    TokenRecord twin{.access_token = copy(access_token),
                     .refresh_token = copy(refresh_token),
                     .token_type = token_type,
                     .scopes = scopes,
                     .generation = generation,
                     .obtained_at = obtained_at,
                     .expires_at = expires_at,
                     .grant_ends_at = grant_ends_at,
                     .attributes = attributes,
                     .dpop_key = copy(dpop_key),
                     .unreadable_secrets = unreadable_secrets};
    return twin;
}

NotificationRecord NotificationRecord::clone() const {
    NotificationRecord twin{.id = id,
                            .name = name,
                            .enabled = enabled,
                            .paused = paused,
                            .events = events,
                            .method = method,
                            .url = url,
                            .headers = headers,
                            .header_encoding = header_encoding,
                            .parameters = parameters,
                            .secret_headers = storage::clone(secret_headers),
                            .secret_parameters = storage::clone(secret_parameters),
                            .content_type = content_type,
                            .body_template = body_template,
                            .auth = copy(auth),
                            .signing_secret = copy(signing_secret),
                            .unreadable_secrets = unreadable_secrets,
                            .timeout = timeout,
                            .retry = retry,
                            .max_in_flight = max_in_flight,
                            .rate_per_s = rate_per_s,
                            .breaker = breaker,
                            .order_by = order_by,
                            .success = success,
                            .created_at = created_at,
                            .updated_at = updated_at};
    return twin;
}

std::optional<core::ProviderId> NotificationRecord::provider() const {
    const auto* oauth = std::get_if<OauthAuth>(&auth);
    if (oauth == nullptr) return std::nullopt;
    return oauth->provider;
}

std::string_view to_string(HeaderEncoding encoding) {
    switch (encoding) {
        case HeaderEncoding::kAscii:
            return "ascii";
        case HeaderEncoding::kUtf8:
            return "utf-8";
        case HeaderEncoding::kPercent:
            return "percent";
    }
    return "unknown";
}

std::optional<HeaderEncoding> parse_header_encoding(std::string_view text) {
    for (const auto encoding :
         {HeaderEncoding::kAscii, HeaderEncoding::kUtf8, HeaderEncoding::kPercent}) {
        if (to_string(encoding) == text) return encoding;
    }
    return std::nullopt;
}

std::string_view to_string(CalloutState state) {
    switch (state) {
        case CalloutState::kPending:
            return "pending";
        case CalloutState::kClaimed:
            return "claimed";
        case CalloutState::kInFlight:
            return "in_flight";
        case CalloutState::kDelivered:
            return "delivered";
        case CalloutState::kDead:
            return "dead";
        case CalloutState::kCancelled:
            return "cancelled";
    }
    return "unknown";
}

std::optional<CalloutState> parse_callout_state(std::string_view text) {
    for (const CalloutState state : kAllStates) {
        if (to_string(state) == text) return state;
    }
    return std::nullopt;
}

std::string_view to_string(AttemptOutcome outcome) {
    switch (outcome) {
        case AttemptOutcome::kDelivered:
            return "delivered";
        case AttemptOutcome::kRetry:
            return "retry";
        case AttemptOutcome::kRejected:
            return "rejected";
        case AttemptOutcome::kGone:
            return "gone";
        case AttemptOutcome::kFailed:
            return "failed";
        case AttemptOutcome::kUnknownCrash:
            return "unknown_crash";
    }
    return "unknown";
}

std::string_view to_string(ProviderCondition condition) {
    switch (condition) {
        case ProviderCondition::kOk:
            return "ok";
        case ProviderCondition::kFailing:
            return "failing";
        case ProviderCondition::kRejected:
            return "rejected";
        case ProviderCondition::kNeedsSetup:
            return "needs_setup";
        case ProviderCondition::kRevoked:
            return "revoked";
    }
    return "unknown";
}

}  // namespace herald::storage
