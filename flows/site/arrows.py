"""What leads to what, read from the source: imports between rooms and folders, wires between units."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.site.layers import Arrow

ROOMS = ("tests", "flows", "sim", "hw", "golden", "golden.spec")


def room_arrows(root: Path) -> set[Arrow]:
    """The arrows between the rooms; golden.spec stands apart from the rest of golden."""
    return {
        (_room(source), _room(target))
        for folder in ("tests", "flows", "sim", "hw", "golden")
        for source, target in _imports(root, folder)
        if _room(target) in ROOMS and _room(source) != _room(target)
    }


def _room(module: str) -> str:
    return "golden.spec" if f"{module}.".startswith("golden.spec.") else module.partition(".")[0]


def folder_arrows(root: Path, room: str) -> set[Arrow]:
    """The arrows between the folders of a room, without those that others make plain."""
    found = set()
    for source, target in _imports(root, room):
        one, other = _folder(source, root), _folder(target, root)
        if target.startswith(f"{room}.") and one and other and one != other:
            found.add((one, other))
    return plain(found)


def _folder(module: str, root: Path) -> str:
    """The folder that a module of a room lies in, "" for one that lies in none."""
    room, *parts = module.split(".")
    return parts[0] if parts and (root / room / parts[0]).is_dir() else ""


def plain(arrows: set[Arrow]) -> set[Arrow]:
    """Arrows without those from whose start others lead to their end; without circles."""
    leads: dict[str, set[str]] = {}
    for source, target in arrows:
        leads.setdefault(source, set()).add(target)

    def reached(name: str) -> set[str]:
        return {it for target in leads.get(name, ()) for it in (target, *reached(target))}

    return {
        (source, target)
        for source, target in arrows
        if not any(target in reached(other) for other in leads[source] - {target})
    }


def _imports(root: Path, folder: str) -> Iterator[Arrow]:
    """(module, module or name that it imports) for each file below a folder."""
    for path in sorted((root / folder).rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((module, alias.name) for alias in node.names)


def wires(files: Iterable[Path]) -> set[Arrow]:
    """From which unit to which a component connects streams and buses, by the names that it gives them.

    Read from `wiring.connect(m, a.x, b.y)` and `fan_out(m, a.x, [b.y, …])`; a port of the component itself
    has its own name. Producers stand first in the first, as is the habit here, or are outputs (`o`, `port`,
    `write`) in the second place.
    """
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("wiring.connect", "fan_out"):
                source = _unit(node.args[1])
                ends = node.args[2].elts if isinstance(node.args[2], ast.List) else [node.args[2]]
                found |= {(source, _unit(end)) for end in ends}
    return {(source, target) for source, target in found if source and target and source != target}


def _unit(node: ast.expr) -> str:
    """The unit that an end of a connection belongs to; the port's own name for `self.port`."""
    while isinstance(node, ast.Call):  # wiring.flipped(…)
        node = node.args[0]
    parts = ast.unparse(node).split("[")[0].split(".")
    if parts[0] == "self":
        return parts[1]
    if parts[0] == "array":
        return parts[1].rstrip("s") if parts[1] == "engines" else parts[1]
    return {"it": "engine"}.get(parts[0], parts[0])
