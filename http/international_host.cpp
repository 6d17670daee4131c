#include "http/international_host.h"

#include <idn2.h>

#include <memory>

#include "core/encoding.h"
#include "http/numeric_host.h"

namespace herald::http {

core::Result<std::string> to_ascii_host(std::string_view host, std::string_view field) {
    const std::string text(host);
    std::uint8_t* converted = nullptr;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.c_str());
    const int status = idn2_lookup_u8(bytes, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<std::uint8_t, decltype(&idn2_free)> owner(converted, &idn2_free);
    if (status != IDN2_OK) {
        return core::invalid_argument(
            field, std::string("must have a host that is ASCII or an internationalised domain name "
                               "in UTF-8 (IDNA 2008, UTS 46): ") +
                       idn2_strerror(status));
    }
    std::string ascii(reinterpret_cast<const char*>(converted));
    if (numeric_host(ascii))
        return core::invalid_argument(field, "must have an address written in ASCII digits");
    return ascii;
}

}  // namespace herald::http
