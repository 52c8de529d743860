"""What --quick and --long choose."""

from pathlib import Path

import pytest

from tests.selection import ROOT, is_quick

CASES = {
    "import numpy as np": True,
    "from golden.spec.config import TINY": True,
    "import torch": False,
    "from torch import nn": False,
    "def test_late() -> None:\n    from amaranth.sim import Simulator": False,
    "from sim.run import run": False,
    "from sim import run": False,
    "import subprocess": False,
    "from sim.checks.compare import first_mismatch": True,
    "from tests.golden.compressed import compressed": False,
    "import runpy": False,
    "from flows.synth.netlist import Synthesis": True,
    "from flows.synth.netlist import synthesise": False,
}


@pytest.mark.parametrize("line", CASES)
def test_a_module_is_quick_by_what_it_imports(line: str, tmp_path: Path) -> None:
    place = tmp_path / "test_it.py"
    place.write_text(line + "\n")
    assert is_quick(place) == CASES[line]


def test_a_good_part_of_the_suite_is_quick() -> None:
    """Of every room something, but none of what runs hardware."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    quick = {str(path.relative_to(ROOT)) for path in files if is_quick(path)}
    assert len(files) / 5 < len(quick) < len(files) / 2
    assert {"tests/golden/spec", "tests/flows/cli"} <= {str(Path(path).parent) for path in quick}
    assert not [path for path in quick if path.startswith("tests/proofs")]


def test_long_tests_run_where_they_are_asked_for(pytester: pytest.Pytester) -> None:
    conftest = (ROOT / "tests/conftest.py").read_text()
    parts = [conftest[conftest.index(f"def {name}") :].partition("\n\n\n")[0] for name in HOOKS]
    pytester.makeconftest("import pytest\nfrom pathlib import Path\n" + "\n\n".join(parts))
    pytester.makeini("[pytest]\nmarkers = long: slow")
    pytester.makepyfile(
        test_it="import pytest\ndef test_short(): pass\n"
        '@pytest.mark.long\n@pytest.mark.parametrize("n", [1, 2])\ndef test_long(n): pass\n'
    )
    pytester.runpytest().assert_outcomes(passed=1, deselected=2)
    pytester.runpytest("--long").assert_outcomes(passed=3)
    pytester.runpytest("test_it.py::test_long").assert_outcomes(passed=2)
    pytester.runpytest("test_it.py::test_long[2]").assert_outcomes(passed=1)
    pytester.runpytest("test_it.py").assert_outcomes(passed=3)


HOOKS = ("pytest_addoption", "pytest_collection_modifyitems")
