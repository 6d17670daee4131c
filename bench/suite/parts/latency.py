"""Fire to arrival, the durable commit included, when idle and under load.

Idle: one event at a time over the API; after each, the bare cost of durability is sampled in the same
directory (append of 4 KiB, fdatasync), with the same pauses around it. Under load: batches of 100 go to
nginx at a share of the fire-and-deliver rate, and single events at a fixed rate to our own receiver are
timed. The goal allows 1 ms and twice the same percentile of the idle disk.
"""

import os
import statistics
import time

from suite.daemon import Daemon, Home
from suite.machine import progress
from suite.parts import fire
from suite.plot import Chart, Series
from suite.probe import Probe, percentile
from suite.table import Result, Row, median_of

NAME = "latency"
SUBJECT = "fire-to-arrival latency when idle and under load"
FIGURES = ("fire to arrival, idle", "fire to arrival, half load")
HALF = 0.5


class BareWrites:
    """write + fdatasync of 4 KiB at the end of a file on the databases' file system."""

    def __init__(self, directory):
        self._file = os.open(directory / "bare-writes", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._page = b"\xa5" * 4096
        self.samples = []

    def one(self):
        started = time.perf_counter_ns()
        os.write(self._file, self._page)
        os.fdatasync(self._file)
        self.samples.append((time.perf_counter_ns() - started) / 1e6)

    def close(self):
        os.close(self._file)


def summary(name, samples):
    return {f"{name}_p50_ms": percentile(samples, 0.5), f"{name}_p99_ms": percentile(samples, 0.99),
            f"{name}_max_ms": max(samples)}


def idle(machine, home, probe):
    bare = BareWrites(home.dir)
    try:
        probe.one_at_a_time(home.socket, min(50, machine.scale.latency_samples))  # connections and caches get warm
        samples = probe.one_at_a_time(home.socket, machine.scale.latency_samples, between=bare.one)
        return {**summary("idle", samples), **summary("bare", bare.samples)}
    finally:
        bare.close()


def under_load(machine, home, daemon, probe, per_second):
    """Latencies while a load of that many events a second runs, and the load there really was."""
    scale = machine.scale
    before = daemon.api.delivered("fire")
    with fire.load_on(machine, home) as load:
        seconds = scale.load_seconds + 1.0
        batches = max(2, int(seconds * per_second / fire.BATCH))
        load.tell("go", batches=batches, per_second=per_second / fire.BATCH)
        time.sleep(0.5)
        samples = probe.at_rate(home.socket, scale.probe_rate, scale.load_seconds)
        fired = load.hear(120)
    daemon.wait_delivered("fire", before + batches * fire.BATCH)
    return {**summary("load", samples), "load_per_s": fired["accepted"] / (fired["ended"] - fired["started"])}


def one_run(machine, rate):
    with Probe("probe.fired") as probe, Home(machine) as home:
        home.add_provider()
        home.add_notification("fire", machine.nginx_url)
        home.add_notification("probe", probe.receiver.url)
        with Daemon(machine, home) as daemon:
            daemon.wait_ready().obtain_token()
            figures = idle(machine, home, probe)
            figures["loads"] = []
            for fraction in machine.scale.load_fractions:
                level = under_load(machine, home, daemon, probe, rate * fraction)
                figures["loads"].append({"fraction": fraction, **level})
    return figures


def goal_row(figure, runs, key, share):
    allowed = [1 + 2 * run[f"bare_{share}_ms"] for run in runs]
    ratios = [run[key] / limit for run, limit in zip(runs, allowed)]
    ratio = statistics.median(ratios)
    return Row(f"{figure}, {share}", median_of(runs, key), "ms", median_of(runs, f"bare_{share}_ms"), "write+fdatasync",
               ratio=ratio, goal=f"<= 1 ms + 2 x ref = {statistics.median(allowed):.2f} ms", reached=ratio <= 1)


def told_row(figure, runs, key, share):
    """Without a goal: under load an event waits for the batch before it."""
    return Row(f"{figure}, {share}", median_of(runs, key), "ms", median_of(runs, f"idle_{share}_ms"), "idle")


def series(name, runs, share):
    """Median and range over the runs, at no load and at each load."""
    points = []
    columns = [[(0, run[f"idle_{share}_ms"]) for run in runs]]
    for level in range(len(runs[0]["loads"])):
        columns.append([(run["loads"][level]["load_per_s"], run["loads"][level][f"load_{share}_ms"]) for run in runs])
    for column in columns:
        values = [value for _, value in column]
        points.append((statistics.median(x for x, _ in column), statistics.median(values), min(values), max(values)))
    return Series(name, points)


def chart(machine, runs):
    return Chart("Fire-to-arrival latency against load",
                 f"single events timed beside batches of {fire.BATCH}, durable, OAuth 2.0; median and range of "
                 f"{machine.runs} runs", "load, events a second", "latency, ms (logarithmic)",
                 [series("p50", runs, "p50"), series("p99", runs, "p99")], y_logarithmic=True)


def run(machine):
    rate = fire.rate(machine)
    runs = []
    for number in range(machine.runs):
        figures = one_run(machine, rate)
        half = next(level for level in figures["loads"] if level["fraction"] == HALF)
        figures.update(half_p50_ms=half["load_p50_ms"], half_p99_ms=half["load_p99_ms"])
        runs.append(figures)
        progress(f"latency {number + 1}/{machine.runs}: idle p50 {figures['idle_p50_ms']:.2f} p99 "
                 f"{figures['idle_p99_ms']:.2f} ms, bare write p50 {figures['bare_p50_ms']:.2f} p99 "
                 f"{figures['bare_p99_ms']:.2f} ms, half load p50 {figures['half_p50_ms']:.2f} p99 "
                 f"{figures['half_p99_ms']:.2f} ms")
    half_load = f"fire to arrival at half load ({rate * HALF:,.0f}/s)"
    rows = [goal_row("fire to arrival when idle", runs, "idle_p50_ms", "p50"),
            goal_row("fire to arrival when idle", runs, "idle_p99_ms", "p99"),
            told_row(half_load, runs, "half_p50_ms", "p50"), told_row(half_load, runs, "half_p99_ms", "p99")]
    rows[0].note = f"ratio: to what the goal allows; {machine.scale.latency_samples:,} samples a run"
    return Result(rows=rows, runs=runs, plot={"latency-against-load": chart(machine, runs)})
