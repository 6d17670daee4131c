#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "http/message.h"
#include "storage/records.h"

namespace herald::providers {

/// A setting that one kind has and others do not. The command line makes a flag of it:
/// `data_center` is `--data-center`.
struct KindSetting {
    std::string_view name;
    std::string_view help;
    bool is_flag = false;  ///< true or false instead of a text
    bool is_required = false;
    std::string_view fallback = {};  ///< where it is not given
};

/// A profile: what all clients of one authorization server have in common. Data; each in a file of
/// its own under kinds/, which names the source of its facts.
///
/// Endpoints are templates: `{base_url}` stands for the setting of that name, else for `base_url`
/// below; `{tenant}` for the setting `tenant`. They are only used where the record names none.
struct Kind {
    std::string_view name;
    std::string_view summary;  ///< one line for `provider kinds`
    std::string_view grant_type = "client_credentials";
    std::string_view client_authentication = "client_secret_post";
    std::string_view base_url = {};
    std::string_view token_endpoint = {};
    std::string_view revocation_endpoint = {};
    std::string_view test_endpoint = {};
    std::string_view introspection_endpoint = {};
    std::string_view authorization_endpoint = {};
    std::string_view device_authorization_endpoint = {};
    /// Introspection says `active: false` also of good tokens, to clients without that right.
    bool may_hide_active_tokens = false;
    std::string_view settings = "{}";  ///< JSON: what the record's own settings overlay
    std::span<const KindSetting> own_settings = {};

    // Where data is not enough; null where it is. `settings` are the kind's and the record's.

    /// `base_url` where it depends on settings.
    core::Result<std::string> (*base_of)(const boost::json::object& settings) = nullptr;
    /// Rules beyond those of every provider.
    core::Result<> (*check)(const storage::ProviderRecord& record,
                            const boost::json::object& settings) = nullptr;
    /// Brings what people type into its one form.
    core::Result<> (*normalize)(storage::ProviderRecord& record) = nullptr;
    /// Whether one may be edited into the other.
    core::Result<> (*check_change)(const storage::ProviderRecord& before,
                                   const storage::ProviderRecord& after) = nullptr;
    /// Whether a token may be installed, by what came with it; the error is the provider's.
    core::Result<> (*check_token)(const boost::json::object& settings,
                                  const boost::json::object& attributes) = nullptr;
    /// Whether a receiver's answer says, in its own way, that the token is not valid (O-93).
    bool (*refuses_token)(const http::Response& response) = nullptr;
};

/// Null where the name is unknown (builtin.cpp).
[[nodiscard]] const Kind* find_kind(std::string_view name);
[[nodiscard]] std::span<const Kind* const> all_kinds();

/// The kind's settings overlaid by the record's. REQUIRES: the kind is known.
[[nodiscard]] boost::json::object merged_settings(const storage::ProviderRecord& record);

/// A setting's text, or the kind's fallback for it; empty where there is neither.
[[nodiscard]] std::string setting_text(const boost::json::object& settings, std::string_view name);
[[nodiscard]] bool setting_flag(const boost::json::object& settings, std::string_view name);

}  // namespace herald::providers
