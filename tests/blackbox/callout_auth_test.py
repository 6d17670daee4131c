"""Callouts that authenticate with a key pair, a session cookie or a single-use token (tests/parts/zuora_server.py)."""

import json
import unittest

from herald_harness import HeraldTest, eventually, with_and_without_daemon
from parts import ZuoraServer

SIGNATURE_BODY = '{"uri": "{{ data.uri }}", "method": "POST", "pageId": "{{ data.page | "p-1" }}"}'
DATA = '{"uri":"https://x.example/a?b=\\"c\\""}'


class WithZuora:
    def setUp(self):
        super().setUp()
        self.zuora = self.part(ZuoraServer)

    def key_files(self, key_id=ZuoraServer.KEY_ID, secret=ZuoraServer.KEY_SECRET):
        return ("--key-id-file", self.herald.file(key_id), "--key-secret-file", self.herald.file(secret))

    def add_key_pair(self, *more, name="posted"):
        return self.add_notification(self.zuora.url("/v1/keypair/orders"), name, "--auth", "key-pair",
                                     *self.key_files(), *more)

    def add_session(self, *more, name="posted", key=None):
        return self.add_notification(self.zuora.url("/v1/session/orders"), name, "--auth", "session-cookie",
                                     *(key or self.key_files()), "--login-url", self.zuora.url("/v1/connections"),
                                     *more)

    def add_single_use(self, *more, name="posted", key=None):
        return self.add_notification(self.zuora.url("/v1/hosted/pay"), name, "--auth", "single-use-token",
                                     *(key or self.key_files()), "--signature-url",
                                     self.zuora.url("/v1/rsa-signatures"), "--signature-body",
                                     self.herald.file(SIGNATURE_BODY), *more)

    def headers_at(self, path):
        return [dict(request["headers"]) for request in self.zuora.log(path)]


