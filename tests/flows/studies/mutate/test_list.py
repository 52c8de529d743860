"""The list of planted bugs is one: every bug applies, its tests exist, and a few are planted here."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from flows.studies.commands import Mutate
from flows.studies.mutate import verb
from flows.studies.mutate.mutants import ROOMS, Mutant, planted, read_mutants
from flows.studies.mutate.verb import mutate

ROOT = Path(__file__).parents[4]
MUTANTS = read_mutants(ROOT)

SAMPLE = ("hw/rotate-direction", "golden/formats-half-up", "sim/compare-index", "flows/front-equal-points")
"""A bug of each room whose tests take next to no time."""


def test_there_are_enough_in_every_room() -> None:
    counts = Counter(mutant.room for mutant in MUTANTS)
    assert len(MUTANTS) >= 100
    assert set(counts) == set(ROOMS)
    assert min(counts.values()) >= 12


@pytest.mark.parametrize("room", ROOMS)
def test_every_bug_can_be_planted(room: str) -> None:
    """Its text stands in the file once, and the file is still Python, and another one."""
    for mutant in MUTANTS:
        if mutant.room == room:
            assert mutant.file.startswith(f"{room}/")
            text = (ROOT / mutant.file).read_text()
            found = ast.dump(ast.parse(planted(mutant, text)))
            assert found != ast.dump(ast.parse(text)), mutant.title
            assert mutant.why, mutant.title


def _functions(path: str) -> set[str]:
    return {
        node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)
    }


def test_every_test_exists() -> None:
    for mutant in MUTANTS:
        for test in mutant.tests:
            path, _, name = test.partition("::")
            assert (ROOT / path).is_file(), f"{mutant.title}: {test}"
            assert not name or name.partition("[")[0] in _functions(path), f"{mutant.title}: {test}"


@pytest.mark.long
def test_a_few_of_them_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(root: Path) -> list[Mutant]:
        return [mutant for mutant in read_mutants(root) if mutant.title in SAMPLE]

    monkeypatch.setattr(verb, "read_mutants", few)
    text, seen = mutate(Mutate(workers=2, out=tmp_path))
    assert seen, text
    assert f"{len(SAMPLE)} of {len(SAMPLE)} planted bugs are seen by the tests" in text
