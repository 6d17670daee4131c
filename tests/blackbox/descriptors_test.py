"""With 64 file descriptors and more callouts than that: they wait for one, and nobody else notices (R-27)."""

import contextlib
import os
import socket
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

LIMIT = 64
CALLOUTS = 150


class FewDescriptors(HeraldTest):
    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        # A worker for each of many cores would take them all.
        self.herald.start("--workers", "2", prefix=("sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh"))

    def counts(self):
        return self.herald.api("GET", "/v1/stats")[1]["callouts"]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.herald.daemon.pid}/fd"))

    def fire(self, event_type, count):
        """A connection for each event, as commands do: the API must have a descriptor for it."""
        ids = []
        for _ in range(count):
            status, fired = self.herald.api("POST", "/v1/events", {"type": event_type, "data": {}})
            self.assertEqual(status, 202, fired)
            ids += [callout["id"] for callout in fired["callouts"]]
        return ids

    def test_callouts_wait_for_one_and_the_api_has_its_own(self):
        self.add_notification(self.receiver.url("/hold"), "held", "--max-in-flight", "200", "--retry", "none",
                              event="held.*")
        callouts = self.fire("held.event", CALLOUTS)
        self.receiver.wait(10, "/hold")
        eventually(lambda: sum(self.counts()[state] for state in ("claimed", "in_flight")) == CALLOUTS,
                   "all of them are under way or wait")
        self.assertLess(self.receiver.wait(0, "/hold"), LIMIT, "there were more callouts than descriptors")
        self.assertLess(self.descriptors(), LIMIT)
        self.assertEqual(self.herald.must("notification", "show", "held")["enabled"], True)
        self.receiver.release()
        eventually(lambda: self.counts()["delivered"] == CALLOUTS, "everything is delivered in the end")
        for callout in callouts:
            attempts = self.herald.api("GET", f"/v1/callouts/{callout}")[1]["attempts"]
            self.assertEqual([attempt["outcome"] for attempt in attempts], ["delivered"], "no attempt was spent")
        self.assertEqual(len(self.receiver.log("/hold")), CALLOUTS, "each exactly once")

    def test_idle_connections_to_one_receiver_leave_room_for_the_next(self):
        receivers = [self.receiver, self.part(Receiver), self.part(Receiver)]
        for number, receiver in enumerate(receivers):
            self.add_notification(receiver.url("/slow?ms=20"), f"n{number}", "--retry", "none", event="many.*")
        self.fire("many.event", CALLOUTS)
        eventually(lambda: self.counts()["delivered"] == len(receivers) * CALLOUTS, "everything is delivered")
        self.assertLess(self.descriptors(), LIMIT)

    def test_a_flood_of_api_connections_passes(self):
        """Some are turned away while it lasts; the daemon and its deliveries are well afterwards (E-104)."""
        self.add_notification(self.receiver.url("/ok"), "n", "--retry", "none", event="after.*")
        flood = [socket.socket(socket.AF_UNIX) for _ in range(2 * LIMIT)]
        for connection in flood:
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                connection.connect(self.herald.socket_path)
        eventually(lambda: self.descriptors() > LIMIT // 2, "the flood has arrived")
        for connection in flood:
            connection.close()
        self.herald.wait_until_ready()
        callout = self.fire("after.flood", 1)[0]
        self.callout_in_state(callout, "delivered")


if __name__ == "__main__":
    unittest.main()
