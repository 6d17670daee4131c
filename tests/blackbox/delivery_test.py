"""What each answer of a receiver means for a callout, and what a callout looks like on the wire (E-55 to E-88)."""

import base64
import datetime
import email.utils
import hashlib
import hmac
import json
import time
import unittest
import urllib.parse

import shapes
from herald_harness import HeraldTest, eventually
from parts import HostileTokenServer, Receiver

KEY = b"0123456789abcdef01234567"
SIGNING_SECRET = "whsec_" + base64.b64encode(KEY).decode()


class DeliveryTest(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)

    def fire(self, data="{}", event_type="invoice.posted"):
        """Fires one event; returns {notification: callout id}."""
        status, fired = self.herald.api("POST", "/v1/events", '{"type":"%s","data":%s}' % (event_type, data))
        self.assertEqual(status, 202, fired)
        return {callout["notification"]: callout["id"] for callout in fired["callouts"]}

    def outcomes(self, paths, *flags):
        """One notification per path, one event for all of them: [(path, finished callout)]."""
        for number, path in enumerate(paths):
            self.add_notification(self.receiver.url(path), f"n{number}", *flags)
        callouts = self.fire()
        return [(path, self.callout_in_state(callouts[f"n{number}"], "delivered", "dead", "cancelled"))
                for number, path in enumerate(paths)]

    @staticmethod
    def headers(request):
        return {name.lower(): value for name, value in request["headers"]}


class Statuses(DeliveryTest):
    def test_2xx_delivers(self):
        for path, callout in self.outcomes([f"/status/{code}" for code in (200, 201, 202, 204, 206, 299)]):
            with self.subTest(path):
                self.has_shape(callout, shapes.CALLOUT)
                self.assertEqual((callout["state"], callout["reason"], callout["due_at"]), ("delivered", None, None))
                self.assertEqual([attempt["outcome"] for attempt in callout["attempts"]], ["delivered"])
                self.has_shape(callout["attempts"][0], shapes.ATTEMPT)

    def test_other_answers_are_tried_again(self):
        codes = (300, 304, 400, 401, 403, 404, 405, 407, 408, 409, 413, 415, 422, 423, 425, 429, 500, 502, 503, 504)
        outcomes = self.outcomes([f"/sequence/{code},200" for code in codes], "--retry", "schedule=1s,1s")
        for (path, callout), code in zip(outcomes, codes):
            with self.subTest(path):
                self.assertEqual(callout["state"], "delivered", callout)
                self.assertEqual([(attempt["number"], attempt["resend"], attempt["status"], attempt["outcome"])
                                  for attempt in callout["attempts"]],
                                 [(1, False, code, "retry"), (2, False, 200, "delivered")])

    def test_a_schedule_that_is_used_up_ends_the_callout(self):
        for _, callout in self.outcomes(["/status/503"], "--retry", "schedule=1s,1s"):
            self.assertEqual((callout["state"], callout["reason"]), ("dead", "attempts_exhausted"))
            self.assertEqual([attempt["number"] for attempt in callout["attempts"]], [1, 2, 3])

    def test_reject_4xx_ends_at_once_except_where_waiting_helps(self):
        codes = (400, 403, 404, 422, 408, 409, 423, 425, 429, 500)
        outcomes = self.outcomes([f"/sequence/{code},200" for code in codes], "--retry", "schedule=1s;reject-4xx")
        for (path, callout), code in zip(outcomes, codes):
            with self.subTest(path):
                if code in (400, 403, 404, 422):
                    self.assertEqual((callout["state"], callout["reason"], len(callout["attempts"])),
                                     ("dead", "rejected", 1))
                else:
                    self.assertEqual((callout["state"], len(callout["attempts"])), ("delivered", 2))

    def test_410_ends_this_callout_only(self):
        self.add_notification(self.receiver.url("/sequence/410,200"), "n")
        first = self.callout_in_state(self.fire()["n"], "dead")
        self.assertEqual((first["reason"], len(first["attempts"])), ("gone", 1))
        self.assertEqual(self.herald.must("notification", "show", "n")["enabled"], True)

    def test_redirects_are_never_followed(self):
        target = self.part(Receiver)
        codes = (301, 302, 303, 307, 308)
        outcomes = self.outcomes([f"/redirect?status={code}&to={target.url('/ok')}" for code in codes],
                                 "--retry", "none")
        for path, callout in outcomes:
            with self.subTest(path):
                self.assertEqual(callout["state"], "dead")
                self.assertIn(target.url("/ok"), callout["attempts"][0]["error"])
        self.assertEqual(target.summary(), {"connections": 0, "bytes": 0, "requests": 0})

    def test_a_success_field_decides_beside_the_status(self):
        body = '{"success":%s}'
        self.add_notification(self.receiver.url("/status/200?body=" + body % "true"), "yes", "--success-field",
                              "/success=true", "--retry", "none")
        self.add_notification(self.receiver.url("/status/200?body=" + body % "false"), "no", "--success-field",
                              "/success=true", "--retry", "none")
        callouts = self.fire()
        self.callout_in_state(callouts["yes"], "delivered")
        self.callout_in_state(callouts["no"], "dead")


