#pragma once

#include <string>
#include <string_view>

#include "cli/command_tree.h"
#include "cli/request_body.h"

/// From what an option was given to a member of the request; nothing where it was not given.
namespace herald::cli {

void write_text(const TextOption& option, std::string_view key, RequestBody& body);

/// `flag` is the option as typed, for messages.
[[nodiscard]] core::Result<> write_secret(const TextOption& option, std::string_view key,
                                          std::string_view flag, Context& context,
                                          RequestBody& body);

/// `NAME=@FILE` options as one object of sealed values.
[[nodiscard]] core::Result<> write_secret_fields(const TextsOption& option, std::string_view key,
                                                 std::string_view flag, Context& context,
                                                 RequestBody& body);

/// A template from a file, at most 1 MiB of UTF-8 text.
[[nodiscard]] core::Result<std::string> read_template(Context& context, const std::string& source,
                                                      std::string_view flag);

}  // namespace herald::cli
