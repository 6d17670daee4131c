#include "api/router.h"

#include <exception>
#include <stdexcept>

#include "api/call.h"
#include "api/problem.h"
#include "api/trial_thread.h"
#include "core/encoding.h"
#include "core/log.h"

namespace herald::api {
namespace {

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> segments;
    if (path.starts_with('/')) path.remove_prefix(1);
    while (true) {
        const std::size_t slash = path.find('/');
        segments.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

// In a path `+` is itself; the form decoder would make a space of it.
std::optional<std::string> decode_segment(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '+') {
            escaped.append("%2B");
        } else {
            escaped.push_back(c);
        }
    }
    return core::form_decode(escaped);
}

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{');
}

core::Error internal_error() {
    return {.kind = core::ErrorKind::kPermanent,
            .code = "internal_error",
            .message = "the request met an error inside herald; the daemon's log has the cause"};
}

std::string code_of(const core::Result<ApiResponse>& result) {
    return result ? "ok" : result.error().code;
}

std::string actor(const ApiRequest& request) {
    const auto found = request.headers.find("herald-actor");
    return found == request.headers.end() ? "in process" : found->second;
}

// One wide line an operation: who did what to which, and what came of it. Never a body (O-154).
void audit(const Route& route, const Call& call, const core::Result<ApiResponse>& result) {
    if (route.audit == Audit::kNone) return;
    const auto level =
        route.audit == Audit::kDebug ? core::LogLevel::kDebug : core::LogLevel::kInformation;
    if (!core::log_enabled(level)) return;
    boost::json::object fields;
    fields["operation"] = std::string(route.method) + " " + std::string(route.pattern);
    for (const auto& [name, value] : call.params) fields[name] = core::printable(value, 64);
    fields["actor"] = actor(call.request);
    fields["outcome"] = code_of(result);
    fields["status"] = result ? result->status : http_status(result.error());
    core::log(level, "audit", fields);
}

core::Result<ApiResponse> run(const Route& route, const Call& call) {
    try {
        return route.handler(call);
    } catch (const std::exception& exception) {
        core::log(core::LogLevel::kError, "handler_threw",
                  {{"operation", std::string(route.method) + " " + std::string(route.pattern)},
                   {"what", core::printable(exception.what(), 256)}});
        return internal_error();
    }
}

}  // namespace

class Router::Table {
public:
    explicit Table(Services services) : services_(std::move(services)) {
        for (auto* routes :
             {provider_routes, token_routes, notification_routes, notification_trial_routes,
              event_routes, callout_routes, status_routes, database_routes}) {
            for (const Route& route : routes()) rows_.push_back({route, split_path(route.pattern)});
        }
    }

    [[nodiscard]] ApiResponse handle(const ApiRequest& request) const {
        const std::vector<std::string> path = split_path(request.path);
        std::string allowed;
        for (const Row& row : rows_) {
            std::map<std::string, std::string> params;
            if (!matches(row, path, params)) continue;
            if (row.route.method == request.method)
                return answer(row.route, request, std::move(params));
            allowed.append(allowed.empty() ? "" : ", ").append(row.route.method);
        }
        return allowed.empty() ? no_such_path(request) : wrong_method(request, allowed);
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const Row& row : rows_)
            out.push_back(std::string(row.route.method) + " " + std::string(row.route.pattern));
        return out;
    }

private:
    struct Row {
        Route route;
        std::vector<std::string> pattern;
    };

    static bool matches(const Row& row, const std::vector<std::string>& path,
                        std::map<std::string, std::string>& params) {
        if (row.pattern.size() != path.size()) return false;
        for (std::size_t i = 0; i < path.size(); ++i) {
            const std::string& wanted = row.pattern[i];
            if (!is_parameter(wanted)) {
                if (wanted != path[i]) return false;
                continue;
            }
            auto decoded = decode_segment(path[i]);
            if (!decoded || decoded->empty()) return false;
            params[wanted.substr(1, wanted.size() - 2)] = std::move(*decoded);
        }
        return true;
    }

    ApiResponse answer(const Route& route, const ApiRequest& request,
                       std::map<std::string, std::string> params) const {
        const Call call{services_, trials_, request, std::move(params)};
        const core::Result<ApiResponse> result = run(route, call);
        audit(route, call, result);
        return result ? *result : problem(result.error());
    }

    static ApiResponse no_such_path(const ApiRequest& request) {
        return problem({.kind = core::ErrorKind::kNotFound,
                        .code = "not_found",
                        .message = "no such path: " + core::printable(request.path, 128)});
    }

    static ApiResponse wrong_method(const ApiRequest& request, const std::string& allowed) {
        auto response = problem_with_status(
            405, malformed_request("the method " + core::printable(request.method, 16) +
                                   " is not known here; use " + allowed));
        response.headers["Allow"] = allowed;
        return response;
    }

    Services services_;
    std::vector<Row> rows_;
    mutable TrialThread trials_;  // does its own locking
};

Router::Router(Services services) : table_(std::make_unique<Table>(std::move(services))) {}
Router::~Router() = default;

ApiResponse Router::handle(const ApiRequest& request) const {
    try {
        return table_->handle(request);
    } catch (const std::exception&) {
        return problem(internal_error());
    }
}

std::vector<std::string> Router::routes() const {
    return table_->names();
}

}  // namespace herald::api
