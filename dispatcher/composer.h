#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/id.h"
#include "core/masking.h"
#include "dispatcher/merge_template.h"
#include "http/message.h"
#include "storage/records.h"

namespace herald::dispatcher {

/// Where credentials are asked for before a callout: the login or the signature resource.
struct CredentialResource {
    http::Url url;
    std::optional<MergeTemplate> body = std::nullopt;
};

/// A notification ready to run: checked, its templates compiled, its signing key decoded.
///
/// Immutable, so workers share it. Made by `compile` only.
struct CompiledNotification {
    storage::NotificationRecord record;
    MergeTemplate url;
    std::vector<std::pair<std::string, MergeTemplate>> headers;
    std::vector<std::pair<std::string, MergeTemplate>> parameters;  ///< names percent-encoded
    std::optional<MergeTemplate> body;
    std::optional<core::Secret> signing_key;
    /// Set where the URL has no merge fields: parsed once.
    std::optional<http::Url> fixed_url;
    /// `order_by` as `core::raw_at` takes it, below the event's data; empty: no order.
    std::vector<std::string> order_path;
    bool sets_user_agent = false;  ///< one of `headers` replaces ours
    bool carries_credentials = false;
    core::Masking masking;                          ///< hides the credentials that the record holds
    std::optional<CredentialResource> credentials;  ///< where the authentication has one
};
using CompiledNotificationPtr = std::shared_ptr<const CompiledNotification>;

/// Errors: invalid_argument, naming the field whose text cannot be understood.
[[nodiscard]] core::Result<CompiledNotificationPtr> compile(storage::NotificationRecord record);

/// Whether its requests show who we are: an authentication, sealed headers or parameters, or an
/// Authorization header of its own.
[[nodiscard]] bool carries_credentials(const storage::NotificationRecord& record);

/// The request of one attempt, without authentication: URL, headers of contract section 7, body,
/// signature. Deadline and TLS identity are the courier's. Pure. `warnings` may be null. Errors:
/// kPermanent `template_error` (details.path), or `rejected_request` where what was rendered may
/// not be sent.
[[nodiscard]] core::Result<http::Request> compose(const CompiledNotification& notification,
                                                  const storage::EventRecord& event,
                                                  core::CalloutId callout, int attempt,
                                                  core::SystemTime now,
                                                  std::vector<std::string>* warnings);

/// What callouts of this notification are ordered by: 16 bytes that stand for the field's value, or
/// nothing where it has no order or the event no such field. REQUIRES: event.data is valid JSON.
[[nodiscard]] std::string order_key(const CompiledNotification& notification,
                                    const storage::EventRecord& event);

/// The default body: {"id","type","occurred_at","data"}, data byte for byte.
[[nodiscard]] std::string default_body(const storage::EventRecord& event);

/// Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
[[nodiscard]] std::string sign(const core::Secret& key, std::string_view id,
                               std::string_view timestamp, std::string_view body);
/// The decoded key of `whsec_` and the base64 of 24 to 64 bytes, in either alphabet, padded or not;
/// also without the label, unless it is hexadecimal, which may mean two things.
[[nodiscard]] core::Result<core::Secret> decode_signing_secret(const core::Secret& text);

}  // namespace herald::dispatcher
