"""Fan-out: one event to a thousand notifications.

The payload is to be stored once: the database's growth by one event with a large payload, in payloads. And the rate:
the same number of callouts to the same nginx, from few events with many notifications (one in flight each) against
single events with one notification, both drained as in part drain, pair by pair.
"""

from suite.daemon import PROVIDER, Daemon, Home, drain
from suite.machine import progress
from suite.table import Result, Row, median_of
from suite.templates import queued

NAME = "fan-out"
SUBJECT = "one event to many notifications: payload stored once, rate"
FIGURES = ("size of one event with many notifications", "fan-out rate")


def prepare(machine):
    """A database with all the notifications, added over the API."""
    home = Home(machine)
    home.add_provider()
    with Daemon(machine, home) as daemon:
        daemon.wait_ready()
        for number in range(machine.scale.fan_out):
            daemon.api.call("POST", "/v1/notifications", {
                "name": f"fan-{number:04d}", "events": ["fan.*"], "url": machine.nginx_url, "max_in_flight": 1,
                "auth": {"kind": "oauth2", "provider": PROVIDER}})
        daemon.stop()
    return home


def stored_payloads(machine, template):
    """Growth of the database by one event, divided by the size of its payload."""
    payload = {"note": "x" * machine.scale.big_payload}
    with template.copy() as home:
        before = home.size()
        home.import_events("fan", 1, payload)
        return {"growth_bytes": home.size() - before, "payload_bytes": machine.scale.big_payload}


def run(machine):
    fan_out = machine.scale.fan_out
    events = max(1, machine.scale.events // fan_out)
    progress(f"adding {fan_out:,} notifications")
    runs = []
    with prepare(machine) as empty:
        stored = stored_payloads(machine, empty)
        with empty.copy() as template:
            template.import_events("fan", events)
            for number in range(machine.runs):
                with queued(machine).copy() as home:
                    single = drain(machine, home, machine.scale.events)["callouts_per_s"]
                with template.copy() as home:
                    fanned = drain(machine, home, events * fan_out)
                runs.append({"single_per_s": single, **fanned, "ratio": fanned["callouts_per_s"] / single, **stored})
                progress(f"fan-out {number + 1}/{machine.runs}: {fanned['callouts_per_s']:,.0f} callouts/s, single "
                         f"events {single:,.0f}/s, ratio {runs[-1]['ratio']:.3f}")
    ratio, growth = median_of(runs, "ratio"), stored["growth_bytes"] / stored["payload_bytes"]
    return Result(runs=runs, rows=[
        Row(f"growth by 1 event of {machine.scale.big_payload:,} bytes, {fan_out:,} notifications",
            stored["growth_bytes"] / 1e6, "MB", stored["payload_bytes"] / 1e6, "payload", ratio=growth,
            goal="< 10 x payload", reached=growth < 10, note="a callout's own row is in the growth; a copy each would "
            f"be {stored['payload_bytes'] * fan_out / 1e6:,.0f} MB"),
        Row(f"{events:,} events to {fan_out:,} notifications each", median_of(runs, "callouts_per_s"), "/s",
            median_of(runs, "single_per_s"), "single events", ratio=ratio, goal=">= 0.8 x single",
            reached=ratio >= 0.8)])
