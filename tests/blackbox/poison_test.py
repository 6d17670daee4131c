"""Events and answers that could break the one who handles them: each is decided once, and the next is well (R-14)."""

import base64
import json
import unittest

from herald_harness import HeraldTest
from parts import Receiver

BROKEN_TEXT = b"\x00\xff\xfe\xed\xa0\x80\x1b[2J" + bytes(range(256))


class Poison(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)

    def fire(self, data, event_type="poison.one"):
        status, fired = self.herald.api("POST", "/v1/events", '{"type":"%s","data":%s}' % (event_type, data))
        self.assertEqual(status, 202, fired)
        return {callout["notification"]: callout["id"] for callout in fired["callouts"]}

    def expect_the_next_is_well(self, name, data):
        self.assertEqual(len(self.callout_in_state(self.fire(data)[name], "delivered")["attempts"]), 1)

    def expect_once(self, callout, path, size):
        """Delivered with one attempt, one request, and an excerpt that is readable and short."""
        self.callout_in_state(callout, "delivered")
        # Read anew through a strict parser; the text of the API is UTF-8 or this fails.
        status, shown = self.herald.api("GET", f"/v1/callouts/{callout}")
        self.assertEqual((status, shown["state"], len(shown["attempts"])), (200, "delivered", 1), shown)
        excerpt = shown["attempts"][0]["response_excerpt"]
        self.assertTrue(0 < len(excerpt) <= min(4 * size, 4 * 4096), len(excerpt))
        self.assertNotRegex(excerpt, "[\x00\x1b]")
        self.assertEqual(self.herald.must("callout", "show", callout)["state"], "delivered")
        self.assertEqual(self.herald.run("callout", "show", callout).exit, 0)
        self.assertEqual(len(self.receiver.log(path)), 1)


class PoisonEvents(Poison):
    def test_a_missing_field_is_null_or_empty_and_the_event_is_delivered(self):
        self.add_notification(
            self.receiver.url("/ok/missing?id={{ data.id }}"), "n", "--header", "X-Id: v{{ data.id }}",
            "--body-template", self.herald.file('{"value":{{ data.id }},"text":"<{{ data.deep.er.0 }}>"}'),
            event="poison.*")
        for data in ("{}", "null", "[]", '"text"', '{"deep":3}'):
            self.callout_in_state(self.fire(data)["n"], "delivered")
        for request in self.receiver.log("/ok/missing"):
            self.assertEqual((request["target"], request["body"]), ("/ok/missing?id=", '{"value":null,"text":"<>"}'))
            self.assertIn(["X-Id", "v"], request["headers"])
        self.assertEqual(len(self.receiver.log("/ok/missing")), 5)

    def test_a_field_that_cannot_stand_there_ends_its_callout_only(self):
        self.add_notification(self.receiver.url("/ok/header"), "n", "--header", "X-Who: {{ data.who }}",
                              "--retry", "schedule=1s,1s", event="poison.*")
        for who in ("a\\r\\nX-Evil: 1", "a\\u0000", "\\u0085\\n"):
            shown = self.callout_in_state(self.fire('{"who":"%s"}' % who)["n"], "dead")
            self.assertTrue(shown["reason"].startswith("template_error:"), shown)
            self.assertNotIn("Evil", json.dumps(shown), "the path is named, not the value")
            self.assertEqual([attempt["status"] for attempt in shown["attempts"]], [])
        self.expect_the_next_is_well("n", '{"who":"me"}')
        self.assertEqual(len(self.receiver.log("/ok/header")), 1, "nothing left for the others")

    def test_a_mebibyte_nested_a_thousand_deep_is_refused_and_leaves_nothing(self):
        self.add_notification(self.receiver.url("/ok/deep"), "n", event="poison.*")
        filler = json.dumps("x" * 1_000_000)
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            data = opening * 1000 + filler + closing * 1000
            status, problem = self.herald.api("POST", "/v1/events", '{"type":"poison.one","data":%s}' % data)
            self.assertIn(status, (400, 413, 422), problem)
            self.assertIn(problem["code"], ("malformed_request", "invalid_argument"), problem)
        self.assertEqual(self.herald.must("stats")["events"], 0)
        self.expect_the_next_is_well("n", filler)
        self.assertEqual(json.loads(self.receiver.log("/ok/deep")[0]["body"])["data"], json.loads(filler))


class PoisonAnswers(Poison):
    def answer(self, name, head_lines, body):
        data = b"HTTP/1.1 200 OK\r\n" + head_lines + b"Content-Length: %d\r\n\r\n" % len(body) + body
        self.answers[name] = (base64.b64encode(data).decode(), "keep")

    def setUp(self):
        super().setUp()
        self.answers = {}
        wide = b"".join(b"X-Line-%d: \xff%s\r\n" % (number, b"y" * 200) for number in range(90))
        self.answer("large", b"", BROKEN_TEXT + b"a" * 200_000)
        self.answer("wide", wide, b"wide" + BROKEN_TEXT)
        self.answer("broken", b"Content-Type: application/json; charset=utf-16\r\n", BROKEN_TEXT * 8)
        self.answer("cut-character", b"", b"a" + "\u20ac".encode() * 2000)
        self.answer("too-wide", b"".join(b"X-%d: y\r\n" % number for number in range(200)), b"")
        self.receiver.set(raw=self.answers)

    def test_an_answer_the_history_cannot_hold_is_no_reason_to_send_again(self):
        sizes = {"large": 4096, "wide": 4096, "broken": 4096, "cut-character": 4096}
        for name in sizes:
            self.add_notification(self.receiver.url(f"/raw/{name}"), name, "--retry", "schedule=1s,1s",
                                  event="poison.*")
        callouts = self.fire("{}")
        for name, size in sizes.items():
            with self.subTest(name):
                self.expect_once(callouts[name], f"/raw/{name}", size)
        # Whatever sends again would do so with this, which comes later than a retry could.
        self.add_notification(self.receiver.url("/sequence/503,503,200"), "later", "--retry", "schedule=1s,1s",
                              event="poison.later")
        self.callout_in_state(self.fire("{}", "poison.later")["later"], "delivered")
        self.assertEqual({name: len(self.receiver.log(f"/raw/{name}")) for name in sizes}, dict.fromkeys(sizes, 2))

    def test_two_hundred_header_lines_do_not_change_the_verdict(self):
        """The status line stands; what exceeds the caps is dropped (S-08, E-75)."""
        self.add_notification(self.receiver.url("/raw/too-wide"), "n", "--retry", "none", event="poison.*")
        attempt = self.callout_in_state(self.fire("{}")["n"], "delivered")["attempts"][0]
        self.assertEqual(attempt["status"], 200)


if __name__ == "__main__":
    unittest.main()
