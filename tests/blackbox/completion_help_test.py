"""Help for every command, suggestions for slips, and a completion script that bash accepts."""

import subprocess
import unittest

from herald_harness import HeraldTest

COMMANDS = [
    "provider", "provider add", "provider list", "provider show", "provider edit", "provider reset",
    "provider enable", "provider disable", "provider delete", "token", "token obtain", "token refresh", "token test",
    "token revoke", "token show", "notification", "notification add", "notification list",
    "notification show", "notification edit", "notification enable", "notification disable", "notification pause",
    "notification resume", "notification delete", "notification preview", "notification test", "event", "event fire",
    "event import", "event show", "callout", "callout list", "callout show", "callout retry", "callout cancel",
    "stats", "serve", "demo", "key", "key rotate", "key show", "backup", "doctor",
]


class HelpTest(HeraldTest):
    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = self.herald.run(*command.split(), "--help")
                self.assertEqual((result.exit, result.stderr), (0, ""), f"\n{result}")
                self.assertIn(command.split()[-1], result.stdout)
                self.assertFalse(self.herald.database.exists(), "help touches nothing")

    def test_the_overview_names_every_command(self):
        for words in (("help",), ("--help",)):
            result = self.herald.run(*words)
            self.assertEqual(result.exit, 0, f"\n{result}")
            for command in {command.split()[0] for command in COMMANDS}:
                self.assertIn(command, result.stdout)

    def test_version(self):
        result = self.herald.run("--version")
        self.assertEqual(result.exit, 0, f"\n{result}")
        self.assertRegex(result.stdout, r"\d+\.\d+\.\d+")

    def test_no_command_at_all_is_wrong_usage(self):
        result = self.herald.run()
        self.assertEqual((result.exit, result.stdout), (2, ""), f"\n{result}")

    def test_slips_get_a_suggestion(self):
        for words, meant in ((("providr", "list"), "provider"), (("provider", "lst"), "list"),
                             (("provider", "add", "x", "--client-i", "a"), "--client-id"),
                             (("callout", "list", "--stat", "dead"), "--state")):
            with self.subTest(words):
                result = self.herald.run(*words)
                self.assertEqual((result.exit, result.stdout), (2, ""), f"\n{result}")
                self.assertIn(meant, result.stderr)

    def test_the_completion_script_is_bash_and_completes_commands(self):
        result = self.herald.run("completion", "bash")
        self.assertEqual(result.exit, 0, f"\n{result}")
        script = self.herald.file(result.stdout)
        checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        for words, expected in ((("herald", "prov"), "provider"), (("herald", "provider", "ad"), "add"),
                                (("herald", "provider", "add", "--client-i"), "--client-id")):
            with self.subTest(words):
                self.assertIn(expected, self.complete(script, words))

    def complete(self, script, words):
        """Asks the function that the script registered for `herald`."""
        quoted = " ".join(words)
        probe = (f'source "{script}"; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE="{quoted}"; '
                 f'COMP_POINT=${{#COMP_LINE}}; f=$(complete -p herald | sed "s/.*-F \\([^ ]*\\).*/\\1/"); '
                 f'"$f" herald "{words[-1]}" "{words[-2]}"; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=False)
        return done.stdout.split()


if __name__ == "__main__":
    unittest.main()
