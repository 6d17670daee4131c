"""Every kind of credential, said back by a hostile server in every spelling: none may come out anywhere."""

import base64
import json
import pathlib
import sys
import tempfile
import unittest
import urllib.parse

from herald_harness import HeraldTest, eventually
from parts import PARTS, WirePart

sys.path.insert(0, str(PARTS))
from echoing_server import SPELLINGS  # noqa: E402

# Each holds the word and characters that encoders treat differently.
SECRET = {name: f"CANARY/{name}+of&us<'{number}7f3a9c'=" for number, name in enumerate((
    "client_secret", "old_secret", "refresh_token", "param", "token_header", "callout_header", "password",
    "header_value", "key_id", "key_secret", "sealed_header", "sealed_param", "plain_key"))}
TOKEN = "CANARY-access-token-0123456789-abcdefghijklmnopqrstuvwxyz"
COOKIE = "CANARY-cookie-0123456789"
SINGLE_USE = {"token": "CANARY-single-use-0123456789", "signature": "CANARY-signature-0123456789"}
HOW = ("json", "code", "html", "redirect", "plain")


def needles():
    """The word as it survives in each spelling; it stands in nothing but the secrets."""
    word = "CANARY"
    yield word.encode()
    yield word.encode().hex().encode()
    yield urllib.parse.quote(word).encode()
    for form in ("%%%02x", "%%%02X", "&#%d;", "\\u%04x", "\\\\u%04x"):
        yield "".join(form % ord(c) for c in word).encode()
    for before in range(3):
        digits = base64.b64encode(b"\0" * before + word.encode())
        yield digits[(before * 8 + 5) // 6:(before + len(word)) * 8 // 6]


class EchoingServer(WirePart):
    def __init__(self):
        super().__init__("echoing_server.py")


class EchoCanaryTest(HeraldTest):
    def setUp(self):
        super().setUp()
        self.herald.environment["HERALD_LOG"] = "debug"
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="herald-secrets-")))
        self.server = self.part(EchoingServer)
        self.server.set(token=TOKEN, cookie=COOKIE, single_use=SINGLE_USE)
        self.needles = list(needles())
        self.outputs = []
        self.herald.start()

    def secret(self, name):
        path = self.folder / name
        path.write_text(SECRET[name])
        path.chmod(0o600)
        return str(path)

    def do(self, *arguments, **options):
        """Runs it plainly and with --json, and searches what it says."""
        for as_json in (False, True):
            result = self.herald.run(*arguments, json=as_json, **options)
            self.search(f"herald {' '.join(map(str, arguments))}", (result.stdout + result.stderr).encode())
        return result

    def search(self, where, content):
        for needle in self.needles:
            at = content.find(needle)
            self.assertEqual(at, -1, f"{needle} in {where}: …{content[max(0, at - 80):at + 80]}…")

    def search_everything(self):
        for words in (("provider", "list"), ("notification", "list"), ("callout", "list"), ("stats",), ("doctor",),
                      ("provider", "export"), ("backup", self.folder / f"copy{len(list(self.folder.iterdir()))}.db")):
            self.do(*words)
        for target in ("/metrics", "/v1/providers", "/v1/notifications", "/v1/callouts", "/v1/stats"):
            self.search(target, json.dumps(self.herald.api("GET", target)[1]).encode())
        for path in [*self.herald.directory.rglob("*"), *self.folder.glob("copy*")]:
            if path.is_file():
                self.search(path.name, path.read_bytes())

    def test_what_token_revocation_and_device_endpoints_say(self):
        self.do("provider", "add", "p", "--client-id", "c", "--client-secret-file", self.secret("client_secret"),
                "--secret-param", f"x=@{self.secret('param')}", "--secret-token-header",
                f"X-T=@{self.secret('token_header')}", "--secret-header", f"X-C=@{self.secret('callout_header')}",
                "--setting", "track_header=X-Track", "--setting", 'kept_attributes=["instance_url","note"]',
                "--setting", f"device_authorization_endpoint={self.server.url('/refuse/raw/json')}",
                "--token-url", self.server.url("/grant/raw"), "--revoke-url", self.server.url("/refuse/raw/json"))
        for spelling in SPELLINGS:
            with self.subTest(spelling):
                self.herald.must("provider", "edit", "p", "--client-auth", "client_secret_post", "--token-url",
                                 self.server.url(f"/grant/{spelling}"))
                self.assertEqual(self.do("token", "obtain", "p").exit, 0)
                self.do("provider", "show", "p")
                for how in HOW:
                    self.herald.must("provider", "edit", "p", "--client-auth", "client_secret_basic", "--token-url",
                                     self.server.url(f"/refuse/{spelling}/{how}?pad={470 if how == 'json' else 0}"))
                    self.assertEqual(self.herald.run("token", "obtain", "p").exit, 1)
                    self.search("obtain", json.dumps(self.herald.must("provider", "show", "p")).encode())
        self.revoke_each_way()
        self.do("provider", "explain", "p")
        self.search_everything()
        sent = json.dumps(self.server.log())
        for name in ("client_secret", "param", "token_header"):
            self.assertTrue(any(form in sent for form in (SECRET[name], urllib.parse.quote_plus(SECRET[name]),
                                                          json.dumps(SECRET[name])[1:-1])), f"{name} was sent")

    def revoke_each_way(self):
        self.server.set(also=[TOKEN])
        for spelling in SPELLINGS:
            self.herald.must("provider", "edit", "p", "--token-url", self.server.url("/grant/raw"), "--revoke-url",
                             self.server.url(f"/refuse/{spelling}/json"))
            self.herald.must("token", "obtain", "p")
            result = self.herald.run("token", "revoke", "p")
            self.search("revoke", (result.stdout + result.stderr).encode())

    def test_what_a_device_endpoint_and_an_issuer_say(self):
        self.herald.must("provider", "add", "d", "--grant", "device_code", "--client-id", "c",
                         "--client-secret-file", self.secret("client_secret"), "--token-url",
                         self.server.url("/refuse/raw/json"))
        self.server.set(also=[SECRET["client_secret"]])
        for spelling in SPELLINGS:
            self.herald.must("provider", "edit", "d", "--setting", "device_authorization_endpoint="
                             + self.server.url(f"/refuse/{spelling}/json"))
            self.assertEqual(self.do("token", "setup", "d").exit, 1)
        self.herald.must("provider", "add", "i", "--client-id", "c", "--client-secret-file",
                         self.secret("client_secret"), "--issuer", self.server.url("/metadata/raw"))
        self.do("token", "obtain", "i")
        self.search_everything()

    def notifications(self):
        """(name, options) of each authentication."""
        key = ("--key-id-file", self.secret("key_id"), "--key-secret-file", self.secret("key_secret"))
        sealed = ("--secret-header", f"X-S=@{self.secret('sealed_header')}", "--secret-param",
                  f"s=@{self.secret('sealed_param')}")
        return {
            "oauth2": ("--auth", "oauth2", "--provider", "p"),
            "basic": ("--auth", "basic", "--username", "u", "--password-file", self.secret("password")),
            "header": ("--auth", "header", "--auth-header", "X-Key", "--auth-value-file",
                       self.secret("header_value")),
            "pair": ("--auth", "key-pair", *key),
            "cookie": ("--auth", "session-cookie", *key, "--login-url", self.server.url("/login-good")),
            "once": ("--auth", "single-use-token", *key, "--signature-url", self.server.url("/sign-good")),
            "sealed": sealed,
        }

    def test_what_receivers_say(self):
        self.herald.must("provider", "add", "p", "--client-id", "c", "--client-secret-file",
                         self.secret("client_secret"), "--setting", "track_header=X-Track", "--token-url",
                         self.server.url("/grant/raw"))
        callouts = 0
        for name, options in self.notifications().items():
            for spelling in SPELLINGS:
                status = {"raw": 302, "form": 401, "html": 200}.get(spelling, 500)
                url = self.server.url(f"/callout/{spelling}/{status}?pad={480 if status in (302, 401) else 0}")
                if name == "oauth2" and spelling == "raw":
                    url = self.server.url("/callout/raw/401")
                self.herald.must("notification", "add", f"{name}-{spelling}", "--event", f"{name}.x", "--url", url,
                                 "--retry", "none", *options)
                callouts += 1
            shown = f"{name}-raw"
            self.do("notification", "show", shown)
            self.do("notification", "preview", shown, "--data", "{}")
            self.do("notification", "test", shown, "--data", "{}")
            self.herald.must("event", "fire", f"{name}.x", "--data", "{}")
            eventually(lambda: sum(self.herald.api("GET", "/v1/stats")[1]["callouts"][state]
                                   for state in ("dead", "delivered")) >= callouts, "all are over", 60)
            # An attempt knows its own credentials and its provider's, not those of other notifications.
            self.server.clear()
        for callout in self.herald.must("callout", "list", "--limit", "200")["items"]:
            self.search("callout", json.dumps(self.herald.must("callout", "show", callout["id"])).encode())
        self.search_everything()

    def test_what_a_login_says(self):
        key = ("--key-id-file", self.secret("key_id"), "--key-secret-file", self.secret("key_secret"))
        for spelling in SPELLINGS:
            self.herald.must("notification", "add", f"l-{spelling}", "--event", "l.x", "--url",
                             self.server.url("/callout/raw/200"), "--auth", "session-cookie", *key, "--login-url",
                             self.server.url(f"/login/{spelling}"))
            self.do("notification", "test", f"l-{spelling}", "--data", "{}")
        self.search_everything()

    def test_the_search_finds_what_it_looks_for(self):
        for spell in SPELLINGS.values():
            for secret in (*SECRET.values(), TOKEN):
                with self.assertRaises(AssertionError):
                    self.search("a planted leak", spell(secret).encode())


if __name__ == "__main__":
    unittest.main()
