// Requests to the admin interface: in one piece and byte by byte they are the same requests, or the
// same error.
#include <cstdlib>
#include <vector>

#include "api/request_reader.h"

namespace {

using herald::api::RequestReader;

struct Seen {
    std::vector<std::string> requests;
    bool is_broken = false;

    bool operator==(const Seen&) const = default;
};

Seen read(std::string_view input, std::size_t step) {
    RequestReader reader({.body = 4096, .ndjson_body = 8192});
    Seen seen;
    bool is_new = true;
    while (!input.empty() || is_new) {
        const auto piece = is_new ? input.substr(0, step) : std::string_view();
        input.remove_prefix(piece.size());
        auto progress = reader.take(piece);
        while (progress && (*progress == RequestReader::Progress::kComplete ||
                            *progress == RequestReader::Progress::kWantsContinue)) {
            if (*progress == RequestReader::Progress::kComplete) {
                seen.requests.push_back(reader.head().method + " " + reader.head().path + " " +
                                        reader.body());
                reader.next();
            }
            progress = reader.take({});
        }
        if (!progress) {
            seen.is_broken = true;
            return seen;
        }
        is_new = !input.empty();
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (!(read(input, size + 1) == read(input, 1))) std::abort();
    return 0;
}
