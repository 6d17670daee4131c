// Whatever a token endpoint answers: a token that may stand in a header with a bounded lifetime, or
// an error on one line.
#include <cstdlib>

#include "http/message.h"
#include "providers/token_response.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    storage::ProviderRecord provider;
    provider.token_endpoint = "https://login.example/token";
    const http::Response response{.status = size % 7 == 0 ? 400 : 200,
                                  .headers = {},
                                  .body = std::string(reinterpret_cast<const char*>(data), size)};
    const auto token =
        providers::parse_token_response(response, {}, provider, {}, core::SystemTime{});
    if (token) {
        const std::string value = "Bearer " + std::string(token->access_token.reveal());
        if (!http::validate_header("Authorization", value, "token")) std::abort();
        if (token->lifetime.count() < 0 || token->lifetime > std::chrono::hours(24)) std::abort();
    } else if (token.error().message.find_first_of("\r\n") != std::string::npos) {
        std::abort();
    }
    return 0;
}
