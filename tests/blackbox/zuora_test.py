"""`--kind zuora` against tests/parts/zuora_server.py, which follows the documented wire."""

import unittest

from parts import ZuoraServer
from provider_cases import ProviderTest


class ZuoraTest(ProviderTest):
    def setUp(self):
        super().setUp()
        self.zuora = self.part(ZuoraServer)

    def add_zuora(self, *more, name="tenant", base=True):
        where = ("--base-url", self.zuora.url("")) if base else ()
        return self.herald.must("provider", "add", name, *self.credentials(), *where, *more)

    def credentials(self):
        return ("--kind", "zuora", "--client-id", ZuoraServer.CLIENT_ID, "--client-secret-file",
                self.herald.file(ZuoraServer.CLIENT_SECRET))

    def callouts(self, *more):
        return self.callouts_to(self.zuora.url("/v1/orders"), "tenant", *more)

    def headers_at(self, path):
        return [dict(request["headers"]) for request in self.zuora.log(path)]


class TokenCall(ZuoraTest):
    def test_a_token_is_obtained_with_credentials_in_the_body_alone(self):
        added = self.add_zuora()
        self.assertEqual(added["token_endpoint"], self.zuora.url("/oauth/token"))
        token = self.herald.must("token", "obtain", "tenant")
        self.assertEqual(token["state"], "authorized")
        self.assertIn(f"entity.{ZuoraServer.ENTITY}", token["scopes"])
        headers = self.headers_at("/oauth/token")[0]
        self.assertFalse({"authorization", "apiaccesskeyid", "apisecretaccesskey"} & {name.lower() for name in headers})
        self.assertEqual(self.zuora.counts()["token_issued"], 1)

    def test_other_ways_to_send_the_credentials_are_refused(self):
        self.refused(2, "invalid_argument", "provider", "add", "tenant", *self.credentials(), "--base-url",
                     self.zuora.url(""), "--client-auth", "client_secret_basic", field="client_authentication")

    def test_the_shape_of_the_credentials_is_checked(self):
        base = ("provider", "add", "tenant", "--kind", "zuora", "--base-url", self.zuora.url(""))
        self.refused(2, "invalid_argument", *base, "--client-id", "short", "--client-secret-file",
                     self.herald.file("x"), field="client_id")
        self.refused(2, "invalid_argument", *base, "--client-id", ZuoraServer.CLIENT_ID, "--client-secret-file",
                     self.herald.file("x" * 43), field="client_secret")

    def test_each_token_call_has_a_track_id_of_its_own(self):
        self.add_zuora()
        for _ in range(3):
            self.herald.must("token", "obtain", "tenant")
        sent = [headers["Zuora-Track-Id"] for headers in self.headers_at("/oauth/token")]
        self.assertEqual(len(set(sent)), 3)
        self.assertTrue(all(0 < len(each) <= 64 for each in sent))
        self.assertEqual(self.zuora.counts()["bad_track_ids"], 0)
        self.assertEqual(self.show("tenant")["token"]["attributes"]["track_id"], sent[-1])

    def test_a_wrong_secret_is_rejected_and_reset_mends_it(self):
        self.zuora.set(clients={ZuoraServer.CLIENT_ID: "another"})
        self.add_zuora()
        error = self.refused(1, "oauth_error", "token", "obtain", "tenant")
        self.assertEqual(error["details"]["error"], "invalid_client")
        self.herald.must("provider", "reset", "tenant", "--client-secret-file", self.herald.file("another"))
        self.assertEqual(self.herald.must("token", "obtain", "tenant")["state"], "authorized")

    def test_429_parks_callouts_and_costs_no_attempt(self):
        self.add_zuora()
        self.callouts()
        self.zuora.throttle(reset=2)
        callout = self.delivered()
        self.assertEqual(self.attempts_of(callout), [(1, False, 200)])
        counts = self.zuora.counts()
        self.assertEqual((counts["throttled"], counts["token_requests"], counts["bearer_ok"]), (1, 1, 1))

    def test_429_is_not_asked_again_before_the_time_it_names(self):
        self.add_zuora()
        self.callouts()
        self.zuora.throttle(reset=600, times=100)
        callouts = [self.fire() for _ in range(5)]
        for callout in callouts:
            self.assertEqual(self.callout_in_state(callout, "parked", "pending")["attempts"], [])
        self.zuora.wait(1, "/oauth/token")
        self.herald.must("provider", "list")
        self.assertEqual(self.zuora.counts()["throttled"], 1)


