"""Drain over HTTPS: as part drain, TLS 1.3 to the same nginx, beside wrk over HTTPS.

nginx ends a connection after a few hundred requests, for Herald and for wrk, so that connections are made again
within each run; its log tells how many there were, that each spoke TLS 1.3, and which resumed a session.
"""

from suite.daemon import Home, drain
from suite.machine import progress
from suite.table import Result, Row, median_of

NAME = "https"
SUBJECT = "drain over HTTPS, TLS 1.3: keep-alive, sessions resumed"
FIGURES = ("drain over HTTPS",)


def prepare(machine):
    home = Home(machine)
    home.add_provider()
    home.add_notification("https", machine.nginx.https_url)
    home.import_events("https", machine.scale.events)
    return home


def one_run(machine, template):
    machine.nginx.take_handshakes()
    figures = machine.wrk(machine.nginx.https_url)
    figures.update({f"wrk_{name}": value for name, value in machine.nginx.take_handshakes().items()})
    with template.copy() as home:
        figures.update(drain(machine, home, machine.scale.events))
    figures.update(machine.nginx.take_handshakes())
    figures["ratio"] = figures["callouts_per_s"] / figures["wrk_per_s"]
    return figures


def run(machine):
    count = machine.scale.events
    runs = []
    with prepare(machine) as template:
        for number in range(machine.runs):
            figures = one_run(machine, template)
            runs.append(figures)
            progress(f"https {number + 1}/{machine.runs}: {figures['callouts_per_s']:,.0f} callouts/s, wrk "
                     f"{figures['wrk_per_s']:,.0f}/s, ratio {figures['ratio']:.3f}, {figures['resumed']} of "
                     f"{figures['handshakes']} handshakes resumed")
    return Result(runs=runs, rows=[
        Row(f"drain of {count:,} queued events over HTTPS", median_of(runs, "callouts_per_s"), "/s",
            median_of(runs, "wrk_per_s"), "wrk over HTTPS", ratio=median_of(runs, "ratio"),
            note=f"a connection ends after {machine.scale.https_requests} requests"),
        Row("CPU a callout over HTTPS, whole daemon", median_of(runs, "cpu_us_per_callout"), "us",
            median_of(runs, "wrk_cpu_us"), "wrk, a request"),
        Row("TLS handshakes of the drain that resumed a session", median_of(runs, "resumed"), "",
            median_of(runs, "handshakes"), "all handshakes", note=f"of wrk: {median_of(runs, 'wrk_resumed'):,.0f} of "
            f"{median_of(runs, 'wrk_handshakes'):,.0f}; those before the first answer have nothing to resume"),
    ])
