#pragma once

#include <algorithm>
#include <cstddef>

namespace herald::storage::sqlite {

/// A string literal that can be joined with others at compile time.
template <std::size_t N>
struct SqlText {
    char text[N]{};

    consteval SqlText() = default;
    consteval SqlText(const char (&literal)[N]) { std::copy_n(literal, N, text); }
};

template <std::size_t N, std::size_t M>
consteval SqlText<N + M - 1> operator+(const SqlText<N>& left, const SqlText<M>& right) {
    SqlText<N + M - 1> joined;
    std::copy_n(left.text, N - 1, joined.text);
    std::copy_n(right.text, M, joined.text + N - 1);
    return joined;
}

template <std::size_t N, std::size_t M>
consteval SqlText<N + M - 1> operator+(const SqlText<N>& left, const char (&right)[M]) {
    return left + SqlText<M>(right);
}

/// A statement known at compile time: nothing from outside can become part of one (S-24).
///
/// Its address identifies it in the cache of prepared statements.
class Sql final {
public:
    consteval Sql(const char* literal) : text_(literal) {}
    template <std::size_t N>
    consteval Sql(const SqlText<N>& joined) : text_(joined.text) {}

    [[nodiscard]] const char* text() const noexcept { return text_; }

private:
    const char* text_;
};

}  // namespace herald::storage::sqlite
