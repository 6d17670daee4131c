#!/usr/bin/env python3
"""Herald's end-to-end benchmarks: every figure beside its reference from the same run on the same machine.

Without PART all parts run, in the order below. The table goes to standard output, progress to standard error.
A full run of all parts writes bench/results/latest.json and the SVG plots beside it; a run of chosen parts or
with --quick writes to build/bench/, so that it never replaces measurements of a whole run.
"""

import argparse
import json
import pathlib
import sys
import time
import traceback

from suite import scale
from suite.machine import ROOT, Machine, end_on_signals, progress
from suite.machine_facts import facts
from suite.parts import ALL
from suite.processes import raise_descriptor_limit
from suite.table import Result, Row, render

BUSY = 0.5  # a load average above this a core before the run deserves a warning


def arguments():
    parts = "\n".join(f"  {part.NAME:16}{part.SUBJECT}" for part in ALL)
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, epilog=f"parts:\n{parts}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to run; all where none is named")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", metavar="DIR",
                        help="build tree whose bin/ is measured (build/release)")
    parser.add_argument("--herald", type=pathlib.Path, metavar="PATH", help="another herald than the build tree's")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of each part; medians are shown (5; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="everything small, to try the suite: NO measurements")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="where latest.json and the plots go")
    options = parser.parse_args()
    names = [part.NAME for part in ALL]
    unknown = [name for name in options.parts if name not in names]
    if unknown:
        parser.error(f"no part '{unknown[0]}'; parts: {', '.join(names)}")
    if options.runs is not None and options.runs < 1:
        parser.error("--runs: at least 1")
    options.herald = (options.herald or options.build / "bin/herald").resolve()
    if not options.herald.exists():
        parser.error(f"{options.herald} is not built: run scripts/build release")
    whole = not options.parts and not options.quick
    options.runs = options.runs or (1 if options.quick else 5)
    options.out = options.out or ROOT / ("bench/results" if whole else "build/bench")
    return options


def run_part(machine, part):
    """The part's result and its duration; a part that fails says so in its rows."""
    progress(f"--- {part.NAME}: {part.SUBJECT}")
    started = time.monotonic()
    try:
        result, error = part.run(machine), None
    except Exception as failure:  # whatever it is, the other parts still count
        traceback.print_exc(file=sys.stderr)
        error = f"{type(failure).__name__}: {failure}"
        result = Result(rows=[Row(figure, note=f"FAILED: {error}") for figure in part.FIGURES], runs=[])
    finally:
        machine.after_part()
    seconds = time.monotonic() - started
    progress(f"--- {part.NAME}: {seconds:.0f} s")
    return {"result": result, "seconds": seconds, "error": error}


def as_json(options, machine_facts, done):
    return {
        "quick": options.quick, "runs_each": options.runs, "machine": machine_facts,
        "parts": {name: {"seconds": round(part["seconds"], 1), "error": part["error"],
                         "rows": [{**vars(row), "verdict": row.verdict()} for row in part["result"].rows],
                         "runs": part["result"].runs} for name, part in done.items()},
    }


def write(options, machine_facts, done):
    options.out.mkdir(parents=True, exist_ok=True)
    written = [options.out / "latest.json"]
    written[0].write_text(json.dumps(as_json(options, machine_facts, done), indent=1) + "\n")
    for part in done.values():
        for name, chart in part["result"].plot.items():
            written.append(options.out / f"{name}.svg")
            written[-1].write_text(chart.svg())
    return written


def show(options, machine_facts, done):
    print(f"{machine_facts['herald']}, {machine_facts['cores']} x {machine_facts['cpu']}, Linux "
          f"{machine_facts['kernel']}, {machine_facts['file_system']}, {machine_facts['nginx']}, "
          f"{machine_facts['wrk']}, {machine_facts['date']}")
    if options.quick:
        print("QUICK: everything is small; these figures are no measurements")
    else:
        print(f"medians of {options.runs} runs, ratios taken run by run")
    print()
    print(render([row for part in done.values() for row in part["result"].rows]))
    print()
    print("duration: " + ", ".join(f"{name} {part['seconds']:.0f} s" for name, part in done.items()) +
          f"; {sum(part['seconds'] for part in done.values()):.0f} s in all")


def main():
    options = arguments()
    end_on_signals()
    done, interrupted = {}, False
    machine = Machine(options.herald, options.build.resolve() / "bin/herald_bench",
                      scale.QUICK if options.quick else scale.FULL, options.runs, raise_descriptor_limit())
    try:
        machine_facts = facts(machine)
        if machine_facts["load_average_before"] > BUSY * machine_facts["cores"]:
            progress(f"load average {machine_facts['load_average_before']:.1f}: others use this machine, "
                     "figures suffer")
        for part in ALL:
            if not options.parts or part.NAME in options.parts:
                done[part.NAME] = run_part(machine, part)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        machine.close()
    if done:
        show(options, machine_facts, done)
    if interrupted:
        progress("interrupted; nothing written")
        return 130
    for path in write(options, machine_facts, done):
        print(f"written: {path}")
    return 1 if any(part["error"] for part in done.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