class RetryAfter(DeliveryTest):
    def waits(self, values):
        """Seconds between the end of the first attempt and the next try, for each Retry-After header."""
        for number, value in enumerate(values):
            path = "/status/503?header=" + urllib.parse.quote(value)
            self.add_notification(self.receiver.url(path), f"n{number}", "--retry", "schedule=4s")
        callouts = self.fire()
        for number, value in enumerate(values):
            shown = self.after_first_attempt(callouts[f"n{number}"])
            ended = self.moment(shown["attempts"][0]["started_at"]) + datetime.timedelta(
                milliseconds=shown["attempts"][0]["duration_ms"])
            yield value, (self.moment(shown["due_at"]) - ended).total_seconds()

    def after_first_attempt(self, callout):
        def tried():
            shown = self.herald.api("GET", f"/v1/callouts/{callout}")[1]
            return shown if shown["attempts"] and shown["due_at"] else None
        return eventually(tried, "the first attempt is recorded")

    @staticmethod
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))

    def test_a_usable_header_can_only_put_it_off(self):
        later = email.utils.formatdate(time.time() + 600, usegmt=True)
        cases = {"Retry-After:60": 60, "Retry-After:  70 ": 70, f"Retry-After:{later}": 600,
                 "Retry-After:99999999999": 86400}
        for value, seconds in self.waits(cases):
            with self.subTest(value):
                self.assertAlmostEqual(seconds, cases[value], delta=3)

    def test_other_headers_leave_the_schedule(self):
        past = email.utils.formatdate(time.time() - 600, usegmt=True)
        for value, seconds in self.waits(["Retry-After:1", "Retry-After:0", "Retry-After:-1", "Retry-After:abc",
                                          "Retry-After:", "Retry-After:50s", "Retry-After:50,60", "Retry-After:1e3",
                                          "Retry-After:0x100", f"Retry-After:{past}", "X-Other:1"]):
            with self.subTest(value):
                self.assertTrue(3.0 <= seconds <= 5.0, f"4 s with 20 % jitter, was {seconds}")

    def test_on_success_it_means_nothing(self):
        self.add_notification(self.receiver.url("/status/200?header=Retry-After:60"), "n")
        self.callout_in_state(self.fire()["n"], "delivered")


