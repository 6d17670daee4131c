#include <openssl/evp.h>

#include <array>

#include "core/json.h"
#include "dispatcher/composer.h"

namespace herald::dispatcher {
namespace {

constexpr std::size_t kKeySize = 16;

}  // namespace

std::string order_key(const CompiledNotification& notification, const storage::EventRecord& event) {
    if (notification.order_path.empty()) return {};
    const auto source = core::raw_at(event.data, notification.order_path);
    if (!source || *source == "null") return {};
    // Fixed size whatever the value; two spellings of one string are one key.
    const std::string value =
        source->starts_with('"') ? core::decode_json_string(*source) : std::string(*source);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    EVP_Digest(value.data(), value.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return {reinterpret_cast<const char*>(digest.data()), kKeySize};
}

}  // namespace herald::dispatcher
