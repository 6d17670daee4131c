"""The parts of the suite, in the order they run. Each has NAME, SUBJECT, FIGURES and run(machine) -> Result."""

from suite.parts import (backlog, cold_start, configuration, drain, fan_out, fire, https, kept, latency, lists,
                         many_receivers, micro, slow, unauthorized)

ALL = (drain, https, fire, latency, slow, kept, backlog, lists, cold_start, unauthorized, fan_out, many_receivers,
       configuration, micro)
