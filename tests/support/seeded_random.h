#pragma once

#include <cstdint>
#include <string>

#include "core/random.h"

namespace herald::test {

/// SplitMix64: the same numbers for the same seed, on every machine.
class SeededRandom final : public core::Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t next() override {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    /// In [0, bound). REQUIRES: bound > 0.
    [[nodiscard]] std::size_t below(std::size_t bound) {
        return static_cast<std::size_t>(next() % bound);
    }
    [[nodiscard]] std::string bytes(std::size_t count) {
        std::string out;
        while (out.size() < count) out.push_back(static_cast<char>(below(256)));
        return out;
    }

private:
    std::uint64_t state_;
};

}  // namespace herald::test
