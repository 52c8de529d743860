"""`mutate` on a repository of a few lines: every verdict, what is kept, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.base.metrics import read_metrics
from flows.studies.commands import Mutate
from flows.studies.mutate import runner, verb
from flows.studies.mutate.mutants import MutantError, read_mutants
from flows.studies.mutate.scratch import Outcome, Scratch
from flows.studies.mutate.verb import mutate

CODE = '''"""Halves."""


def half(value: int) -> int:
    while value < 0:
        value += 2
    return value // 2
'''

TESTS = """
from hw.half import half

def test_half():
    assert half(7) == 3

def test_negative():
    assert half(-4) == 0
"""

Entry = dict[str, object]


def entry(name: str, old: str, new: str, *tests: str) -> Entry:
    return {
        "name": name,
        "file": "hw/half.py",
        "old": old,
        "new": new,
        "why": "a test",
        "tests": list(tests or ("tests/test_half.py",)),
    }


KILLED = entry("killed", "value // 2", "value * 2")
SURVIVES = entry("survives", "value // 2", "value // 2 + (value == 9)")
HANGS = entry("hangs", "value += 2", "value += 0", "tests/test_half.py::test_negative")
STALE = entry("stale", "value // 3", "value")
TWICE = entry("twice", "value", "other")
BROKEN = entry("broken", "def half", "def third")
ENTRIES = [KILLED, SURVIVES, HANGS, STALE, TWICE, BROKEN]


def write_list(root: Path, entries: list[Entry]) -> None:
    folder = root / "tests" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    for room in ("golden", "sim", "flows"):
        (folder / f"{room}.toml").write_text("")
    lines = []
    for fields in entries:
        lines += ["[[mutant]]", *(f"{name} = {value!r}" for name, value in fields.items()), ""]
    (folder / "hw.toml").write_text("\n".join(lines))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one function, its tests and a list of bugs."""
    root = tmp_path / "repository"
    for folder in ("hw", "tests"):
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").write_text("")
    (root / "hw" / "half.py").write_text(CODE)
    (root / "tests" / "test_half.py").write_text(TESTS)
    write_list(root, ENTRIES)
    return root


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hangs are told after a few seconds."""
    monkeypatch.setattr(runner, "_PATIENCE", 1.0)
    monkeypatch.setattr(runner, "_FACTOR", 3)


def refuse_to_run(self: Scratch, tests: tuple[str, ...], limit: float) -> Outcome:
    raise AssertionError(f"{tests} run again")


@pytest.mark.usefixtures("impatient")
def test_every_verdict(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = root / "build" / "mutate"
    text, seen = mutate(Mutate(workers=1, out=out), root)
    assert not seen
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| hw/")}
    for name, verdict, why in (
        ("killed", runner.KILLED, "tests/test_half.py::test_half"),
        ("survives", runner.SURVIVED, ""),
        ("hangs", runner.SLOW, ""),
        ("stale", runner.STALE, "'value // 3' occurs 0 times in hw/half.py; legal: once"),
        ("twice", runner.STALE, "'value' occurs 4 times in hw/half.py; legal: once"),
        ("broken", runner.BROKEN, ""),
    ):
        assert f"| {verdict} |" in " ".join(rows[f"hw/{name}"].split()), text
        assert why in rows[f"hw/{name}"]
    assert text.endswith("2 of 6 planted bugs are seen by the tests, 1 of them by the time limit")
    values = {name: metric.value for name, metric in read_metrics(out / "metrics.json").items()}
    assert (values["mutants.planted"], values["mutants.killed"], values["mutants.timed_out"]) == (6, 2, 1)
    assert (values["mutants.hw.planted"], values["mutants.sim.planted"]) == (6, 0)
    assert (root / "hw" / "half.py").read_text() == CODE
    # What was found out is kept, but for what could not be judged.
    monkeypatch.setattr(Scratch, "test", refuse_to_run)
    for fields in (KILLED, SURVIVES, HANGS):
        again, _ = mutate(Mutate(only=f"hw/{fields['name']}", workers=1, out=out), root)
        assert "the list has 6: metrics.json is left as it was" in again
    with pytest.raises(AssertionError, match="run again"):
        mutate(Mutate(only="*broken", workers=1, out=out), root)


@pytest.mark.parametrize("change", ["nothing", "file", "bug", "test", "another file"])
def test_what_changed_is_judged_again(root: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(self: Scratch, tests: tuple[str, ...], limit: float) -> Outcome:
        calls.append(limit)
        return Outcome(len(calls) - 1, 1.0, "tests/test_half.py::test_half", "")

    monkeypatch.setattr(Scratch, "test", run)
    write_list(root, [KILLED])
    out = root / "build"
    assert mutate(Mutate(workers=1, out=out), root)[1]
    # Without the bug, then with it, with a limit that follows from what was measured.
    assert calls == [runner._BASE_LIMIT, runner._PATIENCE + runner._FACTOR]
    calls.clear()
    if change == "file":
        (root / "hw" / "half.py").write_text(CODE.replace("Halves.", "Halves of numbers."))
    elif change == "bug":
        write_list(root, [replace_fields(KILLED, new="value * 3")])
    elif change == "test":
        (root / "tests" / "test_half.py").write_text(TESTS + "\n# More.\n")
    elif change == "another file":
        (root / "hw" / "third.py").write_text("")
    assert mutate(Mutate(workers=1, out=out), root)[1]
    assert len(calls) == {"nothing": 0, "another file": 1}.get(change, 2)


def replace_fields(fields: Entry, **changes: object) -> Entry:
    return fields | changes


@pytest.mark.long
def test_tests_must_pass_without_a_bug(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "tests" / "test_half.py").write_text(TESTS.replace("== 3", "== 4"))
    with pytest.raises(
        MutantError, match=r"^tests fail without any planted bug: tests/test_half\.py; pytest"
    ):
        mutate(Mutate(only="hw/killed", workers=1, out=root / "build"), root)
    assert "assert 3 == 4" in capsys.readouterr().err


def test_patterns_and_samples_choose(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(**chosen: object) -> list[str]:
        options = replace(Mutate(workers=1, out=root / "build"), **chosen)  # type: ignore[arg-type]
        return [mutant.name for mutant in verb._choose(read_mutants(root), options)]

    names = [str(fields["name"]) for fields in ENTRIES]
    assert judged() == judged(only="hw/*") == judged(only="hw/half.py") == judged(sample=9) == names
    assert judged(only="hw/s*") == ["survives", "stale"]
    drawn = {tuple(judged(sample=2, seed=seed)) for seed in range(20)}
    assert len(drawn) > 5
    assert all(len(it) == 2 and list(it) == sorted(it, key=names.index) for it in drawn)
    assert judged(sample=2, seed=3) == judged(sample=2, seed=3)
    with pytest.raises(MutantError, match=r"no planted bug is called 'x'; names look like 'hw/killed'"):
        judged(only="x")


def test_one_at_a_time_works_in_a_folder(root: Path) -> None:
    with (
        verb._alone(root / "build"),
        pytest.raises(MutantError, match=r"another mutate works in .*build; wait"),
    ):
        mutate(Mutate(workers=1, out=root / "build"), root)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[mutant]", r"list .*hw\.toml: not TOML: "),
        ("[[mutant]]\nname = 'a'", r"entry 'a': field 'file' is missing or unknown; legal: file, name, new"),
        ("x", r"list .*hw\.toml: not TOML: "),
    ],
)
def test_a_wrong_list_is_told(root: Path, text: str, words: str) -> None:
    (root / "tests" / "mutants" / "hw.toml").write_text(text)
    with pytest.raises(MutantError, match=words):
        read_mutants(root)


def test_a_wrong_entry_is_told(root: Path) -> None:
    write_list(root, [KILLED, KILLED])
    with pytest.raises(MutantError, match=r"^hw/killed: the name is given twice; legal: names that differ"):
        read_mutants(root)
    write_list(root, [replace_fields(KILLED, tests=[])])
    with pytest.raises(MutantError, match=r"entry 'killed': tests = \[\]; legal: a list of tests"):
        read_mutants(root)
    write_list(root, [replace_fields(KILLED, test="x")])
    with pytest.raises(MutantError, match=r"entry 'killed': field 'test' is missing or unknown"):
        read_mutants(root)
    write_list(root, [KILLED])
    (root / "tests" / "mutants" / "sim.toml").unlink()
    with pytest.raises(MutantError, match=r"list .*sim\.toml: cannot be read: No such file"):
        read_mutants(root)
