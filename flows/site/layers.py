"""A graph as a drawing: boxes in rows from the top, arrows between them, as SVG."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise

ROW, GAP, HIGH, LETTER, MARGIN = 74, 26, 30, 7.4, 16

Arrow = tuple[str, str]


def rows_of(names: Sequence[str], arrows: Iterable[Arrow]) -> list[list[str]]:
    """Names in rows: each stands below all that lead to it.

    Arrows that close a circle, in the order of `names`, do not count.
    """
    order = {name: number for number, name in enumerate(names)}
    leads: dict[str, set[str]] = {name: set() for name in names}
    for source, target in sorted(arrows, key=lambda it: (order[it[0]], order[it[1]])):
        if source not in _reached(leads, target):
            leads[source].add(target)
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for source, targets in leads.items():
            for target in targets:
                depth[target] = max(depth[target], depth[source] + 1)
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name in names:
        rows[depth[name]].append(name)
    return _untangled(rows, leads)


def _reached(leads: Mapping[str, set[str]], start: str) -> set[str]:
    """All that arrows lead to from `start`, itself among them."""
    waiting, seen = [start], {start}
    while waiting:
        for target in leads[waiting.pop()] - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def _untangled(rows: list[list[str]], leads: Mapping[str, set[str]]) -> list[list[str]]:
    """Each row in the order of the middle of what leads to it."""
    for above, row in pairwise(rows):
        places = {name: number / len(above) for number, name in enumerate(above)}

        def middle(name: str, places: Mapping[str, float] = places) -> float:
            found = [place for source, place in places.items() if name in leads[source]]
            return sum(found) / len(found) if found else 0.5

        row.sort(key=middle)
    return rows


def graph(title: str, rows: Sequence[Sequence[str]], arrows: Iterable[Arrow]) -> str:
    """The drawing of rows of boxes and of the arrows between them; those to a row above are dashed.

    An arrow that passes rows has a place of its own in each, so that it goes between the boxes.
    """
    ways = _ways(rows, sorted(arrows))
    places = _untangled([list(row) for row in _with_passes(rows, ways)], _leads(ways))
    sizes = {name: LETTER * len(name) + 18 for row in rows for name in row}
    wides = [sum(sizes.get(it, 0) for it in row) + GAP * (len(row) - 1) for row in places]
    wide = max(wides) + 2 * MARGIN
    high = (len(rows) - 1) * ROW + 2 * MARGIN + HIGH
    at: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(places):
        x = (wide - wides[number]) / 2
        for name in row:
            at[name] = (x + sizes.get(name, 0) / 2, number * ROW + MARGIN + HIGH / 2)
            x += sizes.get(name, 0) + GAP
    parts = [_arrow([at[name] for name in names]) for names in ways]
    for name in sizes:
        x, y = at[name]
        parts.append(
            f'<rect x="{x - sizes[name] / 2:.1f}" y="{y - HIGH / 2:.1f}" width="{sizes[name]:.1f}" '
            f'height="{HIGH}" rx="6" fill="#eef3f9" stroke="#4c78a8"/>'
        )
        parts.append(f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{escape(name)}</text>')
    return picture(title, wide, high, parts)


def _ways(rows: Sequence[Sequence[str]], arrows: Iterable[Arrow]) -> list[list[str]]:
    """Of each arrow its ends, and between them the name of its place in each row that it passes."""
    depth = {name: number for number, row in enumerate(rows) for name in row}
    found = []
    for source, target in arrows:
        step = 1 if depth[target] > depth[source] else -1
        passed = range(depth[source] + step, depth[target], step)
        found.append([source, *(f"{source} to {target} at {number}" for number in passed), target])
    return found


def _with_passes(rows: Sequence[Sequence[str]], ways: Iterable[Sequence[str]]) -> list[list[str]]:
    found = [list(row) for row in rows]
    for way in ways:
        for name in way[1:-1]:
            found[int(name.rpartition(" ")[2])].append(name)
    return found


def _leads(ways: Iterable[Sequence[str]]) -> dict[str, set[str]]:
    """What each name of the ways leads to in the next row, or from there to it."""
    leads: dict[str, set[str]] = defaultdict(set)
    for way in ways:
        for one, other in pairwise(way):
            leads[one].add(other)
            leads[other].add(one)
    return leads


def _arrow(way: Sequence[tuple[float, float]]) -> str:
    """A line through the places of a way, upright where it passes a row."""
    (_, first), (_, second) = way[0], way[1]
    down = second > first
    half = HIGH / 2 if down else -HIGH / 2
    path = f"M{way[0][0]:.1f},{first + half:.1f}"
    for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(way), 2):
        ends = number == len(way)
        start, end = y1 + half, y2 - half - (math.copysign(3, half) if ends else 0)
        bend = (end - start) * 0.5
        path += f" C{x1:.1f},{start + bend:.1f} {x2:.1f},{end - bend:.1f} {x2:.1f},{end:.1f}"
        path += "" if ends else f" V{y2 + half:.1f}"
    return f'<path class="{"a" if down else "a b"}" d="{path}"/>'


def picture(title: str, wide: float, high: float, parts: Iterable[str]) -> str:
    """SVG of parts, with a white ground so that it can be read in the dark too."""
    head = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker>'
        "<style>.a{fill:none;stroke:#555;stroke-width:1.2;marker-end:url(#tip)}"
        ".b{stroke-dasharray:4 3}</style></defs>"
    )
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" '
        f'role="img" aria-label="{escape(title)}" font-family="DejaVu Sans, Verdana, sans-serif" '
        f'font-size="12" fill="#222">\n<title>{escape(title)}</title>\n{head}\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{inside}\n</svg>\n'
    )
