"""Grants and client authentications beyond the plain ones, against node-oidc-provider, a certified server."""

import concurrent.futures
import unittest
import urllib.error
import urllib.parse
import urllib.request

from parts import AuthorizationServer
from provider_cases import ProviderTest, Setup


class GrantTest(ProviderTest):
    flags = ()

    def setUp(self):
        super().setUp()
        self.server = self.part(AuthorizationServer, 600, *self.flags)

    def add(self, name, client, *more, token_url=None):
        return self.herald.must("provider", "add", name, "--client-id", client,
                                "--token-url", token_url or self.server.url("/token"), *more)

    def begin_setup(self, name, *more):
        setup = Setup(self.herald, name, *more)
        self.addCleanup(setup.close)
        return setup


class Assertions(GrantTest):
    def test_private_key_jwt_with_every_algorithm(self):
        for algorithm, pem in self.server.keys().items():
            with self.subTest(algorithm):
                name = f"jwt-{algorithm}"
                self.add(name, name, "--client-auth", "private_key_jwt", "--private-key-file", self.herald.file(pem),
                         "--setting", f"jwt_algorithm={algorithm}", "--setting", f"jwt_key_id={algorithm}-key",
                         "--scope", "read")
                self.assertEqual(self.herald.must("token", "obtain", name)["state"], "authorized")

    def test_client_secret_jwt(self):
        for algorithm in ("HS256", "HS384", "HS512"):
            with self.subTest(algorithm):
                name = f"jwt-{algorithm}"
                self.add(name, name, "--client-auth", "client_secret_jwt", "--setting", f"jwt_algorithm={algorithm}",
                         "--client-secret-file", self.herald.file(self.server.mac_secret(algorithm)))
                self.assertEqual(self.herald.must("token", "obtain", name)["state"], "authorized")

    def test_no_two_requests_carry_the_same_assertion(self):
        pem = self.server.keys()["ES256"]
        self.add("crm", "jwt-ES256", "--client-auth", "private_key_jwt", "--private-key-file", self.herald.file(pem),
                 "--setting", "jwt_key_id=ES256-key")
        for _ in range(5):
            self.herald.must("token", "refresh", "crm")
        ids = [assertion["claims"]["jti"] for assertion in self.server.assertions()]
        self.assertEqual(len(set(ids)), 5)
        self.assertEqual(self.server.counts()["replayed_assertions"], 0)

    def test_an_issuer_is_asked_for_its_endpoints(self):
        self.herald.must("provider", "add", "crm", "--client-id", "plain", "--issuer", self.server.issuer,
                         "--client-secret-file", self.herald.file("plain-secret-0123456789"))
        self.assertIsNone(self.show("crm")["token_endpoint"], "adding uses no network")
        self.assertEqual(self.herald.must("token", "obtain", "crm")["state"], "authorized")
        self.assertEqual(self.show("crm")["token_endpoint"], self.server.issuer + "/token")

    def test_an_issuer_tells_how_a_token_is_tested(self):
        self.herald.must("provider", "add", "crm", "--client-id", "plain", "--issuer", self.server.issuer,
                         "--client-secret-file", self.herald.file("plain-secret-0123456789"))
        self.herald.must("token", "obtain", "crm")
        tested = self.herald.must("token", "test", "crm")
        self.assertEqual((tested["verdict"], tested["kind"]), ("accepted", "introspection"))
        self.herald.must("provider", "edit", "crm", "--setting", "test_kind=request")
        self.herald.must("token", "obtain", "crm")
        userinfo = self.herald.run("token", "test", "crm", json=True)
        self.assertEqual((userinfo.json["verdict"], userinfo.json["status"]), ("inconclusive", 401), userinfo)
        self.assertIn("openid", userinfo.json["reason"])

    def test_an_issuer_of_another_name_is_refused(self):
        self.herald.must("provider", "add", "crm", "--client-id", "plain", "--issuer", self.server.issuer + "/",
                         "--client-secret-file", self.herald.file("plain-secret-0123456789"))
        error = self.refused(1, "discovery_failed", "token", "obtain", "crm")
        self.assertIn(self.server.issuer, error["message"])

    def test_a_first_secret_that_was_changed_gives_way_to_the_next(self):
        self.add("crm", "plain", "--client-secret-file", self.herald.file("the-secret-of-last-year"))
        self.herald.must("provider", "add-secret", "crm", "--client-secret-file",
                         self.herald.file("plain-secret-0123456789"))
        self.assertEqual(self.herald.must("token", "obtain", "crm")["state"], "authorized")
        self.assertEqual(self.show("crm")["secret_in_use"], 1)
        self.herald.must("provider", "drop-secret", "crm", "0")
        self.assertEqual(self.herald.must("token", "obtain", "crm")["state"], "authorized")
        self.assertEqual(self.show("crm")["further_secrets"], [])


