"""Every notification command of the contract (section 4), in process and over the daemon's socket."""

import base64
import json
import unittest

import shapes
from herald_harness import HeraldTest, eventually, with_and_without_daemon
from parts import HostileTokenServer, Receiver

DEFAULT_BREAKER = {"enabled": True, "failure_percent": 50, "min_attempts": 20, "window_s": 30, "open_s": 5,
                   "max_open_s": 300}
SIGNING_SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


class WithReceiver:
    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)

    def show(self, name="posted"):
        return self.herald.must("notification", "show", name)


class NotificationCommands(WithReceiver):
    def test_add_prints_the_notification_with_the_defaults(self):
        notification = self.add_notification(self.receiver.url("/ok"))
        self.has_shape(notification, shapes.NOTIFICATION)
        self.has_shape(notification["retry"], shapes.RETRY)
        self.has_shape(notification["breaker"], shapes.BREAKER)
        self.assertRegex(notification["id"], r"^ntf_[0-9A-Za-z-]+$")
        expected = {"name": "posted", "enabled": True, "paused": False, "events": ["invoice.*"],
                    "method": "POST", "url": self.receiver.url("/ok"), "headers": {}, "parameters": {},
                    "header_encoding": "ascii", "content_type": "application/json", "body_template": None, "auth": {"kind": "none"},
                    "signing_secret": None, "timeout_ms": 30000, "max_in_flight": 64,
                    "rate_per_s": None, "breaker": DEFAULT_BREAKER, "order_by": None, "success": None}
        self.assertEqual({name: notification[name] for name in expected}, expected)
        self.assertEqual(notification["retry"]["schedule_s"],
                         [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])
        self.assertEqual(notification["retry"]["jitter_percent"], 20)
        self.assertEqual(self.show(), notification)

    def test_add_keeps_every_flag(self):
        notification = self.add_notification(
            self.receiver.url("/ok"), "posted", "--event", "order.created", "--method", "PUT",
            "--header", "X-Source: billing", "--header", "X-Other: a b", "--param", "tenant={{ type }}",
            "--body-template", self.herald.file('{"id": {{ data.id }} }'), "--content-type",
            "application/vnd.test+json", "--signing-secret-file", self.herald.file(SIGNING_SECRET),
            "--timeout", "1500ms", "--retry", "schedule=5s,5m;max-age=24h;jitter=10%", "--max-in-flight", "7",
            "--rate", "50/s", "--breaker", "failures=25%;open=10s", "--order-by", "data.account.id", "--disabled")
        expected = {"events": ["invoice.*", "order.created"], "method": "PUT", "enabled": False,
                    "headers": {"X-Source": "billing", "X-Other": "a b"},
                    "parameters": {"tenant": "{{ type }}"}, "body_template": '{"id": {{ data.id }} }',
                    "content_type": "application/vnd.test+json", "signing_secret": "set",
                    "timeout_ms": 1500, "max_in_flight": 7, "rate_per_s": 50,
                    "breaker": DEFAULT_BREAKER | {"failure_percent": 25, "open_s": 10},
                    "order_by": "data.account.id"}
        self.assertEqual({name: notification[name] for name in expected}, expected)
        self.assertEqual(notification["retry"], {"schedule_s": [5, 300], "max_age_s": 86400, "reject": [],
                                                 "jitter_percent": 10})

    def test_each_kind_of_authentication(self):
        tokens = self.part(HostileTokenServer)
        self.add_provider(tokens.url("/ok"))
        secret = self.herald.file("hidden-value")
        url = self.receiver.url("/ok")
        basic = self.add_notification(url, "basic", "--auth", "basic", "--username", "u",
                                      "--password-file", secret)
        header = self.add_notification(url, "header", "--auth", "header", "--auth-header", "X-Api-Key",
                                       "--auth-value-file", secret)
        oauth2 = self.add_notification(url, "oauth2", "--auth", "oauth2", "--provider", "crm")
        self.assertEqual(basic["auth"], {"kind": "basic", "username": "u", "password": "set"})
        self.assertEqual(header["auth"], {"kind": "header", "name": "X-Api-Key", "value": "set"})
        self.assertEqual(oauth2["auth"], {"kind": "oauth2", "provider": "crm", "entity": None})

    def test_retry_specifications(self):
        cases = {"none": [], "default": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
                 "schedule=1s,2s": [1, 2]}
        for number, (text, schedule) in enumerate(cases.items()):
            with self.subTest(text):
                added = self.add_notification(self.receiver.url("/ok"), f"n{number}", "--retry", text)
                self.assertEqual(added["retry"]["schedule_s"], schedule)

    def test_breaker_specifications(self):
        self.add_notification(self.receiver.url("/ok"))
        cases = {"off": {"enabled": False}, "default": {}, "min=3;window=2m": {"min_attempts": 3, "window_s": 120},
                 "open=1h;max-open=24h": {"open_s": 3600, "max_open_s": 86400}}
        for text, changed in cases.items():
            with self.subTest(text):
                edited = self.herald.must("notification", "edit", "posted", "--breaker", text)
                self.assertEqual(edited["breaker"], DEFAULT_BREAKER | changed)

    def test_the_order_is_kept_by_an_edit_and_cleared_by_none(self):
        self.add_notification(self.receiver.url("/ok"), "posted", "--order-by", "data.lines.0.sku")
        self.assertEqual(self.herald.must("notification", "edit", "posted", "--rate", "5/s")["order_by"],
                         "data.lines.0.sku")
        self.assertIsNone(self.herald.must("notification", "edit", "posted", "--order-by", "none")["order_by"])

    def test_callouts_of_one_key_wait_for_each_other_and_say_so(self):
        self.add_notification(self.receiver.url("/ok"), "posted", "--order-by", "data.id")
        self.herald.must("notification", "pause", "posted")
        reasons = []
        for data in ('{"id":"A"}', '{"id":"\\u0041"}', '{"id":"B"}', '{}', '{"id":null}'):
            fired = self.herald.must("event", "fire", "invoice.posted", "--data", data)
            reasons.append(self.herald.must("callout", "show", fired["callouts"][0]["id"])["reason"])
        self.assertEqual(reasons, ["paused", "ordered", "paused", "paused", "paused"])

    def test_success_field(self):
        added = self.add_notification(self.receiver.url("/ok"), "posted", "--success-field",
                                      "/success=true")
        self.assertIsNotNone(added["success"])

    def test_list_is_an_array_of_what_show_prints(self):
        self.given_an_empty_database()
        self.assertEqual(self.herald.must("notification", "list"), [])
        self.add_notification(self.receiver.url("/ok"), "one")
        self.add_notification(self.receiver.url("/ok"), "two")
        self.assertEqual(self.herald.must("notification", "list"), [self.show("one"), self.show("two")])

    def test_names_are_unique_and_must_exist(self):
        self.add_notification(self.receiver.url("/ok"))
        self.refused(4, "notification_exists", "notification", "add", "posted", "--event", "a.b", "--url",
                     self.receiver.url("/ok"))
        for command in ("show", "edit", "enable", "disable", "pause", "resume", "delete"):
            with self.subTest(command):
                flags = ("--timeout", "1s") if command == "edit" else ()
                self.refused(3, "not_found", "notification", command, "nobody", *flags)

    def test_edit_changes_what_is_given_and_keeps_the_rest(self):
        self.add_notification(self.receiver.url("/ok"), "posted", "--auth", "basic", "--username", "u",
                              "--password-file", self.herald.file("kept"), "--signing-secret-file",
                              self.herald.file(SIGNING_SECRET))
        edited = self.herald.must("notification", "edit", "posted", "--timeout", "5s", "--event", "order.*")
        self.assertEqual((edited["timeout_ms"], edited["events"], edited["signing_secret"]),
                         (5000, ["order.*"], "set"))
        self.assertEqual(edited["auth"], {"kind": "basic", "username": "u", "password": "set"})
        self.assertEqual(edited, self.show())

    def test_enable_disable_pause_resume_print_the_object(self):
        self.add_notification(self.receiver.url("/ok"))
        for command, member, value in (("disable", "enabled", False), ("enable", "enabled", True),
                                       ("pause", "paused", True), ("resume", "paused", False)):
            with self.subTest(command):
                changed = self.herald.must("notification", command, "posted")
                self.assertIs(changed[member], value)
                self.assertEqual(changed, self.show())

    def test_a_disabled_notification_causes_no_callouts_and_a_paused_one_holds_them(self):
        self.add_notification(self.receiver.url("/ok"), "off", "--disabled")
        self.add_notification(self.receiver.url("/ok"), "held")
        self.herald.must("notification", "pause", "held")
        fired = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        self.assertEqual([callout["notification"] for callout in fired["callouts"]], ["held"])
        event = self.herald.must("event", "show", fired["id"])
        self.assertEqual([entry["notification"] for entry in event["unmatched"]], ["off"])
        callout = self.herald.must("callout", "show", fired["callouts"][0]["id"])
        self.assertEqual((callout["state"], callout["attempts"]), ("pending", []))
        self.assertEqual(self.receiver.summary()["connections"], 0)

    def test_delete_is_refused_while_callouts_are_unfinished(self):
        self.add_notification(self.receiver.url("/ok"))
        self.herald.must("notification", "pause", "posted")
        callout = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")["callouts"][0]
        self.refused(4, "notification_in_use", "notification", "delete", "posted")
        self.assertEqual(self.herald.must("notification", "delete", "posted", "--cancel-pending"),
                         {"deleted": "posted"})
        history = self.herald.must("callout", "show", callout["id"])
        self.assertEqual((history["state"], history["notification"]), ("cancelled", "posted"))
        self.refused(3, "not_found", "notification", "show", "posted")

    def test_preview_shows_the_exact_request_masks_secrets_and_sends_nothing(self):
        self.add_notification(
            self.receiver.url("/ok/{{ data.account.id }}"), "posted", "--auth", "header", "--auth-header",
            "X-Api-Key", "--auth-value-file", self.herald.file("hidden-value"), "--header",
            "X-Kind: {{ type }}", "--param", "q={{ data.text }}", "--body-template",
            self.herald.file('{"n": {{ data.n }}, "who": "{{ data.who | "unknown" }}", "x": {{ data.missing }} }'))
        data = '{"account":{"id":"a/b"},"text":"x&y z","n":12345678901234567890.10}'
        result = self.herald.run("notification", "preview", "posted", "--data", data, json=True)
        self.assertEqual(result.exit, 0, f"\n{result}")
        preview = result.json
        self.has_shape(preview, shapes.PREVIEW)
        self.assertTrue(preview["url"].startswith(self.receiver.url("/ok/a%2Fb?q=x%26y")), preview["url"])
        self.assertIn('"n": 12345678901234567890.10', preview["body"])
        self.assertEqual(json.loads(preview["body"])["who"], "unknown")
        self.assertIsNone(json.loads(preview["body"])["x"])
        self.assertTrue(any("data.missing" in warning for warning in preview["warnings"]), preview)
        self.assertNotIn("hidden-value", result.stdout)
        self.assertIn("X-Api-Key", preview["headers"])
        self.assertEqual(self.receiver.summary()["connections"], 0)

    def test_preview_takes_data_from_a_file_and_from_standard_input(self):
        self.add_notification(self.receiver.url("/ok"))
        path = self.herald.file('{"from":"file"}')
        from_file = self.herald.must("notification", "preview", "posted", "--data", f"@{path}")
        from_stdin = self.herald.must("notification", "preview", "posted", "--data", "-",
                                      stdin='{"from":"stdin"}')
        self.assertIn('{"from":"file"}', from_file["body"])
        self.assertIn('{"from":"stdin"}', from_stdin["body"])

    def test_test_sends_one_callout_and_prints_the_attempt(self):
        self.add_notification(self.receiver.url("/ok"))
        attempt = self.herald.must("notification", "test", "posted", "--data", '{"a":1}')
        self.has_shape(attempt, shapes.ATTEMPT)
        self.assertEqual((attempt["status"], attempt["outcome"]), (200, "delivered"))
        requests = self.receiver.log("/ok")
        self.assertEqual(len(requests), 1)
        self.assertIn('"data":{"a":1}', requests[0]["body"].replace(": ", ":"))

    def test_test_fails_where_the_receiver_refuses(self):
        self.add_notification(self.receiver.url("/status/500"))
        result = self.herald.run("notification", "test", "posted", "--data", "{}", json=True)
        self.assertEqual(result.exit, 1, f"\n{result}")
        self.assertEqual(len(self.receiver.log("/status/500")), 1, "one callout, never retried")

    def test_for_people_show_names_every_setting_of_the_lane(self):
        self.add_notification(self.receiver.url("/ok"), "posted", "--rate", "50/s", "--order-by", "data.id",
                              "--breaker", "window=90s", "--retry", "jitter=5%")
        shown = dict(line.split(None, 1) for line in self.herald.run("notification", "show", "posted")
                     .stdout.splitlines())
        expected = {"max_in_flight": "64", "rate_per_s": "50", "retry.jitter_percent": "5", "breaker.enabled": "yes",
                    "breaker.failure_percent": "50", "breaker.min_attempts": "20", "breaker.window_s": "90",
                    "breaker.open_s": "5", "breaker.max_open_s": "300", "order_by": "data.id"}
        self.assertEqual({name: shown.get(name) for name in expected}, expected)

    def test_for_people_each_command_prints_plain_text_without_colour(self):
        self.add_notification(self.receiver.url("/ok"))
        for command in (("list",), ("show", "posted"), ("edit", "posted", "--timeout", "2s"),
                        ("disable", "posted"), ("enable", "posted"), ("pause", "posted"),
                        ("resume", "posted"), ("preview", "posted", "--data", "{}"),
                        ("test", "posted", "--data", "{}"), ("delete", "posted")):
            with self.subTest(command):
                result = self.herald.run("notification", *command)
                self.assertEqual(result.exit, 0, f"\n{result}")
                self.assertTrue(result.stdout.strip())
                self.assertNotIn("\x1b", result.stdout + result.stderr)
                self.assertFalse(result.stdout.startswith("{"), result.stdout)


