"""Callers of lists, a process of its own: each walks through the pages of its list, again and again.

One thread, one keep-alive connection for each list, one request under way on each.
`python3 -m suite.listing '{"socket":…, "lists":["/v1/callouts?limit=1000", …]}'` starts at once, says so when each
list has had its first answer, and is told `stop`.
"""

import json
import os
import re
import selectors
import sys
import time

from suite.connections import Connections
from suite.processes import say
from suite.receivers import turn

CURSOR = re.compile(rb'"next_cursor": ?"([^"]+)"')


class Walk:
    """One caller; `took` are the times of its pages in ms."""

    def __init__(self, selector, path, target):
        self._target = target
        self._connections = Connections(selector, path, 1, self._answered)
        self._sent_at, self.took = 0.0, []
        self._ask("")

    def _ask(self, cursor):
        more = f"&cursor={cursor}" if cursor else ""
        self._sent_at = time.perf_counter()
        self._connections.send(f"GET {self._target}{more} HTTP/1.1\r\nHost: herald\r\n\r\n".encode())

    def _answered(self, answer):
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{self._target} was answered {answer[:300]!r}")
        self.took.append((time.perf_counter() - self._sent_at) * 1e3)
        cursor = CURSOR.search(answer)
        self._ask(cursor.group(1).decode() if cursor else "")

    def slowest(self):
        """The page under way included."""
        return max([*self.took, (time.perf_counter() - self._sent_at) * 1e3])


def main():
    settings = json.loads(sys.argv[1])
    selector = selectors.EpollSelector()
    told = []
    os.set_blocking(0, False)
    selector.register(0, selectors.EVENT_READ, lambda _: told.append(os.read(0, 65_536)))
    walks = [Walk(selector, settings["socket"], target) for target in settings["lists"]]
    while not all(walk.took for walk in walks):
        turn(selector, None)
    say(ready=True)
    started = time.perf_counter()
    for walk in walks:
        walk.took.clear()
    while not told:
        turn(selector, None)
    slowest = {target: walk.slowest() for target, walk in zip(settings["lists"], walks)}
    say(pages=sum(len(walk.took) for walk in walks), seconds=time.perf_counter() - started,
        slowest_ms=max(slowest.values()), slowest=slowest)


if __name__ == "__main__":
    main()
