"""Starts the real parts of tests/parts and talks to them."""

import http.client
import json
import pathlib
import subprocess
import sys
import urllib.parse

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


class AuthorizationServer(RunningPart):
    """node-oidc-provider with the clients of tests/parts/oidc/server.js."""

    SPECIAL_ID = "an:identifier"
    SPECIAL_SECRET = "some secure & non-standard secret+/=%"
    REFRESHER_SECRET = "refresher-secret-0123456789"

    def __init__(self, lifetime=600):
        super().__init__(["node", str(PARTS / "oidc" / "server.js"), "--lifetime", str(lifetime)])

    def admin_url(self, path):
        return f"http://127.0.0.1:{self.ports['admin']}{path}"

    def counts(self):
        return self.ask(self.ports["admin"], "GET", "/counts")

    def mint_refresh_token(self):
        return self.ask(self.ports["admin"], "POST", "/refresh-token")["refresh_token"]

    def forget(self):
        self.ask(self.ports["admin"], "POST", "/forget")

    def introspect(self, token, client_id="plain", secret="plain-secret-0123456789"):
        form = urllib.parse.urlencode({"token": token, "client_id": client_id, "client_secret": secret})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/token/introspection", form,
                               {"Content-Type": "application/x-www-form-urlencoded"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()
