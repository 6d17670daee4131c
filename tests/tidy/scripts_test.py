"""scripts/ on machines that lack something; nothing is installed or built."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="herald-scripts-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for tool in ("bash", "dirname", "cat", "env", "rm", "mktemp"):
            (self.folder / tool).symlink_to(shutil.which(tool))
        self.stub("dpkg-query", "exit 1")

    def stub(self, name, body):
        path = self.folder / name
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)

    def run_setup(self):
        return subprocess.run([shutil.which("bash"), str(ROOT / "scripts/setup"), "--build-only"], text=True,
                              env={"PATH": str(self.folder)}, capture_output=True, check=False, timeout=60)

    def test_without_root_and_sudo_it_says_what_root_has_to_run(self):
        self.stub("id", "echo 1000")
        done = self.run_setup()
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stderr, r"apt-get install .*\bca-certificates\b.*\bg\+\+.*\blibboost1\.81-dev\b")
        self.assertNotIn("command not found", done.stderr)

    def test_as_root_it_installs_what_is_missing_and_shows_how_far_it_is(self):
        self.stub("id", "echo 0")
        self.stub("apt-get", 'echo "$@" >>"$0.asked"; echo "Reading lists"; echo "dlstatus:1:40.5:Retrieving"; '
                             'echo "pmstatus:gcc:70.0:Unpacking gcc"')
        done = self.run_setup()
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("fetching packages: 40 %", done.stdout)
        self.assertIn("installing packages: 70 %", done.stdout)
        self.assertIn("ca-certificates", (self.folder / "apt-get.asked").read_text())

    def test_a_failed_installation_fails(self):
        self.stub("id", "echo 0")
        self.stub("apt-get", '[ "$1" = update ] || { echo "E: no such package" >&2; exit 100; }')
        done = self.run_setup()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("E: no such package", done.stderr)
        self.assertNotIn("everything is there", done.stdout)


class ProgressTest(unittest.TestCase):
    def show(self, lines):
        return subprocess.run(["bash", "-c", '. "$0"; show_ninja_progress', str(ROOT / "scripts/progress")], text=True,
                              input="".join(f"{line}\n" for line in lines), capture_output=True, check=True).stdout

    def test_elsewhere_than_on_a_terminal_every_tenth_is_a_line(self):
        shown = self.show(f"[{i}/200] Building CXX object a/b{i}.cpp.o" for i in range(1, 201)).splitlines()
        self.assertEqual(len(shown), 11, shown)
        self.assertRegex(shown[5], r"^build: 100 of 200, \d+ s")

    def test_what_is_no_step_is_shown(self):
        shown = self.show(["[1/2] Building CXX object a.o", "a.cpp:3:1: error: no", "[2/2] Linking b"])
        self.assertIn("a.cpp:3:1: error: no\n", shown)


if __name__ == "__main__":
    unittest.main()
