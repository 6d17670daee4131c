#include "cli/context.h"

#include <utility>

#include "cli/exit_code.h"
#include "core/json.h"
#include "core/secret.h"

namespace herald::cli {

Context::Context(ProgramIo& io, Output& output, Settings settings, SettingValues flags)
    : io_(io),
      output_(output),
      settings_(std::move(settings)),
      flags_(std::move(flags)),
      secrets_([this](const std::string& text) { output_.warning(text); }, io.standard_input) {}

core::Result<ApiClient*> Context::client(DatabaseUse use) {
    if (!client_) {
        auto opened = io_.connect(settings_, use);
        if (!opened) return opened.error();
        client_ = std::move(*opened);
        client_->go_on_with(std::exchange(begun_, {}));
    }
    return client_.get();
}

void Context::let_go() {
    if (!client_ || client_->is_daemon()) return;
    begun_ = client_->take_setups();
    client_.reset();
}

core::Result<std::string> Context::call(api::ApiRequest request, DatabaseUse use) {
    auto way = client(use);
    if (!way) return way.error();
    auto response = (*way)->call(request);
    core::wipe(request.body);
    if (!response) return response.error();
    if (response->status >= 400) return error_of(*response);
    return std::move(response->body);
}

core::Error error_of(const api::ApiResponse& response) {
    core::Error error{
        .kind = kind_of_status(response.status), .code = "internal_error", .message = {}};
    const auto problem = core::parse_object(response.body);
    if (!problem) {
        error.message =
            "the daemon answered " + std::to_string(response.status) + " without saying why";
        return error;
    }
    error.code = core::string_member(*problem, "code").value_or(error.code);
    error.message = core::string_member(*problem, "detail").value_or(error.code);
    if (const auto* details = problem->if_contains("details");
        details != nullptr && details->is_object()) {
        error.details = details->get_object();
    }
    return error;
}

}  // namespace herald::cli
