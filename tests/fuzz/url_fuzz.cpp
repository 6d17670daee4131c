// A URL that is taken is the same when it is read again, and may stand in a request.
#include <cstdlib>

#include "http/field_text.h"
#include "http/message.h"
#include "http/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace herald;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto url = http::Url::parse(text, "url");
    if (!url) return 0;
    if (!http::is_visible(url->target) || url->target.front() != '/') std::abort();
    if (!http::validate_header("Host", url->host_header(), "url")) std::abort();
    const auto again = http::Url::parse(url->text(), "url");
    if (!again || again->text() != url->text()) std::abort();
    return 0;
}
