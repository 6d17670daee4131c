"""Runs the real binary: one temporary database per `Herald`, commands, the daemon, and its API socket."""

import dataclasses
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

HERALD_BIN = os.environ.get("HERALD_BIN") or str(
    pathlib.Path(__file__).resolve().parents[2] / "build" / "dev" / "bin" / "herald")
START_DEADLINE_S = 30
COMMAND_DEADLINE_S = 90


def eventually(probe, what, timeout=30.0):
    """Returns the first true value of `probe()`, asking every 20 ms until `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}; last seen: {value!r}")
        time.sleep(0.02)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return unused.getsockname()[1]


def fingerprint(token):
    return hashlib.sha256(token.encode()).hexdigest()[:8]


@dataclasses.dataclass
class Result:
    """What one command did."""

    arguments: tuple
    exit: int
    stdout: str
    stderr: str

    @property
    def json(self):
        return json.loads(self.stdout)

    @property
    def error(self):
        """The error object of `--json`, or {} when there is none."""
        for line in reversed(self.stderr.splitlines()):
            if line.startswith("{") and '"error"' in line:
                return json.loads(line)["error"]
        return {}

    def __str__(self):
        return (f"herald {' '.join(map(str, self.arguments))}: exit {self.exit}\n"
                f"stdout: {self.stdout[-2000:]}\nstderr: {self.stderr[-2000:]}")


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def call(self, method, target, body=None, content_type="application/json", headers=None):
        """Returns (status, parsed body or text)."""
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        sent = {"Content-Type": content_type} if data is not None else {}
        self.request(method, target, data, sent | (headers or {}))
        answer = self.getresponse()
        text = answer.read()
        if "json" in answer.getheader("Content-Type", ""):
            return answer.status, json.loads(text) if text else None
        return answer.status, text.decode()


class Herald:
    """A database of its own, and the commands on it."""

    def __init__(self, **environment):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="herald-"))
        self.database = self.directory / "herald.db"
        self.log_file = self.directory / "daemon.log"
        self.daemon = None
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin"), "HOME": str(self.directory), "LANG": "C.UTF-8",
            "HERALD_DB": str(self.database), "HERALD_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
        } | environment
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    # Files a command takes.

    def file(self, content, name=None, mode=0o600):
        path = self.directory / (name or f"file-{len(list(self.directory.iterdir()))}")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    # Commands.

    def start_command(self, *arguments, **options):
        return subprocess.Popen([HERALD_BIN, *map(str, arguments)], env=self.environment,
                                cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                **({"stdin": subprocess.DEVNULL} | options))

    def run(self, *arguments, json=False, stdin=None, timeout=COMMAND_DEADLINE_S, environment=None):
        words = (["--json"] if json else []) + [word if isinstance(word, bytes) else str(word)
                                                for word in arguments]
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([HERALD_BIN, *words], env=self.environment | (environment or {}),
                              cwd=self.directory, input=data if data is not None else b"",
                              capture_output=True, timeout=timeout, check=False)
        return Result(tuple(words), done.returncode, done.stdout.decode("utf-8", "replace"),
                      done.stderr.decode("utf-8", "replace"))

    def must(self, *arguments, **options):
        """Runs with --json, insists on exit 0, returns the document."""
        result = self.run(*arguments, json=True, **options)
        if result.exit != 0:
            raise AssertionError(f"{result}\n{self.log_tail()}")
        return result.json if result.stdout.strip() else None

    # The daemon.

    @property
    def socket_path(self):
        return f"{self.database}.sock"

    def spawn_daemon(self, *arguments, prefix=(), environment=None):
        """Starts `herald serve` without waiting; its standard error goes to `log_file`."""
        with open(self.log_file, "ab") as log:
            return subprocess.Popen([*prefix, HERALD_BIN, "serve", *map(str, arguments)],
                                    env=self.environment | (environment or {}), cwd=self.directory,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, *arguments, **options):
        self.daemon = self.spawn_daemon(*arguments, **options)
        self.wait_until_ready()
        return self

    def wait_until_ready(self):
        def ready():
            if self.daemon.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.daemon.returncode}\n{self.log_tail()}")
            try:
                return self.api("GET", "/readyz")[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        eventually(ready, "the daemon is ready", START_DEADLINE_S)

    def stop(self, timeout=60):
        """SIGTERM; returns the exit code."""
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(timeout)
        self.daemon = None
        return code

    def kill9(self):
        self.daemon.kill()
        self.daemon.wait()
        self.daemon = None

    def api(self, method, target, body=None, **options):
        connection = UnixConnection(self.socket_path)
        try:
            return connection.call(method, target, body, **options)
        finally:
            connection.close()

    def connection(self):
        return UnixConnection(self.socket_path)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines=20):
        return "daemon log:\n" + "\n".join(self.log().splitlines()[-lines:])

    def close(self):
        """Ends the daemon, removes everything; complains if the daemon did not end well."""
        complaint = None
        if self.daemon is not None:
            if self.daemon.poll() is not None:
                complaint = f"the daemon had ended with {self.daemon.returncode}\n{self.log_tail()}"
            else:
                complaint = self.complaint_of_stop()
        if any(word in self.log() for word in ("AddressSanitizer", "runtime error:", "ThreadSanitizer")):
            complaint = f"sanitizer report\n{self.log_tail(200)}"
        shutil.rmtree(self.directory, ignore_errors=True)
        if complaint:
            raise AssertionError(complaint)

    def complaint_of_stop(self):
        try:
            code = self.stop()
            return None if code == 0 else f"SIGTERM ended the daemon with {code}\n{self.log_tail()}"
        except subprocess.TimeoutExpired:
            self.kill9()
            return f"SIGTERM did not end the daemon\n{self.log_tail()}"


class HeraldTest(unittest.TestCase):
    """A test with a database of its own; `with_daemon` decides who owns it."""

    with_daemon = False
    maxDiff = None

    def setUp(self):
        self.herald = self.new_herald()
        if self.with_daemon:
            self.herald.start()

    def given_an_empty_database(self):
        """Only commands that add something create one, and `serve`."""
        if not self.with_daemon:
            daemon = self.herald.spawn_daemon("--drain")
            self.assertEqual(daemon.wait(START_DEADLINE_S), 0, self.herald.log_tail())

    def new_herald(self, **environment):
        herald = Herald(**environment)
        self.addCleanup(herald.close)
        return herald

    def part(self, kind, *arguments):
        part = kind(*arguments)
        self.addCleanup(part.close)
        return part

    def refused(self, exit_code, code, *arguments, field=None, **options):
        """The command must fail with this exit code and error code; returns the error object."""
        result = self.herald.run(*arguments, json=True, **options)
        self.assertEqual(result.exit, exit_code, f"\n{result}")
        self.assertEqual(result.stdout, "", f"results only on stdout\n{result}")
        self.assertEqual(result.error.get("code"), code, f"\n{result}")
        if field is not None:
            self.assertEqual(result.error.get("details", {}).get("field"), field, f"\n{result}")
        return result.error

    def has_shape(self, document, shape):
        """Every member of `shape` is there with one of its types; additions are welcome."""
        for name, kinds in shape.items():
            self.assertIn(name, document)
            self.assertIsInstance(document[name], kinds, f"{name} in {document}")

    def add_provider(self, token_url, name="crm", *more, secret="s3cret-value"):
        return self.herald.must("provider", "add", name, "--client-id", "client",
                                "--client-secret-file", self.herald.file(secret), "--token-url",
                                token_url, *more)

    def add_notification(self, url, name="posted", *more, event="invoice.*"):
        return self.herald.must("notification", "add", name, "--event", event, "--url", url, *more)

    def callout_in_state(self, callout_id, *states, timeout=40):
        """Waits for the callout to reach one of the states and returns it."""
        def reached():
            status, callout = self.herald.api("GET", f"/v1/callouts/{callout_id}")
            return callout if status == 200 and callout["state"] in states else None
        try:
            return eventually(reached, f"callout in {states}", timeout)
        except AssertionError as error:
            _, callout = self.herald.api("GET", f"/v1/callouts/{callout_id}")
            raise AssertionError(f"{error}\n{callout}\n{self.herald.log_tail()}") from None

    def callout_waits_for(self, callout_id, reason, timeout=40):
        """Waits until the callout is pending for that reason, with no attempt spent, and returns it."""
        def waits():
            callout = self.herald.api("GET", f"/v1/callouts/{callout_id}")[1]
            return callout if (callout["state"], callout["reason"]) == ("pending", reason) else None
        callout = eventually(waits, f"callout waits for {reason}", timeout)
        self.assertEqual(callout["attempts"], [])
        return callout


def with_and_without_daemon(commands, namespace):
    """Two test cases of one set of commands: the CLI in process, and over the daemon's socket."""
    for suffix, with_daemon in (("InProcess", False), ("OverSocket", True)):
        name = commands.__name__ + suffix
        namespace[name] = type(name, (commands, HeraldTest),
                               {"with_daemon": with_daemon, "__module__": namespace["__name__"]})
