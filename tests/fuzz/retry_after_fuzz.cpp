// Retry-After, rate-limit resets and challenges from any header text: never negative, never more
// than 64 challenges.
#include <cstdlib>

#include "http/retry_after.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    const std::string value(reinterpret_cast<const char*>(data), size);
    for (const char* name : {"Retry-After", "ratelimit-reset", "WWW-Authenticate"}) {
        http::Response response;
        response.status = 503;
        response.headers.add(name, value);
        const auto wait =
            http::retry_after(response, core::SystemTime{std::chrono::hours(490'000)});
        if (wait && wait->count() < 0) std::abort();
        if (http::parse_challenges(response.headers).size() > 64) std::abort();
    }
    return 0;
}
