"""Places of results: declared once, checked for every verb before any work, and never emptied by mistake."""

import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from flows.base.option_kinds import Input, Output, check, demand_writable, kinds, output_places
from flows.base.verb import Said, Verb
from flows.board.commands import Board
from flows.cli import parser as cli
from flows.cli.verbs import VERBS
from flows.cost.commands import Synth
from flows.user.commands import Demo
from golden.spec.errors import LightDealError
from tests.flows.places import closed, ordinary_user

PLACES = [
    (verb, name)
    for verb, declared in VERBS.items()
    for name, kind in kinds(declared.options).items()
    if isinstance(kind.mark, Output)
]


def command(verb: str, folder: Path, *others: str) -> list[str]:
    """A call of a verb with all that it must have; the files that it reads are there."""
    given = folder / "given"
    given.write_text("[]")
    words = verb.split()
    for field in fields(VERBS[verb].options):
        if field.default is MISSING:
            words += ["--data", str(given)] if field.name == "data" else [str(given)]
        elif field.name == "metrics":
            words += ["--metrics", str(given)]
    # The last of two equal options counts, so `others` may give another place.
    words += [f"--{name}={folder / 'new' / name / 'it'}" for at, name in PLACES if at == verb]
    return [*words, *others]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs that came as far as their work, which is nothing here."""
    called: list[str] = []

    def instead(verb: Verb, _: Any) -> Said:
        called.append(verb.name)
        return Said("")

    monkeypatch.setattr(Verb, "do", instead)
    monkeypatch.chdir(tmp_path)
    return called


@pytest.mark.parametrize("verb", VERBS)
def test_every_path_of_every_verb_is_declared_to_be_read_or_written(verb: str) -> None:
    declared = kinds(VERBS[verb].options)
    assert [name for name, it in declared.items() if it.base is Path and it.mark is None] == []
    assert [name for name, it in declared.items() if it.mark is None and it.base in (int, float)] == []
    written = [name for name, it in declared.items() if isinstance(it.mark, Output)]
    assert written or verb in ("run", "report stale", "layers", "doctor", "complete")  # which leave nothing


@pytest.mark.parametrize(("verb", "name"), PLACES)
def test_a_place_below_a_file_is_refused_before_any_work(
    verb: str, name: str, tmp_path: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("theirs")
    place = tmp_path / "file" / "some" / "where"
    assert cli.main(command(verb, tmp_path, f"--{name}", str(place))) == 2
    text = capsys.readouterr().err
    assert text.splitlines()[-1] == (
        f"lightdeal: {name} {place}: below {tmp_path / 'file'}, which is a file; "
        f"name another place with --{name}"
    )
    assert not calls
    assert (tmp_path / "file").read_text() == "theirs"


@pytest.mark.parametrize(("verb", "name"), PLACES)
def test_a_place_of_the_other_kind_is_refused_before_any_work(
    verb: str, name: str, tmp_path: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "place"
    output = kinds(VERBS[verb].options)[name].mark
    assert isinstance(output, Output)
    if output.folder:
        place.write_text("theirs")
        words = f"{name} {place}: a file; expected a folder"
    else:
        place.mkdir()
        words = f"{name} {place}: a folder; expected a file, such as {place}/result"
    assert cli.main(command(verb, tmp_path, f"--{name}", str(place))) == 2
    assert words in capsys.readouterr().err
    assert not calls


@pytest.mark.parametrize(("verb", "name"), PLACES)
def test_a_place_that_may_not_be_written_is_refused_before_any_work(
    verb: str,
    name: str,
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ordinary_user() as folder:
        monkeypatch.chdir(folder)
        place = closed(folder) / "some" / "where"
        assert cli.main(command(verb, folder, f"--{name}", str(place))) == 2
        monkeypatch.chdir("/")
    words = (
        f"lightdeal: {name} {place}: cannot be written: Permission denied; name another place with --{name}"
    )
    assert capsys.readouterr().err.splitlines()[-1] == words
    assert not calls


@pytest.mark.parametrize(("verb", "name"), PLACES)
def test_a_file_system_that_takes_nothing_is_refused_for_root_too(
    verb: str, name: str, tmp_path: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command(verb, tmp_path, f"--{name}", "/proc/some/where")) == 2
    assert f"{name} /proc/some/where: cannot be written: " in capsys.readouterr().err
    assert not calls


@pytest.mark.parametrize("verb", VERBS)
def test_places_that_can_be_written_are_left_as_they_are(verb: str, tmp_path: Path, calls: list[str]) -> None:
    arguments = command(verb, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(arguments) == 0
    assert calls == [verb]
    assert sorted(tmp_path.rglob("*")) == before


def test_the_working_directory_is_tried_where_a_verb_writes_below_it() -> None:
    assert [place for _, place, _ in output_places(Synth())] == [Path("build/synth"), Path("build")]
    assert [place for _, place, _ in output_places(Synth(target="ice40"))] == [Path("build/synth")]
    places = output_places(Board(Path("x"), "digits"))
    assert [place for _, place, _ in places] == [Path("build/board"), Path("build/synth")]
    assert [place for _, place, _ in output_places(Demo(data="fashion-mnist"))] == [
        Path("build/fashion-mnist")
    ]
    with ordinary_user() as folder:
        place = closed(folder) / "build"
        words = r"cannot be written: Permission denied; call from a folder of yours, or copy the checkout"
        with pytest.raises(LightDealError, match=words):
            demand_writable("folder", place, Output(folder=True))


@pytest.mark.parametrize("name", ["", ".", "x/../."])
def test_a_folder_with_other_files_is_not_replaced(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis.tex").write_text("theirs")
    with pytest.raises(LightDealError, match=r"holds other files, without the about\.json of an earlier"):
        check(Demo(out=Path(name)))
    (tmp_path / "about.json").write_text("{}")
    check(Demo(out=tmp_path))


@pytest.mark.parametrize(
    ("name", "words"),
    [("/dev/null", "not a regular file"), ("n" * 250, "File name too long"), ("a/" + "n" * 300, "too long")],
)
def test_a_place_for_a_file_that_takes_none(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LightDealError, match=words):
        demand_writable("out", Path(name), Output(folder=False))


READERS = [
    verb
    for verb, declared in VERBS.items()
    if any(isinstance(it.mark, Input) and not it.mark.optional for it in kinds(declared.options).values())
]


@pytest.mark.parametrize("verb", READERS)
def test_files_that_are_read_are_tried_before_any_work(
    verb: str, tmp_path: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, a folder, and a pipe, on which reading would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    options = VERBS[verb].options
    optional = {field.name for field in fields(options) if field.default is not MISSING}
    for name, kind in kinds(options).items():
        if not isinstance(kind.mark, Input) or kind.mark.optional:
            continue
        for place, words in (
            (tmp_path / "none", "cannot be read: No such file or directory"),
            (tmp_path, "cannot be read: Is a directory"),
            (tmp_path / "pipe", "not a regular file"),
        ):
            arguments = command(verb, tmp_path)
            if name in optional:
                arguments += [f"--{name}", str(place)]
            else:
                arguments[arguments.index(str(tmp_path / "given"))] = str(place)
            assert cli.main(arguments) == 2
            assert f"lightdeal: {name} {place}: {words}" in capsys.readouterr().err
    assert not calls
