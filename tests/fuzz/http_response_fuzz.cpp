// A response fed whole and fed byte by byte must come to the same end.
#include <cstdlib>

#include "http/beast/response_decoder.h"

namespace {

using herald::http::ResponseDecoder;
using Progress = ResponseDecoder::Progress;

struct Outcome {
    Progress progress = Progress::kNeedMore;
    int status = 0;
    std::string body;
};

Outcome decode(std::string_view input, std::size_t step) {
    ResponseDecoder decoder({}, false);
    std::string held;
    Outcome outcome;
    while (outcome.progress == Progress::kNeedMore && !input.empty()) {
        held += input.substr(0, step);
        input.remove_prefix(std::min(step, input.size()));
        const auto [progress, consumed] = decoder.feed(held);
        held.erase(0, consumed);
        outcome.progress = progress;
    }
    if (outcome.progress == Progress::kNeedMore) outcome.progress = decoder.end(true);
    if (outcome.progress != Progress::kDone) return outcome;
    auto response = decoder.take();
    outcome.status = response.status;
    outcome.body = std::move(response.body);
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const Outcome whole = decode(input, size + 1);
    const Outcome bytes = decode(input, 1);
    // No response is no response, whether it is called malformed or cut short.
    const bool done = whole.progress == Progress::kDone;
    if (done != (bytes.progress == Progress::kDone)) std::abort();
    if (done && (whole.status != bytes.status || whole.body != bytes.body)) std::abort();
    if (done && (whole.status < 100 || whole.status > 599)) std::abort();
    return 0;
}