class CalloutAuthCommands(WithZuora):
    def test_a_key_pair_stands_in_its_headers(self):
        added = self.add_key_pair("--success-field", "/success=true")
        self.assertEqual(added["auth"], {
            "kind": "key_pair", "id_header": "apiAccessKeyId", "secret_header": "apiSecretAccessKey",
            "key_id": "set", "key_secret": "set", "entity_id": None, "entity_name": None})
        attempt = self.herald.must("notification", "test", "posted", "--data", DATA)
        self.assertEqual((attempt["status"], attempt["outcome"]), (200, "delivered"))
        headers = self.headers_at("/v1/keypair/orders")[0]
        self.assertEqual(headers["apiAccessKeyId"], ZuoraServer.KEY_ID)
        self.assertEqual(headers["apiSecretAccessKey"], ZuoraServer.KEY_SECRET)
        self.assertFalse({"entityId", "entityName", "Authorization", "Cookie"} & set(headers))

    def test_a_key_pair_speaks_for_one_entity(self):
        added = self.add_key_pair("--entity-id", ZuoraServer.ENTITY.replace("-", ""), "--success-field",
                                  "/success=true")
        self.assertEqual(added["auth"]["entity_id"], ZuoraServer.ENTITY.replace("-", ""))
        self.herald.must("notification", "test", "posted", "--data", DATA)
        refused = self.refused(2, "invalid_argument", "notification", "edit", "posted", "--entity-name", "Global",
                               field="auth.entity_id")
        self.assertIn("--entity-id ''", refused["message"])
        edited = self.herald.must("notification", "edit", "posted", "--entity-id", "", "--entity-name", "Global")
        self.assertEqual((edited["auth"]["entity_id"], edited["auth"]["entity_name"]), (None, "Global"))
        self.herald.must("notification", "test", "posted", "--data", DATA)
        sent = [(headers.get("entityId"), headers.get("entityName"))
                for headers in self.headers_at("/v1/keypair/orders")]
        self.assertEqual(sent, [(ZuoraServer.ENTITY.replace("-", ""), None), (None, "Global")])

    def test_other_header_names(self):
        self.zuora.set(key_headers=["X-Key", "X-Secret"])
        self.add_key_pair("--key-id-header", "X-Key", "--key-secret-header", "X-Secret", "--success-field",
                          "/success=true")
        self.herald.must("notification", "test", "posted", "--data", DATA)
        self.assertNotIn("apiAccessKeyId", self.headers_at("/v1/keypair/orders")[0])

    def test_a_session_logs_in_and_sends_the_cookie_alone(self):
        self.zuora.set(more_cookies=["lang=en; Path=/", "other=x+/=; HttpOnly"])
        added = self.add_session("--session-timeout", "10m")
        self.assertEqual(added["auth"], {
            "kind": "session_cookie", "login_url": self.zuora.url("/v1/connections"), "session_timeout_s": 600,
            "id_header": "apiAccessKeyId", "secret_header": "apiSecretAccessKey", "key_id": "set",
            "key_secret": "set"})
        self.herald.must("notification", "test", "posted", "--data", DATA)
        login, callout = self.headers_at("/v1/connections")[0], self.headers_at("/v1/session/orders")[0]
        self.assertEqual(login["apiAccessKeyId"], ZuoraServer.KEY_ID)
        self.assertEqual(login["Accept"], "application/json")
        self.assertRegex(login["User-Agent"], r"^herald/")
        self.assertRegex(callout["Cookie"], r"^ZSession=[\w-]+; lang=en; other=x\+/=$")
        self.assertNotIn("apiAccessKeyId", callout)

    def test_a_single_use_token_is_asked_for_and_shown(self):
        added = self.add_single_use()
        self.assertEqual(added["auth"], {
            "kind": "single_use_token", "signature_url": self.zuora.url("/v1/rsa-signatures"), "method": "POST",
            "body_template": SIGNATURE_BODY, "token_pointer": "/token", "signature_pointer": "/signature",
            "token_header": "token", "signature_header": "signature", "id_header": "apiAccessKeyId",
            "secret_header": "apiSecretAccessKey", "key_id": "set", "key_secret": "set"})
        self.herald.must("notification", "test", "posted", "--data", DATA)
        asked = self.zuora.log("/v1/rsa-signatures")[0]
        self.assertEqual(json.loads(asked["body"]),
                         {"uri": 'https://x.example/a?b="c"', "method": "POST", "pageId": "p-1"})
        self.assertEqual(dict(asked["headers"])["Content-Type"], "application/json")
        self.assertEqual(self.zuora.counts()["hosted_ok"], 1)
        self.assertNotIn("apiAccessKeyId", self.headers_at("/v1/hosted/pay")[0])

    def test_kinds_may_be_written_with_underscores_and_left_out_where_they_are_clear(self):
        url = self.zuora.url("/v1/keypair/a")
        pair = self.add_notification(url, "a", "--auth", "key_pair", *self.key_files())
        self.assertEqual(pair["auth"]["kind"], "key_pair")
        session = self.add_notification(url, "b", "--login-url", self.zuora.url("/v1/connections"),
                                        *self.key_files())
        self.assertEqual(session["auth"]["kind"], "session_cookie")
        edited = self.herald.must("notification", "edit", "b", "--session-timeout", "1m")
        self.assertEqual(edited["auth"]["session_timeout_s"], 60)

    def test_options_that_do_not_belong_together(self):
        base = ("notification", "add", "n", "--event", "*", "--url", self.zuora.url("/v1/keypair/a"))
        login = ("--login-url", self.zuora.url("/v1/connections"))
        for flags, field in ((("--auth", "key-pair", *login), "--login-url"),
                             (("--token-pointer", "/a", *login), "--token-pointer"),
                             (("--auth", "oauth2", "--entity-id", "x"), "--entity-id"),
                             (self.key_files(), "--key-id-file"),
                             (("--auth", "key-pair", "--key-id-file", self.herald.file("x")), "auth.key_secret"),
                             (("--auth", "session-cookie", *self.key_files()), "auth.login_url"),
                             (("--auth", "session-cookie", *self.key_files(), *login, "--session-timeout", "1500ms"),
                              "--session-timeout"),
                             (("--auth", "session-cookie", *self.key_files(), *login, "--session-timeout", "25h"),
                              "auth.session_timeout_s"),
                             (("--auth", "session-cookie", *self.key_files(), "--login-url", "http://a.example/"),
                              "auth.login_url")):
            with self.subTest(flags):
                self.refused(2, "invalid_argument", *base, *flags, field=field)

    def test_preview_masks_everything_and_sends_nothing(self):
        self.add_key_pair(name="pair")
        self.add_session(name="session")
        self.add_single_use(name="single")
        headers = {name: self.herald.must("notification", "preview", name, "--data", DATA)["headers"]
                   for name in ("pair", "session", "single")}
        mask = "********"
        self.assertEqual((headers["pair"]["apiAccessKeyId"], headers["pair"]["apiSecretAccessKey"]), (mask, mask))
        self.assertEqual(headers["session"]["Cookie"], mask)
        self.assertEqual((headers["single"]["token"], headers["single"]["signature"]), (mask, mask))
        self.assertEqual(self.zuora.summary()["requests"], 0)

    def test_a_wrong_key_pair_is_told_by_test_without_a_secret(self):
        wrong = self.key_files(secret="CANARY-wrong-secret")
        self.add_session(name="session", key=wrong)
        self.add_single_use(name="single", key=wrong)
        for name, why in (("session", "sets no cookie"), ("single", "nothing at /token")):
            with self.subTest(name):
                result = self.herald.run("notification", "test", name, "--data", DATA, json=True)
                self.assertEqual((result.exit, result.error["code"]), (1, "auth_unavailable"), result)
                self.assertIn(why, result.error["message"])
                self.assertNotIn("CANARY", result.stderr)
        self.assertEqual(self.zuora.counts()["session_ok"] + self.zuora.counts()["hosted_ok"], 0)


