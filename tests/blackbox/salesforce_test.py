"""`--kind salesforce` against tests/parts/salesforce_server.py, which follows the documented wire."""

import datetime
import unittest
import urllib.parse

from herald_harness import eventually
from parts import SalesforceServer
from provider_cases import ProviderTest

ORG, USER = SalesforceServer.ORG_ID, SalesforceServer.USER_ID
IDS = ("--org-id", ORG, "--user-id", USER)
PUBLIC = ("--client-id", "consumer", "--client-auth", "none")
OTHER_USER = "005000000000001AAA"


class SalesforceTest(ProviderTest):
    def setUp(self):
        super().setUp()
        self.salesforce = self.part(SalesforceServer)

    def place(self):
        return ("--kind", "salesforce", "--client-id", SalesforceServer.CLIENT_ID, "--base-url",
                self.salesforce.url(""), "--setting", 'base_hosts=["127.0.0.1"]')

    def add_by_jwt(self, *more, ids=IDS):
        key = self.herald.file(self.salesforce.accept_new_key())
        return self.herald.must("provider", "add", "sf", *self.place(), *ids, "--grant", "jwt_bearer", "--username",
                                SalesforceServer.USERNAME, "--private-key-file", key, "--client-secret-file",
                                self.herald.file(SalesforceServer.CLIENT_SECRET), "--setting",
                                f"jwt_audience={SalesforceServer.AUDIENCE}", *more)

    def add_by_code(self):
        return self.herald.must("provider", "add", "sf", *self.place(), *IDS, "--client-secret-file",
                                self.herald.file(SalesforceServer.CLIENT_SECRET))

    def add_by_refresh_token(self):
        return self.herald.must(
            "provider", "add", "sf", *self.place(), *IDS, "--grant", "refresh_token", "--client-secret-file",
            self.herald.file(SalesforceServer.CLIENT_SECRET), "--refresh-token-file",
            self.herald.file(self.salesforce.mint_refresh_token()))


class Ids(SalesforceTest):
    with_daemon = False

    def place(self):
        return (*super().place(), "--client-auth", "none")

    def refused_ids(self, org, user, field):
        return self.refused(2, "invalid_argument", "provider", "add", "sf", *self.place(), "--org-id", org,
                            "--user-id", user, field=f"settings.{field}")["message"]

    def test_15_characters_are_stored_as_18(self):
        added = self.herald.must("provider", "add", "sf", *self.place(), "--org-id", ORG[:15], "--user-id", USER[:15])
        self.assertEqual((added["settings"]["org_id"], added["settings"]["user_id"]), (ORG, USER))

    def test_18_characters_get_their_case_back(self):
        added = self.herald.must("provider", "add", "sf", *self.place(), "--org-id", ORG.lower(), "--user-id",
                                 USER.upper())
        self.assertEqual((added["settings"]["org_id"], added["settings"]["user_id"]), (ORG, USER))

    def test_a_wrong_checksum_shows_the_right_value(self):
        self.assertIn(ORG, self.refused_ids(f"{ORG[:15]}AAA", USER, "org_id"))
        self.assertIn(USER, self.refused_ids(ORG, f"{USER[:15]}EAE", "user_id"))

    def test_other_lengths(self):
        for length in (14, 16, 17):
            with self.subTest(length):
                self.assertIn(str(length), self.refused_ids(ORG[:length], USER, "org_id"))
        self.refused_ids(ORG, f"{USER}A", "user_id")

    def test_a_prefix_of_something_else(self):
        self.assertIn("00D", self.refused_ids(USER, USER, "org_id"))
        self.assertIn("005", self.refused_ids(ORG, ORG, "user_id"))

    def test_both_ids_are_required(self):
        self.refused(2, "invalid_argument", "provider", "add", "sf", *self.place(), "--org-id", ORG,
                     field="settings.user_id")

    def test_a_bad_edit_changes_nothing(self):
        before = self.herald.must("provider", "add", "sf", *self.place(), *IDS)
        self.refused(2, "invalid_argument", "provider", "edit", "sf", "--org-id", ORG[:16])
        self.assertEqual(self.show("sf"), before)

    def test_another_environment_needs_its_own_ids(self):
        before = self.herald.must("provider", "add", "sf", "--kind", "salesforce", *PUBLIC, *IDS)
        self.assertEqual(before["token_endpoint"], "https://login.salesforce.com/services/oauth2/token")
        error = self.refused(2, "invalid_argument", "provider", "edit", "sf", "--sandbox")
        self.assertIn("--org-id", error["message"])
        self.assertEqual(self.show("sf"), before)
        edited = self.herald.must("provider", "edit", "sf", "--sandbox", "--org-id", "00D000000000062", "--user-id",
                                  OTHER_USER)
        self.assertEqual(edited["token_endpoint"], "https://test.salesforce.com/services/oauth2/token")

    def test_my_domain(self):
        added = self.herald.must("provider", "add", "sf", "--kind", "salesforce", *PUBLIC, *IDS,
                                 "--my-domain", "acme--dev.sandbox.my.salesforce.com")
        self.assertEqual(added["token_endpoint"],
                         "https://acme--dev.sandbox.my.salesforce.com/services/oauth2/token")
        self.refused(2, "invalid_argument", "provider", "add", "sf2", "--kind", "salesforce", *PUBLIC, *IDS,
                     "--my-domain", "acme.example.com", field="settings.my_domain")


