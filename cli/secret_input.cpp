#include "cli/secret_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/named_file.h"
#include "cli/secret_prompt.h"
#include "core/encoding.h"
#include "storage/trusted_owner.h"

namespace herald::cli {
namespace {

void strip_one_newline(std::string& text) {
    if (text.empty() || text.back() != '\n') return;
    text.pop_back();
    if (!text.empty() && text.back() == '\r') text.pop_back();
}

core::Result<core::Secret> checked(std::string text, std::string_view option) {
    strip_one_newline(text);
    if (text.empty()) return core::invalid_argument(option, "the secret read is empty");
    if (text.size() > kMaxSecretBytes) return core::invalid_argument(option, "longer than 64 KiB");
    if (!core::is_valid_utf8(text)) {
        core::wipe(text);
        return core::invalid_argument(option, "the secret read is no UTF-8 text");
    }
    return core::Secret::take(std::move(text));
}

}  // namespace

core::Result<core::Secret> SecretInput::read(const std::string& source, std::string_view option) {
    if (source != "-") return read_file(source, option);
    auto claimed = claim_standard_input(option);
    if (!claimed) return claimed.error();
    if (::isatty(standard_input_) == 0) return read_descriptor(standard_input_, option);
    auto typed = prompt_for_secret(standard_input_, option, kMaxSecretBytes + 1);
    if (!typed) return typed.error();
    return checked(std::move(*typed), option);
}

core::Result<> SecretInput::claim_standard_input(std::string_view option) {
    if (!claimed_by_.empty()) {
        return core::invalid_argument(
            option, "standard input is read by " + claimed_by_ + " already; use a file");
    }
    claimed_by_ = option;
    return {};
}

core::Result<core::Secret> SecretInput::read_file(const std::string& path,
                                                  std::string_view option) {
    auto file = open_named(path, option);
    if (!file) return file.error();
    const mode_t mode = file->status.st_mode;
    if (S_ISREG(mode) && (mode & (S_IRGRP | S_IROTH)) != 0) {
        warn_("others can read the secret file '" + path + "'; chmod 600 keeps it private");
    }
    // What is read is sent, and no harm to us: a file of somebody else's is worth a word only.
    if (S_ISREG(mode)) {
        if (auto trusted = storage::check_trusted(file->status, "the secret file", path); !trusted)
            warn_(trusted.error().message);
    }
    return read_descriptor(file->descriptor.get(), option);
}

core::Result<core::Secret> SecretInput::read_descriptor(int descriptor, std::string_view option) {
    auto named = read_named(descriptor, kMaxSecretBytes + 5, option);
    if (!named) return named.error();
    if (named->had_byte_order_mark) {
        warn_(std::string(option) +
              ": the byte order mark before the secret is left out, it is no part of it");
    }
    return checked(std::move(named->text), option);
}

}  // namespace herald::cli
