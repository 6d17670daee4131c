#include "api/call.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "core/encoding.h"
#include "core/json.h"

namespace herald::api {

std::optional<std::string> Call::query(const std::string& name) const {
    const auto found = request.query.find(name);
    if (found == request.query.end()) return std::nullopt;
    return found->second;
}

std::string Call::header(const std::string& lower_case_name) const {
    const auto found = request.headers.find(lower_case_name);
    return found == request.headers.end() ? std::string() : found->second;
}

ApiResponse json_response(int status, const boost::json::value& body) {
    ApiResponse response;
    response.status = status;
    response.body = boost::json::serialize(body);
    return response;
}

core::Result<boost::json::object> body_object(const Call& call) {
    return core::parse_object(call.request.body);
}

core::Result<boost::json::object> optional_body_object(const Call& call) {
    if (call.request.body.empty()) return boost::json::object();
    return core::parse_object(call.request.body);
}

core::Result<> expect_no_input(const Call& call) {
    auto body = optional_body_object(call);
    if (!body) return body.error();
    if (body->empty()) return {};
    return core::invalid_argument(core::printable(std::string_view(body->begin()->key()), 64),
                                  "this operation takes no input");
}

core::Result<> expect_query(const Call& call, std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : call.request.query) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        std::string rule = "no such query parameter";
        if (known.size() > 0) rule.append("; known are");
        for (const std::string_view each : known) rule.append(" ").append(each);
        return core::invalid_argument(core::printable(name, 64), rule);
    }
    return {};
}

core::Result<bool> query_flag(const Call& call, const std::string& name) {
    const auto text = call.query(name);
    if (!text || *text == "false") return false;
    if (*text == "true") return true;
    return core::invalid_argument(name, "true or false");
}

}  // namespace herald::api
