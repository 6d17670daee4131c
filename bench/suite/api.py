"""A client of the daemon's Unix socket, for everything that is set up or looked at, not measured."""

import http.client
import json
import socket
import time

IDLE_LIMIT = 0.05  # a connection idle for 100 ms may be given up while others come in


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("herald", timeout=60)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """One keep-alive connection; opened again where it was idle."""

    def __init__(self, path):
        self._connection = _UnixConnection(path)
        self._used_at = 0.0

    def call(self, method, path, body=None, content_type="application/json"):
        """The answer as JSON; RuntimeError where the status is 400 or more."""
        if time.monotonic() - self._used_at > IDLE_LIMIT:
            self._connection.close()
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {"Content-Type": content_type})
        response = self._connection.getresponse()
        text = response.read()
        self._used_at = time.monotonic()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path} answered {response.status}: {text[:500]!r}")
        return json.loads(text) if text else None

    def fire(self, lines):
        """Fires one batch of NDJSON; all of it must be accepted."""
        answer = self.call("POST", "/v1/events", lines, "application/x-ndjson")
        if answer["rejected"]:
            raise RuntimeError(f"the batch was not taken: {answer['rejected'][:3]}")
        return answer["accepted"]

    def stats(self):
        return self.call("GET", "/v1/stats")

    def delivered(self, notification):
        lanes = {lane["name"]: lane for lane in self.stats()["notifications"]}
        return lanes[notification]["delivered"]

    def close(self):
        self._connection.close()
