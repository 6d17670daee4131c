#include "cli/visible_text.h"

#include <algorithm>

#include "core/encoding.h"
#include "core/visible_json.h"

namespace herald::cli {

std::string visible_text(std::string_view bytes, std::size_t limit) {
    std::string out = core::visible_json(core::printable(bytes.substr(0, limit), limit * 4));
    if (bytes.size() > limit) out.append("…");
    return out;
}

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

}  // namespace herald::cli
