"""Credentials kept in files that never come, and the database while a person sets up a provider."""

import os
import time
import unittest
import urllib.parse

from herald_harness import HeraldTest
from parts import HostileTokenServer
from provider_cases import Setup

GOOD = "/expires-string"


class FilesThatNeverCome(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.tokens = self.part(HostileTokenServer)
        self.fifo = str(self.herald.directory / "fifo")
        os.mkfifo(self.fifo)

    def add(self, name, *more):
        self.add_provider(self.tokens.url(GOOD), name, *more)

    def test_a_fifo_is_refused_and_holds_nobody(self):
        for setting in ("client_secret_path", "private_key_path", "certificate_path", "ca_file"):
            with self.subTest(setting):
                self.add(setting.replace("_", "-"), "--setting", f"{setting}={self.fifo}")
                error = self.refused(1, "credential_unreadable", "token", "obtain", setting.replace("_", "-"))
                self.assertIn(self.fifo, error["message"])
                self.assertIn("no regular file", error["message"])
        self.add("good")
        self.assertEqual(self.herald.must("token", "obtain", "good")["state"], "authorized")
        self.assertEqual(self.herald.stop(timeout=20), 0)

    def test_a_file_without_end_is_refused(self):
        self.add("crm", "--setting", "client_secret_path=/dev/zero")
        self.refused(1, "credential_unreadable", "token", "obtain", "crm")


class SetUpWithoutADaemon(HeraldTest):
    def setUp(self):
        super().setUp()
        tokens = self.part(HostileTokenServer)
        self.add_provider(tokens.url(GOOD), "crm", "--grant", "authorization_code",
                          "--setting", f"authorization_endpoint={tokens.url('/authorize')}")

    def come_back(self, url):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        return f"{query['redirect_uri']}?code=c0de&state={query['state']}\n".encode()

    def begin(self, *more, **options):
        setup = Setup(self.herald, "crm", *more, **options)
        self.addCleanup(setup.close)
        return setup, setup.next_indented_line()

    def test_other_commands_run_while_a_person_thinks(self):
        for more in (("--paste",), ()):
            with self.subTest(more):
                setup, url = self.begin(*more, stdin=-1)
                began = time.monotonic()
                self.assertEqual(self.herald.must("provider", "show", "crm")["name"], "crm")
                self.herald.must("stats")
                self.assertLess(time.monotonic() - began, 8, "a held lock costs ten seconds")
                setup.close()

    def test_what_was_begun_is_finished(self):
        setup, url = self.begin("--paste", stdin=-1)
        self.herald.must("provider", "show", "crm")
        stdout, stderr = setup.process.communicate(self.come_back(url), timeout=60)
        self.assertEqual(setup.process.returncode, 0, stderr)
        self.assertEqual(self.herald.must("provider", "show", "crm")["state"], "authorized")

    def test_a_change_meanwhile_ends_it(self):
        setup, url = self.begin("--paste", stdin=-1)
        self.herald.must("provider", "edit", "crm", "--scope", "other")
        setup.process.communicate(self.come_back(url), timeout=60)
        self.assertEqual(setup.process.returncode, 1)
        self.assertEqual(self.herald.must("provider", "show", "crm")["state"], "no_token")


if __name__ == "__main__":
    unittest.main()
