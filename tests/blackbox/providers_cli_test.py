"""Every provider and token command of the contract (section 3), in process and over the daemon's socket."""

import fcntl
import socket
import struct
import termios
import unittest

import shapes
from herald_harness import eventually, fingerprint, with_and_without_daemon
from parts import HostileTokenServer


def unread_bytes(connection):
    """How much of what was sent the other end of this Unix socket has not read yet."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]


class WithTokenServer:
    def setUp(self):
        super().setUp()
        self.tokens = self.part(HostileTokenServer)

    def requests(self, path):
        return len(self.tokens.log(path))

    def show(self, name="crm"):
        return self.herald.must("provider", "show", name)


class ProviderCommands(WithTokenServer):
    def test_add_prints_the_provider_with_the_defaults_and_never_uses_the_network(self):
        provider = self.add_provider(self.tokens.url("/ok"))
        self.has_shape(provider, shapes.PROVIDER)
        self.assertRegex(provider["id"], r"^prv_[0-9A-Za-z-]+$")
        expected = {"name": "crm", "kind": "generic", "enabled": True, "grant_type": "client_credentials",
                    "client_id": "client", "client_secret": "set", "revocation_endpoint": None,
                    "client_authentication": "client_secret_post", "test_endpoint": None, "scopes": [],
                    "parameters": {}, "settings": {}, "state": "no_token", "token": None,
                    "last_error": None, "used_by": [], "token_endpoint": self.tokens.url("/ok")}
        self.assertEqual({name: provider[name] for name in expected}, expected)
        self.assertEqual(self.show(), provider)
        self.assertEqual(self.tokens.summary()["connections"], 0)

    def test_add_keeps_every_flag(self):
        provider = self.add_provider(
            self.tokens.url("/ok?tenant=7"), "crm", "--client-auth", "client_secret_basic",
            "--revoke-url", self.tokens.url("/revoke"), "--test-url", self.tokens.url("/test"),
            "--scope", "read  write,admin", "--scope", "read other", "--param", "account=a b&c",
            "--audience", "https://api.example.com", "--resource", "https://one.example.com")
        self.assertEqual(provider["scopes"], ["read", "write", "admin", "other"])
        self.assertEqual(provider["client_authentication"], "client_secret_basic")
        self.assertEqual(provider["parameters"], {"account": "a b&c"})
        self.assertEqual(provider["token_endpoint"], self.tokens.url("/ok?tenant=7"))
        self.assertEqual(provider["revocation_endpoint"], self.tokens.url("/revoke"))
        self.assertEqual(provider["test_endpoint"], self.tokens.url("/test"))

    def test_the_secret_may_come_on_standard_input_and_loses_one_newline(self):
        self.herald.must("provider", "add", "crm", "--client-id", "client", "--client-secret-file", "-",
                         "--token-url", self.tokens.url("/ok"), stdin="from-stdin\n\n")
        self.herald.must("token", "obtain", "crm")
        self.assertIn("client_secret=from-stdin%0A", self.tokens.log("/ok")[0]["body"])
        self.assertNotIn("client_secret=from-stdin%0A%0A", self.tokens.log("/ok")[0]["body"])

    def test_a_name_can_be_taken_once(self):
        self.add_provider(self.tokens.url("/ok"))
        error = self.refused(4, "provider_exists", "provider", "add", "crm", "--client-id", "other",
                             "--client-secret-file", self.herald.file("x"), "--token-url",
                             self.tokens.url("/other"))
        self.assertIn("crm", error["message"])
        self.assertEqual(self.show()["client_id"], "client")

    def test_list_is_an_array_of_what_show_prints(self):
        self.given_an_empty_database()
        self.assertEqual(self.herald.must("provider", "list"), [])
        self.add_provider(self.tokens.url("/ok"), "one")
        self.add_provider(self.tokens.url("/ok"), "two")
        self.assertEqual(self.herald.must("provider", "list"), [self.show("one"), self.show("two")])

    def test_what_is_not_there_is_exit_3(self):
        self.given_an_empty_database()
        for command in (("provider", "show"), ("provider", "edit", "--client-id", "x"), ("provider", "reset"),
                        ("provider", "enable"), ("provider", "disable"), ("provider", "delete"),
                        ("token", "obtain"), ("token", "refresh"), ("token", "test"), ("token", "revoke"),
                        ("token", "show")):
            with self.subTest(command):
                error = self.refused(3, "not_found", *command[:2], "nobody", *command[2:])
                self.assertIn("nobody", error["message"])

    def test_edit_changes_what_is_given_and_keeps_the_secret(self):
        self.add_provider(self.tokens.url("/ok"), secret="kept-secret")
        edited = self.herald.must("provider", "edit", "crm", "--client-id", "new", "--scope", "read")
        self.assertEqual((edited["client_id"], edited["scopes"], edited["client_secret"]),
                         ("new", ["read"], "set"))
        self.assertEqual(edited["token_endpoint"], self.tokens.url("/ok"))
        self.assertEqual(edited, self.show())
        self.herald.must("token", "obtain", "crm")
        body = self.tokens.log("/ok")[0]["body"]
        self.assertIn("client_secret=kept-secret", body)
        self.assertIn("client_id=new", body)
        self.assertIn("scope=read", body)

    def test_an_edit_that_shapes_another_token_drops_the_token_and_others_do_not(self):
        self.add_provider(self.tokens.url("/ok"))
        self.herald.must("token", "obtain", "crm")
        kept = self.herald.must("provider", "edit", "crm", "--test-url", self.tokens.url("/test"))
        self.assertEqual((kept["state"], kept["token"]["generation"]), ("authorized", 1))
        dropped = self.herald.must("provider", "edit", "crm", "--scope", "write")
        self.assertEqual((dropped["state"], dropped["token"]), ("no_token", None))

    def test_reset_changes_credentials_keeps_the_rest_and_drops_the_token(self):
        self.add_provider(self.tokens.url("/ok"), "crm", "--scope", "read")
        self.herald.must("token", "obtain", "crm")
        reset = self.herald.must("provider", "reset", "crm", "--client-secret-file",
                                 self.herald.file("rotated-secret"))
        self.assertEqual((reset["client_id"], reset["scopes"], reset["state"], reset["token"]),
                         ("client", ["read"], "no_token", None))
        self.herald.must("token", "obtain", "crm")
        self.assertIn("client_secret=rotated-secret", self.tokens.log("/ok")[-1]["body"])

    def test_reset_without_flags_keeps_the_credentials(self):
        self.add_provider(self.tokens.url("/ok"), secret="kept-secret")
        self.herald.must("token", "obtain", "crm")
        self.assertIsNone(self.herald.must("provider", "reset", "crm")["token"])
        self.herald.must("token", "obtain", "crm")
        self.assertIn("client_secret=kept-secret", self.tokens.log("/ok")[-1]["body"])

    def test_disable_and_enable(self):
        self.add_provider(self.tokens.url("/ok"))
        self.herald.must("token", "obtain", "crm")
        disabled = self.herald.must("provider", "disable", "crm")
        self.assertEqual((disabled["enabled"], disabled["state"]), (False, "disabled"))
        self.assertEqual(disabled, self.show())
        enabled = self.herald.must("provider", "enable", "crm")
        self.assertEqual((enabled["enabled"], enabled["state"]), (True, "authorized"))

    def test_delete_removes_it(self):
        self.add_provider(self.tokens.url("/ok"))
        self.assertEqual(self.herald.must("provider", "delete", "crm"), {"deleted": "crm"})
        self.refused(3, "not_found", "provider", "show", "crm")
        self.assertEqual(self.tokens.summary()["connections"], 0)

    def test_a_provider_in_use_cannot_be_deleted(self):
        self.add_provider(self.tokens.url("/ok"))
        self.add_notification("http://127.0.0.1:9/in", "invoice-posted", "--auth", "oauth2",
                              "--provider", "crm")
        error = self.refused(4, "provider_in_use", "provider", "delete", "crm")
        self.assertEqual(error["details"]["notifications"], ["invoice-posted"])
        self.assertEqual(self.show()["used_by"], ["invoice-posted"])
        self.herald.must("notification", "delete", "invoice-posted")
        self.herald.must("provider", "delete", "crm")

    def test_delete_with_revoke_revokes_first(self):
        self.add_provider(self.tokens.url("/ok?token=to-be-revoked"), "crm", "--revoke-url",
                          self.tokens.url("/revoke"))
        self.herald.must("token", "obtain", "crm")
        self.herald.must("provider", "delete", "crm", "--revoke")
        self.assertIn("token=to-be-revoked", self.tokens.log("/revoke")[0]["body"])

    def test_a_failed_revocation_deletes_nothing(self):
        self.tokens.set(revoke_status=503)
        self.add_provider(self.tokens.url("/ok"), "crm", "--revoke-url", self.tokens.url("/revoke"))
        self.herald.must("token", "obtain", "crm")
        self.refused(1, "revocation_failed", "provider", "delete", "crm", "--revoke")
        self.assertEqual(self.show()["name"], "crm")

    def test_for_people_each_command_prints_plain_text_without_colour(self):
        self.add_provider(self.tokens.url("/ok"), "crm", "--test-url", self.tokens.url("/test"),
                          "--revoke-url", self.tokens.url("/revoke"))
        for command in (("provider", "list"), ("provider", "show", "crm"), ("token", "obtain", "crm"),
                        ("token", "refresh", "crm"), ("token", "show", "crm"), ("token", "test", "crm"),
                        ("provider", "edit", "crm", "--client-id", "c2"), ("provider", "disable", "crm"),
                        ("provider", "enable", "crm"), ("provider", "reset", "crm"),
                        ("token", "obtain", "crm"), ("token", "revoke", "crm"),
                        ("provider", "delete", "crm")):
            with self.subTest(command):
                result = self.herald.run(*command)
                self.assertEqual(result.exit, 0, f"\n{result}")
                self.assertIn("crm", result.stdout)
                self.assertNotIn("\x1b", result.stdout + result.stderr)
                self.assertFalse(result.stdout.startswith("{"), result.stdout)

    def test_errors_for_people_are_one_line_beginning_with_herald(self):
        self.given_an_empty_database()
        result = self.herald.run("provider", "show", "nobody")
        self.assertEqual((result.exit, result.stdout), (3, ""))
        self.assertRegex(result.stderr, r"\Aherald: .*nobody.*\n\Z")

    def test_json_may_stand_before_and_after_the_command(self):
        self.given_an_empty_database()
        before = self.herald.run("provider", "list", json=True)
        after = self.herald.run("provider", "list", "--json")
        self.assertEqual((before.exit, before.json), (0, []))
        self.assertEqual((after.exit, after.json), (0, []))

    def test_a_command_that_adds_nothing_creates_no_database(self):
        if self.with_daemon:
            self.skipTest("there is a database")
        error = self.refused(5, "storage_error", "provider", "list")
        self.assertIn(str(self.herald.database), error["message"])
        self.assertFalse(self.herald.database.exists())

    def test_a_blocked_address_is_refused_and_names_the_setting(self):
        if self.with_daemon:
            self.skipTest("the daemon's environment decides there")
        result = self.herald.run("provider", "add", "crm", "--client-id", "c", "--client-secret-file",
                                 self.herald.file("x"), "--token-url", "https://169.254.169.254/token",
                                 json=True)
        self.assertEqual(result.exit, 2, f"\n{result}")
        self.assertIn("HERALD_EGRESS_ALLOW", result.error["message"])


class TokenCommands(WithTokenServer):
    def setUp(self):
        super().setUp()
        self.add_provider(self.tokens.url("/ok?scope=read"), "crm", "--scope", "read write",
                          "--test-url", self.tokens.url("/test"), "--revoke-url",
                          self.tokens.url("/revoke"))

    def obtain(self):
        return self.herald.must("token", "obtain", "crm")

    def test_obtain_prints_metadata_and_a_fingerprint_never_the_token(self):
        result = self.herald.run("token", "obtain", "crm", json=True)
        self.assertEqual(result.exit, 0, f"\n{result}")
        self.has_shape(result.json, shapes.TOKEN_DOCUMENT)
        self.assertEqual(
            {name: result.json[name] for name in ("provider", "state", "generation", "scopes", "fingerprint")},
            {"provider": "crm", "state": "authorized", "generation": 1, "scopes": ["read"],
             "fingerprint": fingerprint("token-1")})
        self.assertNotIn("token-1", result.stdout + result.stderr)
        self.assertEqual(self.show()["token"]["fingerprint"], fingerprint("token-1"))

    def test_obtain_makes_exactly_one_request_and_replaces_the_token(self):
        self.obtain()
        again = self.obtain()
        self.assertEqual((again["generation"], again["fingerprint"]), (2, fingerprint("token-2")))
        self.assertEqual(self.requests("/ok"), 2)

    def test_the_token_request_is_what_the_rfc_says(self):
        self.obtain()
        request = self.tokens.log("/ok")[0]
        headers = {name.lower(): value for name, value in request["headers"]}
        self.assertEqual((request["method"], request["target"]), ("POST", "/ok?scope=read"))
        self.assertEqual(headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(headers["accept"], "application/json")
        self.assertTrue(headers["user-agent"].startswith("herald/"))
        self.assertNotIn("authorization", headers)
        self.assertEqual(sorted(request["body"].split("&")),
                         ["client_id=client", "client_secret=s3cret-value",
                          "grant_type=client_credentials", "scope=read+write"])

    def test_show_prints_the_same_and_uses_no_network(self):
        obtained = self.obtain()
        self.assertEqual(self.herald.must("token", "show", "crm"), obtained)
        self.assertEqual(self.requests("/ok"), 1)

    def test_refresh_runs_the_grant_again_where_there_is_no_refresh_token(self):
        self.obtain()
        refreshed = self.herald.must("token", "refresh", "crm")
        self.has_shape(refreshed, shapes.TOKEN_DOCUMENT)
        self.assertEqual(refreshed["generation"], 2)
        self.assertIn("grant_type=client_credentials", self.tokens.log("/ok")[1]["body"])

    def test_refresh_uses_the_refresh_token_and_keeps_the_new_one(self):
        self.herald.must("provider", "add", "rotating", "--grant", "refresh_token", "--client-id", "c",
                         "--client-secret-file", self.herald.file("x"), "--refresh-token-file",
                         self.herald.file("refresh-0"), "--token-url", self.tokens.url("/rotate"))
        self.herald.must("token", "obtain", "rotating")
        self.herald.must("token", "refresh", "rotating")
        bodies = [request["body"] for request in self.tokens.log("/rotate")]
        self.assertIn("grant_type=refresh_token", bodies[0])
        self.assertIn("refresh_token=refresh-0", bodies[0])
        self.assertIn("refresh_token=refresh-1", bodies[1])

    def test_the_verdicts_of_token_test(self):
        self.obtain()
        for status, exit_code, ok, verdict in ((200, 0, True, "accepted"), (204, 0, True, "accepted"),
                                               (401, 1, False, "rejected"), (403, 1, None, "forbidden"),
                                               (500, 1, None, "inconclusive"), (302, 1, None, "inconclusive")):
            with self.subTest(status):
                self.tokens.set(test_status=status)
                result = self.herald.run("token", "test", "crm", json=True)
                self.assertEqual(result.exit, exit_code, f"\n{result}")
                self.has_shape(result.json, shapes.TOKEN_TEST)
                self.assertEqual((result.json["verdict"], result.json["status"]), (verdict, status))
                if verdict != "forbidden":
                    self.assertIs(result.json["ok"], ok)
        sent = dict(self.tokens.log("/test")[0]["headers"])
        self.assertEqual(sent["Authorization"], "Bearer token-1")
        self.assertEqual(self.requests("/ok"), 1, "test never refreshes")
        self.assertEqual(self.show()["state"], "authorized", "test never changes the state")

    def test_test_and_revoke_say_when_their_url_is_missing(self):
        self.add_provider(self.tokens.url("/ok"), "bare")
        self.herald.must("token", "obtain", "bare")
        self.refused(2, "endpoint_missing", "token", "test", "bare")
        self.refused(2, "endpoint_missing", "token", "revoke", "bare")

    def test_test_without_a_token_says_to_obtain_one(self):
        error = self.refused(1, "no_token", "token", "test", "crm")
        self.assertIn("obtain", error["message"])

    def test_revoke_drops_the_token_and_tells_the_server(self):
        self.obtain()
        revoked = self.herald.must("token", "revoke", "crm")
        self.has_shape(revoked, shapes.TOKEN_REVOKE)
        self.assertEqual(revoked, revoked | {"provider": "crm", "revoked": True, "remote": "done"})
        provider = self.show()
        self.assertEqual((provider["state"], provider["token"]), ("revoked", None))
        body = self.tokens.log("/revoke")[0]["body"]
        self.assertIn("token=token-1", body)
        self.assertIn("token_type_hint=access_token", body)
        self.assertEqual(self.obtain()["state"], "authorized")

    def test_a_revocation_the_server_cannot_take_now_is_queued(self):
        self.tokens.set(revoke_status=503)
        self.obtain()
        self.assertEqual(self.herald.must("token", "revoke", "crm")["remote"], "queued")
        self.assertEqual(self.show()["state"], "revoked")

    def test_a_token_the_server_does_not_revoke_is_dropped_here(self):
        self.herald.must("provider", "edit", "crm", "--revoke-url",
                         self.tokens.url("/status/400?error=unsupported_token_type"))
        self.obtain()
        self.assertEqual(self.herald.must("token", "revoke", "crm")["remote"], "not_revocable")
        self.assertIsNone(self.show()["token"])

    def test_a_refusal_is_reported_as_the_server_said_it(self):
        self.add_provider(self.tokens.url("/invalid-client"), "refused")
        error = self.refused(1, "oauth_error", "token", "obtain", "refused")
        self.assertEqual(error["details"]["error"], "invalid_client")
        self.assertEqual(error["details"]["error_description"], "about invalid_client")
        self.assertEqual(error["details"]["status"], 401)
        provider = self.show("refused")
        self.assertEqual(provider["state"], "rejected")
        self.has_shape(provider["last_error"], shapes.LAST_ERROR)
        self.assertEqual((provider["last_error"]["class"], provider["last_error"]["code"]),
                         ("oauth", "invalid_client"))

    def test_an_unreachable_token_endpoint(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.add_provider(f"http://127.0.0.1:{port}/token", "away")
        self.refused(1, "token_endpoint_unreachable", "token", "obtain", "away")
        provider = self.show("away")
        self.assertEqual((provider["state"], provider["last_error"]["class"]), ("failing", "connect"))

    def test_a_failed_refresh_keeps_a_usable_token(self):
        self.obtain()
        self.herald.must("provider", "edit", "crm", "--test-url", self.tokens.url("/test/other"))
        self.tokens.set(script={"later": ["/ok", "/status/503"]})
        self.add_provider(self.tokens.url("/script/later"), "later")
        self.herald.must("token", "obtain", "later")
        result = self.herald.run("token", "refresh", "later", json=True)
        self.assertEqual(result.exit, 1, f"\n{result}")
        provider = self.show("later")
        self.assertEqual((provider["state"], provider["token"]["generation"]), ("authorized", 1))
        self.assertEqual(provider["last_error"]["status"], 503)

    def test_concurrent_obtains_join_one_request(self):
        if not self.with_daemon:
            self.skipTest("several commands at once share a flight only in one process")
        self.add_provider(self.tokens.url("/hang"), "slow")
        connections = [self.herald.connection() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.request("POST", "/v1/providers/slow/token/obtain")
        self.tokens.wait(1, "/hang")
        eventually(lambda: not any(unread_bytes(connection.sock) for connection in connections),
                   "the daemon has read every request")
        self.herald.api("GET", "/v1/stats")
        self.tokens.release()
        self.assertEqual({connection.getresponse().status for connection in connections}, {200})
        # One that was read but not yet queued at the release may make a second request; eight never do.
        self.assertLessEqual(self.requests("/hang"), 2)


with_and_without_daemon(ProviderCommands, globals())
with_and_without_daemon(TokenCommands, globals())

if __name__ == "__main__":
    unittest.main()
