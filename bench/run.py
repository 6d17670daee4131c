#!/usr/bin/env python3
"""End-to-end benchmark: every figure beside its reference from the same run on the same machine.

  drain    N events wait in the database; `herald serve --drain` delivers them to nginx with an OAuth 2.0 bearer token
  wrk      the same 512-byte POST to the same nginx from 64 connections: what the machine can do at all

The two alternate, and the ratio is taken pair by pair: the machine is shared and noisy.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log crit;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;
  scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port} backlog=2048; location / {{ return 200 "ok"; }} }} }}
"""
WRK_LUA = """
wrk.method = "POST"
wrk.body = string.rep("x", 512)
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer bench-token"
"""


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    requests = 0

    def do_POST(self):
        TokenEndpoint.requests += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"access_token":"bench-token","token_type":"Bearer","expires_in":3600}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")


class Bench:
    def __init__(self, herald, events, directory):
        self.herald, self.events, self.dir = herald, events, pathlib.Path(directory)
        self.port = free_port()
        (self.dir / "nginx.conf").write_text(NGINX.format(dir=self.dir, port=self.port))
        (self.dir / "post.lua").write_text(WRK_LUA)
        self.nginx = subprocess.Popen(["nginx", "-p", str(self.dir), "-c", str(self.dir / "nginx.conf")],
                                      stderr=subprocess.DEVNULL)
        wait_for(self.port)
        self.tokens = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint)
        threading.Thread(target=self.tokens.serve_forever, daemon=True).start()
        # 512 bytes on the wire: the envelope takes 134 of them.
        data = {"account": {"id": "A-1024"}, "total": "1024.50", "note": "x" * 320}
        self.lines = self.dir / "events.ndjson"
        line = json.dumps({"type": "invoice.posted", "data": data}) + "\n"
        with open(self.lines, "w", encoding="utf-8") as out:
            for _ in range(events):
                out.write(line)

    def close(self):
        self.nginx.terminate()
        self.nginx.wait()
        self.tokens.shutdown()

    def wrk(self, seconds=4):
        out = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", str(self.dir / "post.lua"),
                              f"http://127.0.0.1:{self.port}/"], check=True, capture_output=True, text=True).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))

    def run(self, *args):
        done = subprocess.run([self.herald, *args], env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"herald {' '.join(args)}: {done.stderr}")
        return done.stdout

    def drain(self):
        home = tempfile.mkdtemp(dir=self.dir)
        self.env = dict(os.environ, HERALD_DB=f"{home}/h.db", HERALD_EGRESS_ALLOW="127.0.0.0/8", HERALD_LOG="error")
        secret = pathlib.Path(home) / "secret"
        secret.write_text("bench-secret")
        secret.chmod(0o600)
        self.run("provider", "add", "bench", "--client-id", "bench", "--client-secret-file", str(secret),
                 "--token-url", f"http://127.0.0.1:{self.tokens.server_port}/token")
        self.run("notification", "add", "nginx", "--event", "invoice.*", "--url", f"http://127.0.0.1:{self.port}/",
                 "--auth", "oauth2", "--provider", "bench", "--max-in-flight", "256")
        self.run("event", "import", str(self.lines))
        start = time.monotonic()
        daemon = subprocess.Popen([self.herald, "serve", "--drain"], env=self.env)
        _, status, usage = os.wait4(daemon.pid, 0)
        seconds = time.monotonic() - start
        if status != 0:
            raise SystemExit(f"herald serve --drain ended with status {status}")
        stats = json.loads(self.run("stats", "--json"))
        delivered = stats["callouts"]["delivered"]
        if delivered != self.events:
            raise SystemExit(f"delivered {delivered} of {self.events}: {stats}")
        shutil.rmtree(home)
        return {"callouts_per_s": self.events / seconds,
                "cpu_us_per_callout": (usage.ru_utime + usage.ru_stime) / self.events * 1e6,
                "peak_rss_mb": usage.ru_maxrss / 1024}


def micro(program):
    out = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.2"], check=True,
                         capture_output=True, text=True).stdout
    return {b["name"]: round(b["cpu_time"], 1) for b in json.loads(out)["benchmarks"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build/release"), help="build tree to measure")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    pairs = []
    with tempfile.TemporaryDirectory(prefix="herald-bench-") as directory:
        bench = Bench(f"{options.build}/bin/herald", options.events, directory)
        try:
            for number in range(options.runs):
                reference = bench.wrk()
                pair = {"wrk_per_s": reference, **bench.drain()}
                pair["ratio"] = pair["callouts_per_s"] / reference
                pairs.append(pair)
                print(f"run {number + 1}/{options.runs}: {pair['callouts_per_s']:8.0f} callouts/s, "
                      f"wrk {reference:8.0f}/s, ratio {pair['ratio']:.3f}, "
                      f"{pair['cpu_us_per_callout']:.1f} us CPU a callout", file=sys.stderr, flush=True)
        finally:
            bench.close()
    median = {key: statistics.median(pair[key] for pair in pairs) for key in pairs[0]}
    result = {"events": options.events, "runs": pairs, "median": median,
              "nanoseconds": micro(f"{options.build}/bin/herald_bench")}
    out = ROOT / "bench/results/latest.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\ndrain of {options.events} queued events, durable, OAuth 2.0, 512-byte body; "
          f"medians of {options.runs} runs")
    print(f"  delivered        {median['callouts_per_s']:10.0f} callouts/s")
    print(f"  wrk, same nginx  {median['wrk_per_s']:10.0f} requests/s")
    print(f"  ratio            {median['ratio']:10.3f}")
    print(f"  CPU              {median['cpu_us_per_callout']:10.1f} us a callout, user and system")
    print(f"  peak memory      {median['peak_rss_mb']:10.1f} MB")
    print("micro-benchmarks, ns CPU:")
    for name, nanoseconds in result["nanoseconds"].items():
        print(f"  {name:44} {nanoseconds:12.1f}")
    print(f"written to {out.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