class SetUp(GrantTest):
    def add_native(self):
        return self.add("crm", "native-app", "--grant", "authorization_code", "--client-auth", "none",
                        "--scope", "openid offline_access",
                        "--setting", f"authorization_endpoint={self.server.url('/auth')}")

    def test_a_person_logs_in_once_and_refresh_tokens_go_on(self):
        self.add_native()
        setup = self.begin_setup("crm")
        self.server.approve_login(setup.next_indented_line(), follow=True)
        done = setup.result()
        self.assertEqual(done.exit, 0, done)
        self.assertEqual(done.json["state"], "authorized")
        first = done.json["generation"]
        self.assertEqual(self.herald.must("token", "refresh", "crm")["generation"], first + 1)
        self.assertEqual(self.server.counts()["grants_revoked"], 0)

    def test_a_person_who_declines_is_told_and_nothing_changes(self):
        self.add_native()
        setup = self.begin_setup("crm")
        self.server.approve_login(setup.next_indented_line(), follow=True, agree=False)
        done = setup.result()
        self.assertEqual((done.exit, done.error["code"]), (1, "setup_failed"), done)
        self.assertIn("access_denied", done.error["message"])
        self.assertEqual(self.show("crm")["state"], "no_token")

    def test_a_stranger_at_the_redirect_port_is_refused_and_the_setup_goes_on(self):
        self.add_native()
        setup = self.begin_setup("crm")
        url = setup.next_indented_line()
        back = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(back + "?error=x&error_description=call+0900&state=guessed", timeout=30)
        self.assertEqual(refused.exception.code, 400)
        refused.exception.close()
        status, page = self.server.approve_login(url, follow=True)
        self.assertEqual(status, 200)
        self.assertIn("set up", str(page))
        done = setup.result()
        self.assertEqual(done.exit, 0, done)
        self.assertNotIn("0900", done.stdout + done.stderr)

    def test_an_issuer_tells_how_a_device_authorises(self):
        self.herald.must("provider", "add", "crm", "--client-id", "device-app", "--issuer", self.server.issuer,
                         "--grant", "device_code", "--client-auth", "none", "--scope", "openid offline_access")
        self.server.set(device_interval=1)
        setup = self.begin_setup("crm")
        setup.next_indented_line()
        self.server.approve_device(setup.next_indented_line())
        self.assertEqual(setup.result().json["state"], "authorized")

    def test_another_device_authorises(self):
        self.add("crm", "device-app", "--grant", "device_code", "--client-auth", "none",
                 "--scope", "openid offline_access",
                 "--setting", f"device_authorization_endpoint={self.server.url('/device/auth')}")
        self.server.set(device_interval=1)
        setup = self.begin_setup("crm")
        setup.next_indented_line()
        self.server.approve_device(setup.next_indented_line())
        done = setup.result()
        self.assertEqual(done.exit, 0, done)
        self.assertEqual(done.json["state"], "authorized")
        self.assertEqual(self.herald.must("token", "refresh", "crm")["state"], "authorized")

    def test_200_commands_and_a_daemon_never_reuse_a_refresh_token(self):
        self.herald.must("provider", "add", "crm", "--grant", "refresh_token", "--client-id", "refresher",
                         "--client-secret-file", self.herald.file(self.server.REFRESHER_SECRET),
                         "--refresh-token-file", self.herald.file(self.server.mint_refresh_token()),
                         "--token-url", self.server.url("/token"))
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            done = list(pool.map(lambda _: self.herald.run("token", "refresh", "crm"), range(200)))
        self.assertEqual({result.exit for result in done}, {0})
        counts = self.server.counts()
        self.assertEqual((counts["refresh_reuse"], counts["grants_revoked"]), (0, 0))


class Dpop(GrantTest):
    def add_bound(self):
        self.add("crm", "dpop-client", "--client-secret-file", self.herald.file(self.server.DPOP_SECRET),
                 "--setting", "dpop=true", "--scope", "read", "--test-url", self.server.admin_url("/dpop-resource"))

    def test_tokens_are_bound_to_our_key(self):
        self.add_bound()
        token = self.herald.must("token", "obtain", "crm")
        self.assertEqual((token["state"], token["type"]), ("authorized", "DPoP"))
        self.callouts_to(self.server.admin_url("/dpop-resource"), "crm")
        for _ in range(3):
            self.delivered()
        self.herald.kill9()
        self.herald.start()
        self.delivered()
        self.assertEqual(self.server.counts()["dpop_replays"], 0)