class CalloutAuthDelivery(WithZuora, HeraldTest):
    with_daemon = True

    def fire(self, count=1):
        lines = "".join(json.dumps({"type": "invoice.posted", "data": json.loads(DATA)}) + "\n" for _ in range(count))
        status, imported = self.herald.api("POST", "/v1/events", lines, content_type="application/x-ndjson")
        self.assertEqual((status // 100, imported["accepted"]), (2, count), imported)

    def fire_one(self):
        return self.herald.must("event", "fire", "invoice.posted", "--data", DATA)["callouts"][0]["id"]

    def delivered(self, count):
        eventually(lambda: self.herald.api("GET", "/v1/stats")[1]["callouts"]["delivered"] >= count,
                   f"{count} delivered", 60)

    def attempts_of(self, callout):
        return self.herald.api("GET", f"/v1/callouts/{callout}")[1]["attempts"]

    def test_a_hundred_callouts_share_one_login(self):
        self.zuora.set(held=["/v1/connections"])
        self.add_session("--max-in-flight", "100")
        self.fire(100)
        self.zuora.wait(1, "/v1/connections")
        self.assertEqual(self.zuora.wait(2, "/v1/connections", timeout=1), 1, "the others wait for the first")
        self.zuora.set(held=[])
        self.zuora.release("/v1/connections")
        self.delivered(100)
        counts = self.zuora.counts()
        self.assertEqual((counts["logins"], counts["session_ok"]), (1, 100))

    def test_an_expired_session_costs_one_login_and_no_attempt(self):
        self.add_session("--max-in-flight", "100")
        self.delivered_by_one()
        self.zuora.expire("sessions")
        self.fire(50)
        callout = self.fire_one()
        self.delivered(52)
        self.assertEqual({entry["number"] for entry in self.attempts_of(callout)}, {1})
        self.assertEqual(self.zuora.counts()["logins"], 2)

    def delivered_by_one(self):
        self.callout_in_state(self.fire_one(), "delivered")

    def test_a_401_is_a_resend_of_the_same_attempt(self):
        self.add_session()
        self.delivered_by_one()
        self.zuora.expire("sessions")
        callout = self.fire_one()
        self.callout_in_state(callout, "delivered")
        self.assertEqual([(entry["number"], entry["resend"], entry["status"]) for entry in self.attempts_of(callout)],
                         [(1, False, 401), (1, True, 200)])

    def test_the_session_outlives_its_timeout_while_it_is_used(self):
        self.zuora.set(session_timeout=100)
        self.add_session("--session-timeout", "100s")
        for _ in range(4):
            self.delivered_by_one()
            self.zuora.advance(60)
        self.assertEqual(self.zuora.counts()["logins"], 1)

    def test_a_failing_login_spends_nothing_and_the_next_one_delivers(self):
        self.zuora.fail("/v1/connections", 503, times=2)
        self.add_session()
        callout = self.fire_one()
        waiting = self.callout_in_state(callout, "pending")
        eventually(lambda: self.herald.api("GET", f"/v1/callouts/{callout}")[1]["reason"] ==
                   "auth_unavailable:posted", "it says why it waits")
        self.assertEqual(waiting["attempts"], [])
        self.callout_in_state(callout, "delivered")
        self.assertEqual([(entry["number"], entry["status"]) for entry in self.attempts_of(callout)], [(1, 200)])
        warnings = [line for line in self.herald.log().splitlines() if "callout_auth_unavailable" in line]
        self.assertEqual(len(warnings), 1, "once per state change")
        self.assertIn("it answered 503", warnings[0])

    def test_a_wrong_key_pair_waits_for_its_edit(self):
        self.add_session(key=self.key_files(secret="CANARY-wrong-secret"))
        callout = self.fire_one()
        self.zuora.wait(2, "/v1/connections")
        self.herald.must("notification", "edit", "posted", "--auth", "session-cookie", *self.key_files())
        self.callout_in_state(callout, "delivered")
        self.assertNotIn("CANARY", self.herald.log())

    def test_no_token_is_used_twice(self):
        self.add_single_use("--max-in-flight", "50", "--retry", "schedule=1s,1s,1s")
        self.zuora.fail("/v1/hosted/", 500, times=5)
        self.fire(50)
        self.delivered(50)
        counts = self.zuora.counts()
        self.assertEqual((counts["hosted_ok"], counts["hosted_replayed"], counts["signatures"]), (50, 0, 55))
        pairs = {(headers["token"], headers["signature"]) for headers in self.headers_at("/v1/hosted/pay")}
        self.assertEqual(len(pairs), 55)

    def test_a_failing_signature_resource_spends_nothing(self):
        self.zuora.fail("/v1/rsa-signatures", 500, times=1)
        self.add_single_use()
        callout = self.fire_one()
        self.callout_in_state(callout, "delivered")
        self.assertEqual([(entry["number"], entry["status"]) for entry in self.attempts_of(callout)], [(1, 200)])
        self.assertEqual(len(self.zuora.log("/v1/hosted/pay")), 1)

    def test_a_refused_callout_with_a_success_field_is_retried_as_before(self):
        self.add_key_pair("--success-field", "/success=true", "--retry", "schedule=1s")
        self.zuora.set(key_pair=["other", "other"])
        callout = self.fire_one()
        eventually(lambda: self.attempts_of(callout), "one attempt")
        self.zuora.set(key_pair=[ZuoraServer.KEY_ID, ZuoraServer.KEY_SECRET])
        self.callout_in_state(callout, "delivered")
        self.assertEqual([entry["outcome"] for entry in self.attempts_of(callout)], ["retry", "delivered"])

    def test_no_secret_comes_out(self):
        self.herald.stop()
        self.herald.start(environment={"HERALD_LOG": "debug"})
        self.add_key_pair("--success-field", "/success=true", name="pair")
        self.add_session(name="session")
        self.add_single_use(name="single")
        self.fire(3)
        self.delivered(9)
        shown = self.herald.log()
        for words in (("notification", "list"), ("callout", "list"), ("stats",)):
            for as_json in (False, True):
                result = self.herald.run(*words, json=as_json)
                shown += result.stdout + result.stderr
        for callout in self.herald.must("callout", "list")["items"]:
            shown += self.herald.run("callout", "show", callout["id"], json=True).stdout
        for path in self.herald.directory.glob("herald.db*"):
            if path.is_file():
                shown += path.read_bytes().decode("latin-1")
        secrets = {ZuoraServer.KEY_ID, ZuoraServer.KEY_SECRET}
        for headers in self.headers_at("/v1/"):
            secrets |= {headers.get(name) for name in ("Cookie", "token", "signature")} - {None}
        self.assertGreaterEqual(len(secrets), 2 + 1 + 6)
        for secret in secrets | {cookie.partition("=")[2] for cookie in secrets if "ZSession" in cookie}:
            self.assertNotIn(secret, shown)


with_and_without_daemon(CalloutAuthCommands, globals())

if __name__ == "__main__":
    unittest.main()
