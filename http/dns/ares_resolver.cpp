#include "http/dns/ares_resolver.h"

#include <algorithm>
#include <list>
#include <string>
#include <unordered_map>

#include "http/beast/transport_error.h"
#include "http/dns/name_cache.h"

namespace herald::http {
namespace {

class Waiting;

/// One lookup and all who wait for it. Shared with them: they may outlive the resolver.
struct Flight {
    std::shared_ptr<AresLookup> lookup;
    std::list<Waiting*> waiting;
    bool failed_before = false;
};

class Waiting final : public Resolver::Question {
public:
    Waiting(const std::shared_ptr<Flight>& flight, Resolver::Done done)
        : flight_(flight),
          place_(flight->waiting.insert(flight->waiting.end(), this)),
          done_(std::move(done)) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() override { leave(); }

    /// May destroy this.
    void tell(const Resolver::Answer& answer) {
        leave();
        const auto done = std::move(done_);
        done(answer);
    }

private:
    void leave() {
        if (const auto flight = flight_.lock()) flight->waiting.erase(place_);
        flight_.reset();
    }

    std::weak_ptr<Flight> flight_;
    const std::list<Waiting*>::iterator place_;
    Resolver::Done done_;
};

class AresResolver final : public Resolver {
public:
    AresResolver(boost::asio::any_io_executor executor, core::Clock& clock,
                 AresResolverOptions options)
        : executor_(std::move(executor)),
          clock_(clock),
          options_(std::move(options)),
          found_(options_.most_remembered),
          failed_(options_.most_remembered),
          distrusted_(options_.most_remembered) {}

    const Answer* known(std::string_view host) override {
        const auto now = clock_.steady_now();
        const Answer* answer = found_.find(host, now);
        return answer != nullptr ? answer : failed_.find(host, now);
    }

    std::unique_ptr<Question> ask(std::string_view host, Done done) override {
        const std::string name(host);
        const auto under_way = flights_.find(name);
        if (under_way != flights_.end())
            return std::make_unique<Waiting>(under_way->second, std::move(done));
        const bool failed_before = distrusted_.find(name, clock_.steady_now()) != nullptr;
        const bool all_distrusted =
            failed_before && distrusted_flights_ >= options_.most_lookups / 2;
        if (flights_.size() >= options_.most_lookups || all_distrusted) {
            done(local_failure(failure::kResolverUnavailable, Phase::kResolve,
                               "too many names are being looked up at a time"));
            return nullptr;
        }
        auto flight = std::make_shared<Flight>();
        flight->lookup = std::make_shared<AresLookup>(executor_, clock_, options_.names, name);
        flight->failed_before = failed_before;
        distrusted_flights_ += failed_before ? 1 : 0;
        flights_.emplace(name, flight);
        auto question = std::make_unique<Waiting>(flight, std::move(done));
        flight->lookup->start([this, name](core::Result<AresLookup::Found> result) {
            land(name, std::move(result));
        });
        return question;
    }

private:
    void land(const std::string& name, core::Result<AresLookup::Found> result) {
        const auto flight = flights_.extract(name).mapped();
        distrusted_flights_ -= flight->failed_before ? 1 : 0;
        const Answer answer = remember(name, std::move(result));
        while (!flight->waiting.empty()) flight->waiting.front()->tell(answer);
    }

    Answer remember(const std::string& name, core::Result<AresLookup::Found> result) {
        const auto now = clock_.steady_now();
        if (!result) {
            failed_.keep(name, result.error(), now + options_.failure_memory, now);
            distrusted_.keep(name, result.error(), now + options_.distrust, now);
            return result.error();
        }
        const auto lifetime =
            std::clamp(result->lifetime, options_.shortest_memory, options_.longest_memory);
        Answer answer = std::make_shared<const Addresses>(std::move(result->addresses));
        found_.keep(name, answer, now + lifetime, now);
        return answer;
    }

    const boost::asio::any_io_executor executor_;
    core::Clock& clock_;
    const AresResolverOptions options_;
    NameCache found_;
    NameCache failed_;
    NameCache distrusted_;
    std::size_t distrusted_flights_ = 0;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace

std::unique_ptr<Resolver> make_ares_resolver(boost::asio::any_io_executor executor,
                                             core::Clock& clock, AresResolverOptions options) {
    return std::make_unique<AresResolver>(std::move(executor), clock, std::move(options));
}

}  // namespace herald::http
