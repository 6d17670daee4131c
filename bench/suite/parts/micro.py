"""The micro-benchmarks of herald_bench (Google Benchmark), and the goal for the cached token's read.

That the read takes no lock shows in two threads being no slower than one.
"""

import json
import os
import subprocess

from suite.machine import progress
from suite.table import Result, Row

NAME = "micro"
SUBJECT = "micro-benchmarks; read of a cached access token"
FIGURES = ("read of a cached access token",)
TOKEN_READ = "BM_TokenRead"
TO_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(machine):
    if not machine.herald_bench.exists():
        raise RuntimeError(f"{machine.herald_bench} is not built")
    progress(f"micro: {machine.herald_bench}")
    done = subprocess.run([str(machine.herald_bench), "--benchmark_format=json",
                           f"--benchmark_min_time={machine.scale.micro_seconds}"], check=False, capture_output=True,
                          text=True, env=dict(os.environ, TMPDIR=str(machine.dir)))
    if done.returncode != 0:
        raise RuntimeError(f"herald_bench ended with {done.returncode}: {done.stderr[-500:]}")
    times = {each["name"]: each["cpu_time"] * TO_NS[each.get("time_unit", "ns")]
             for each in json.loads(done.stdout)["benchmarks"] if "cpu_time" in each}
    reads = [value for name, value in times.items() if name.split("/")[0] == TOKEN_READ]
    one = times.get(f"{TOKEN_READ}/threads:1", reads[0])
    rows = [Row("read of a cached access token, the slowest", max(reads), "ns", one, "one thread",
                ratio=max(reads) / one, goal="<= 100 ns", reached=max(reads) <= 100)]
    rows += [Row(name, value, "ns") for name, value in times.items()]
    return Result(rows=rows, runs=[times])
