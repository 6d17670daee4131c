#pragma once

#include <cstdint>

namespace herald::core {

/// Numbers for jitter and ids. Keys and secrets never come from here: they come from OpenSSL.
///
/// Thread-safety: `SystemRandom` may be called concurrently; a seeded test source may not.
class Random {
public:
    virtual ~Random() = default;
    [[nodiscard]] virtual std::uint64_t next() = 0;
    /// Uniform in [0, 1).
    [[nodiscard]] double uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
};

/// One generator per thread, seeded by the system.
class SystemRandom final : public Random {
public:
    [[nodiscard]] std::uint64_t next() override;
};

}  // namespace herald::core
