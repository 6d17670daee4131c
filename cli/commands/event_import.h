#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "cli/context.h"

namespace herald::cli {

struct ImportSummary {
    std::uint64_t accepted = 0;
    std::uint64_t duplicates = 0;
    boost::json::array rejected;  ///< {line, error}, lines of the whole input
};

/// Sends events line by line, a batch at a time, so that any size fits in memory.
///
/// A bad line is reported by its number and does not stop the others. An error that ends the import
/// names the first line that was not sent: with keys on the lines the whole file may be imported
/// again.
class EventImport final {
public:
    explicit EventImport(Context& context) : context_(context) {}

    /// `total` bytes for the progress bar, 0 where unknown.
    [[nodiscard]] core::Result<ImportSummary> run(std::istream& input, std::uint64_t total);

private:
    struct Batch {
        std::string text;
        std::vector<std::uint64_t> numbers;  ///< of its lines in the input
    };

    [[nodiscard]] core::Result<> take(std::string line);
    [[nodiscard]] core::Result<> send();
    [[nodiscard]] core::Error interrupted(core::Error error) const;
    void reject(std::uint64_t line, std::string_view why);

    Context& context_;
    Batch batch_;
    ImportSummary summary_;
    std::uint64_t line_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace herald::cli
