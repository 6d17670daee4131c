"""SIGTERM under load, ten times: intake ends, what is in flight ends, nothing is sent twice or lost (R-16).

daemon_test.py stops daemons that nobody fires at; here events come in until the very end.
"""

import http.client
import json
import os
import threading
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

STOPS = 10
LOADERS = 3


class Loader(threading.Thread):
    """Fires events with keys; one whose answer never came is fired again with the same key at the next daemon."""

    def __init__(self, herald, name):
        super().__init__(name=name, daemon=True)
        self.herald = herald
        self.over = threading.Event()
        self.runs = threading.Event()
        self.callouts = {}
        self.refusals = []
        self.number = 0

    def run(self):
        while not self.over.is_set():
            self.runs.wait()
            if self.number not in self.callouts and not self.fire():
                self.runs.clear()  # this daemon takes no more
            else:
                self.number += 1

    def fire(self):
        key = f"{self.name}-{self.number}"
        connection = self.herald.connection()
        try:
            status, fired = connection.call("POST", "/v1/events", {"type": "load.event", "data": {}},
                                            headers={"Idempotency-Key": key})
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            self.refusals.append(type(error).__name__)
            return False
        finally:
            connection.close()
        if status != 202:
            self.refusals.append(status)
            return False
        self.callouts[self.number] = fired["callouts"][0]["id"]
        return True


class StopUnderLoad(HeraldTest):
    def test_ten_stops_send_nothing_twice_and_leave_a_clean_file(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/slow?ms=20"), "n", "--max-in-flight", "16", event="load.*")
        loaders = [Loader(self.herald, f"loader{number}") for number in range(LOADERS)]
        for loader in loaders:
            loader.start()
        fired = 0
        for _ in range(STOPS):
            self.herald.start()
            for loader in loaders:
                loader.runs.set()
            wanted = fired + 40
            eventually(lambda: sum(len(loader.callouts) for loader in loaders) >= wanted, "there is load")
            self.assertEqual(self.herald.stop(), 0, self.herald.log_tail())
            eventually(lambda: not any(loader.runs.is_set() for loader in loaders), "intake is refused to everybody")
            fired = sum(len(loader.callouts) for loader in loaders)
            wal = f"{self.herald.database}-wal"
            self.assertTrue(not os.path.exists(wal) or os.path.getsize(wal) == 0, "the journal is empty")
        for loader in loaders:
            loader.over.set()
        self.herald.start()
        for loader in loaders:
            loader.runs.set()
            loader.join(60)
        callouts = [callout for loader in loaders for callout in loader.callouts.values()]
        eventually(lambda: self.herald.api("GET", "/v1/stats")[1]["callouts"]["delivered"] >= len(callouts),
                   "everything is delivered")
        seen = [dict(request["headers"])["webhook-id"] for request in receiver.log("/slow")]
        self.assertEqual(len(seen), len(set(seen)), "a callout was sent twice")
        self.assertEqual(set(callouts) - set(seen), set(), "acknowledged and lost")
        self.assertEqual({self.herald.api("GET", f"/v1/callouts/{callout}")[1]["attempts"][0]["outcome"]
                          for callout in callouts}, {"delivered"})
        refusals = [refusal for loader in loaders for refusal in loader.refusals]
        self.assertGreaterEqual(len(refusals), STOPS * LOADERS)
        self.assertEqual({refusal for refusal in refusals if isinstance(refusal, int)} - {503}, set(), refusals)


if __name__ == "__main__":
    unittest.main()
