"""What a misbehaving token endpoint may cause, row by row (E-21 to E-32, E-46 to E-50, T-06, T-07)."""

import datetime
import unittest

from herald_harness import HeraldTest, eventually, fingerprint
from parts import HostileTokenServer, Receiver

DAY = 86_400

# path, lifetime in seconds as stored (None: not usable afterwards), token (None: the server's usual one)
ACCEPTED = [
    ("expires-string", 3600, None), ("expires-decimal", 3600, None), ("expires-decimal-string", 3599, None),
    ("expires-huge", DAY, None), ("expires-2-63", DAY, None), ("ms", DAY, None), ("expires-null", 300, None),
    ("expires-true", 300, None), ("expires-array", 300, None), ("expires-words", 300, None),
    ("expires-nan", 300, None), ("no-expires", 300, None), ("expires-short", 5, None),
    ("expires-zero", None, None), ("expires-negative", None, None),
    ("escapes", 3600, "a/b+c"), ("duplicate", 3600, "last"), ("form", 3600, "form-token"), ("bom", 3600, None),
    ("json-as-html", 3600, None), ("created", 3600, None), ("no-type", 3600, None), ("odd-case-type", 3600, None),
    ("bearer-token-type", 3600, None), ("many-members", 3600, None), ("chunked", 3600, None),
    ("long-token", 3600, "L" * 60_000), ("odd-alphabet", 3600, "00Dx!a{b}|c"),
]

MALFORMED = [
    "html200", "big-token", "crlf-token", "nul-token", "number-token", "empty-token", "blank-token",
    "null-word-token", "no-token", "mac", "crlf-type", "utf16", "trailing", "cut-json", "no-body", "deep", "array",
    "gzip", "big-body",
]

# path, OAuth error, state
REFUSED = [
    ("invalid-client", "invalid_client", "rejected"), ("unauthorized-client", "unauthorized_client", "rejected"),
    ("invalid-scope", "invalid_scope", "rejected"), ("unsupported-grant", "unsupported_grant_type", "rejected"),
    ("error200", "invalid_client", "rejected"), ("strange-error", "out_of_cheese", "failing"),
]

# path, last_error.class (one of)
TRANSIENT = [
    ("status/500", {"http"}), ("status/503", {"http"}), ("status/429?retry-after=1", {"http"}),
    ("status/429?retry-after=soon", {"http"}), ("status/408", {"http"}), ("error-with-503", {"http", "oauth"}),
    ("reset-after-request", {"connect", "http", "timeout"}), ("cut-chunked", {"http", "malformed", "connect"}),
]


