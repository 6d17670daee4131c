"""Cold start with the largest backlog: time to the first request, and memory.

The receiver the backlog waits for is back: our own receiver listens on its port. Time runs from the
daemon's start until the first byte of a request lies there. Resident memory is watched for some seconds
from then on, deliveries going on; the reference is a daemon on an empty database after one second. The database
file is in the page cache (it was just copied).
"""

import selectors
import time

from suite.daemon import Daemon, Home
from suite.machine import progress
from suite.receivers import Receiver, turn
from suite.table import Result, Row, median_of
from suite.templates import queued

NAME = "cold-start"
SUBJECT = "cold start with the largest backlog: first request, memory"
FIGURES = ("cold start to the first request", "memory after a cold start")


class Arrivals:
    """The first arrival's time; the rest is only answered."""

    def __init__(self):
        self.first = None

    def note(self, at, _):
        self.first = self.first or at / 1e9


def empty_daemon(machine):
    """An idle daemon on an empty database: resident memory, and how long its own start takes."""
    with Home(machine) as home:
        home.add_provider()
        with Daemon(machine, home) as daemon:
            daemon.wait_ready()
            ready = time.perf_counter() - daemon.started_at
            time.sleep(1)
            return {"empty_ready_s": ready, "empty_rss_mb": daemon.resident_mb()}


def loaded_daemon(machine, backlog):
    arrivals = Arrivals()
    with queued(machine, backlog).copy() as home, selectors.DefaultSelector() as selector:
        receiver = Receiver(selector, arrivals.note, machine.dead_port.listen())
        try:
            with Daemon(machine, home) as daemon:
                while arrivals.first is None:
                    turn(selector, 0.5)
                    if time.perf_counter() - daemon.started_at > 60:
                        raise TimeoutError("no request arrived within 60 s")
                first = arrivals.first - daemon.started_at
                memory = [daemon.resident_mb()]
                end = time.perf_counter() + machine.scale.cold_start_seconds
                while time.perf_counter() < end:
                    pause = time.perf_counter() + 0.02
                    while time.perf_counter() < pause:
                        turn(selector, 0.01)
                    memory.append(daemon.resident_mb())
        finally:
            receiver.close()
            machine.dead_port.close_again()
    return {"first_request_s": first, "rss_at_first_mb": memory[0], "rss_peak_mb": max(memory)}


def run(machine):
    backlog = machine.scale.backlogs[-1]
    runs = []
    for number in range(machine.runs):
        figures = {**empty_daemon(machine), **loaded_daemon(machine, backlog)}
        figures["above_idle_mb"] = figures["rss_peak_mb"] - figures["empty_rss_mb"]
        runs.append(figures)
        progress(f"cold-start {number + 1}/{machine.runs}: first request after {figures['first_request_s']:.2f} s, "
                 f"{figures['above_idle_mb']:.1f} MB above an empty daemon")
    first, memory = median_of(runs, "first_request_s"), median_of(runs, "above_idle_mb")
    return Result(runs=runs, rows=[
        Row(f"cold start with {backlog:,} waiting, to the first request", first, "s", median_of(runs, "empty_ready_s"),
            "empty one ready", goal="<= 2 s", reached=first <= 2),
        Row("its memory above an idle, empty daemon", memory, "MB", median_of(runs, "empty_rss_mb"), "empty one",
            goal="<= 128 MB", reached=memory <= 128)])
