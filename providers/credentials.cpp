#include "providers/credentials.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.h"
#include "core/time_text.h"
#include "providers/jwt.h"

namespace herald::providers {
namespace {

using core::Result;

constexpr std::size_t kMaxFile = 64 * 1024;
constexpr std::chrono::hours kWarnAhead{24 * 30};

core::Error unreadable(const std::string& path, const std::string& why) {
    core::Error error{.kind = core::ErrorKind::kTransient,
                      .code = "credential_unreadable",
                      .message = "read " + path + ": " + why};
    error.details["class"] = "credential";
    error.details["error_description"] = error.message;
    return error;
}

class Descriptor {
public:
    explicit Descriptor(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

Result<core::Secret> read_file(const std::string& path) {
    const Descriptor file(path);
    if (file.get() < 0) return unreadable(path, std::strerror(errno));
    std::string bytes(kMaxFile + 1, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unreadable(path, std::strerror(errno));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    core::Secret all(std::string_view(bytes).substr(0, size));
    core::wipe(bytes);
    if (size > kMaxFile) return unreadable(path, "it has more than 64 KiB");
    std::string_view text = all.reveal();
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
        core::log(core::LogLevel::kWarning, "byte_order_mark_dropped", {{"file", path}});
    }
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty()) return unreadable(path, "it is empty");
    return core::Secret(text);
}

bool is_valid_at(const storage::ClientSecret& secret, core::SystemTime now) {
    return (!secret.not_before || *secret.not_before <= now) &&
           (!secret.not_after || now < *secret.not_after);
}

void warn_of_end(const char* what, core::SystemTime ends_at, core::SystemTime now,
                 std::vector<std::string>& warnings) {
    if (ends_at > now + kWarnAhead) return;
    warnings.push_back(std::string(what) + (ends_at <= now ? " has ended at " : " ends at ") +
                       core::format_time(ends_at));
}

}  // namespace

Result<> load_credentials(storage::ProviderRecord& record, const ProviderSettings& settings) {
    const auto load = [](const std::string& path, const auto& put) -> Result<> {
        if (path.empty()) return {};
        auto read = read_file(path);
        if (!read) return read.error();
        put(std::move(*read));
        return {};
    };
    auto done = load(settings.client_secret_path,
                     [&](core::Secret secret) { record.client_secret = std::move(secret); });
    if (!done) return done;
    done = load(settings.private_key_path,
                [&](core::Secret key) { record.private_key = std::move(key); });
    if (!done) return done;
    return load(settings.certificate_path,
                [&](const core::Secret& pem) { record.certificate = std::string(pem.reveal()); });
}

void choose_secret(storage::ProviderRecord& record, int number) {
    const auto index = static_cast<std::size_t>(number) - 1;
    if (number > 0 && index < record.further_secrets.size())
        record.client_secret = record.further_secrets[index].value.clone();
}

std::vector<int> secrets_to_try(const storage::ProviderRecord& record, core::SystemTime now) {
    std::vector<int> numbers{0};
    for (std::size_t i = 0; i < record.further_secrets.size(); ++i) {
        if (is_valid_at(record.further_secrets[i], now)) numbers.push_back(static_cast<int>(i) + 1);
    }
    const auto in_use = std::find(numbers.begin(), numbers.end(), record.secret_in_use);
    if (in_use != numbers.end()) std::rotate(numbers.begin(), in_use, in_use + 1);
    return numbers;
}

std::vector<std::string> expiry_warnings(const storage::ProviderRecord& record,
                                         const ProviderSettings& settings, core::SystemTime now) {
    std::vector<std::string> warnings;
    if (settings.secret_expires_at)
        warn_of_end("the client secret", *settings.secret_expires_at, now, warnings);
    if (record.certificate) {
        if (const auto facts = certificate_facts(*record.certificate)) {
            warn_of_end("the certificate", core::SystemTime(std::chrono::seconds(facts->not_after)),
                        now, warnings);
        }
    }
    return warnings;
}

}  // namespace herald::providers
