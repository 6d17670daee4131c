#pragma once

#include <random>
#include <string>

#include "core/random.h"

namespace herald::core {

/// The same numbers on every run, so that a failure can be repeated.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    [[nodiscard]] std::uint64_t next() override { return engine_(); }

    /// In [0, bound). REQUIRES: bound > 0.
    [[nodiscard]] std::size_t below(std::size_t bound) { return next() % bound; }
    [[nodiscard]] std::string bytes(std::size_t count) {
        std::string out;
        while (out.size() < count) out.push_back(static_cast<char>(below(256)));
        return out;
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace herald::core
