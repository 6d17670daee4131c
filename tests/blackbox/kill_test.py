"""SIGKILL at random points under load: nothing acknowledged is lost (R-01, R-09, R-22).

The receivers' log is the oracle, not Herald's own history. Replay with HERALD_TEST_SEED.
"""

import collections
import http.client
import json
import os
import random
import shutil
import sqlite3
import threading
import time
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

KILLS = int(os.environ.get("HERALD_TEST_KILLS", "50"))
RECEIVERS = {"fast": "/ok/fast", "slow": "/slow/lane?ms=20", "flaky": "/flaky/lane?p=30"}
HISTORY_SAMPLE = 1500


class Loader(threading.Thread):
    """Fires events with keys for as long as it is told to; a key is sent again until it is acknowledged."""

    def __init__(self, herald, name, stopping):
        super().__init__(name=name, daemon=True)
        self.herald = herald
        self.stopping = stopping
        self.acknowledged = {}
        self.errors = []
        self.resent = 0

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            self.fire(f"{self.name}-{number}")
            self.stopping.wait(0.002)
        self.drop_connection()

    def fire(self, key):
        """One event; the connection may die at any byte. Gives up only when the test is over and hopeless."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            connection = self.connection()
            try:
                status, fired = connection.call("POST", "/v1/events", {"type": "load.event", "data": {"key": key}},
                                                headers={"Idempotency-Key": key})
                if status == 202:
                    self.acknowledged[key] = fired
                    return
                if status not in (503, 507):
                    self.errors.append((key, status, fired))
                    return
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self.resent += 1
            self.drop_connection()
            time.sleep(0.005)
        self.errors.append((key, "never acknowledged", None))

    def connection(self):
        if getattr(self, "open", None) is None:
            self.open = self.herald.connection()
        return self.open

    def drop_connection(self):
        if getattr(self, "open", None) is not None:
            self.open.close()
        self.open = None


class KillTest(HeraldTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("HERALD_TEST_SEED", random.SystemRandom().randrange(2**32)))
        print(f"seed {self.seed}: replay with HERALD_TEST_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.receiver = self.part(Receiver)
        for name, path in RECEIVERS.items():
            self.add_notification(self.receiver.url(path), name, "--retry", "schedule=" + ",".join(["1s"] * 40),
                                  event="load.*")
        self.kills = 0
        self.checked = 0

    def test_nothing_acknowledged_is_lost(self):
        stopping = threading.Event()
        loaders = [Loader(self.herald, f"loader{number}", stopping) for number in range(2)]
        self.herald.start()
        for loader in loaders:
            loader.start()
        for number in range(KILLS):
            self.kill_once(number)
        stopping.set()
        for loader in loaders:
            loader.join(90)
        self.drain()
        self.check(loaders)
        self.assertEqual(self.herald.stop(), 0)
        self.check_integrity()

    def kill_once(self, number):
        """Exponential gaps; every tenth time the kill hits a daemon that has hardly started."""
        gap = self.random.expovariate(1 / (0.02 if number % 10 == 9 else 0.12))
        threading.Event().wait(min(gap, 1.0))
        self.herald.kill9()
        self.kills += 1
        self.check_integrity()
        self.herald.daemon = self.herald.spawn_daemon()
        if number % 10 != 8:
            self.herald.wait_until_ready()

    def check_integrity(self):
        """On a copy: opening the file itself would recover the journal in Herald's place."""
        copy = self.herald.directory / "copy"
        copy.mkdir()
        for suffix in ("", "-wal"):
            if os.path.exists(f"{self.herald.database}{suffix}"):
                shutil.copy(f"{self.herald.database}{suffix}", copy / f"herald.db{suffix}")
        connection = sqlite3.connect(copy / "herald.db")
        self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertEqual(connection.execute("PRAGMA foreign_key_check").fetchall(), [])
        connection.close()
        shutil.rmtree(copy)
        self.checked += 1

    def drain(self):
        self.herald.wait_until_ready()

        def finished():
            callouts = self.herald.api("GET", "/v1/stats")[1]["callouts"]
            return callouts["pending"] == callouts["claimed"] == callouts["in_flight"] == 0
        eventually(finished, "everything is finished", 100)
        # Three kills in a row while a callout is on the wire look like its doing: a person decides.
        for callout in self.herald.must("callout", "list", "--state", "dead", "--limit", "1000")["items"]:
            self.assertEqual(callout["reason"], "crash_loop")
            self.herald.must("callout", "retry", callout["id"])
        eventually(finished, "what a person retried is finished", 100)

    def check(self, loaders):
        acknowledged = {}
        for loader in loaders:
            self.assertEqual(loader.errors, [])
            acknowledged |= loader.acknowledged
        self.assertGreater(len(acknowledged), KILLS, "there was load")
        requests = collections.defaultdict(list)
        for request in self.receiver.log():
            requests[dict(request["headers"])["webhook-id"]].append(request)
        self.check_nothing_lost(acknowledged, requests)
        duplicates = self.check_duplicates(requests)
        self.check_one_id_per_callout(requests)
        unknown = self.check_history(requests)
        stats = self.herald.api("GET", "/v1/stats")[1]
        self.assertEqual(stats["events"], len(acknowledged), "one event for each key")
        self.assertEqual(stats["callouts"]["dead"], 0)
        print(f"kills {self.kills}, integrity checks {self.checked}, acknowledged {len(acknowledged)}, "
              f"resent by the client {sum(loader.resent for loader in loaders)}, requests "
              f"{sum(map(len, requests.values()))}, lost 0, duplicates {duplicates}, unknown_crash rows {unknown}",
              flush=True)

    def check_nothing_lost(self, acknowledged, requests):
        for key, fired in acknowledged.items():
            self.assertEqual({callout["notification"] for callout in fired["callouts"]}, set(RECEIVERS), key)
            for callout in fired["callouts"]:
                answers = [request["answered"] for request in requests[callout["id"]]]
                self.assertIn(200, answers, f"lost: {key} {callout}, answers {answers}")

    def check_duplicates(self, requests):
        """A request after a 200 to the same callout: the outcome of the earlier one was lost in a crash.

        Judged by the history and not by the clock: what a dead daemon had sent may be read after its death.
        """
        duplicates = 0
        connection = self.herald.connection()
        for callout, entries in requests.items():
            repeated = [earlier for earlier, _ in zip(entries, entries[1:]) if earlier["answered"] == 200]
            duplicates += len(repeated)
            if not repeated:
                continue
            attempts = connection.call("GET", f"/v1/callouts/{callout}")[1]["attempts"]
            outcomes = {str(attempt["number"]): attempt["outcome"] for attempt in attempts}
            for earlier in repeated:
                number = dict(earlier["headers"])["Herald-Attempt"]
                self.assertEqual(outcomes.get(number), "unknown_crash", f"{callout} was sent again: {attempts}")
        connection.close()
        return duplicates

    def check_one_id_per_callout(self, requests):
        ids = collections.defaultdict(set)
        for callout, entries in requests.items():
            for request in entries:
                ids[(json.loads(request["body"])["id"], request["path"])].add(callout)
        self.assertEqual([pair for pair in ids.items() if len(pair[1]) != 1], [])

    def check_history(self, requests):
        """Every request seen has an attempt row, and a row without a request says unknown_crash (R-09)."""
        connection = self.herald.connection()
        repeated = [callout for callout, entries in requests.items() if len(entries) > 1]
        others = [callout for callout in requests if len(requests[callout]) == 1]
        unknown = 0
        for callout in (repeated + others)[:HISTORY_SAMPLE]:
            attempts = connection.call("GET", f"/v1/callouts/{callout}")[1]["attempts"]
            crashed = sum(attempt["outcome"] == "unknown_crash" for attempt in attempts)
            unknown += crashed
            seen = len(requests[callout])
            self.assertLessEqual(seen, len(attempts), f"missing rows: {callout} {attempts}")
            self.assertLessEqual(len(attempts) - crashed, seen, f"phantom rows: {callout} {attempts}")
        connection.close()
        return unknown


if __name__ == "__main__":
    unittest.main()
