"""The axes of a sweep: what is drawn, how many there are, and what a wrong one says."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from flows.explore.space import Axes, draw_points, read_axes
from golden.spec.errors import LightDealError

FEW = Axes(
    engines=(1, 3),
    lanes=(4, 16),
    accumulators=(4,),
    accumulator_bits=(20,),
    basis=(2, 8),
    window=(8,),
    feature_bytes=(8192,),
    coefficient_words=(4096, 8192),
    table_words=(256,),
    instructions=(16,),
    dsp=(False, True),
)
"""2 numbers of engines × (1 width of basis for 4 lanes + 2 for 16) × 2 depths × 2."""


def test_every_axis_varies() -> None:
    points = draw_points(["a", "b"], 200, 1)
    for name in ("engines", "lanes", "accumulators", "accumulator_bits", "basis", "window", "instructions"):
        assert {getattr(point.config, name) for point in points} == set(getattr(Axes(), name)), name
    for name in ("feature_words", "coefficient_words", "tap_words", "term_words", "filter_words"):
        assert len({getattr(point.config, name) for point in points}) >= 3, name
    assert {point.dsp for point in points} == {False, True}
    assert {point.network for point in points} == {"a", "b"}


def test_few_choices_are_drawn_once_each_and_no_more() -> None:
    points = draw_points(["a", "b"], 1000, 1, FEW)
    assert FEW.size == 24
    assert len(points) == len(set(points)) == 48


def test_what_is_shared_is_rounded_up_to_a_power_of_two_each() -> None:
    """A basis as wide as the lanes is drawn, too."""
    points = draw_points(["a"], 24, 1, FEW)
    words = {(point.config.engines, point.config.coefficient_words) for point in points}
    assert words == {(1, 4096), (1, 8192), (3, 2048), (3, 4096)}
    # 128 words on 31 engines: a little more than 4 each, hence 8.
    points = draw_points(["a"], 4, 1, replace(FEW, engines=(31,), coefficient_words=(128,), lanes=(8,)))
    assert {point.config.coefficient_words for point in points} == {8}
    assert {point.config.basis for point in points} == {2, 8}


def test_axes_of_a_file_take_the_place_of_the_usual_ones(tmp_path: Path) -> None:
    path = tmp_path / "axes.toml"
    path.write_text("engines = [2, 4]\ndsp = [true]\n")
    assert read_axes(path) == replace(Axes(), engines=(2, 4), dsp=(True,))
    assert read_axes(None) == Axes()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine = [1]", r"unknown axis 'engine'; legal: engines, lanes, accumulators"),
        ("engines = 1", r"engines = 1; legal: a list, such as engines = \[1\]"),
        ("engines = [1, 1]", r"axis engines = \[1, 1\]; legal: a list of different values"),
        ("lanes = []", r"axis lanes = \[\]; legal: a list of different values"),
        ("lanes = [4, 5]", r"axis lanes: value 5: .*'lanes' = 5; legal: one of \[2, 4"),
        ("lanes = [4.0]", r"axis lanes: value 4.0; legal: integers"),
        ("dsp = [1]", r"axis dsp: value 1; legal: true and false"),
        ("basis = [8]", r"axis basis = \[8\]: none fits 4 lanes; legal: one of at most 4"),
        ("coefficient_words = [5000]", r"coefficient_words: value 5000; legal: powers of two"),
        (
            "feature_bytes = [64]",
            r"feature_bytes: value 64 with lanes 32: .*'feature_words' = 2; legal: a power of two",
        ),
        ("engines = [", r"not TOML"),
    ],
)
def test_a_wrong_axis_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "axes.toml"
    path.write_text(text)
    with pytest.raises(LightDealError, match=rf"axes .*axes.toml: .*{words}"):
        read_axes(path)


def test_a_missing_file_and_too_few_points_are_named(tmp_path: Path) -> None:
    with pytest.raises(LightDealError, match=r"axes .*none.toml: cannot be read: No such file"):
        read_axes(tmp_path / "none.toml")
    with pytest.raises(LightDealError, match=r"points 0; legal: 1 or more"):
        draw_points(["a"], 0, 1)


def test_every_axis_has_a_place_in_the_draw() -> None:
    """An axis that no point follows would be a promise not kept."""
    for field in fields(Axes):
        values = getattr(Axes(), field.name)
        one = replace(Axes(), lanes=(32,), basis=(1,))
        first, last = (replace(one, **{field.name: (value,)}) for value in (values[0], values[-1]))
        assert draw_points(["a"], 1, 1, first) != draw_points(["a"], 1, 1, last), field.name
