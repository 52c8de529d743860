"""What a result depends on in the project's own code, as a digest that comments do not change."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

FOLLOWED = ("golden", "hw")
"""Rooms whose modules are followed from import to import; modules of flows count where they are named."""


def sources_digest(roots: Iterable[str]) -> str:
    """16 hexadecimal digits that change when what the code at `roots` does may change.

    Comments, docstrings and blank lines do not count, so that a result stays current when they change.

    Parameters
    ----------
    roots: modules such as "hw.core.accelerator", with all of `FOLLOWED` that they import, directly or not;
        or single files without what they import, such as "flows/synth/rows.v".

    Raises ValueError for a root that does not exist.
    """
    found = hashlib.sha256()
    for path in sorted(reached(roots)):
        data = _code(path).encode() if path.suffix == ".py" else path.read_bytes()
        found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + data + b"\0")
    return found.hexdigest()[:16]


def reached(roots: Iterable[str]) -> set[Path]:
    """The files of `sources_digest`. Raises ValueError for a root that does not exist."""
    single, followed = set(), set()
    waiting = []
    for root in roots:
        path = ROOT / root if "/" in root else _file(root)
        if path is None or not path.is_file():
            raise ValueError(f"sources: there is no {root!r}; legal: modules and files of the repository")
        if "/" in root:
            single.add(path)
        else:
            waiting.append(path)
    while waiting:
        path = waiting.pop()
        if path not in followed:
            followed.add(path)
            waiting += _imports(path)
    return single | followed


def _file(module: str) -> Path | None:
    place = ROOT / module.replace(".", "/")
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of `FOLLOWED` that a file imports, at its top or inside functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    found = (_file(name) for name in names if name.partition(".")[0] in FOLLOWED)
    return tuple(it for it in found if it is not None)


@cache
def _code(path: Path) -> str:
    """The text without comments, docstrings (also those of attributes) and blank lines."""
    text = path.read_text()
    lines = text.splitlines()
    for line, start, end in sorted(_words(text), reverse=True):
        lines[line] = lines[line][:start] + ("" if end is None else lines[line][end:])
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _words(text: str) -> Iterator[tuple[int, int, int | None]]:
    """(line, first column, column behind it or None for the end) of what is for people only."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0] - 1, token.start[1], None
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            for line in range(first, last + 1):
                # Columns of the syntax tree count bytes.
                start = len(lines[line].encode()[: node.col_offset].decode()) if line == first else 0
                end = len(lines[line].encode()[: node.end_col_offset].decode()) if line == last else None
                yield line, start, end
