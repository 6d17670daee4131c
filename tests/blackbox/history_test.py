"""The history of a daemon stays within its bounds (issue 3, point 4): what is finished goes, what is unfinished stays."""

import json
import re
import unittest

from herald_harness import HeraldTest, eventually


def pruned(herald):
    """How many events the daemon removed since it started."""
    status, text = herald.api("GET", "/metrics")
    found = re.search(r"^herald_history_events_pruned_total (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if status == 200 and found else 0


class History(HeraldTest):
    def fire(self, kind, key):
        return self.herald.must("event", "fire", kind, "--data", '{"n":1}', "--key", key)

    def fill(self, megabytes):
        lines = [json.dumps({"type": "other.thing", "data": "x" * 500_000}) for _ in range(2 * megabytes)]
        report = self.herald.must("event", "import", self.herald.file("\n".join(lines)))
        self.assertEqual(report["accepted"], len(lines))

    def test_a_daemon_brings_the_database_below_its_size_and_keeps_what_is_unfinished(self):
        self.add_notification("http://127.0.0.1:9/", "held", event="order.*")
        self.herald.must("notification", "pause", "held")
        waiting = self.fire("order.placed", "key-1")
        nobody_heard = self.fire("other.thing", "key-2")
        self.fill(15)
        before = self.herald.must("stats")["events"]

        self.herald.environment["HERALD_HISTORY_MAX_SIZE"] = "10MB"
        self.herald.start()
        eventually(lambda: self.herald.must("stats")["events"] < 20, "the oldest events are removed")
        gone = before - self.herald.must("stats")["events"]
        self.assertEqual(eventually(lambda: pruned(self.herald), "the metric counts"), gone)
        self.assertGreaterEqual(gone, 10)
        self.refused(3, "not_found", "event", "show", nobody_heard["id"])
        kept = self.herald.must("event", "show", waiting["id"])
        self.assertEqual([callout["state"] for callout in kept["callouts"]], ["pending"])

        self.assertTrue(self.fire("order.placed", "key-1")["duplicate"])
        self.assertFalse(self.fire("other.thing", "key-2")["duplicate"], "its key is free again")
        eventually(lambda: "history_pruned" in self.herald.log(), "the walk is told")

    def test_bounds_out_of_range_are_refused_and_say_which_are_allowed(self):
        for flag, value, allowed in (("--history-max-age", "5s", "1m to 36500d"),
                                     ("--history-max-size", "1MB", "10MB to 10TB")):
            error = self.refused(2, "invalid_argument", "serve", flag, value,
                                 field=flag.removeprefix("--").replace("-", "_"))
            self.assertIn(allowed, error["message"])


if __name__ == "__main__":
    unittest.main()
