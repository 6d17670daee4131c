#include "http/message.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/encoding.h"
#include "http/field_text.h"

namespace herald::http {
namespace {

constexpr std::size_t kMaxName = 256;
/// A 64 KiB access token (oauth.md) and the scheme before it still fit.
constexpr std::size_t kMaxValue = 64 * 1024 + 64;

bool is_white(char c) {
    return c == ' ' || c == '\t';
}

/// Who writes a header, and for which roles nobody else may.
struct TakenHeader {
    std::string_view name;  ///< ends in `-` where it is the beginning of several
    std::string_view why;
    bool as_credential = true;
    bool beside_ours = true;
    bool without_ours = true;
};

constexpr std::string_view kByConnection = "is set by the connection and cannot be set here";
constexpr std::string_view kByHerald = "is set by herald itself and cannot be set here";
constexpr std::array kTaken{
    // Those of the connection first: is_reserved_header.
    TakenHeader{"host", kByConnection},
    TakenHeader{"content-length", kByConnection},
    TakenHeader{"transfer-encoding", kByConnection},
    TakenHeader{"connection", kByConnection},
    TakenHeader{"keep-alive", kByConnection},
    TakenHeader{"te", kByConnection},
    TakenHeader{"trailer", kByConnection},
    TakenHeader{"upgrade", kByConnection},
    TakenHeader{"expect", kByConnection},
    TakenHeader{"proxy-", kByConnection},
    TakenHeader{"webhook-", kByHerald},
    TakenHeader{"herald-", kByHerald},
    TakenHeader{"accept-encoding", kByHerald},
    TakenHeader{"content-type",
                "is set by the content type (--content-type, or the setting token_content_type), "
                "not as a header"},
    TakenHeader{
        .name = "user-agent", .why = kByHerald, .beside_ours = false, .without_ours = false},
    TakenHeader{.name = "authorization",
                .why = "would stand beside the authentication; use one of the two",
                .as_credential = false,
                .without_ours = false},
    TakenHeader{.name = "dpop",
                .why = "is the proof of possession (--setting dpop=true) and cannot be set here",
                .without_ours = false},
};

constexpr auto kReserved = std::span(kTaken).first<10>();
static_assert(kReserved.back().why == kByConnection && kTaken[10].why != kByConnection);

bool is_named(std::string_view name, const TakenHeader& taken) {
    if (taken.name.ends_with('-')) name = name.substr(0, taken.name.size());
    return core::equals_ignoring_case(name, taken.name);
}

bool is_taken_for(HeaderRole role, const TakenHeader& taken) {
    switch (role) {
        case HeaderRole::kCredential:
            return taken.as_credential;
        case HeaderRole::kBesideOurs:
            return taken.beside_ours;
        case HeaderRole::kWithoutOurs:
            return taken.without_ours;
    }
    return true;
}

}  // namespace

void Headers::set(std::string_view name, std::string value) {
    const auto is_same = [name](const auto& line) {
        return core::equals_ignoring_case(line.first, name);
    };
    const auto first = std::ranges::find_if(lines_, is_same);
    if (first == lines_.end()) {
        add(std::string(name), std::move(value));
        return;
    }
    first->second = std::move(value);
    lines_.erase(std::remove_if(std::next(first), lines_.end(), is_same), lines_.end());
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
    for (const auto& [key, value] : lines_) {
        if (core::equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Headers::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : lines_) {
        if (core::equals_ignoring_case(key, name)) values.emplace_back(value);
    }
    return values;
}

namespace {

core::Result<> validate_line(std::string_view name, std::string_view value, std::string_view field,
                             bool may_be_utf8) {
    if (!is_token(name) || name.size() > kMaxName) {
        return core::invalid_argument(
            field, "the header name must be letters, digits and !#$%&'*+-.^_`|~, at most 256");
    }
    if (value.size() > kMaxValue) {
        return core::invalid_argument(field, "the header value must not be longer than 64 KiB");
    }
    const bool is_valid = is_field_content(value, false) ||
                          (may_be_utf8 && is_field_content(value) && core::is_valid_utf8(value));
    if (!is_valid) {
        return core::invalid_argument(
            field, may_be_utf8
                       ? "the header value must be visible UTF-8, spaces and tabs; no line breaks"
                       : "the header value must be visible ASCII, spaces and tabs; no line breaks");
    }
    if (!value.empty() && (is_white(value.front()) || is_white(value.back()))) {
        return core::invalid_argument(field,
                                      "the header value must not begin or end with white space");
    }
    return {};
}

}  // namespace

core::Result<> validate_header(std::string_view name, std::string_view value,
                               std::string_view field) {
    return validate_line(name, value, field, false);
}

core::Result<> validate_utf8_header(std::string_view name, std::string_view value,
                                    std::string_view field) {
    return validate_line(name, value, field, true);
}

core::Result<> validate_sent_header(std::string_view name, std::string_view value) {
    if (validate_utf8_header(name, value, "headers")) return {};
    return validate_utf8_header(name, value, "headers." + std::string(name));
}

bool is_reserved_header(std::string_view name) {
    return std::ranges::any_of(kReserved,
                               [name](const TakenHeader& taken) { return is_named(name, taken); });
}

core::Result<> check_header_name(std::string_view name, HeaderRole role, std::string_view field) {
    if (auto valid = validate_header(name, "x", field); !valid) return valid;
    for (const TakenHeader& taken : kTaken) {
        if (!is_named(name, taken) || !is_taken_for(role, taken)) continue;
        return core::invalid_argument(field, std::string(name) + " " + std::string(taken.why));
    }
    return {};
}

}  // namespace herald::http
