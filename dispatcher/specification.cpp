#include "dispatcher/specification.h"

#include <charconv>

#include "core/encoding.h"
#include "core/time_text.h"

namespace herald::dispatcher {

std::vector<SpecificationPart> split_specification(std::string_view text) {
    std::vector<SpecificationPart> parts;
    for (std::string& part : split_list(text, ';')) {
        const std::size_t equals = part.find('=');
        std::string name = part.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        parts.push_back(
            {.text = std::move(part), .name = std::move(name), .value = std::move(value)});
    }
    return parts;
}

std::vector<std::string> split_list(std::string_view text, char separator) {
    std::vector<std::string> items;
    while (true) {
        const std::size_t end = text.find(separator);
        items.emplace_back(core::trim(text.substr(0, end)));
        if (end == std::string_view::npos) return items;
        text.remove_prefix(end + 1);
    }
}

std::optional<int> parse_count(std::string_view text) {
    int number = 0;
    const char* const text_end = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data(), text_end, number);
    if (failure != std::errc() || end != text_end || number < 0) return std::nullopt;
    return number;
}

std::optional<int> parse_percent(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    return parse_count(text);
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
    using std::chrono::seconds;
    const auto duration = core::parse_duration(text);
    if (!duration || *duration % seconds(1) != seconds(0)) return std::nullopt;
    return std::chrono::duration_cast<seconds>(*duration);
}

}  // namespace herald::dispatcher
