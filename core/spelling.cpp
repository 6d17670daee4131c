#include "core/spelling.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

namespace herald::core {
namespace {

/// A spelling at the front of a text: how long it is, what it stands for.
struct Escape {
    std::size_t length = 0;
    std::uint32_t value = 0;
    bool is_byte = false;  ///< else a code point
};

constexpr std::array<std::pair<std::string_view, char>, 14> kEntities{{{"amp", '&'},
                                                                       {"lt", '<'},
                                                                       {"gt", '>'},
                                                                       {"quot", '"'},
                                                                       {"apos", '\''},
                                                                       {"sol", '/'},
                                                                       {"plus", '+'},
                                                                       {"equals", '='},
                                                                       {"colon", ':'},
                                                                       {"num", '#'},
                                                                       {"percnt", '%'},
                                                                       {"bsol", '\\'},
                                                                       {"lowbar", '_'},
                                                                       {"period", '.'}}};

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

// The number at the front: its digits and its value; no digits where there is none.
std::pair<std::size_t, std::uint32_t> number_at(std::string_view text, int base,
                                                std::size_t longest) {
    std::size_t length = 0;
    std::uint32_t value = 0;
    while (length < std::min(text.size(), longest) && digit_value(text[length]) < base) {
        value = value * static_cast<std::uint32_t>(base) +
                static_cast<std::uint32_t>(digit_value(text[length]));
        ++length;
    }
    return {length, value};
}

std::optional<Escape> hex_escape(std::string_view text, std::size_t prefix, std::size_t digits) {
    if (text.size() < prefix + digits) return std::nullopt;
    const auto [length, value] = number_at(text.substr(prefix), 16, digits);
    if (length != digits) return std::nullopt;
    return Escape{.length = prefix + digits, .value = value, .is_byte = digits == 2};
}

std::optional<Escape> unicode_escape(std::string_view text) {
    auto first = hex_escape(text, 2, 4);
    if (!first || first->value < 0xD800 || first->value > 0xDBFF) return first;
    const std::string_view rest = text.substr(first->length);
    if (!rest.starts_with("\\u")) return first;
    const auto second = hex_escape(rest, 2, 4);
    if (!second || second->value < 0xDC00 || second->value > 0xDFFF) return first;
    return Escape{.length = 12,
                  .value = 0x10000 + ((first->value - 0xD800) << 10U) + (second->value - 0xDC00)};
}

std::optional<Escape> backslash_escape(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    if (text[1] == 'u') return unicode_escape(text);
    if (text[1] == 'x') return hex_escape(text, 2, 2);
    static constexpr std::string_view kNames = "\\/\"'bfnrt";
    static constexpr std::string_view kBytes = "\\/\"'\b\f\n\r\t";
    const auto at = kNames.find(text[1]);
    if (at == std::string_view::npos) return std::nullopt;
    return Escape{.length = 2, .value = static_cast<unsigned char>(kBytes[at]), .is_byte = true};
}

std::optional<Escape> numeric_entity(std::string_view text) {
    const bool is_hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
    const std::size_t prefix = is_hex ? 3 : 2;
    constexpr std::size_t kMostDigits = 8;
    const auto [digits, value] =
        number_at(text.substr(std::min(prefix, text.size())), is_hex ? 16 : 10, kMostDigits);
    if (digits == 0 || value > 0x10FFFF) return std::nullopt;
    const std::size_t end = prefix + digits;
    const bool closed = end < text.size() && text[end] == ';';
    return Escape{.length = end + (closed ? 1 : 0), .value = value};
}

std::optional<Escape> entity(std::string_view text) {
    if (text.size() > 1 && text[1] == '#') return numeric_entity(text);
    for (const auto& [name, c] : kEntities) {
        const std::string_view rest = text.substr(1);
        if (rest.starts_with(name) && rest.substr(name.size()).starts_with(';'))
            return Escape{
                .length = name.size() + 2, .value = static_cast<unsigned char>(c), .is_byte = true};
    }
    return std::nullopt;
}

std::optional<Escape> escape_at(std::string_view text, EscapeKind kind) {
    switch (kind) {
        case EscapeKind::kPercent:
            return hex_escape(text, 1, 2);
        case EscapeKind::kEntity:
            return entity(text);
        case EscapeKind::kBackslash:
            return backslash_escape(text);
    }
    return std::nullopt;
}

// Also lone surrogates: what comes of them is compared, not sent.
std::string utf8(std::uint32_t point) {
    const auto tail = [&](unsigned shift) {
        return static_cast<char>(0x80U | ((point >> shift) & 0x3FU));
    };
    if (point < 0x80) return {static_cast<char>(point)};
    if (point < 0x800) return {static_cast<char>(0xC0U | (point >> 6U)), tail(0)};
    if (point < 0x10000) return {static_cast<char>(0xE0U | (point >> 12U)), tail(6), tail(0)};
    return {static_cast<char>(0xF0U | (point >> 18U)), tail(12), tail(6), tail(0)};
}

char first_of(EscapeKind kind) {
    return kind == EscapeKind::kPercent ? '%' : kind == EscapeKind::kEntity ? '&' : '\\';
}

std::string bytes_of(const Escape& escape) {
    if (escape.is_byte) return {static_cast<char>(escape.value)};
    return utf8(escape.value);
}

// Calls `visit` with the place of each escape for as long as it says to go on.
template <class Visit>
void each_escape(std::string_view text, EscapeKind kind, const Visit& visit) {
    const char first = first_of(kind);
    for (std::size_t at = text.find(first); at < text.size(); at = text.find(first, at)) {
        const auto escape = escape_at(text.substr(at), kind);
        if (escape && !visit(at, *escape)) return;
        at += escape ? escape->length : 1;
    }
}

bool has_wanted_escape(std::string_view text, EscapeKind kind, const std::bitset<256>& wanted) {
    bool found = false;
    each_escape(text, kind, [&](std::size_t, const Escape& escape) {
        const std::string bytes = bytes_of(escape);
        found = std::any_of(bytes.begin(), bytes.end(),
                            [&](char c) { return wanted.test(static_cast<unsigned char>(c)); });
        return !found;
    });
    return found;
}

}  // namespace

std::optional<Unescaped> Unescaped::of(std::string_view text, EscapeKind kind,
                                       const std::bitset<256>& wanted) {
    if (!has_wanted_escape(text, kind, wanted)) return std::nullopt;
    Unescaped out;
    std::size_t copied = 0;
    each_escape(text, kind, [&](std::size_t at, const Escape& escape) {
        const std::string bytes = bytes_of(escape);
        out.text_.append(text.substr(copied, at - copied));
        out.pieces_.push_back({.at = out.text_.size(),
                               .size = bytes.size(),
                               .source_at = at,
                               .source_size = escape.length});
        out.text_.append(bytes);
        copied = at + escape.length;
        return true;
    });
    out.text_.append(text.substr(copied));
    return out;
}

const Unescaped::Piece* Unescaped::piece_before(std::size_t at) const {
    const auto after = std::upper_bound(
        pieces_.begin(), pieces_.end(), at,
        [](std::size_t wanted_at, const Piece& piece) { return wanted_at < piece.at; });
    return after == pieces_.begin() ? nullptr : &*std::prev(after);
}

std::size_t Unescaped::begin_of(std::size_t at) const {
    const Piece* piece = piece_before(at);
    if (piece == nullptr) return at;
    if (at < piece->at + piece->size) return piece->source_at;
    return piece->source_at + piece->source_size + (at - piece->at - piece->size);
}

std::size_t Unescaped::end_of(std::size_t at) const {
    const Piece* piece = piece_before(at);
    if (piece != nullptr && at < piece->at + piece->size)
        return piece->source_at + piece->source_size;
    return begin_of(at) + 1;
}

}  // namespace herald::core