class TokenEndpoint(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.tokens = self.part(HostileTokenServer)

    def obtain(self, path, name="crm"):
        self.add_provider(self.tokens.url(f"/{path}"), name)
        return self.herald.run("token", "obtain", name, json=True)

    def show(self, name="crm"):
        return self.herald.must("provider", "show", name)

    def only_one_request(self, path):
        self.requests_are(path, 1)

    def requests_are(self, path, count):
        self.assertEqual([request["target"] for request in self.tokens.log() if request["target"] == f"/{path}"],
                         [f"/{path}"] * count)


class Answers(TokenEndpoint):
    def test_answers_that_give_a_token(self):
        for number, (path, lifetime, token) in enumerate(ACCEPTED):
            with self.subTest(path):
                result = self.obtain(path, f"p{number}")
                self.assertEqual(result.exit, 0, f"\n{result}")
                shown = self.show(f"p{number}")
                if lifetime is None:
                    self.assertEqual((shown["state"], shown["token"]), ("no_token", None))
                    continue
                self.assertEqual(result.json["fingerprint"], fingerprint(token or "opaque-token-value"))
                obtained, expires = (datetime.datetime.fromisoformat(shown["token"][name].replace("Z", "+00:00"))
                                     for name in ("obtained_at", "expires_at"))
                self.assertAlmostEqual((expires - obtained).total_seconds(), lifetime, delta=2)

    def test_scope_comes_as_text_or_list(self):
        for number, path in enumerate(("scope-array", "scope-comma")):
            with self.subTest(path):
                self.assertEqual(sorted(self.obtain(path, f"p{number}").json["scopes"]), ["read", "write"])

    def test_answers_that_are_no_token_response(self):
        for number, path in enumerate(MALFORMED):
            with self.subTest(path):
                name = f"p{number}"
                result = self.obtain(path, name)
                self.assertEqual((result.exit, result.error.get("code")), (1, "malformed_token_response"),
                                 f"\n{result}")
                provider = self.show(name)
                self.assertEqual((provider["last_error"]["class"], provider["token"]), ("malformed", None))
                self.assertIn(provider["state"], ("failing", "rejected"))
                self.assertNotIn("opaque-token-value", result.stderr)
                self.only_one_request(path)

    def test_refusals_of_the_authorization_server(self):
        for number, (path, error, state) in enumerate(REFUSED):
            with self.subTest(path):
                result = self.obtain(path, f"p{number}")
                self.assertEqual((result.exit, result.error.get("code")), (1, "oauth_error"), f"\n{result}")
                self.assertEqual(result.error["details"]["error"], error)
                provider = self.show(f"p{number}")
                self.assertEqual((provider["state"], provider["last_error"]["class"],
                                  provider["last_error"]["code"]), (state, "oauth", error))

    def test_a_dead_refresh_token_needs_setup(self):
        self.herald.must("provider", "add", "crm", "--grant", "refresh_token", "--client-id", "c",
                         "--client-secret-file", self.herald.file("x"), "--refresh-token-file",
                         self.herald.file("dead"), "--token-url", self.tokens.url("/invalid-grant"))
        self.refused(1, "oauth_error", "token", "obtain", "crm")
        self.assertEqual(self.show()["state"], "needs_setup")

    def test_transient_failures(self):
        for number, (path, classes) in enumerate(TRANSIENT):
            with self.subTest(path):
                result = self.obtain(path, f"p{number}")
                self.assertEqual(result.exit, 1, f"\n{result}")
                provider = self.show(f"p{number}")
                self.assertEqual(provider["state"], "failing", provider)
                self.assertIn(provider["last_error"]["class"], classes)
                # A kept connection that ends without a byte is tried once more on a fresh one.
                self.requests_are(path, 2 if path == "reset-after-request" else 1)

    def test_what_a_server_says_is_shown_without_control_characters(self):
        result = self.obtain("description-with-escape")
        self.assertEqual(result.exit, 1, f"\n{result}")
        self.assertNotIn("\\u001b", result.stderr)
        plain = self.herald.run("token", "obtain", "crm")
        self.assertNotIn("\x1b", plain.stderr)
        self.assertEqual(len(plain.stderr.splitlines()), 1)

    def test_redirects_are_never_followed_and_the_target_sees_nothing(self):
        target = self.part(Receiver)
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status):
                result = self.obtain(f"redirect?status={status}&to={target.url('/ok')}", f"p{status}")
                self.assertEqual(result.exit, 1, f"\n{result}")
                self.assertEqual(self.show(f"p{status}")["last_error"]["class"], "redirect")
                result = self.obtain(f"redirect?status={status}&to=/ok", f"q{status}")
                self.assertEqual(result.exit, 1, f"\n{result}")
        self.assertEqual(target.summary(), {"connections": 0, "bytes": 0, "requests": 0})
        self.assertEqual(self.tokens.log("/ok"), [])

    def test_a_failed_answer_leaves_the_old_token_alone(self):
        for number, path in enumerate(("html200", "crlf-token", "cut-chunked", "invalid-client", "big-body")):
            with self.subTest(path):
                name = f"p{number}"
                self.tokens.set(script={name: ["/ok", f"/{path}"]})
                self.assertEqual(self.obtain(f"script/{name}", name).exit, 0)
                before = self.show(name)["token"]
                self.assertEqual(self.herald.run("token", "refresh", name).exit, 1)
                self.assertEqual(self.show(name)["token"], before)


