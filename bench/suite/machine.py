"""The parts around Herald that all measurements share: a place on disk, nginx, wrk, the token endpoint."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from suite.nginx import Nginx
from suite.processes import Processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRK_LUA = """
wrk.method = "POST"
wrk.body = string.rep("x", 512)
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer bench-token-000001"
"""


class TokenEndpoint:
    """Issues a new bearer token with each request, and counts the requests."""

    def __init__(self):
        self.requests = 0
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                endpoint.requests += 1
                body = json.dumps({"access_token": f"bench-token-{endpoint.requests:06d}", "token_type": "Bearer",
                                   "expires_in": 3600}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class ReservedPort:
    """A port nobody else gets: closed to callers until `listen`, closed again after `close`."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.number}/"

    def listen(self):
        self._socket.listen(4096)
        return self._socket

    def close_again(self):
        self._socket.close()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self.number))

    def close(self):
        self._socket.close()


def file_system_of(path):
    """The type of the file system a path lies on, from the longest mount point above it."""
    best, kind = "", "unknown"
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, mount, fs_type, *_ = line.split()
        inside = str(path) == mount or str(path).startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fs_type
    return kind


def work_directory():
    """A fresh directory on a real disk: $HERALD_BENCH_DIR, else build/ of this tree."""
    parent = pathlib.Path(os.environ.get("HERALD_BENCH_DIR", ROOT / "build")).resolve()
    parent.mkdir(parents=True, exist_ok=True)
    kind = file_system_of(parent)
    if kind in ("tmpfs", "ramfs"):
        raise SystemExit(f"bench: {parent} is a {kind}: durable commits cost nothing there; "
                         "set HERALD_BENCH_DIR to a directory on a disk")
    for left in parent.glob("herald-bench-*-*"):  # of a suite that was killed
        if not pathlib.Path(f"/proc/{left.name.split('-')[2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"herald-bench-{os.getpid()}-", dir=parent))


class Machine:
    """Owns the work directory, nginx, the token endpoint and every process of a run."""

    def __init__(self, herald, herald_bench, scale, runs, descriptors):
        self.herald, self.herald_bench, self.scale, self.runs = herald, herald_bench, scale, runs
        self.descriptors = descriptors
        self.processes = Processes()
        self.measured = {}  # what one part learns and a later one needs
        with contextlib.ExitStack() as stack:
            self.dir = work_directory()
            stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
            stack.callback(self.processes.end_all)
            self.tokens = TokenEndpoint()
            stack.callback(self.tokens.close)
            self.dead_port = ReservedPort()
            stack.callback(self.dead_port.close)
            self.nginx = Nginx(self.processes, self.dir / "nginx", descriptors, scale.receivers, scale.https_requests)
            self.nginx_url = self.nginx.url
            (self.dir / "post.lua").write_text(WRK_LUA)
            self._cleanup = stack.pop_all()

    def close(self):
        self._cleanup.close()

    def after_part(self):
        """Ends what a part left behind, nginx excepted."""
        self.processes.end_all(keep=(self.nginx.child,))

    def wrk(self, url=None):
        """The reference: the same POST to the same nginx, 64 connections, no database, no tokens."""
        out = self.dir / "wrk.out"
        with open(out, "w", encoding="utf-8") as file:
            child = self.processes.start(["wrk", "-t1", "-c64", f"-d{self.scale.wrk_seconds}s", "-s",
                                          self.dir / "post.lua", url or self.nginx_url], stdout=file, stderr=file)
        status, usage = self.processes.wait(child, self.scale.wrk_seconds + 30)
        text = out.read_text()
        if status != 0 or "Non-2xx" in text:
            raise RuntimeError(f"wrk ended with {status}: {text}")
        requests = int(re.search(r"(\d+) requests in", text).group(1))
        return {"wrk_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
                "wrk_cpu_us": (usage.ru_utime + usage.ru_stime) / requests * 1e6}


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def end_on_signals():
    """Ctrl-C and SIGTERM end the suite through every `finally`; a second one does not cut that short."""
    def end(*_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
