"""No spelling of a private address is ever connected to unless it is allowed (S-01, S-04, E-33 to E-38, E-45)."""

import json
import socket
import unittest

from herald_harness import HeraldTest
from parts import Receiver

LOOPBACK = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 017700000001 0177.0.0.1 0 0.0.0.0 localhost LOCALHOST localhost.
ip6-localhost [::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1]
[2002:7f00:1::] %31%32%37.0.0.1 127.0.0.1. 127.255.255.254 \u2460\u2461\u2466.\u24ea.\u24ea.\u2460
""".split()

OTHERS = """
[64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:a9fe:a9fe::] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [fe80::1] [fe80::1%25eth0]
[fc00::1] [fd00:ec2::254] [ff02::1] [100::1] [2001:db8::1] [3fff::1] [5f00::1] 169.254.169.254 169.254.43518 0xa9fea9fe
2852039166 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 100.64.0.1 100.127.255.255 10.0.0.1 172.16.0.1
172.31.255.255 192.168.0.1 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 240.0.0.1
255.255.255.255
""".split()

MALFORMED = """
http://good.example@127.0.0.1:{port}/ http://127.0.0.1:{port}#@good.example/ http://good.example\\@127.0.0.1:{port}/
gopher://127.0.0.1:{port}/ file:///etc/passwd ftp://127.0.0.1:{port}/ unix:/run/x.sock data:text/plain,x
//127.0.0.1:{port}/
http:127.0.0.1:{port} https:/\\127.0.0.1:{port}/ http://127.0.0.1:0/ http://127.0.0.1:65536/
""".split()


class BlockedAddresses(HeraldTest):
    def setUp(self):
        self.receiver = self.part(Receiver)
        self.count = 0

    def given_a_daemon_that_allows(self, addresses):
        self.herald = self.new_herald(HERALD_EGRESS_ALLOW=addresses)
        self.herald.start()

    def urls(self, hosts, scheme="http"):
        return [f"{scheme}://{host}:{self.receiver.port}/ok" for host in hosts]

    def try_callout(self, url):
        """Adds a notification where it may be added, then sends a callout; returns what the API said last."""
        self.count += 1
        name = f"n{self.count}"
        status, document = self.herald.api("POST", "/v1/notifications", {"name": name, "events": ["never"], "url": url,
                                                                         "timeout_ms": 2000})
        if status // 100 == 2:
            status, document = self.herald.api("POST", f"/v1/notifications/{name}/test", {"data": {}})
        return status, document

    def try_token(self, url):
        self.count += 1
        name = f"p{self.count}"
        status, document = self.herald.api("POST", "/v1/providers", {
            "name": name, "client_id": "c", "client_secret": "x", "token_endpoint": url, "test_endpoint": url,
            "revocation_endpoint": url, "settings": {"request_timeout_ms": 2000}})
        if status // 100 == 2:
            status, document = self.herald.api("POST", f"/v1/providers/{name}/token/obtain")
        return status, document

    def never_delivered(self, url, result):
        status, document = result
        if status // 100 == 2:
            self.assertIsNone(document.get("status"), (url, document))
            self.assertNotEqual(document.get("outcome"), "delivered", (url, document))
            # A name that this machine does not know is as good as a refusal.
            self.assertRegex(document["error"], "^(blocked_address|dns)", url)
        else:
            self.assertIn(document["code"], ("invalid_argument", "blocked_address", "malformed_request",
                                             "token_endpoint_unreachable"), (url, document))

    def test_loopback_in_every_spelling(self):
        self.given_a_daemon_that_allows("")
        for url in self.urls(LOOPBACK):
            with self.subTest(url):
                self.never_delivered(url, self.try_callout(url))
                self.never_delivered(url, self.try_token(url.replace("http:", "https:")))
        self.assertEqual(self.receiver.summary()["connections"], 0)

    def test_every_other_special_range_is_refused_before_connecting(self):
        self.given_a_daemon_that_allows("")
        for url in self.urls(OTHERS):
            with self.subTest(url):
                status, document = self.try_callout(url)
                self.assertEqual((status, document["code"]), (422, "invalid_argument"), document)
                status, document = self.try_token(url.replace("http:", "https:"))
                self.assertEqual((status, document["code"]), (422, "invalid_argument"), document)

    def test_urls_that_hide_where_they_go(self):
        self.given_a_daemon_that_allows("127.0.0.0/8")
        for url in MALFORMED:
            url = url.format(port=self.receiver.port)
            with self.subTest(url):
                status, document = self.try_callout(url)
                self.assertEqual((status, document["code"]), (422, "invalid_argument"), document)
        self.assertEqual(self.receiver.summary()["connections"], 0)

    def test_what_is_allowed_is_reached_and_nothing_beside_it(self):
        self.given_a_daemon_that_allows("127.0.0.1/32")
        allowed, refused = self.urls(["127.0.0.1", "127.0.0.2"])
        self.assertEqual(self.try_callout(allowed)[1]["outcome"], "delivered")
        self.never_delivered(refused, self.try_callout(refused))
        self.assertEqual(self.receiver.summary()["requests"], 1)

    def test_a_start_names_each_stored_destination_that_it_refuses_once(self):
        self.given_a_daemon_that_allows("127.0.0.0/8")
        self.assertEqual(self.try_callout(self.urls(["127.0.0.1"])[0])[1]["outcome"], "delivered")
        self.herald.must("provider", "add", "crm", "--client-id", "c", "--client-secret-file",
                         self.herald.file("s3cret"), "--token-url", self.receiver.url("/token"))
        self.herald.stop()
        self.herald.log_file.unlink()
        self.herald.environment["HERALD_EGRESS_ALLOW"] = ""
        self.herald.start()
        self.herald.stop()
        said = [json.loads(line) for line in self.herald.log().splitlines() if "HERALD_EGRESS_ALLOW" in line]
        self.assertEqual([line["event"] for line in said], ["destination_refused"] * 2, said)
        self.assertEqual([line.get("notification") or line.get("provider") for line in said], ["n1", "crm"], said)

    def test_metadata_stays_refused_under_a_wide_allowance(self):
        self.given_a_daemon_that_allows("0.0.0.0/0,::/0")
        for host in ("169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "100.100.100.200", "168.63.129.16",
                     "[::ffff:169.254.169.254]"):
            with self.subTest(host):
                status, document = self.try_callout(f"http://{host}/latest")
                self.assertEqual(status, 422, document)

    def test_a_name_that_leads_to_loopback_is_refused_when_it_is_resolved(self):
        self.given_a_daemon_that_allows("")
        url = f"http://localhost:{self.receiver.port}/ok"
        status, document = self.try_callout(url)
        self.assertIn("HERALD_EGRESS_ALLOW", str(document), "it says which setting to change")
        self.never_delivered(url, (status, document))

    def test_its_own_listener_is_no_destination(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.herald = self.new_herald()
        self.herald.start("--listen", f"127.0.0.1:{port}")
        status, document = self.try_callout(f"http://127.0.0.1:{port}/livez")
        self.never_delivered("own listener", (status, document))

    def test_plain_http_with_credentials_only_to_loopback(self):
        self.given_a_daemon_that_allows("127.0.0.0/8,10.0.0.0/8")
        status, document = self.try_token("http://10.0.0.1/token")
        self.assertEqual((status, document["code"]), (422, "invalid_argument"), document)


if __name__ == "__main__":
    unittest.main()
