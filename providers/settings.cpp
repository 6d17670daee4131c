#include "providers/settings.h"

#include <array>

namespace herald::providers {
namespace {

namespace json = boost::json;
using core::Result;

// Reads typed members and remembers the first rule that was broken.
class SettingsReader {
public:
    explicit SettingsReader(const json::object& settings) : settings_(settings) {}

    template <class Duration>
    void number(std::string_view key, std::int64_t low, std::int64_t high, Duration& out) {
        if (const auto found = integer(key, low, high)) out = Duration(*found);
    }
    template <class Duration>
    void number(std::string_view key, std::int64_t low, std::int64_t high,
                std::optional<Duration>& out) {
        if (const auto found = integer(key, low, high)) out = Duration(*found);
    }
    void flag(std::string_view key, bool& out) {
        const json::value* value = member(key);
        if (value == nullptr) return;
        if (value->is_bool()) {
            out = value->as_bool();
        } else {
            fail(key, "is true or false");
        }
    }
    void text(std::string_view key, std::string& out) {
        const json::value* value = member(key);
        if (value == nullptr) return;
        if (value->is_string()) {
            out = std::string(value->as_string());
        } else {
            fail(key, "is a text");
        }
    }
    void fail(std::string_view key, std::string_view rule) {
        if (!error_) error_ = core::invalid_argument("settings." + std::string(key), rule);
    }
    // Every member must have been asked for.
    [[nodiscard]] std::optional<core::Error> finish() {
        for (const auto& member : settings_) {
            if (std::find(known_.begin(), known_.end(), member.key()) != known_.end()) continue;
            std::string rule = "is not a setting; known are";
            for (const std::string_view key : known_) rule.append(" ").append(key);
            fail(member.key(), rule);
        }
        return error_;
    }

private:
    const json::value* member(std::string_view key) {
        known_.push_back(key);
        return settings_.if_contains(key);
    }
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) {
        const json::value* value = member(key);
        if (value == nullptr) return std::nullopt;
        json::error_code ec;
        const auto number = value->to_number<std::int64_t>(ec);
        if (!ec && number >= low && number <= high) return number;
        fail(key, "is a whole number from " + std::to_string(low) + " to " + std::to_string(high));
        return std::nullopt;
    }

    const json::object& settings_;
    std::vector<std::string_view> known_;
    std::optional<core::Error> error_;
};

}  // namespace

Result<ProviderSettings> ProviderSettings::parse(const json::object& settings) {
    constexpr std::int64_t kDay = 86'400;
    ProviderSettings out;
    SettingsReader reader(settings);
    reader.number("assumed_lifetime_s", 1, 30 * kDay, out.assumed_lifetime_s);
    reader.number("max_lifetime_s", 1, 365 * kDay, out.max_lifetime_s);
    reader.number("refresh_lead_s", 0, kDay, out.refresh_lead_s);
    reader.number("expiry_margin_s", 0, kDay, out.expiry_margin_s);
    reader.text("scope_separator", out.scope_separator);
    if (out.scope_separator != " " && out.scope_separator != "," && out.scope_separator != "+") {
        reader.fail("scope_separator", "is a space, a comma or +");
    }
    std::string raw_scope;
    reader.text("raw_scope", raw_scope);
    if (settings.contains("raw_scope")) out.raw_scope = std::move(raw_scope);
    reader.flag("raw_basic", out.raw_basic);
    reader.flag("resume_after_revoke", out.resume_after_revoke);
    reader.flag("keep_warm", out.keep_warm);
    reader.text("test_method", out.test_method);
    if (out.test_method != "GET" && out.test_method != "POST" && out.test_method != "HEAD") {
        reader.fail("test_method", "is GET, POST or HEAD");
    }
    reader.text("ca_file", out.ca_file);
    reader.number("rejected_retry_s", 1, kDay, out.rejected_retry_s);
    reader.number("request_timeout_ms", 100, 600'000, out.request_timeout_ms);
    if (auto error = reader.finish()) return *error;
    return out;
}

}  // namespace herald::providers
