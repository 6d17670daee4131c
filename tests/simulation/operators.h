#pragma once

namespace herald::simulation {

class World;

/// One of the things that people and programs do to the daemon, by weight.
void act_as_operator(World& world);
/// Everything that people hold back goes on, and every provider that needs a person gets
/// credentials that are good.
void heal_configuration(World& world);

}  // namespace herald::simulation
