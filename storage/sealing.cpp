#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "storage/key_ring.h"

namespace herald::storage {
namespace {

constexpr std::size_t kIdSize = 4;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kHeadSize = kIdSize + kNonceSize;

struct ContextDeleter {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

void append_number(std::string& text, std::uint32_t number) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        text.push_back(static_cast<char>((number >> shift) & 0xFFU));
    }
}

std::uint32_t read_number(std::string_view text) {
    std::uint32_t number = 0;
    for (const char c : text) number = (number << 8U) | static_cast<unsigned char>(c);
    return number;
}

/// Each part with its length in front, so that no two places have the same bytes.
std::string associated_data(const SealedPlace& place, std::uint32_t key_id) {
    std::string data;
    append_number(data, key_id);
    for (const std::string_view part : {place.table, place.row, place.column}) {
        append_number(data, static_cast<std::uint32_t>(part.size()));
        data.append(part);
    }
    return data;
}

void require(int result) {
    if (result != 1) throw std::runtime_error("OpenSSL refused an AES-256-GCM operation");
}

core::Error does_not_open(const SealedPlace& place, std::string_view why) {
    core::Error error{
        .kind = core::ErrorKind::kStorage, .code = "key_mismatch", .message = "open sealed "};
    error.message.append(place.table).append(".").append(place.column).append(": ").append(why);
    return error;
}

/// False where the tag does not fit: another key, another place, or a changed bit.
bool decrypt(const core::Secret& key, std::string_view nonce, std::string_view data,
             std::string_view cipher, std::string_view tag, std::string& plain) {
    const Context context(EVP_CIPHER_CTX_new());
    std::string writable_tag(tag);
    int size = 0;
    require(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(key.reveal()),
                               bytes(nonce)));
    require(EVP_DecryptUpdate(context.get(), nullptr, &size, bytes(data),
                              static_cast<int>(data.size())));
    require(EVP_DecryptUpdate(context.get(), bytes(plain), &size, bytes(cipher),
                              static_cast<int>(cipher.size())));
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagSize),
                                writable_tag.data()));
    return EVP_DecryptFinal_ex(context.get(), bytes(plain) + size, &size) == 1;
}

}  // namespace

std::string sealed_prefix(std::uint32_t key_id) {
    std::string prefix;
    append_number(prefix, key_id);
    return prefix;
}

std::string seal(const KeyRing& ring, const SealedPlace& place, std::string_view plain) {
    const std::uint32_t key_id = ring.newest();
    const std::string data = associated_data(place, key_id);
    std::string sealed = sealed_prefix(key_id);
    sealed.resize(kHeadSize + plain.size() + kTagSize);
    require(RAND_bytes(bytes(sealed) + kIdSize, static_cast<int>(kNonceSize)));

    const Context context(EVP_CIPHER_CTX_new());
    int size = 0;
    require(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                               bytes(ring.key(key_id)->reveal()), bytes(sealed) + kIdSize));
    require(EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(data),
                              static_cast<int>(data.size())));
    require(EVP_EncryptUpdate(context.get(), bytes(sealed) + kHeadSize, &size, bytes(plain),
                              static_cast<int>(plain.size())));
    require(EVP_EncryptFinal_ex(context.get(), bytes(sealed) + kHeadSize + size, &size));
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagSize),
                                bytes(sealed) + kHeadSize + plain.size()));
    return sealed;
}

core::Result<core::Secret> open_sealed(const KeyRing& ring, const SealedPlace& place,
                                       std::string_view sealed) {
    if (sealed.size() < kHeadSize + kTagSize) return does_not_open(place, "the value is cut short");
    const std::uint32_t key_id = read_number(sealed.substr(0, kIdSize));
    const core::Secret* key = ring.key(key_id);
    if (key == nullptr) {
        return does_not_open(place, "the key ring lacks key " + std::to_string(key_id));
    }
    const std::string_view cipher = sealed.substr(kHeadSize, sealed.size() - kHeadSize - kTagSize);
    std::string plain(cipher.size(), '\0');
    const bool fits =
        decrypt(*key, sealed.substr(kIdSize, kNonceSize), associated_data(place, key_id), cipher,
                sealed.substr(sealed.size() - kTagSize), plain);
    auto secret = core::Secret::take(std::move(plain));
    if (!fits)
        return does_not_open(place, "the key or the place is another, or the value is damaged");
    return secret;
}

}  // namespace herald::storage
