"""Starts the real parts of tests/parts and talks to them."""

import collections
import http.client
import json
import pathlib
import subprocess
import sys
import urllib.parse

from browser import Browser

PARTS = pathlib.Path(__file__).resolve().parent.parent / "parts"


class RunningPart:
    """A part as a child process; it ends when its standard input closes, so also when this process dies."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command} did not start: exit {self.process.wait()}")
        self.ports = json.loads(line)
        self.port = self.ports["port"]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, port, method, target, body=None, timeout=90):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request(method, target, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{method} {target}: {answer.status} {text!r}")
            return json.loads(text)
        finally:
            connection.close()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class WirePart(RunningPart):
    """A part built on tests/parts/wire.py."""

    def __init__(self, script):
        super().__init__([sys.executable, str(PARTS / script)])

    def control(self, method, action, body=None, **query):
        target = f"/{action}?{urllib.parse.urlencode(query)}"
        return self.ask(self.ports["control"], method, target, body)

    def log(self, path="", since=0):
        return self.control("GET", "log", path=path, since=since)

    def wait(self, count, path="", timeout=20):
        """Waits until `count` requests have come in; returns how many there are."""
        return self.control("GET", "wait", path=path, count=count, timeout=timeout)["count"]

    def summary(self):
        return self.control("GET", "summary")

    def set(self, **settings):
        return self.control("POST", "set", settings)

    def release(self, path=""):
        self.control("POST", "release", path=path)

    def hold(self, path=""):
        self.control("POST", "hold", path=path)

    def clear(self):
        self.control("POST", "clear")


class Receiver(WirePart):
    def __init__(self):
        super().__init__("receiver.py")


class HostileTokenServer(WirePart):
    def __init__(self):
        super().__init__("hostile_token_server.py")


class ServicePart(WirePart):
    """A part built on tests/parts/service.py: a movable clock, counters, settings with defaults."""

    def counts(self):
        """How often what happened, by name; a name nothing happened to counts 0."""
        return collections.Counter(self.control("GET", "counts"))

    def advance(self, seconds):
        """Moves the server's clock: its tokens and sessions age, its Date header differs from ours."""
        self.control("POST", "advance", seconds=seconds)

    def expire(self, what=None):
        """Drops what the server remembers at once; see the docstring of the server for what there is."""
        self.control("POST", "expire", **({} if what is None else {"what": what}))

    def reset(self):
        self.control("POST", "reset")

    def fail(self, path, status, body="", times=None, **headers):
        """The next requests to paths that begin with `path` get this; without `times` for ever. {} ends it."""
        rule = {"status": status, "body": body, "headers": headers}
        self.set(fail={path: rule | ({} if times is None else {"times": times})})


class ZuoraServer(ServicePart):
    """tests/parts/zuora_server.py."""

    CLIENT_ID = "0f9c2d1e-6b1a-4f7e-9a53-2f1d7c0e8b46"
    CLIENT_SECRET = "zuora=secret/with+special&chars%012345678"
    KEY_ID = "integration@example.com"
    KEY_SECRET = "key-pair secret:0123456789"
    ENTITY = "11e643f4-a3ee-8bad-b061-0025904c756d"
    OTHER_ENTITY = "c92ed977-510c-4c48-9b51-8d5e848671e9"

    def __init__(self):
        super().__init__("zuora_server.py")

    def throttle(self, path="/oauth/token", reset=600, times=1):
        """429 with ratelimit-reset and without Retry-After."""
        self.set(throttle={path: {"reset": reset, "times": times}})

    def crowd(self, path="/v1/", times=1):
        """429 because of the concurrency limit."""
        self.set(crowded={path: {"times": times}})

    def several_entities(self):
        self.set(entities=[self.ENTITY, self.OTHER_ENTITY])


class SalesforceServer(ServicePart):
    """tests/parts/salesforce_server.py."""

    CLIENT_ID = "3MVG9consumer.key_0123456789"
    CLIENT_SECRET = "consumer-secret/+=0123456789"
    USERNAME = "integration@example.com"
    ORG_ID = "00D260000001G7lEAE"
    USER_ID = "00526000004wk0wAAA"
    AUDIENCE = "https://login.salesforce.com"

    def __init__(self):
        super().__init__("salesforce_server.py")

    def accept_new_key(self):
        """Makes a key pair, has the server accept it, and returns the private key as PEM."""
        private = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        self.set(public_key=openssl("pkey", "-pubout", data=private))
        return private

    def mint_refresh_token(self):
        """The refresh token of a further approval; the sixth ends the first."""
        return self.control("POST", "refresh-token")["refresh_token"]

    def approvals(self):
        """{"refresh_tokens", "sessions"} that are good now."""
        return self.control("GET", "approvals")

    def decide(self, decision):
        """approve, deny, ignore, wrong_state, no_state or wrong_issuer: what /authorize does from now on."""
        self.set(decision=decision)

    def approve_login(self, authorization_url, follow=False):
        """Opens the page; returns the redirect, or what its target answered when it is followed."""
        return Browser().redirect_of(authorization_url, follow)


