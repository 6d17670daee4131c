#include "api/router.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <stdexcept>

#include "api/call.h"
#include "api/problem.h"
#include "api/trial_thread.h"
#include "core/await.h"
#include "core/encoding.h"
#include "core/log.h"
#include "core/visible_json.h"

namespace herald::api {
namespace {

namespace asio = boost::asio;

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

std::string operation(const Route& route) {
    return std::string(route.method) + " " + std::string(route.pattern);
}

// One wide line an operation: who did what to which, and what came of it. Never a body (O-154).
void audit(const Route& route, const Call& call, const core::Result<ApiResponse>& result) {
    if (route.audit == Audit::kNone) return;
    const auto level =
        route.audit == Audit::kDebug ? core::LogLevel::kDebug : core::LogLevel::kInformation;
    if (!core::log_enabled(level)) return;
    boost::json::object fields;
    fields["operation"] = operation(route);
    for (const auto& [name, value] : call.params) fields[name] = core::printable(value, 64);
    fields["actor"] = actor(call.request);
    fields["outcome"] = code_of(result);
    fields["status"] = result ? result->status : http_status(result.error());
    core::log(level, "audit", fields);
}

core::Error threw(const Route& route, const char* what) {
    core::log(core::LogLevel::kError, "handler_threw",
              {{"operation", operation(route)}, {"what", core::printable(what, 256)}});
    return internal_error();
}

ApiResponse told(const Route& route, const Call& call, core::Result<ApiResponse> result) {
    audit(route, call, result);
    ApiResponse response = result ? std::move(*result) : problem(result.error());
    if (response.content_type.ends_with("json")) response.body = core::visible_json(response.body);
    return response;
}

ApiResponse run(const Route& route, Handler handler, const Call& call) {
    try {
        return told(route, call, handler(call));
    } catch (const std::exception& exception) {
        return told(route, call, threw(route, exception.what()));
    }
}

asio::awaitable<ApiResponse> run(const Route* route, WaitingHandler handler, CallPtr call) {
    core::Result<ApiResponse> result = internal_error();
    try {
        auto answering = handler(call);
        result = co_await std::move(answering);
    } catch (const std::exception& exception) {
        result = threw(*route, exception.what());
    }
    co_return told(*route, *call, std::move(result));
}

// Never by an exception: what a handler throws has been told already.
void begin(asio::any_io_executor executor, asio::awaitable<ApiResponse> answering, Reply reply) {
    asio::co_spawn(std::move(executor), std::move(answering),
                   [reply = std::move(reply)](std::exception_ptr thrown, ApiResponse response) {
                       reply(thrown ? problem(internal_error()) : std::move(response));
                   });
}

Work work_of(const Route& route) {
    if (route.work) return *route.work;
    return route.method == "GET" ? Work::kRead : Work::kWrite;
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

    void handle(ApiRequest request, HandlerThreads& threads, Reply reply) const {
        const Found found = find(request);
        if (found.row == nullptr) return reply(found.instead);
        const Route& route = found.row->route;
        const Work work = work_of(route);
        if (!threads.try_enter(work))
            return reply(problem(overloaded("too many requests of this kind are being served")));
        Reply leave = [&threads, work, reply = std::move(reply)](ApiResponse response) {
            threads.leave(work);
            reply(std::move(response));
        };
        auto call = call_of(std::move(request), found.params);
        if (const auto* handler = std::get_if<WaitingHandler>(&route.handler))
            return begin(threads.executor(work), run(&route, *handler, std::move(call)),
                         std::move(leave));
        const Handler handler = std::get<Handler>(route.handler);
        if (work == Work::kInstant) return leave(run(route, handler, *call));
        asio::post(threads.executor(work),
                   [&route, handler, call = std::move(call), leave = std::move(leave)] {
                       leave(run(route, handler, *call));
                   });
    }

    void stop_trials() const { trials_.shut_down(); }

    [[nodiscard]] ApiResponse handle(ApiRequest request) const {
        const Found found = find(request);
        if (found.row == nullptr) return found.instead;
        const Route& route = found.row->route;
        const CallPtr call = call_of(std::move(request), found.params);
        const auto* waiting = std::get_if<WaitingHandler>(&route.handler);
        if (waiting == nullptr) return run(route, std::get<Handler>(route.handler), *call);
        return core::wait_called<ApiResponse>([&](Reply reply) {
            begin(trials_.executor(), run(&route, *waiting, call), std::move(reply));
        });
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const Row& row : rows_) out.push_back(operation(row.route));
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

    struct Found {
        const Row* row = nullptr;
        std::map<std::string, std::string> params;
        ApiResponse instead;  ///< where there is no row
    };

    [[nodiscard]] Found find(const ApiRequest& request) const {
        const std::vector<std::string> path = split_path(request.path);
        std::string allowed;
        for (const Row& row : rows_) {
            Found found;
            if (!matches(row, path, found.params)) continue;
            found.row = &row;
            if (row.route.method == request.method) return found;
            allowed.append(allowed.empty() ? "" : ", ").append(row.route.method);
        }
        Found none;
        none.instead = allowed.empty() ? no_such_path(request) : wrong_method(request, allowed);
        return none;
    }

    [[nodiscard]] CallPtr call_of(ApiRequest request,
                                  std::map<std::string, std::string> params) const {
        return std::make_shared<const Call>(services_, trials_, std::move(request),
                                            std::move(params));
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

void Router::handle(ApiRequest request, HandlerThreads& threads, Reply reply) const {
    table_->handle(std::move(request), threads, std::move(reply));
}

void Router::stop_trials() const {
    table_->stop_trials();
}

ApiResponse Router::handle(ApiRequest request) const {
    return table_->handle(std::move(request));
}

std::vector<std::string> Router::routes() const {
    return table_->names();
}

}  // namespace herald::api
