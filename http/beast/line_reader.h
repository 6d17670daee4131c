#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace herald::http {

/// Puts lines together from pieces. Of a line that is too long only the beginning is kept, so that
/// it takes no more memory than others.
class LineReader final {
public:
    explicit LineReader(std::size_t most) : most_(most) {}

    struct Line {
        std::string_view text;  ///< without its end; valid until the next `take`
        bool is_whole = true;
        bool ends_with_crlf = true;  ///< else with LF alone
    };
    /// Takes bytes off the front of `data`, at most to the end of a line; empty where it has none.
    [[nodiscard]] std::optional<Line> take(std::string_view& data);

    /// The beginning of a line whose end has not come.
    [[nodiscard]] std::string_view begun() const { return is_over_ ? std::string_view() : held_; }
    [[nodiscard]] bool is_too_long() const { return !is_over_ && is_cut_; }

private:
    const std::size_t most_;
    std::string held_;
    bool is_cut_ = false;
    bool is_over_ = true;  ///< what is held was given away
};

}  // namespace herald::http
