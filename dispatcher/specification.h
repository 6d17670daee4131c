#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How several settings are written in one text: parts joined by `;`, as
/// `schedule=5s,5m;max-age=24h`.
namespace herald::dispatcher {

struct SpecificationPart {
    std::string text;   ///< all of it, as errors show it
    std::string name;   ///< before the first `=`; all of it where there is none
    std::string value;  ///< behind the `=`
};

/// At least one part, which may be empty.
[[nodiscard]] std::vector<SpecificationPart> split_specification(std::string_view text);
/// What stands between the separators, without the space around it.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator);

/// Empty optional on anything but digits that fit.
[[nodiscard]] std::optional<int> parse_count(std::string_view text);
/// `10%`.
[[nodiscard]] std::optional<int> parse_percent(std::string_view text);
/// A duration without a fraction of a second: `30s`, `5m`, `2h`.
[[nodiscard]] std::optional<std::chrono::seconds> parse_seconds(std::string_view text);

}  // namespace herald::dispatcher
