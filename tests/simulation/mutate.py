"""Changes one line of the product at a time and asks who notices: the unit tests, then 200 worlds of the simulator.

Run by `scripts/mutate`. The tree is copied, so nothing here is changed. Which lines, and how, a seed decides; what was
tried already is not tried again, so that a run may be interrupted.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading

from mutants import ROOT, copy_tree, run

WORK = ROOT / "build" / "mutate"
# Who is asked first; then all the others.
TESTS = {
    "dispatcher": ["dispatcher_pure_test", "dispatcher_test", "lanes_test"],
    "http": ["http_test", "http_transport_test"],
    "providers": ["providers_test", "jwt_test", "token_manager_test"],
    "storage": ["storage_conformance_test", "storage_test"],
}
ALL = [test for tests in TESTS.values() for test in tests] + ["api_test", "cli_test"]
MOST_SECONDS = 600

SWAPS = [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "), (" != ", " == "),
         (" && ", " || "), (" || ", " && "), (" + ", " - "), (" - ", " + "), (" += ", " -= "), ("++", "--"),
         ("if (!", "if ("), ("std::min(", "std::max("), ("std::max(", "std::min(")]
CALL = re.compile(r"^\s+[\w:.>()-]+(\(.*\)| [-+|]?= .*|\+\+|--);$")
CONDITION = re.compile(r"\bif \((?!const|auto)([^;]*)\)( \{| return.*;| co_return.*;| continue;)?$")
NUMBER = re.compile(r"(?<![\w.\"'])(\d+)(?![\w.\"'])")


def changes_of(line):
    """Every changed form of one line."""
    code = line.split("//")[0].rstrip()
    if not code.strip() or '"' in code or code.lstrip().startswith(("#", "*", "using", "template", "static_assert")):
        return
    for there, mutant in SWAPS:
        if there in code:
            yield code.replace(there, mutant, 1)
    for there, mutant in (("true", "false"), ("false", "true")):
        if re.search(rf"\b{there}\b", code):
            yield re.sub(rf"\b{there}\b", mutant, code, count=1)
    if CALL.match(code) and not code.lstrip().startswith(("return", "const", "auto", "co_return", "throw", "delete")):
        yield re.sub(r"\S.*$", ";", code)
    found = CONDITION.search(code)
    if found and found.group(1).count("(") == found.group(1).count(")"):
        yield code[:found.start(1)] + "!(" + found.group(1) + ")" + code[found.end(1):]
    found = NUMBER.search(code)
    if found:
        yield code[:found.start()] + str(int(found.group(1)) + 1) + code[found.end():]


def candidates(source):
    for module in TESTS:
        for path in sorted((source / module).rglob("*.cpp")):
            for number, line in enumerate(path.read_text().split("\n")):
                for changed in changes_of(line):
                    yield str(path.relative_to(source)), number, line, changed


class Workplace:
    """A copy of the tree with a build of its own."""

    def __init__(self, name):
        self.source = copy_tree(WORK / name / "source")
        self.tree = WORK / name / "tree"
        linker = ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold"] if run("which", "mold").returncode == 0 else []
        made = run("cmake", "-S", str(self.source), "-B", str(self.tree), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                   "-DCMAKE_CXX_FLAGS_DEBUG=-O0", *linker)
        if made.returncode != 0:
            sys.exit(made.stderr)

    def build(self, *targets):
        return run("cmake", "--build", str(self.tree), "--parallel", "1", "--target", *targets).returncode == 0

    def who_notices(self, module):
        """The first that fails; None: nobody. False: it does not compile."""
        for programs in (TESTS[module], ALL):
            if not self.build(*programs):
                return False
            for program in programs:
                if not self.passes(program):
                    return program
        if not self.build("simulate"):
            return False
        return None if self.passes("simulate", "--seeds", "200", "--first-only") else "simulate"

    def passes(self, program, *words):
        try:
            options = [] if program == "simulate" else ["--gtest_brief=1", "--gtest_fail_fast"]
            return run(str(self.tree / "bin" / program), *options, *words, timeout=MOST_SECONDS,
                       cwd=self.tree).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def try_out(self, change):
        path, number, line, changed = change
        file = self.source / path
        text = file.read_text()
        lines = text.split("\n")
        assert lines[number] == line
        lines[number] = changed
        file.write_text("\n".join(lines))
        try:
            return self.who_notices(path.split("/")[0])
        finally:
            file.write_text(text)


def report(tried):
    caught = [one for one in tried if one["by"]]
    survivors = [one for one in tried if one["by"] is None]
    print(f"\n{len(caught)} of {len(tried)} caught ({100 * len(caught) / max(1, len(tried)):.0f} %)")
    for one in sorted(survivors, key=lambda one: (one["file"], one["line"])):
        print(f"survived: {one['file']}:{one['line']}\n  - {one['was'].strip()}\n  + {one['is'].strip()}")
    return 0 if 10 * len(caught) >= 9 * len(tried) else 1


def main():
    words = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.split("\n", maxsplit=1)[0])
    words.add_argument("--changes", type=int, default=200, help="how many (200)")
    words.add_argument("--seed", type=int, default=1, help="which ones (1)")
    words.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once (one a core)")
    orders = words.parse_args()

    known = WORK / f"seed-{orders.seed}.jsonl"
    places = [Workplace(str(number)) for number in range(orders.jobs)]
    tried = [json.loads(line) for line in known.read_text().splitlines()] if known.exists() else []
    chosen = list(candidates(places[0].source))
    random.Random(orders.seed).shuffle(chosen)
    done = {(one["file"], one["line"], one["is"]) for one in tried}
    seen, queue = set(), []
    for path, number, line, changed in chosen:  # one change of a line is enough
        if (path, number) not in seen:
            seen.add((path, number))
            queue.append((path, number, line, changed))
    queue.reverse()
    lock = threading.Lock()

    def work(place):
        if not place.build(*ALL, "simulate"):
            sys.exit("the tree does not build without a change")
        while True:
            with lock:
                compiled = [one for one in tried if one["by"] is not False]
                if len(compiled) >= orders.changes or not queue:
                    return
                change = queue.pop()
            path, number, line, changed = change
            if (path, number + 1, changed) in done:
                continue
            by = place.try_out(change)
            with lock:
                tried.append({"file": path, "line": number + 1, "was": line, "is": changed, "by": by})
                with known.open("a") as out:
                    out.write(json.dumps(tried[-1]) + "\n")
                if by is not False:
                    count = len([one for one in tried if one["by"] is not False])
                    print(f"{count}/{orders.changes} {path}:{number + 1}: {by or 'SURVIVED'}", file=sys.stderr)

    with concurrent.futures.ThreadPoolExecutor(orders.jobs) as pool:
        for result in [pool.submit(work, place) for place in places]:
            result.result()
    sys.exit(report([one for one in tried if one["by"] is not False][:orders.changes]))


if __name__ == "__main__":
    main()
