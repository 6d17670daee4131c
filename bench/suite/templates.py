"""Databases made once a run and copied for each use: importing a million events takes half a minute."""

from suite.daemon import Home
from suite.machine import progress

DEAD = "dead"
LIVE = "drain"


def queued(machine, backlog=0):
    """Events queued for nginx (notification `drain`), behind `backlog` older ones for a closed port (`dead`)."""
    key = f"template {backlog}"
    if key not in machine.measured:
        count = machine.scale.events
        progress(f"importing {backlog:,} events for a dead receiver and {count:,} for nginx")
        home = Home(machine)
        home.add_provider()
        home.add_notification(DEAD, machine.dead_port.url)
        home.add_notification(LIVE, machine.nginx_url)
        if backlog:
            home.import_events(DEAD, backlog)
        home.import_events(LIVE, count)
        machine.measured[key] = home
    return machine.measured[key]
