"""`herald serve`: ownership of the database, readiness, every way of stopping, health and metrics (contract 6)."""

import fcntl
import http.client
import json
import os
import signal
import subprocess
import time
import unittest

from herald_harness import HeraldTest, eventually, free_port
from parts import Receiver


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Ownership(HeraldTest):
    def test_a_second_daemon_is_refused_and_told_the_pid(self):
        self.herald.start()
        error = self.refused(4, "already_running", "serve")
        self.assertIn(str(self.herald.daemon.pid), error["message"])
        self.assertEqual(self.herald.api("GET", "/readyz")[0], 200, "the first one is unaffected")

    def test_of_daemons_started_at_once_exactly_one_owns_the_database(self):
        for _ in range(5):
            herald = self.new_herald()
            daemons = [herald.spawn_daemon() for _ in range(6)]
            eventually(lambda: sum(daemon.poll() is None for daemon in daemons) == 1, "one is left")
            herald.daemon = next(daemon for daemon in daemons if daemon.poll() is None)
            herald.wait_until_ready()
            self.assertEqual({daemon.returncode for daemon in daemons if daemon is not herald.daemon}, {4})

    def test_a_left_over_socket_means_nothing(self):
        self.herald.start()
        self.herald.kill9()
        self.assertTrue(os.path.exists(self.herald.socket_path))
        self.assertEqual(self.herald.must("provider", "list"), [])
        self.herald.start()

    def test_a_command_waits_for_another_commands_lock(self):
        self.given_an_empty_database()
        with open(f"{self.herald.database}.lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = self.herald.start_command("provider", "list", "--json")
            with self.assertRaises(subprocess.TimeoutExpired):
                command.wait(0.5)
            fcntl.flock(lock, fcntl.LOCK_UN)
        output, errors = command.communicate(timeout=30)
        self.assertEqual((command.returncode, json.loads(output)), (0, []), errors)

    def test_a_held_lock_with_a_silent_socket_is_exit_5(self):
        self.given_an_empty_database()
        with open(f"{self.herald.database}.lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = time.monotonic()
            result = self.herald.run("provider", "list", json=True)
            self.assertEqual(result.exit, 5, f"\n{result}")
            self.assertIn(result.error["code"], ("database_locked", "daemon_not_running"))
            self.assertLess(time.monotonic() - started, 30)

    def test_files_are_for_the_owner_only(self):
        self.herald.start()
        for suffix in ("", "-wal", "-shm", ".key", ".sock"):
            path = f"{self.herald.database}{suffix}"
            if os.path.exists(path):
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        self.assertTrue(os.path.exists(f"{self.herald.database}.key"))

    def test_many_commands_at_once_beside_the_daemon(self):
        self.herald.start()
        commands = [self.herald.start_command("--json", "event", "fire", "a.b", "--data", "{}", "--key", f"k{n % 10}")
                    for n in range(40)]
        codes = [command.wait(90) for command in commands]
        for command in commands:
            command.communicate()
        self.assertEqual(set(codes), {0})
        self.assertEqual(self.herald.must("stats")["events"], 10)


class Stopping(HeraldTest):
    def setUp(self):
        super().setUp()
        self.receiver = self.part(Receiver)
        self.herald.start()

    def fire(self, count=1, event_type="invoice.posted"):
        connection = self.herald.connection()
        ids = []
        for _ in range(count):
            status, fired = connection.call("POST", "/v1/events", {"type": event_type, "data": {}})
            self.assertEqual(status, 202, fired)
            ids += [callout["id"] for callout in fired["callouts"]]
        connection.close()
        return ids

    def state(self, callout):
        return self.herald.must("callout", "show", callout)

    def test_sigterm_lets_attempts_in_flight_finish_and_leaves_a_clean_file(self):
        self.add_notification(self.receiver.url("/hold"))
        callout = self.fire()[0]
        self.receiver.wait(1, "/hold")
        daemon = self.herald.daemon
        daemon.send_signal(signal.SIGTERM)
        with self.assertRaises(subprocess.TimeoutExpired):
            daemon.wait(0.3)
        self.receiver.release()
        self.assertEqual(daemon.wait(60), 0, self.herald.log_tail())
        self.herald.daemon = None
        wal = f"{self.herald.database}-wal"
        self.assertTrue(not os.path.exists(wal) or os.path.getsize(wal) == 0)
        self.assertFalse(os.path.exists(self.herald.socket_path))
        shown = self.state(callout)
        self.assertEqual((shown["state"], len(shown["attempts"])), ("delivered", 1))
        self.assertEqual(len(self.receiver.log("/hold")), 1, "no duplicate")

    def test_while_it_stops_it_is_alive_and_not_ready(self):
        self.add_notification(self.receiver.url("/hold"))
        self.fire()
        self.receiver.wait(1, "/hold")
        daemon = self.herald.daemon
        daemon.send_signal(signal.SIGTERM)
        eventually(lambda: self.herald.api("GET", "/readyz")[0] == 503, "it is not ready any more")
        self.assertEqual(self.herald.api("GET", "/livez")[0], 200)
        self.receiver.release()
        self.assertEqual(daemon.wait(60), 0, self.herald.log_tail())
        self.herald.daemon = None

    def test_sigterm_waits_for_no_server_that_a_person_waits_for(self):
        self.add_notification(self.receiver.url("/hold"), "slow", "--timeout", "10m")
        self.herald.api("POST", "/v1/providers", {
            "name": "crm", "kind": "custom", "client_id": "c", "client_secret": "s",
            "token_endpoint": self.receiver.url("/hold"), "settings": {"request_timeout_ms": 600000}})
        for command in (("notification", "test", "slow"), ("token", "obtain", "crm")):
            with self.subTest(command=command):
                before = len(self.receiver.log("/hold"))
                waiting = self.herald.start_command("--json", *command)
                self.receiver.wait(before + 1, "/hold")
                daemon = self.herald.daemon
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(20), 0, self.herald.log_tail())
                self.herald.daemon = None
                out, err = waiting.communicate(timeout=20)
                self.assertTrue(json.loads(out or err), "the command was answered")
                self.herald.start()

    def test_graceful_stops_under_load_cause_no_duplicates(self):
        self.add_notification(self.receiver.url("/slow?ms=5"), "posted", "--max-in-flight", "32")
        fired = []
        for _ in range(8):
            fired += self.fire(60)
            self.receiver.wait(len(fired) - 40, "/slow")
            self.assertEqual(self.herald.stop(), 0)
            self.herald.start()
        eventually(lambda: self.herald.api("GET", "/v1/stats")[1]["callouts"]["delivered"] == len(fired),
                   "everything is delivered")
        seen = [dict(request["headers"])["webhook-id"] for request in self.receiver.log("/slow")]
        self.assertEqual(sorted(seen), sorted(fired), "each exactly once")

    def test_a_second_sigterm_ends_it_at_once_and_nothing_is_lost(self):
        self.add_notification(self.receiver.url("/hold"))
        callout = self.fire()[0]
        self.receiver.wait(1, "/hold")
        daemon = self.herald.daemon
        daemon.send_signal(signal.SIGTERM)
        self.eventually_refuses_intake()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)
        self.herald.daemon = None
        self.receiver.release()
        self.herald.start()
        self.callout_in_state(callout, "delivered")
        ids = {dict(request["headers"])["webhook-id"] for request in self.receiver.log("/hold")}
        self.assertEqual(ids, {callout})

    def eventually_refuses_intake(self):
        def refuses():
            try:
                return self.herald.api("POST", "/v1/events", {"type": "other.thing", "data": {}})[0] != 202
            except (OSError, http.client.HTTPException):
                return True
        eventually(refuses, "intake is closed")

    def test_after_kill_9_a_callout_in_flight_is_sent_again_with_the_same_id(self):
        self.add_notification(self.receiver.url("/hold"))
        callout = self.fire()[0]
        self.receiver.wait(1, "/hold")
        self.herald.kill9()
        self.receiver.release()
        self.herald.start()
        delivered = self.callout_in_state(callout, "delivered")
        ids = [dict(request["headers"])["webhook-id"] for request in self.receiver.log("/hold")]
        self.assertEqual(set(ids), {callout})
        self.assertEqual(len(delivered["attempts"]), len(ids), f"history is the truth: {delivered}")
        self.assertIn("unknown_crash", [attempt["outcome"] for attempt in delivered["attempts"]])
        self.assertEqual(delivered["attempts"][-1]["outcome"], "delivered")


