"""SIGKILL at every step of a refresh-token rotation (O-119), against a server that ends the grant on reuse.

A command without a daemon is killed before its K-th call of each kind, K = 1, 2, 3 … until it ends by itself. The
next command works, or says that a person has to authorise again; neither asks the server over and over.
"""

import itertools
import subprocess
import unittest

from herald_harness import HERALD_BIN, HeraldTest
from parts import AuthorizationServer

STEPS = ("fdatasync", "pwrite64", "sendmsg", "recvmsg", "sendto", "recvfrom", "connect")
MOST_REQUESTS = 2  # an answer that is lost on the way is asked for once more (O-123)


class RotationKillTest(HeraldTest):
    def setUp(self):
        super().setUp()
        self.server = self.part(AuthorizationServer)
        self.herald.must("provider", "add", "crm", "--grant", "refresh_token", "--client-id", "refresher",
                         "--client-secret-file", self.herald.file(self.server.REFRESHER_SECRET),
                         "--refresh-token-file", self.herald.file(self.server.mint_refresh_token()),
                         "--token-url", self.server.url("/token"))

    def refresh_killed_at(self, step, number):
        """Whether it was killed."""
        injection = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={step}",
                     "-e", f"inject={step}:signal=SIGKILL:when={number}"]
        killed = subprocess.run([*injection, HERALD_BIN, "token", "refresh", "crm"], env=self.herald.environment,
                                cwd=self.herald.directory, stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=60, check=False)
        return killed.returncode in (-9, 137)

    def requests(self):
        return self.server.counts()["token_requests"]

    def expect_it_works_or_says_so(self):
        before = self.requests()
        after_kill = self.herald.run("token", "refresh", "crm", json=True)
        self.assertLessEqual(self.requests() - before, MOST_REQUESTS)
        if after_kill.exit == 0:
            return "works"
        # The access token from before is still good, so it goes on being used; that the grant is dead is said.
        shown = self.herald.must("provider", "show", "crm")
        self.assertIn(shown["state"], ("needs_setup", "authorized"), after_kill)
        self.assertEqual(shown["last_error"]["code"], "invalid_grant", after_kill)
        self.assertEqual(after_kill.error["details"]["error"], "invalid_grant", after_kill)
        self.herald.must("provider", "reset", "crm", "--refresh-token-file",
                         self.herald.file(self.server.mint_refresh_token()))
        self.herald.must("token", "refresh", "crm")
        return "needs_setup"

    def test_a_kill_at_any_step_leaves_a_provider_that_works_or_says_needs_setup(self):
        outcomes = []
        for step in STEPS:
            for number in itertools.count(1):
                with self.subTest(step=step, number=number):
                    if not self.refresh_killed_at(step, number):
                        break
                    outcomes.append(self.expect_it_works_or_says_so())
        self.assertGreater(len(outcomes), 10, "the kills reached the exchange")
        self.assertIn("works", outcomes)


if __name__ == "__main__":
    unittest.main()
