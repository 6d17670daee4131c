"""Single events fired over the API at a fixed rate, each timed until its 202: the durable commit lies inside.

An event that finds every connection busy is timed from when it was due (see probe.py). Where a part does not say
otherwise there are enough connections that the daemon, not this client, decides how many events one commit takes.
"""

import contextlib
import select
import selectors
import time

from suite.connections import Connections
from suite.daemon import event_line
from suite.receivers import turn
from suite.wire import post

PATIENCE = 60
WARM_UP = 100


class PromptSelector(selectors.EpollSelector):
    """Epoll, for thousands of sockets; its waits are rounded up to whole milliseconds, those of select are not."""

    def select(self, timeout=None):
        select.select([self.fileno()], [], [], timeout)
        return super().select(0)


class Acknowledgements:
    """`connections` to the daemon, the last used one first; `in_turn`: one after another."""

    def __init__(self, path, event_type, connections=64, in_turn=False):
        self._request = post("/v1/events", event_line(event_type).rstrip())
        self._selector = PromptSelector()
        self._connections = Connections(self._selector, path, connections, None, in_turn)
        self._samples = []

    def warm_up(self):
        self.at_rate(WARM_UP, 1)

    def at_rate(self, per_second, seconds):
        """How long each 202 took, in ms."""
        self._samples = []
        count = max(1, int(per_second * seconds))
        started = time.perf_counter()
        for number in range(count):
            due = started + number / per_second
            while (left := due - time.perf_counter()) > 0:
                turn(self._selector, left)
            waited = not self._connections.has_free()
            self._turn_until(self._connections.has_free)
            self._fire(due if waited else time.perf_counter())
        self._turn_until(self._connections.all_free)
        return self._samples

    def _turn_until(self, reached):
        deadline = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no 202 within {PATIENCE} s, {len(self._samples)} before")
            turn(self._selector, 0.5)

    def _fire(self, started):
        def answered(answer):
            if not answer.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(f"the event was not taken: {answer[:300]!r}")
            self._samples.append((time.perf_counter() - started) * 1e3)
        self._connections.send(self._request, answered)

    @property
    def reopened(self):
        return self._connections.reopened

    def close(self):
        self._connections.close()
        self._selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def kept_connections(path, count):
    """Idle ones: each has had one answer. Tells, when asked, how many of them the daemon has closed since."""
    answers = []
    with selectors.EpollSelector() as selector:
        connections = Connections(selector, path, count, answers.append)
        try:
            for _ in range(count):
                connections.send(b"GET /livez HTTP/1.1\r\nHost: herald\r\n\r\n")
            deadline = time.monotonic() + PATIENCE
            while not connections.all_free():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{len(answers)} of {count} connections had an answer within {PATIENCE} s")
                turn(selector, 0.5)

            def closed():
                before = connections.reopened
                turn(selector, 0)
                return connections.reopened - before
            yield closed
        finally:
            connections.close()
