// Private keys and certificates as an operator gives them: read, or refused in one line.
#include <cstdlib>

#include "providers/jwt.h"
#include "providers/openssl_key.h"

namespace {

template <class T>
void expect_one_line(const herald::core::Result<T>& result) {
    if (!result && result.error().message.find_first_of("\r\n") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const core::Secret pem(text);
    expect_one_line(providers::read_private_key(pem));
    expect_one_line(providers::certificate_facts(text));
    expect_one_line(providers::check_certificate_key(text, pem));
    return 0;
}
