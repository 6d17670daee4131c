#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/interrupt.h"

namespace herald::cli {

struct ImportSummary {
    std::uint64_t accepted = 0;
    std::uint64_t duplicates = 0;
    boost::json::array rejected;  ///< {line, error}, lines of the whole input
};

struct ImportOptions {
    std::uint64_t total_bytes = 0;  ///< for the progress bar; 0: unknown
    std::uint64_t first_line = 1;   ///< those before it are not sent
    /// Lines without a key of their own get `<key_prefix>:<line>`.
    std::optional<std::string> key_prefix = std::nullopt;
};

/// Sends events line by line, a batch at a time, so that any size fits in memory.
///
/// A bad line is reported by its number and does not stop the others. An error that ends the
/// import, or Ctrl-C (`interrupted`), names the first line that was not sent: there `first_line`
/// goes on. With keys on the lines the whole file may be imported again.
class EventImport final {
public:
    EventImport(Context& context, ImportOptions options)
        : context_(context), options_(std::move(options)) {}

    [[nodiscard]] core::Result<ImportSummary> run(std::istream& input);

private:
    struct Batch {
        std::string text;
        std::vector<std::uint64_t> numbers;  ///< of its lines in the input
    };

    [[nodiscard]] core::Result<> take(std::string line);
    [[nodiscard]] core::Result<> send();
    [[nodiscard]] core::Error cut_off(core::Error error) const;
    [[nodiscard]] core::Error interrupted() const;
    void reject(std::uint64_t line, std::string_view why);

    Context& context_;
    ImportOptions options_;
    Interrupt interrupt_;
    Batch batch_;
    ImportSummary summary_;
    std::uint64_t line_ = 0;
    std::uint64_t bytes_ = 0;
};

/// `line` with the member `key`, where it is an object without one; else as it is. Pure.
[[nodiscard]] std::string with_key(std::string_view line, std::string_view key);

}  // namespace herald::cli
