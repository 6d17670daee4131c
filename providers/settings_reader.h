#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "http/message.h"
#include "storage/records.h"

namespace herald::providers {

/// Reads typed members of a settings object and remembers the first rule that was broken. What is
/// absent keeps its value.
class SettingsReader final {
public:
    /// Borrows `settings`.
    explicit SettingsReader(const boost::json::object& settings) : settings_(settings) {}

    template <class Duration>
    void number(std::string_view key, std::int64_t low, std::int64_t high, Duration& out) {
        if (const auto found = integer(key, low, high)) out = Duration(*found);
    }
    template <class Duration>
    void number(std::string_view key, std::int64_t low, std::int64_t high,
                std::optional<Duration>& out) {
        if (const auto found = integer(key, low, high)) out = Duration(*found);
    }
    void flag(std::string_view key, bool& out);
    void text(std::string_view key, std::string& out);
    void optional_text(std::string_view key, std::optional<std::string>& out);
    void choice(std::string_view key, std::initializer_list<std::string_view> known,
                std::string& out);
    /// A JSON Pointer (RFC 6901).
    void pointer(std::string_view key, std::string& out);
    void optional_pointer(std::string_view key, std::optional<std::string>& out);
    void time(std::string_view key, std::optional<core::SystemTime>& out);
    void texts(std::string_view key, std::vector<std::string>& out);
    /// An object of texts.
    void fields(std::string_view key, storage::Fields& out);
    /// The name of one header; empty: none.
    void header(std::string_view key, http::HeaderRole role, std::string& out);
    /// An object of texts, names and values as headers may have them.
    void headers(std::string_view key, http::HeaderRole role, storage::Fields& out);
    void object(std::string_view key, boost::json::object& out);

    void fail(std::string_view key, std::string_view rule);
    /// What is wrong, if anything; every member must have been asked for.
    [[nodiscard]] std::optional<core::Error> finish();

private:
    const boost::json::value* member(std::string_view key);
    void check(std::string_view key, const core::Result<>& checked);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);

    const boost::json::object& settings_;
    std::vector<std::string> known_;
    std::optional<core::Error> error_;
};

}  // namespace herald::providers
