"""Fire and deliver: events come in over the API while they are delivered.

Four connections to the daemon's Unix socket fire batches of 100 lines of NDJSON, each connection one
batch at a time; the callouts go to nginx. Time runs from the first byte sent until the daemon counts
every callout as delivered. wrk on the same nginx before each run is the reference. The generator's own
CPU (it shares the cores) is told.
"""

import time

from suite.daemon import Daemon, Home
from suite.machine import progress
from suite.processes import Helper
from suite.table import Result, Row, median_of

NAME = "fire"
SUBJECT = "fire over the API and deliver at the same time"
FIGURES = ("fire over the API and deliver at the same time",)
BATCH = 100
CONNECTIONS = 4


def new_home(machine):
    home = Home(machine)
    home.add_provider()
    home.add_notification("fire", machine.nginx_url)
    return home


def load_on(machine, home):
    """The load generator, connected and ready for `go`."""
    load = Helper(machine.processes, "load", socket=str(home.socket), type="fire.fired", batch=BATCH,
                  connections=CONNECTIONS)
    load.hear()
    return load


def fire_and_deliver(machine, template):
    """One run: events a second until the last is delivered, and until the last is accepted."""
    count = machine.scale.events // BATCH * BATCH
    with template.copy() as home, Daemon(machine, home) as daemon:
        daemon.wait_ready().obtain_token()
        with load_on(machine, home) as load:
            fired = load.ask("go", batches=count // BATCH, seconds=300)
        ended = daemon.wait_delivered("fire", count, seconds=300)
    return {"events_per_s": count / (ended - fired["started"]),
            "accepted_per_s": count / (fired["ended"] - fired["started"]),
            "generator_cpu_us": fired["cpu_s"] / count * 1e6, "reopened": fired["reopened"]}


def rate(machine):
    """Events a second that this machine fires and delivers; measured here where the part did not run."""
    if "fire_per_s" not in machine.measured:
        with new_home(machine) as template:
            machine.measured["fire_per_s"] = fire_and_deliver(machine, template)["events_per_s"]
        progress(f"fire-and-deliver rate: {machine.measured['fire_per_s']:,.0f} events/s")
    return machine.measured["fire_per_s"]


def run(machine):
    runs = []
    with new_home(machine) as template:
        for number in range(machine.runs):
            pair = machine.wrk()
            pair.update(fire_and_deliver(machine, template))
            pair["ratio"] = pair["events_per_s"] / pair["wrk_per_s"]
            runs.append(pair)
            progress(f"fire {number + 1}/{machine.runs}: {pair['events_per_s']:,.0f} events/s delivered, accepted at "
                     f"{pair['accepted_per_s']:,.0f}/s, wrk {pair['wrk_per_s']:,.0f}/s, ratio {pair['ratio']:.3f}")
            time.sleep(0.2)
    machine.measured["fire_per_s"] = median_of(runs, "events_per_s")
    ratio = median_of(runs, "ratio")
    return Result(runs=runs, rows=[
        Row(f"fire {machine.scale.events:,} events over the API and deliver them", median_of(runs, "events_per_s"),
            "/s", median_of(runs, "wrk_per_s"), "wrk", ratio=ratio, goal=">= 0.20 x wrk", reached=ratio >= 0.20,
            note=f"accepted at {median_of(runs, 'accepted_per_s'):,.0f}/s; the load generator took "
                 f"{median_of(runs, 'generator_cpu_us'):.1f} us of CPU an event")])
