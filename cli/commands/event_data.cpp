#include "cli/commands/event_data.h"

#include "cli/named_file.h"
#include "core/encoding.h"
#include "core/json.h"

namespace herald::cli {
namespace {

// What the API takes, and room for white space around it.
constexpr std::size_t kMaxDataBytes = std::size_t{2} * 1024 * 1024;

core::Result<std::string> source_text(Context& context, const std::string& argument) {
    if (argument == "-") return read_text(context, argument, "--data", kMaxDataBytes);
    if (!argument.empty() && argument.front() == '@')
        return read_text(context, argument.substr(1), "--data", kMaxDataBytes);
    return argument;
}

}  // namespace

core::Result<std::string> read_data(Context& context, const std::string& argument) {
    auto text = source_text(context, argument);
    if (!text) return text;
    std::string trimmed(core::trim(*text));
    if (auto valid = core::validate_json(trimmed); !valid) {
        core::Error error = valid.error();
        error.message = "--data: " + error.message;
        return error;
    }
    return trimmed;
}

core::Result<std::string> read_text(Context& context, const std::string& source,
                                    std::string_view option, std::size_t limit) {
    core::Result<NamedText> named = NamedText();
    if (source == "-") {
        if (auto claimed = context.secrets().claim_standard_input(option); !claimed)
            return claimed.error();
        named = read_named(context.io().standard_input, limit, option);
    } else {
        const auto file = open_named(source, option);
        if (!file) return file.error();
        named = read_named(file->descriptor.get(), limit, option);
    }
    if (!named) return named.error();
    return std::move(named->text);
}

}  // namespace herald::cli
