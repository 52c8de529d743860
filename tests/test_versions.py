"""Versions: ranges in the package, one exact pin for each in the constraints, and both agree.

finn#996, #1402, hls4ml#1077, #1280, #1382: results, or whether it installs at all, changed with versions.
"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [it for needed in PROJECT["optional-dependencies"].values() for it in needed]
NEEDED = [it for it in map(Requirement, [*PROJECT["dependencies"], *EXTRAS]) if it.name != PROJECT["name"]]
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
PINNED = {canonicalize_name(name): version for name, version in PINS.items()}


def test_every_line_of_the_constraints_is_an_exact_pin() -> None:
    lines = [it for it in (ROOT / "constraints.txt").read_text().splitlines() if it and it[0] != "#"]
    assert lines == [f"{name}=={version}" for name, version in PINS.items()]
    assert len(PINNED) == len(lines)


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_what_is_needed_has_a_range_that_holds_its_pin(needed: Requirement) -> None:
    """Exact versions in the package would forbid others to install it beside what they have."""
    kinds = {it.operator for it in needed.specifier}
    assert ">=" in kinds
    assert not kinds & {"==", "===", "~="}
    assert needed.specifier.contains(PINNED[canonicalize_name(needed.name)])