class Callouts(ZuoraTest):
    def test_one_entity_needs_no_header(self):
        self.add_zuora()
        self.callouts()
        self.delivered()
        headers = self.headers_at("/v1/orders")[0]
        self.assertFalse({"Zuora-Entity-Ids", "entityId"} & set(headers))

    def test_the_track_id_stands_in_the_attempt(self):
        self.add_zuora()
        self.callouts()
        callout = self.delivered()
        sent = self.headers_at("/v1/orders")[0]["Zuora-Track-Id"]
        shown = self.herald.must("callout", "show", callout["id"])
        self.assertEqual([attempt["track_id"] for attempt in shown["attempts"]], [sent])
        self.assertEqual(self.zuora.counts()["bad_track_ids"], 0)

    def test_several_entities_need_one(self):
        self.zuora.several_entities()
        self.add_zuora()
        self.callouts()
        self.callout_waits_for(self.fire(), "entity_required")
        self.assertEqual(self.headers_at("/v1/orders"), [])

    def test_an_entity_of_the_token_is_sent_with_its_hyphens(self):
        self.zuora.several_entities()
        self.add_zuora()
        self.callouts("--entity", ZuoraServer.OTHER_ENTITY)
        self.delivered()
        headers = self.headers_at("/v1/orders")[0]
        self.assertEqual(headers["Zuora-Entity-Ids"], ZuoraServer.OTHER_ENTITY)
        self.assertEqual(self.zuora.counts()["bearer_ok"], 1)

    def test_an_entity_of_another_tenant_is_refused_before_sending(self):
        self.zuora.several_entities()
        self.add_zuora()
        self.callouts("--entity", "00000000-0000-4000-8000-000000000000")
        self.callout_waits_for(self.fire(), "entity_unknown")
        self.assertEqual(self.headers_at("/v1/orders"), [])

    def test_the_legacy_header_has_no_hyphens(self):
        self.zuora.several_entities()
        self.add_zuora("--setting", "entity_header=entityId")
        self.callouts("--entity", ZuoraServer.ENTITY)
        self.delivered()
        headers = self.headers_at("/v1/orders")[0]
        self.assertEqual(headers["entityId"], ZuoraServer.ENTITY.replace("-", ""))
        self.assertNotIn("Zuora-Entity-Ids", headers)

    def test_success_false_with_a_code_of_9_renews_the_token_once(self):
        self.add_zuora()
        self.callouts()
        self.delivered()
        self.zuora.expire("tokens")
        callout = self.delivered()
        self.assertEqual(self.attempts_of(callout), [(1, False, 200), (1, True, 200)])
        counts = self.zuora.counts()
        self.assertEqual((counts["token_issued"], counts["bearer_refused"], counts["bearer_ok"]), (2, 1, 2))


class Environments(ZuoraTest):
    with_daemon = False

    def test_an_unknown_data_centre_lists_the_known(self):
        error = self.refused(2, "invalid_argument", "provider", "add", "tenant", *self.credentials(),
                             "--data-center", "us9", field="settings.data_center")
        for known in ("us1", "us2", "eu", "ap", "api-sandbox", "central-sandbox", "performance-test",
                      "production-copy"):
            self.assertIn(known, error["message"])

    def test_a_data_centre_and_environment_give_the_endpoint(self):
        for center, environment, host in (("us1", "api-sandbox", "rest.sandbox.na.zuora.com"),
                                          ("us1", "production", "rest.na.zuora.com"),
                                          ("us2", "api-sandbox", "rest.apisandbox.zuora.com"),
                                          ("us2", "performance-test", "rest.pt1.zuora.com"),
                                          ("eu", "central-sandbox", "rest.test.eu.zuora.com"),
                                          ("ap", None, "rest.ap.zuora.com")):
            with self.subTest(host):
                which = ("--environment", environment) if environment else ()
                name = f"{center}-{environment}".lower()
                added = self.add_zuora("--data-center", center, *which, name=name, base=False)
                self.assertEqual(added["token_endpoint"], f"https://{host}/oauth/token")

    def test_ap_has_no_api_sandbox(self):
        error = self.refused(2, "invalid_argument", "provider", "add", "tenant", *self.credentials(),
                             "--data-center", "ap", "--environment", "api-sandbox")
        self.assertIn("ap: production, central-sandbox", error["message"])

    def test_a_production_copy_needs_its_host(self):
        error = self.refused(2, "invalid_argument", "provider", "add", "tenant", *self.credentials(),
                             "--data-center", "us2", "--environment", "production-copy", field="settings.base_url")
        self.assertIn("--base-url", error["message"])

    def test_neither_data_centre_nor_base_url(self):
        error = self.refused(2, "invalid_argument", "provider", "add", "tenant", *self.credentials())
        self.assertIn("--data-center", error["message"])

    def test_the_list_shows_data_centre_and_environment(self):
        self.add_zuora("--data-center", "us1", "--environment", "api-sandbox", base=False)
        listed = self.herald.run("provider", "list")
        self.assertEqual(listed.exit, 0, listed)
        for word in ("DATA CENTRE", "ENVIRONMENT", "zuora", "us1", "api-sandbox"):
            self.assertIn(word, listed.stdout)

    def test_a_bad_edit_changes_nothing(self):
        before = self.add_zuora("--data-center", "us1", base=False)
        self.refused(2, "invalid_argument", "provider", "edit", "tenant", "--data-center", "mars")
        self.assertEqual(self.show("tenant"), before)


if __name__ == "__main__":
    unittest.main()
