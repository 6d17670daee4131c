#include "cli/in_process_client.h"

#include <atomic>
#include <utility>

#include "api/router.h"
#include "dispatcher/intake.h"

namespace herald::cli {
namespace {

class InProcessClient final : public ApiClient {
public:
    explicit InProcessClient(std::unique_ptr<Runtime> runtime)
        : runtime_(std::move(runtime)),
          intake_(runtime_->store(), runtime_->store(), runtime_->clock(), runtime_->random(),
                  nullptr),
          router_(runtime_->services(intake_, nullptr)) {}
    InProcessClient(const InProcessClient&) = delete;
    InProcessClient& operator=(const InProcessClient&) = delete;
    ~InProcessClient() override {
        if (!did_something_) runtime_->close_and_forget();
    }

    core::Result<api::ApiResponse> call(const api::ApiRequest& request) override {
        if (needs_token_thread(request)) {
            if (auto started = runtime_->start_tokens(); !started) return started.error();
            started_ = true;
            runtime_->tokens().go_on_with(std::exchange(begun_, {}));
        }
        auto response = router_.handle(request);
        constexpr int kFirstRefusal = 300;
        if (request.method != "GET" && response.status < kFirstRefusal) did_something_ = true;
        return response;
    }

    [[nodiscard]] bool is_daemon() const override { return false; }

    providers::BegunSetups take_setups() override {
        return started_ ? runtime_->tokens().take_setups() : std::move(begun_);
    }
    void go_on_with(providers::BegunSetups begun) override { begun_ = std::move(begun); }

private:
    std::unique_ptr<Runtime> runtime_;
    dispatcher::Intake intake_;
    api::Router router_;
    bool started_ = false;          ///< the token thread runs
    providers::BegunSetups begun_;  ///< until it does
    std::atomic<bool> did_something_{false};
};

}  // namespace

std::unique_ptr<ApiClient> make_in_process_client(std::unique_ptr<Runtime> runtime) {
    return std::make_unique<InProcessClient>(std::move(runtime));
}

bool needs_token_thread(const api::ApiRequest& request) {
    // Every change of a provider is told to the token manager; only there may it talk to the
    // network.
    if (request.method == "GET") return false;
    const bool of_provider = request.path.rfind("/v1/providers", 0) == 0;
    const bool is_test =
        request.path.rfind("/v1/notifications/", 0) == 0 && request.path.ends_with("/test");
    return of_provider || is_test;
}

}  // namespace herald::cli
