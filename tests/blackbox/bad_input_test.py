"""Bad input gets the exit code and the error code of the contract, and changes nothing (E-01 to E-20, E-42 to E-44)."""

import unittest

from herald_harness import HeraldTest
from parts import Receiver

BASE = ["provider", "add", "new", "--client-id", "c", "--client-secret-file", "{secret}"]
PROVIDER = [*BASE, "--token-url", "https://login.example.com/token"]
NOTIFICATION = ["notification", "add", "new", "--event", "a.b", "--url", "https://api.example.com/in"]


def with_token_url(url):
    return [*BASE, "--token-url", url]


def with_url(url):
    return ["notification", "add", "new", "--event", "a.b", "--url", url]


def fire(*words):
    return ["event", "fire", *words]


# argv, exit, code (None: any), a word the message must have (None: any)
USAGE = [
    (["nonsense"], None), (["provider", "ad"], "add"), (["provider", "list", "--jsn"], "--json"),
    (["provider", "add"], None), ([*PROVIDER, "--client-secret", "hunter2"], "--client-secret-file"),
    ([*PROVIDER, "--client-auth", "magic"], "client_secret_post"),
    ([*PROVIDER, "--grant", "magic"], "client_credentials"),
    ([*PROVIDER, "--kind", "magic"], "generic"), ([*PROVIDER, "--param", "novalue"], None),
    ([*PROVIDER, "--param", "client_secret=x"], None), ([*PROVIDER, "--param", "scope=x"], None),
    ([*PROVIDER, "--scope", 'bad"quote'], "bad"), ([*PROVIDER, "--scope", "k\u00e4se"], None),
    (["provider", "add", "new", "--token-url", "https://login.example.com/t"], None),
    (["event", "fire"], None), (["event", "import", "/does/not/exist.ndjson"], None),
]

NAMES = ["", "a b", "a/b", "a\tb", "\U0001f600", "x" * 65, "..%2f", "a:b"]
GOOD_NAMES = ["a", "x" * 64, "A.b_c-9"]

TOKEN_URLS = [
    "", "login.example.com/token", "ftp://login.example.com/t", "http://login.example.com/t",
    "https://user:pw@login.example.com/t", "https://login.example.com/t#frag", "https:///t",
    "https://login.example.com:0/t", "https://login.example.com:65536/t", "https://login.example.com:abc/t",
    "https://login.example.com/a b", "https://login.example.com/a\r\nX: 1", "https://10.0.0.1/t",
    "https://169.254.169.254/t", "https://[fd00:ec2::254]/t", "https://0xa9fea9fe/t", "https://[::ffff:10.0.0.1]/t",
    "https://2130706433.example.com:99999/", "file:///etc/passwd", "data:text/plain,x",
]

RECEIVER_URLS = [
    "", "api.example.com/in", "gopher://api.example.com/", "https://user:pw@api.example.com/", "https:///in",
    "https://api.example.com:0/", "https://api.example.com:65536/", "https://api.example.com:x/",
    "https://api.example.com/a b", "https://api.example.com/\r\nX: 1", "https://10.1.2.3/", "https://100.64.0.1/",
    "https://192.168.0.1/", "https://[fe80::1]/", "https://169.254.43518/", "https://{{ data.host }}/in",
    "{{ data.scheme }}://api.example.com/", "https://api.example.com:{{ data.port }}/",
    "https://api.{{ data.host }}.com/", "https://api.example.com/{{ data.x",
]

NOTIFICATION_FLAGS = [
    ["--method", "BREW"], ["--auth", "magic"], ["--auth", "oauth2"], ["--auth", "oauth2", "--provider", "nobody"],
    ["--auth", "basic", "--username", "u"], ["--auth", "basic", "--username", "a:b", "--password-file", "{secret}"],
    ["--auth", "header", "--auth-value-file", "{secret}"], ["--header", "No-Colon"], ["--header", "Bad Name: x"],
    ["--header", "X-A: a\r\nX-B: b"], ["--header", ": x"],
    ["--header", "Host: other"], ["--header", "Content-Length: 5"], ["--header", "Transfer-Encoding: chunked"],
    ["--header", "Connection: close"], ["--header", "TE: trailers"], ["--header", "Trailer: X"],
    ["--header", "Upgrade: h2c"], ["--header", "Proxy-Authorization: x"], ["--header", "Expect: 100-continue"],
    ["--header", "Webhook-Id: forged"], ["--param", "novalue"],
    ["--timeout", "0"], ["--timeout", "-1s"], ["--timeout", "soon"], ["--timeout", "5"], ["--retry", "sometimes"],
    ["--retry", "schedule="], ["--retry", "schedule=5s,x"], ["--retry", "max-age=never"],
    ["--max-in-flight", "0"], ["--max-in-flight", "20001"], ["--max-in-flight", "-5"], ["--max-in-flight", "many"],
    ["--rate", "0/s"], ["--rate", "-1/s"], ["--rate", "fast"], ["--signing-secret-file", "{secret}"],
    ["--success-field", "nopointer"], ["--content-type", "a\r\nb"], ["--event", ""], ["--event", "a.**"],
    ["--event", "*.a"], ["--event", "a b"], ["--body-template", "/does/not/exist"],
]

