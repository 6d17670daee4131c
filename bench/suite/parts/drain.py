"""Drain: queued events leave for nginx, durable, with an OAuth 2.0 bearer token and a 512-byte body.

N events wait in the database (imported without a daemon). `herald serve --drain` is timed from its
start to its end, with its CPU (user and system, all threads) from the kernel. Before each run wrk posts
the same request to the same nginx for some seconds; the ratio is taken pair by pair.
"""

from suite.daemon import drain
from suite.machine import progress
from suite.table import Result, Row, median_of
from suite.templates import queued

NAME = "drain"
SUBJECT = "drain of queued events to nginx, durable, OAuth 2.0, 512-byte body; CPU a callout"
FIGURES = ("drain of queued events", "CPU a delivered callout")


def run(machine):
    template = queued(machine)
    count = machine.scale.events
    runs = []
    for number in range(machine.runs):
        pair = machine.wrk()
        with template.copy() as home:
            pair.update(drain(machine, home, count))
        pair["ratio"] = pair["callouts_per_s"] / pair["wrk_per_s"]
        runs.append(pair)
        progress(f"drain {number + 1}/{machine.runs}: {pair['callouts_per_s']:,.0f} callouts/s, wrk "
                 f"{pair['wrk_per_s']:,.0f}/s, ratio {pair['ratio']:.3f}, "
                 f"{pair['cpu_us_per_callout']:.1f} us a callout")
    ratio, cpu = median_of(runs, "ratio"), median_of(runs, "cpu_us_per_callout")
    return Result(runs=runs, rows=[
        Row(f"drain of {count:,} queued events", median_of(runs, "callouts_per_s"), "/s", median_of(runs, "wrk_per_s"),
            "wrk", ratio=ratio, goal=">= 0.35 x wrk", reached=ratio >= 0.35),
        Row("CPU a delivered callout, whole daemon", cpu, "us", median_of(runs, "wrk_cpu_us"), "wrk, a request",
            goal="<= 36 us", reached=cpu <= 36),
        Row("memory of the drain at its peak", median_of(runs, "peak_rss_mb"), "MB"),
    ])
