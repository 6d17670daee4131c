#include "tests/simulation/receivers.h"

#include <array>

#include "tests/simulation/authorization_servers.h"

namespace herald::simulation {
namespace {

using test::SeededRandom;

Reply refused(int status, Milliseconds after, http::Headers headers = {}) {
    return {.after = after, .answer = respond(status, "", std::move(headers)), .took_it = false};
}

Reply works(SeededRandom& random) {
    return {.after = up_to(random, 50), .answer = respond(200, "ok")};
}

Reply is_slow(SeededRandom& random) {
    return {.after = up_to(random, 20'000), .answer = respond(200)};
}

Reply fails_now_and_then(SeededRandom& random) {
    return random.below(3) == 0 ? refused(503, up_to(random, 20)) : works(random);
}

Reply is_down(SeededRandom& random) {
    return {.after = up_to(random, 3), .answer = failure("connect", false), .took_it = false};
}

/// Not the receiver's fault: this machine's.
Reply is_out_of_our_reach(SeededRandom& random) {
    core::Error error = failure("local_limit", false);
    error.details["local"] = true;
    return {.after = up_to(random, 3), .answer = std::move(error), .took_it = false};
}

Reply has_no_name(SeededRandom& random) {
    return {.after = up_to(random, 5'000), .answer = failure("dns", false), .took_it = false};
}

Reply takes_it_and_resets(SeededRandom& random) {
    if (random.below(2) == 0) return works(random);
    return {.after = up_to(random, 100), .answer = failure("http", true)};
}

Reply never_answers(SeededRandom& random) {
    return {
        .after = std::chrono::hours(1), .answer = respond(200), .took_it = random.below(2) == 0};
}

Reply is_busy(SeededRandom& random) {
    http::Headers headers;
    headers.add("Retry-After", std::to_string(random.below(120)));
    return random.below(2) == 0 ? refused(429, up_to(random, 20), std::move(headers))
                                : works(random);
}

Reply answers_anything(SeededRandom& random) {
    static constexpr std::array kStatuses{200, 201, 204, 301, 304, 400, 404,
                                          408, 409, 422, 425, 500, 502};
    const int status = kStatuses.at(random.below(kStatuses.size()));
    return {.after = up_to(random, 200), .answer = respond(status), .took_it = status < 300};
}

Reply is_gone_sometimes(SeededRandom& random) {
    return random.below(50) == 0 ? refused(410, up_to(random, 20)) : works(random);
}

Reply refuses_credentials(SeededRandom& random) {
    http::Headers headers;
    headers.add("WWW-Authenticate", R"(Bearer error="invalid_token")");
    return random.below(4) == 0 ? refused(401, up_to(random, 20), std::move(headers))
                                : works(random);
}

Reply talks_a_lot(SeededRandom& random) {
    return {.after = up_to(random, 200), .answer = respond(200, std::string(100'000, 'x'))};
}

constexpr std::array kBehaviours{
    ReceiverBehaviour{"works", works},
    ReceiverBehaviour{"is slow", is_slow},
    ReceiverBehaviour{"fails now and then", fails_now_and_then},
    ReceiverBehaviour{"is down", is_down},
    ReceiverBehaviour{"has no name", has_no_name},
    ReceiverBehaviour{"is out of our reach", is_out_of_our_reach},
    ReceiverBehaviour{"takes it and resets", takes_it_and_resets},
    ReceiverBehaviour{"never answers", never_answers},
    ReceiverBehaviour{"is busy", is_busy},
    ReceiverBehaviour{"answers anything", answers_anything},
    ReceiverBehaviour{"is gone sometimes", is_gone_sometimes},
    ReceiverBehaviour{"refuses credentials", refuses_credentials},
    ReceiverBehaviour{"talks a lot", talks_a_lot},
};

}  // namespace

Receivers::Receivers(Network& network, SeededRandom& random, Ledger& ledger,
                     AuthorizationServers& authorization, int count)
    : random_(random),
      ledger_(ledger),
      authorization_(authorization),
      behaviours_(static_cast<std::size_t>(count), kBehaviours.data()) {
    for (int number = 0; number < count; ++number) {
        network.serve(host(number), [this, number](const http::Request& request) {
            return answer(static_cast<std::size_t>(number), request);
        });
    }
}

void Receivers::change_one() {
    const std::size_t number = random_.below(behaviours_.size());
    behaviours_[number] = &kBehaviours.at(random_.below(kBehaviours.size()));
    ledger_.tell("   " + host(static_cast<int>(number)) + " " + behaviours_[number]->name);
}

void Receivers::heal() {
    for (const ReceiverBehaviour*& behaviour : behaviours_) behaviour = kBehaviours.data();
    ledger_.tell("   every receiver works");
}

Reply Receivers::answer(std::size_t number, const http::Request& request) {
    if (!authorization_.lets_in(request)) {
        http::Headers headers;
        headers.add("WWW-Authenticate", R"(Bearer error="invalid_token")");
        return refused(401, Milliseconds(1), std::move(headers));
    }
    Reply reply = behaviours_[number]->reply(random_);
    if (reply.took_it) ledger_.took(callout_of(request));
    return reply;
}

}  // namespace herald::simulation
