"""How large each part is: the real figures, and a small scale for trying the suite itself."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Scale:
    """Sizes of all parts; `FULL` is what the goals are about."""

    events: int = 100_000                 # drained, or fired and delivered, in one run
    wrk_seconds: int = 3
    latency_samples: int = 1_000          # one event at a time, in one run
    load_fractions: tuple = (0.25, 0.5, 0.75, 0.9)  # of the measured fire-and-deliver rate
    load_seconds: float = 4.0
    probe_rate: int = 250                 # probes a second while the daemon is under load
    slow_levels: tuple = (1_000, 2_500, 5_000, 10_000)
    hold_seconds: float = 5.0
    fast_rate: int = 1_000                # events a second beside the slow ones
    fast_seconds: float = 5.0
    backlogs: tuple = (0, 100_000, 1_000_000)
    cold_start_seconds: float = 3.0       # how long memory is watched
    storm: int = 1_000                    # callouts that meet the same 401
    fan_out: int = 1_000                  # notifications of one event
    big_payload: int = 100_000            # bytes
    https_requests: int = 250             # after which nginx ends a connection
    receivers: int = 500                  # on ports of their own
    ack_rate: int = 500                   # single events a second whose 202 is timed
    ack_seconds: float = 5.0
    list_seconds: float = 10.0
    kept: int = 1_000                     # connections
    notifications: int = 10_000           # added over the API
    providers: int = 1_000
    more_adds: int = 50                   # of each, at that size
    micro_seconds: float = 0.2


FULL = Scale()
QUICK = Scale(events=3_000, wrk_seconds=1, latency_samples=60, load_fractions=(0.25, 0.5, 0.75), load_seconds=0.6,
              probe_rate=100, slow_levels=(50, 100, 200), hold_seconds=0.5, fast_rate=200, fast_seconds=0.5,
              backlogs=(0, 1_000, 5_000), cold_start_seconds=0.5, storm=100, fan_out=50, micro_seconds=0.01,
              https_requests=5, receivers=50, ack_rate=200, ack_seconds=0.5, list_seconds=0.5, kept=50,
              notifications=200, providers=20, more_adds=5)
