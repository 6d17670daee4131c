"""Many receivers: the same number of callouts, to hundreds of ports of one nginx and to one of them.

Each port has a notification of its own (one in flight each, as in part fan-out), and the events for them are
queued in turn. Both are drained as in part drain, pair by pair.
"""

from suite.daemon import PROVIDER, Daemon, Home, drain, event_line
from suite.machine import progress
from suite.table import Result, Row, median_of
from suite.templates import queued

NAME = "many-receivers"
SUBJECT = "drain to many receivers on ports of their own beside the drain to one"
FIGURES = ("drain to many receivers",)
IN_FLIGHT = 1


def prepare(machine):
    home = Home(machine)
    home.add_provider()
    with Daemon(machine, home) as daemon:
        daemon.wait_ready()
        for number, url in enumerate(machine.nginx.own_urls):
            daemon.api.call("POST", "/v1/notifications", {
                "name": f"own-{number:03d}", "events": [f"own-{number:03d}.*"], "url": url,
                "max_in_flight": IN_FLIGHT, "auth": {"kind": "oauth2", "provider": PROVIDER}})
        daemon.stop()
    lines = [event_line(f"own-{number:03d}.fired") for number in range(len(machine.nginx.own_urls))]
    home.import_lines(lines[number % len(lines)] for number in range(machine.scale.events))
    return home


def run(machine):
    count, receivers = machine.scale.events, machine.scale.receivers
    runs = []
    with prepare(machine) as template:
        for number in range(machine.runs):
            with queued(machine).copy() as home:
                one = drain(machine, home, count)["callouts_per_s"]
            with template.copy() as home:
                figures = drain(machine, home, count)
            runs.append({"one_per_s": one, **figures, "ratio": figures["callouts_per_s"] / one})
            progress(f"many-receivers {number + 1}/{machine.runs}: {figures['callouts_per_s']:,.0f} callouts/s to "
                     f"{receivers}, to one {one:,.0f}/s, ratio {runs[-1]['ratio']:.3f}")
    return Result(runs=runs, rows=[
        Row(f"drain of {count:,} queued events to {receivers} receivers", median_of(runs, "callouts_per_s"), "/s",
            median_of(runs, "one_per_s"), "to one", ratio=median_of(runs, "ratio")),
        Row(f"CPU a callout to {receivers} receivers, whole daemon", median_of(runs, "cpu_us_per_callout"), "us"),
        Row("memory of that drain at its peak", median_of(runs, "peak_rss_mb"), "MB"),
    ])
