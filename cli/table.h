#pragma once

#include <string>
#include <utility>
#include <vector>

namespace herald::cli {

/// Rows for people: aligned columns, numbers to the right, everything made visible_text.
class Table final {
public:
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

    /// REQUIRES: as many cells as headings.
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    /// Lines that end in a newline, no white space at their ends.
    [[nodiscard]] std::string render(bool colour) const;

private:
    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

/// `name  value` lines, the values aligned.
[[nodiscard]] std::string render_fields(
    const std::vector<std::pair<std::string, std::string>>& fields, bool colour);

}  // namespace herald::cli