class Draining(HeraldTest):
    def test_drain_sends_what_can_be_sent_and_leaves_the_rest(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/ok"), "sent")
        self.add_notification(receiver.url("/ok/held"), "held")
        self.add_notification(receiver.url("/status/503"), "later", "--retry", "schedule=1h")
        self.herald.must("notification", "pause", "held")
        for _ in range(20):
            self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        self.herald.daemon = self.herald.spawn_daemon("--drain")
        self.assertEqual(self.herald.daemon.wait(60), 0, self.herald.log_tail())
        self.herald.daemon = None
        lanes = {lane["name"]: lane for lane in self.herald.must("stats")["notifications"]}
        self.assertEqual((lanes["sent"]["delivered"], lanes["sent"]["pending"]), (20, 0))
        self.assertEqual((lanes["held"]["delivered"], lanes["held"]["pending"]), (0, 20))
        self.assertEqual(lanes["later"]["pending"], 20)
        self.assertEqual(receiver.log("/ok/held"), [])

    def test_drain_of_an_empty_database_exits_0(self):
        daemon = self.herald.spawn_daemon("--drain")
        self.assertEqual(daemon.wait(60), 0, self.herald.log_tail())


class Health(HeraldTest):
    def test_health_and_metrics_over_tcp_and_nothing_else_there(self):
        port = free_port()
        self.herald.start("--listen", f"127.0.0.1:{port}")
        self.assertEqual(get(port, "/livez")[0], 200)
        self.assertEqual(get(port, "/readyz")[0], 200)
        status, metrics = get(port, "/metrics")
        self.assertEqual(status, 200)
        self.assertRegex(metrics, r"(?m)^# TYPE herald_\w+ (counter|gauge|histogram)$")
        self.assertRegex(metrics, r"(?m)^herald_\w+(\{.*\})? [0-9.e+-]+$")
        for path in ("/v1/providers", "/v1/stats", "/v1/events"):
            with self.subTest(path):
                self.assertIn(get(port, path)[0], (401, 403, 404))

    def test_the_socket_serves_them_too(self):
        self.herald.start()
        for path in ("/livez", "/readyz", "/metrics"):
            self.assertEqual(self.herald.api("GET", path)[0], 200, path)

    def test_log_lines_are_json_and_say_that_it_serves(self):
        self.herald.start()
        self.herald.stop()
        lines = [json.loads(line) for line in self.herald.log().splitlines()]
        self.assertTrue(any("serving" in json.dumps(line) for line in lines), lines)


class Configuration(HeraldTest):
    def test_the_file_is_read_and_the_environment_wins(self):
        other = self.herald.directory / "other.db"
        config = self.herald.file(f"db = {other}\nlog = debug\n")
        environment = {"HERALD_CONFIG": config}
        add = ("notification", "add", "n", "--event", "a.b", "--url", "https://api.example.com/in")
        self.herald.must(*add, environment=environment)
        self.assertFalse(other.exists(), "HERALD_DB wins over the file")
        del self.herald.environment["HERALD_DB"]
        self.herald.must(*add, environment=environment)
        self.assertTrue(other.exists())

    def test_an_unknown_key_is_an_error(self):
        config = self.herald.file("databse = x\n")
        result = self.herald.run("provider", "list", json=True, environment={"HERALD_CONFIG": config})
        self.assertEqual(result.exit, 2, f"\n{result}")
        self.assertIn("databse", result.error["message"])

    def test_sighup_with_a_bad_file_keeps_the_daemon_running(self):
        config = self.herald.file("log = information\n", "herald.conf")
        self.herald.start(environment={"HERALD_CONFIG": config})
        self.herald.file("nonsense = 1\n", "herald.conf")
        self.herald.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: "nonsense" in self.herald.log(), "the log says what was wrong")
        self.assertEqual(self.herald.api("GET", "/readyz")[0], 200)
        self.herald.file("log = debug\n", "herald.conf")
        self.herald.daemon.send_signal(signal.SIGHUP)
        self.assertEqual(self.herald.api("GET", "/readyz")[0], 200)