# Settings that no lane could live with: the message names the allowed range.
ABSURD_SETTINGS = [
    ("--max-in-flight", "0", "1 to 20000"), ("--max-in-flight", "-5", "1 to 20000"),
    ("--max-in-flight", "20001", "1 to 20000"), ("--max-in-flight", "abc", "1 to 20000"),
    ("--max-in-flight", "9" * 40, "1 to 20000"), ("--max-in-flight", "", "1 to 20000"),
    ("--rate", "-1", "0.001 to 100000"), ("--rate", "0", "0.001 to 100000"), ("--rate", "nan", "0.001 to 100000"),
    ("--rate", "inf", "0.001 to 100000"), ("--rate", "1e9/s", "0.001 to 100000"),
    ("--rate", "0.0001", "0.001 to 100000"),
    ("--retry", "schedule=" + ",".join(["1s"] * 10_000), "at most 100 steps"),
    ("--retry", "schedule=25h", "1s to 24h"), ("--retry", "jitter=60%", "0% to 50%"),
    ("--retry", "jitter=-1%", "0% to 50%"), ("--retry", "jitter=10%;jitter=10%", "jitter is given twice"),
    ("--breaker", "failures=0%", "1% to 100%"), ("--breaker", "failures=101%", "1% to 100%"),
    ("--breaker", "failures=half", "1% to 100%"), ("--breaker", "min=0", "1 to 1000"),
    ("--breaker", "min=1001", "1 to 1000"), ("--breaker", "window=0s", "1s to 10m"),
    ("--breaker", "window=11m", "1s to 10m"), ("--breaker", "open=0s", "1s to 1h"),
    ("--breaker", "open=2h;max-open=3h", "1s to 1h"), ("--breaker", "max-open=25h", "at most 24h"),
    ("--breaker", "open=10s;max-open=9s", "at least as long as open"),
    ("--breaker", "min=5;min=6", "min is given twice"), ("--breaker", "sometimes", "'default', 'off', or parts"),
    ("--breaker", "", "'default', 'off', or parts"), ("--order-by", "account.id", "data.account.id"),
    ("--order-by", "data", "data.account.id"), ("--order-by", "data.a | 1", "data.account.id"),
    ("--order-by", "data." + "a" * 252, "at most 256"),
]

EVENTS = [
    fire(""), fire("a b"), fire("a\nb"), fire("a.*"), fire("t" * 300), fire("a.b", "--data", ""),
    fire("a.b", "--data", "not json"), fire("a.b", "--data", "{"), fire("a.b", "--data", '{"a":1} x'),
    fire("a.b", "--data", "{'a':1}"), fire("a.b", "--data", '{"a":NaN}'), fire("a.b", "--data", '{"a":"\ud800"}'),
    fire("a.b", "--data", "[" * 100 + "]" * 100), fire("a.b", "--data", "@/does/not/exist"),
    fire("a.b", "--data", "{}", "--key", "k" * 256), fire("a.b", "--data", "{}", "--key", "a\nb"),
    fire("a.b", "--data", "{}", "--key", ""),
]

OTHERS = [
    ["callout", "list", "--state", "flying"], ["callout", "list", "--limit", "0"], ["callout", "list", "--limit", "-1"],
    ["callout", "list", "--limit", "x"], ["callout", "list", "--cursor", "forged!"],
    ["callout", "list", "--since", "y"],
    ["callout", "list", "--event", "not-an-id"], ["callout", "show", "cal_"], ["callout", "show", "evt_x"],
    ["callout", "retry"], ["event", "show", "'; DROP TABLE event; --"], ["serve", "--workers", "0"],
    ["serve", "--workers", "x"], ["serve", "--listen", "nowhere"], ["serve", "--listen", "127.0.0.1:99999"],
]


