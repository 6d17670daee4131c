#include "cli/commands/option_values.h"

#include "cli/commands/event_data.h"
#include "cli/commands/name_value.h"
#include "core/encoding.h"

namespace herald::cli {

void write_text(const TextOption& option, std::string_view key, RequestBody& body) {
    if (option.given()) body.add(key, boost::json::value(option.value));
}

core::Result<> write_secret(const TextOption& option, std::string_view key, std::string_view flag,
                            Context& context, RequestBody& body) {
    if (!option.given()) return {};
    auto secret = context.secrets().read(option.value, flag);
    if (!secret) return secret.error();
    body.add_secret(key, *secret);
    return {};
}

core::Result<> write_secret_fields(const TextsOption& option, std::string_view key,
                                   std::string_view flag, Context& context, RequestBody& body) {
    if (!option.given()) return {};
    auto object = secret_fields_of(option.values, flag, context.secrets());
    if (!object) return object.error();
    body.add_raw(key, *object);
    core::wipe(*object);
    return {};
}

core::Result<std::string> read_template(Context& context, const std::string& source,
                                        std::string_view flag) {
    constexpr std::size_t kMaxTemplateBytes = std::size_t{1024} * 1024;
    auto text = read_text(context, source, flag, kMaxTemplateBytes);
    if (!text) return text.error();
    if (!core::is_valid_utf8(*text))
        return core::invalid_argument(flag, "the file is no UTF-8 text");
    return text;
}

}  // namespace herald::cli
