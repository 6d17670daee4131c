#include "core/text_rules.h"

#include <algorithm>

namespace herald::core {

Result<> validate_name(std::string_view name) {
    const bool fits =
        !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                   c == '.' || c == '_' || c == '-';
        });
    if (fits) return {};
    return invalid_argument("name", "a name is 1 to 64 characters of A-Za-z0-9._-");
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

}  // namespace herald::core
