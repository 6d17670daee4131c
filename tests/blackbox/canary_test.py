"""Recognisable secrets go in everywhere; none may come out anywhere, in any encoding (S-17, O-151)."""

import base64
import json
import pathlib
import subprocess
import tempfile
import unittest
import urllib.parse

from herald_harness import HeraldTest, eventually
from parts import HostileTokenServer, Receiver

SECRET = {
    "client_secret": "CANARY-client-secret-q8w7e6r5",
    "new_client_secret": "CANARY-reset-secret-z1x2c3v4",
    "access_token": "CANARY-access-token-a9s8d7f6",
    "refresh_token": "CANARY-refresh-token-g5h4j3k2",
    "password": "CANARY-basic-password-p0o9i8u7",
    "header_value": "CANARY-header-value-m1n2b3v4",
    "signing_secret": "whsec_" + base64.b64encode(b"CANARY-signing-key-l6k5j4h3g2f1").decode(),
}


def forms(secret):
    """Every way the bytes of a secret might be written down."""
    raw = secret.encode()
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield encoded[(offset * 8 + 5) // 6:-4].rstrip(b"=")


class CanaryTest(HeraldTest):
    def setUp(self):
        super().setUp()
        self.herald.environment["HERALD_LOG"] = "debug"
        self.outside = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="herald-secrets-")))
        self.receiver = self.part(Receiver)
        self.tokens = self.part(HostileTokenServer)
        self.needles = [(name, form) for name, secret in SECRET.items() for form in forms(secret)]
        self.outputs = {}
        self.canary_key()

    def canary_key(self):
        self.key_file = self.outside / "private.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                        self.key_file], check=True, capture_output=True)
        self.key_file.chmod(0o600)
        body = "".join(self.key_file.read_text().splitlines()[1:-1])
        self.needles.append(("private_key", body[200:260].encode()))
        self.needles.append(("private_key", base64.b64decode(body)[300:340]))

    def secret_file(self, name):
        path = self.outside / name
        path.write_text(SECRET[name])
        path.chmod(0o600)
        return str(path)

    def run_and_keep(self, *arguments, **options):
        """Runs it plainly and with --json; the outputs are searched at the end."""
        for as_json in (False, True):
            result = self.herald.run(*arguments, json=as_json, **options)
            self.outputs[f"{len(self.outputs)}: {' '.join(map(str, result.arguments))}"] = (
                result.stdout + result.stderr).encode()

    def search(self, where, content):
        for name, form in self.needles:
            self.assertNotIn(form, content, f"{name} found in {where}")

    def search_files(self, when):
        for path in sorted(self.herald.directory.rglob("*")):
            if path.is_file():
                self.search(f"{path.name} ({when})", path.read_bytes())

    def define(self):
        token_url = self.tokens.url("/script/canary")
        good = f"/ok?token={SECRET['access_token']}"
        self.tokens.set(script={"canary": [good] * 3 + ["/html200", "/status/503", "/invalid-client", good],
                                "good": [good]})
        self.run_and_keep("provider", "add", "crm", "--client-id", "c", "--client-secret-file",
                          self.secret_file("client_secret"), "--token-url", token_url, "--revoke-url",
                          self.tokens.url("/revoke"), "--test-url", self.tokens.url("/test"))
        self.run_and_keep("provider", "add", "rotating", "--grant", "refresh_token", "--client-id", "c",
                          "--client-auth", "client_secret_basic", "--client-secret-file",
                          self.secret_file("client_secret"), "--refresh-token-file",
                          self.secret_file("refresh_token"), "--token-url",
                          self.tokens.url("/script/good"))
        self.run_and_keep("provider", "add", "signed", "--client-id", "c", "--client-auth", "private_key_jwt",
                          "--private-key-file", self.key_file, "--token-url", self.tokens.url("/invalid-client"))
        self.notifications()

    def notifications(self):
        echo = self.receiver.url("/echo")
        self.run_and_keep("notification", "add", "bearer", "--event", "*", "--url", echo, "--auth", "oauth2",
                          "--provider", "crm", "--signing-secret-file", self.secret_file("signing_secret"))
        self.run_and_keep("notification", "add", "basic", "--event", "*", "--url", f"{echo}?status=500", "--auth",
                          "basic", "--username", "u", "--password-file", self.secret_file("password"), "--retry",
                          "none")
        self.run_and_keep("notification", "add", "header", "--event", "*", "--url", f"{echo}?status=404", "--auth",
                          "header", "--auth-header", "X-Api-Key", "--auth-value-file",
                          self.secret_file("header_value"), "--retry", "none")

    def use(self):
        for name in ("crm", "rotating", "signed", "nobody"):
            for command in (("provider", "show"), ("token", "obtain"), ("token", "refresh"), ("token", "show"),
                            ("token", "test"), ("token", "revoke"), ("token", "obtain")):
                self.run_and_keep(*command, name)
        for name in ("bearer", "basic", "header"):
            self.run_and_keep("notification", "show", name)
            self.run_and_keep("notification", "preview", name, "--data", "{}")
            self.run_and_keep("notification", "test", name, "--data", "{}")
        self.run_and_keep("provider", "add", "crm", "--client-id", "c", "--client-secret-file",
                          self.secret_file("client_secret"), "--token-url", "nonsense")
        self.run_and_keep("provider", "reset", "crm", "--client-secret-file", self.secret_file("new_client_secret"))
        self.run_and_keep("token", "obtain", "crm")

    def deliver(self):
        self.run_and_keep("event", "fire", "a.b", "--data", "{}")
        if not self.herald.daemon:
            return
        # The provider may have ended rejected by the script: only the two static ones must finish.
        eventually(lambda: self.herald.api("GET", "/v1/stats")[1]["callouts"]["dead"] >= 2, "two are dead")
        for callout in self.herald.must("callout", "list")["items"]:
            self.run_and_keep("callout", "show", callout["id"])

    def inspect(self):
        for words in (("provider", "list"), ("notification", "list"), ("callout", "list"), ("stats",), ("doctor",),
                      ("key", "show"), ("backup", self.herald.directory / f"copy-{len(self.outputs)}.db")):
            self.run_and_keep(*words)

    def observe_daemon(self):
        process = pathlib.Path("/proc") / str(self.herald.daemon.pid)
        for name in ("cmdline", "environ"):
            self.search(f"/proc/PID/{name}", (process / name).read_bytes())
        for target in ("/metrics", "/v1/providers", "/v1/notifications", "/v1/callouts", "/v1/stats"):
            _, document = self.herald.api("GET", target)
            self.search(f"GET {target}", json.dumps(document).encode())

    def finish(self):
        self.search_files("while open")
        for where, content in self.outputs.items():
            self.search(where, content)
        sent = json.dumps(self.tokens.log()) + json.dumps(self.receiver.log())
        for name in ("client_secret", "new_client_secret", "refresh_token", "access_token", "password",
                     "header_value"):
            where = urllib.parse.quote_plus(SECRET[name])
            encoded = base64.b64encode(f"u:{SECRET[name]}".encode()).decode()
            self.assertTrue(where in sent or SECRET[name] in sent or encoded in sent, f"{name} was never used")

    def test_no_secret_comes_out_with_a_daemon(self):
        self.herald.start()
        self.define()
        self.use()
        self.deliver()
        self.inspect()
        self.observe_daemon()
        self.finish()
        self.herald.kill9()
        self.search_files("after kill -9")
        self.herald.start()
        self.assertEqual(self.herald.stop(), 0)
        self.search_files("after a clean stop")
        self.assertIn("debug", self.herald.log(), "the log was at debug level")

    def test_no_secret_comes_out_without_a_daemon(self):
        self.define()
        self.use()
        self.deliver()
        self.inspect()
        self.finish()

    def test_the_search_finds_what_it_looks_for(self):
        for name, secret in SECRET.items():
            for content in (secret.encode(), base64.b64encode(b"x" + secret.encode() + b"yyy"),
                            secret.encode().hex().encode(), json.dumps({"a": secret}).encode()):
                with self.subTest(name, content=content), self.assertRaises(AssertionError):
                    self.search("a planted leak", content)


if __name__ == "__main__":
    unittest.main()
