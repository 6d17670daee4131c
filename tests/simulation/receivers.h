#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace herald::simulation {

class AuthorizationServers;

/// One way for a receiver to be. To add one, add a line to the table kBehaviours.
struct ReceiverBehaviour {
    const char* name;
    Reply (*reply)(test::SeededRandom& random);
};

/// The hosts `r0.example`, `r1.example`, … Each behaves in one way until `nature` or an end of the
/// run changes it.
class Receivers final {
public:
    Receivers(Network& network, test::SeededRandom& random, Ledger& ledger,
              AuthorizationServers& authorization, int count);

    [[nodiscard]] int count() const { return static_cast<int>(behaviours_.size()); }
    [[nodiscard]] static std::string host(int number) {
        return "r" + std::to_string(number) + ".example";
    }
    /// Another one gets another way to be.
    void change_one();
    /// From here on all of them work.
    void heal();

private:
    Reply answer(std::size_t number, const http::Request& request);

    test::SeededRandom& random_;
    Ledger& ledger_;
    AuthorizationServers& authorization_;
    std::vector<const ReceiverBehaviour*> behaviours_;
};

}  // namespace herald::simulation
