"""Throughput with callouts waiting for a dead receiver (a closed port), over throughput with none.

Each run starts a daemon on a copy of a database in which the dead receiver's callouts are older than
the events for nginx. Its count of delivered callouts is read every 50 ms; the rate is taken from the first reading
that has any to the one that has all, so that starting up (part cold-start) is not in it.
"""

import statistics
import time

from suite.daemon import Daemon
from suite.machine import progress
from suite.plot import Chart, Series
from suite.table import Result, Row
from suite.templates import LIVE, queued

NAME = "backlog"
SUBJECT = "throughput with callouts waiting for a dead receiver"
FIGURES = ("throughput with callouts waiting for a dead receiver",)
READING = 0.05
PATIENCE = 120


def one_run(machine, backlog):
    count = machine.scale.events
    with queued(machine, backlog).copy() as home, Daemon(machine, home) as daemon:
        daemon.wait_ready(60)
        deadline = time.monotonic() + PATIENCE
        first = None
        while True:
            delivered, now = daemon.api.delivered(LIVE), time.perf_counter()
            if delivered and first is None:
                first = (delivered, now)
            if delivered == count:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{delivered} of {count} delivered after {PATIENCE} s beside {backlog:,} dead ones")
            time.sleep(READING)
    whole = count / (now - daemon.started_at)
    steady = (count - first[0]) / (now - first[1]) if first[0] < count else whole
    return {"backlog": backlog, "callouts_per_s": steady, "with_start_per_s": whole}


def by_backlog(runs, backlog, key="callouts_per_s"):
    return [run[key] for run in runs if run["backlog"] == backlog]


def chart(machine, runs):
    points = []
    for place, backlog in enumerate(machine.scale.backlogs):
        values = by_backlog(runs, backlog)
        points.append((place, statistics.median(values), min(values), max(values)))
    return Chart("Throughput against backlog",
                 f"delivered to nginx, durable, OAuth 2.0, 512-byte body; median and range of {machine.runs} runs",
                 "callouts waiting for a dead receiver", "callouts a second",
                 [Series("to the healthy receiver", points)],
                 x_names=["none" if backlog == 0 else f"{backlog:,}" for backlog in machine.scale.backlogs])


def run(machine):
    none, *others = machine.scale.backlogs
    runs = []
    for number in range(machine.runs):
        alone = None
        for backlog in machine.scale.backlogs:
            figures = one_run(machine, backlog)
            alone = alone or figures["callouts_per_s"]
            figures["ratio"] = figures["callouts_per_s"] / alone
            runs.append(figures)
            progress(f"backlog {number + 1}/{machine.runs}: {figures['callouts_per_s']:,.0f} callouts/s beside "
                     f"{backlog:,} dead ones, ratio {figures['ratio']:.3f}")
    rows = []
    for backlog in others:
        ratio = statistics.median(by_backlog(runs, backlog, "ratio"))
        has_goal = backlog == others[-1]
        rows.append(Row(f"throughput with {backlog:,} waiting for a dead receiver",
                        statistics.median(by_backlog(runs, backlog)), "/s", statistics.median(by_backlog(runs, none)),
                        "none waiting", ratio=ratio, goal=">= 0.9 x none" if has_goal else "",
                        reached=ratio >= 0.9 if has_goal else None))
    return Result(rows=rows, runs=runs, plot={"throughput-against-backlog": chart(machine, runs)})
