"""What a person at a terminal meets: the secret prompt, the demo, long paths."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import tempfile
import termios
import time
import unittest

from herald_harness import HERALD_BIN, HeraldTest, eventually

ADD = ("provider", "add", "crm", "--client-id", "a", "--token-url", "https://t.example.com/token",
       "--client-secret-file", "-")


class Terminal:
    """The binary on a terminal of its own, which it controls."""

    def __init__(self, arguments, environment, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(HERALD_BIN, [HERALD_BIN, *arguments], environment)
        self.seen = ""

    def read_until(self, text, timeout=30):
        deadline = time.monotonic() + timeout
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"{text!r} was not shown, only {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 4096).decode()
            except OSError as gone:
                raise AssertionError(f"{text!r} was not shown, only {self.seen!r}") from gone

    def type(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def wait(self, options=0):
        return os.waitpid(self.pid, options)[1]


class PromptTest(HeraldTest):
    def prompt(self):
        terminal = Terminal(ADD, self.herald.environment, self.herald.directory)
        self.addCleanup(os.close, terminal.fd)
        terminal.read_until("client-secret-file: ")
        eventually(lambda: not terminal.echoes(), "the echo is off")
        return terminal

    def test_every_signal_that_ends_the_program_finds_the_echo_on_again(self):
        for name, end in (("Ctrl-C", lambda t: t.type("\x03")), ("Ctrl-\\", lambda t: t.type("\x1c")),
                          ("SIGTERM", lambda t: os.kill(t.pid, signal.SIGTERM)),
                          ("SIGHUP", lambda t: os.kill(t.pid, signal.SIGHUP))):
            with self.subTest(name):
                terminal = self.prompt()
                terminal.type("half a sec")
                end(terminal)
                status = terminal.wait()
                self.assertTrue(os.WIFSIGNALED(status), status)
                self.assertTrue(terminal.echoes())
                self.assertFalse(self.herald.database.exists())

    def test_a_stopped_prompt_leaves_the_echo_on_and_asks_again(self):
        terminal = self.prompt()
        # The kernel drops a stop where nobody could wake the process again: then it asks again at once.
        os.kill(terminal.pid, signal.SIGTSTP)
        stopped = self.stopped_or_asked_again(terminal)
        if stopped:
            self.assertTrue(terminal.echoes())
            os.kill(terminal.pid, signal.SIGCONT)
        eventually(lambda: terminal.seen.count("client-secret-file: ") + self.more(terminal) > 1, "it asks again")
        eventually(lambda: not terminal.echoes(), "the echo is off")
        terminal.type("s3cret\n")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.wait()), 0)
        self.assertTrue(terminal.echoes())
        self.assertNotIn("s3cret", terminal.seen)

    def stopped_or_asked_again(self, terminal):
        def look():
            pid, status = os.waitpid(terminal.pid, os.WUNTRACED | os.WNOHANG)
            if pid:
                return "stopped" if os.WIFSTOPPED(status) else "ended"
            return "asked" if terminal.seen.count("client-secret-file: ") + self.more(terminal) > 1 else None
        return eventually(look, "SIGTSTP has an effect") == "stopped"

    def more(self, terminal):
        """Reads what is there; how often it asks in it."""
        ready, _, _ = select.select([terminal.fd], [], [], 0)
        if not ready:
            return 0
        terminal.seen += os.read(terminal.fd, 4096).decode()
        return 0

    def test_the_echo_is_on_after_the_line(self):
        terminal = self.prompt()
        terminal.type("s3cret\n")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.wait()), 0)
        self.assertTrue(terminal.echoes())


class DemoTest(HeraldTest):
    def test_an_interrupted_demo_leaves_nothing_behind(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="herald-demo-test-", dir=self.herald.directory))
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), open(self.herald.directory / "demo.log", "w+") as said:
                demo = subprocess.Popen([HERALD_BIN, "demo"], env=self.herald.environment | {"TMPDIR": str(folder)},
                                        stdin=subprocess.DEVNULL, stdout=said, stderr=said)
                text = lambda: pathlib.Path(said.name).read_text()
                eventually(lambda: "event fire" in text(), "the daemon of the demo serves")
                demo.send_signal(number)
                self.assertEqual(demo.wait(30), -number, text())
                self.assertEqual(list(folder.iterdir()), [], text())
                self.assertIn("interrupted", text())
                self.assertEqual(self.daemons_below(folder), [])

    def daemons_below(self, folder):
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if str(folder) in (process / "environ").read_bytes().decode(errors="replace"):
                    found.append(process.name)
            except OSError:
                continue
        return found


class LongPathTest(HeraldTest):
    def test_a_daemon_on_a_long_path_serves_and_is_reached(self):
        deep = self.herald.directory / ("d" * 120)
        deep.mkdir()
        self.herald.database = deep / "herald.db"
        self.herald.environment["HERALD_DB"] = str(self.herald.database)
        daemon = self.herald.spawn_daemon()
        try:
            eventually(lambda: self.herald.run("stats").exit == 0 and os.path.exists(self.herald.socket_path),
                       "the daemon is reached")
            self.assertIn("a daemon serves it", self.herald.run("doctor").stdout)
        finally:
            daemon.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(30), 0, self.herald.log_tail())
        self.assertFalse(os.path.exists(self.herald.socket_path))


if __name__ == "__main__":
    unittest.main()
