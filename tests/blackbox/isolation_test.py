"""One receiver that never answers holds up nobody, and costs what its lane may have in flight (R-13, in small)."""

import os
import socket
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

HOLE_EVENTS = 2000
HEALTHY = 9
HEALTHY_EVENTS = 100
IN_FLIGHT = 32


class Isolation(HeraldTest):
    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        # Never accepted: the kernel shakes hands, and nobody ever reads.
        self.hole = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.addCleanup(self.hole.close)
        self.herald.start()

    def process(self):
        """(threads, open descriptors) of the daemon."""
        directory = f"/proc/{self.herald.daemon.pid}"
        with open(f"{directory}/status", encoding="utf-8") as status:
            threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
        return threads, len(os.listdir(f"{directory}/fd"))

    def fire(self, event_type, count):
        lines = "".join('{"type":"%s","data":{"n":%d}}\n' % (event_type, number) for number in range(count))
        status, counts = self.herald.api("POST", "/v1/events", lines, content_type="application/x-ndjson")
        self.assertEqual((status, counts["accepted"]), (202, count), counts)

    def lanes(self):
        return {lane["name"]: lane for lane in self.herald.api("GET", "/v1/stats")[1]["notifications"]}

    def test_a_black_hole_holds_up_nobody(self):
        port = self.hole.getsockname()[1]
        self.add_notification(f"http://127.0.0.1:{port}/", "hole", "--max-in-flight", str(IN_FLIGHT), "--timeout", "5m",
                              event="hole.*")
        for number in range(HEALTHY):
            self.add_notification(self.receiver.url(f"/ok/{number}"), f"healthy-{number}", "--max-in-flight",
                                  str(IN_FLIGHT), event="healthy.*")
        threads, descriptors = self.process()
        self.fire("hole.event", HOLE_EVENTS)
        eventually(lambda: self.lanes()["hole"]["in_flight"] >= IN_FLIGHT, "the black hole's lane is full")
        self.fire("healthy.event", HEALTHY_EVENTS)
        healthy = [f"healthy-{number}" for number in range(HEALTHY)]
        eventually(lambda: all(self.lanes()[name]["delivered"] == HEALTHY_EVENTS for name in healthy),
                   "all of the healthy ones are delivered")
        self.assertEqual(self.receiver.summary()["requests"], HEALTHY * HEALTHY_EVENTS, "each exactly once")
        hole = self.lanes()["hole"]
        self.assertEqual((hole["delivered"], hole["dead"]), (0, 0), hole)
        self.assertEqual(hole["pending"] + hole["claimed"] + hole["in_flight"], HOLE_EVENTS, hole)
        threads_now, descriptors_now = self.process()
        self.assertLessEqual(threads_now, threads + 8, "a few of the API's, and none for a connection")
        self.assertLessEqual(descriptors_now, descriptors + (1 + HEALTHY) * IN_FLIGHT + 4)


if __name__ == "__main__":
    unittest.main()
