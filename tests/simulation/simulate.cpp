// Runs the simulated world for many seeds. See scripts/simulate --help.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "tests/simulation/operators.h"
#include "tests/simulation/world.h"

namespace {

using namespace herald::simulation;

struct Orders {
    std::uint64_t first = 1;
    std::uint64_t seeds = 1000;
    std::optional<double> minutes = std::nullopt;
    bool story = false;
    int most_failures = 10;
};

constexpr double kBetweenWords = 15;

double seconds_since(std::chrono::steady_clock::time_point begun) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// Nothing where all is well.
std::optional<std::string> broken_rule(std::uint64_t seed, bool with_story, double& hours,
                                       std::size_t& delivered) {
    World world(Plan::of(seed));
    if (with_story) world.ledger().keep_story();
    world.run();
    hours += std::chrono::duration<double>(world.elapsed()).count() / 3600.0;
    delivered += world.ledger().delivered();
    if (with_story) {
        for (const std::string& line : world.ledger().story()) std::cout << line << "\n";
    }
    if (!world.has_complaint()) return std::nullopt;
    return world.ledger().complaints().front();
}

Plan without_accidents() {
    return {.seed = 1, .crashes = 0, .power_losses = 0, .stops = 0, .wall_jumps = 0, .suspends = 0};
}

/// Simulated hours a second where nothing happens but time.
double speed_of_an_idle_world() {
    constexpr int kHours = 200;
    World world(without_accidents());
    set_up_plainly(world);
    const auto begun = std::chrono::steady_clock::now();
    world.pass(std::chrono::hours(kHours));
    return kHours / seconds_since(begun);
}

/// Callouts a second where everything goes well.
double speed_of_a_busy_world() {
    constexpr int kBurst = 2'000;
    constexpr std::size_t kCallouts = 60'000;
    World world(without_accidents());
    world.receivers().heal();
    world.authorization().heal();
    set_up_plainly(world);
    const auto begun = std::chrono::steady_clock::now();
    while (world.ledger().delivered() < kCallouts && !world.has_complaint()) {
        fire_plainly(world, kBurst);
        world.pass(std::chrono::seconds(1));
    }
    return static_cast<double>(world.ledger().delivered()) / seconds_since(begun);
}

int show_speed() {
    std::cout << "idle: " << speed_of_an_idle_world() << " simulated hours a second" << std::endl;
    std::cout << "busy: " << speed_of_a_busy_world() << " callouts a second" << std::endl;
    return EXIT_SUCCESS;
}

int simulate(const Orders& orders) {
    const auto begun = std::chrono::steady_clock::now();
    double hours = 0;
    std::size_t delivered = 0;
    int failed = 0;
    double next_word = kBetweenWords;
    std::uint64_t seed = orders.first;
    for (; orders.minutes || seed < orders.first + orders.seeds; ++seed) {
        const double so_far = seconds_since(begun);
        if (orders.minutes && so_far > *orders.minutes * 60) break;
        if (so_far > next_word) {
            next_word = so_far + kBetweenWords;
            std::cerr << "simulate: " << (seed - orders.first) << " seeds, " << hours
                      << " simulated hours in " << so_far << " s" << std::endl;
        }
        const auto rule = broken_rule(seed, orders.story, hours, delivered);
        if (!rule) continue;
        ++failed;
        std::cout << "seed " << seed << ": " << *rule << "\n  replay: scripts/simulate --seed "
                  << seed << " --story" << std::endl;
        if (failed == orders.most_failures) break;
    }
    const double took = seconds_since(begun);
    std::cout << (seed - orders.first) << " seeds in " << took << " s: " << hours
              << " simulated hours, " << delivered << " callouts taken by receivers, " << failed
              << " failed" << std::endl;
    return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** words) {
    Orders orders;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const auto number = [&] { return i + 1 < count ? std::atof(words[++i]) : 0.0; };
        if (word == "--seeds") {
            orders.seeds = static_cast<std::uint64_t>(number());
        } else if (word == "--seed") {
            orders.first = static_cast<std::uint64_t>(number());
            orders.seeds = 1;
        } else if (word == "--from") {
            orders.first = static_cast<std::uint64_t>(number());
        } else if (word == "--minutes") {
            orders.minutes = number();
        } else if (word == "--hours") {
            orders.minutes = number() * 60;
        } else if (word == "--first-only") {
            orders.most_failures = 1;
        } else if (word == "--speed") {
            return show_speed();
        } else if (word == "--story") {
            orders.story = true;
        } else {
            std::cerr << "simulate: unknown word " << word << "\n";
            return 2;
        }
    }
    return simulate(orders);
}
