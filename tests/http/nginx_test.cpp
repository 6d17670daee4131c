#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "http/beast/beast_transport.h"

namespace herald::http {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

std::uint16_t free_port() {
    asio::io_context context;
    const asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
    return acceptor.local_endpoint().port();
}

/// A real nginx in a directory of its own; it answers with the number of its connection.
class Nginx {
public:
    Nginx() {
        std::string pattern = (fs::temp_directory_path() / "herald-nginx-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        std::ofstream(directory_ / "nginx.conf")
            << "error_log " << path("error.log") << ";\npid " << path("nginx.pid") << ";\n"
            << "worker_processes 1;\nevents { worker_connections 512; }\nhttp {\naccess_log off;\n"
            << "client_body_temp_path " << path("body") << ";\nproxy_temp_path " << path("proxy")
            << ";\n"
            << "fastcgi_temp_path " << path("fastcgi") << ";\nuwsgi_temp_path " << path("uwsgi")
            << ";\n"
            << "scgi_temp_path " << path("scgi") << ";\nkeepalive_requests 100;\n"
            << "server { listen 127.0.0.1:" << port_
            << ";\nlocation / { return 200 $connection; } } }\n";
        // Returns once the port is open: nginx goes into the background after that.
        is_running_ = std::system(command("").c_str()) == 0;
    }
    ~Nginx() {
        if (is_running_) is_running_ = std::system(command("-s quit").c_str()) != 0;
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
    }
    Nginx(const Nginx&) = delete;
    Nginx& operator=(const Nginx&) = delete;

    [[nodiscard]] bool is_running() const { return is_running_; }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/";
    }

private:
    [[nodiscard]] std::string path(const char* name) const { return (directory_ / name).string(); }
    [[nodiscard]] std::string command(const char* more) const {
        return "PATH=$PATH:/usr/sbin nginx -p " + directory_.string() + " -c " +
               path("nginx.conf") + " -e " + path("error.log") + " " + more;
    }

    const std::uint16_t port_ = free_port();
    fs::path directory_;
    bool is_running_ = false;
};

TEST(NginxTest, AThousandCalloutsUseEveryConnectionUntilTheServerEndsIt) {
    const Nginx nginx;
    ASSERT_TRUE(nginx.is_running()) << "nginx-light must be installed";
    asio::io_context context;
    core::SystemClock clock;
    const auto policy = *EgressPolicy::parse("127.0.0.1");
    const auto transport = make_beast_transport(context.get_executor(), policy, clock);

    std::set<std::string> connections;
    int delivered = 0;
    for (int i = 0; i < 1000; ++i) {
        Request request;
        request.url = *Url::parse(nginx.url(), "url");
        request.body = std::string(512, 'x');
        request.deadline = clock.steady_now() + std::chrono::seconds(10);
        asio::co_spawn(context, transport->send(std::move(request)),
                       [&](const std::exception_ptr&, const core::Result<Response>& response) {
                           if (!response.has_value() || response->status != 200) return;
                           ++delivered;
                           connections.insert(response->body);
                       });
        context.restart();
        context.run();
    }
    EXPECT_EQ(delivered, 1000);
    EXPECT_EQ(connections.size(), 10U) << "keepalive_requests is 100";
}

}  // namespace
}  // namespace herald::http