class Rows:
    """Runs one table; nothing may have changed afterwards."""

    def setUp(self):
        super().setUp()
        self.secret = self.herald.file("some-secret")
        self.add_provider("http://127.0.0.1:9/token", "there")
        self.before = self.snapshot()

    def snapshot(self):
        return [self.herald.must(*words) for words in (("provider", "list"), ("notification", "list"), ("stats",))]

    def row(self, words, exits=(2,), word=None):
        argv = [item.replace("{secret}", self.secret) for item in words]
        with self.subTest(argv=argv):
            result = self.herald.run(*[item.encode("utf-8", "surrogatepass") for item in argv], json=True)
            self.assertIn(result.exit, exits, f"\n{result}")
            self.assertEqual(result.stdout, "", f"\n{result}")
            error = result.error
            self.assertTrue(error.get("code"), f"no error object\n{result}")
            self.assertNotIn("hunter2", result.stderr)
            if word:
                self.assertIn(word, result.stderr)
            return error

    def nothing_changed(self):
        self.assertEqual(self.snapshot(), self.before)


class BadArguments(Rows, HeraldTest):
    def test_usage_errors_name_what_is_meant(self):
        for words, word in USAGE:
            self.row(words, word=word)
        self.nothing_changed()

    def test_names_are_1_to_64_of_a_small_alphabet(self):
        for name in NAMES:
            self.row(["provider", "add", name, *PROVIDER[3:]])
            self.row(["notification", "add", name, *NOTIFICATION[3:]])
        self.nothing_changed()
        for name in GOOD_NAMES:
            with self.subTest(name):
                self.assertEqual(self.herald.run("notification", "add", name, *NOTIFICATION[3:]).exit, 0)

    def test_token_urls(self):
        for url in TOKEN_URLS:
            self.row(with_token_url(url))
        self.nothing_changed()

    def test_receiver_urls(self):
        for url in RECEIVER_URLS:
            self.row(with_url(url))
        self.nothing_changed()

    def test_notification_flags(self):
        for flags in NOTIFICATION_FLAGS:
            # A provider that is not there may be told as exit 3 as well as invalid input.
            self.row([*NOTIFICATION, *flags], exits=(2, 3) if "nobody" in flags else (2,))
        self.nothing_changed()

    def test_absurd_settings_are_refused_with_the_allowed_range(self):
        self.herald.must("notification", "add", "there", *NOTIFICATION[3:])
        self.before = self.snapshot()
        for flag, value, allowed in ABSURD_SETTINGS:
            for command in (NOTIFICATION, ["notification", "edit", "there"]):
                error = self.row([*command, flag, value], word=allowed)
                self.assertEqual(error["code"], "invalid_argument")
        self.nothing_changed()

    def test_authorization_header_beside_a_provider(self):
        self.row([*NOTIFICATION, "--auth", "oauth2", "--provider", "there", "--header", "Authorization: x"])
        self.nothing_changed()

    def test_events(self):
        for words in EVENTS:
            self.row(words)
        self.nothing_changed()

    def test_event_data_larger_than_a_mebibyte(self):
        path = self.herald.file('"' + "x" * (1024 * 1024) + '"')
        self.row(fire("a.b", "--data", f"@{path}"))
        self.nothing_changed()
        fits = self.herald.file('"' + "x" * (1024 * 1024 - 1000) + '"')
        self.assertEqual(self.herald.run("event", "fire", "a.b", "--data", f"@{fits}").exit, 0)

    def test_other_commands(self):
        for words in OTHERS:
            self.row(words, exits=(2, 3))
        self.nothing_changed()


