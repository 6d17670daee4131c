#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace herald::core {

/// A way to spell one character by several.
enum class EscapeKind {
    kPercent,    ///< RFC 3986
    kEntity,     ///< HTML: numeric, and the usual names
    kBackslash,  ///< JSON and JavaScript
};

/// A text with one kind of escape undone, and where each byte of it came from.
class Unescaped final {
public:
    /// Empty optional where the text has no such escape of one of these bytes. What only looks like
    /// an escape stays.
    [[nodiscard]] static std::optional<Unescaped> of(std::string_view text, EscapeKind kind,
                                                     const std::bitset<256>& wanted);

    [[nodiscard]] const std::string& text() const { return text_; }
    /// Where the spelling of the byte at `at` begins, and ends, in the source.
    [[nodiscard]] std::size_t begin_of(std::size_t at) const;
    [[nodiscard]] std::size_t end_of(std::size_t at) const;

private:
    /// One escape: what it became, what it was.
    struct Piece {
        std::size_t at = 0;
        std::size_t size = 0;
        std::size_t source_at = 0;
        std::size_t source_size = 0;
    };
    [[nodiscard]] const Piece* piece_before(std::size_t at) const;

    std::string text_;
    std::vector<Piece> pieces_;
};

/// The most bytes that stand for one.
inline constexpr std::size_t kLongestEscape = 12;

}  // namespace herald::core
