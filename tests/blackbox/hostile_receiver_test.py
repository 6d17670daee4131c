"""What every kind of bad answer comes to: one row for each of E-71 to E-88.

Deadlines are short and nobody measures them: a row shows that the attempt ended and as what. tests/http shows when.
"""

import base64
import collections
import gzip
import json
import socket
import ssl
import subprocess
import threading
import unittest

from herald_harness import HeraldTest, eventually
from parts import Receiver

OK = b"HTTP/1.1 200 OK\r\n"
MINE = OK + b"Content-Length: 4\r\n\r\nmine"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
ODD_HEAD = b"HTTP/1.1 200 <script>alert(1)</script> \xff\r\nX: =?UTF-8?B?DQpFdmlsOiAx?= \xff\xc3\r\n"
ODD_BODY = b"\x1b[31m\x1b]0;title\x07\x9b31m\r\n\x00 \xff\xfe\xed\xa0\x80 <script>"
COMPRESSED = gzip.compress(b"never to be seen " * 50)

Row = collections.namedtuple("Row", "number what path status error")


RAW, DRIPS = {}, {}  # what the receiver is told to send, by the last segment of the path


def raw(data, end="close"):
    RAW[str(len(RAW))] = (base64.b64encode(data).decode(), end)
    return f"/raw/{len(RAW) - 1}"


def drip(before, drop="x"):
    DRIPS[str(len(DRIPS))] = (base64.b64encode(before).decode(), drop)
    return f"/drip/{len(DRIPS) - 1}"


def delivered(number, what, path):
    return Row(number, what, path, 200, None)


def failed(number, what, error, path):
    return Row(number, what, path, None, error)


