#pragma once

#include <filesystem>

namespace herald::storage::sqlite {

/// Disk space held back in `<db>.ballast`, given up when the disk is full so that the outcomes of
/// attempts under way can still be stored (Q11). While it is given up nothing new is taken in: that
/// would eat it.
///
/// Thread-safety: none.
class Ballast final {
public:
    /// Without effect where the file system cannot reserve space.
    explicit Ballast(const std::filesystem::path& database);

    /// Frees the space; false where it was freed before.
    [[nodiscard]] bool release();
    [[nodiscard]] bool released() const noexcept { return released_; }
    /// Takes the space back; false while the disk is still full.
    [[nodiscard]] bool restore();

private:
    [[nodiscard]] bool reserve() const;

    std::filesystem::path database_;
    std::filesystem::path path_;
    bool released_ = false;
    bool usable_ = false;
};

}  // namespace herald::storage::sqlite
