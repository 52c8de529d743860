"""Plots as SVG without a size of their own: bars, stacked bars, points on two axes."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from flows.report.document import anchor, short

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#9d9da1", "#e45756", "#72b7b2", "#d6a100", "#5f4b8b")
WIDE = 440
"""Units across a drawing: so few that its letters are still letters on a phone."""

_LEFT, _LINE, _SIZE = 134, 13, 11

Value = tuple[float, str]
"""A value and the name of its metric."""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(x: float, y: float, words: str, anchor_: str = "start", size: int = _SIZE) -> str:
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" font-size="{size}" text-anchor="{anchor_}">'
        f"{escape(words)}</text>"
    )


def _frame(height: float, title: str, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {_number(height)}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" fill="#222">\n'
        f"<title>{escape(title)}</title>\n{_text(0, 14, title, size=13)}\n{inside}\n</svg>"
    )


def _legend(names: Sequence[str], y: float) -> tuple[list[str], float]:
    """The parts, and the height below them; one colour alone needs none."""
    if len(names) == 1:
        return [], y - 12
    parts, x = [], 0.0
    for number, name in enumerate(names):
        wide = 16 + 6.2 * len(name)
        if x + wide > WIDE:
            x, y = 0.0, y + 16
        parts.append(
            f'<rect x="{_number(x)}" y="{_number(y - 9)}" width="10" height="10" fill="{_colour(number)}"/>'
        )
        parts.append(_text(x + 14, y, name))
        x += wide + 10
    return parts, y + 12


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _bar(x: float, y: float, wide: float, high: float, colour: str, said: str, name: str) -> str:
    return (
        f'<a href="#{anchor(name)}"><rect x="{_number(x)}" y="{_number(y)}" width="{_number(wide)}" '
        f'height="{_number(high)}" fill="{colour}"><title>{escape(said)}</title></rect></a>'
    )


def bars(title: str, unit: str, groups: Mapping[str, Mapping[str, Value]], stacked: bool) -> str:
    """Horizontal bars from the top: a group for each name, a colour for each series.

    Parameters
    ----------
    groups: group → series → value; the series in one order in all groups, some may be missing.
    stacked: the values of a group in one bar, with their sum behind it; else one bar each.
    """
    series = list(dict.fromkeys(name for values in groups.values() for name in values))
    parts, top = _legend(series, 34)
    lengths = [
        sum(value for value, _ in values.values()) if stacked else max(value for value, _ in values.values())
        for values in groups.values()
    ]
    room, longest = WIDE - _LEFT - 50, max(lengths)
    y = top + 4
    for (group, values), length in zip(groups.items(), lengths, strict=True):
        lines = 1 if stacked else len(values)
        high = 18 if stacked else _LINE - 2
        parts.append(_text(_LEFT - 6, y + (lines * _LINE + (7 if stacked else 0)) / 2 + 3, group, "end"))
        x = float(_LEFT)
        for name, (value, metric) in values.items():
            wide = value / longest * room
            said = f"{group}, {name}: {short(value)} {unit}"
            parts.append(_bar(x, y, wide, high, _colour(series.index(name)), said, metric))
            if stacked:
                x += wide
            else:
                parts.append(_text(x + wide + 3, y + 9, short(value), size=9))
                y += _LINE
        if stacked:
            parts.append(_text(x + 4, y + 13, short(length), size=10))
            y += 18
        y += 8
    parts.append(_text(_LEFT, y + 10, unit))
    return _frame(y + 18, title, parts)


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        return [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    rough = (high - low) / 5
    unit = 10.0 ** floor(log10(rough))
    wide = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = floor(low / wide), ceil(high / wide)
    return [round(number * wide, 10) for number in range(first, last + 1)]


def points(
    title: str,
    axes: tuple[str, str],
    series: Mapping[str, Sequence[tuple[str, Value, Value]]],
    *,
    logarithmic: bool = False,
    roof: Sequence[tuple[float, float]] = (),
) -> str:
    """Points on two axes, named; both axes linear or both logarithmic.

    Parameters
    ----------
    axes: what x and y are.
    series: name of a colour → (name of the point, x, y); named points are numbered, the names stand above.
    roof: corners of a line above the points.
    """
    everything = [point for several in series.values() for point in several]
    xs = [point[1][0] for point in everything] + [x for x, _ in roof]
    ys = [point[2][0] for point in everything] + [y for _, y in roof]
    grid_x, grid_y = _ticks(*_spread(xs), logarithmic), _ticks(*_spread(ys), logarithmic)
    parts, top = _legend(list(series), 34)
    names = [name for name, _, _ in everything if name]
    for words in _lines([f"{number} {name}" for number, name in enumerate(names, 1)]):
        parts.append(_text(0, top + 4, words, size=10))
        top += 14
    top += 20  # for what y is
    left, right, low = 52, WIDE - 26, top + 260

    def place(value: float, grid: list[float], start: float, end: float) -> float:
        if logarithmic:
            share = log10(value / grid[0]) / log10(grid[-1] / grid[0])
        else:
            share = (value - grid[0]) / (grid[-1] - grid[0])
        return start + share * (end - start)

    for x in grid_x:
        at = _number(place(x, grid_x, left, right))
        parts.append(f'<line x1="{at}" x2="{at}" y1="{_number(top)}" y2="{_number(low)}" stroke="#e3e3e3"/>')
        parts.append(_text(float(at), low + 14, f"{x:,g}", "middle", 10))
    for y in grid_y:
        at = _number(place(y, grid_y, low, top))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{at}" y2="{at}" stroke="#e3e3e3"/>')
        parts.append(_text(left - 5, float(at) + 3, f"{y:,g}", "end", 10))
    if roof:
        corners = " ".join(
            f"{_number(place(x, grid_x, left, right))},{_number(place(y, grid_y, low, top))}" for x, y in roof
        )
        parts.append(f'<polyline points="{corners}" fill="none" stroke="#333" stroke-width="1.5"/>')
    taken = [(place(x, grid_x, left, right), place(y, grid_y, low, top)) for _, (x, _), (y, _) in everything]
    number = 0
    for colour, several in enumerate(series.values()):
        for name, (x, metric), (y, _) in several:
            at_x, at_y = place(x, grid_x, left, right), place(y, grid_y, low, top)
            parts.append(
                f'<a href="#{anchor(metric)}"><circle cx="{_number(at_x)}" cy="{_number(at_y)}" r="4" '
                f'fill="{_colour(colour)}"><title>{escape(name)}: {x:.4g}, {y:.4g}</title></circle></a>'
            )
            if name:
                number += 1
                middle = _beside(at_x, at_y, low, taken) or (at_x, at_y)
                taken.append(middle)
                parts.append(_text(middle[0], middle[1] + 3, str(number), "middle", 9))
    parts.append(_text(right, low + 30, axes[0], "end"))
    parts.append(_text(0, top - 9, axes[1]))
    return _frame(low + 38, title, parts)


def _beside(
    x: float, y: float, low: float, taken: Sequence[tuple[float, float]]
) -> tuple[float, float] | None:
    """The middle of the number of a point: near it, above the axis at `low`, and on nothing that is taken."""
    for far in (10, 18, 26):
        for place in ((x, y + far), (x, y - far), (x + far, y), (x - far, y)):
            free = all(abs(place[0] - u) >= 9 or abs(place[1] - v) >= 9 for u, v in taken)
            if free and place[1] < low + 2:
                return place
    return None


def _lines(words: Sequence[str]) -> list[str]:
    """The words on as few lines as hold them, a wide space between."""
    lines: list[str] = []
    for word in words:
        if lines and 5.4 * (len(lines[-1]) + len(word) + 3) < WIDE:
            lines[-1] += f" \u2003{word}"
        else:
            lines.append(word)
    return lines


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Smallest and largest, a little apart if they are equal."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low * 0.9, high * 1.1 + 1e-9)
