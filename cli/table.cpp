#include "cli/table.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/visible_text.h"

namespace herald::cli {
namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";

struct StateColour {
    std::string_view word;
    std::string_view code;
};

// The only words that carry a colour: states and verdicts.
constexpr std::array kStateColours{
    StateColour{"authorized", "\x1b[32m"},   StateColour{"delivered", "\x1b[32m"},
    StateColour{"accepted", "\x1b[32m"},     StateColour{"open", "\x1b[32m"},
    StateColour{"ok", "\x1b[32m"},           StateColour{"failing", "\x1b[33m"},
    StateColour{"retry", "\x1b[33m"},        StateColour{"paused", "\x1b[33m"},
    StateColour{"inconclusive", "\x1b[33m"}, StateColour{"needs_setup", "\x1b[31m"},
    StateColour{"rejected", "\x1b[31m"},     StateColour{"dead", "\x1b[31m"},
    StateColour{"failed", "\x1b[31m"},       StateColour{"breaker_open", "\x1b[31m"},
    StateColour{"gone", "\x1b[31m"},
};

std::string painted(const std::string& text, bool colour) {
    if (!colour) return text;
    const auto* const found =
        std::find_if(kStateColours.begin(), kStateColours.end(),
                     [&](const StateColour& each) { return each.word == text; });
    if (found == kStateColours.end()) return text;
    return std::string(found->code) + text + std::string(kReset);
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::size_t> widths_of(const std::vector<std::string>& headings, const Rows& rows) {
    std::vector<std::size_t> widths;
    for (const auto& heading : headings) widths.push_back(display_width(heading));
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], display_width(row[i]));
    }
    return widths;
}

bool is_numeric_column(const Rows& rows, std::size_t column) {
    bool any = false;
    for (const auto& row : rows) {
        if (row[column] == "-") continue;
        if (!is_number(row[column])) return false;
        any = true;
    }
    return any;
}

void trim_line_end(std::string& line) {
    line.erase(line.find_last_not_of(' ') + 1);
    line.push_back('\n');
}

}  // namespace

std::string Table::render(bool colour) const {
    Rows rows = rows_;
    for (auto& row : rows) {
        for (auto& cell : row) cell = cell.empty() ? "-" : visible_text(cell, 200);
    }
    const auto widths = widths_of(headings_, rows);
    std::string out;
    const auto append_row = [&](const std::vector<std::string>& cells, bool heading) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string padding(widths[i] - display_width(cells[i]), ' ');
            const bool right = is_numeric_column(rows, i);
            if (i > 0) line.append("  ");
            if (right) line.append(padding);
            line.append(heading ? cells[i] : painted(cells[i], colour));
            if (!right) line.append(padding);
        }
        trim_line_end(line);
        if (heading && colour)
            line =
                std::string(kBold) + line.substr(0, line.size() - 1) + std::string(kReset) + "\n";
        out.append(line);
    };
    append_row(headings_, true);
    for (const auto& row : rows) append_row(row, false);
    return out;
}

std::string render_fields(const std::vector<std::pair<std::string, std::string>>& fields,
                          bool colour) {
    std::size_t width = 0;
    for (const auto& [name, value] : fields) width = std::max(width, display_width(name));
    std::string out;
    for (const auto& [name, value] : fields) {
        std::string line = name + std::string(width - display_width(name) + 2, ' ');
        line.append(value.empty() ? "-" : painted(visible_text(value), colour));
        trim_line_end(line);
        out.append(line);
    }
    return out;
}

}  // namespace herald::cli
