"""What a figure means nothing without: the machine, its load, and the versions of what ran."""

import os
import pathlib
import platform
import subprocess
import time

from suite.machine import file_system_of


def _first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def _field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def facts(machine):
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "file_system": file_system_of(machine.dir),
        "open_files": machine.descriptors,
        "load_average_before": os.getloadavg()[0],
        "herald": _first_line(str(machine.herald), "--version"),
        "nginx": _first_line("nginx", "-v").removeprefix("nginx version: "),
        "wrk": " ".join(_first_line("wrk", "-v").split()[:2]),
        "python": platform.python_version(),
    }
