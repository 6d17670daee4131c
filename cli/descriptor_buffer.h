#pragma once

#include <array>
#include <streambuf>

namespace herald::cli {

/// A buffered stream over a file descriptor that remembers why it failed, which std::cout does not.
///
/// Does not own the descriptor.
class DescriptorBuffer final : public std::streambuf {
public:
    explicit DescriptorBuffer(int descriptor);
    ~DescriptorBuffer() override;

    /// The errno of the first failed write; 0 while all is well. What comes later is dropped.
    [[nodiscard]] int error_number() const { return error_number_; }

protected:
    int_type overflow(int_type c) override;
    int sync() override;

private:
    bool write_out();

    int descriptor_;
    int error_number_ = 0;
    std::array<char, 8192> buffer_{};
};

}  // namespace herald::cli
