#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace herald::core {

/// Bytes that must never be printed: no stream operator, no silent copy, wiped when destroyed.
///
/// `reveal()` is the one way to the bytes, `clone()` the one way to a copy; both are easy to search
/// for. A moved-from secret is empty.
class Secret final {
public:
    Secret() noexcept = default;
    explicit Secret(std::string_view bytes);
    /// Copies the bytes, then wipes and empties the source.
    [[nodiscard]] static Secret take(std::string&& bytes);

    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    [[nodiscard]] Secret clone() const { return Secret(reveal()); }
    /// Valid while this secret lives and is not assigned to.
    [[nodiscard]] std::string_view reveal() const noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Constant time in the content.
    [[nodiscard]] bool equals(const Secret& other) const noexcept;
    /// First 8 hex digits of the SHA-256: enough to tell two apart, not to find one.
    [[nodiscard]] std::string fingerprint() const;

private:
    void wipe() noexcept;

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

/// Overwrites the text with NUL bytes and keeps its length; for strings about to be released.
void wipe(std::string& text) noexcept;

}  // namespace herald::core