class OnTheWire(DeliveryTest):
    def test_headers_and_the_default_body(self):
        data = '{"a": 1.10,"b":[1e400, -0],"s":"\\u00e9"}'
        self.add_notification(self.receiver.url("/ok?x=1"), "n", "--header", "X-Source: billing", "--param", "y=a b")
        callout = self.fire(data)["n"]
        self.receiver.wait(1, "/ok")
        request = self.receiver.log("/ok")[0]
        headers = self.headers(request)
        self.assertEqual((request["method"], headers["content-type"]), ("POST", "application/json"))
        self.assertIn(request["target"], ("/ok?x=1&y=a%20b", "/ok?x=1&y=a+b"))
        self.assertEqual(headers["webhook-id"], callout)
        self.assertAlmostEqual(int(headers["webhook-timestamp"]), time.time(), delta=30)
        self.assertNotIn("webhook-signature", headers)
        self.assertEqual(headers["herald-attempt"], "1")
        self.assertEqual(headers["accept-encoding"], "identity")
        self.assertEqual(headers["x-source"], "billing")
        self.assertRegex(headers["user-agent"], r"^herald/\d")
        self.assertEqual(headers["host"], f"127.0.0.1:{self.receiver.port}")
        self.assertEqual(int(headers["content-length"]), len(request["body"].encode("latin-1")))
        self.assertIn(f'"data":{data}', request["body"].replace('"data": ', '"data":'))
        self.assertEqual(list(json.loads(request["body"])), ["id", "type", "occurred_at", "data"])

    def test_the_signature_verifies_on_every_attempt(self):
        self.add_notification(self.receiver.url("/sequence/503,200"), "n", "--signing-secret-file",
                              self.herald.file(SIGNING_SECRET), "--retry", "schedule=1s")
        self.callout_in_state(self.fire('{"n":1}')["n"], "delivered")
        requests = self.receiver.log("/sequence")
        self.assertEqual([self.headers(request)["herald-attempt"] for request in requests], ["1", "2"])
        self.assertEqual(len({self.headers(request)["webhook-id"] for request in requests}), 1)
        for request in requests:
            headers = self.headers(request)
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
            digest = hmac.new(KEY, signed.encode("latin-1"), hashlib.sha256).digest()
            self.assertEqual(headers["webhook-signature"], "v1," + base64.b64encode(digest).decode())

    def test_methods(self):
        for method in ("POST", "PUT", "PATCH", "GET", "DELETE"):
            with self.subTest(method):
                self.add_notification(self.receiver.url(f"/ok/{method}"), method, "--method", method)
        callouts = self.fire()
        for method, callout in callouts.items():
            self.callout_in_state(callout, "delivered")
            self.assertEqual(self.receiver.log(f"/ok/{method}")[0]["method"], method)

    def test_templates_fill_url_headers_and_body(self):
        body = '{"who":"{{ data.who }}","n":{{ data.n }},"sku":"{{ data.lines.0.sku }}","t":"{{ type }}"}'
        self.add_notification(self.receiver.url("/ok/{{ data.who }}?q={{ data.who }}"), "n", "--header",
                              "X-Who: {{ data.plain }}", "--body-template", self.herald.file(body))
        callout = self.fire('{"who":"a/b\\"c &d","plain":"x","n":1.100,"lines":[{"sku":"S1"}]}')["n"]
        self.callout_in_state(callout, "delivered")
        request = self.receiver.log("/ok")[0]
        self.assertEqual(request["body"], '{"who":"a/b\\"c &d","n":1.100,"sku":"S1","t":"invoice.posted"}')
        self.assertTrue(request["target"].startswith("/ok/a%2Fb%22c%20%26d?q=a%2Fb%22c"), request["target"])
        self.assertEqual(self.headers(request)["x-who"], "x")

    def test_a_receiver_that_echoes_credentials_finds_them_masked_in_the_history(self):
        tokens = self.part(HostileTokenServer)
        self.add_provider(tokens.url("/ok?token=echoed-access-token-1234"))
        password = self.herald.file("echoed-password-1234")
        self.add_notification(self.receiver.url("/echo"), "oauth2", "--auth", "oauth2", "--provider", "crm")
        self.add_notification(self.receiver.url("/echo"), "basic", "--auth", "basic", "--username", "user",
                              "--password-file", password)
        self.add_notification(self.receiver.url("/echo"), "header", "--auth", "header", "--auth-header", "X-Api-Key",
                              "--auth-value-file", password)
        encoded = base64.b64encode(b"user:echoed-password-1234").decode()
        for name, callout in self.fire().items():
            with self.subTest(name):
                self.callout_in_state(callout, "delivered")
                shown = self.herald.run("callout", "show", callout, json=True).stdout
                self.assertIn("POST /echo", shown)
                for secret in ("echoed-access-token-1234", "echoed-password-1234", encoded):
                    self.assertNotIn(secret, shown)
        sent = {self.headers(request).get("authorization") for request in self.receiver.log("/echo")}
        self.assertEqual(sent, {"Bearer echoed-access-token-1234", f"Basic {encoded}", None})


