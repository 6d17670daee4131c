"""Child processes that never outlive the suite, and helpers that speak JSON lines."""

import ctypes
import json
import os
import pathlib
import resource
import select
import signal
import subprocess
import sys
import time

PACKAGE = pathlib.Path(__file__).resolve().parent
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def raise_descriptor_limit():
    """As many file descriptors as the machine allows; children inherit it. Returns the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _die_with_parent():
    # Ctrl-C belongs to the suite, which ends its children in its own order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """Every child the suite has started and not yet reaped."""

    def __init__(self):
        self._alive = []

    def start(self, command, **options):
        """Popen; the child dies with the suite, even where the suite is killed."""
        child = subprocess.Popen([str(word) for word in command], preexec_fn=_die_with_parent, **options)
        self._alive.append(child)
        return child

    def wait(self, child, seconds):
        """Reaps the child: (exit status, resource usage). TimeoutError where it does not end."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid != 0:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{child.args[0]} still runs after {seconds} s")
            time.sleep(0.002)
        child.returncode = os.waitstatus_to_exitcode(status)
        self._alive.remove(child)
        return child.returncode, usage

    def end(self, child, with_signal=signal.SIGKILL, seconds=20):
        """Ends a child that may have ended already."""
        if child not in self._alive:
            return
        os.kill(child.pid, with_signal)
        try:
            self.wait(child, seconds)
        except TimeoutError:
            child.kill()
            self.wait(child, 10)

    def end_all(self, keep=()):
        for child in [child for child in self._alive if child not in keep]:
            self.end(child)

    def has_ended(self, child):
        """Whether it has ended by itself; it is not reaped."""
        return child not in self._alive or os.waitid(os.P_PID, child.pid,
                                                     os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class Helper:
    """A Python process of this package (`python3 -m suite.NAME`), told what to do in JSON lines."""

    def __init__(self, processes, module, **settings):
        self._processes = processes
        environment = dict(os.environ, PYTHONPATH=str(PACKAGE.parent), PYTHONDONTWRITEBYTECODE="1")
        self.child = processes.start([sys.executable, "-m", f"suite.{module}", json.dumps(settings)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._buffer = b""

    def tell(self, word, **more):
        self.child.stdin.write(json.dumps({"do": word, **more}).encode() + b"\n")
        self.child.stdin.flush()

    def hear(self, seconds=30):
        """The next line the helper says."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise TimeoutError(f"helper {self.child.args[2]} says nothing for {seconds} s")
            chunk = os.read(self.child.stdout.fileno(), 65_536)
            if not chunk:
                raise RuntimeError(f"helper {self.child.args[2]} has ended")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, word, seconds=30, **more):
        self.tell(word, **more)
        return self.hear(seconds)

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self._processes.end(self.child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def say(**words):
    """The helper's side of `hear`."""
    os.write(1, json.dumps(words).encode() + b"\n")
