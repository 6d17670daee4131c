"""A thousand callouts in flight meet a 401 of one token generation: how many token requests follow.

Our receiver holds all of them, then answers 401 to the token it saw first and 200 to any other; our token
endpoint counts. Automatic token requests of one provider are at least a second apart, so the first token is let
grow older than that before. Every callout must be delivered in the end.
"""

import time

from suite.daemon import Daemon, Home, event_line
from suite.machine import progress
from suite.parts.slow import BATCH
from suite.processes import Helper
from suite.table import Result, Row

NAME = "unauthorized"
SUBJECT = "token requests caused by one 401 met by many callouts in flight"
FIGURES = ("token requests after a 401",)
APART = 1.5


def one_run(machine):
    count = machine.scale.storm
    with Helper(machine.processes, "receivers", refuse_first_token=True) as receiver, Home(machine) as home:
        home.add_provider()
        home.add_notification("storm", f"http://127.0.0.1:{receiver.hear()['port']}/", count)
        with Daemon(machine, home) as daemon:
            daemon.wait_ready().obtain_token()
            time.sleep(APART)
            for start in range(0, count, BATCH):
                daemon.api.fire(event_line("storm.fired") * min(BATCH, count - start))
            deadline = time.monotonic() + 30
            while receiver.ask("count")["held"] < count:
                if time.monotonic() > deadline:
                    raise TimeoutError("the callouts are not in flight after 30 s")
                time.sleep(0.01)
            before, released = machine.tokens.requests, time.perf_counter()
            receiver.ask("release")
            ended = daemon.wait_delivered("storm", count, 60)
            state = receiver.ask("count")
    return {"token_requests": machine.tokens.requests - before, "refused": state["refused"],
            "requests_seen": state["seen"], "seconds": ended - released}


def run(machine):
    runs = []
    for number in range(machine.runs):
        runs.append(one_run(machine))
        progress(f"unauthorized {number + 1}/{machine.runs}: {runs[-1]['refused']} refused, "
                 f"{runs[-1]['token_requests']} token requests, all delivered after {runs[-1]['seconds']:.2f} s")
    worst = max(run["token_requests"] for run in runs)
    fewest_refused = min(run["refused"] for run in runs)
    met = worst == 1 and fewest_refused >= machine.scale.storm
    return Result(runs=runs, rows=[
        Row(f"token requests after {machine.scale.storm:,} callouts met one 401", worst, "", fewest_refused, "refused",
            goal="1, the worst run", reached=met)])
