"""Kept connections: a thousand clients that keep their connection to the API, beside events at a fixed rate.

Single events are fired at that rate and each is timed until its 202: over four connections, over the same
four while a thousand more are idle (each has had an answer), and over a thousand in turn, each of which is idle
between two of its events. Threads and resident memory of the daemon are read at the end of the first two.
"""

from suite.acks import Acknowledgements, kept_connections
from suite.daemon import Daemon, Home
from suite.machine import progress
from suite.probe import percentile
from suite.table import Result, Row, median_of

NAME = "kept"
SUBJECT = "202s beside many kept connections; threads, memory"
FIGURES = ("p99 of a 202 beside kept connections",)
FEW = 4
SPARE_DESCRIPTORS = 500
EVENT = "kept.fired"


def summary(name, samples):
    return {f"{name}_p50_ms": percentile(samples, 0.5), f"{name}_p99_ms": percentile(samples, 0.99),
            f"{name}_max_ms": max(samples)}


def one_run(machine):
    scale = machine.scale
    with Home(machine) as home:
        home.add_provider()
        home.add_notification("kept", machine.nginx_url)
        with Daemon(machine, home) as daemon:
            daemon.wait_ready().obtain_token()
            with Acknowledgements(home.socket, EVENT, FEW) as few:
                few.warm_up()
                figures = summary("few", few.at_rate(scale.ack_rate, scale.ack_seconds))
                figures.update(few_threads=daemon.threads(), few_rss_mb=daemon.resident_mb())
                with kept_connections(home.socket, scale.kept) as closed:
                    figures.update(summary("beside", few.at_rate(scale.ack_rate, scale.ack_seconds)))
                    figures.update(beside_threads=daemon.threads(), beside_rss_mb=daemon.resident_mb(),
                                   closed=closed())
            with Acknowledgements(home.socket, EVENT, scale.kept, in_turn=True) as many:
                figures.update(summary("in_turn", many.at_rate(scale.ack_rate, scale.ack_seconds)))
                figures["closed"] += many.reopened
    for name in ("beside", "in_turn"):
        figures[f"{name}_ratio"] = figures[f"{name}_p99_ms"] / figures["few_p99_ms"]
    return figures


def p99_row(figure, runs, name):
    ratio = median_of(runs, f"{name}_ratio")
    return Row(figure, median_of(runs, f"{name}_p99_ms"), "ms", median_of(runs, "few_p99_ms"), f"{FEW} connections",
               ratio=ratio, goal="<= 2 x reference", reached=ratio <= 2)


def run(machine):
    kept, rate = machine.scale.kept, machine.scale.ack_rate
    if machine.descriptors < 2 * kept + SPARE_DESCRIPTORS:
        raise RuntimeError(f"the machine allows {machine.descriptors} open files, {2 * kept + SPARE_DESCRIPTORS} are "
                           "needed: raise `ulimit -n`")
    runs = []
    for number in range(machine.runs):
        figures = one_run(machine)
        runs.append(figures)
        progress(f"kept {number + 1}/{machine.runs}: p99 of a 202 {figures['few_p99_ms']:.2f} ms with {FEW} "
                 f"connections, {figures['beside_p99_ms']:.2f} ms beside {kept:,} kept, "
                 f"{figures['in_turn_p99_ms']:.2f} ms over {kept:,} in turn")
    rows = [p99_row(f"p99 of a 202 at {rate}/s beside {kept:,} kept connections", runs, "beside"),
            p99_row(f"p99 of a 202 at {rate}/s over {kept:,} kept ones in turn", runs, "in_turn"),
            Row(f"threads with {kept:,} kept connections", median_of(runs, "beside_threads"), "",
                median_of(runs, "few_threads"), "without them"),
            Row(f"memory with {kept:,} kept connections", median_of(runs, "beside_rss_mb"), "MB",
                median_of(runs, "few_rss_mb"), "without them")]
    closed = max(run["closed"] for run in runs)
    if closed:
        rows[0].note = f"the daemon closed up to {closed:,} of the kept connections in a run"
    return Result(runs=runs, rows=rows)
