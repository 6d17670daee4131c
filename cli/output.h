#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/table.h"
#include "core/error.h"

namespace herald::cli {

struct OutputStyle {
    bool json = false;
    bool colour = false;  ///< of results; errors and warnings are never coloured
};

/// What a command says: results on `out`, everything else on `err`.
///
/// With `json`, one document on `out`, and errors as {"error":{code,message,details}} on `err`.
class Output final {
public:
    Output(std::ostream& out, std::ostream& err, OutputStyle style)
        : out_(out), err_(err), style_(style) {}

    [[nodiscard]] bool is_json() const { return style_.json; }
    void set_json(bool json) { style_.json = json; }

    /// A document as it came from the API, ended by a newline.
    void document(std::string_view json);
    void line(std::string_view text);
    /// What is known before the end, seen at once: a line of the results, with `json` one on `err`,
    /// {"progress":{message}}.
    void progress(std::string_view text);
    void table(const Table& table);
    void fields(const std::vector<std::pair<std::string, std::string>>& fields);

    void error(const core::Error& error);
    void warning(std::string_view text);

private:
    std::ostream& out_;
    std::ostream& err_;
    OutputStyle style_;
};

}  // namespace herald::cli
