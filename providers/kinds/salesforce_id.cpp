#include "providers/kinds/salesforce_id.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/encoding.h"

namespace herald::providers {
namespace {

constexpr std::size_t kShort = 15;
constexpr std::size_t kLong = 18;
constexpr std::size_t kChunk = 5;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_alphanumeric(char c) {
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9');
}
char to_upper(char c) {
    return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), to_upper);
    return out;
}

bool has_one_case(std::string_view text) {
    return std::none_of(text.begin(), text.end(), is_upper) ||
           std::none_of(text.begin(), text.end(), is_lower);
}

/// The first 15 characters in the case that the last three name: bit j of each stands for the j-th
/// of five. Empty optional where a bit asks for an upper-case digit or a character has no value.
std::optional<std::string> restored(std::string_view head, std::string_view suffix) {
    std::string out = core::to_lower(head);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t bits = kDigits.find(suffix[i / kChunk]);
        if (bits == std::string_view::npos) return std::nullopt;
        if (((bits >> (i % kChunk)) & 1U) == 0) continue;
        if (!is_lower(out[i])) return std::nullopt;
        out[i] = to_upper(out[i]);
    }
    return out;
}

std::string quoted(std::string_view text) {
    return std::string("'").append(text).append("'");
}

// What is wrong with it before its checksum is looked at, empty if nothing.
std::string shape_rule(std::string_view id, std::string_view prefix) {
    if (!std::all_of(id.begin(), id.end(), is_alphanumeric)) {
        return "must be letters and digits only";
    }
    const std::string size = std::to_string(id.size());
    if (id.size() > kShort && id.size() < kLong) {
        return "has " + size + " characters, as if the end of 18 were cut off; copy it again";
    }
    if (id.size() != kShort && id.size() != kLong) {
        return "must have 15 or 18 characters, not " + size;
    }
    const auto begins = id.substr(0, prefix.size());
    const bool fits =
        id.size() == kLong ? core::equals_ignoring_case(begins, prefix) : begins == prefix;
    if (fits) return {};
    return "must begin with " + quoted(prefix) + ", not with " + quoted(begins);
}

}  // namespace

std::string salesforce_checksum(std::string_view id15) {
    std::string suffix;
    for (std::size_t chunk = 0; chunk < kShort; chunk += kChunk) {
        std::size_t bits = 0;
        for (std::size_t j = 0; j < kChunk; ++j) {
            if (is_upper(id15[chunk + j])) bits |= std::size_t{1} << j;
        }
        suffix.push_back(kDigits[bits]);
    }
    return suffix;
}

core::Result<std::string> normalize_salesforce_id(std::string_view id, std::string_view prefix,
                                                  std::string_view field) {
    if (const std::string rule = shape_rule(id, prefix); !rule.empty()) {
        return core::invalid_argument(field, rule);
    }
    const std::string_view head = id.substr(0, kShort);
    if (id.size() == kShort) return std::string(id) + salesforce_checksum(id);

    const std::string suffix = upper(id.substr(kShort));
    const auto whole = restored(head, suffix);
    // People copy ids that something wrote in upper case: then only the suffix knows the case.
    const bool agrees = whole && (*whole == head || has_one_case(head));
    if (agrees && whole->starts_with(prefix)) return *whole + suffix;

    std::string corrected = std::string(prefix).append(head.substr(prefix.size()));
    corrected += salesforce_checksum(corrected);
    return core::invalid_argument(field, "its last three characters " + quoted(id.substr(kShort)) +
                                             " do not fit; if the first 15 are right, upper and "
                                             "lower case too, it is " +
                                             quoted(corrected));
}

}  // namespace herald::providers
