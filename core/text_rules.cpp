#include "core/text_rules.h"

#include <algorithm>
#include <array>

#include "core/encoding.h"

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
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x20 || byte == 0x7F) return true;
        if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
            return true;
    }
    return false;
}

bool names_a_credential(std::string_view name) {
    static constexpr std::array<std::string_view, 14> kParts{
        "token",     "secret", "password", "passwd",  "passphrase", "credential", "assertion",
        "signature", "key",    "cookie",   "session", "bearer",     "jwt",        "authorization"};
    const std::string lower = to_lower(name);
    return lower == "auth" || lower == "x-auth" || lower == "pwd" || lower == "pin" ||
           std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
               return lower.find(part) != std::string::npos;
           });
}

}  // namespace herald::core