class BadFiles(HeraldTest):
    def add_with_secret(self, path):
        return self.herald.run("provider", "add", "crm", "--client-id", "c", "--client-secret-file", path,
                               "--token-url", "https://login.example.com/t", json=True)

    def test_secret_files(self):
        directory = self.herald.directory / "folder"
        directory.mkdir()
        large = self.herald.file(b"x" * (64 * 1024 + 2))
        for path in ("/does/not/exist", str(directory), large, self.herald.file("")):
            with self.subTest(path):
                result = self.add_with_secret(path)
                self.assertEqual((result.exit, result.error.get("code")), (2, "invalid_argument"), f"\n{result}")
        self.assertFalse(self.herald.database.exists())

    def test_a_secret_file_others_can_read_is_used_with_a_warning(self):
        result = self.add_with_secret(self.herald.file("open-secret", mode=0o644))
        self.assertEqual(result.exit, 0, f"\n{result}")
        self.assertIn("warning", result.stderr.lower())
        self.assertNotIn("open-secret", result.stdout + result.stderr)

    def test_a_symlinked_secret_is_normal(self):
        link = self.herald.directory / "link"
        link.symlink_to(self.herald.file("linked"))
        self.assertEqual(self.add_with_secret(str(link)).exit, 0)

    def test_only_one_option_reads_standard_input(self):
        result = self.herald.run("notification", "add", "n", "--event", "a.b", "--url", "https://a.example/",
                                 "--auth", "basic", "--username", "u", "--password-file", "-",
                                 "--signing-secret-file", "-", stdin="x", json=True)
        self.assertEqual(result.exit, 2, f"\n{result}")


class BadKeyOrDatabase(HeraldTest):
    def setUp(self):
        super().setUp()
        self.add_provider("http://127.0.0.1:9/token")
        self.key = self.herald.directory / "herald.db.key"

    def refused_for_key(self):
        for command in (("provider", "list"), ("serve",)):
            result = self.herald.run(*command, json=True)
            with self.subTest(command):
                self.assertEqual((result.exit, result.error.get("code")), (5, "key_mismatch"), f"\n{result}")

    def test_a_missing_key_is_never_made_anew_for_an_existing_database(self):
        saved = self.key.read_bytes()
        self.key.unlink()
        self.refused_for_key()
        self.assertFalse(self.key.exists())
        self.key.write_bytes(saved)
        self.key.chmod(0o600)
        self.assertEqual(self.herald.must("provider", "show", "crm")["client_secret"], "set")

    def test_a_key_others_can_read_is_refused(self):
        self.key.chmod(0o640)
        result = self.herald.run("provider", "list", json=True)
        self.assertEqual(result.exit, 5, f"\n{result}")

    def test_another_databases_key_is_refused(self):
        other = self.new_herald()
        other.must("notification", "add", "n", "--event", "a.b", "--url", "https://api.example.com/in")
        self.key.write_bytes((other.directory / "herald.db.key").read_bytes())
        self.refused_for_key()

    def test_a_damaged_key_file_is_refused_without_showing_it(self):
        content = self.key.read_text(errors="replace")
        self.key.write_text(content[:10])
        result = self.herald.run("provider", "list", json=True)
        self.assertEqual(result.exit, 5, f"\n{result}")
        self.key.write_text("rubbish " * 100)
        self.assertEqual(self.herald.run("provider", "list").exit, 5)

    def test_database_paths_that_cannot_work(self):
        directory = self.herald.directory / "folder"
        directory.mkdir()
        not_a_database = self.herald.file("this is no database " * 400)
        for path in ("/does/not/exist/herald.db", str(directory), not_a_database, "/proc/herald.db"):
            with self.subTest(path):
                result = self.herald.run("provider", "list", json=True, environment={"HERALD_DB": path})
                self.assertEqual(result.exit, 5, f"\n{result}")
                self.assertIn(path, result.error["message"])

    def test_a_configuration_value_that_is_no_cidr(self):
        result = self.herald.run("provider", "list", json=True, environment={"HERALD_EGRESS_ALLOW": "localhost"})
        self.assertEqual(result.exit, 2, f"\n{result}")


