#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>

#include "cli/commands/answers.h"
#include "cli/doctor_checks.h"
#include "http/beast/beast_transport.h"
#include "providers/file_reader.h"

namespace herald::cli {
namespace {

constexpr std::chrono::seconds kEndpointPatience{5};
constexpr std::size_t kMaxCa = 1024UL * 1024;

http::Request probe_of(const http::Url& url, const std::string& ca_file,
                       core::SteadyTime deadline) {
    http::Request request;
    request.method = "HEAD";
    request.url = url;
    request.deadline = deadline;
    request.max_response_body = 0;
    request.tls.ca_file = ca_file;
    if (ca_file.empty()) return request;
    if (const auto ca = providers::load_small_file(ca_file, kMaxCa))
        request.tls.ca = std::make_shared<const std::string>(ca->reveal());
    return request;
}

/// One transport for one request: nothing of one endpoint is left when the next is asked.
core::Result<http::Response> send_alone(boost::asio::io_context& context, http::Request request,
                                        const http::EgressPolicy& policy, core::Clock& clock) {
    context.restart();
    auto transport = http::make_beast_transport(context.get_executor(), policy, clock);
    std::exception_ptr thrown;
    std::optional<core::Result<http::Response>> answer;
    boost::asio::co_spawn(context, transport->send(std::move(request)),
                          [&](std::exception_ptr failure, core::Result<http::Response> result) {
                              thrown = failure;
                              answer.emplace(std::move(result));
                              context.stop();  // an idle connection would keep it running
                          });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*answer);
}

}  // namespace

std::vector<Check> check_endpoints(const Settings& settings, const boost::json::array& providers,
                                   core::Clock& clock) {
    const auto policy = http::EgressPolicy::parse(settings.egress_allow);
    if (!policy) return {};
    boost::asio::io_context context(1);
    std::vector<Check> checks;
    for (const auto& provider : providers) {
        const std::string ca_file = text_at(provider, "settings.ca_file");
        for (const char* const endpoint :
             {"token_endpoint", "revocation_endpoint", "test_endpoint"}) {
            const std::string text = text_at(provider, endpoint);
            if (text.empty()) continue;
            const std::string name = text_at(provider, "name") + " " + endpoint;
            const auto url = http::Url::parse(text, endpoint);
            if (!url) {
                checks.push_back({name, false, url.error().message});
                continue;
            }
            auto probe = probe_of(*url, ca_file, clock.steady_now() + kEndpointPatience);
            const auto answer = send_alone(context, std::move(probe), *policy, clock);
            checks.push_back(
                {name, answer.has_value(),
                 url->origin() + (answer ? " answers" : ": " + answer.error().message)});
        }
    }
    return checks;
}

}  // namespace herald::cli
