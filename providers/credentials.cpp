#include "providers/credentials.h"

#include <algorithm>

#include "core/log.h"
#include "core/time_text.h"
#include "providers/endpoint_template.h"
#include "providers/jwt.h"
#include "providers/kind.h"
#include "providers/token_request.h"

namespace herald::providers {
namespace {

using core::Result;

constexpr std::size_t kMaxCredential = 64UL * 1024;
constexpr std::size_t kMaxCa = 1024UL * 1024;  // a whole system's certificates have about 220 KiB
constexpr std::chrono::hours kWarnAhead{24 * 30};

// One file that settings name, and where its content goes.
struct Wanted {
    std::string path;
    std::size_t max_size;
    void (*put)(CredentialFiles& files, std::string_view text);
};

std::vector<Wanted> wanted_files(const ProviderSettings& settings) {
    std::vector<Wanted> all{
        {settings.client_secret_path, kMaxCredential,
         [](CredentialFiles& files, std::string_view text) {
             files.client_secret = core::Secret(text);
         }},
        {settings.private_key_path, kMaxCredential,
         [](CredentialFiles& files, std::string_view text) {
             files.private_key = core::Secret(text);
         }},
        {settings.certificate_path, kMaxCredential,
         [](CredentialFiles& files, std::string_view text) { files.certificate = text; }},
        {settings.ca_file, kMaxCa, [](CredentialFiles& files, std::string_view text) {
             files.ca = std::make_shared<const std::string>(text);
         }}};
    std::erase_if(all, [](const Wanted& one) { return one.path.empty(); });
    return all;
}

// Without a byte order mark, and the line's end that editors and `echo` leave.
Result<> put(const Wanted& wanted, const Result<core::Secret>& bytes, CredentialFiles& files) {
    if (!bytes) return bytes.error();
    std::string_view text = bytes->reveal();
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
        core::log(core::LogLevel::kWarning, "byte_order_mark_dropped", {{"file", wanted.path}});
    }
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty()) return FileReader::unreadable(wanted.path, "it is empty");
    wanted.put(files, text);
    return {};
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

boost::asio::awaitable<Result<CredentialFiles>> read_credential_files(
    ConfigurationPtr configuration, FileReader& reader) {
    CredentialFiles files;
    const std::vector<Wanted> all = wanted_files(configuration->settings());
    for (const Wanted& wanted : all) {
        const Result<core::Secret> bytes = co_await reader.read(wanted.path, wanted.max_size);
        if (auto done = put(wanted, bytes, files); !done) co_return done.error();
    }
    co_return std::move(files);
}

Result<CredentialFiles> load_credential_files(const ProviderSettings& settings) {
    CredentialFiles files;
    for (const Wanted& wanted : wanted_files(settings)) {
        const Result<core::Secret> bytes = load_small_file(wanted.path, wanted.max_size);
        if (auto done = put(wanted, bytes, files); !done) return done.error();
    }
    return files;
}

void put_in_place(const CredentialFiles& files, storage::ProviderRecord& record) {
    if (files.client_secret) record.client_secret = files.client_secret->clone();
    if (files.private_key) record.private_key = files.private_key->clone();
    if (files.certificate) record.certificate = files.certificate;
}

ReadyConfiguration made_ready(const Configuration& configuration, const CredentialFiles& files) {
    ReadyConfiguration ready{.record = configuration.record().clone(),
                             .settings = configuration.settings()};
    put_in_place(files, ready.record);
    if (files.ca) {  // another content is another trust: connections are pooled by its name
        ready.settings.ca = files.ca;
        ready.settings.ca_file += " (" + core::Secret(*files.ca).fingerprint() + ")";
    }
    return ready;
}

ReadyConfiguration Prepared::ready() const {
    ReadyConfiguration ready = made_ready(*configuration, files);
    choose_secret(ready.record, ready.record.secret_in_use);
    return ready;
}

std::shared_ptr<const TokenUse> token_use_of(const ReadyConfiguration& ready) {
    auto use = std::make_shared<TokenUse>();
    use->placement = ready.settings.placement;
    for (const auto& [name, value] : ready.record.secret_callout_headers)
        use->placement.headers.emplace_back(name, value.reveal());
    use->track_header = ready.settings.call.track_header;
    if (const Kind* kind = find_kind(ready.record.kind)) use->refuses_token = kind->refuses_token;
    // Its receivers are of the same public key infrastructure: they are trusted by its CA.
    if (ready.settings.certificate_bound || authenticates_by_tls(ready.record))
        use->tls = tls_identity(ready.record, ready.settings);
    return use;
}

bool use_needs_files(const Configuration& configuration) {
    const ProviderSettings& settings = configuration.settings();
    const bool shows_certificate =
        settings.certificate_bound || authenticates_by_tls(configuration.record());
    const bool has_files = !settings.private_key_path.empty() ||
                           !settings.certificate_path.empty() || !settings.ca_file.empty();
    return shows_certificate && has_files;
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
