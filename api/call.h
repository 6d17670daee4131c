#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/handler_threads.h"
#include "api/router.h"
#include "core/error.h"

namespace herald::api {

class TrialThread;

/// One request on its way through a handler.
struct Call {
    const Services& services;
    TrialThread& trials;
    ApiRequest request;
    std::map<std::string, std::string> params;  ///< `{name}` of the pattern, decoded

    [[nodiscard]] const std::string& param(const std::string& name) const {
        return params.at(name);
    }
    [[nodiscard]] std::optional<std::string> query(const std::string& name) const;
    [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

using CallPtr = std::shared_ptr<const Call>;  ///< shared: a coroutine keeps it while it waits

/// Answers from memory and the store; holds its thread until then.
using Handler = core::Result<ApiResponse> (*)(const Call&);
/// For what waits for another server, or as long as one: holds no thread while it waits.
using Answering = boost::asio::awaitable<core::Result<ApiResponse>>;
using WaitingHandler = Answering (*)(CallPtr);

/// How loudly the log tells that it was called (O-154).
enum class Audit { kNone, kDebug, kInformation };

struct Route {
    std::string_view method;
    std::string_view pattern;  ///< `/v1/providers/{name}`
    std::variant<Handler, WaitingHandler> handler;
    Audit audit = Audit::kNone;
    std::optional<Work> work = std::nullopt;  ///< else kRead for GET, kWrite for the others
};

[[nodiscard]] std::vector<Route> provider_routes();
[[nodiscard]] std::vector<Route> token_routes();
[[nodiscard]] std::vector<Route> notification_routes();
[[nodiscard]] std::vector<Route> notification_trial_routes();
[[nodiscard]] std::vector<Route> event_routes();
[[nodiscard]] std::vector<Route> callout_routes();
[[nodiscard]] std::vector<Route> status_routes();
[[nodiscard]] std::vector<Route> database_routes();

// What handlers have in common.

[[nodiscard]] ApiResponse json_response(int status, const boost::json::value& body);
/// The body as one strict JSON object.
[[nodiscard]] core::Result<boost::json::object> body_object(const Call& call);
/// The same, an empty body standing for {}.
[[nodiscard]] core::Result<boost::json::object> optional_body_object(const Call& call);
/// For operations without input: an empty body or {}.
[[nodiscard]] core::Result<> expect_no_input(const Call& call);
/// Refuses query parameters other than those.
[[nodiscard]] core::Result<> expect_query(const Call& call,
                                          std::initializer_list<std::string_view> known);
/// `true` or `false`, false where it is absent.
[[nodiscard]] core::Result<bool> query_flag(const Call& call, const std::string& name);

}  // namespace herald::api
