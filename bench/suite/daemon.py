"""Databases and the daemon that owns one: set up with the CLI, copied, served, watched through /proc."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from suite.api import Api

PROVIDER = "bench"


class Home:
    """One database with its key, in a directory of its own."""

    def __init__(self, machine, directory=None):
        self._machine = machine
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="db-", dir=machine.dir))
        self.env = dict(os.environ, HERALD_DB=str(self.dir / "h.db"), HERALD_EGRESS_ALLOW="127.0.0.0/8",
                        HERALD_LOG="error", SSL_CERT_FILE=str(machine.nginx.certificate))
        for setting in ("HERALD_KEY_FILE", "HERALD_CONFIG"):
            self.env.pop(setting, None)
        self.socket = self.dir / "h.db.sock"

    def run(self, *words):
        """One herald command."""
        done = subprocess.run([str(self._machine.herald), *map(str, words)], env=self.env, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"herald {' '.join(map(str, words))}: {done.returncode}, {done.stderr.strip()}")
        return done.stdout

    def add_provider(self):
        secret = self.dir / "secret"
        secret.write_text("bench-secret")
        secret.chmod(0o600)
        self.run("provider", "add", PROVIDER, "--client-id", "bench", "--client-secret-file", secret,
                 "--token-url", self._machine.tokens.url)

    def add_notification(self, name, url, max_in_flight=256, *more):
        """A notification for events `<name>.*` that carries the provider's bearer token."""
        self.run("notification", "add", name, "--event", f"{name}.*", "--url", url, "--auth", "oauth2",
                 "--provider", PROVIDER, "--max-in-flight", max_in_flight, *more)

    def import_events(self, name, count, data=None):
        """`count` queued events `<name>.fired`, by `herald event import` without a daemon."""
        line = event_line(f"{name}.fired", data)
        self.import_lines(line for _ in range(count))

    def import_lines(self, lines):
        file = self.dir / "events.ndjson"
        with open(file, "wb") as out:
            out.writelines(lines)
        self.run("event", "import", file)
        file.unlink()

    def copy(self):
        """Another database with the same content. REQUIRES: nobody has this one open."""
        twin = Home(self._machine)
        for name in ("h.db", "h.db-wal", "h.db.key"):
            if (self.dir / name).exists():
                shutil.copy2(self.dir / name, twin.dir / name)
        for path in twin.dir.iterdir():  # or its write-back would fall into the measurement
            with open(path, "rb+") as file:
                os.fdatasync(file.fileno())
        return twin

    def size(self):
        """Bytes of the database, without what is held back for a full disk."""
        return sum(path.stat().st_size for name in ("h.db", "h.db-wal") if (path := self.dir / name).exists())

    def stats(self):
        return json.loads(self.run("stats", "--json"))

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def event_line(event_type, data=None):
    """One line of NDJSON whose default callout body has 512 bytes, give or take the type's length."""
    data = data or {"account": {"id": "A-1024"}, "total": "1024.50", "note": "x" * (334 - len(event_type))}
    return json.dumps({"type": event_type, "data": data}).encode() + b"\n"


class Daemon:
    """`herald serve` on one database."""

    def __init__(self, machine, home, *options):
        self._processes = machine.processes
        self.home = home
        self.started_at = time.perf_counter()
        self.child = self._processes.start([machine.herald, "serve", *options], env=home.env)
        self.api = Api(home.socket)

    def wait_ready(self, seconds=30):
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.api.call("GET", "/readyz")
                return self
            except OSError:
                self.api.close()
                if self._processes.has_ended(self.child):
                    raise RuntimeError("herald serve has ended instead of getting ready") from None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def obtain_token(self):
        self.api.call("POST", f"/v1/providers/{PROVIDER}/token/obtain")

    def _status(self, field):
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"/proc does not tell {field}")

    def resident_mb(self):
        return self._status("VmRSS") / 1024

    def threads(self):
        return self._status("Threads")

    def wait_delivered(self, notification, count, seconds=120, pause=0.01):
        """Until `count` callouts are recorded as delivered; the time when that was seen."""
        deadline = time.monotonic() + seconds
        while True:
            delivered = self.api.delivered(notification)
            if delivered >= count:
                return time.perf_counter()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{delivered} of {count} callouts of '{notification}' delivered in {seconds} s")
            time.sleep(pause)

    def wait_end(self, seconds):
        """Exit status and resource usage of a daemon that ends by itself (`--drain`)."""
        return self._processes.wait(self.child, seconds)

    def stop(self):
        """As an operator stops it: what is in flight ends first."""
        self.api.close()
        self._processes.end(self.child, signal.SIGTERM)

    def kill(self):
        self.api.close()
        self._processes.end(self.child, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def drain(machine, home, count, seconds=300):
    """Delivers all `count` queued callouts: from daemon start to its end, CPU and peak memory of all of it."""
    with Daemon(machine, home, "--drain") as daemon:
        status, usage = daemon.wait_end(seconds)
        took = time.perf_counter() - daemon.started_at
    if status != 0:
        raise RuntimeError(f"herald serve --drain ended with status {status}")
    counts = home.stats()["callouts"]
    if counts["delivered"] != count:
        raise RuntimeError(f"delivered {counts['delivered']} of {count}: {counts}")
    return {"callouts_per_s": count / took,
            "cpu_us_per_callout": (usage.ru_utime + usage.ru_stime) / count * 1e6,
            "peak_rss_mb": usage.ru_maxrss / 1024}
