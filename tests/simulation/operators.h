#pragma once

namespace herald::simulation {

class World;

/// One of the things that people and programs do to the daemon, by weight.
void act_as_operator(World& world);
/// Some notifications of a provider, without any limit of their own; then events for them.
void set_up_plainly(World& world);
void fire_plainly(World& world, int events);
/// Everything that people hold back goes on, and every provider that needs a person gets
/// credentials that are good.
void heal_configuration(World& world);

}  // namespace herald::simulation
