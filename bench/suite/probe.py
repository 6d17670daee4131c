"""Fire-to-arrival latency: one loop that fires single events over the API and is their receiver.

Time runs from just before the request's bytes leave until the receiver has the callout's bytes
(`perf_counter_ns`), so the durable commit lies inside. At a fixed rate, an event that finds every
connection busy is timed from when it was due: a stalled daemon cannot hide the samples it delays.
"""

import contextlib
import math
import re
import selectors
import time

from suite.connections import Connections
from suite.receivers import Receiver, turn
from suite.wire import post

NUMBER = re.compile(rb'"n": ?(\d+)')
CONNECTIONS = 8  # of the daemon's 16 threads


def percentile(samples, share):
    """Nearest rank: the smallest sample that `share` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Probe:
    """The receiver comes first: its URL goes into the notification before a daemon serves it."""

    def __init__(self, event_type):
        self._event_type = event_type
        self._selector = selectors.SelectSelector()  # epoll rounds a wait up to whole milliseconds
        self.receiver = Receiver(self._selector, self._arrived)
        self._connections, self._started, self._latency = None, {}, {}
        self._number = 0

    @contextlib.contextmanager
    def _measuring(self, path, count):
        self._started, self._latency = {}, {}
        self._connections = Connections(self._selector, path, count, self._answered)
        try:
            yield
        finally:
            self._connections.close()

    def _arrived(self, at, message):
        found = NUMBER.search(message, message.find(b"\r\n\r\n"))
        number = int(found.group(1)) if found else None
        if number in self._started:
            self._latency[number] = (at - self._started.pop(number)) / 1e6

    def _answered(self, answer):
        if not answer.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(f"the event was not taken: {answer[:300]!r}")

    def _fire(self, due=None):
        self._number += 1
        body = b'{"type":"%s","data":{"n":%d,"note":"%s"}}' % (self._event_type.encode(), self._number, b"x" * 350)
        request = post("/v1/events", body)
        self._started[self._number] = due or time.perf_counter_ns()
        self._connections.send(request)

    def _turn_until(self, deadline):
        while (left := deadline - time.perf_counter()) > 0:
            turn(self._selector, left)

    def _settle(self, seconds=30):
        """Until every event has been answered and has arrived."""
        deadline = time.monotonic() + seconds
        while self._started or not self._connections.all_free():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._started)} probes have not arrived within {seconds} s")
            turn(self._selector, 0.05)

    def one_at_a_time(self, path, count, pause=0.003, between=lambda: None):
        """Latencies in ms; `between` runs after each one, the daemon idle for `pause` before and after."""
        with self._measuring(path, 1):
            for _ in range(count):
                self._fire()
                self._settle()
                self._turn_until(time.perf_counter() + pause)
                between()
                self._turn_until(time.perf_counter() + pause)
        return list(self._latency.values())

    def at_rate(self, path, per_second, seconds):
        """Latencies in ms of events fired at a fixed rate, whatever becomes of the ones before."""
        with self._measuring(path, CONNECTIONS):
            started = time.perf_counter_ns()
            for number in range(int(per_second * seconds)):
                due = started + int(number * 1e9 / per_second)
                self._turn_until(due / 1e9)
                waited = not self._connections.has_free()
                while not self._connections.has_free():
                    turn(self._selector, 1)
                self._fire(due if waited else None)
            self._settle()
        return list(self._latency.values())

    def close(self):
        self.receiver.close()
        self._selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
