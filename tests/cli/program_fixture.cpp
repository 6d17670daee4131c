#include "tests/cli/program_fixture.h"

#include <boost/json/parse.hpp>

namespace herald::test {

class ProgramFixture::Client final : public cli::ApiClient {
public:
    explicit Client(ProgramFixture& fixture) : fixture_(fixture) {}

    core::Result<api::ApiResponse> call(const api::ApiRequest& request) override {
        fixture_.requests_.push_back(request);
        fixture_.called_(fixture_.requests_.size());
        api::ApiResponse response;
        response.body = "{}";
        if (!fixture_.answers_.empty()) {
            std::tie(response.status, response.body) = fixture_.answers_.front();
            fixture_.answers_.erase(fixture_.answers_.begin());
        }
        return response;
    }

    [[nodiscard]] bool is_daemon() const override { return fixture_.is_daemon_; }

private:
    ProgramFixture& fixture_;
};

RunResult ProgramFixture::run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    cli::ProgramIo io{
        .out = out,
        .err = err,
        .environment = [this](std::string_view name) -> std::optional<std::string> {
            const auto found = environment_.find(std::string(name));
            if (found == environment_.end()) return std::nullopt;
            return found->second;
        },
        .connect = [this](const cli::Settings&,
                          cli::DatabaseUse use) -> core::Result<std::unique_ptr<cli::ApiClient>> {
            last_use_ = use;
            return std::unique_ptr<cli::ApiClient>(std::make_unique<Client>(*this));
        },
        .clock = clock_,
        .standard_input = standard_input_,
    };
    RunResult result;
    result.exit_code = cli::run_program(arguments, io);
    result.out = out.str();
    result.err = err.str();
    return result;
}

std::string error_code(const std::string& json) {
    boost::system::error_code failure;
    const auto value = boost::json::parse(json, failure);
    if (failure || !value.is_object()) return {};
    const auto* const error = value.get_object().if_contains("error");
    if (error == nullptr || !error->is_object()) return {};
    const auto* const code = error->get_object().if_contains("code");
    return code != nullptr && code->is_string() ? std::string(code->get_string()) : std::string();
}

}  // namespace herald::test
