"""Rows of the result table: a figure, what it is compared with, its goal and the verdict."""

import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    figure: str
    measured: float | None = None
    unit: str = ""
    reference: float | None = None
    reference_is: str = ""
    reference_unit: str | None = None  # where it is not the figure's own
    ratio: float | None = None
    goal: str = ""
    reached: bool | None = None  # None: no goal
    note: str = ""

    def verdict(self):
        if self.reached is None:
            return "failed" if self.note.startswith("FAILED") else ""
        return "reached" if self.reached else "NOT reached"


@dataclasses.dataclass
class Result:
    """What one part hands over: its rows, every raw run, and what the plots need."""

    rows: list
    runs: list
    plot: dict = dataclasses.field(default_factory=dict)


def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def number(value, unit=""):
    """Three significant digits where small, whole and grouped where large."""
    if value is None:
        return ""
    if abs(value) >= 100 or isinstance(value, int):
        text = f"{value:,.0f}"
    elif abs(value) >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.0f}" if value == int(value) else f"{value:.2f}"
    return f"{text} {unit}".rstrip()


def render(rows):
    """The table for people, columns as wide as they need to be."""
    lines = [("figure", "measured", "reference", "ratio", "goal", "verdict")]
    for row in rows:
        reference = number(row.reference, row.unit if row.reference_unit is None else row.reference_unit)
        reference = f"{reference} ({row.reference_is})" if row.reference_is else reference
        lines.append((row.figure, number(row.measured, row.unit), reference,
                      "" if row.ratio is None else f"{row.ratio:.3f}", row.goal, row.verdict()))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    out = []
    for index, line in enumerate(lines):
        cells = [text.rjust(width) if column in (1, 3) else text.ljust(width)
                 for column, (text, width) in enumerate(zip(line, widths))]
        out.append("  ".join(cells).rstrip())
        if index == 0:
            out.append("  ".join("-" * width for width in widths))
        elif rows[index - 1].note:
            out.append("    " + rows[index - 1].note)
    return "\n".join(out)
