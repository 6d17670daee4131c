#pragma once

#include <memory>

#include "cli/api_client.h"
#include "cli/runtime.h"

namespace herald::cli {

/// The admin API in this process, for as long as no daemon owns the database. Takes over the
/// runtime. A database that it made is gone again in the end if no request changed anything.
[[nodiscard]] std::unique_ptr<ApiClient> make_in_process_client(std::unique_ptr<Runtime> runtime);

/// Whether a request may need the token thread; the others leave it asleep. Pure.
[[nodiscard]] bool needs_token_thread(const api::ApiRequest& request);

}  // namespace herald::cli