class OddReceivers(DeliveryTest):
    def test_answers_whose_status_counts(self):
        paths = ["/early-hints", "/informational?n=3", "/endless", "/reset-after-head", "/wide-body", "/unsolicited"]
        for path, callout in self.outcomes(paths, "--retry", "none"):
            with self.subTest(path):
                self.assertEqual(callout["state"], "delivered", callout)
                self.assertEqual(callout["attempts"][0]["status"], 200)
                self.assertLessEqual(len(callout["attempts"][0]["response_excerpt"]), 6 * 4096)

    def test_answers_that_are_none(self):
        paths = ["/reset", "/silent-close", "/garbage", "/garbage?text=HTTP/1.1%202OO%20OK%0D%0A%0D%0A",
                 "/garbage?text=HTTP/9.9%20200%20OK%0D%0A%0D%0A", "/informational?n=30",
                 "/garbage?text=HTTP/1.1%20101%20Switching%0D%0A%0D%0A"]
        for path, callout in self.outcomes(paths, "--retry", "none"):
            with self.subTest(path):
                self.assertEqual((callout["state"], callout["reason"]), ("dead", "attempts_exhausted"), callout)
                self.assertEqual(callout["attempts"][0]["outcome"], "retry")
                self.assertTrue(callout["attempts"][0]["error"])

    def test_an_answer_nobody_asked_for_is_not_the_next_callouts(self):
        self.add_notification(self.receiver.url("/unsolicited"), "n", "--retry", "none", "--max-in-flight", "1")
        callouts = [self.fire()["n"] for _ in range(20)]
        for callout in callouts:
            self.callout_in_state(callout, "delivered")
        self.assertEqual(len(self.receiver.log("/unsolicited")), 20)

    def test_a_silent_receiver_is_cut_at_the_total_deadline(self):
        for path, callout in self.outcomes(["/hold"], "--retry", "none", "--timeout", "400ms"):
            self.assertEqual(callout["state"], "dead", path)
            self.assertIn("timeout", callout["attempts"][0]["error"])


class Unauthorized(DeliveryTest):
    """401 with OAuth 2.0: one new token, one resend, still the same attempt (E-58, T-03)."""

    def setUp(self):
        super().setUp()
        self.tokens = self.part(HostileTokenServer)
        self.add_provider(self.tokens.url("/ok"))
        self.bearer = ("--auth", "oauth2", "--provider", "crm", "--retry", "schedule=1s,1s")

    def test_one_new_token_and_one_resend_within_the_attempt(self):
        self.receiver.set(accepted=["token-2"])
        self.add_notification(self.receiver.url("/bearer"), "n", *self.bearer)
        callout = self.callout_in_state(self.fire()["n"], "delivered")
        self.assertEqual(callout["provider"], "crm")
        self.assertEqual([(attempt["number"], attempt["resend"], attempt["status"], attempt["token_generation"])
                          for attempt in callout["attempts"]], [(1, False, 401, 1), (1, True, 200, 2)])
        headers = [self.headers(request) for request in self.receiver.log("/bearer")]
        self.assertEqual([sent["herald-attempt"] for sent in headers], ["1", "1"])
        self.assertEqual({sent["webhook-id"] for sent in headers}, {callout["id"]})
        self.assertEqual(len(self.tokens.log("/ok")), 2)

    def test_a_receiver_that_always_refuses_cannot_stop_the_others(self):
        self.receiver.set(accepted=[])
        self.add_notification(self.receiver.url("/bearer"), "bad", *self.bearer)
        self.add_notification(self.receiver.url("/ok"), "good", *self.bearer)
        callouts = [self.fire() for _ in range(40)]
        for fired in callouts:
            self.callout_in_state(fired["good"], "delivered")
            self.assertEqual(self.callout_in_state(fired["bad"], "dead", timeout=60)["reason"], "attempts_exhausted")
        self.assertEqual(self.herald.must("provider", "show", "crm")["state"], "authorized")
        self.assertLessEqual(len(self.tokens.log("/ok")), 6, "forced refreshes are limited")

    def test_without_oauth_a_401_is_a_failed_attempt(self):
        self.add_notification(self.receiver.url("/sequence/401,200"), "n", "--retry", "schedule=1s")
        callout = self.callout_in_state(self.fire()["n"], "delivered")
        self.assertEqual([(attempt["number"], attempt["resend"]) for attempt in callout["attempts"]],
                         [(1, False), (2, False)])

    def test_403_asks_for_no_new_token(self):
        self.add_notification(self.receiver.url("/sequence/403,200"), "n", *self.bearer)
        self.callout_in_state(self.fire()["n"], "delivered")
        self.assertEqual(len(self.tokens.log("/ok")), 1)