class JwtBearer(SalesforceTest):
    def test_a_token_and_its_expiry_by_introspection(self):
        self.salesforce.set(session_lifetime=5000)
        self.add_by_jwt()
        token = self.herald.must("token", "obtain", "sf")
        self.assertEqual(token["state"], "authorized")
        self.assertEqual(token["attributes"]["instance_url"], self.salesforce.url(""))
        counts = self.salesforce.counts()
        self.assertEqual((counts["token_issued_jwt"], counts["introspections"]), (1, 1))
        self.assertEqual(self.lifetime_of(token), 5000)
        self.assertEqual(self.herald.must("token", "test", "sf")["verdict"], "accepted")
        self.assertEqual(self.salesforce.counts()["identity_ok"], 1)

    @staticmethod
    def lifetime_of(token):
        """In seconds, to the nearest ten."""
        begin, end = (datetime.datetime.fromisoformat(token[name].replace("Z", "+00:00"))
                      for name in ("obtained_at", "expires_at"))
        return round((end - begin).total_seconds(), -1)

    def test_without_introspection_the_assumed_lifetime_stands(self):
        self.salesforce.set(introspect="forbidden")
        self.add_by_jwt()
        self.assertEqual(self.lifetime_of(self.herald.must("token", "obtain", "sf")), 900)

    def test_a_relative_url_leads_to_the_instance(self):
        self.add_by_jwt()
        self.callouts_to("/services/data/v60.0/sobjects/Account", "sf")
        self.assertEqual(self.attempts_of(self.delivered()), [(1, False, 201)])
        self.assertEqual(self.salesforce.counts()["rest_ok"], 1)

    def test_an_instance_elsewhere_is_not_called(self):
        self.salesforce.set(instance_url="http://mallory.example")
        self.add_by_jwt()
        self.callouts_to("/services/data/v60.0/sobjects/Account", "sf")
        error = self.herald.run("token", "obtain", "sf", json=True)
        callout = self.fire()
        if error.exit != 1:
            self.callout_waits_for(callout, "base_url_missing")
        self.assertEqual(self.salesforce.counts()["rest_ok"], 0)

    def test_another_identity_is_not_installed(self):
        self.salesforce.set(user_id=OTHER_USER)
        self.add_by_jwt()
        error = self.refused(1, "oauth_error", "token", "obtain", "sf")
        self.assertEqual(error["details"]["error"], "identity_mismatch")
        for value in (USER, OTHER_USER):
            self.assertIn(value, error["message"])
        shown = self.show("sf")
        self.assertEqual((shown["token"], shown["last_error"]["code"]), (None, "identity_mismatch"))

    def renewed_after(self, path, status):
        self.add_by_jwt()
        self.callouts_to(path, "sf")
        self.delivered()
        self.salesforce.expire("sessions")
        self.assertEqual(self.attempts_of(self.delivered()), [(1, False, status), (1, True, 201)])
        self.assertEqual(self.salesforce.counts()["token_issued"], 2)

    def test_401_invalid_session_id_renews_and_resends(self):
        self.renewed_after("/services/data/v60.0/x", 401)

    def test_400_invalid_session_id_renews_and_resends(self):
        self.renewed_after("/services/async/60.0/job", 400)

    def test_a_refused_assertion_says_what_the_server_says(self):
        self.add_by_jwt()
        self.salesforce.set(approved=False)
        error = self.refused(1, "oauth_error", "token", "obtain", "sf")
        self.assertIn("approved", error["message"])

    def test_the_subject_is_required(self):
        key = self.herald.file(self.salesforce.accept_new_key())
        self.refused(2, "invalid_argument", "provider", "add", "sf", *self.place(), *IDS, "--grant", "jwt_bearer",
                     "--client-auth", "none", "--private-key-file", key, field="settings.username")


class RefreshToken(SalesforceTest):
    def test_rotated_refresh_tokens_follow_each_other(self):
        self.salesforce.set(rotate=True)
        self.add_by_refresh_token()
        for _ in range(4):
            self.herald.must("token", "refresh", "sf")
        self.assertEqual(self.salesforce.counts()["refresh_reuse"], 0)
        self.assertEqual(self.herald.must("token", "test", "sf")["verdict"], "accepted")

    def test_delete_with_revoke_ends_the_approval(self):
        self.add_by_refresh_token()
        self.herald.must("token", "obtain", "sf")
        self.herald.must("provider", "delete", "sf", "--revoke")
        self.assertEqual(self.salesforce.approvals(), {"refresh_tokens": [], "sessions": []})
        self.refused(3, "not_found", "provider", "show", "sf")


