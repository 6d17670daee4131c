"""Every event and callout command of the contract (section 5), in process and over the daemon's socket."""

import array
import fcntl
import json
import signal
import subprocess
import termios
import threading
import unittest

import shapes
from herald_harness import HeraldTest, eventually, with_and_without_daemon
from parts import Receiver


def bytes_left_in(pipe):
    """What was written and nobody has read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


class WithHeldNotification:
    """A paused notification: what is fired stays pending, with and without a daemon."""

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        self.add_notification(self.receiver.url("/ok"), "held")
        self.herald.must("notification", "pause", "held")

    def fire(self, *more, type="invoice.posted", data='{"a":1}', **options):
        return self.herald.must("event", "fire", type, "--data", data, *more, **options)


class EventCommands(WithHeldNotification):
    def test_fire_prints_the_event_and_its_callouts(self):
        fired = self.fire()
        self.has_shape(fired, shapes.FIRED)
        self.assertRegex(fired["id"], r"^evt_")
        self.assertIs(fired["duplicate"], False)
        self.assertEqual([callout["notification"] for callout in fired["callouts"]], ["held"])
        self.assertRegex(fired["callouts"][0]["id"], r"^cal_")

    def test_the_same_key_returns_the_first_event(self):
        first = self.fire("--key", "order-1")
        again = self.fire("--key", "order-1")
        self.assertEqual((again["id"], again["duplicate"]), (first["id"], True))
        self.assertEqual(again["callouts"], first["callouts"])
        self.assertEqual(self.herald.must("stats")["events"], 1)

    def test_the_same_key_with_other_bytes_or_another_type_is_a_conflict(self):
        self.fire("--key", "order-1")
        self.refused(4, "idempotency_conflict", "event", "fire", "invoice.posted", "--key", "order-1",
                     "--data", '{"a": 1}')
        self.refused(4, "idempotency_conflict", "event", "fire", "invoice.paid", "--key", "order-1",
                     "--data", '{"a":1}')
        self.assertEqual(self.herald.must("stats")["events"], 1)

    def test_data_comes_from_a_file_or_standard_input_and_stays_byte_for_byte(self):
        exact = '{"big":1e400,"precise":0.10000000000000000001,"zero":-0,"n":9007199254740993,\n "s":"\\u00e9"}'
        path = self.herald.file(exact)
        for source, stdin in ((f"@{path}", None), ("-", exact), (exact, None)):
            with self.subTest(source[:5]):
                fired = self.fire(data=source, stdin=stdin)
                shown = self.herald.run("event", "show", fired["id"], json=True)
                self.assertEqual(shown.exit, 0, f"\n{shown}")
                for part in ("1e400", "0.10000000000000000001", "-0", "9007199254740993"):
                    self.assertIn(part, shown.stdout)

    def test_an_event_without_data_is_an_event(self):
        fired = self.herald.must("event", "fire", "invoice.posted")
        self.assertEqual(len(fired["callouts"]), 1)

    def test_show_lists_callouts_and_says_why_none_matched(self):
        fired = self.fire()
        event = self.herald.must("event", "show", fired["id"])
        self.has_shape(event, shapes.EVENT)
        self.assertEqual((event["type"], event["key"], event["data"]), ("invoice.posted", None, {"a": 1}))
        self.assertEqual([(callout["id"], callout["notification"], callout["state"])
                          for callout in event["callouts"]], [(fired["callouts"][0]["id"], "held", "pending")])
        unmatched = self.fire(type="order.created")
        self.assertEqual(unmatched["callouts"], [])
        event = self.herald.must("event", "show", unmatched["id"])
        self.assertEqual([entry["notification"] for entry in event["unmatched"]], ["held"])
        self.assertTrue(event["unmatched"][0]["why"])

    def test_patterns_decide_which_notifications_match(self):
        for name, pattern in (("exact", "a.b"), ("prefix", "a.*"), ("all", "*")):
            self.add_notification(self.receiver.url("/status/503"), name, "--retry", "none", event=pattern)
        expected = {"a.b": {"exact", "prefix", "all"}, "a.b.c": {"prefix", "all"}, "a": {"all"},
                    "ab.c": {"all"}, "b.a": {"all"}}
        for event_type, names in expected.items():
            with self.subTest(event_type):
                fired = self.fire(type=event_type)
                self.assertEqual({callout["notification"] for callout in fired["callouts"]}, names)

    def test_import_keeps_good_lines_and_reports_bad_ones_by_number(self):
        lines = ['{"type":"invoice.posted","data":{"n":1},"key":"k1"}', 'not json',
                 '{"type":"invoice.posted","data":{"n":1},"key":"k1"}', '{"data":{}}',
                 '{"type":"invoice.posted","data":{"n":2}}']
        path = self.herald.file("\n".join(lines) + "\n")
        result = self.herald.run("event", "import", path, json=True)
        self.assertEqual(result.exit, 1, f"\n{result}")
        self.has_shape(result.json, shapes.IMPORT)
        self.assertEqual((result.json["accepted"], result.json["duplicates"]), (2, 1))
        self.assertEqual([entry["line"] for entry in result.json["rejected"]], [2, 4])
        self.assertTrue(all(entry["error"] for entry in result.json["rejected"]))
        self.assertEqual(self.herald.must("stats")["events"], 2)

    def test_import_of_good_lines_exits_0_also_from_standard_input(self):
        text = "".join('{"type":"invoice.posted","data":{"n":%d}}\n' % n for n in range(500))
        imported = self.herald.must("event", "import", "-", stdin=text)
        self.assertEqual(imported, imported | {"accepted": 500, "duplicates": 0, "rejected": []})
        self.assertEqual(self.herald.must("stats")["callouts"]["pending"], 500)

    def test_ctrl_c_within_a_line_loses_no_line(self):
        text = "".join('{"type":"invoice.posted","data":{"n":%d}}\n' % n for n in range(500))
        importing = self.herald.start_command("--json", "event", "import", "-", stdin=subprocess.PIPE)
        importing.stdin.write(text[:-10].encode())
        importing.stdin.flush()
        eventually(lambda: bytes_left_in(importing.stdin) == 0, "it has read what there is")
        importing.send_signal(signal.SIGINT)
        _, errors = importing.communicate(timeout=60)
        self.assertEqual(importing.returncode, 130, errors)
        line = json.loads(errors.splitlines()[-1])["error"]["details"]["line"]
        self.herald.must("event", "import", "-", "--resume", line, stdin=text)
        self.assertEqual(self.herald.must("stats")["events"], 500)

    def test_what_is_not_there_is_exit_3(self):
        fired = self.fire()
        self.herald.must("callout", "cancel", fired["callouts"][0]["id"])
        other = self.new_herald()
        other.must("notification", "add", "n", "--event", "a.b", "--url", "https://api.example.com/in")
        for command, known in ((("event", "show"), fired["id"]),
                               (("callout", "show"), fired["callouts"][0]["id"]),
                               (("callout", "retry"), fired["callouts"][0]["id"]),
                               (("callout", "cancel"), fired["callouts"][0]["id"])):
            with self.subTest(command):
                result = other.run(*command, known, json=True)
                self.assertEqual((result.exit, result.error.get("code")), (3, "not_found"), f"\n{result}")


class CalloutCommands(WithHeldNotification):
    def callout(self):
        return self.fire()["callouts"][0]["id"]

    def test_show_has_every_member(self):
        callout = self.herald.must("callout", "show", self.callout())
        self.has_shape(callout, shapes.CALLOUT)
        self.assertEqual((callout["notification"], callout["provider"], callout["state"],
                          callout["attempts"]), ("held", None, "pending", []))

    def test_list_filters_by_state_notification_and_event(self):
        self.add_notification(self.receiver.url("/ok"), "other", event="order.*")
        self.herald.must("notification", "pause", "other")
        mine = self.fire()
        self.fire(type="order.made")
        cases = {("--state", "pending"): 2, ("--notification", "held"): 1, ("--event", mine["id"]): 1,
                 ("--state", "dead"): 0, ("--state", "pending", "--notification", "other"): 1,
                 ("--since", "2020-01-01T00:00:00Z"): 2, ("--since", "2100-01-01T00:00:00Z"): 0}
        for flags, count in cases.items():
            with self.subTest(flags):
                listed = self.herald.must("callout", "list", *flags)
                self.assertEqual(len(listed["items"]), count)
                self.assertIsNone(listed["next_cursor"])

    def test_list_goes_through_every_callout_page_by_page(self):
        ids = {self.callout() for _ in range(7)}
        seen, cursor = [], None
        while True:
            page = self.herald.must("callout", "list", "--limit", "3", *(["--cursor", cursor] if cursor else []))
            self.assertLessEqual(len(page["items"]), 3)
            seen += [callout["id"] for callout in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        self.assertEqual((len(seen), set(seen)), (7, ids))

    def test_cancel_ends_a_pending_callout(self):
        callout = self.callout()
        self.herald.must("callout", "cancel", callout)
        self.assertEqual(self.herald.must("callout", "show", callout)["state"], "cancelled")
        self.assertEqual(self.herald.must("stats")["callouts"]["cancelled"], 1)

    def test_retry_of_dead_ones_counts_and_a_dry_run_changes_nothing(self):
        dry = self.herald.run("callout", "retry", "--state", "dead", "--dry-run", json=True)
        self.assertEqual(dry.exit, 0, f"\n{dry}")

    def test_stats_has_every_member(self):
        self.callout()
        stats = self.herald.must("stats")
        self.has_shape(stats, shapes.STATS)
        self.assertEqual(stats["callouts"], {"pending": 1, "claimed": 0, "in_flight": 0, "delivered": 0, "dead": 0,
                                             "cancelled": 0})
        self.assertEqual(set(stats["callouts"]), set(shapes.CALLOUT_STATES))
        lane = stats["notifications"][0]
        self.has_shape(lane, shapes.LANE)
        self.assertEqual((lane["name"], lane["state"], lane["pending"]), ("held", "paused", 1))
        self.assertGreaterEqual(stats["oldest_pending_s"], 0)

    def test_for_people_each_command_prints_plain_text_without_colour(self):
        fired = self.fire()
        callout = fired["callouts"][0]["id"]
        for command in (("event", "fire", "invoice.x", "--data", "{}"), ("event", "show", fired["id"]),
                        ("callout", "list"), ("callout", "show", callout), ("stats",),
                        ("callout", "cancel", callout)):
            with self.subTest(command):
                result = self.herald.run(*command)
                self.assertEqual(result.exit, 0, f"\n{result}")
                self.assertTrue(result.stdout.strip())
                self.assertNotIn("\x1b", result.stdout + result.stderr)
                self.assertFalse(result.stdout.startswith("{"), result.stdout)


class WaitingNeedsADaemon(WithHeldNotification, HeraldTest):
    def test_wait_without_a_daemon_is_exit_5_and_stores_nothing(self):
        self.refused(5, "daemon_not_running", "event", "fire", "invoice.posted", "--data", "{}", "--wait")
        self.assertEqual(self.herald.must("stats")["events"], 0)


class WaitingWithADaemon(HeraldTest):
    with_daemon = True

    def test_wait_returns_once_the_callouts_are_finished(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/hold"), "one")
        self.add_notification(receiver.url("/ok"), "two")
        command = self.herald.start_command("--json", "event", "fire", "invoice.posted", "--data", "{}",
                                            "--wait")
        receiver.wait(1, "/hold")
        self.assertIsNone(command.poll(), "a callout is still in flight")
        receiver.release()
        output, errors = command.communicate(timeout=60)
        self.assertEqual(command.returncode, 0, errors)
        self.assertIn(b"evt_", output)
        self.assertEqual(self.herald.must("stats")["callouts"]["delivered"], 2)

    def test_a_person_may_retry_a_dead_callout_and_it_goes_on_counting(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/sequence/500,200"), "one", "--retry", "none")
        fired = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        callout = fired["callouts"][0]["id"]
        dead = self.callout_in_state(callout, "dead")
        self.assertEqual((dead["reason"], len(dead["attempts"])), ("attempts_exhausted", 1))
        self.herald.must("callout", "retry", callout)
        delivered = self.callout_in_state(callout, "delivered")
        self.assertEqual([attempt["number"] for attempt in delivered["attempts"]], [1, 2])
        ids = {dict(request["headers"])["webhook-id"] for request in receiver.log("/sequence")}
        self.assertEqual(ids, {callout})

    def test_all_dead_callouts_can_be_retried_at_once(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/sequence/500,200"), "one", "--retry", "none")
        callouts = [self.herald.must("event", "fire", "invoice.x", "--data", "{}")["callouts"][0]["id"]
                    for _ in range(5)]
        for callout in callouts:
            self.callout_in_state(callout, "dead")
        self.herald.must("callout", "retry", "--state", "dead", "--dry-run")
        self.assertEqual(self.herald.must("stats")["callouts"]["dead"], 5)
        self.herald.must("callout", "retry", "--state", "dead", "--notification", "one")
        for callout in callouts:
            self.callout_in_state(callout, "delivered")


class IdempotentIntake(HeraldTest):
    """One event per key, however many clients send it at once (R-22)."""

    with_daemon = True
    THREADS = 16
    KEYS = 60

    def test_every_key_sent_by_every_thread_at_once_makes_one_event(self):
        answers = [[None] * self.KEYS for _ in range(self.THREADS)]
        barrier = threading.Barrier(self.THREADS)

        def send(mine):
            connection = self.herald.connection()
            for number in range(self.KEYS):
                barrier.wait(60)
                mine[number] = connection.call("POST", "/v1/events", {"type": "race.on", "data": {"n": number}},
                                               headers={"Idempotency-Key": f"key-{number}"})
            connection.close()

        threads = [threading.Thread(target=send, args=(mine,)) for mine in answers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        for number in range(self.KEYS):
            replies = [mine[number] for mine in answers]
            self.assertEqual({status for status, _ in replies}, {202})
            self.assertEqual(len({document["id"] for _, document in replies}), 1)
            self.assertEqual(sum(not document["duplicate"] for _, document in replies), 1)
        self.assertEqual(self.herald.must("stats")["events"], self.KEYS)


with_and_without_daemon(EventCommands, globals())
with_and_without_daemon(CalloutCommands, globals())

if __name__ == "__main__":
    unittest.main()