class BadRequests(HeraldTest):
    """The same over the API, and what only HTTP can get wrong."""

    with_daemon = True

    def problem(self, status, code, method, target, body, content_type="application/json", headers=None):
        got, document = self.herald.api(method, target, body, content_type=content_type, headers=headers)
        self.assertEqual(got, status, document)
        self.assertEqual(document["code"], code, document)
        return document

    def test_bodies_that_are_no_json_objects(self):
        for body in (b"", b"not json", b"[]", b'"text"', b"{", b'{"a":1}x', b"\xff\xfe", b'{"type":"a.b","data":NaN}',
                     b'{"type":"a.b","data":"\xed\xa0\x80"}', b'{"type":"a.b","type":"a.c","data":{}}',
                     b'{"type":"a.b","data":' + b"[" * 40 + b"]" * 40 + b"}"):
            with self.subTest(body[:40]):
                got, document = self.herald.api("POST", "/v1/events", body)
                self.assertIn(got, (400, 422), document)
                self.assertIn(document["code"], ("malformed_request", "invalid_argument"))
        self.assertEqual(self.herald.must("stats")["events"], 0)

    def test_duplicate_members_of_a_provider(self):
        self.problem(400, "malformed_request", "POST", "/v1/providers",
                     b'{"name":"a","name":"b","client_id":"c","token_endpoint":"https://a.example/t"}')

    def test_unknown_members_and_wrong_types_name_the_field(self):
        for body, field in (({"name": "a", "client_id": 5}, "client_id"),
                            ({"name": "a", "nonsense": 1}, "nonsense")):
            document = self.problem(422, "invalid_argument", "POST", "/v1/providers", body)
            self.assertEqual(document["details"]["field"], field)

    def test_a_body_of_more_than_a_mebibyte(self):
        got, _ = self.herald.api("POST", "/v1/events", b'{"type":"a.b","data":"' + b"x" * 1_100_000 + b'"}')
        self.assertIn(got, (413, 422))
        self.assertEqual(self.herald.must("stats")["events"], 0)

    def test_unknown_paths_and_methods(self):
        self.problem(404, "not_found", "GET", "/v1/nothing", None)
        got, _ = self.herald.api("PUT", "/v1/providers", {})
        self.assertIn(got, (404, 405))

    def test_idempotency_keys_over_http(self):
        body = {"type": "a.b", "data": {}}
        for key in ("k" * 256, "", "\x01"):
            with self.subTest(key[:3]):
                got, document = self.herald.api("POST", "/v1/events", body, headers={"Idempotency-Key": key})
                self.assertIn(got, (400, 422), document)
        first = self.herald.api("POST", "/v1/events", body, headers={"Idempotency-Key": "k1"})
        second = self.herald.api("POST", "/v1/events", body, headers={"Idempotency-Key": "k1"})
        self.assertEqual((first[0], second[0], first[1]["id"]), (202, 202, second[1]["id"]))
        self.problem(409, "idempotency_conflict", "POST", "/v1/events", {"type": "a.c", "data": {}},
                     headers={"Idempotency-Key": "k1"})

    def raw(self, data):
        connection = self.herald.connection()
        connection.connect()
        connection.sock.settimeout(20)
        try:
            connection.sock.sendall(data)
            received = b""
            while chunk := connection.sock.recv(65536):
                received += chunk
                if b"\r\n\r\n" in received:
                    break
            return received
        finally:
            connection.close()

    def test_two_lengths_in_one_request_are_refused_before_any_handler(self):
        body = b'{"type":"a.b","data":{}}'
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        length = b"Content-Length: %d\r\n" % len(body)
        for extra in (length + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + body + b"\r\n0\r\n\r\n",
                      length + b"Content-Length: 5\r\n\r\n" + body,
                      b"Content-Length: -1\r\n\r\n" + body, b"Content-Length: +24\r\n\r\n" + body,
                      b"Transfer-Encoding: chunked, identity\r\n\r\n18\r\n" + body + b"\r\n0\r\n\r\n"):
            with self.subTest(extra[:60]):
                answer = self.raw(head + extra)
                self.assertNotIn(b" 202 ", answer[:20])
        self.assertEqual(self.herald.must("stats")["events"], 0)


class HeadersAtSending(HeraldTest):
    """Control characters that come in through a merge field never reach the wire (S-05)."""

    with_daemon = True

    def test_a_merge_field_cannot_add_a_header_line(self):
        receiver = self.part(Receiver)
        self.add_notification(receiver.url("/ok"), "posted", "--header", "X-Kind: {{ data.kind }}", event="*")
        for value in ("a\\r\\nX-Injected: 1", "a\\nb", "a\\u0000b", "\\u007f"):
            with self.subTest(value):
                fired = self.herald.must("event", "fire", "a.b", "--data", '{"kind":"%s"}' % value)
                callout = self.callout_in_state(fired["callouts"][0]["id"], "dead")
                self.assertEqual(callout["attempts"], [])
        self.assertEqual(receiver.log("/ok"), [])
        self.assertEqual(self.herald.must("event", "fire", "a.b", "--data", '{"kind":"fine"}')["duplicate"], False)
        receiver.wait(1, "/ok")
        self.assertEqual(dict(receiver.log("/ok")[0]["headers"])["X-Kind"], "fine")


if __name__ == "__main__":
    unittest.main()
