"""Which test modules are quick: those that neither train, nor simulate, nor start a program; and which
parameters of a test are enough on every change.

The former is read from what a module and the helpers of tests that it takes import, so nobody keeps a list.
"""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

SLOW = (
    *("torch", "amaranth.sim", "subprocess", "multiprocessing", "runpy"),
    *("sim.run", "sim.backends", "sim.learning", "flows.base.jobs"),
    *("golden.workloads", "golden.compress", "golden.device", "tests.proofs"),
    *("flows.synth.netlist.synthesise", "flows.synth.yosys", "flows.synth.route", "flows.asic", "flows.cost"),
    *("flows.explore.sweep", "flows.explore.networks", "flows.explore.area", "flows.explore.fitted"),
    *("flows.fuzz.verb", "flows.site.verb", "flows.site.waves", "flows.studies.mutate.verb"),
)
"""Modules that train, simulate or start programs, and what of them does."""


def is_quick(path: Path) -> bool:
    """Whether a test module takes none of `SLOW`, directly or through helpers."""
    waiting, seen = [path], set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _imports(file):
            if any(name == slow or name.startswith(f"{slow}.") for slow in SLOW):
                return False
            if name.startswith("tests."):
                waiting += _files(name)
    return True


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _files(name: str) -> list[Path]:
    place = ROOT / name.replace(".", "/")
    return [it for it in (place.with_suffix(".py"), place / "__init__.py") if it.is_file()]


def first_or_long(values: Iterable[Any], count: int = 1) -> list[Any]:
    """Parameters of a test: the first `count` of them run on every change; the others are long."""
    return [
        pytest.param(*(it if isinstance(it, tuple) else (it,)), marks=[pytest.mark.long] * (number >= count))
        for number, it in enumerate(values)
    ]
