"""Ranges of options: every number of every verb is held to its own, in words that say option and range."""

from dataclasses import MISSING, fields
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.base.option_kinds import Kind, Real, Whole, check, kinds
from flows.cli import parser as cli
from flows.cli.verbs import VERBS
from flows.explore.commands import Explore
from flows.studies.commands import Table
from flows.user.commands import Compress
from golden.spec.errors import LightDealError

NUMBERS = [
    (verb, name)
    for verb, declared in VERBS.items()
    for name, kind in kinds(declared.options).items()
    if isinstance(kind.mark, Whole | Real)
]


def wrong(mark: Whole | Real) -> list[str]:
    """Texts beside, below and above a range."""
    common = ["", "x", "nan", "inf", "-1e999", "1;2", "[1, 2]", "0x10", "9" * 5000, f"{mark.high + 1}"]
    if isinstance(mark, Whole):
        return [*common, f"{mark.low - 1}", f"{mark.low + 0.5}", "1e2"]
    return [*common, f"{mark.low - 1e-9}", *(["0", "-0.0"] if mark.above else [])]


def call(verb: str, option: str, text: str) -> list[str]:
    """A call that is right but for one option."""
    given = [
        "--data=x" if it.name == "data" else "x"
        for it in fields(VERBS[verb].options)
        if it.default is MISSING
    ]
    return [*verb.split(), *given, f"--{option}={text}"]


@pytest.fixture
def one_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser of all verbs, made once: making it takes longer than what is asked of it here."""
    monkeypatch.setattr(cli, "make_parser", PARSER)


PARSER = cache(cli.make_parser)


@pytest.mark.usefixtures("one_parser")
@pytest.mark.parametrize(("verb", "name"), NUMBERS)
def test_a_number_outside_its_range_is_refused_with_option_value_and_range(
    verb: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = kinds(VERBS[verb].options)[name].mark
    assert isinstance(mark, Whole | Real)
    for text in wrong(mark):
        assert cli.main(call(verb, name, text)) == 2
        said = capsys.readouterr()
        last = said.err.splitlines()[-1]
        assert last.startswith(f"lightdeal: {verb}: argument --{name}: {text[:20]!r}"[:-1])
        assert last.endswith(f"legal: {mark}")
        assert len(last) < 250
        assert said.out == ""


@pytest.mark.usefixtures("one_parser")
@pytest.mark.parametrize(("verb", "name"), NUMBERS)
def test_the_ends_of_a_range_are_legal_and_the_help_shows_it(
    verb: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = kinds(VERBS[verb].options)[name].mark
    assert isinstance(mark, Whole | Real)
    low = 1e-9 if isinstance(mark, Real) and mark.above else mark.low
    for value in (low, mark.high):
        chosen = cli.make_parser().parse_args(call(verb, name, f"{value}"))
        found = getattr(chosen, name)
        assert (found[0] if isinstance(found, list) else found) == value
    assert cli.main([*verb.split(), "--help"]) == 0
    assert str(mark).replace(" ", "") in "".join(capsys.readouterr().out.split())


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.integers(-3000, 3000))
def test_whole_numbers(low: int, size: int, value: int) -> None:
    mark = Whole(low, low + size)
    if low <= value <= low + size:
        assert mark.parse(str(value)) == value
    else:
        with pytest.raises(LightDealError, match=f"'{value}'; legal: a whole number, {low:,}…{low + size:,}"):
            mark.parse(str(value))


@given(st.floats())
def test_densities(value: float) -> None:
    mark = Real(0, 1, above=True)
    if value > 0 and value <= 1:
        assert mark.parse(repr(value)) == value
    else:
        with pytest.raises(LightDealError, match=r"legal: above 0, up to 1"):
            mark.parse(repr(value))


@pytest.mark.parametrize("options", [Table(densities=(0.2, 0.3, 0.2)), Explore(densities=(0.2, 0.2000001))])
def test_a_list_holds_no_value_twice(options: Table | Explore) -> None:
    with pytest.raises(LightDealError, match=r"densities: 0\.2 is given twice; legal: different values"):
        check(options)


def test_kinds_of_annotations() -> None:
    found = kinds(Compress)
    assert found["epochs"] == Kind(int, False, Whole(0, 100_000))
    assert found["module"] == Kind(str, False, None)
    assert kinds(Table)["densities"] == Kind(float, True, Real(0, 1, above=True))
