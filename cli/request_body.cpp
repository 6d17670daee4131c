#include "cli/request_body.h"

#include <boost/json/serialize.hpp>

#include "core/json.h"

namespace herald::cli {

RequestBody::~RequestBody() {
    core::wipe(text_);
}

void RequestBody::begin(std::string_view key) {
    if (!text_.empty()) text_.push_back(',');
    text_.append("\"").append(core::escape_json(key)).append("\":");
}

void RequestBody::add(std::string_view key, const boost::json::value& value) {
    begin(key);
    text_.append(boost::json::serialize(value));
}

void RequestBody::add_raw(std::string_view key, std::string_view text) {
    begin(key);
    text_.append(text);
}

void RequestBody::add_secret(std::string_view key, const core::Secret& secret) {
    std::string escaped = core::escape_json(secret.reveal());
    // One allocation for what follows: growing would leave copies behind.
    text_.reserve(text_.size() + key.size() + escaped.size() + 16);
    begin(key);
    text_.append("\"").append(escaped).append("\"");
    core::wipe(escaped);
}

std::string RequestBody::text() const {
    std::string out;
    out.reserve(text_.size() + 2);
    out.append("{").append(text_).append("}");
    return out;
}

}  // namespace herald::cli
