"""The wall clock of a running daemon jumps, by libfaketime: nothing waits longer, nothing dies, nothing leaves early (R-15).

CLOCK_MONOTONIC and CLOCK_BOOTTIME stay real: FAKETIME_DONT_FAKE_MONOTONIC covers both in libfaketime 0.9.10.
"""

import glob
import json
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

HOUR = 3600
LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


class WallClock(HeraldTest):
    def setUp(self):
        super().setUp()
        self.assertTrue(LIBRARIES, "the package faketime is missing; scripts/setup installs it")
        self.receiver = self.part(Receiver)
        self.offset = self.herald.directory / "offset"
        self.set_offset(0)
        # The daemon and every command alike: they are on one machine.
        self.herald.environment |= {"LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": str(self.offset),
                                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}

    def set_offset(self, seconds):
        """The file is replaced, never half written: a look at it between would fake the year 1970."""
        new = self.offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.offset)

    def jumps(self):
        return [json.loads(line) for line in self.herald.log().splitlines() if "wall_clock_jumped" in line]

    def jump_to(self, seconds):
        before = len(self.jumps())
        self.set_offset(seconds)
        eventually(lambda: len(self.jumps()) == before + 1, "the jump is noticed")

    def fire(self, count=1):
        return [self.herald.must("event", "fire", "invoice.posted", "--data", "{}")["callouts"][0]["id"]
                for _ in range(count)]

    def test_jumps_move_no_due_time_and_no_age(self):
        self.herald.start()
        self.add_notification(self.receiver.url("/ok"), "prompt", "--retry", "schedule=5m;max-age=24h")
        self.add_notification(self.receiver.url("/status/503"), "late", "--retry", "schedule=30m;max-age=24h;jitter=0%",
                              event="late.*")
        late = self.herald.must("event", "fire", "late.thing", "--data", "{}")["callouts"][0]["id"]
        eventually(lambda: self.herald.must("callout", "show", late)["attempts"], "the first attempt")
        for offset in (-HOUR, HOUR, 48 * HOUR, 0):
            self.jump_to(offset)
            for callout in self.fire(5):
                self.callout_in_state(callout, "delivered")
            waiting = self.herald.must("callout", "show", late)
            self.assertEqual((waiting["state"], len(waiting["attempts"])), ("pending", 1), waiting)
        self.assertEqual([round(line["by_s"] / HOUR) for line in self.jumps()], [-1, 2, 47, -48])

    def test_what_was_accepted_is_sent_after_a_restart_with_another_clock(self):
        self.add_notification(self.receiver.url("/ok"), "prompt", "--retry", "schedule=5m;max-age=24h")
        for offset in (-HOUR, 48 * HOUR):
            waiting = self.fire(5)
            self.set_offset(offset)
            self.herald.start()
            for callout in waiting:
                self.callout_in_state(callout, "delivered")
            self.herald.stop()


if __name__ == "__main__":
    unittest.main()
