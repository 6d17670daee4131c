"""Configuration at size: ten thousand notifications and a thousand providers, added over the API.

One kept connection, one request at a time, providers first; each notification has an event pattern of its own and
names one of the providers. At that size a few more of each are added and each is timed. Then the daemon is started
anew on that database: time until it is ready, and resident memory a second later, beside a daemon on an empty one.
"""

import json
import selectors
import statistics
import time

from suite.connections import Connections
from suite.daemon import Daemon, Home
from suite.machine import progress
from suite.parts.cold_start import empty_daemon
from suite.receivers import turn
from suite.table import Result, Row, median_of
from suite.wire import post

NAME = "configuration"
SUBJECT = "many notifications and providers: adding them over the API, one more, start, memory"
FIGURES = ("adding notifications and providers", "one more notification", "one more provider", "start with them",
           "memory with them")
PATIENCE = 300


def provider(machine, number):
    return post("/v1/providers", json.dumps({
        "name": f"p-{number}", "client_id": f"client-{number}", "client_secret": f"secret-{number}",
        "token_endpoint": machine.tokens.url}).encode())


def notification(machine, number):
    return post("/v1/notifications", json.dumps({
        "name": f"n-{number}", "events": [f"type-{number}.*"], "url": f"{machine.nginx_url}{number}",
        "auth": {"kind": "oauth2", "provider": f"p-{number % machine.scale.providers}"}}).encode())


class Adder:
    """Sends one request after another over one connection."""

    def __init__(self, path):
        self._selector = selectors.SelectSelector()
        self._connections = Connections(self._selector, path, 1, self._answered)
        self._deadline = time.monotonic() + PATIENCE

    def _answered(self, answer):
        if not answer.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"not added: {answer[:300]!r}")

    def add(self, requests):
        """How long each took, in ms."""
        took = []
        for request in requests:
            started = time.perf_counter()
            self._connections.send(request)
            while not self._connections.all_free():
                if time.monotonic() > self._deadline:
                    raise TimeoutError(f"{len(took)} of {len(requests)} added, and {PATIENCE} s are over")
                turn(self._selector, 1)
            took.append((time.perf_counter() - started) * 1e3)
        return took

    def close(self):
        self._connections.close()
        self._selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def fill(machine, daemon):
    scale = machine.scale
    providers = [provider(machine, number) for number in range(scale.providers + scale.more_adds)]
    notifications = [notification(machine, number) for number in range(scale.notifications + scale.more_adds)]
    with Adder(daemon.home.socket) as adder:
        of_providers = adder.add(providers[:scale.providers])
        of_notifications = adder.add(notifications[:scale.notifications])
        more_providers = adder.add(providers[scale.providers:])
        more_notifications = adder.add(notifications[scale.notifications:])
    first, last = of_notifications[:scale.more_adds], of_notifications[-scale.more_adds:]
    return {"providers_s": sum(of_providers) / 1e3, "notifications_s": sum(of_notifications) / 1e3,
            "add_s": (sum(of_providers) + sum(of_notifications)) / 1e3,
            "slowest_add_ms": max(of_providers + of_notifications),
            "first_notifications_ms": statistics.median(first), "last_notifications_ms": statistics.median(last),
            "more_notification_ms": statistics.median(more_notifications),
            "more_notification_max_ms": max(more_notifications),
            "more_provider_ms": statistics.median(more_providers), "more_provider_max_ms": max(more_providers)}


def start(machine, home):
    """The daemon on a database that has them."""
    with Daemon(machine, home) as daemon:
        daemon.wait_ready(60)
        figures = {"ready_s": time.perf_counter() - daemon.started_at}
        time.sleep(1)
        figures["rss_mb"] = daemon.resident_mb()
        known = len(daemon.api.call("GET", "/v1/notifications"))
    expected = machine.scale.notifications + machine.scale.more_adds
    if known != expected:
        raise RuntimeError(f"{expected} notifications were added, the daemon shows {known}")
    return figures


def one_run(machine):
    figures = empty_daemon(machine)
    with Home(machine) as home:
        with Daemon(machine, home) as daemon:
            daemon.wait_ready()
            figures.update(fill(machine, daemon))
            figures["rss_after_adding_mb"] = daemon.resident_mb()
            daemon.stop()
        figures.update(start(machine, home))
    figures["above_empty_mb"] = figures["rss_mb"] - figures["empty_rss_mb"]
    return figures


def more_row(runs, kind):
    median = median_of(runs, f"more_{kind}_ms")
    return Row(f"one more {kind}", median, "ms", goal="<= 5 ms", reached=median <= 5,
               note=f"the slowest of {runs[0]['more']}: {median_of(runs, f'more_{kind}_max_ms'):.1f} ms")


def run(machine):
    scale = machine.scale
    runs = []
    for number in range(machine.runs):
        figures = {"more": scale.more_adds, **one_run(machine)}
        runs.append(figures)
        progress(f"configuration {number + 1}/{machine.runs}: added in {figures['add_s']:.1f} s, one more notification "
                 f"{figures['more_notification_ms']:.2f} ms, ready after {figures['ready_s']:.2f} s, "
                 f"{figures['rss_mb']:.0f} MB")
    added, ready, memory = (median_of(runs, key) for key in ("add_s", "ready_s", "above_empty_mb"))
    return Result(runs=runs, rows=[
        Row(f"adding {scale.notifications:,} notifications, {scale.providers:,} providers", added, "s", goal="<= 60 s",
            reached=added <= 60, note=f"a notification took {median_of(runs, 'first_notifications_ms'):.2f} ms at "
            f"first, {median_of(runs, 'last_notifications_ms'):.2f} ms in the end"),
        more_row(runs, "notification"), more_row(runs, "provider"),
        Row("start with them, until ready", ready, "s", median_of(runs, "empty_ready_s"), "empty one ready",
            goal="<= 1 s", reached=ready <= 1),
        Row("memory with them above an empty daemon", memory, "MB", median_of(runs, "empty_rss_mb"), "empty one",
            goal="<= 120 MB", reached=memory <= 120, note=f"resident: {median_of(runs, 'rss_mb'):.0f} MB; "
            f"{median_of(runs, 'rss_after_adding_mb'):.0f} MB in the daemon they were added to")])
