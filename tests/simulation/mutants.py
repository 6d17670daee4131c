"""Shows that the simulator can fail: takes one mend after the other out of the product, counts the seeds until it is missed.

Run by `scripts/simulate --mutants`. The tree is copied, so nothing here is changed. Two for each of the kinds K1 to K5:
who waits, bytes, clocks, whose fault, a second look after a wait.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"
MOST_SEEDS = 2000

# kind, name, file, what stands there, what stands there in the mutant
MUTANTS = [
    ("K1", "a lane does not look again once an outcome is durable", "dispatcher/lane.cpp",
     "next_is_due ? self->wake() : self->pump();", "static_cast<void>(next_is_due);"),
    ("K1", "nobody is told that a provider gives tokens again", "providers/token_flight.cpp",
     "if (obtained.access && was_down) recovered(slot);", "static_cast<void>(was_down);"),
    ("K2", "a lane takes whatever room it wants", "dispatcher/byte_budget.cpp",
     "if (before + bytes <= kMost && all_->try_take(bytes)) return true;",
     "if (bytes > 0) {\n        all_->take(bytes);\n        return true;\n    }"),
    ("K2", "a claim brings as many bytes as are due", "storage/sqlite/callout_life.cpp",
     "while (taken < due.size() && bytes_ < most_bytes_) {", "while (taken < due.size()) {"),
    ("K3", "stored times follow the wall clock", "core/clock.cpp",
     "return StoredTime(milliseconds(line()) + boot);",
     "return StoredTime(system_now().time_since_epoch() + 0 * (milliseconds(line()) + boot));"),
    ("K3", "after a power loss the time line may go back", "core/clock.cpp",
     "std::max(by_the_wall, kept->at)", "std::max(by_the_wall, by_the_wall)"),
    ("K4", "a callout pays for a provider without a token", "dispatcher/courier.cpp",
     "result.parked = true;", "result.parked = true;\n    ++result.update.attempts;"),
    ("K4", "a callout pays for what this machine lacks", "dispatcher/courier.cpp",
     "!response && (attempt.verdict.unspent || is_refused_here(authorized, response.error()));",
     "!response && is_refused_here(authorized, response.error());"),
    ("K5", "what was cancelled while it waited leaves all the same", "dispatcher/courier.cpp",
     "attempt.in_flight = sending == storage::CalloutQueue::Sending::kMayStart;",
     "attempt.in_flight = sending != storage::CalloutQueue::Sending::kUnderWay;"),
    ("K5", "a lane waits for the provider that it had when the attempt began", "dispatcher/lane.cpp",
     "if (result.parked && provider == notification_->record.provider()) waits_for_ = provider;",
     "if (result.parked) waits_for_ = provider;"),
]


def run(*words, **options):
    return subprocess.run(words, text=True, capture_output=True, check=False, **options)


def copy_tree(source):
    shutil.rmtree(source, ignore_errors=True)
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, listed.split("\n")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    return source


def build(source):
    tree = WORK / "tree"
    if not (tree / "build.ninja").exists():
        made = run("cmake", "-S", str(source), "-B", str(tree), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                   "-DHERALD_UNITY=ON")
        if made.returncode != 0:
            sys.exit(made.stderr)
    made = run("cmake", "--build", str(tree), "--target", "simulate")
    if made.returncode != 0:
        sys.exit(made.stdout[-3000:])
    return tree / "bin" / "simulate"


def seeds_until_missed(simulate):
    """(seed, what was broken) or None; a mutant that never ends is missed by its time."""
    done = run(str(simulate), "--seeds", str(MOST_SEEDS), "--first-only")
    found = re.search(r"^seed (\d+): (.*)$", done.stdout, re.M)
    if found:
        return int(found.group(1)), found.group(2)
    return None if done.returncode == 0 else (0, f"exit {done.returncode}: {done.stderr[-200:]}")


def main():
    source = copy_tree(WORK / "source")
    print("building without a mutant", file=sys.stderr)
    build(source)
    survivors = 0
    for kind, name, path, there, mutant in MUTANTS:
        original = (source / path).read_text()
        if original.count(there) != 1:
            sys.exit(f"{path} has {original.count(there)} times: {there}")
        (source / path).write_text(original.replace(there, mutant))
        simulate = build(source)
        began = time.monotonic()
        found = seeds_until_missed(simulate)
        took = time.monotonic() - began
        (source / path).write_text(original)
        survivors += found is None
        what = f"seed {found[0]}: {found[1][:90]}" if found else f"NOT FOUND in {MOST_SEEDS} seeds"
        print(f"{kind}  {name}: {what} ({took:.0f} s)", flush=True)
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
