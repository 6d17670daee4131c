"""The files of a database: what damage to one value, a lost file, a link or a refused command does to them."""

import os
import sqlite3
import unittest

from herald_harness import HeraldTest, eventually

TOKEN_URL = "http://127.0.0.1:9/token"


class DatabaseFiles(HeraldTest):
    def files(self):
        return sorted(entry.name for entry in self.herald.directory.iterdir())

    def change(self, sql):
        connection = sqlite3.connect(self.herald.database)
        connection.execute(sql)
        connection.commit()
        connection.close()

    def checks(self):
        """Of `doctor`, by name: whether it is good, and the detail."""
        report = self.herald.run("doctor", json=True).json
        return {check["check"]: (check["ok"], check["detail"]) for check in report["checks"]}

    def test_a_command_that_was_refused_leaves_nothing_where_there_was_no_database(self):
        secret = self.herald.file("secret")
        before = self.files()
        self.refused(2, "invalid_argument", "provider", "add", "crm", "--client-id", "c",
                     "--client-secret-file", secret, "--token-url", "no URL")
        self.refused(3, "not_found", "notification", "add", "n", "--event", "*", "--url", "https://r.example/",
                     "--auth", "oauth2", "--provider", "nobody")
        self.assertEqual(self.files(), before)
        self.add_provider(TOKEN_URL)
        self.assertIn("herald.db", self.files())

    def test_a_secret_that_does_not_open_breaks_its_provider_alone_and_can_be_replaced(self):
        self.add_provider(TOKEN_URL, "good")
        self.add_provider(TOKEN_URL, "bad")
        self.add_notification("http://127.0.0.1:9/", "signed", "--signing-secret-file",
                              self.herald.file("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"))
        self.change("UPDATE provider SET client_secret = (SELECT client_secret FROM provider WHERE name = 'good')"
                    " WHERE name = 'bad'")
        self.change("UPDATE notification SET signing_secret = zeroblob(60)")
        self.herald.must("key", "rotate")
        for with_daemon in (False, True):
            if with_daemon:
                self.herald.start()
            self.herald.must("stats")
            listed = self.herald.must("provider", "list")
            self.assertEqual({each["name"]: each["unreadable_secrets"] for each in listed},
                             {"good": [], "bad": ["client_secret"]})
            self.assertEqual(self.herald.must("notification", "show", "signed")["unreadable_secrets"],
                             ["signing_secret"])
            checks = self.checks()
            self.assertEqual(checks["provider bad"][0], False)
            self.assertIn("client_secret does not open", checks["provider bad"][1])
            self.assertEqual(checks["notification signed"][0], False)
            error = self.refused(1, "credential_unreadable", "token", "obtain", "bad")
            self.assertIn("client_secret of provider 'bad'", error["message"])
        self.herald.must("provider", "disable", "bad")
        self.assertEqual(self.herald.must("provider", "show", "bad")["unreadable_secrets"], ["client_secret"])

        fired = self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        callout = fired["callouts"][0]["id"]
        shown = self.herald.must("callout", "show", callout)
        self.assertEqual((shown["state"], shown["attempts"]), ("pending", []), "nothing goes out unsigned")
        self.herald.must("notification", "edit", "signed", "--signing-secret-file",
                         self.herald.file("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"))
        eventually(lambda: self.herald.must("callout", "show", callout)["attempts"], "it is tried now")
        edited = self.herald.must("provider", "edit", "bad", "--client-secret-file", self.herald.file("new secret"))
        self.assertEqual(edited["unreadable_secrets"], [])
        self.herald.must("provider", "enable", "bad")
        self.refused(1, "token_endpoint_unreachable", "token", "obtain", "bad")
        self.assertNotIn("provider bad", self.checks())
        self.herald.must("provider", "delete", "bad")

    def test_nothing_is_acknowledged_after_the_write_ahead_log_was_removed(self):
        self.herald.start()
        self.herald.must("event", "fire", "invoice.posted", "--data", "{}")
        os.unlink(f"{self.herald.database}-wal")
        with self.assertRaises(ConnectionError, msg="the process ends before it answers"):
            self.herald.api("POST", "/v1/events", {"type": "invoice.posted", "data": {}})
        self.assertEqual(self.herald.daemon.wait(30), 5)
        self.herald.daemon = None

    def test_beside_a_daemon_no_index_is_made_anew(self):
        self.herald.start()
        self.assertEqual(self.herald.api("POST", "/v1/database/check")[1], {"problems": []})
        status, body = self.herald.api("POST", "/v1/database/rebuild-indexes")
        self.assertEqual((status, body["code"]), (409, "already_running"))
        self.assertEqual(self.herald.run("doctor", "--fix").exit, 1)
        self.assertEqual(self.herald.run("doctor").exit, 0)
        self.herald.stop()
        self.assertEqual(self.herald.run("doctor", "--fix").exit, 0)

    def test_a_link_leads_to_the_daemon_of_the_file(self):
        self.herald.start()
        link = self.herald.directory / "link.db"
        link.symlink_to("herald.db")
        fired = self.herald.must("--db", str(link), "event", "fire", "invoice.posted", "--data", "{}")
        self.assertEqual(self.herald.must("event", "show", fired["id"])["type"], "invoice.posted")
        self.assertEqual([name for name in self.files() if name.startswith("link.db.")], [])

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_what_root_leaves_beside_the_database_of_a_service_belongs_to_the_service(self):
        service = 12345
        self.add_provider(TOKEN_URL)
        for name in ("herald.db", "herald.db.key"):
            os.chown(self.herald.directory / name, service, service)
        os.unlink(f"{self.herald.database}.lock")
        self.herald.run("doctor")
        self.herald.must("key", "rotate")
        self.herald.start()
        owners = {name: os.lstat(self.herald.directory / name).st_uid
                  for name in self.files() if name.startswith("herald.db")}
        self.assertIn("herald.db.sock", owners)
        self.assertIn("herald.db-wal", owners)
        self.assertEqual({name: uid for name, uid in owners.items() if uid != service}, {})


if __name__ == "__main__":
    unittest.main()