class AuthorizationServer(RunningPart):
    """node-oidc-provider with the clients of tests/parts/oidc; flags: --dpop-nonce, --tls."""

    SPECIAL_ID = "an:identifier"
    SPECIAL_SECRET = "some secure & non-standard secret+/=%"
    REFRESHER_SECRET = "refresher-secret-0123456789"
    DPOP_SECRET = "dpop-secret-0123456789"
    DPOP_REFRESHER_SECRET = "dpop-refresher-secret-0123456789"
    CONFIDENTIAL_SECRET = "confidential secret+/=%0123456789"
    ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

    def __init__(self, lifetime=600, *flags):
        super().__init__(["node", str(PARTS / "oidc" / "server.js"), "--lifetime", str(lifetime), *flags])
        self.issuer = self.ports["issuer"]
        self.files = self.ports.get("files", {})  # PEM files by name, with --tls

    @staticmethod
    def mac_secret(algorithm):
        """The secret of the client `jwt-HS256`, `jwt-HS384` or `jwt-HS512`."""
        return f"{algorithm} secret of the client that signs with it, long enough for SHA-512 +/=%&"

    def admin_url(self, path):
        return f"http://127.0.0.1:{self.ports['admin']}{path}"

    def tls_url(self, path):
        return f"{self.ports['tls_issuer']}{path}"

    def admin(self, method, path, body=None):
        return self.ask(self.ports["admin"], method, path, body)

    def counts(self):
        return self.admin("GET", "/counts")

    def keys(self):
        """{algorithm: private key as PEM} of the clients `jwt-ALG`, kid `ALG-key`."""
        return self.admin("GET", "/keys")

    def assertions(self):
        """[{"header", "claims"}] of the client assertions that were accepted."""
        return self.admin("GET", "/assertions")

    def token_headers(self):
        """The headers of each request to /token, names in lower case."""
        return self.admin("GET", "/token-headers")

    def mint_refresh_token(self, client_id="refresher"):
        return self.admin("POST", "/refresh-token", {"client_id": client_id})["refresh_token"]

    def forget(self):
        self.admin("POST", "/forget")

    def inject(self, status, body, path="/token", times=1, **headers):
        """The next requests to `path` get this answer and do not reach the library."""
        self.admin("POST", "/inject", {"path": path, "status": status, "headers": headers, "body": body,
                                       "times": times})

    def set(self, **settings):
        self.admin("POST", "/set", settings)

    def rotate_nonce(self, which):
        """All nonces so far of the authorization server ("as") or the resource ("rs") are stale."""
        self.admin("POST", "/dpop", {"rotate": which})

    def single_use_nonces(self, single_use=True):
        """Every answer brings a new nonce, and each is good for one request."""
        self.admin("POST", "/dpop", {"single_use": single_use})

    def approve_login(self, authorization_url, follow=False, login="someone", agree=True):
        """Logs in and consents (or cancels at the consent page); returns the redirect URL to the client.

        With `follow` the client's listener is called as a browser would; returns (status, body) of that.
        """
        browser = Browser(lambda form: fill_in(form, login, agree))
        return browser.redirect_of(authorization_url, follow)

    def approve_device_page(self, verification_url, login="someone", agree=True):
        """Goes through the verification page (the complete URI), login and consent; returns the last page."""
        return Browser(lambda form: fill_in(form, login, agree)).last_page(verification_url)

    def approve_device(self, user_code):
        self.admin("POST", "/device/approve", {"user_code": user_code})

    def deny_device(self, user_code):
        self.admin("POST", "/device/deny", {"user_code": user_code})

    def introspect(self, token, client_id="plain", secret="plain-secret-0123456789"):
        form = urllib.parse.urlencode({"token": token, "client_id": client_id, "client_secret": secret})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/token/introspection", form,
                               {"Content-Type": "application/x-www-form-urlencoded"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def fill_in(form, login, agree):
    """What a user enters into a page of the authorization server: {field: value}, or None to leave it there."""
    if "login" in form:
        return {"login": login, "password": "any", "decision": "continue"}
    if form.get("prompt") == "consent":
        return {"decision": "continue" if agree else "abort"}
    return None if form.get("user_code") == "" else {}


def openssl(*arguments, data=""):
    return subprocess.run(["openssl", *arguments], input=data.encode(), capture_output=True, check=True).stdout.decode()
