"""A thousand callouts that need a token at once cause one token request (T-01, O-71, O-87)."""

import unittest

from herald_harness import HeraldTest, eventually
from parts import HostileTokenServer, Receiver

NOTIFICATIONS = 5
EVENTS = 200


class SingleFlight(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        self.tokens = self.part(HostileTokenServer)

    def prepare(self, token_path, receiver_path):
        self.add_provider(self.tokens.url(token_path))
        for number in range(NOTIFICATIONS):
            self.add_notification(self.receiver.url(f"{receiver_path}/{number}"), f"n{number}", "--auth", "oauth2",
                                  "--provider", "crm", "--max-in-flight", "1000", "--retry",
                                  "schedule=" + ",".join(["1s"] * 20))

    def fire_all(self):
        lines = b'{"type":"invoice.posted","data":{}}\n' * EVENTS
        status, imported = self.herald.api("POST", "/v1/events", lines, content_type="application/x-ndjson")
        self.assertEqual((status // 100, imported["accepted"]), (2, EVENTS), imported)

    def delivered(self, count):
        eventually(lambda: self.herald.api("GET", "/v1/stats")[1]["callouts"]["delivered"] >= count,
                   f"{count} delivered", 120)

    def test_a_cold_token(self):
        self.prepare("/hang", "/ok")
        self.fire_all()
        self.assertEqual(self.tokens.wait(1, "/hang"), 1)
        self.assertEqual(self.tokens.wait(2, "/hang", timeout=1), 1, "all the others wait for the first")
        self.assertEqual(self.receiver.summary()["requests"], 0)
        self.tokens.release()
        self.delivered(NOTIFICATIONS * EVENTS)
        self.assertEqual(len(self.tokens.log("/hang")), 1)
        sent = {dict(request["headers"])["Authorization"] for request in self.receiver.log("/ok")}
        self.assertEqual(sent, {"Bearer token-1"})
        self.assertEqual(len(self.receiver.log("/ok")), NOTIFICATIONS * EVENTS)

    def test_a_thousand_401s(self):
        self.prepare("/ok", "/bearer")
        self.receiver.set(accepted=["token-2"])
        self.fire_all()
        self.delivered(NOTIFICATIONS * EVENTS)
        self.assertEqual(len(self.tokens.log("/ok")), 2)

    def test_a_failure_is_shared_too(self):
        self.tokens.set(script={"plan": ["/status/503?retry-after=2", "/ok"]})
        self.prepare("/script/plan", "/ok")
        self.fire_all()
        self.delivered(NOTIFICATIONS * EVENTS)
        self.assertEqual(len(self.tokens.log("/script/plan")), 2, "one failed, one that worked")


if __name__ == "__main__":
    unittest.main()
