"""Line charts as SVG, in colours that can be read on white and on dark pages."""

import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 84, 62
INK, GRID = "#768390", "#768390"
COLOURS = ("#2f81f7", "#d9822b", "#2da44e", "#a371f7")


@dataclasses.dataclass
class Series:
    """Points are (x, median, lowest, highest)."""

    name: str
    points: list


@dataclasses.dataclass
class Chart:
    title: str
    subtitle: str
    x_label: str
    y_label: str
    series: list
    x_names: list | None = None       # for places instead of amounts: point x = 0, 1, 2 …
    y_logarithmic: bool = False
    limit: tuple | None = None        # (y, name): a dashed line

    def svg(self):
        return _Drawing(self).svg()


def nice_step(span, wanted=5):
    """A step of 1, 2 or 5 times a power of ten that gives about `wanted` ticks."""
    raw = span / wanted
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


def tick_text(value):
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:g}"


class _Drawing:
    def __init__(self, chart):
        self._chart = chart
        self._out = []
        points = [point for series in chart.series for point in series.points]
        highest = max(point[3] for point in points)
        if chart.limit:
            highest = max(highest, chart.limit[0])
        self._x_ticks = self._ticks_x(max(point[0] for point in points))
        self._y_ticks = self._ticks_y(min(point[2] for point in points), highest)

    def _ticks_x(self, highest):
        if self._chart.x_names:
            return list(enumerate(self._chart.x_names))
        step = nice_step(highest or 1)
        return [(step * i, tick_text(step * i)) for i in range(math.ceil(highest / step - 1e-9) + 1)]

    def _ticks_y(self, lowest, highest):
        if self._chart.y_logarithmic:
            first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
            marks = [factor * 10.0 ** power for power in range(first, last + 1) for factor in (1, 2, 5)]
            low = max(mark for mark in marks if mark <= lowest)
            high = min((mark for mark in marks if mark >= highest), default=marks[-1])
            return [(mark, tick_text(mark)) for mark in marks if low <= mark <= high]
        step = nice_step(highest or 1)
        return [(step * i, tick_text(step * i)) for i in range(math.ceil(highest / step - 1e-9) + 1)]

    def _x(self, value):
        if self._chart.x_names:
            share = (value + 0.5) / len(self._chart.x_names)
        else:
            share = value / self._x_ticks[-1][0]
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _y(self, value):
        low, high = self._y_ticks[0][0], self._y_ticks[-1][0]
        if self._chart.y_logarithmic:
            share = (math.log(value) - math.log(low)) / ((math.log(high) - math.log(low)) or 1)
        else:
            share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def _text(self, x, y, text, anchor="middle", size=12, more=""):
        self._out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{INK}"'
                         f'{more}>{escape(text)}</text>')

    def _line(self, x1, y1, x2, y2, colour=INK, width=1.0, more=""):
        self._out.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                         f'stroke-width="{width}"{more}/>')

    def _axes(self):
        bottom = HEIGHT - BOTTOM
        for value, text in self._y_ticks:
            self._line(LEFT, self._y(value), WIDTH - RIGHT, self._y(value), GRID, 1, ' opacity="0.25"')
            self._text(LEFT - 8, self._y(value) + 4, text, "end")
        for value, text in self._x_ticks:
            self._line(self._x(value), bottom, self._x(value), bottom + 5)
            self._text(self._x(value), bottom + 20, text)
        self._line(LEFT, bottom, WIDTH - RIGHT, bottom)
        self._line(LEFT, TOP, LEFT, bottom)
        self._text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, self._chart.x_label, size=13)
        middle = (TOP + bottom) / 2
        self._text(20, middle, self._chart.y_label, size=13, more=f' transform="rotate(-90 20 {middle:.1f})"')

    def _series(self, series, colour):
        points = sorted(series.points)
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y, _, _ in points)
        self._out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for x, y, low, high in points:
            self._line(self._x(x), self._y(low), self._x(x), self._y(high), colour, 1.5)
            self._out.append(f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="4.5" fill="{colour}">'
                             f'<title>{escape(series.name)}: {y:,.2f} ({low:,.2f} to {high:,.2f})</title></circle>')

    def _legend(self):
        entries = [(series.name, COLOURS[i % len(COLOURS)], "") for i, series in enumerate(self._chart.series)]
        if self._chart.limit:
            entries.append((self._chart.limit[1], INK, ' stroke-dasharray="6 4"'))
        x = LEFT
        for name, colour, dashes in entries:
            self._line(x, 64, x + 24, 64, colour, 2.5, dashes)
            self._text(x + 30, 68, name, "start")
            x += 30 + 7 * len(name) + 24

    def svg(self):
        chart = self._chart
        self._text(LEFT, 26, chart.title, "start", 17, ' font-weight="600"')
        self._text(LEFT, 46, chart.subtitle, "start", 12)
        self._axes()
        if chart.limit:
            y = self._y(chart.limit[0])
            self._line(LEFT, y, WIDTH - RIGHT, y, INK, 1.5, ' stroke-dasharray="6 4"')
        for index, series in enumerate(chart.series):
            self._series(series, COLOURS[index % len(COLOURS)])
        self._legend()
        body = "\n".join(self._out)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                f'height="{HEIGHT}" role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, '
                f'sans-serif">\n<title>{escape(chart.title)}</title>\n{body}\n</svg>\n')
