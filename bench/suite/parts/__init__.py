"""The parts of the suite, in the order they run. Each has NAME, SUBJECT, FIGURES and run(machine) -> Result."""

from suite.parts import backlog, cold_start, drain, fan_out, fire, latency, micro, slow, unauthorized

ALL = (drain, fire, latency, slow, backlog, cold_start, unauthorized, fan_out, micro)
