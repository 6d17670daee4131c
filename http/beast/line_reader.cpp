#include "http/beast/line_reader.h"

#include <algorithm>

namespace herald::http {

std::optional<LineReader::Line> LineReader::take(std::string_view& data) {
    const auto end = data.find('\n');
    const bool is_ended = end != std::string_view::npos;
    std::string_view text = data.substr(0, end);
    data.remove_prefix(is_ended ? end + 1 : data.size());
    const std::size_t most = most_ + 1;  // the CR is not part of the line
    if (is_over_) {
        held_.clear();
        is_cut_ = false;
    }
    const bool is_first_piece = is_over_;
    is_over_ = is_ended;
    if (!is_first_piece || !is_ended || text.size() > most) {
        const std::size_t taken = std::min(text.size(), most - held_.size());
        is_cut_ = is_cut_ || taken < text.size();
        held_.append(text.substr(0, taken));
        text = held_;
    }
    if (!is_ended) return std::nullopt;
    if (is_cut_) return Line{.text = text, .is_whole = false};
    const bool has_cr = text.ends_with('\r');
    if (has_cr) text.remove_suffix(1);
    const bool is_whole = text.size() <= most_;
    return Line{.text = text, .is_whole = is_whole, .ends_with_crlf = has_cr};
}

}  // namespace herald::http
