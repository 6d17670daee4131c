#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "core/secret.h"

namespace herald::cli {

/// A JSON object written member by member, so that event data keeps its bytes and secrets leave no
/// copies behind.
class RequestBody final {
public:
    RequestBody() = default;
    RequestBody(const RequestBody&) = delete;
    RequestBody& operator=(const RequestBody&) = delete;
    ~RequestBody();

    void add(std::string_view key, const boost::json::value& value);
    /// REQUIRES: core::validate_json(text) succeeded.
    void add_raw(std::string_view key, std::string_view text);
    void add_secret(std::string_view key, const core::Secret& secret);
    [[nodiscard]] bool empty() const { return text_.empty(); }
    /// The document; the caller wipes it.
    [[nodiscard]] std::string text() const;

private:
    void begin(std::string_view key);
    std::string text_;
};

}  // namespace herald::cli
