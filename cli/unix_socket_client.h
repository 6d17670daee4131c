#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/api_client.h"

namespace herald::cli {

struct UnixSocketOptions {
    std::chrono::milliseconds connect_timeout{5'000};
    /// A command may wait for a token endpoint, a receiver or a backup.
    std::chrono::milliseconds response_timeout{600'000};
    std::size_t max_response_bytes = std::size_t{64} * 1024 * 1024;
};

/// Speaks HTTP/1.1 to the daemon's socket, one connection a request. Blocks.
///
/// Looks before it speaks: the socket and the process behind it have to belong to us or to root
/// (storage/trusted_owner.h), else nothing is sent and the error is `not_trusted`.
[[nodiscard]] std::unique_ptr<ApiClient> make_unix_socket_client(std::filesystem::path socket,
                                                                 UnixSocketOptions options = {});

/// Asks `/livez`: an error where nobody, or somebody else, answers.
[[nodiscard]] core::Result<> ping(ApiClient& client);

/// The target of the request line: the path as it stands, the query percent-encoded. Pure.
[[nodiscard]] std::string request_target(const api::ApiRequest& request);

}  // namespace herald::cli
