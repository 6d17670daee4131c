#include "core/random.h"

#include <random>

namespace herald::core {

std::uint64_t SystemRandom::next() {
    thread_local std::mt19937_64 engine = [] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }();
    return engine();
}

}  // namespace herald::core
