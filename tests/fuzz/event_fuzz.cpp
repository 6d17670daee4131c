// One line of an import: an event whose data is JSON, or an error.
#include <cstdlib>

#include "api/handlers/event_lines.h"
#include "core/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto event = api::read_event(text);
    if (event && !core::validate_json(event->data)) std::abort();
    return 0;
}
