#include "cli/progress_bar.h"

#include <algorithm>
#include <string>

namespace herald::cli {
namespace {

constexpr std::uint64_t kWidth = 30;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

ProgressBar::~ProgressBar() {
    if (drawn_) stream_ << kClearLine << std::flush;
}

void ProgressBar::update(std::uint64_t done, std::uint64_t items) {
    if (!shown_) return;
    drawn_ = true;
    stream_ << kClearLine;
    if (total_ > 0) {
        const std::uint64_t part = std::min(done, total_);
        const auto filled = static_cast<std::size_t>(kWidth * part / total_);
        stream_ << '[' << std::string(filled, '#') << std::string(kWidth - filled, '.') << "] "
                << 100 * part / total_ << " %  ";
    }
    stream_ << items << " events" << std::flush;
}

}  // namespace herald::cli