class AnOpenBreaker(WithReceiver, HeraldTest):
    with_daemon = True

    def test_is_shown_by_stats_metrics_and_the_callouts_it_holds(self):
        self.add_notification(self.receiver.url("/status/500"), "posted", "--retry", "none", "--breaker",
                              "failures=100%;min=1;open=1h;max-open=1h")
        failed = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        self.callout_in_state(failed["callouts"][0]["id"], "dead")
        held = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        callout = self.herald.must("callout", "show", held["callouts"][0]["id"])
        self.assertEqual((callout["state"], callout["reason"], callout["attempts"]), ("pending", "breaker_open", []))
        listed = self.herald.must("callout", "list", "--state", "pending")["items"]
        self.assertEqual([item["reason"] for item in listed], ["breaker_open"])
        lane = self.herald.must("stats")["notifications"][0]
        self.assertEqual((lane["state"], lane["breaker"]), ("breaker_open", "open"))
        self.assertRegex(self.herald.run("stats").stdout, r"(?m)^posted +breaker_open .* open$")
        metrics = self.herald.api("GET", "/metrics")[1]
        self.assertIn('herald_lane_state{notification="posted",state="breaker_open",breaker="open"} 1', str(metrics))
        for event in ("breaker_opened", "callout_dead"):
            eventually(lambda event=event: f'"event":"{event}"' in self.herald.log(), f"{event} is logged")
        self.assertEqual(len(self.receiver.log("/status/500")), 1)

    def test_a_probe_lets_one_through_now_and_closes_it(self):
        self.add_notification(self.receiver.url("/sequence/500,200"), "posted", "--retry", "schedule=2h", "--breaker",
                              "failures=100%;min=1;open=1h;max-open=1h")
        fired = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        callout = fired["callouts"][0]["id"]
        eventually(lambda: self.herald.must("callout", "show", callout)["reason"] == "retry", "it waits two hours")
        self.assertEqual(self.herald.must("stats")["notifications"][0]["breaker"], "open")
        self.herald.must("notification", "probe", "posted")
        self.callout_in_state(callout, "delivered")
        eventually(lambda: self.herald.must("stats")["notifications"][0]["breaker"] == "closed", "it is closed")

    def test_all_that_wait_are_retried_together(self):
        self.add_notification(self.receiver.url("/sequence/500,200"), "posted", "--retry", "schedule=2h")
        ids = [self.herald.must("event", "fire", "invoice.posted", "--data", "{}")["callouts"][0]["id"]
               for _ in range(3)]
        eventually(lambda: all(self.herald.must("callout", "show", one)["reason"] == "retry" for one in ids),
                   "all of them wait")
        counted = self.herald.must("callout", "retry", "--state", "pending", "--notification", "posted", "--dry-run")
        self.assertEqual(counted["retried"], 3)
        self.assertEqual(self.herald.must("callout", "retry", "--state", "pending")["retried"], 3)
        for one in ids:
            self.callout_in_state(one, "delivered")


with_and_without_daemon(NotificationCommands, globals())

if __name__ == "__main__":
    unittest.main()
