"""What the tests of provider kinds and grants share: callouts with a provider's token, and the set-up by a person."""

from herald_harness import HeraldTest, Result


class Setup:
    """`herald token setup NAME` as a running process that has said what the person has to open."""

    def __init__(self, herald, name, *more, **options):
        self.arguments = ("--json", "token", "setup", name, *more)
        self.process = herald.start_command(*self.arguments, **options)
        self.said = []

    def next_indented_line(self):
        """The next address or code it shows; AssertionError when it ends without."""
        for line in iter(self.process.stderr.readline, b""):
            self.said.append(line.decode())
            if line.startswith(b"  "):
                return line.decode().strip()
        raise AssertionError(str(self.result()))

    def result(self, timeout=60):
        stdout, stderr = self.process.communicate(timeout=timeout)
        return Result(self.arguments, self.process.returncode, stdout.decode(),
                      "".join(self.said) + stderr.decode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class ProviderTest(HeraldTest):
    """Has a daemon unless a class says otherwise."""

    with_daemon = True

    def callouts_to(self, url, provider, *more, name="posted"):
        return self.add_notification(url, name, "--auth", "oauth2", "--provider", provider, *more)

    def fire(self, data=None):
        status, fired = self.herald.api("POST", "/v1/events", {"type": "invoice.posted", "data": data or {}})
        self.assertEqual(status, 202, fired)
        return fired["callouts"][0]["id"]

    def delivered(self):
        """Fires, and returns the callout once it is delivered."""
        return self.callout_in_state(self.fire(), "delivered")

    def attempts_of(self, callout):
        return [(attempt["number"], attempt["resend"], attempt["status"]) for attempt in callout["attempts"]]

    def show(self, name):
        return self.herald.must("provider", "show", name)

    def start_setup(self, name, *more):
        setup = Setup(self.herald, name, *more)
        self.addCleanup(setup.close)
        return setup
