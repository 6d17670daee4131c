#pragma once

#include <cstdint>
#include <ostream>

namespace herald::cli {

/// A line that is drawn over itself while long work goes on; says nothing where `shown` is false.
class ProgressBar final {
public:
    /// `total` 0: unknown, only counts are shown.
    ProgressBar(std::ostream& stream, bool shown, std::uint64_t total)
        : stream_(stream), shown_(shown), total_(total) {}
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    /// Takes the line away again.
    ~ProgressBar();

    void update(std::uint64_t done, std::uint64_t items);

private:
    std::ostream& stream_;
    bool shown_;
    std::uint64_t total_;
    bool drawn_ = false;
};

}  // namespace herald::cli