class Deadlines(TokenEndpoint):
    """A total deadline, whatever the server does meanwhile; the setting makes it short here."""

    def obtain_with_deadline(self, path):
        status, document = self.herald.api("POST", "/v1/providers", {
            "name": "slow", "client_id": "c", "client_secret": "x", "token_endpoint": self.tokens.url(path),
            "settings": {"request_timeout_ms": 700}})
        self.assertEqual(status // 100, 2, document)
        result = self.herald.run("token", "obtain", "slow", json=True, timeout=30)
        self.assertEqual((result.exit, result.error.get("code")), (1, "token_endpoint_unreachable"), f"\n{result}")
        self.assertEqual(self.show("slow")["last_error"]["class"], "timeout")

    def test_a_silent_server(self):
        self.obtain_with_deadline("/hang")

    def test_a_byte_now_and_then(self):
        self.obtain_with_deadline("/drip")

    def test_an_endless_answer_is_cut_by_its_size(self):
        result = self.obtain("endless")
        self.assertEqual((result.exit, result.error.get("code")), (1, "malformed_token_response"), f"\n{result}")


class Callouts(TokenEndpoint):
    """While a provider gives no token its callouts are parked: no attempt is spent, and they resume (T-04, T-05)."""

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)

    def fire_with(self, answers):
        self.tokens.set(script={"plan": answers})
        self.add_provider(self.tokens.url("/script/plan"))
        self.add_notification(self.receiver.url("/ok"), "posted", "--auth", "oauth2", "--provider", "crm")
        fired = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        return fired["callouts"][0]["id"]

    def parked(self, callout):
        def reason():
            shown = self.herald.must("callout", "show", callout)
            return shown if shown["reason"] == "auth_unavailable:crm" else None
        shown = eventually(reason, "the callout is parked")
        self.assertEqual((shown["state"], shown["attempts"]), ("pending", []))

    def test_a_token_endpoint_that_fails_for_a_while(self):
        callout = self.fire_with(["/status/503", "/reset-after-request", "/status/429?retry-after=1", "/ok"])
        delivered = self.callout_in_state(callout, "delivered", timeout=60)
        self.assertEqual([attempt["number"] for attempt in delivered["attempts"]], [1])
        self.assertEqual(len(self.tokens.log("/script/plan")), 4)

    def test_a_rejected_client_parks_until_a_person_mends_it(self):
        callout = self.fire_with(["/invalid-client", "/ok"])
        self.parked(callout)
        self.assertEqual(self.show()["state"], "rejected")
        self.assertEqual(len(self.tokens.log("/script/plan")), 1, "no storm")
        self.herald.must("provider", "reset", "crm", "--client-secret-file", self.herald.file("mended"))
        delivered = self.callout_in_state(callout, "delivered")
        self.assertEqual(len(delivered["attempts"]), 1)

    def test_a_manual_obtain_resumes_parked_callouts(self):
        callout = self.fire_with(["/html200", "/invalid-client", "/ok"])
        self.parked(callout)
        eventually(lambda: self.show()["state"] == "rejected", "the second answer came")
        self.herald.must("token", "obtain", "crm")
        self.callout_in_state(callout, "delivered")

    def test_a_token_with_a_line_break_never_reaches_a_receiver(self):
        callout = self.fire_with(["/crlf-token"])
        self.parked(callout)
        self.assertEqual(self.receiver.summary()["bytes"], 0)

    def test_a_token_that_is_already_expired_serves_those_who_waited(self):
        callout = self.fire_with(["/expires-zero", "/ok"])
        self.callout_in_state(callout, "delivered")
        self.assertEqual(dict(self.receiver.log("/ok")[0]["headers"])["Authorization"],
                         "Bearer opaque-token-value")

    def test_no_token_is_sent_after_its_expiry(self):
        self.add_provider(self.tokens.url("/ok?expires_in=1"))
        self.add_notification(self.receiver.url("/ok"), "posted", "--auth", "oauth2", "--provider", "crm")
        connection = self.herald.connection()
        fired = 0
        while len(self.tokens.log("/ok")) < 4:
            self.assertEqual(connection.call("POST", "/v1/events", {"type": "invoice.posted", "data": {}})[0], 202)
            fired += 1
            self.assertEqual(self.receiver.wait(fired, "/ok"), fired)
        connection.close()
        issued = {f"Bearer token-{number}": request["at"] for number, request in
                  enumerate(self.tokens.log("/ok"), 1)}
        for request in self.receiver.log("/ok"):
            age = request["at"] - issued[dict(request["headers"])["Authorization"]]
            self.assertLess(age, 1.0, "sent after it had expired")

    def test_a_disabled_provider_parks_its_callouts(self):
        self.add_provider(self.tokens.url("/ok"))
        self.add_notification(self.receiver.url("/ok"), "posted", "--auth", "oauth2", "--provider", "crm")
        self.herald.must("provider", "disable", "crm")
        callout = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")["callouts"][0]["id"]
        self.parked(callout)
        self.assertEqual(self.tokens.log("/ok"), [])
        self.herald.must("provider", "enable", "crm")
        self.callout_in_state(callout, "delivered")

    def test_a_revoked_provider_obtains_nothing_by_itself(self):
        self.add_provider(self.tokens.url("/ok"), "crm", "--revoke-url", self.tokens.url("/revoke"))
        self.add_notification(self.receiver.url("/ok"), "posted", "--auth", "oauth2", "--provider", "crm")
        self.herald.must("token", "obtain", "crm")
        self.herald.must("token", "revoke", "crm")
        callout = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")["callouts"][0]["id"]
        self.parked(callout)
        self.assertEqual(len(self.tokens.log("/ok")), 1)
        self.herald.must("token", "obtain", "crm")
        self.callout_in_state(callout, "delivered")


if __name__ == "__main__":
    unittest.main()
