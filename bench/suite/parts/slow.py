"""Slow receivers: memory with thousands of callouts in flight, and what they cost another receiver.

A receiver in its own process holds every answer. The daemon (--max-in-flight of the top level) is fired
on until that many callouts lie at the receiver; resident memory (VmRSS) is read at each level. At the top, events
go to another receiver at a fixed rate and are timed; then the answers are let go (none was held for less than
the hold time), and the same is timed again without them. While they are held the slow ones cost
memory and a place in every structure, but no traffic: their arrival and their answers lie outside the timed window.
"""

import time

from suite.daemon import Daemon, Home, event_line
from suite.machine import progress
from suite.plot import Chart, Series
from suite.probe import Probe, percentile
from suite.processes import Helper
from suite.table import Result, Row, median_of

NAME = "slow"
SUBJECT = "memory with slow callouts in flight, and latency of a fast receiver beside them"
FIGURES = ("memory with slow callouts in flight", "p99 of a fast receiver beside slow ones")
BATCH = 100
SPARE_DESCRIPTORS = 2_000


def fire_until_held(daemon, receiver, already, level, seconds=90):
    for start in range(already, level, BATCH):
        daemon.api.fire(event_line("slow.fired") * min(BATCH, level - start))
    deadline = time.monotonic() + seconds
    while (state := receiver.ask("count"))["held"] < level:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {state['held']} of {level} callouts are in flight after {seconds} s: {state}")
        time.sleep(0.02)


def climb(machine, daemon, receiver):
    """Memory above idle at each level; the last level stays in flight."""
    idle = daemon.resident_mb()
    levels, already = [], 0
    for level in machine.scale.slow_levels:
        fire_until_held(daemon, receiver, already, level)
        time.sleep(0.1)
        levels.append({"in_flight": level, "above_idle_mb": daemon.resident_mb() - idle})
        already = level
    return {"idle_rss_mb": idle, "levels": levels, "top_mb": levels[-1]["above_idle_mb"]}


def fast_latency(machine, home, probe, name):
    scale = machine.scale
    samples = probe.at_rate(home.socket, scale.fast_rate, scale.fast_seconds)
    return {f"{name}_p50_ms": percentile(samples, 0.5), f"{name}_p99_ms": percentile(samples, 0.99),
            f"{name}_max_ms": max(samples)}


def one_run(machine):
    top = machine.scale.slow_levels[-1]
    with Helper(machine.processes, "receivers", refuse_first_token=False) as receiver, \
            Probe("probe.fired") as probe, Home(machine) as home:
        home.add_provider()
        home.add_notification("slow", f"http://127.0.0.1:{receiver.hear()['port']}/", top, "--timeout", "180s")
        home.add_notification("probe", probe.receiver.url)
        with Daemon(machine, home) as daemon:
            daemon.wait_ready().obtain_token()
            time.sleep(0.5)
            figures = climb(machine, daemon, receiver)
            reached_at = time.monotonic()
            figures.update(fast_latency(machine, home, probe, "beside"))
            time.sleep(max(0.0, reached_at + machine.scale.hold_seconds - time.monotonic()))
            receiver.ask("release")
            daemon.wait_delivered("slow", top, pause=0.05)
            time.sleep(0.5)
            figures.update(fast_latency(machine, home, probe, "alone"))
    figures["ratio"] = figures["beside_p99_ms"] / figures["alone_p99_ms"]
    return figures


def chart(machine, runs):
    points = []
    for place, level in enumerate(machine.scale.slow_levels):
        values = sorted(run["levels"][place]["above_idle_mb"] for run in runs)
        points.append((level, values[len(values) // 2], values[0], values[-1]))
    return Chart("Memory against callouts in flight",
                 f"resident memory of the daemon above idle, receiver holds every answer; median and range of "
                 f"{machine.runs} runs", "callouts in flight", "resident memory above idle, MB",
                 [Series("measured", [(0, 0, 0, 0), *points])], limit=(120, "goal: 120 MB at 10,000"))


def run(machine):
    top, rate = machine.scale.slow_levels[-1], machine.scale.fast_rate
    if machine.descriptors < top + SPARE_DESCRIPTORS:
        raise RuntimeError(f"the machine allows {machine.descriptors} open files, {top + SPARE_DESCRIPTORS} are "
                           "needed: raise `ulimit -n`")
    runs = []
    for number in range(machine.runs):
        figures = one_run(machine)
        runs.append(figures)
        progress(f"slow {number + 1}/{machine.runs}: {figures['top_mb']:.1f} MB above idle with {top:,} in flight; "
                 f"fast receiver p99 {figures['beside_p99_ms']:.2f} ms beside them, "
                 f"{figures['alone_p99_ms']:.2f} ms alone")
    memory, ratio = median_of(runs, "top_mb"), median_of(runs, "ratio")
    return Result(runs=runs, plot={"memory-against-in-flight": chart(machine, runs)}, rows=[
        Row(f"memory above idle, {top:,} slow callouts in flight", memory, "MB", median_of(runs, "idle_rss_mb"),
            "idle", goal="<= 120 MB", reached=memory <= 120),
        Row(f"p99 of another receiver at {rate:,}/s beside them", median_of(runs, "beside_p99_ms"), "ms",
            median_of(runs, "alone_p99_ms"), "without them", ratio=ratio, goal="<= 2 x without", reached=ratio <= 2)])
