"""Connections that wait cost nobody else anything: kept ones, dripping ones, those whose request waits for another
server, and a log that nobody reads (S-11, O-124)."""

import resource
import selectors
import signal
import socket
import subprocess
import threading
import time
import unittest

from herald_harness import HERALD_BIN, HeraldTest, eventually, free_port
from parts import HostileTokenServer

EVENT = b'{"type":"invoice.posted","data":{}}'
FIRE = (b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(EVENT)) + EVENT
KEPT = 1000
RATE = 500
EVENTS = 1500
DRIPPING = 2000
WAITING = 40
REFRESHES = 200


def allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise unittest.SkipTest(f"needs {count} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def percentile(values, part):
    return sorted(values)[int(len(values) * part)]


class Producer:
    """Fires one event a request over many kept connections in turn, at a steady rate."""

    def __init__(self, path, connections):
        self.selector = selectors.DefaultSelector()
        self.sent = {}
        self.took = []
        self.bad = []
        self.sockets = []
        for _ in range(connections):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(path)
            self.sockets.append(connection)
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self, count, rate):
        began = time.monotonic()
        number = 0
        while len(self.took) + len(self.bad) < count:
            now = time.monotonic()
            if now > began + count / rate + 60:
                raise AssertionError(f"{len(self.took)} of {count} answered, {self.bad[:3]}")
            while number < count and now >= began + number / rate:
                connection = self.sockets[number % len(self.sockets)]
                if connection in self.sent:
                    break  # the one before has not been answered yet
                self.sent[connection] = began + number / rate
                connection.sendall(FIRE)
                number += 1
            for key, _ in self.selector.select(0.001):
                self.take(key.fileobj)
        return self.took

    def take(self, connection):
        answer = connection.recv(65536)
        began = self.sent.pop(connection, None)
        if answer.startswith(b"HTTP/1.1 202 ") and began is not None:
            self.took.append(time.monotonic() - began)
        else:
            self.bad.append(answer[:200])
            self.selector.unregister(connection)

    def close(self):
        for connection in self.sockets:
            connection.close()
        self.selector.close()


class KeptConnections(HeraldTest):
    with_daemon = True

    def p99(self, connections):
        producer = Producer(self.herald.socket_path, connections)
        try:
            took = producer.run(EVENTS, RATE)
            self.assertEqual(producer.bad, [])
            return percentile(took, 0.99)
        finally:
            producer.close()

    def test_a_thousand_are_served_like_four(self):
        allow_descriptors(KEPT + 200)
        few = self.p99(4)
        many = self.p99(KEPT)
        self.assertLess(many, max(5 * few, 0.25), f"4 connections: {few:.4f} s, {KEPT}: {many:.4f} s")


class DrippingConnections(HeraldTest):
    def test_they_delay_no_health_check_and_no_event(self):
        allow_descriptors(2 * DRIPPING + 200)
        port = free_port()
        self.herald.start("--listen", f"127.0.0.1:{port}")
        dripping = []
        try:
            for number in range(DRIPPING):
                connection = socket.create_connection(("127.0.0.1", port))
                connection.sendall(b"GET /livez HTTP/1.1\r\nHo")
                dripping.append(connection)
                if number % 200 == 11:
                    self.assertLess(self.livez(port), 1, f"behind {number + 1} that drip")
            self.assertEqual(self.herald.run("event", "fire", "a.b").exit, 0)
        finally:
            for connection in dripping:
                connection.close()

    def livez(self, port):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))
        return time.monotonic() - began


class WaitingRequests(HeraldTest):
    with_daemon = True

    def setUp(self):
        super().setUp()
        self.tokens = self.part(HostileTokenServer)

    def ask_in_background(self, targets):
        """Threads that each make one request; returns them and the list that their statuses go into."""
        statuses = []

        def ask(target):
            try:
                statuses.append(self.herald.api("POST", target, "{}")[0])
            except OSError as error:
                statuses.append(error)

        threads = [threading.Thread(target=ask, args=(target,), daemon=True) for target in targets]
        for thread in threads:
            thread.start()
        return threads, statuses

    def release(self, threads):
        def all_ended():
            self.tokens.release()
            return not any(thread.is_alive() for thread in threads)
        eventually(all_ended, "all requests are answered", 60)

    def test_token_calls_that_hang_keep_nobody_else(self):
        for number in range(WAITING):
            self.add_provider(self.tokens.url(f"/hang/{number}"), f"p{number}")
        threads, statuses = self.ask_in_background(
            [f"/v1/providers/p{number}/token/obtain" for number in range(WAITING)])
        self.tokens.wait(4, "/hang")
        for _ in range(5):
            self.assertEqual(self.herald.run("event", "fire", "a.b", timeout=10).exit, 0)
            self.assertEqual(self.herald.run("provider", "show", "p1", timeout=10).exit, 0)
            self.assertEqual(self.herald.api("GET", "/readyz")[0], 200)
        self.assertEqual(statuses, [], "they wait")
        self.release(threads)
        self.assertEqual(statuses, [200] * WAITING)

    def test_two_hundred_refreshes_at_once_are_all_answered(self):
        self.add_provider(self.tokens.url("/hang"))
        threads, statuses = self.ask_in_background(["/v1/providers/crm/token/refresh"] * REFRESHES)
        self.tokens.wait(1, "/hang")
        self.assertEqual(self.herald.run("token", "show", "crm", timeout=10).exit, 0)
        self.release(threads)
        self.assertEqual(statuses, [200] * REFRESHES)


class UnreadLog(HeraldTest):
    def test_a_log_that_nobody_reads_stops_neither_work_nor_sigterm(self):
        log = self.herald.environment | {"HERALD_LOG": "debug"}
        with subprocess.Popen([HERALD_BIN, "serve"], env=log, cwd=self.herald.directory, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as daemon:
            self.herald.daemon = daemon
            self.herald.wait_until_ready()
            connection = self.herald.connection()
            for _ in range(3000):  # far more than a pipe holds
                self.assertEqual(connection.call("POST", "/v1/events", EVENT)[0], 202)
            connection.close()
            self.assertEqual(self.herald.api("GET", "/livez")[0], 200)
            daemon.send_signal(signal.SIGTERM)
            try:
                self.assertEqual(daemon.wait(20), 0)
            finally:
                daemon.kill()
                self.herald.daemon = None


if __name__ == "__main__":
    unittest.main()
