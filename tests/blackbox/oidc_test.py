"""Against node-oidc-provider, a certified authorization server: obtain, refresh, revoke, expire, restart."""

import time
import unittest

from herald_harness import HeraldTest, eventually
from parts import AuthorizationServer, HostileTokenServer


class OidcTest(HeraldTest):
    with_daemon = True
    lifetime = 600

    def setUp(self):
        super().setUp()
        self.server = self.part(AuthorizationServer, self.lifetime)

    def add_machine(self, name="machine", client="plain", secret="plain-secret-0123456789", *more):
        return self.herald.must(
            "provider", "add", name, "--client-id", client, "--client-secret-file", self.herald.file(secret),
            "--token-url", self.server.url("/token"), "--revoke-url", self.server.url("/token/revocation"),
            "--test-url", self.server.admin_url("/resource"), *more)

    def add_refresher(self, name="refresher"):
        return self.herald.must(
            "provider", "add", name, "--grant", "refresh_token", "--client-id", "refresher",
            "--client-secret-file", self.herald.file(self.server.REFRESHER_SECRET),
            "--refresh-token-file", self.herald.file(self.server.mint_refresh_token()),
            "--token-url", self.server.url("/token"), "--revoke-url", self.server.url("/token/revocation"),
            "--test-url", self.server.admin_url("/resource"))

    def add_resource_notification(self, provider, *more):
        return self.add_notification(self.server.admin_url("/resource"), "posted", "--auth", "oauth2",
                                     "--provider", provider, *more)

    def fire(self):
        status, fired = self.herald.api("POST", "/v1/events", {"type": "invoice.posted", "data": {}})
        self.assertEqual(status, 202, fired)
        return fired["callouts"][0]["id"]


class Authorization(OidcTest):
    def test_obtain_test_and_revoke(self):
        self.add_machine("machine", "plain", "plain-secret-0123456789", "--scope", "read write")
        token = self.herald.must("token", "obtain", "machine")
        self.assertEqual((token["state"], sorted(token["scopes"])), ("authorized", ["read", "write"]))
        self.assertEqual(self.herald.must("token", "test", "machine")["verdict"], "accepted")
        self.assertEqual(self.herald.must("token", "revoke", "machine")["remote"], "done")
        self.assertEqual(self.server.counts()["revocations"], 1)

    def test_a_revoked_token_is_inactive_at_the_server(self):
        echo = self.part(HostileTokenServer)
        self.add_machine()
        self.herald.must("provider", "edit", "machine", "--test-url", echo.url("/test"))
        self.herald.must("token", "obtain", "machine")
        self.herald.must("token", "test", "machine")
        token = dict(echo.log("/test")[0]["headers"])["Authorization"].removeprefix("Bearer ")
        self.assertIs(self.server.introspect(token)["active"], True)
        self.herald.must("token", "revoke", "machine")
        self.assertEqual(self.server.introspect(token), {"active": False})

    def test_a_secret_with_every_special_character_works_both_ways(self):
        for name, client, method in (("basic", self.server.SPECIAL_ID, "client_secret_basic"),
                                     ("post", f"{self.server.SPECIAL_ID}:post", "client_secret_post")):
            with self.subTest(method):
                self.add_machine(name, client, self.server.SPECIAL_SECRET, "--client-auth", method)
                self.assertEqual(self.herald.must("token", "obtain", name)["state"], "authorized")

    def test_a_wrong_secret_is_rejected_and_reset_mends_it(self):
        self.add_machine("machine", "plain", "wrong")
        error = self.refused(1, "oauth_error", "token", "obtain", "machine")
        self.assertEqual((error["details"]["error"], error["details"]["status"]), ("invalid_client", 401))
        self.add_resource_notification("machine")
        callout = self.fire()
        self.herald.must("provider", "reset", "machine", "--client-secret-file",
                         self.herald.file("plain-secret-0123456789"))
        delivered = self.callout_in_state(callout, "delivered")
        self.assertEqual(len(delivered["attempts"]), 1, "waiting for the token spent no attempt")

    def test_refresh_tokens_rotate_and_the_grant_survives(self):
        self.add_refresher()
        generations = [self.herald.must("token", "obtain", "refresher")["generation"]]
        for _ in range(5):
            generations.append(self.herald.must("token", "refresh", "refresher")["generation"])
        self.assertEqual(generations, [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.herald.must("token", "test", "refresher")["verdict"], "accepted")
        self.assertEqual(self.server.counts()["grants_revoked"], 0)

    def test_rotation_survives_kill_9_of_the_daemon(self):
        self.add_refresher()
        for _ in range(5):
            self.herald.must("token", "refresh", "refresher")
            self.herald.kill9()
            self.herald.start()
        self.assertEqual(self.herald.must("token", "refresh", "refresher")["state"], "authorized")
        self.assertEqual(self.server.counts()["grants_revoked"], 0)

    def test_200_refreshes_at_once_never_reuse_a_rotated_token(self):
        self.add_refresher()
        connections = [self.herald.connection() for _ in range(200)]
        for connection in connections:
            connection.request("POST", "/v1/providers/refresher/token/refresh")
        statuses = set()
        for connection in connections:
            statuses.add(connection.getresponse().status)
            connection.close()
        self.assertEqual(statuses, {200})
        self.assertEqual(self.server.counts()["grants_revoked"], 0)

    def test_a_restart_with_a_valid_token_makes_no_token_request(self):
        self.add_machine()
        self.herald.must("token", "obtain", "machine")
        self.add_resource_notification("machine")
        self.assertEqual(self.herald.stop(), 0)
        self.herald.start()
        self.callout_in_state(self.fire(), "delivered")
        self.herald.kill9()
        self.herald.start()
        self.callout_in_state(self.fire(), "delivered")
        self.assertEqual(self.server.counts()["token_requests"], 1)

    def test_tokens_the_server_forgot_are_replaced_after_one_401(self):
        self.add_machine()
        self.add_resource_notification("machine")
        self.callout_in_state(self.fire(), "delivered")
        self.server.forget()
        delivered = self.callout_in_state(self.fire(), "delivered")
        self.assertEqual([(attempt["number"], attempt["resend"], attempt["status"])
                          for attempt in delivered["attempts"]], [(1, False, 401), (1, True, 200)])
        self.assertEqual(self.server.counts()["token_requests"], 2)


class ShortLifetimes(OidcTest):
    lifetime = 2

    def test_callouts_go_on_across_expiries(self):
        self.add_machine()
        self.add_resource_notification("machine")
        callouts = []
        ends_at = time.monotonic() + 3 * self.lifetime + 1
        while time.monotonic() < ends_at:
            callouts.append(self.fire())
            self.callout_in_state(callouts[-1], "delivered")
        counts = self.server.counts()
        self.assertGreaterEqual(counts["token_requests"], 3)
        self.assertLessEqual(counts["token_requests"], 12, "a short lifetime is no reason for a storm")
        self.assertEqual(counts["resource_ok"], len(callouts))
        # This server counts in whole seconds, so it may end a token up to a second before it said.
        self.assertLessEqual(counts["resource_refused"], counts["token_requests"])

    def test_an_expired_token_shows_as_none(self):
        self.add_machine()
        self.herald.must("token", "obtain", "machine")
        shown = eventually(
            lambda: next((provider for provider in [self.herald.must("provider", "show", "machine")]
                          if provider["state"] != "authorized"), None), "the token has expired")
        self.assertEqual((shown["state"], shown["token"]), ("no_token", None))
        self.assertEqual(self.server.counts()["token_requests"], 1, "an idle provider is not refreshed")


if __name__ == "__main__":
    unittest.main()
