#pragma once

#include <span>

namespace herald::simulation {

class World;

/// One thing that people and programs do to the daemon.
struct OperatorBehaviour {
    const char* name;
    int weight;  ///< how often, compared with the others
    void (*act)(World& world);
};
/// To add one, add a line to the table.
[[nodiscard]] std::span<const OperatorBehaviour> operator_behaviours();

/// One of them, by weight.
void act_as_operator(World& world);
/// Everything that people hold back goes on, and every provider that needs a person gets
/// credentials that are good.
void heal_configuration(World& world);

}  // namespace herald::simulation
