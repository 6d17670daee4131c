// A configuration file: values on one line, or an error that names the line.
#include <cstdlib>

#include "cli/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto values = cli::parse_configuration(text, "herald.conf");
    if (!values) {
        if (values.error().message.find_first_of("\r\n") != std::string::npos) std::abort();
        return 0;
    }
    for (const auto& [name, value] : *values) {
        if (value.find('\n') != std::string::npos) std::abort();
    }
    static_cast<void>(cli::load_settings(*values, [](std::string_view) { return std::nullopt; }));
    return 0;
}