class Upkeep(HeraldTest):
    def test_backup_is_a_whole_database_that_opens_with_its_key(self):
        for with_daemon in (False, True):
            with self.subTest(with_daemon=with_daemon):
                herald = self.herald = self.new_herald()
                if with_daemon:
                    herald.start()
                self.add_notification("http://127.0.0.1:9/x")
                herald.must("notification", "pause", "posted")
                for _ in range(20):
                    herald.must("event", "fire", "invoice.posted", "--data", "{}")
                target = herald.directory / "copy.db"
                self.assertEqual(herald.run("backup", target).exit, 0)
                self.assertEqual(os.stat(target).st_mode & 0o077, 0)
                restored = herald.must("stats", environment={
                    "HERALD_DB": str(target), "HERALD_KEY_FILE": f"{herald.database}.key"})
                self.assertEqual((restored["events"], restored["callouts"]["pending"]), (20, 20))

    def test_key_rotate_keeps_every_secret_readable(self):
        self.add_provider("http://127.0.0.1:9/token")
        before = self.herald.run("key", "show", json=True)
        rotated = self.herald.run("key", "rotate")
        self.assertEqual(rotated.exit, 0, f"\n{rotated}")
        after = self.herald.run("key", "show", json=True)
        self.assertEqual((before.exit, after.exit), (0, 0))
        self.assertNotEqual(before.stdout, after.stdout)
        self.assertEqual(self.herald.must("provider", "show", "crm")["client_secret"], "set")
        key = (self.herald.directory / "herald.db.key").read_text(errors="replace")
        self.assertNotIn(key.strip()[-20:], after.stdout, "ids only")

    def test_doctor_checks_and_fails_on_a_key_others_can_read(self):
        self.given_an_empty_database()
        healthy = self.herald.run("doctor")
        self.assertEqual(healthy.exit, 0, f"\n{healthy}")
        self.assertGreater(len(healthy.stdout.splitlines()), 4)
        (self.herald.directory / "herald.db.key").chmod(0o644)
        self.assertNotEqual(self.herald.run("doctor").exit, 0)


if __name__ == "__main__":
    unittest.main()