class DpopWithNonces(Dpop):
    flags = ("--dpop-nonce",)

    def test_providers_of_one_server_and_the_test_endpoint_meet_their_nonces(self):
        self.server.rotate_nonce("as")
        for number in range(5):
            self.add(f"crm{number}", "dpop-client", "--client-secret-file",
                     self.herald.file(self.server.DPOP_SECRET), "--setting", "dpop=true", "--scope", "read",
                     "--test-url", self.server.admin_url("/dpop-resource"))
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            done = list(pool.map(lambda number: self.herald.run("token", "obtain", f"crm{number}"), range(5)))
        self.assertEqual([result.exit for result in done], [0] * 5, done)
        self.server.rotate_nonce("rs")
        self.assertEqual(self.herald.must("token", "test", "crm0")["verdict"], "accepted")

    def test_a_nonce_that_changes_costs_one_resend(self):
        self.add_bound()
        self.callouts_to(self.server.admin_url("/dpop-resource"), "crm")
        self.delivered()
        self.server.rotate_nonce("rs")
        self.assertEqual(self.attempts_of(self.delivered()), [(1, False, 401), (1, True, 200)])
        self.assertEqual(self.attempts_of(self.delivered()), [(1, False, 200)])


class MutualTls(GrantTest):
    flags = ("--tls",)

    def test_a_certificate_authenticates_and_binds(self):
        files = self.server.files
        self.add("crm", "mtls-client", "--client-auth", "tls_client_auth",
                 "--certificate-file", files["client_cert"], "--private-key-file", files["client_key"],
                 "--setting", f"ca_file={files['ca_cert']}", "--test-url", self.server.tls_url("/mtls-resource"),
                 token_url=self.server.tls_url("/token"))
        self.assertEqual(self.herald.must("token", "obtain", "crm")["state"], "authorized")
        self.assertEqual(self.herald.must("token", "test", "crm")["verdict"], "accepted")
        self.callouts_to(self.server.tls_url("/mtls-resource"), "crm")
        self.delivered()

    def test_another_certificate_is_refused_by_name(self):
        files = self.server.files
        self.add("crm", "mtls-client", "--client-auth", "tls_client_auth",
                 "--certificate-file", files["other_client_cert"], "--private-key-file", files["other_client_key"],
                 "--setting", f"ca_file={files['ca_cert']}", token_url=self.server.tls_url("/token"))
        error = self.refused(1, "oauth_error", "token", "obtain", "crm")
        self.assertEqual(error["details"]["error"], "invalid_client")

    def test_a_certificate_without_its_key_is_refused_at_once(self):
        files = self.server.files
        self.refused(2, "invalid_argument", "provider", "add", "crm", "--client-id", "mtls-client",
                     "--client-auth", "tls_client_auth", "--token-url", self.server.tls_url("/token"),
                     "--certificate-file", files["client_cert"], "--private-key-file", files["next_client_key"],
                     field="certificate")


class Transfer(GrantTest):
    def test_export_holds_no_secret_and_import_says_what_is_missing(self):
        self.add("crm", "plain", "--client-secret-file", self.herald.file("plain-secret-0123456789"))
        exported = self.herald.run("provider", "export").stdout
        explained = self.herald.run("provider", "explain", "crm").stdout
        for text in (exported, explained):
            self.assertNotIn("plain-secret", text)
        other = self.new_herald()
        imported = other.run("provider", "import", "-", json=True, stdin=exported)
        self.assertEqual(imported.exit, 0, imported)
        self.assertIn("--client-secret-file", imported.json["added"][0]["then"])
        refused = other.run("provider", "enable", "crm", json=True)
        self.assertEqual((refused.exit, refused.error["details"]["field"]), (2, "client_secret"), refused)
        other.must("provider", "reset", "crm", "--client-secret-file", other.file("plain-secret-0123456789"))
        other.must("provider", "enable", "crm")
        self.assertEqual(other.must("token", "obtain", "crm")["state"], "authorized")
        again = other.run("provider", "import", "-", json=True, stdin=exported)
        self.assertEqual((again.exit, again.json["added"]), (1, []), again)

    def test_every_kind_is_listed(self):
        kinds = [kind["name"] for kind in self.herald.must("provider", "kinds")]
        self.assertEqual(kinds, ["zuora", "salesforce", "entra", "google", "okta", "auth0", "keycloak", "github-app",
                                 "servicenow", "docusign", "netsuite", "paypal", "generic"])


if __name__ == "__main__":
    unittest.main()