ROWS = [
    failed(71, "reset before any byte", "http", "/reset"),
    delivered(71, "reset inside the header block", raw(OK + b"A: b\r\n", "reset")),
    delivered(72, "reset inside the body", raw(OK + b"Content-Length: 99\r\n\r\npart", "reset")),
    delivered(72, "end inside the body", raw(OK + b"Content-Length: 99\r\n\r\npart")),
    delivered(72, "end inside a chunk", raw(CHUNKED + b"9\r\npart")),
    failed(73, "end without a byte", "http", "/silent-close"),
    failed(73, "end inside the status line", "http", raw(b"HTTP/1.1 20")),
    delivered(73, "end before the blank line", raw(OK + b"A: b\r\n")),
    failed(73, "end after an interim answer", "http", raw(INTERIM)),
    failed(74, "letters for digits", "malformed", raw(b"HTTP/1.1 2OO OK\r\n\r\n")),
    failed(74, "HTTP/9.9", "malformed", raw(b"HTTP/9.9 200 OK\r\n\r\n")),
    failed(74, "99", "malformed", raw(b"HTTP/1.1 99 X\r\n\r\n")),
    failed(74, "600", "malformed", raw(b"HTTP/1.1 600 X\r\n\r\n")),
    failed(74, "000", "malformed", raw(b"HTTP/1.1 000 X\r\n\r\n")),
    failed(74, "another protocol", "malformed", raw(b"220 smtp.example ESMTP\r\n", "hang")),
    delivered(75, "101 header lines", raw(OK + b"A: b\r\n" * 101 + b"\r\n")),
    delivered(75, "a line of 9 KiB", raw(OK + b"A: " + b"x" * 9216 + b"\r\n\r\n")),
    delivered(75, "a block of 36 KiB", raw(OK + (b"A: " + b"x" * 4096 + b"\r\n") * 9 + b"\r\n")),
    delivered(75, "100 header lines", raw(OK + b"A: b\r\n" * 99 + b"Content-Length: 0\r\n\r\n")),
    delivered(76, "length and chunks", raw(OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    delivered(76, "two lengths", raw(OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nmine")),
    delivered(76, "a negative length", raw(OK + b"Content-Length: -4\r\n\r\nmine")),
    delivered(77, "102, 103, 200", raw(INTERIM + b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + MINE)),
    failed(78, "101", "malformed", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + MINE)),
    delivered(79, "eight times 1xx", raw(INTERIM * 8 + MINE)),
    failed(79, "nine times 1xx", "malformed", raw(INTERIM * 9 + MINE)),
    failed(79, "1xx for ever", "malformed", drip(b"", INTERIM.decode())),
    delivered(80, "a second answer", raw(MINE + b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "keep")),
    delivered(81, "an endless body", "/endless"),
    delivered(82, "a compressed body", raw(OK + b"Content-Encoding: gzip\r\n\r\n" + COMPRESSED)),
    delivered(83, "markup, encoded words, escapes, broken UTF-8", raw(ODD_HEAD + b"\r\n" + ODD_BODY)),
    delivered(83, "an escape in the reason phrase", raw(b"HTTP/1.1 200 \x1b[31mOK\r\n\r\n")),
    delivered(84, "a cookie", raw(OK + b"Set-Cookie: crumb=never-kept\r\nContent-Length: 0\r\n\r\n", "keep")),
    delivered(87, "a date years off", raw(OK + b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n")),
    failed(88, "silence", "timeout", raw(b"", "hang")),
    failed(88, "dripped status line", "timeout", drip(b"HTTP/1.1 200 ")),
    delivered(88, "dripped header line", drip(OK + b"A: ")),
    delivered(88, "dripped header lines", drip(OK, "A: b\r\n")),
    failed(88, "dripped interim header", "timeout", drip(b"HTTP/1.1 103 H\r\nA: ")),
    delivered(88, "dripped body", drip(OK + b"Content-Length: 100000\r\n\r\n")),
    delivered(88, "dripped body without length", drip(OK + b"\r\n")),
    delivered(88, "dripped chunk size", drip(CHUNKED, "0")),
    delivered(88, "dripped chunk extension", drip(CHUNKED + b"5;")),
    delivered(88, "dripped chunks", drip(CHUNKED, "1\r\nx\r\n")),
    delivered(88, "dripped trailer", drip(CHUNKED + b"0\r\nA: ")),
]


class Hostile(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        self.receiver.set(raw=RAW, drip=DRIPS)

    def fire(self, event_type, data="{}"):
        status, fired = self.herald.api("POST", "/v1/events", '{"type":"%s","data":%s}' % (event_type, data))
        self.assertEqual(status, 202, fired)
        return {callout["notification"]: callout["id"] for callout in fired["callouts"]}

    def expect(self, callout, status, error):
        """One attempt, judged by its status or by the kind of its error; `--retry none` makes failures final."""
        shown = self.callout_in_state(callout, "delivered", "dead")
        self.assertEqual(len(shown["attempts"]), 1, shown)
        attempt = shown["attempts"][0]
        if error is None:
            self.assertEqual((shown["state"], attempt["outcome"], attempt["status"]),
                             ("delivered", "delivered", status))
        else:
            self.assertEqual((shown["state"], shown["reason"]), ("dead", "attempts_exhausted"), shown)
            self.assertEqual((attempt["outcome"], attempt["status"]), ("retry", None), shown)
            self.assertEqual(attempt["error"].split(":")[0], error, shown)
        return shown


class HostileAnswers(Hostile):
    def test_every_row_of_the_table(self):
        for number, row in enumerate(ROWS):
            self.add_notification(self.receiver.url(row.path), f"row-{number}", "--retry", "none", "--timeout",
                                  "1500ms", event="table.*")
        self.add_notification(self.receiver.url("/ok"), "healthy", event="table.*")
        callouts = self.fire("table.all")
        self.callout_in_state(callouts["healthy"], "delivered")
        shown = {}
        for number, row in enumerate(ROWS):
            with self.subTest(f"E-{row.number} {row.what}"):
                shown[row.what] = self.expect(callouts[f"row-{number}"], row.status, row.error)
        self.callout_in_state(self.fire("table.again")["healthy"], "delivered")
        with self.subTest("E-81, S-08: the history keeps an excerpt"):
            self.assertLessEqual(len(shown["an endless body"]["attempts"][0]["response_excerpt"]), 4 * 4096)
        with self.subTest("E-82: a compressed body is not decoded"):
            self.assertNotIn("never to be seen", json.dumps(shown["a compressed body"]))
        with self.subTest("E-83: what a terminal would obey is shown escaped"):
            callout = shown["markup, encoded words, escapes, broken UTF-8"]
            for text in (callout["attempts"][0]["response_excerpt"],
                         self.herald.run("callout", "show", callout["id"]).stdout):
                self.assertIn("<script>", text)
                self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")

    def test_a_cookie_is_neither_kept_nor_sent(self):
        path = next(row.path for row in ROWS if row.number == 84)
        self.add_notification(self.receiver.url(path), "n", "--retry", "none", event="cookie.*")
        for _ in range(3):
            shown = self.callout_in_state(self.fire("cookie.set")["n"], "delivered")
            self.assertNotIn("never-kept", json.dumps(shown))
        for request in self.receiver.log("/raw"):
            self.assertNotIn("cookie", request["head"].lower())
        self.assertEqual(self.herald.stop(), 0)
        self.assertNotIn(b"never-kept", self.herald.database.read_bytes())

    def test_a_second_answer_is_not_the_next_events(self):
        path = next(row.path for row in ROWS if row.number == 80)
        self.add_notification(self.receiver.url(path), "n", "--retry", "none", "--max-in-flight", "1", event="two.*")
        for callout in [self.fire("two.answers")["n"] for _ in range(20)]:
            self.expect(callout, 200, None)
        self.assertEqual(len(self.receiver.log("/raw")), 20)


class HostileSockets(Hostile):
    """No answer at all: nobody listens, nobody reads, or TLS is not spoken as it should be (E-85, E-86)."""

    def listener(self, backlog=64):
        listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.addCleanup(listener.close)
        return listener, listener.getsockname()[1]

    def attempt_at(self, url, error, data="{}"):
        self.add_notification(url, "odd", "--retry", "none", "--timeout", "1s", event="odd.*")
        self.add_notification(self.receiver.url("/ok"), "healthy", event="odd.*")
        callouts = self.fire("odd.one", data)
        self.callout_in_state(callouts["healthy"], "delivered")
        return self.expect(callouts["odd"], None, error)["attempts"][0]["error"]

    def test_nobody_listens(self):
        listener, port = self.listener()
        listener.close()
        self.assertIn("connecting", self.attempt_at(f"http://127.0.0.1:{port}/", "connect"))

    def test_nobody_answers_the_connect(self):
        """A full queue: the kernel drops every further SYN (E-86: the phase is named)."""
        _, port = self.listener(backlog=0)
        with socket.create_connection(("127.0.0.1", port)):
            self.assertIn("connecting", self.attempt_at(f"http://127.0.0.1:{port}/", "timeout"))

    def test_nobody_accepts(self):
        _, port = self.listener()
        self.attempt_at(f"http://127.0.0.1:{port}/", "timeout")

    def test_nobody_reads_a_large_body(self):
        _, port = self.listener()
        self.attempt_at(f"http://127.0.0.1:{port}/", "timeout", json.dumps("x" * 900_000))

    def test_a_silent_handshake(self):
        _, port = self.listener()
        self.assertIn("TLS", self.attempt_at(f"https://127.0.0.1:{port}/", "timeout"))

    def serve_one(self, listener, session):
        """What `session` returns of the first connection comes into the list; nothing where it broke."""
        received = []

        def run():
            try:
                with listener.accept()[0] as connection:
                    received.append(session(connection))
            except OSError:
                pass
        server = threading.Thread(target=run)
        server.start()
        self.addCleanup(server.join, 30)
        return received

    def test_plain_text_instead_of_tls_is_not_answered_in_plain(self):
        def speak_plainly(connection):
            hello = connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return hello + connection.recv(4096)
        listener, port = self.listener()
        received = self.serve_one(listener, speak_plainly)
        self.attempt_at(f"https://127.0.0.1:{port}/", "tls")
        eventually(lambda: received, "the connection ended")
        self.assertNotIn(b"POST", received[0])

    def test_a_certificate_nobody_vouches_for(self):
        key, certificate = (str(self.herald.directory / name) for name in ("server.key", "server.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days",
                        "2", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener, port = self.listener()
        received = self.serve_one(listener, lambda plain: context.wrap_socket(plain, server_side=True).recv(1))
        self.attempt_at(f"https://127.0.0.1:{port}/", "tls")
        self.assertIn(received, ([], [b""]), "no byte of the request was sent")


if __name__ == "__main__":
    unittest.main()