class SetUp(SalesforceTest):
    def test_through_the_redirect(self):
        self.add_by_code()
        setup = self.start_setup("sf")
        url = setup.next_indented_line()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.assertEqual((query["response_type"], query["code_challenge_method"]), ("code", "S256"))
        status, page = self.salesforce.approve_login(url, follow=True)
        self.assertEqual(status, 200)
        self.assertIn("You can close this window", page)
        result = setup.result()
        self.assertEqual((result.exit, result.json["state"]), (0, "authorized"), result)
        self.assertEqual(self.show("sf")["refresh_token"], "set")
        self.assertEqual(self.herald.must("token", "test", "sf")["verdict"], "accepted")
        self.assertEqual(self.herald.must("token", "refresh", "sf")["generation"], 2)
        counts = self.salesforce.counts()
        self.assertEqual((counts["token_issued_authorization_code"], counts["token_issued_refresh_token"]), (1, 1))

    def test_by_pasting_the_address(self):
        self.add_by_code()
        setup = self.herald.start_command("--json", "token", "setup", "sf", "--paste", stdin=-1)
        self.addCleanup(setup.wait)
        self.addCleanup(setup.stderr.close)
        self.addCleanup(setup.stdout.close)
        url = eventually(lambda: next((text for text in [setup.stderr.readline().decode().strip()]
                                       if text.startswith("http")), None), "the address")
        setup.communicate(f"{self.salesforce.approve_login(url)}\n".encode(), timeout=60)
        self.assertEqual(setup.returncode, 0)
        self.assertEqual(self.show("sf")["state"], "authorized")

    def test_refusals_say_why_and_change_nothing(self):
        before = self.add_by_code()
        setup = self.start_setup("sf")
        url = setup.next_indented_line()
        # Whoever does not know the state is a stranger at the port: refused, and the set-up goes on.
        for decision in ("wrong_state", "no_state"):
            with self.subTest(decision):
                self.salesforce.decide(decision)
                status, page = self.salesforce.approve_login(url, follow=True)
                self.assertEqual(status, 400)
                self.assertIn("goes on waiting", page)
                self.assertIsNone(setup.process.poll())
        self.salesforce.decide("deny")
        self.salesforce.approve_login(url, follow=True)
        result = setup.result()
        self.assertEqual((result.exit, result.stdout), (1, ""), result)
        self.assertEqual(result.error["code"], "setup_failed")
        self.assertIn("access_denied", result.error["message"])
        self.assertIn("nothing", result.error["message"])
        self.assertEqual(self.show("sf"), before)
        self.assertEqual(self.salesforce.counts()["token_requests"], 0)

    def test_a_refusal_keeps_the_token_there_was(self):
        self.add_by_code()
        setup = self.start_setup("sf")
        self.salesforce.approve_login(setup.next_indented_line(), follow=True)
        self.assertEqual(setup.result().exit, 0)
        before = self.show("sf")
        self.salesforce.decide("deny")
        again = self.start_setup("sf")
        self.salesforce.approve_login(again.next_indented_line(), follow=True)
        self.assertEqual(again.result().exit, 1)
        self.assertEqual(self.show("sf"), before)

    def test_another_identity_is_not_installed(self):
        self.add_by_code()
        self.salesforce.set(user_id=OTHER_USER)
        setup = self.start_setup("sf")
        self.salesforce.approve_login(setup.next_indented_line(), follow=True)
        result = setup.result()
        self.assertEqual((result.exit, result.error.get("details", {}).get("error")), (1, "identity_mismatch"), result)
        shown = self.show("sf")
        self.assertEqual((shown["token"], shown["refresh_token"]), (None, None))

    def test_a_port_that_is_taken(self):
        before = self.add_by_code()
        self.refused(2, "invalid_argument", "token", "setup", "sf", "--redirect-port", str(self.salesforce.port),
                     field="--redirect-port")
        self.assertEqual(self.show("sf"), before)

    def test_the_token_test_says_to_set_up(self):
        self.add_by_code()
        result = self.herald.run("token", "test", "sf", json=True)
        self.assertNotEqual(result.exit, 0)
        self.assertIn("herald token setup sf", result.stderr)

    def test_callouts_wait_for_the_person(self):
        self.add_by_code()
        self.callouts_to("/services/data/v60.0/x", "sf")
        callout = self.fire()
        self.assertEqual(self.callout_in_state(callout, "pending")["attempts"], [])
        setup = self.start_setup("sf")
        self.salesforce.approve_login(setup.next_indented_line(), follow=True)
        self.assertEqual(setup.result().exit, 0)
        self.assertEqual(self.attempts_of(self.callout_in_state(callout, "delivered")), [(1, False, 201)])


class SetUpWithoutDaemon(SalesforceTest):
    with_daemon = False

    def test_through_the_redirect(self):
        self.add_by_code()
        setup = self.start_setup("sf")
        self.salesforce.approve_login(setup.next_indented_line(), follow=True)
        self.assertEqual(setup.result().exit, 0)
        self.assertEqual(self.show("sf")["state"], "authorized")


if __name__ == "__main__":
    unittest.main()