class Lanes(DeliveryTest):
    def test_never_more_in_flight_than_allowed(self):
        self.add_notification(self.receiver.url("/hold"), "n", "--max-in-flight", "3")
        callouts = [self.fire()["n"] for _ in range(10)]
        self.receiver.wait(3, "/hold")
        self.assertEqual(self.receiver.wait(4, "/hold", timeout=0.5), 3)
        self.receiver.release()
        for callout in callouts:
            self.callout_in_state(callout, "delivered")

    def test_a_stuck_receiver_does_not_hold_up_another(self):
        self.add_notification(self.receiver.url("/hold"), "stuck", "--max-in-flight", "4")
        self.add_notification(self.receiver.url("/ok"), "well")
        callouts = [self.fire() for _ in range(100)]
        for fired in callouts:
            self.callout_in_state(fired["well"], "delivered")
        self.assertEqual(len(self.receiver.log("/hold")), 4)

    def test_a_paused_lane_holds_and_resumes(self):
        self.add_notification(self.receiver.url("/ok"), "n")
        self.herald.must("notification", "pause", "n")
        callout = self.fire()["n"]
        self.assertEqual(self.herald.must("callout", "show", callout)["reason"], "paused")
        self.herald.must("notification", "resume", "n")
        self.assertEqual(len(self.callout_in_state(callout, "delivered")["attempts"]), 1)

    def test_a_rate_is_kept(self):
        self.add_notification(self.receiver.url("/ok"), "n", "--rate", "20/s")
        for _ in range(50):
            self.fire()
        self.assertEqual(self.receiver.wait(50, "/ok", timeout=30), 50)
        arrived = [request["at"] for request in self.receiver.log("/ok")]
        self.assertGreaterEqual(arrived[-1] - arrived[0], 1.0)
        busiest = max(sum(1 for at in arrived if start <= at < start + 1) for start in arrived)
        self.assertLessEqual(busiest, 45, "20 a second and at most a second's burst")

    def test_an_unreachable_receiver_is_tried_again(self):
        self.add_notification("http://127.0.0.1:1/nobody", "n", "--retry", "schedule=1s")
        callout = self.callout_in_state(self.fire()["n"], "dead")
        self.assertEqual(len(callout["attempts"]), 2)
        self.assertTrue(all("connect" in attempt["error"] for attempt in callout["attempts"]), callout)

    def test_a_deletion_lets_attempts_in_flight_end_cancels_the_rest_and_keeps_the_history(self):
        self.add_notification(self.receiver.url("/hold"), "n", "--max-in-flight", "2", "--timeout", "2s")
        callouts = [self.fire()["n"] for _ in range(5)]
        self.receiver.wait(2, "/hold")
        self.refused(4, "notification_in_use", "notification", "delete", "n")
        self.herald.must("notification", "delete", "n", "--cancel-pending")
        shown = [self.herald.must("callout", "show", callout) for callout in callouts]
        self.assertEqual({callout["state"] for callout in shown}, {"cancelled"})
        self.assertEqual(sorted(len(callout["attempts"]) for callout in shown), [0, 0, 0, 1, 1])
        self.assertEqual(len(self.receiver.log("/hold")), 2)


if __name__ == "__main__":
    unittest.main()
