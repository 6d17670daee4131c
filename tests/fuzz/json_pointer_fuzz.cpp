// The first byte splits the input into a pointer and a document: what a pointer finds is a value of
// the document, and what was escaped comes back.
#include <cstdlib>

#include "core/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald::core;
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t split = std::min<std::size_t>(data[0], input.size());
    const std::string_view document = input.substr(split);
    const std::string quoted = "\"" + escape_json(input) + "\"";
    if (validate_json(quoted) && decode_json_string(quoted) != input) std::abort();
    if (!validate_json(document)) return 0;
    const auto path = parse_json_pointer(input.substr(0, split));
    if (!path) return 0;
    const auto found = raw_at(document, *path);
    if (found && !validate_json(*found)) std::abort();
    if (path->empty() && !found) std::abort();
    return 0;
}
