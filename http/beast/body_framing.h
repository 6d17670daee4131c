#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace herald::http {

/// How long a response's body is, by its status and header lines (RFC 9112 section 6.3), and
/// whether the connection outlives it (section 9.3).
class BodyFraming final {
public:
    enum class Kind {
        kNothing,  ///< no body
        kSized,    ///< `length` bytes
        kChunked,
        kUntilEnd,  ///< all until the peer closes
        kUnclear,   ///< the lines contradict each other; nobody knows where the body ends
    };

    /// Whether lines of that name must be noted, also those that nobody keeps.
    [[nodiscard]] static bool concerns(std::string_view name);
    /// Whether it was noted.
    bool note(std::string_view name, std::string_view value);
    /// A line of such a name that cannot be read.
    void note_unreadable() { is_unclear_ = true; }
    /// Something was odd: what follows need not mean to the peer what it means to us.
    void note_strange() { is_strange_ = true; }

    struct Body {
        Kind kind;
        std::uint64_t length = 0;
    };
    [[nodiscard]] Body body(int status, bool answers_head);
    /// REQUIRES: `body` was asked.
    [[nodiscard]] bool keeps_connection(int minor_version) const;

private:
    void note_length(std::string_view value);
    void note_coding(std::string_view value);
    void note_connection(std::string_view value);

    std::optional<std::uint64_t> length_;
    bool is_chunked_ = false;
    bool is_unclear_ = false;
    bool is_strange_ = false;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    bool ends_by_itself_ = false;
};

}  // namespace herald::http
