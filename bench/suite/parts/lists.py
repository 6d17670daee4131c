"""Lists of callouts beside events that come in, with the largest backlog.

The daemon runs on a copy of the database of part backlog; the events for nginx are delivered first. Then single
events are fired at a fixed rate and each is timed until its 202, without lists and beside ten callers of their own
process that walk through the pages of ten lists, again and again; some of the lists find next to nothing.
"""

import time

from suite.acks import Acknowledgements
from suite.daemon import Daemon
from suite.machine import progress
from suite.processes import Helper
from suite.table import Result, Row, median_of
from suite.templates import DEAD, LIVE, queued

NAME = "lists"
SUBJECT = "202s beside ten concurrent lists, with the largest backlog"
FIGURES = ("worst 202 beside ten lists",)
PAGE = 1_000
FILTERS = ("", "state=pending", "state=delivered", "state=dead", "since=2020-01-01T00:00:00Z",
           f"notification={DEAD}", f"notification={LIVE}", f"state=pending&notification={DEAD}",
           f"state=delivered&notification={DEAD}", f"state=pending&notification={LIVE}")
LISTS = [f"/v1/callouts?limit={PAGE}" + (f"&{each}" if each else "") for each in FILTERS]
PATIENCE = 120


def one_run(machine):
    scale = machine.scale
    with queued(machine, scale.backlogs[-1]).copy() as home, Daemon(machine, home) as daemon:
        daemon.wait_ready(60)
        daemon.wait_delivered(LIVE, scale.events, pause=0.05)
        time.sleep(0.5)
        with Acknowledgements(home.socket, f"{LIVE}.fired") as acks:
            acks.warm_up()
            alone = acks.at_rate(scale.ack_rate, scale.list_seconds)
            with Helper(machine.processes, "listing", socket=str(home.socket), lists=LISTS) as listing:
                listing.hear(PATIENCE)
                beside = acks.at_rate(scale.ack_rate, scale.list_seconds)
                lists = listing.ask("stop", PATIENCE)
    return {"alone_max_ms": max(alone), "beside_max_ms": max(beside), "ratio": max(beside) / max(alone),
            "lists_per_s": lists["pages"] / lists["seconds"], "slowest_list_ms": lists["slowest_ms"],
            "slowest_by_list_ms": lists["slowest"]}


def run(machine):
    backlog, rate = machine.scale.backlogs[-1], machine.scale.ack_rate
    runs = []
    for number in range(machine.runs):
        figures = one_run(machine)
        runs.append(figures)
        progress(f"lists {number + 1}/{machine.runs}: worst 202 {figures['alone_max_ms']:.1f} ms without lists, "
                 f"{figures['beside_max_ms']:.1f} ms beside them, ratio {figures['ratio']:.2f}; "
                 f"{figures['lists_per_s']:.0f} pages/s, the slowest {figures['slowest_list_ms']:,.0f} ms")
    ratio = median_of(runs, "ratio")
    return Result(runs=runs, rows=[
        Row(f"worst 202 at {rate}/s beside {len(LISTS)} lists, {backlog:,} pending", median_of(runs, "beside_max_ms"),
            "ms", median_of(runs, "alone_max_ms"), "without lists", ratio=ratio, goal="<= 3 x without",
            reached=ratio <= 3),
        Row(f"pages of up to {PAGE:,} callouts listed meanwhile", median_of(runs, "lists_per_s"), "/s"),
        Row("the slowest of these pages", median_of(runs, "slowest_list_ms"), "ms")])
