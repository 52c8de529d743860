"""A graph as a drawing: boxes in rows from the top, arrows between them, as SVG."""

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
    """The drawing of rows of boxes and of the arrows between them; those to a row above are dashed."""
    sizes = {name: LETTER * len(name) + 18 for row in rows for name in row}
    wide = max(sum(sizes[it] for it in row) + GAP * (len(row) - 1) for row in rows) + 2 * MARGIN
    high = len(rows) * ROW + MARGIN + 10
    boxes: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        x = (wide - sum(sizes[it] for it in row) - GAP * (len(row) - 1)) / 2
        for name in row:
            boxes[name] = (x + sizes[name] / 2, number * ROW + MARGIN + 20)
            x += sizes[name] + GAP
    parts = [_arrow(boxes[source], boxes[target]) for source, target in sorted(arrows)]
    for name, (x, y) in boxes.items():
        parts.append(
            f'<rect x="{x - sizes[name] / 2:.1f}" y="{y - HIGH / 2:.1f}" width="{sizes[name]:.1f}" '
            f'height="{HIGH}" rx="6" fill="#eef3f9" stroke="#4c78a8"/>'
        )
        parts.append(f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{escape(name)}</text>')
    return picture(title, wide, high, parts)


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        side = 1 if x2 > x1 else -1
        curve = f"M{x1:.1f},{y1 - HIGH / 2:.1f} Q{(x1 + x2) / 2:.1f},{y1 - ROW / 2:.1f} "
        return f'<path class="a" d="{curve}{x2 - side * 6:.1f},{y2 - HIGH / 2 - 3:.1f}"/>'
    down = y2 > y1
    y1, y2 = (y1 + HIGH / 2, y2 - HIGH / 2 - 3) if down else (y1 - HIGH / 2, y2 + HIGH / 2 + 3)
    bend = (y2 - y1) * 0.4
    # Arrows that pass rows swing aside, so that they do not hide behind the boxes between.
    aside = 0.0 if abs(y2 - y1) < ROW else 40 + 0.12 * abs(y2 - y1)
    return (
        f'<path class="{"a" if down else "a b"}" d="M{x1:.1f},{y1:.1f} C{x1 + aside:.1f},{y1 + bend:.1f} '
        f'{x2 + aside:.1f},{y2 - bend:.1f} {x2:.1f},{y2:.1f}"/>'
    )


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
