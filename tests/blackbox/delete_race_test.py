"""Deleting a provider against adding, changing and firing what uses it: never dangling, never deleted in use."""

import os
import random
import sqlite3
import threading
import unittest

from herald_harness import HeraldTest

ROUNDS = {"add": 400, "edit": 300, "fire": 300}


class Racers:
    """Runs several API calls at the same moment, each on a connection and a thread of its own."""

    def __init__(self, herald, count, seed):
        self.connections = [herald.connection() for _ in range(count)]
        self.random = random.Random(seed)

    def race(self, *calls):
        barrier = threading.Barrier(len(calls))
        results = [None] * len(calls)
        head_starts = [self.random.random() * 0.0004 for _ in calls]

        def run(index):
            connection = self.connections[index]
            barrier.wait()
            threading.Event().wait(head_starts[index])
            results[index] = connection.call(*calls[index])

        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results

    def close(self):
        for connection in self.connections:
            connection.close()


def succeeded(result):
    return result[0] // 100 == 2


class DeleteRace(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("HERALD_TEST_SEED", random.SystemRandom().randrange(2**32)))
        print(f"seed {seed}", flush=True)
        self.racers = Racers(self.herald, 3, seed)
        self.addCleanup(self.racers.close)
        self.api = self.herald.connection()
        self.addCleanup(self.api.close)

    def must_call(self, method, target, body=None):
        status, document = self.api.call(method, target, body)
        self.assertEqual(status // 100, 2, (method, target, document))
        return document

    def provider(self, name):
        self.must_call("POST", "/v1/providers", {
            "name": name, "client_id": "c", "client_secret": "x", "token_endpoint": "https://login.example.com/t"})

    @staticmethod
    def notification(name, provider=None):
        auth = {"kind": "oauth2", "provider": provider} if provider else {"kind": "none"}
        return {"name": name, "events": ["race.*"], "url": "https://api.example.com/in", "auth": auth}

    def refusal(self, result, *statuses):
        self.assertIn(result[0], statuses, result)

    def test_adding_a_notification_against_deleting_its_provider(self):
        won = {"add": 0, "delete": 0}
        for number in range(ROUNDS["add"]):
            name = f"p{number}"
            self.provider(name)
            added, deleted = self.racers.race(
                ("POST", "/v1/notifications", self.notification(f"n{number}", name)),
                ("DELETE", f"/v1/providers/{name}"))
            self.assertNotEqual(succeeded(added), succeeded(deleted), (added, deleted))
            won["add" if succeeded(added) else "delete"] += 1
            self.refusal(deleted if succeeded(added) else added, 404, 409, 422)
            if succeeded(added):
                self.must_call("DELETE", f"/v1/notifications/n{number}")
                self.must_call("DELETE", f"/v1/providers/{name}")
        print("add against delete:", won, flush=True)
        self.nothing_dangles()

    def test_changing_a_notification_against_deleting_its_new_provider(self):
        self.must_call("POST", "/v1/notifications", self.notification("n"))
        won = {"edit": 0, "delete": 0}
        for number in range(ROUNDS["edit"]):
            name = f"p{number}"
            self.provider(name)
            edited, deleted = self.racers.race(
                ("PATCH", "/v1/notifications/n", {"auth": {"kind": "oauth2", "provider": name}}),
                ("DELETE", f"/v1/providers/{name}"))
            self.assertNotEqual(succeeded(edited), succeeded(deleted), (edited, deleted))
            won["edit" if succeeded(edited) else "delete"] += 1
            self.refusal(deleted if succeeded(edited) else edited, 404, 409, 422)
            self.must_call("PATCH", "/v1/notifications/n", {"auth": {"kind": "none"}})
        print("edit against delete:", won, flush=True)
        self.nothing_dangles()

    def test_firing_against_deleting_the_notification_and_its_provider(self):
        held = 0
        for number in range(ROUNDS["fire"]):
            name = f"p{number}"
            self.provider(name)
            self.must_call("POST", "/v1/notifications", self.notification(f"n{number}", name))
            self.must_call("POST", f"/v1/notifications/n{number}/pause")
            fired, notification_deleted, provider_deleted = self.racers.race(
                ("POST", "/v1/events", {"type": "race.on", "data": {}}),
                ("DELETE", f"/v1/notifications/n{number}"), ("DELETE", f"/v1/providers/{name}"))
            self.assertEqual(fired[0], 202, fired)
            callouts = fired[1]["callouts"]
            self.assertNotEqual(bool(callouts), succeeded(notification_deleted), (fired, notification_deleted))
            if succeeded(provider_deleted):
                self.assertTrue(succeeded(notification_deleted), "deleted while in use")
            else:
                self.refusal(provider_deleted, 409)
            if callouts:
                held += 1
                self.must_call("DELETE", f"/v1/notifications/n{number}?cancel_pending=true")
            if not succeeded(provider_deleted):
                self.must_call("DELETE", f"/v1/providers/{name}")
        print(f"fire against delete: {held} of {ROUNDS['fire']} events were first", flush=True)
        self.nothing_dangles()

    def nothing_dangles(self):
        providers = {provider["name"] for provider in self.must_call("GET", "/v1/providers")}
        for notification in self.must_call("GET", "/v1/notifications"):
            if notification["auth"]["kind"] == "oauth2":
                self.assertIn(notification["auth"]["provider"], providers)
        self.assertEqual(self.herald.stop(), 0)
        with sqlite3.connect(self.herald.database) as connection:
            self.assertEqual(connection.execute("PRAGMA foreign_key_check").fetchall(), [])
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])


if __name__ == "__main__":
    unittest.main()
