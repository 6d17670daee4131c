"""The load generator, a process of its own: prebuilt batches of NDJSON on a few connections.

One thread, raw sockets, one request under way on each connection (keep-alive, no pipelining). The
bytes of the request are built once; an answer costs one search for the number accepted.
`python3 -m suite.load '{"socket":…, "type":…, "batch":100, "connections":4}'` is told `go` with the number
of batches and, for a paced load, batches a second; it says when it started and ended and its own CPU.
"""

import json
import selectors
import sys
import time

from suite.connections import Connections
from suite.daemon import event_line
from suite.processes import say
from suite.receivers import turn
from suite.wire import post


class Load:
    def __init__(self, path, event_type, batch, connections):
        self._request = post("/v1/events", event_line(event_type) * batch, "application/x-ndjson")
        self._batch, self._done = batch, 0
        self._selector = selectors.EpollSelector()
        self._connections = Connections(self._selector, path, connections, self._answered)

    def run(self, batches, per_second=None):
        """Sends all batches: as fast as answers come, or as near to the pace as answers allow."""
        sent = self._done = 0
        started, cpu = time.perf_counter(), time.process_time()
        while self._done < batches:
            now = time.perf_counter()
            due = batches if per_second is None else min(batches, 1 + int((now - started) * per_second))
            while sent < due and self._connections.has_free():
                self._connections.send(self._request)
                sent += 1
            wait = None
            if per_second is not None and self._connections.has_free() and sent < batches:
                wait = max(0.0, started + sent / per_second - time.perf_counter())
            turn(self._selector, wait)
        return {"started": started, "ended": time.perf_counter(), "accepted": self._done * self._batch,
                "cpu_s": time.process_time() - cpu, "reopened": self._connections.reopened}

    def _answered(self, answer):
        if not answer.startswith(b"HTTP/1.1 202") or b'"accepted":%d,' % self._batch not in answer:
            raise RuntimeError(f"a batch was not taken: {answer[:300]!r}")
        self._done += 1


def main():
    settings = json.loads(sys.argv[1])
    load = Load(settings["socket"], settings["type"], settings["batch"], settings["connections"])
    say(ready=True)
    order = json.loads(sys.stdin.readline())
    say(**load.run(order["batches"], order.get("per_second")))
    sys.stdin.read()  # until the suite has read the answer and ends us


if __name__ == "__main__":
    main()
